/* What the unit tests of the engine's files share: a log on the disk in memory, and one-line
 * requests. Include after <cmocka.h>. */
#ifndef SW_TESTS_UNIT_STORAGE_WAL_WORLD_H
#define SW_TESTS_UNIT_STORAGE_WAL_WORLD_H

#include <stdlib.h>
#include <string.h>

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

static inline struct world world_new(void)
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

static inline enum sw_err world_open(struct world *world)
{
    sw_wal_engine_close(world->engine);
    world->engine = NULL;
    return sw_wal_engine_open(&world->config, &world->engine, world->why);
}

static inline void world_must_open(struct world *world)
{
    if (world_open(world) != SW_ERR_OK) {
        fail_msg("open: %s", world->why);
    }
}

static inline void world_release(struct world *world)
{
    sw_wal_engine_close(world->engine);
    sw_disk_mem_free(world->disk);
}

static inline void commit(struct world *world, const struct sw_wal_op *ops, size_t count)
{
    if (sw_wal_engine_commit(world->engine, ops, count, world->why) != SW_ERR_OK) {
        fail_msg("commit: %s", world->why);
    }
}

static inline void
set_hard(struct world *world, struct sw_group_id group, uint64_t term, uint64_t vote)
{
    const struct sw_wal_op op = {
        .kind = SW_WAL_OP_HARD, .group = group, .hard = {.term = term, .vote = {vote}}};

    commit(world, &op, 1);
}

static inline void append(struct world *world,
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

static inline void truncate_from(struct world *world, struct sw_group_id group, uint64_t index)
{
    const struct sw_wal_op op = {.kind = SW_WAL_OP_TRUNCATE, .group = group, .index = index};

    commit(world, &op, 1);
}

static inline void set_snapshot(
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

static inline struct sw_wal_group load(struct world *world, struct sw_group_id group)
{
    struct sw_wal_group loaded;

    if (sw_wal_engine_load(world->engine, group, &loaded, world->why) != SW_ERR_OK) {
        fail_msg("load: %s", world->why);
    }
    return loaded;
}

static inline void expect_entries(struct world *world,
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

static inline struct sw_buf file_get(struct world *world, const char *name)
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

static inline void file_put(struct world *world, const char *name, const struct sw_buf *bytes)
{
    struct sw_disk *disk = world->config.disk;
    struct sw_file *file;

    assert_int_equal(disk->ops->open(disk, name, true, &file), SW_ERR_OK);
    assert_int_equal(disk->ops->write(disk, file, 0, sw_buf_span(bytes)), SW_ERR_OK);
    disk->ops->close(disk, file);
}

#endif
