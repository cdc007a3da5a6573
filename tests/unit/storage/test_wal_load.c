/* Reading a group back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/storage/wal_world.h"

static void test_unknown_group_is_empty(void **state)
{
    struct world world = world_new();
    struct sw_wal_group loaded;

    (void)state;
    world_must_open(&world);
    loaded = load(&world, group_1);
    assert_int_equal(loaded.first_index, 1);
    assert_int_equal(loaded.entry_count, 0);
    assert_int_equal(loaded.hard.term, 0);
    assert_false(loaded.has_snapshot);
    sw_wal_group_release(&loaded);
    world_release(&world);
}

static void test_snapshot_drops_the_beginning(void **state)
{
    struct world world = world_new();
    struct sw_wal_group loaded;

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 20, 1, "entry");
    set_snapshot(&world, group_1, 15, 11, false);
    world_must_open(&world);
    expect_entries(&world, group_1, 11, 10, "entry");
    loaded = load(&world, group_1);
    assert_true(loaded.has_snapshot);
    assert_int_equal(loaded.snapshot_index, 15);
    assert_int_equal(loaded.snapshot_term, 1);
    assert_int_equal(loaded.descriptor_size, strlen("descriptor"));
    assert_memory_equal(loaded.descriptor, "descriptor", loaded.descriptor_size);
    sw_wal_group_release(&loaded);
    world_release(&world);
}

static void test_reset_drops_all_and_goes_on_behind(void **state)
{
    struct world world = world_new();

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 20, 1, "entry");
    truncate_from(&world, group_1, 18);
    set_snapshot(&world, group_1, 10, 11, true);
    expect_entries(&world, group_1, 11, 0, NULL);
    world_must_open(&world);
    expect_entries(&world, group_1, 11, 0, NULL);
    append(&world, group_1, 11, 1, 1, "after");
    world_must_open(&world);
    expect_entries(&world, group_1, 11, 1, "after");
    world_release(&world);
}

static void test_damage_after_opening_is_noticed(void **state)
{
    struct world world = world_new();
    struct sw_wal_group loaded;

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 1, 1, "first");
    append(&world, group_1, 2, 1, 1, "second");
    world_must_open(&world);
    (void)sw_disk_mem_flip(world.disk, "wal-0000000000000001", 512 + 64 + 2, 0);
    assert_int_equal(sw_wal_engine_load(world.engine, group_1, &loaded, world.why), SW_ERR_CORRUPT);
    assert_non_null(strstr(world.why, "wal-0000000000000001"));
    world_release(&world);
}

static void test_replaced_by_a_dropped_entry(void **state)
{
    struct world world = world_new();

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 1, 0);
    append(&world, group_1, 1, 10, 1, "old");
    append(&world, group_1, 3, 1, 1, "new"); /* replaces 3 to 10 */
    set_snapshot(&world, group_1, 3, 4, false);
    expect_entries(&world, group_1, 4, 0, NULL);
    world_must_open(&world);
    expect_entries(&world, group_1, 4, 0, NULL);
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_group_is_empty),
        cmocka_unit_test(test_snapshot_drops_the_beginning),
        cmocka_unit_test(test_reset_drops_all_and_goes_on_behind),
        cmocka_unit_test(test_damage_after_opening_is_noticed),
        cmocka_unit_test(test_replaced_by_a_dropped_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
