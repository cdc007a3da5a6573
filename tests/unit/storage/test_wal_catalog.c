/* What a directory holds: strangers, lost states and missing segments are refused untouched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

#include "tests/unit/storage/wal_world.h"

static void test_strangers_and_newer_formats_are_refused(void **state)
{
    struct world world = world_new();
    uint64_t hash;

    (void)state;
    world_must_open(&world);
    sw_wal_engine_close(world.engine);
    world.engine = NULL;
    hash = sw_disk_mem_hash(world.disk);
    world.config.node.value = 8;
    assert_int_equal(world_open(&world), SW_ERR_STRANGER);
    assert_non_null(strstr(world.why, "node 7"));
    world.config.node.value = 7;
    world.config.swarm.bytes[0] = 9;
    assert_int_equal(world_open(&world), SW_ERR_STRANGER);
    world.config.swarm.bytes[0] = 1;
    assert_int_equal(sw_disk_mem_hash(world.disk), hash);
    world_must_open(&world);
    world_release(&world);
}

static void test_both_state_copies_lost_is_corrupt(void **state)
{
    struct world world = world_new();
    struct sw_disk *disk = world.config.disk;
    uint64_t hash;

    (void)state;
    world_must_open(&world);
    set_hard(&world, group_1, 5, 3);
    sw_wal_engine_close(world.engine);
    world.engine = NULL;
    (void)sw_disk_mem_flip(world.disk, "state-a", 100, 3);
    (void)sw_disk_mem_flip(world.disk, "state-b", 100, 3);
    hash = sw_disk_mem_hash(world.disk);
    assert_int_equal(world_open(&world), SW_ERR_CORRUPT);
    assert_non_null(strstr(world.why, "state-a"));
    assert_int_equal(sw_disk_mem_hash(world.disk), hash);
    assert_int_equal(disk->ops->remove(disk, "state-a"), SW_ERR_OK);
    assert_int_equal(disk->ops->remove(disk, "state-b"), SW_ERR_OK);
    assert_int_equal(world_open(&world), SW_ERR_CORRUPT);
    world_release(&world);
}

static void test_missing_segments_are_corrupt(void **state)
{
    (void)state;
    for (int which = 1; which <= 3; which++) {
        struct world world = world_new();
        struct sw_disk *disk = world.config.disk;
        char name[SW_WAL_NAME_SIZE];
        char text[901] = {0};

        memset(text, 'y', 900);
        world_must_open(&world);
        set_hard(&world, group_1, 1, 0);
        append(&world, group_1, 1, 40, 1, text);
        sw_wal_engine_close(world.engine);
        world.engine = NULL;
        sw_wal_segment_name((uint64_t)which, name);
        assert_int_equal(disk->ops->remove(disk, name), SW_ERR_OK);
        assert_int_equal(world_open(&world), SW_ERR_CORRUPT);
        assert_non_null(strstr(world.why, name));
        assert_non_null(strstr(world.why, "missing"));
        world_release(&world);
    }
}

static void test_newer_format_is_told_from_damage(void **state)
{
    struct world world = world_new();
    struct sw_buf bytes;

    (void)state;
    world_must_open(&world);
    sw_wal_engine_close(world.engine);
    world.engine = NULL;
    bytes = file_get(&world, "wal-0000000000000001");
    sw_store_u32(bytes.data + 8, SW_WAL_FORMAT_VERSION + 1);
    file_put(&world, "wal-0000000000000001", &bytes);
    assert_int_equal(world_open(&world), SW_ERR_CORRUPT); /* the sum is wrong */
    sw_store_u64(bytes.data + 88, XXH3_64bits(bytes.data, 88));
    file_put(&world, "wal-0000000000000001", &bytes);
    assert_int_equal(world_open(&world), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&bytes);
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strangers_and_newer_formats_are_refused),
        cmocka_unit_test(test_both_state_copies_lost_is_corrupt),
        cmocka_unit_test(test_missing_segments_are_corrupt),
        cmocka_unit_test(test_newer_format_is_told_from_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
