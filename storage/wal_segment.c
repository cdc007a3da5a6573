/* The engine's files: beginning a segment, giving one back, writing the two state copies. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/point.h"
#include "storage/wal_engine_private.h"

void sw__wal_used_add(struct sw_wal_engine *engine, uint64_t sequence, uint64_t size)
{
    SW_ASSERT(engine->used_count <= engine->used_capacity);
    if (engine->used_count == engine->used_capacity) {
        engine->used_capacity = engine->used_capacity == 0 ? 8 : engine->used_capacity * 2;
        engine->used = realloc(engine->used, engine->used_capacity * sizeof(*engine->used));
        SW_ASSERT(engine->used != NULL);
    }
    SW_ASSERT(engine->used_count == 0 ||
              engine->used[engine->used_count - 1].sequence + 1 == sequence);
    engine->used[engine->used_count] = (struct sw__wal_used){.sequence = sequence, .size = size};
    engine->used_count++;
}

enum sw_err sw__wal_state_write(struct sw_wal_engine *engine, int copy, char *why)
{
    struct sw_disk *disk = engine->config.disk;
    const char *name = sw_wal_state_name(copy);
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(engine->scratch.size >= SW_WAL_STATE_HEADER_SIZE);
    if (engine->state_files[copy] == NULL) {
        err = disk->ops->open(disk, name, false, &engine->state_files[copy]);
        if (err == SW_ERR_NOT_FOUND) {
            err = disk->ops->open(disk, name, true, &engine->state_files[copy]);
            if (err == SW_ERR_OK) {
                err = disk->ops->sync_directory(disk);
            }
        }
        if (err != SW_ERR_OK) {
            return sw__wal_fail(engine, err, why, "opening", name);
        }
    }
    err = sw__wal_file_write(engine, engine->state_files[copy], 0, sw_buf_span(&engine->scratch));
    if (err != SW_ERR_OK) {
        return sw__wal_fail(engine, err, why, "writing", name);
    }
    err = sw__wal_file_sync(engine, engine->state_files[copy]);
    return err == SW_ERR_OK ? err : sw__wal_fail(engine, err, why, "syncing", name);
}

/* The oldest segment that any group, or the writer, still needs. Only a beginning of the chain is
 * ever given up: the LSNs of the rest then stay without a gap, which is what recovery checks. */
static uint64_t first_needed(const struct sw_wal_engine *engine)
{
    uint64_t first = engine->header.sequence;

    for (size_t i = 0; i < engine->state.group_count; i++) {
        const uint64_t segment = sw__wal_log_first_segment(&engine->logs[i]);
        if (segment < first) {
            first = segment;
        }
    }
    SW_ASSERT(first > 0);
    return first;
}

enum sw_err
sw__wal_segment_recycle(struct sw_wal_engine *engine, uint64_t sequence, uint64_t size, char *why)
{
    struct sw_disk *disk = engine->config.disk;
    const bool keep =
        size == engine->config.segment_size && engine->spare_count < engine->config.spare_count;
    char name[SW_WAL_NAME_SIZE];
    char spare[SW_WAL_NAME_SIZE];
    enum sw_err err;

    SW_ASSERT(sequence < engine->state.first_segment);
    sw_wal_segment_name(sequence, name);
    if (!keep) {
        err = disk->ops->remove(disk, name);
        return err == SW_ERR_OK ? err : sw__wal_fail(engine, err, why, "removing", name);
    }
    sw_wal_spare_name(engine->spare_next, spare);
    err = disk->ops->rename(disk, name, spare);
    if (err != SW_ERR_OK) {
        return sw__wal_fail(engine, err, why, "recycling", name);
    }
    sw_wal_numbers_add(
        &engine->spares, &engine->spare_count, &engine->spare_capacity, engine->spare_next);
    engine->spare_next++;
    return SW_ERR_OK;
}

/* Gives up the segments before state.first_segment. Both state copies say so already: should a
 * crash bring an old name back, over whatever bytes, the next start removes that file unread. So
 * the new names need not be durable. */
static enum sw_err recycle(struct sw_wal_engine *engine, char *why)
{
    size_t gone = 0;

    while (engine->used[gone].sequence < engine->state.first_segment) {
        const enum sw_err err = sw__wal_segment_recycle(
            engine, engine->used[gone].sequence, engine->used[gone].size, why);
        if (err != SW_ERR_OK) {
            return err;
        }
        gone++;
    }
    SW_ASSERT(gone < engine->used_count);
    if (gone > 0) {
        engine->used_count -= gone;
        memmove(engine->used, engine->used + gone, engine->used_count * sizeof(*engine->used));
    }
    return SW_ERR_OK;
}

enum sw_err sw__wal_state_flush(struct sw_wal_engine *engine, char *why)
{
    SW_ASSERT(!engine->unsynced);
    engine->state.sequence++;
    engine->state.durable_lsn = engine->durable_lsn;
    if (engine->used_count > 0) {
        engine->state.first_segment = first_needed(engine);
    }
    sw_wal_state_encode(&engine->state, &engine->scratch);
    for (int copy = 0; copy < 2; copy++) {
        const enum sw_err err = sw__wal_state_write(engine, copy, why);
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    engine->state_dirty = false;
    return engine->used_count > 0 ? recycle(engine, why) : SW_ERR_OK;
}

/* A file of `size` bytes, open, and the name it has so far: a waiting one, or one made on the spot
 * (the sync of its header makes its size durable too). */
static enum sw_err
spare_take(struct sw_wal_engine *engine, uint64_t size, char *name, struct sw_file **ret_file)
{
    struct sw_disk *disk = engine->config.disk;
    enum sw_err err;

    SW_ASSERT(size >= engine->config.segment_size);
    if (size == engine->config.segment_size && engine->spare_count > 0) {
        SW_MARK("wal.spare_taken");
        engine->spare_count--;
        sw_wal_spare_name(engine->spares[engine->spare_count], name);
        return disk->ops->open(disk, name, false, ret_file);
    }
    sw_wal_unfinished_name(engine->spare_next, name);
    engine->spare_next++;
    err = disk->ops->open(disk, name, true, ret_file);
    return err == SW_ERR_OK ? sw__wal_file_zero(engine, *ret_file, 0, size) : err;
}

static struct sw_wal_segment_header header_make(const struct sw_wal_engine *engine, uint64_t size)
{
    struct sw_wal_segment_header header = {
        .block_size = engine->config.block_size,
        .swarm = engine->config.swarm,
        .node = engine->config.node,
        .sequence = engine->used_count == 0 ? 1 : engine->used[engine->used_count - 1].sequence + 1,
        .first_lsn = engine->next_lsn,
        .size = size,
        .state_sequence = engine->state.sequence,
    };
    const uint64_t mixed[2] = {header.sequence, header.first_lsn};

    SW_ASSERT(header.first_lsn > 0);
    header.salt = XXH3_64bits_withSeed(mixed, sizeof(mixed), engine->config.salt);
    return header;
}

/* Puts the header into the file and only then gives it its name: a file called wal-* always has a
 * good header, so one without is damaged, not half made. */
static enum sw_err segment_publish(struct sw_wal_engine *engine,
                                   struct sw_file *file,
                                   const struct sw_wal_segment_header *header,
                                   const char *spare)
{
    struct sw_disk *disk = engine->config.disk;
    char name[SW_WAL_NAME_SIZE];
    enum sw_err err;

    sw_buf_clear(&engine->scratch);
    memset(sw_buf_extend(&engine->scratch, header->block_size), 0, header->block_size);
    sw_wal_segment_header_encode(header, engine->scratch.data);
    err = sw__wal_file_write(engine, file, 0, sw_buf_span(&engine->scratch));
    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw__wal_file_sync(engine, file);
    if (err != SW_ERR_OK) {
        return err;
    }
    sw_wal_segment_name(header->sequence, name);
    err = disk->ops->rename(disk, spare, name);
    if (SW_PLANTED(SEGMENT_NAME_NOT_SYNCED)) {
        return err;
    }
    return err == SW_ERR_OK ? disk->ops->sync_directory(disk) : err;
}

enum sw_err sw__wal_segment_begin(struct sw_wal_engine *engine, uint64_t record_size, char *why)
{
    const uint64_t needed =
        sw_wal_align(engine->config.block_size + record_size, engine->config.block_size);
    const bool longer = needed > engine->config.segment_size;
    const uint64_t size = longer ? needed : engine->config.segment_size;
    struct sw_disk *disk = engine->config.disk;
    struct sw_wal_segment_header header;
    struct sw_file *file = NULL;
    char spare[SW_WAL_NAME_SIZE];
    enum sw_err err = sw__wal_records_sync(engine, why);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (longer) {
        SW_MARK("wal.segment_of_one_entry");
    }
    SW_ASSERT(!engine->state_dirty);
    header = header_make(engine, size);
    err = spare_take(engine, size, spare, &file);
    if (err == SW_ERR_OK) {
        err = segment_publish(engine, file, &header, spare);
    }
    if (err != SW_ERR_OK) {
        disk->ops->close(disk, file);
        return sw__wal_fail(engine, err, why, "beginning a segment from", spare);
    }
    disk->ops->close(disk, engine->file);
    engine->file = file;
    engine->header = header;
    engine->offset = header.block_size;
    engine->prepare_blocked = false;
    sw__wal_used_add(engine, header.sequence, size);
    /* From here on the segment's absence is noticed, before anything in it is acknowledged. */
    engine->state.last_segment = header.sequence;
    return sw__wal_state_flush(engine, why);
}
