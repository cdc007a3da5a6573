/* swarm-inspect wal --entries: which entries are live, and how their commands are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/entry.h"
#include "storage/disk_posix.h"
#include "storage/wal_engine.h"
#include "tests/unit/storage/temp_dir.h"
#include "tools/inspect.h"
#include "transport/proto.h"

enum { OUTPUT_SIZE = 1 << 16, COMMAND = 1, BARRIER = 2 };

static char dir[TEMP_DIR_SIZE];
static char output[OUTPUT_SIZE];
static struct sw_wal_engine *engine;
static struct sw_disk_posix *disk;

static int setup(void **state)
{
    struct sw_wal_engine_config config = {
        .swarm = {{0xab}}, .node = {3}, .segment_size = SW_WAL_SEGMENT_SIZE_MIN};
    char why[SW_WHY_SIZE];

    (void)state;
    temp_dir_make(dir);
    assert_int_equal(sw_disk_posix_new(dir, &disk, why), SW_ERR_OK);
    config.disk = sw_disk_posix_port(disk);
    assert_int_equal(sw_wal_engine_open(&config, &engine, why), SW_ERR_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sw_wal_engine_close(engine);
    sw_disk_posix_free(disk);
    temp_dir_remove(dir);
    return 0;
}

static void commit(const struct sw_wal_op *op)
{
    const struct sw_wal_op hard = {
        .kind = SW_WAL_OP_HARD, .group = {1}, .hard = {.term = 9, .vote = {3}}};
    const struct sw_wal_op ops[2] = {hard, *op};
    char why[SW_WHY_SIZE];

    assert_int_equal(sw_wal_engine_commit(engine, ops, 2, why), SW_ERR_OK);
}

static void append(uint64_t index, uint64_t term, uint8_t type, struct sw_span body)
{
    const struct sw_wal_entry entry = {.index = index, .term = term, .type = type, .body = body};

    commit(&(struct sw_wal_op){
        .kind = SW_WAL_OP_APPEND, .group = {1}, .entries = &entry, .entry_count = 1});
}

/* Prints the entries of the log as it is now into `output`. */
static void list(void)
{
    FILE *file = tmpfile();
    const int out = dup(STDOUT_FILENO);
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;
    size_t size;

    assert_non_null(file);
    (void)fflush(stdout);
    (void)dup2(fileno(file), STDOUT_FILENO);
    err = sw_inspect_entries(sw_disk_posix_port(disk), why);
    (void)fflush(stdout);
    (void)dup2(out, STDOUT_FILENO);
    (void)close(out);
    rewind(file);
    size = fread(output, 1, sizeof(output) - 1, file);
    output[size] = '\0';
    (void)fclose(file);
    assert_string_equal(why, "");
    assert_int_equal(err, SW_ERR_OK);
}

/* The body of an entry with `count` times the same command, as the first nodes wrote it. */
static struct sw_buf body_of(const struct sw_request *command, uint32_t count)
{
    struct sw_buf body = {0};
    struct sw_buf bytes = {0};

    sw_command_encode(command, &bytes);
    sw_write_u8(&body, 1);
    sw_write_u64(&body, 1700000000123);
    sw_write_u32(&body, count);
    for (uint32_t i = 0; i < count; i++) {
        sw_write_blob(&body, sw_buf_span(&bytes));
    }
    sw_buf_release(&bytes);
    return body;
}

static const struct sw_request put = {.op = SW_OP_PUT,
                                      .session = {7},
                                      .seq = 2,
                                      .acked = 1,
                                      .tenant = {.data = (const uint8_t *)"t", .size = 1},
                                      .name_space = {.data = (const uint8_t *)"n\"", .size = 2},
                                      .partition = {.data = (const uint8_t *)"p", .size = 1},
                                      .key = {.data = (const uint8_t *)"k\x01", .size = 2},
                                      .value = {.data = (const uint8_t *)"v", .size = 1}};

static void commands_are_decoded(void **state)
{
    struct sw_buf body = body_of(&put, 2);

    (void)state;
    append(1, 5, COMMAND, sw_buf_span(&body));
    append(2, 5, BARRIER, sw_span_str("12345678"));
    list();
    assert_string_equal(
        output,
        "{\"group\":1,\"index\":\"1\",\"term\":\"5\",\"type\":\"command\","
        "\"time_ms\":\"1700000000123\",\"commands\":["
        "{\"op\":\"put\",\"number\":\"1\",\"session\":\"7\",\"seq\":\"2\",\"acked\":\"1\","
        "\"tenant\":\"t\",\"namespace\":\"n\\u0022\",\"partition\":\"p\",\"key\":\"6b01\","
        "\"value\":\"76\"},"
        "{\"op\":\"put\",\"number\":\"1\",\"session\":\"7\",\"seq\":\"2\",\"acked\":\"1\","
        "\"tenant\":\"t\",\"namespace\":\"n\\u0022\",\"partition\":\"p\",\"key\":\"6b01\","
        "\"value\":\"76\"}]}\n"
        "{\"group\":1,\"index\":\"2\",\"term\":\"5\",\"type\":\"barrier\"}\n");
    sw_buf_release(&body);
}

/* Written by the node's own code: whoever gives entries a new form is told here. */
static void what_a_node_writes_now_is_known(void **state)
{
    static const struct sw_author client = {.id = {0xc1, 0x1e}, .flags = 1};
    static const struct sw_author node = {.flags = 2};
    struct sw_buf body = {0};
    struct sw_buf bytes = {0};

    (void)state;
    sw_command_encode(&put, &bytes);
    sw_entry_begin(&body, 1700000000123);
    sw_entry_add(&body, &client, sw_buf_span(&bytes));
    sw_entry_add(&body, &node, sw_buf_span(&bytes));
    append(1, 5, COMMAND, sw_buf_span(&body));
    list();
    assert_non_null(strstr(output,
                           "\"value\":\"76\",\"author_flags\":\"1\","
                           "\"author\":\"c11e0000000000000000000000000000\"},{\"op\":\"put\""));
    assert_non_null(strstr(output, "\"value\":\"76\",\"author_flags\":\"2\"}]}\n"));
    assert_null(strstr(output, "malformed"));
    sw_buf_release(&bytes);
    sw_buf_release(&body);
}

static void bytes_that_are_no_entry_are_printed_as_they_are(void **state)
{
    struct sw_buf body = body_of(&put, 1);

    (void)state;
    append(1, 5, COMMAND, sw_span_str("\xff\x01"));
    body.data[17] = 200; /* the op: no such */
    append(2, 5, COMMAND, sw_buf_span(&body));
    list();
    assert_non_null(strstr(
        output, "\"index\":\"1\",\"term\":\"5\",\"type\":\"command\",\"malformed\":\"ff01\"}"));
    assert_non_null(strstr(output, "\"commands\":[{\"op\":\"malformed\",\"bytes\":\"c8"));
    sw_buf_release(&body);
}

/* The log of a node that was a leader, lost, and was overwritten. */
static void replaced_and_cut_entries_are_not_live(void **state)
{
    (void)state;
    for (uint64_t index = 1; index <= 5; index++) {
        append(index, 1, BARRIER, sw_span_str("x"));
    }
    append(3, 2, BARRIER, sw_span_str("x"));
    append(4, 2, BARRIER, sw_span_str("x"));
    commit(&(struct sw_wal_op){.kind = SW_WAL_OP_TRUNCATE, .group = {1}, .index = 4});
    list();
    assert_string_equal(output,
                        "{\"group\":1,\"index\":\"1\",\"term\":\"1\",\"type\":\"barrier\"}\n"
                        "{\"group\":1,\"index\":\"2\",\"term\":\"1\",\"type\":\"barrier\"}\n"
                        "{\"group\":1,\"index\":\"3\",\"term\":\"2\",\"type\":\"barrier\"}\n");
}

static void entries_behind_a_snapshot_are_not_live(void **state)
{
    struct sw_wal_op snapshot = {
        .kind = SW_WAL_OP_SNAPSHOT,
        .group = {1},
        .index = 3,
        .snapshot = {.index = 2, .term = 1, .descriptor = sw_span_str("xyz")}};

    (void)state;
    for (uint64_t index = 1; index <= 4; index++) {
        append(index, 1, BARRIER, sw_span_str("x"));
    }
    commit(&snapshot);
    list();
    assert_null(strstr(output, "\"index\":\"2\""));
    assert_non_null(strstr(output, "{\"group\":1,\"index\":\"3\""));
    for (uint64_t index = 5; index <= 12; index++) {
        append(index, 1, BARRIER, sw_span_str("x"));
    }
    snapshot.index = 9;
    snapshot.snapshot.index = 8;
    snapshot.reset = true;
    commit(&snapshot);
    list();
    assert_string_equal(output, "");
    append(9, 4, BARRIER, sw_span_str("x"));
    list();
    assert_string_equal(output,
                        "{\"group\":1,\"index\":\"9\",\"term\":\"4\",\"type\":\"barrier\"}\n");
}

static void an_unused_log_has_none(void **state)
{
    (void)state;
    list();
    assert_string_equal(output, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_are_decoded, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_node_writes_now_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(
            bytes_that_are_no_entry_are_printed_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(replaced_and_cut_entries_are_not_live, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_behind_a_snapshot_are_not_live, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unused_log_has_none, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
