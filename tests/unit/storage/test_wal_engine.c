/* The engine on the disk in memory: what is committed comes back, what is wrong is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/disk_mem.h"
#include "storage/wal_engine.h"
#include "storage/wal_format.h"

static const struct sw_group_id group_1 = {1};
static const struct sw_group_id group_2 = {2};

struct world {
    struct sw_disk_mem *disk;
    struct sw_wal_engine_config config;
    struct sw_wal_engine *engine;
    char why[SW_WHY_SIZE];
};

static struct world world_new(void)
{
    struct world world = {.disk = sw_disk_mem_new()};

    world.config = (struct sw_wal_engine_config){.disk = sw_disk_mem_port(world.disk),
                                                 .swarm = {{1, 2, 3}},
                                                 .node = {7},
                                                 .segment_size = SW_WAL_SEGMENT_SIZE_MIN,
                                                 .block_size = 512,
                                                 .salt = 99};
    return world;
}

static enum sw_err world_open(struct world *world)
{
    sw_wal_engine_close(world->engine);
    world->engine = NULL;
    return sw_wal_engine_open(&world->config, &world->engine, world->why);
}

static void world_must_open(struct world *world)
{
    if (world_open(world) != SW_ERR_OK) {
        fail_msg("open: %s", world->why);
    }
}

static void world_release(struct world *world)
{
    sw_wal_engine_close(world->engine);
    sw_disk_mem_free(world->disk);
}

static void commit(struct world *world, const struct sw_wal_op *ops, size_t count)
{
    if (sw_wal_engine_commit(world->engine, ops, count, world->why) != SW_ERR_OK) {
        fail_msg("commit: %s", world->why);
    }
}

static void set_hard(struct world *world, struct sw_group_id group, uint64_t term, uint64_t vote)
{
    const struct sw_wal_op op = {
        .kind = SW_WAL_OP_HARD, .group = group, .hard = {.term = term, .vote = {vote}}};

    commit(world, &op, 1);
}

static void append(struct world *world,
                   struct sw_group_id group,
                   uint64_t index,
                   size_t count,
                   uint64_t term,
                   const char *text)
{
    struct sw_wal_entry entries[64];
    const struct sw_wal_op op = {
        .kind = SW_WAL_OP_APPEND, .group = group, .entries = entries, .entry_count = count};

    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct sw_wal_entry){
            .index = index + i, .term = term, .type = 3, .body = sw_span_str(text)};
    }
    commit(world, &op, 1);
}

static void truncate_from(struct world *world, struct sw_group_id group, uint64_t index)
{
    const struct sw_wal_op op = {.kind = SW_WAL_OP_TRUNCATE, .group = group, .index = index};

    commit(world, &op, 1);
}

static void set_snapshot(
    struct world *world, struct sw_group_id group, uint64_t index, uint64_t first, bool reset)
{
    const struct sw_wal_op op = {
        .kind = SW_WAL_OP_SNAPSHOT,
        .group = group,
        .index = first,
        .reset = reset,
        .snapshot = {.index = index, .term = 1, .descriptor = sw_span_str("descriptor")}};

    commit(world, &op, 1);
}

static struct sw_wal_group load(struct world *world, struct sw_group_id group)
{
    struct sw_wal_group loaded;

    if (sw_wal_engine_load(world->engine, group, &loaded, world->why) != SW_ERR_OK) {
        fail_msg("load: %s", world->why);
    }
    return loaded;
}

static void expect_entries(struct world *world,
                           struct sw_group_id group,
                           uint64_t first,
                           size_t count,
                           const char *text_of_last)
{
    struct sw_wal_group loaded = load(world, group);

    assert_int_equal(loaded.first_index, first);
    assert_int_equal(loaded.entry_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(loaded.entries[i].index, first + i);
        assert_int_equal(loaded.entries[i].type, 3);
        assert_int_equal((uintptr_t)loaded.entries[i].body.data % 8, 0);
    }
    if (count > 0) {
        assert_true(sw_span_equal(loaded.entries[count - 1].body, sw_span_str(text_of_last)));
    }
    sw_wal_group_release(&loaded);
}

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

/* Copies the two state files away and back, as restoring an old backup of them would. */
static struct sw_buf file_get(struct world *world, const char *name)
{
    struct sw_disk *disk = world->config.disk;
    struct sw_file *file;
    struct sw_buf bytes = {0};
    uint64_t size;

    assert_int_equal(disk->ops->open(disk, name, false, &file), SW_ERR_OK);
    assert_int_equal(disk->ops->size(disk, file, &size), SW_ERR_OK);
    assert_int_equal(disk->ops->read(disk, file, 0, sw_buf_extend(&bytes, size), size), SW_ERR_OK);
    disk->ops->close(disk, file);
    return bytes;
}

static void file_put(struct world *world, const char *name, const struct sw_buf *bytes)
{
    struct sw_disk *disk = world->config.disk;
    struct sw_file *file;

    assert_int_equal(disk->ops->open(disk, name, true, &file), SW_ERR_OK);
    assert_int_equal(disk->ops->write(disk, file, 0, sw_buf_span(bytes)), SW_ERR_OK);
    disk->ops->close(disk, file);
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
        for (size_t i = 0; i < 20; i++) {
            entries[i] = (struct sw_wal_entry){
                .index = 4 + i, .term = 1, .type = 3, .body = sw_span_str("torn torn torn")};
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
    world_must_open(&world);
    expect_entries(&world, group_1, 1, 4, "written again");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_group_is_empty),
        cmocka_unit_test(test_committed_comes_back),
        cmocka_unit_test(test_append_replaces_and_truncate_drops),
        cmocka_unit_test(test_snapshot_drops_the_beginning),
        cmocka_unit_test(test_reset_drops_all_and_goes_on_behind),
        cmocka_unit_test(test_segments_roll_and_are_recycled),
        cmocka_unit_test(test_entry_larger_than_a_segment),
        cmocka_unit_test(test_strangers_and_newer_formats_are_refused),
        cmocka_unit_test(test_one_lost_state_copy_is_healed),
        cmocka_unit_test(test_both_state_copies_lost_is_corrupt),
        cmocka_unit_test(test_missing_segments_are_corrupt),
        cmocka_unit_test(test_state_rolled_back_behind_the_log_is_corrupt),
        cmocka_unit_test(test_damage_before_the_mark_is_corrupt),
        cmocka_unit_test(test_torn_tail_is_cut_and_written_over),
        cmocka_unit_test(test_full_disk_says_so),
        cmocka_unit_test(test_spare_is_prepared_in_slices),
        cmocka_unit_test(test_full_disk_while_preparing_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
