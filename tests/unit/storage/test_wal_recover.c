/* Opening repairs what a crash left and refuses what was damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/storage/wal_world.h"

static void test_one_lost_state_copy_is_healed(void **state)
{
    (void)state;
    for (int copy = 0; copy < 2; copy++) {
        const char *name = copy == 0 ? "state-a" : "state-b";
        const char *other = copy == 0 ? "state-b" : "state-a";
        struct world world = world_new();
        struct sw_wal_group loaded;

        world_must_open(&world);
        set_hard(&world, group_1, 5, 3);
        sw_wal_engine_close(world.engine);
        world.engine = NULL;
        assert_int_equal(sw_disk_mem_flip(world.disk, name, 100, 3), SW_ERR_OK);
        world_must_open(&world);
        assert_int_equal(sw_disk_mem_flip(world.disk, other, 100, 3), SW_ERR_OK);
        world_must_open(&world);
        loaded = load(&world, group_1);
        assert_int_equal(loaded.hard.term, 5);
        assert_int_equal(loaded.hard.vote.value, 3);
        sw_wal_group_release(&loaded);
        world_release(&world);
    }
}

static void test_state_rolled_back_behind_the_log_is_corrupt(void **state)
{
    struct world world = world_new();
    struct sw_buf old_a;
    struct sw_buf old_b;

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 1, 1, "a");
    old_a = file_get(&world, "state-a");
    old_b = file_get(&world, "state-b");
    set_hard(&world, group_1, 2, 7);
    append(&world, group_1, 2, 1, 2, "b");
    sw_wal_engine_close(world.engine);
    world.engine = NULL;
    file_put(&world, "state-a", &old_a);
    file_put(&world, "state-b", &old_b);
    assert_int_equal(world_open(&world), SW_ERR_CORRUPT);
    assert_non_null(strstr(world.why, "went back"));
    sw_buf_release(&old_a);
    sw_buf_release(&old_b);
    world_release(&world);
}

static void test_damage_before_the_mark_is_corrupt(void **state)
{
    struct world world = world_new();
    uint64_t hash;

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 1, 1, "first");
    append(&world, group_1, 2, 1, 1, "second");
    sw_wal_engine_close(world.engine);
    world.engine = NULL;
    /* The body of the first record: behind the segment header's block and its own header. */
    assert_int_equal(sw_disk_mem_flip(world.disk, "wal-0000000000000001", 512 + 64 + 2, 0),
                     SW_ERR_OK);
    hash = sw_disk_mem_hash(world.disk);
    assert_int_equal(world_open(&world), SW_ERR_CORRUPT);
    assert_non_null(strstr(world.why, "wal-0000000000000001 offset 512"));
    assert_int_equal(sw_disk_mem_hash(world.disk), hash);
    world_release(&world);
}

static void test_torn_tail_is_cut_and_written_over(void **state)
{
    struct world world = world_new();

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 3, 1, "kept");
    sw_disk_mem_fail_at(world.disk, SW_DISK_MEM_SYNC, 1, SW_ERR_IO, true);
    {
        struct sw_wal_entry entries[20];
        const struct sw_wal_op op = {
            .kind = SW_WAL_OP_APPEND, .group = {1}, .entries = entries, .entry_count = 20};
        uint8_t body[512 - 64]; /* each record fills a block: where the next batch may begin */

        memset(body, 'x', sizeof(body));
        for (size_t i = 0; i < 20; i++) {
            entries[i] = (struct sw_wal_entry){
                .index = 4 + i, .term = 1, .type = 3, .body = sw_span_of(body, sizeof(body))};
        }
        assert_int_equal(sw_wal_engine_commit(world.engine, &op, 1, world.why), SW_ERR_IO);
        assert_non_null(strstr(world.why, "syncing wal-0000000000000001"));
        assert_int_equal(sw_wal_engine_commit(world.engine, &op, 1, world.why), SW_ERR_IO);
    }
    sw_disk_mem_power_cut(world.disk, NULL, SW_DISK_MEM_KEEP_ALL);
    /* The first record of the torn batch, so that all the others are left behind it. */
    assert_int_equal(sw_disk_mem_flip(world.disk, "wal-0000000000000001", 1024 + 64, 1), SW_ERR_OK);
    world_must_open(&world);
    expect_entries(&world, group_1, 1, 3, "kept");
    append(&world, group_1, 4, 1, 1, "written again");
    /* The mark would hide what is left there; it is not synced. */
    sw_disk_mem_power_cut(world.disk, NULL, SW_DISK_MEM_LOSE_ALL);
    world_must_open(&world);
    expect_entries(&world, group_1, 1, 4, "written again");
    world_release(&world);
}

static void test_names_are_durable_before_work_goes_on(void **state)
{
    struct world world = world_new();

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    /* Killed at the sync of the directory that makes the second segment's name durable. */
    sw_disk_mem_fail_at(world.disk, SW_DISK_MEM_NAME, 3, SW_ERR_IO, true);
    {
        char text[3000];
        struct sw_wal_entry entry = {.index = 1, .term = 1, .body = sw_span_of(text, sizeof(text))};
        const struct sw_wal_op op = {
            .kind = SW_WAL_OP_APPEND, .group = {1}, .entries = &entry, .entry_count = 1};
        memset(text, 'z', sizeof(text));
        while (sw_wal_engine_commit(world.engine, &op, 1, world.why) == SW_ERR_OK) {
            entry.index++;
        }
        assert_non_null(strstr(world.why, "beginning a segment"));
    }
    sw_disk_mem_process_kill(world.disk);
    world_must_open(&world);
    truncate_from(&world, group_1, 1);
    append(&world, group_1, 1, 1, 1, "in the new segment");
    sw_disk_mem_power_cut(world.disk, NULL, SW_DISK_MEM_LOSE_ALL);
    world_must_open(&world);
    expect_entries(&world, group_1, 1, 1, "in the new segment");
    world_release(&world);
}

/* The kernel forgot the pages of a failed sync, but shows them until it needs the memory. */
static void test_what_a_failed_sync_forgot_is_written_again(void **state)
{
    struct world world = world_new();
    const struct sw_wal_entry entry = {
        .index = 1, .term = 1, .type = 3, .body = sw_span_str("forgotten")};
    const struct sw_wal_op op = {
        .kind = SW_WAL_OP_APPEND, .group = {1}, .entries = &entry, .entry_count = 1};

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    sw_disk_mem_fail_at(world.disk, SW_DISK_MEM_SYNC, 1, SW_ERR_IO, false);
    assert_int_equal(sw_wal_engine_commit(world.engine, &op, 1, world.why), SW_ERR_IO);
    world_must_open(&world);
    expect_entries(&world, group_1, 1, 1, "forgotten");
    sw_disk_mem_power_cut(world.disk, NULL, SW_DISK_MEM_LOSE_ALL);
    world_must_open(&world);
    expect_entries(&world, group_1, 1, 1, "forgotten");
    world_release(&world);
}

/* A term that a start has seen is acted on: it must be durable in both copies by then, also if the
 * sync of one of them failed in the life before and only the page cache holds it. */
static void test_a_doubtful_state_copy_is_written_again(void **state)
{
    const struct sw_wal_op op = {
        .kind = SW_WAL_OP_HARD, .group = {1}, .hard = {.term = 2, .vote = {3}}};

    (void)state;
    for (uint64_t failing = 1; failing <= 2; failing++) {
        struct world world = world_new();
        struct sw_wal_group loaded;

        world_must_open(&world);
        set_hard(&world, group_1, 1, 1);
        sw_disk_mem_fail_at(world.disk, SW_DISK_MEM_SYNC, failing, SW_ERR_IO, false);
        assert_int_equal(sw_wal_engine_commit(world.engine, &op, 1, world.why), SW_ERR_IO);
        world_must_open(&world);
        loaded = load(&world, group_1);
        assert_int_equal(loaded.hard.term, 2);
        sw_wal_group_release(&loaded);
        sw_disk_mem_power_cut(world.disk, NULL, SW_DISK_MEM_LOSE_ALL);
        (void)sw_disk_mem_flip(world.disk, failing == 1 ? "state-b" : "state-a", 100, 0);
        world_must_open(&world);
        loaded = load(&world, group_1);
        assert_int_equal(loaded.hard.term, 2);
        assert_int_equal(loaded.hard.vote.value, 3);
        sw_wal_group_release(&loaded);
        world_release(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_lost_state_copy_is_healed),
        cmocka_unit_test(test_state_rolled_back_behind_the_log_is_corrupt),
        cmocka_unit_test(test_damage_before_the_mark_is_corrupt),
        cmocka_unit_test(test_torn_tail_is_cut_and_written_over),
        cmocka_unit_test(test_names_are_durable_before_work_goes_on),
        cmocka_unit_test(test_what_a_failed_sync_forgot_is_written_again),
        cmocka_unit_test(test_a_doubtful_state_copy_is_written_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
