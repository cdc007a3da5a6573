/* Reading one group's live entries back, as the start of a group needs them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "storage/wal_engine_private.h"

struct rebuild {
    struct sw__wal_log log;
    const struct sw_wal_state_group *row;
};

static enum sw_err rebuild_visit(void *arg,
                                 const struct sw_wal_segment_header *segment,
                                 uint64_t offset,
                                 const struct sw_wal_record *record,
                                 struct sw_span body)
{
    struct rebuild *rebuild = arg;

    SW_ASSERT(body.size == record->body_size);
    if (record->group.value == rebuild->row->group.value) {
        sw__wal_log_replay(&rebuild->log, rebuild->row, segment, offset, record);
    }
    return SW_ERR_OK;
}

/* Finds the places again by walking the log: only for a load after the first commit. */
static enum sw_err places_find(struct sw_wal_engine *engine, size_t row, char *why)
{
    struct rebuild rebuild = {.row = &engine->state.groups[row]};
    struct sw__wal_log *log = &engine->logs[row];
    struct sw_wal_catalog catalog;
    struct sw_wal_tail tail;
    enum sw_err err;

    sw__wal_log_init(&rebuild.log, rebuild.row->first_index, true);
    err = sw_wal_catalog_read(
        engine->config.disk, engine->config.swarm, engine->config.node, &catalog, why);
    if (err == SW_ERR_OK) {
        SW_ASSERT(!catalog.fresh);
        err =
            sw_wal_catalog_walk(engine->config.disk, &catalog, rebuild_visit, &rebuild, &tail, why);
    }
    sw_wal_catalog_release(&catalog);
    if (err != SW_ERR_OK) {
        sw__wal_log_release(&rebuild.log);
        return err;
    }
    SW_ASSERT(rebuild.log.start == log->start);
    SW_ASSERT(rebuild.log.next == log->next);
    sw__wal_log_release(log);
    *log = rebuild.log;
    return SW_ERR_OK;
}

/* Opens the segment's file in the reader unless it is the one that is open already. */
static enum sw_err segment_switch(struct sw_wal_engine *engine,
                                  struct sw_wal_reader *reader,
                                  struct sw_file **file,
                                  uint64_t *current,
                                  uint64_t wanted)
{
    struct sw_disk *disk = engine->config.disk;
    char name[SW_WAL_NAME_SIZE];
    enum sw_err err;

    SW_ASSERT(wanted > 0);
    if (*current == wanted) {
        return SW_ERR_OK;
    }
    sw_wal_reader_release(reader);
    disk->ops->close(disk, *file);
    *file = NULL;
    sw_wal_segment_name(wanted, name);
    err = disk->ops->open(disk, name, false, file);
    if (err != SW_ERR_OK) {
        return err;
    }
    *current = wanted;
    return sw_wal_reader_open(reader, disk, *file);
}

static enum sw_err entry_read(struct sw_wal_reader *reader,
                              const struct sw__wal_place *place,
                              uint64_t salt,
                              uint8_t *out)
{
    struct sw_span body;
    const enum sw_err err = sw_wal_reader_view(reader, place->offset, place->size, &body);

    SW_ASSERT(place->size <= SW_ENTRY_SIZE_MAX);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw_wal_body_sum(body, salt) != place->body_sum) {
        return SW_ERR_CORRUPT; /* it was good when the log was opened */
    }
    if (body.size > 0) {
        memcpy(out, body.data, body.size);
    }
    return SW_ERR_OK;
}

static enum sw_err entries_read(struct sw_wal_engine *engine,
                                const struct sw__wal_log *log,
                                struct sw_wal_group *group,
                                char *why)
{
    struct sw_wal_reader reader = {.disk = NULL};
    struct sw_wal_segment_header header = {0};
    struct sw_file *file = NULL;
    uint64_t current = 0;
    uint64_t out = 0;
    enum sw_err err = SW_ERR_OK;

    for (size_t i = 0; i < group->entry_count && err == SW_ERR_OK; i++) {
        const struct sw__wal_place *place = &log->places[i];
        const bool change = current != place->segment;

        err = segment_switch(engine, &reader, &file, &current, place->segment);
        if (err == SW_ERR_OK && change) {
            err = sw_wal_segment_read(engine->config.disk, place->segment, &header);
        }
        if (err == SW_ERR_OK) {
            err = entry_read(&reader, place, header.salt, group->blob + out);
        }
        group->entries[i] =
            (struct sw_wal_entry){.index = log->start + i,
                                  .term = place->term,
                                  .type = place->type,
                                  .body = sw_span_of(group->blob + out, place->size)};
        out += sw_wal_align(place->size, SW_WAL_ALIGNMENT);
    }
    if (err != SW_ERR_OK) {
        (void)snprintf(
            why, SW_WHY_SIZE, "wal-%016" PRIx64 ": reading entries: %s", current, sw_err_text(err));
    }
    sw_wal_reader_release(&reader);
    engine->config.disk->ops->close(engine->config.disk, file);
    return err;
}

static void group_fill(const struct sw_wal_state_group *row,
                       const struct sw__wal_log *log,
                       struct sw_wal_group *group)
{
    uint64_t blob_size = 0;

    group->hard = row->hard;
    group->has_snapshot = row->has_snapshot;
    group->snapshot_index = row->snapshot_index;
    group->snapshot_term = row->snapshot_term;
    group->first_index = log->start;
    group->entry_count = (size_t)(log->next - log->start);
    if (row->has_snapshot) {
        group->descriptor_size = row->descriptor.size;
        group->descriptor = malloc(row->descriptor.size + 1);
        SW_ASSERT(group->descriptor != NULL);
        if (row->descriptor.size > 0) {
            memcpy(group->descriptor, row->descriptor.data, row->descriptor.size);
        }
    }
    for (size_t i = 0; i < group->entry_count; i++) {
        blob_size += sw_wal_align(log->places[i].size, SW_WAL_ALIGNMENT);
    }
    if (group->entry_count > 0) {
        group->entries = calloc(group->entry_count, sizeof(*group->entries));
        group->blob = calloc(1, blob_size + 1);
        SW_ASSERT(group->entries != NULL);
        SW_ASSERT(group->blob != NULL);
    }
}

enum sw_err sw_wal_engine_load(struct sw_wal_engine *engine,
                               struct sw_group_id group,
                               struct sw_wal_group *ret_group,
                               char ret_why[SW_WHY_SIZE])
{
    struct sw_wal_group loaded = {.first_index = 1};
    const struct sw_wal_state_group *row = sw_wal_state_find(&engine->state, group);
    enum sw_err err = engine->failed;
    size_t at;

    SW_ASSERT(ret_group != NULL);
    if (err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the log failed before: %s", sw_err_text(err));
        return err;
    }
    if (row == NULL) {
        *ret_group = loaded;
        return SW_ERR_OK;
    }
    at = (size_t)(row - engine->state.groups);
    if (!engine->logs[at].placed) {
        err = places_find(engine, at, ret_why);
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    group_fill(row, &engine->logs[at], &loaded);
    err = entries_read(engine, &engine->logs[at], &loaded, ret_why);
    if (err != SW_ERR_OK) {
        sw_wal_group_release(&loaded);
        return err;
    }
    *ret_group = loaded;
    return SW_ERR_OK;
}
