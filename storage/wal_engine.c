/* The engine's write path: requests become records and state changes, in the order in which they
 * came. Records are synced before a state change that follows them and the other way round, so
 * what survives a crash is always a beginning of that order. */
#include "storage/wal_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "storage/wal_engine_private.h"

enum {
    BATCH_WRITE_SIZE = 1 << 20, /* a longer batch is handed to the disk in parts */
    ZERO_SIZE = 64 << 10,
    SPARE_SLICE_SIZE_MIN = 256 << 10,
};

enum sw_err sw__wal_fail(
    struct sw_wal_engine *engine, enum sw_err err, char *why, const char *what, const char *name)
{
    SW_ASSERT(err != SW_ERR_OK);
    engine->failed = err;
    (void)snprintf(why,
                   SW_WHY_SIZE,
                   "%s %s: %s",
                   what,
                   name,
                   err == SW_ERR_DISK_FULL ? "the disk is full" : sw_err_text(err));
    return err;
}

static enum sw_err
fail_segment(struct sw_wal_engine *engine, enum sw_err err, char *why, const char *what)
{
    char name[SW_WAL_NAME_SIZE];

    sw_wal_segment_name(engine->header.sequence, name);
    return sw__wal_fail(engine, err, why, what, name);
}

static uint64_t now_ns(const struct sw_wal_engine *engine)
{
    return engine->config.env == NULL ? 0 : sw_env_now_ns(engine->config.env);
}

enum sw_err sw__wal_file_write(struct sw_wal_engine *engine,
                               struct sw_file *file,
                               uint64_t offset,
                               struct sw_span bytes)
{
    struct sw_disk *disk = engine->config.disk;
    enum sw_err err;

    SW_ASSERT(engine->failed == SW_ERR_OK);
    engine->stats.bytes_written += bytes.size;
    err = disk->ops->write(disk, file, offset, bytes);
    return err == SW_ERR_DISK_FULL && SW_PLANTED(DISK_FULL_IGNORED) ? SW_ERR_OK : err;
}

enum sw_err sw__wal_file_sync(struct sw_wal_engine *engine, struct sw_file *file)
{
    struct sw_disk *disk = engine->config.disk;
    const uint64_t begin_ns = now_ns(engine);
    enum sw_err err;
    uint64_t took_ns;

    SW_ASSERT(engine->failed == SW_ERR_OK);
    err = disk->ops->sync(disk, file);
    took_ns = now_ns(engine) - begin_ns;
    engine->stats.syncs++;
    engine->stats.sync_ns_total += took_ns;
    if (took_ns > engine->stats.sync_ns_max) {
        engine->stats.sync_ns_max = took_ns;
    }
    return err;
}

enum sw_err
sw__wal_file_zero(struct sw_wal_engine *engine, struct sw_file *file, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[ZERO_SIZE];

    SW_ASSERT(from <= to);
    while (from < to) {
        const uint64_t take = to - from < ZERO_SIZE ? to - from : ZERO_SIZE;
        const enum sw_err err =
            sw__wal_file_write(engine, file, from, sw_span_of(zeros, (size_t)take));
        if (err != SW_ERR_OK) {
            return err;
        }
        from += take;
    }
    return SW_ERR_OK;
}

/* Hands the batch so far to the disk, without a sync. */
static enum sw_err batch_write(struct sw_wal_engine *engine, char *why)
{
    const enum sw_err err =
        sw__wal_file_write(engine, engine->file, engine->offset, sw_buf_span(&engine->batch));

    SW_ASSERT(engine->offset + engine->batch.size <= engine->header.size);
    if (err != SW_ERR_OK) {
        return fail_segment(engine, err, why, "writing");
    }
    engine->offset += engine->batch.size;
    engine->growth += engine->batch.size;
    sw_buf_clear(&engine->batch);
    return SW_ERR_OK;
}

enum sw_err sw__wal_records_sync(struct sw_wal_engine *engine, char *why)
{
    const uint64_t end = engine->offset + engine->batch.size;
    size_t padding;
    enum sw_err err;

    if (!engine->unsynced) {
        return SW_ERR_OK;
    }
    SW_ASSERT(engine->next_lsn - 1 > engine->durable_lsn);
    padding = (size_t)(sw_wal_align(end, engine->header.block_size) - end);
    memset(sw_buf_extend(&engine->batch, padding), 0, padding);
    err = batch_write(engine, why);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = SW_PLANTED(ACK_BEFORE_SYNC) ? SW_ERR_OK : sw__wal_file_sync(engine, engine->file);
    if (err != SW_ERR_OK && !SW_PLANTED(SYNC_ERROR_IGNORED)) {
        return fail_segment(engine, err, why, "syncing");
    }
    SW_ASSERT(engine->offset % engine->header.block_size == 0);
    engine->durable_lsn = engine->next_lsn - 1;
    engine->unsynced = false;
    return SW_ERR_OK;
}

enum sw_err sw__wal_mark_write(struct sw_wal_engine *engine, char *why)
{
    const struct sw_wal_record mark = {
        .kind = SW_WAL_KIND_MARK,
        .lsn = engine->next_lsn,
        .durable_lsn = engine->durable_lsn,
        .body_sum = sw_wal_body_sum(sw_span_of(NULL, 0), engine->header.salt)};
    const size_t size = engine->header.block_size;
    enum sw_err err;

    SW_ASSERT(!engine->unsynced);
    if (engine->offset + size > engine->header.size) {
        SW_MARK("wal.segment_full");
        return SW_ERR_OK; /* the header of the next segment will say it */
    }
    sw_buf_clear(&engine->scratch);
    memset(sw_buf_extend(&engine->scratch, size), 0, size);
    sw_wal_record_encode(&mark, engine->header.salt, engine->offset, engine->scratch.data);
    err = sw__wal_file_write(engine, engine->file, engine->offset, sw_buf_span(&engine->scratch));
    return err == SW_ERR_OK ? err : fail_segment(engine, err, why, "writing");
}

/* Appends one record to the batch; the segment has room for it. */
static void
record_encode(struct sw_wal_engine *engine, struct sw_wal_record *record, struct sw_span body)
{
    const uint64_t size = sw_wal_record_size(body.size);
    const uint64_t offset = engine->offset + engine->batch.size;
    uint8_t *out = sw_buf_extend(&engine->batch, (size_t)size);

    SW_ASSERT(offset + size <= engine->header.size);
    record->body_size = (uint32_t)body.size;
    record->lsn = engine->next_lsn;
    record->durable_lsn = engine->durable_lsn;
    record->body_sum = sw_wal_body_sum(body, engine->header.salt);
    sw_wal_record_encode(record, engine->header.salt, offset, out);
    out += SW_WAL_RECORD_HEADER_SIZE;
    if (body.size > 0) {
        memcpy(out, body.data, body.size);
    }
    memset(out + body.size, 0, (size_t)size - SW_WAL_RECORD_HEADER_SIZE - body.size);
    engine->next_lsn++;
    engine->unsynced = true;
}

static enum sw_err record_put(struct sw_wal_engine *engine,
                              struct sw_wal_record *record,
                              struct sw_span body,
                              char *why)
{
    const uint64_t size = sw_wal_record_size(body.size);
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(!engine->state_dirty);
    if (engine->offset + engine->batch.size + size > engine->header.size ||
        (engine->batch.size > 0 && SW_BUGGIFY("wal.segment_early", 10))) {
        err = sw__wal_segment_begin(engine, size, why);
    } else if (engine->batch.size >= BATCH_WRITE_SIZE ||
               (engine->batch.size > 0 && SW_BUGGIFY("wal.write_early", 50))) {
        err = batch_write(engine, why);
    }
    if (err == SW_ERR_OK) {
        record_encode(engine, record, body);
    }
    return err;
}

size_t sw__wal_group_row(struct sw_wal_engine *engine, struct sw_group_id group)
{
    struct sw_wal_state *state = &engine->state;
    const size_t at = sw_wal_state_position(state, group);
    const size_t behind = state->group_count - at;

    if (behind > 0 && state->groups[at].group.value == group.value) {
        return at;
    }
    SW_ASSERT(state->group_count < SW_GROUP_COUNT_MAX);
    state->groups = realloc(state->groups, (state->group_count + 1) * sizeof(*state->groups));
    engine->logs = realloc(engine->logs, (state->group_count + 1) * sizeof(*engine->logs));
    SW_ASSERT(state->groups != NULL);
    SW_ASSERT(engine->logs != NULL);
    memmove(&state->groups[at + 1], &state->groups[at], behind * sizeof(*state->groups));
    memmove(&engine->logs[at + 1], &engine->logs[at], behind * sizeof(*engine->logs));
    state->groups[at] = (struct sw_wal_state_group){.group = group, .first_index = 1};
    sw__wal_log_init(&engine->logs[at], 1, false);
    state->group_count++;
    return at;
}

static enum sw_err do_append(struct sw_wal_engine *engine, const struct sw_wal_op *op, char *why)
{
    const size_t row = sw__wal_group_row(engine, op->group);
    struct sw__wal_log *log = &engine->logs[row];

    for (size_t i = 0; i < op->entry_count; i++) {
        const struct sw_wal_entry *entry = &op->entries[i];
        struct sw_wal_record record = {.kind = SW_WAL_KIND_ENTRY,
                                       .group = op->group,
                                       .index = entry->index,
                                       .term = entry->term,
                                       .type = entry->type};
        struct sw__wal_place place = {0};
        enum sw_err err;

        SW_ASSERT(entry->index >= engine->state.groups[row].first_index);
        SW_ASSERT(entry->index <= log->next);
        SW_ASSERT(i == 0 || entry->index == op->entries[i - 1].index + 1);
        SW_ASSERT(entry->term > 0);
        SW_ASSERT(entry->term <= engine->state.groups[row].hard.term);
        SW_ASSERT(entry->body.size <= SW_ENTRY_SIZE_MAX);
        err = record_put(engine, &record, entry->body, why);
        if (err != SW_ERR_OK) {
            return err;
        }
        place.segment = engine->header.sequence;
        sw__wal_log_put(log, entry->index, &place);
        engine->stats.appends++;
        engine->stats.bytes_payload += entry->body.size;
    }
    return SW_ERR_OK;
}

static enum sw_err do_truncate(struct sw_wal_engine *engine, const struct sw_wal_op *op, char *why)
{
    const size_t row = sw__wal_group_row(engine, op->group);
    struct sw_wal_record record = {
        .kind = SW_WAL_KIND_TRUNCATE, .group = op->group, .index = op->index};
    enum sw_err err;

    SW_ASSERT(op->index >= engine->state.groups[row].first_index);
    err = record_put(engine, &record, sw_span_of(NULL, 0), why);
    if (err == SW_ERR_OK) {
        SW_MARK("wal.truncated");
        sw__wal_log_truncate(&engine->logs[row], op->index);
    }
    return err;
}

static void do_hard(struct sw_wal_engine *engine, const struct sw_wal_op *op)
{
    const size_t at = sw__wal_group_row(engine, op->group); /* may move the rows */
    struct sw_wal_state_group *row = &engine->state.groups[at];

    SW_ASSERT(op->hard.term >= row->hard.term);
    row->hard = op->hard;
    engine->state_dirty = engine->state_dirty || !SW_PLANTED(TERM_NOT_STORED);
}

static void do_snapshot(struct sw_wal_engine *engine, const struct sw_wal_op *op)
{
    const size_t at = sw__wal_group_row(engine, op->group);
    struct sw_wal_state_group *row = &engine->state.groups[at];

    SW_ASSERT(op->snapshot.descriptor.size <= SW_SNAPSHOT_DESCRIPTOR_SIZE_MAX);
    SW_ASSERT(op->index >= row->first_index);
    row->has_snapshot = true;
    row->snapshot_index = op->snapshot.index;
    row->snapshot_term = op->snapshot.term;
    sw_buf_clear(&row->descriptor);
    sw_write_bytes(&row->descriptor, op->snapshot.descriptor);
    row->first_index = op->index;
    if (op->reset) {
        SW_MARK("wal.reset_by_install");
        row->reset_lsn = engine->next_lsn;
        sw__wal_log_reset(&engine->logs[at], op->index);
    } else {
        sw__wal_log_drop_below(&engine->logs[at], op->index);
    }
    engine->state_dirty = true;
}

static enum sw_err do_op(struct sw_wal_engine *engine, const struct sw_wal_op *op, char *why)
{
    const bool records = op->kind == SW_WAL_OP_APPEND || op->kind == SW_WAL_OP_TRUNCATE;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(op->group.value != 0);
    if (records && engine->state_dirty) {
        err = sw__wal_state_flush(engine, why);
    } else if (!records) {
        err = sw__wal_records_sync(engine, why);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    switch (op->kind) {
    case SW_WAL_OP_APPEND:
        return do_append(engine, op, why);
    case SW_WAL_OP_TRUNCATE:
        return do_truncate(engine, op, why);
    case SW_WAL_OP_HARD:
        do_hard(engine, op);
        return SW_ERR_OK;
    case SW_WAL_OP_SNAPSHOT:
        do_snapshot(engine, op);
        return SW_ERR_OK;
    default:
        SW_ASSERT(false);
        return SW_ERR_INVALID;
    }
}

enum sw_err sw_wal_engine_commit(struct sw_wal_engine *engine,
                                 const struct sw_wal_op *ops,
                                 size_t count,
                                 char ret_why[SW_WHY_SIZE])
{
    const uint64_t lsn_before = engine->next_lsn;
    enum sw_err err = engine->failed;

    SW_ASSERT(ret_why != NULL);
    if (err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the log failed before: %s", sw_err_text(err));
        return err;
    }
    for (size_t i = 0; i < engine->state.group_count; i++) {
        if (engine->logs[i].placed) {
            sw__wal_log_forget_places(&engine->logs[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        err = do_op(engine, &ops[i], ret_why);
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    if (engine->state_dirty) {
        SW_MARK("wal.batch_ends_with_state");
    }
    err = engine->state_dirty ? sw__wal_state_flush(engine, ret_why)
                              : sw__wal_records_sync(engine, ret_why);
    if (err == SW_ERR_OK && engine->next_lsn != lsn_before) {
        err = sw__wal_mark_write(engine, ret_why);
    }
    SW_ASSERT(err != SW_ERR_OK || !engine->unsynced);
    engine->stats.batches++;
    return err;
}

static bool spare_missing(const struct sw_wal_engine *engine)
{
    SW_ASSERT(engine != NULL);
    return engine->failed == SW_ERR_OK && engine->spare_count == 0 && !engine->prepare_blocked;
}

bool sw_wal_engine_wants_spare(const struct sw_wal_engine *engine)
{
    SW_ASSERT(engine != NULL);
    return spare_missing(engine) && !SW_BUGGIFY("wal.no_spare", 100);
}

/* A full disk while preparing costs nothing but the spare: what was begun is given back. */
static enum sw_err prepare_give_up(struct sw_wal_engine *engine, char *why)
{
    struct sw_disk *disk = engine->config.disk;
    char name[SW_WAL_NAME_SIZE];
    enum sw_err err;

    SW_ASSERT(!engine->prepare_blocked);
    SW_MARK("wal.no_room_for_spare");
    engine->prepare_blocked = true;
    if (engine->preparing == NULL) {
        return SW_ERR_OK; /* not even the name fitted */
    }
    disk->ops->close(disk, engine->preparing);
    engine->preparing = NULL;
    sw_wal_unfinished_name(engine->preparing_sequence, name);
    err = disk->ops->remove(disk, name);
    return err == SW_ERR_OK ? err : sw__wal_fail(engine, err, why, "removing", name);
}

/* All slices are synced: from now on the file is as good as a recycled one, and named like one. If
 * a crash undoes the name, the next start removes the file. */
static enum sw_err prepare_finish(struct sw_wal_engine *engine)
{
    struct sw_disk *disk = engine->config.disk;
    char from[SW_WAL_NAME_SIZE];
    char to[SW_WAL_NAME_SIZE];

    SW_ASSERT(engine->prepared_size == engine->config.segment_size);
    disk->ops->close(disk, engine->preparing);
    engine->preparing = NULL;
    sw_wal_numbers_add(
        &engine->spares, &engine->spare_count, &engine->spare_capacity, engine->preparing_sequence);
    sw_wal_unfinished_name(engine->preparing_sequence, from);
    sw_wal_spare_name(engine->preparing_sequence, to);
    return disk->ops->rename(disk, from, to);
}

static enum sw_err prepare_begin(struct sw_wal_engine *engine)
{
    struct sw_disk *disk = engine->config.disk;
    char name[SW_WAL_NAME_SIZE];

    uint64_t room;
    enum sw_err err = disk->ops->room(disk, &room);

    SW_ASSERT(engine->preparing == NULL);
    if (err == SW_ERR_OK && room < engine->config.segment_size + engine->config.room_min) {
        err = SW_ERR_DISK_FULL; /* a spare is a luxury, and others need the rest */
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    engine->preparing_sequence = engine->spare_next;
    engine->spare_next++;
    engine->prepared_size = 0;
    sw_wal_unfinished_name(engine->preparing_sequence, name);
    return disk->ops->open(disk, name, true, &engine->preparing);
}

enum sw_err sw_wal_engine_prepare_spare(struct sw_wal_engine *engine, char ret_why[SW_WHY_SIZE])
{
    const uint64_t size = engine->config.segment_size;
    enum sw_err err = SW_ERR_OK;
    char name[SW_WAL_NAME_SIZE];
    uint64_t slice;

    SW_ASSERT(spare_missing(engine));
    if (engine->preparing == NULL) {
        err = prepare_begin(engine);
    }
    slice = engine->growth * 2 > SPARE_SLICE_SIZE_MIN ? engine->growth * 2 : SPARE_SLICE_SIZE_MIN;
    slice = slice < size - engine->prepared_size ? slice : size - engine->prepared_size;
    engine->growth = 0;
    if (err == SW_ERR_OK) {
        err = sw__wal_file_zero(
            engine, engine->preparing, engine->prepared_size, engine->prepared_size + slice);
    }
    if (err == SW_ERR_OK) {
        err = sw__wal_file_sync(engine, engine->preparing);
    }
    if (err == SW_ERR_DISK_FULL) {
        return prepare_give_up(engine, ret_why);
    }
    engine->prepared_size += slice;
    if (err == SW_ERR_OK && engine->prepared_size == size) {
        err = prepare_finish(engine);
    }
    if (err != SW_ERR_OK) {
        sw_wal_unfinished_name(engine->preparing_sequence, name);
        return sw__wal_fail(engine, err, ret_why, "preparing", name);
    }
    return SW_ERR_OK;
}

void sw_wal_engine_stats(const struct sw_wal_engine *engine, struct sw_wal_stats *ret_stats)
{
    SW_ASSERT(ret_stats != NULL);
    *ret_stats = engine->stats;
    ret_stats->segments = engine->used_count;
    ret_stats->segments_free = engine->spare_count;
}
