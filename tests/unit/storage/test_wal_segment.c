/* Segments roll, are recycled, and grow for an entry that is larger than one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/storage/wal_world.h"

static void test_segments_roll_and_are_recycled(void **state)
{
    struct world world = world_new();
    struct sw_wal_stats stats;
    char text[1001];
    uint64_t size_before;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    for (uint64_t i = 0; i < 40; i++) {
        append(&world, group_1, 1 + i * 10, 10, 1, text);
    }
    sw_wal_engine_stats(world.engine, &stats);
    assert_true(stats.segments > 20);
    set_snapshot(&world, group_1, 400, 396, false);
    sw_wal_engine_stats(world.engine, &stats);
    assert_int_equal(stats.segments, 1);
    assert_int_equal(stats.segments_free, 2);
    size_before = stats.bytes_written;
    append(&world, group_1, 401, 20, 1, text);
    sw_wal_engine_stats(world.engine, &stats);
    /* A spare was put to use: nothing was written but the records, marks, headers and states. */
    assert_true(stats.bytes_written - size_before < 20 * 1100 + 8 * 1024);
    world_must_open(&world);
    expect_entries(&world, group_1, 396, 25, text);
    world_release(&world);
}

static void test_entry_larger_than_a_segment(void **state)
{
    struct world world = world_new();
    uint8_t *body = malloc(SW_ENTRY_SIZE_MAX);
    const struct sw_wal_entry entry = {
        .index = 1, .term = 1, .body = {.data = body, .size = SW_ENTRY_SIZE_MAX}};
    const struct sw_wal_op op = {
        .kind = SW_WAL_OP_APPEND, .group = {1}, .entries = &entry, .entry_count = 1};
    struct sw_wal_group loaded;

    (void)state;
    memset(body, 0x5a, SW_ENTRY_SIZE_MAX);
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    commit(&world, &op, 1);
    append(&world, group_1, 2, 1, 1, "small");
    sw_disk_mem_power_cut(world.disk, NULL, SW_DISK_MEM_LOSE_ALL);
    world_must_open(&world);
    loaded = load(&world, group_1);
    assert_int_equal(loaded.entry_count, 2);
    assert_true(sw_span_equal(loaded.entries[0].body, entry.body));
    sw_wal_group_release(&loaded);
    set_snapshot(&world, group_1, 2, 3, false);
    world_must_open(&world);
    expect_entries(&world, group_1, 3, 0, NULL);
    free(body);
    world_release(&world);
}

/* What a client stores must not be able to look like a record: it cannot know the salt. */
static void test_each_use_of_a_file_has_its_own_salt(void **state)
{
    uint64_t salts[2];

    (void)state;
    for (uint64_t i = 0; i < 2; i++) {
        struct world world = world_new();
        struct sw_wal_segment_header header;
        struct sw_buf bytes;

        world.config.salt = i;
        world_must_open(&world);
        bytes = file_get(&world, "wal-0000000000000001");
        assert_int_equal(sw_wal_segment_header_decode(sw_buf_span(&bytes), &header), SW_ERR_OK);
        salts[i] = header.salt;
        sw_buf_release(&bytes);
        world_release(&world);
    }
    assert_int_not_equal(salts[0], salts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_roll_and_are_recycled),
        cmocka_unit_test(test_entry_larger_than_a_segment),
        cmocka_unit_test(test_each_use_of_a_file_has_its_own_salt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
