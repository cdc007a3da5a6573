/* swarm-inspect wal: what it prints of a sound, a fresh and a damaged log, and that it writes
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/disk_posix.h"
#include "storage/wal_engine.h"
#include "tests/unit/storage/temp_dir.h"
#include "tools/inspect.h"

enum { OUTPUT_SIZE = 1 << 16 };

static char dir[TEMP_DIR_SIZE];
static char output[OUTPUT_SIZE]; /* stdout and stderr of the last run */

static int setup(void **state)
{
    const struct sw_wal_entry entries[3] = {{.index = 1, .term = 2, .body = sw_span_str("needle")},
                                            {.index = 2, .term = 2, .body = sw_span_str("needle")},
                                            {.index = 3, .term = 2, .body = sw_span_str("needle")}};
    const struct sw_wal_op ops[4] = {
        {.kind = SW_WAL_OP_HARD, .group = {1}, .hard = {.term = 2, .vote = {3}}},
        {.kind = SW_WAL_OP_APPEND, .group = {1}, .entries = entries, .entry_count = 3},
        {.kind = SW_WAL_OP_TRUNCATE, .group = {1}, .index = 3},
        {.kind = SW_WAL_OP_SNAPSHOT,
         .group = {1},
         .index = 2,
         .snapshot = {.index = 1, .term = 2, .descriptor = sw_span_str("xyz")}}};
    struct sw_wal_engine_config config = {
        .swarm = {{0xab}}, .node = {3}, .segment_size = SW_WAL_SEGMENT_SIZE_MIN};
    struct sw_disk_posix *disk = NULL;
    struct sw_wal_engine *engine = NULL;
    char why[SW_WHY_SIZE];

    (void)state;
    temp_dir_make(dir);
    assert_int_equal(sw_disk_posix_new(dir, &disk, why), SW_ERR_OK);
    config.disk = sw_disk_posix_port(disk);
    assert_int_equal(sw_wal_engine_open(&config, &engine, why), SW_ERR_OK);
    assert_int_equal(sw_wal_engine_commit(engine, ops, 4, why), SW_ERR_OK);
    sw_wal_engine_close(engine);
    sw_disk_posix_free(disk);
    return 0;
}

static int setup_empty(void **state)
{
    (void)state;
    temp_dir_make(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

/* Runs the command with both of its outputs kept in `output`. */
static int run(const char *option, const char *value)
{
    char words[4][TEMP_DIR_SIZE];
    char *argv[5] = {words[0], words[1], words[2], words[3], NULL};
    FILE *file = tmpfile();
    const int out = dup(STDOUT_FILENO);
    const int err = dup(STDERR_FILENO);
    int argc = 0;
    int exit_code;
    size_t size;

    assert_non_null(file);
    (void)snprintf(words[argc++], TEMP_DIR_SIZE, "wal");
    (void)snprintf(words[argc++], TEMP_DIR_SIZE, "%s", dir);
    if (option != NULL) {
        (void)snprintf(words[argc++], TEMP_DIR_SIZE, "%s", option);
        (void)snprintf(words[argc++], TEMP_DIR_SIZE, "%s", value);
    }
    argv[argc] = NULL;
    (void)fflush(stdout);
    (void)dup2(fileno(file), STDOUT_FILENO);
    (void)dup2(fileno(file), STDERR_FILENO);
    exit_code = sw_inspect_wal(argc, argv);
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

/* Flips one bit of a byte of a file of the log. */
static void flip(const char *name, long offset)
{
    char path[TEMP_DIR_SIZE + 64];
    FILE *file;
    int byte;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    byte = fgetc(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

static void a_sound_log_is_printed(void **state)
{
    (void)state;
    assert_int_equal(run(NULL, NULL), 0);
    assert_non_null(strstr(output, "state    state-a check=OK swarm=ab0000"));
    assert_non_null(strstr(output, "state    state-b check=OK"));
    assert_non_null(
        strstr(output, "id=1 term=2 vote=3 first_index=2 reset_lsn=0 snapshot_index=1"));
    assert_non_null(strstr(output, "segment  wal-0000000000000001 check=OK"));
    assert_non_null(strstr(
        output, "entry offset=4096 lsn=1 durable_lsn=0 group=1 index=1 term=2 type=0 size=6"));
    assert_non_null(strstr(output, "truncate offset=4312 lsn=4"));
    assert_non_null(strstr(output, "records=4 offset=4376 next_lsn=5 durable_lsn=4 leftover=0"));
    assert_non_null(strstr(output, "verdict  sound"));
    assert_null(strstr(output, "needle"));
}

static void json_lines_and_limit(void **state)
{
    (void)state;
    assert_int_equal(run("-o", "json"), 0);
    assert_non_null(strstr(output, "{\"record\":\"entry\",\"offset\":\"4096\",\"lsn\":\"1\""));
    assert_non_null(strstr(output, "{\"verdict\":\"sound\""));
    assert_int_equal(run("--limit", "1"), 0);
    assert_non_null(strstr(output, "index=1 "));
    assert_null(strstr(output, "index=2 term"));
    assert_non_null(strstr(output, "records=4 "));
}

static void damage_is_named_and_ends_in_exit_10(void **state)
{
    (void)state;
    flip("wal-0000000000000001", 4096 + 72 + 64); /* body of the second record */
    assert_int_equal(run(NULL, NULL), 10);
    assert_non_null(strstr(output, "records=1 offset=4168 next_lsn=2 durable_lsn=4"));
    assert_non_null(strstr(output, "verdict  CORRUPT"));
    assert_non_null(strstr(output, "wal-0000000000000001 offset 4168: record 2 is damaged"));
}

static void damaged_headers_do_not_stop_it(void **state)
{
    (void)state;
    flip("wal-0000000000000001", 20);
    flip("state-a", 50);
    assert_int_equal(run(NULL, NULL), 10);
    assert_non_null(strstr(output, "state-a check=CORRUPT"));
    assert_non_null(strstr(output, "state-b check=OK"));
    assert_non_null(strstr(output, "wal-0000000000000001 check=CORRUPT"));
    assert_non_null(strstr(output, "bad header"));
}

static void a_lost_state_copy_alone_is_sound(void **state)
{
    (void)state;
    flip("state-b", 50);
    assert_int_equal(run(NULL, NULL), 0);
    assert_non_null(strstr(output, "state-b check=CORRUPT"));
    assert_int_equal(run(NULL, NULL), 0); /* and it was not healed: nothing is written */
    assert_non_null(strstr(output, "state-b check=CORRUPT"));
}

static void an_empty_directory_is_fresh(void **state)
{
    (void)state;
    assert_int_equal(run(NULL, NULL), 0);
    assert_non_null(strstr(output, "verdict  fresh"));
}

static void usage_and_missing_directory(void **state)
{
    (void)state;
    assert_int_equal(run("--nonsense", "1"), 2);
    assert_int_equal(run("-o", "yaml"), 2);
    (void)rmdir(dir);
    assert_int_equal(run(NULL, NULL), 3);
    assert_non_null(strstr(output, "NOT_FOUND"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sound_log_is_printed, setup, teardown),
        cmocka_unit_test_setup_teardown(json_lines_and_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_named_and_ends_in_exit_10, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_headers_do_not_stop_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_state_copy_alone_is_sound, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_directory_is_fresh, setup_empty, teardown),
        cmocka_unit_test_setup_teardown(usage_and_missing_directory, setup_empty, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
