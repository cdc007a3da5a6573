/* swarm-inspect store: what it prints, and that damage ends in exit code 10. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/keys.h"
#include "storage/store_lmdb.h"
#include "tests/unit/storage/temp_dir.h"
#include "tools/inspect.h"

enum { OUTPUT_SIZE = 1 << 16 };

static char dir[TEMP_DIR_SIZE];
static char output[OUTPUT_SIZE]; /* stdout and stderr of the last run */

static void put(struct sw_store *store, enum sw_table table, const struct sw_key *key)
{
    assert_int_equal(store->ops->put(store, table, sw_key_span(key), sw_span_str("needle")),
                     SW_ERR_OK);
}

static int setup(void **state)
{
    const struct sw_store_lmdb_config config = {.path = dir, .swarm = {{0xab}}, .node = {3}};
    const struct sw_place place = {sw_span_str("ten"), sw_span_str("nam"), sw_span_str("par")};
    const struct sw_group_id group = {1};
    struct sw_store *store = NULL;
    char why[SW_WHY_SIZE];
    struct sw_key key;
    struct sw_key staged;

    (void)state;
    temp_dir_make(dir);
    assert_int_equal(sw_store_lmdb_open(&config, &store, why), SW_ERR_OK);
    sw_key_kv(&place, sw_span_str("a\"b"), &key);
    put(store, SW_TABLE_KV, &key);
    sw_key_stage(group, SW_TABLE_KV, sw_key_span(&key), &staged);
    put(store, SW_TABLE_STAGE, &staged);
    sw_key_kv(&place, sw_span_str("c"), &key);
    put(store, SW_TABLE_KV, &key);
    sw_key_experience(&place, 77, &key);
    put(store, SW_TABLE_EXPERIENCE, &key);
    sw_key_meta(group, sw_span_str("state"), &key);
    put(store, SW_TABLE_META, &key);
    sw_key_session(group, (struct sw_session_id){UINT64_MAX}, &key);
    put(store, SW_TABLE_SESSION, &key);
    assert_int_equal(store->ops->commit(store), SW_ERR_OK);
    sw_store_lmdb_close(store);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

/* Runs the command with both of its outputs kept in `output`. */
static int run(const char *const *words)
{
    char arguments[8][TEMP_DIR_SIZE + 16];
    char *argv[9] = {0};
    FILE *file = tmpfile();
    const int out = dup(STDOUT_FILENO);
    const int err = dup(STDERR_FILENO);
    int argc = 0;
    int exit_code;
    size_t size;

    assert_non_null(file);
    for (; words[argc] != NULL; argc++) {
        (void)snprintf(arguments[argc], sizeof(arguments[argc]), "%s", words[argc]);
        argv[argc] = arguments[argc];
    }
    (void)fflush(stdout);
    (void)dup2(fileno(file), STDOUT_FILENO);
    (void)dup2(fileno(file), STDERR_FILENO);
    exit_code = sw_inspect_store(argc, argv);
    (void)fflush(stdout);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(err, STDERR_FILENO);
    (void)close(out);
    (void)close(err);
    rewind(file);
    size = fread(output, 1, sizeof(output) - 1, file);
    output[size] = '\0';
    (void)fclose(file);
    return exit_code;
}

static void a_sound_store_is_printed(void **state)
{
    const char *const words[] = {"store", dir, NULL};

    (void)state;
    assert_int_equal(run(words), 0);
    assert_non_null(strstr(output, "of swarm ab0000"));
    assert_non_null(strstr(output, "node 3, format 4"));
    assert_non_null(strstr(output, "tenant=ten namespace=nam partition=par key=a\\x22b size=6\n"));
    assert_non_null(strstr(output, "revision=77"));
    assert_non_null(strstr(output, "group=1 name=state"));
    assert_non_null(strstr(output, "group=1 session=18446744073709551615"));
    assert_non_null(strstr(output, "group=1 of=kv key="));
    assert_non_null(strstr(output, "kv: 2 records, "));
    assert_null(strstr(output, "6e6565646c65"));
}

static void json_lines_and_values(void **state)
{
    const char *const words[] = {"store", "-o", "json", "--values", "--table", "kv", dir, NULL};

    (void)state;
    assert_int_equal(run(words), 0);
    assert_non_null(strstr(output,
                           "\"tenant\":\"ten\",\"namespace\":\"nam\",\"partition\":\"par\","
                           "\"key\":\"a\\\\x22b\",\"size\":\"6\",\"value\":\"6e6565646c65\"}\n"));
    assert_non_null(strstr(output, "{\"summary\":\"kv\",\"records\":\"2\""));
    assert_null(strstr(output, "session"));
}

static void the_limit_prints_less_and_verifies_all(void **state)
{
    const char *const words[] = {"store", dir, "--limit", "1", "--table", "kv", NULL};

    (void)state;
    assert_int_equal(run(words), 0);
    assert_non_null(strstr(output, "key=a"));
    assert_null(strstr(output, "key=c"));
    assert_non_null(strstr(output, "kv: 2 records, "));
}

/* Changes one byte of each copy of `needle` in the data file. */
static void damage(const char *needle)
{
    char path[TEMP_DIR_SIZE + 16];
    static uint8_t bytes[1 << 20];
    ssize_t size;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    size = pread(fd, bytes, sizeof(bytes), 0);
    assert_true(size > 0);
    for (size_t at = 0; at + strlen(needle) <= (size_t)size; at++) {
        if (memcmp(bytes + at, needle, strlen(needle)) == 0) {
            bytes[at] ^= 1;
        }
    }
    assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
    (void)close(fd);
}

static void damage_is_found_and_named(void **state)
{
    const char *const words[] = {"store", dir, "--limit", "0", NULL};

    (void)state;
    damage("needle");
    assert_int_equal(run(words), 10);
    assert_non_null(strstr(output, "swarm-inspect: CORRUPT: table kv, key "));
    assert_non_null(strstr(output, "kv: 0 records, 0 bytes, 2 damaged"));
    assert_non_null(strstr(output, "session: 0 records, 0 bytes, 1 damaged"));
}

static void a_damaged_header_is_found(void **state)
{
    const char *const words[] = {"store", dir, NULL};

    (void)state;
    damage("swarmstore");
    assert_int_equal(run(words), 10);
}

static void usage_errors(void **state)
{
    const char *const none[] = {"store", NULL};
    const char *const two[] = {"store", dir, dir, NULL};
    const char *const table[] = {"store", dir, "--table", "tables", NULL};
    const char *const limit[] = {"store", dir, "--limit", "x", NULL};
    const char *const format[] = {"store", dir, "-o", "xml", NULL};
    const char *const unknown[] = {"store", dir, "--frobnicate", NULL};

    (void)state;
    assert_int_equal(run(none), 2);
    assert_non_null(strstr(output, "usage: swarm-inspect store DIR"));
    assert_int_equal(run(two), 2);
    assert_int_equal(run(table), 2);
    assert_non_null(strstr(output, "no table is called tables"));
    assert_int_equal(run(limit), 2);
    assert_int_equal(run(format), 2);
    assert_int_equal(run(unknown), 2);
}

/* A directory without a store stays as it is. */
static void nothing_there_is_said_and_nothing_is_made(void **state)
{
    char empty[TEMP_DIR_SIZE + 16];
    const char *const words[] = {"store", empty, NULL};

    (void)state;
    (void)snprintf(empty, sizeof(empty), "%s/empty", dir);
    assert_int_equal(mkdir(empty, 0700), 0);
    assert_int_equal(run(words), 3);
    assert_non_null(strstr(output, "NOT_FOUND"));
    assert_int_equal(rmdir(empty), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sound_store_is_printed, setup, teardown),
        cmocka_unit_test_setup_teardown(json_lines_and_values, setup, teardown),
        cmocka_unit_test_setup_teardown(the_limit_prints_less_and_verifies_all, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_found_and_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_header_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(usage_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_there_is_said_and_nothing_is_made, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
