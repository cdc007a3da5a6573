/* The engine on the disk in memory: what is committed comes back, and failures are final. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/storage/wal_world.h"

static void test_committed_comes_back(void **state)
{
    struct world world = world_new();
    struct sw_wal_group loaded;

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 3, 7);
    set_hard(&world, group_2, 1, 0);
    append(&world, group_1, 1, 5, 2, "one");
    append(&world, group_2, 1, 2, 1, "two");
    append(&world, group_1, 6, 1, 3, "");
    expect_entries(&world, group_1, 1, 6, ""); /* loads after commits walk the log again */
    sw_disk_mem_power_cut(world.disk, NULL, SW_DISK_MEM_LOSE_ALL);
    world_must_open(&world);
    expect_entries(&world, group_1, 1, 6, "");
    expect_entries(&world, group_2, 1, 2, "two");
    loaded = load(&world, group_1);
    assert_int_equal(loaded.hard.term, 3);
    assert_int_equal(loaded.hard.vote.value, 7);
    assert_int_equal(loaded.entries[4].term, 2);
    sw_wal_group_release(&loaded);
    world_release(&world);
}

static void test_append_replaces_and_truncate_drops(void **state)
{
    struct world world = world_new();

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 10, 1, "old");
    append(&world, group_1, 4, 2, 1, "new");
    expect_entries(&world, group_1, 1, 5, "new");
    truncate_from(&world, group_1, 3);
    world_must_open(&world);
    expect_entries(&world, group_1, 1, 2, "old");
    append(&world, group_1, 3, 1, 1, "third");
    truncate_from(&world, group_1, 1);
    world_must_open(&world);
    expect_entries(&world, group_1, 1, 0, NULL);
    world_release(&world);
}

static void test_full_disk_says_so(void **state)
{
    struct world world = world_new();
    struct sw_wal_entry entry = {.index = 1, .term = 1, .type = 3, .body = {0}};
    struct sw_wal_op op = {
        .kind = SW_WAL_OP_APPEND, .group = {1}, .entries = &entry, .entry_count = 1};
    uint8_t body[4000] = {1};
    enum sw_err err = SW_ERR_OK;

    (void)state;
    entry.body = sw_span_of(body, sizeof(body));
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    sw_disk_mem_set_capacity(world.disk, 40000);
    while (err == SW_ERR_OK && entry.index < 100) {
        err = sw_wal_engine_commit(world.engine, &op, 1, world.why);
        entry.index += err == SW_ERR_OK ? 1 : 0;
    }
    assert_int_equal(err, SW_ERR_DISK_FULL);
    assert_non_null(strstr(world.why, "full"));
    sw_disk_mem_set_capacity(world.disk, 0);
    world_must_open(&world);
    {
        struct sw_wal_group loaded = load(&world, group_1);
        assert_int_equal(loaded.entry_count, entry.index - 1);
        sw_wal_group_release(&loaded);
    }
    world_release(&world);
}

static void test_spare_is_prepared_in_slices(void **state)
{
    struct world world = world_new();
    struct sw_wal_stats stats;
    int slices = 0;

    (void)state;
    world.config.segment_size = 1 << 20;
    world_must_open(&world);
    while (sw_wal_engine_wants_spare(world.engine)) {
        assert_int_equal(sw_wal_engine_prepare_spare(world.engine, world.why), SW_ERR_OK);
        slices++;
    }
    assert_int_equal(slices, 4);
    sw_wal_engine_stats(world.engine, &stats);
    assert_int_equal(stats.segments_free, 1);
    world_must_open(&world);
    assert_false(sw_wal_engine_wants_spare(world.engine));
    world_release(&world);
}

static void test_full_disk_while_preparing_is_no_error(void **state)
{
    struct world world = world_new();

    (void)state;
    world_must_open(&world);
    sw_disk_mem_set_capacity(world.disk, 18000);
    assert_true(sw_wal_engine_wants_spare(world.engine));
    assert_int_equal(sw_wal_engine_prepare_spare(world.engine, world.why), SW_ERR_OK);
    assert_false(sw_wal_engine_wants_spare(world.engine));
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 1, 1, "still works");
    world_release(&world);
}

/* The state's next commit comes before a segment that nobody needs yet. */
static void test_spare_leaves_others_their_room(void **state)
{
    struct world world = world_new();
    struct sw_wal_stats stats;
    uint64_t room = 0;

    (void)state;
    world.config.room_min = 1 << 20;
    world_must_open(&world);
    sw_disk_mem_set_capacity(world.disk, 2 << 20);
    assert_int_equal(world.config.disk->ops->room(world.config.disk, &room), SW_ERR_OK);
    assert_true(room > world.config.room_min);
    sw_disk_mem_set_capacity(
        world.disk, (2 << 20) - room + world.config.room_min + world.config.segment_size - 1);
    assert_int_equal(sw_wal_engine_prepare_spare(world.engine, world.why), SW_ERR_OK);
    assert_false(sw_wal_engine_wants_spare(world.engine)); /* given up until the next segment */
    sw_wal_engine_stats(world.engine, &stats);
    assert_int_equal(stats.segments_free, 0);
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_committed_comes_back),
        cmocka_unit_test(test_append_replaces_and_truncate_drops),
        cmocka_unit_test(test_full_disk_says_so),
        cmocka_unit_test(test_spare_is_prepared_in_slices),
        cmocka_unit_test(test_full_disk_while_preparing_is_no_error),
        cmocka_unit_test(test_spare_leaves_others_their_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
