/* Opening: verify everything first, then repair what a crash left half done, then go on writing.
 * What is verified and found wrong is left as it was; see wal_scan.h for the rule. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "storage/wal_engine_private.h"

enum { COPY_SIZE = 1 << 20 };

static const char bootstrap_name[] = "state-new";

static bool config_validate(const struct sw_wal_engine_config *config)
{
    return config->disk != NULL && config->node.value != 0 &&
           config->block_size >= SW_WAL_BLOCK_SIZE_MIN &&
           config->block_size <= SW_WAL_BLOCK_SIZE_MAX &&
           (config->block_size & (config->block_size - 1)) == 0 &&
           config->segment_size >= SW_WAL_SEGMENT_SIZE_MIN &&
           config->segment_size <= SW_WAL_SEGMENT_SIZE_MAX &&
           config->segment_size % config->block_size == 0 && config->spare_count > 0;
}

static struct sw_wal_engine *engine_new(const struct sw_wal_engine_config *config)
{
    struct sw_wal_engine *engine = calloc(1, sizeof(*engine));

    SW_ASSERT(engine != NULL);
    engine->config = *config;
    if (config->segment_size == 0) {
        engine->config.segment_size = SW_WAL_SEGMENT_SIZE_DEFAULT;
    }
    if (config->block_size == 0) {
        engine->config.block_size = 4096;
    }
    if (config->spare_count == 0) {
        engine->config.spare_count = 2;
    }
    engine->next_lsn = 1;
    engine->spare_next = 1;
    SW_ASSERT(config_validate(&engine->config));
    return engine;
}

/* The first state file appears under its name only when it is whole, so that a bad one later is
 * damage and never a first start that did not finish. */
static enum sw_err bootstrap_state(struct sw_wal_engine *engine, char *why)
{
    struct sw_disk *disk = engine->config.disk;
    struct sw_file *file = NULL;
    enum sw_err err;

    sw_wal_state_encode(&engine->state, &engine->scratch);
    err = disk->ops->open(disk, bootstrap_name, true, &file);
    if (err == SW_ERR_OK) {
        err = sw__wal_file_write(engine, file, 0, sw_buf_span(&engine->scratch));
    }
    if (err == SW_ERR_OK) {
        err = sw__wal_file_sync(engine, file);
    }
    disk->ops->close(disk, file);
    if (err == SW_ERR_OK) {
        err = disk->ops->rename(disk, bootstrap_name, sw_wal_state_name(0));
    }
    if (err == SW_ERR_OK) {
        err = disk->ops->sync_directory(disk);
    }
    return err == SW_ERR_OK ? err : sw__wal_fail(engine, err, why, "creating", bootstrap_name);
}

static enum sw_err bootstrap(struct sw_wal_engine *engine, char *why)
{
    enum sw_err err;

    SW_ASSERT(engine->used_count == 0);
    sw_wal_state_release(&engine->state);
    engine->state = (struct sw_wal_state){.swarm = engine->config.swarm,
                                          .node = engine->config.node,
                                          .sequence = 1,
                                          .first_segment = 1};
    err = bootstrap_state(engine, why);
    if (err == SW_ERR_OK) {
        err = sw__wal_state_flush(engine, why);
    }
    return err == SW_ERR_OK ? sw__wal_segment_begin(engine, 0, why) : err;
}

struct replay {
    struct sw_wal_engine *engine;
    char *why;
};

static enum sw_err replay_refuse(const struct replay *replay,
                                 const struct sw_wal_segment_header *segment,
                                 uint64_t offset,
                                 const struct sw_wal_record *record)
{
    char name[SW_WAL_NAME_SIZE];

    sw_wal_segment_name(segment->sequence, name);
    (void)snprintf(replay->why,
                   SW_WHY_SIZE,
                   "%s offset %" PRIu64 ": group %" PRIu32 " has term %" PRIu64
                   " there, state-a and -b are older: term and vote went back; "
                   "nothing was changed",
                   name,
                   offset,
                   record->group.value,
                   record->term);
    return SW_ERR_CORRUPT;
}

static enum sw_err replay_visit(void *arg,
                                const struct sw_wal_segment_header *segment,
                                uint64_t offset,
                                const struct sw_wal_record *record,
                                struct sw_span body)
{
    const struct replay *replay = arg;
    const struct sw_wal_state_group *row = sw_wal_state_find(&replay->engine->state, record->group);

    SW_ASSERT(body.size == record->body_size);
    /* An entry is written only after its term, so a lower stored term is not the last one. */
    if (row == NULL || record->term > row->hard.term) {
        return replay_refuse(replay, segment, offset, record);
    }
    sw__wal_log_replay(
        &replay->engine->logs[row - replay->engine->state.groups], row, segment, offset, record);
    return SW_ERR_OK;
}

static void logs_init(struct sw_wal_engine *engine)
{
    SW_ASSERT(engine->logs == NULL);
    engine->logs = calloc(engine->state.group_count + 1, sizeof(*engine->logs));
    SW_ASSERT(engine->logs != NULL);
    for (size_t i = 0; i < engine->state.group_count; i++) {
        sw__wal_log_init(&engine->logs[i], engine->state.groups[i].first_index, true);
    }
}

/* A log that does not begin at its first index lost entries in a way that no sum showed. */
static enum sw_err logs_check(const struct sw_wal_engine *engine, char *why)
{
    for (size_t i = 0; i < engine->state.group_count; i++) {
        const struct sw_wal_state_group *row = &engine->state.groups[i];
        SW_ASSERT(sw__wal_log_validate(&engine->logs[i]));
        if (engine->logs[i].start != row->first_index) {
            (void)snprintf(why,
                           SW_WHY_SIZE,
                           "group %" PRIu32 ": entries from %" PRIu64 " to %" PRIu64
                           " are missing; nothing was changed",
                           row->group.value,
                           row->first_index,
                           engine->logs[i].start - 1);
            return SW_ERR_CORRUPT;
        }
    }
    return SW_ERR_OK;
}

/* The records of the last batch may sit in the page cache only: the process died before its sync,
 * or the sync failed and the kernel called the pages clean. Written again they must reach the
 * disk, or the sync says so. Same bytes at the same place: a crash in between changes nothing. */
static enum sw_err
tail_rewrite(struct sw_wal_engine *engine, const struct sw_wal_end *end, char *why)
{
    struct sw_disk *disk = engine->config.disk;
    uint64_t at = end->batch_offset;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(at % engine->header.block_size == 0);
    while (at < engine->offset && err == SW_ERR_OK) {
        const uint64_t left = engine->offset - at;
        const size_t take = left < COPY_SIZE ? (size_t)left : (size_t)COPY_SIZE;
        sw_buf_clear(&engine->scratch);
        err = disk->ops->read(disk, engine->file, at, sw_buf_extend(&engine->scratch, take), take);
        if (err == SW_ERR_OK) {
            err = sw__wal_file_write(engine, engine->file, at, sw_buf_span(&engine->scratch));
        }
        at += take;
    }
    return err == SW_ERR_OK ? err : sw__wal_fail(engine, err, why, "rewriting", "the last batch");
}

/* Makes the last segment ready for the next batch: what was read from it is durable, and nothing
 * behind its end can be taken for a record later. */
static enum sw_err tail_repair(struct sw_wal_engine *engine,
                               const struct sw_wal_end *end,
                               const struct sw_wal_behind *behind,
                               char *why)
{
    char name[SW_WAL_NAME_SIZE];
    enum sw_err err;

    sw_wal_segment_name(engine->header.sequence, name);
    err = engine->config.disk->ops->open(engine->config.disk, name, false, &engine->file);
    if (err != SW_ERR_OK) {
        return sw__wal_fail(engine, err, why, "opening", name);
    }
    engine->offset = sw_wal_align(end->offset, engine->header.block_size);
    engine->next_lsn = end->lsn;
    if (behind->durable_lsn + 1 < end->lsn && end->durable_lsn + 1 < end->lsn &&
        !SW_PLANTED(TAIL_TAKEN_FOR_DURABLE)) {
        SW_MARK("wal.tail_rewritten");
        err = tail_rewrite(engine, end, why);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    if (behind->leftover_offset > engine->offset) {
        SW_MARK("wal.tail_cut");
        err = sw__wal_file_zero(engine,
                                engine->file,
                                engine->offset,
                                sw_wal_align(behind->leftover_offset, engine->header.block_size));
    }
    if (err == SW_ERR_OK) {
        err = sw__wal_file_sync(engine, engine->file);
    }
    if (err != SW_ERR_OK) {
        return sw__wal_fail(engine, err, why, "repairing", name);
    }
    engine->durable_lsn = end->lsn - 1;
    return sw__wal_mark_write(engine, why);
}

/* Spares are only worth keeping if they have the size that is used now. */
static enum sw_err spares_adopt(struct sw_wal_engine *engine, char *why)
{
    struct sw_disk *disk = engine->config.disk;
    size_t kept = 0;

    for (size_t i = 0; i < engine->spare_count; i++) {
        struct sw_file *file = NULL;
        char name[SW_WAL_NAME_SIZE];
        uint64_t size = 0;
        enum sw_err err;

        SW_ASSERT(engine->spares[i] < engine->spare_next);
        sw_wal_spare_name(engine->spares[i], name);
        err = disk->ops->open(disk, name, false, &file);
        if (err == SW_ERR_OK) {
            err = disk->ops->size(disk, file, &size);
        }
        disk->ops->close(disk, file);
        if (err == SW_ERR_OK && size == engine->config.segment_size &&
            kept < engine->config.spare_count) {
            engine->spares[kept] = engine->spares[i];
            kept++;
        } else if (err == SW_ERR_OK) {
            SW_MARK("wal.spare_discarded");
            err = disk->ops->remove(disk, name);
        }
        if (err != SW_ERR_OK) {
            return sw__wal_fail(engine, err, why, "adopting", name);
        }
    }
    engine->spare_count = kept;
    return SW_ERR_OK;
}

/* Segments that a crash kept after the state had given them up. */
static enum sw_err
leftovers_remove(struct sw_wal_engine *engine, const struct sw_wal_catalog *catalog, char *why)
{
    for (size_t i = 0; i < catalog->leftover_count; i++) {
        enum sw_err err;
        SW_ASSERT(catalog->leftovers[i] < engine->state.first_segment);
        SW_MARK("wal.leftover_segment");
        err = sw__wal_segment_recycle(engine, catalog->leftovers[i], 0, why);
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return SW_ERR_OK;
}

/* Leaves both copies equal and durable, so that from now on either of them may be lost.
 *
 * A copy that can be read may still be in the page cache only. The protocol (a is synced before b
 * is written, b before the next a) tells which one: a newer a may be unsynced, then b is durable;
 * with both equal b may be, then a is durable. So the doubtful one is written again, same bytes,
 * while the other one holds; and the bad one, if there is one, is written while the good one holds.
 */
static enum sw_err
states_heal(struct sw_wal_engine *engine, const struct sw_wal_catalog *catalog, char *why)
{
    const bool a_newer = catalog->state_behind[1] && !catalog->state_bad[1];
    const bool write_copy[2] = {catalog->state_behind[0] || a_newer, !catalog->state_behind[0]};

    SW_ASSERT(!engine->state_dirty);
    SW_ASSERT(!catalog->state_behind[0] || !catalog->state_behind[1]);
    /* Nothing but marks, which most builds leave out. NOLINTNEXTLINE(bugprone-branch-clone) */
    if (catalog->state_bad[0] || catalog->state_bad[1]) {
        SW_MARK("wal.state_copy_torn");
    } else if (a_newer) {
        SW_MARK("wal.state_copy_behind");
    }
    for (int copy = 0; copy < 2; copy++) {
        enum sw_err err;
        if (!write_copy[copy]) {
            continue;
        }
        sw_wal_state_encode(&engine->state, &engine->scratch);
        err = sw__wal_state_write(engine, copy, why);
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return SW_ERR_OK;
}

static enum sw_err recover(struct sw_wal_engine *engine, struct sw_wal_catalog *catalog, char *why)
{
    struct replay replay = {.engine = engine, .why = why};
    struct sw_wal_tail tail;
    enum sw_err err;

    engine->state = catalog->state;
    catalog->state.groups = NULL; /* moved */
    catalog->state.group_count = 0;
    logs_init(engine);
    err = sw_wal_catalog_walk(engine->config.disk, catalog, replay_visit, &replay, &tail, why);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = logs_check(engine, why);
    if (err != SW_ERR_OK) {
        return err;
    }
    for (size_t i = 0; i < catalog->segment_count; i++) {
        sw__wal_used_add(engine, catalog->segments[i].sequence, catalog->segments[i].size);
    }
    engine->header = catalog->segments[catalog->segment_count - 1];
    /* A name that is seen may not be durable yet; what is written to that file must not get lost
     * with it. */
    err = engine->config.disk->ops->sync_directory(engine->config.disk);
    if (err != SW_ERR_OK) {
        return sw__wal_fail(engine, err, why, "syncing", "the directory");
    }
    err = tail_repair(engine, &tail.end, &tail.behind, why);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = states_heal(engine, catalog, why);
    return err == SW_ERR_OK ? leftovers_remove(engine, catalog, why) : err;
}

static void spare_next_above(struct sw_wal_engine *engine, uint64_t sequence)
{
    if (sequence >= engine->spare_next) {
        engine->spare_next = sequence + 1;
    }
    SW_ASSERT(engine->spare_next > sequence);
}

/* Takes over the spares and removes the files that were to become some. */
static enum sw_err
spares_find(struct sw_wal_engine *engine, const struct sw_wal_catalog *catalog, char *why)
{
    struct sw_disk *disk = engine->config.disk;

    for (size_t i = 0; i < catalog->unfinished_count; i++) {
        char name[SW_WAL_NAME_SIZE];
        enum sw_err err;
        SW_MARK("wal.unfinished_spare");
        sw_wal_unfinished_name(catalog->unfinished[i], name);
        err = disk->ops->remove(disk, name);
        if (err != SW_ERR_OK) {
            return sw__wal_fail(engine, err, why, "removing", name);
        }
        spare_next_above(engine, catalog->unfinished[i]);
    }
    for (size_t i = 0; i < catalog->spare_count; i++) {
        sw_wal_numbers_add(
            &engine->spares, &engine->spare_count, &engine->spare_capacity, catalog->spares[i]);
        spare_next_above(engine, catalog->spares[i]);
    }
    SW_ASSERT(engine->spare_next > 0);
    return spares_adopt(engine, why);
}

enum sw_err sw_wal_engine_open(const struct sw_wal_engine_config *config,
                               struct sw_wal_engine **ret_engine,
                               char ret_why[SW_WHY_SIZE])
{
    struct sw_wal_engine *engine = engine_new(config);
    struct sw_wal_catalog catalog;
    enum sw_err err;

    SW_ASSERT(ret_engine != NULL);
    ret_why[0] = '\0';
    err = sw_wal_catalog_read(config->disk, config->swarm, config->node, &catalog, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    if (!catalog.fresh) {
        err = recover(engine, &catalog, ret_why);
        if (err != SW_ERR_OK) {
            goto out;
        }
    }
    err = spares_find(engine, &catalog, ret_why);
    if (err == SW_ERR_OK && catalog.fresh) {
        err = bootstrap(engine, ret_why);
    }
    if (err != SW_ERR_OK) {
        goto out;
    }
    *ret_engine = engine;
    engine = NULL;
out:
    sw_wal_catalog_release(&catalog);
    sw_wal_engine_close(engine);
    return err;
}

void sw_wal_engine_close(struct sw_wal_engine *engine)
{
    struct sw_disk *disk;

    if (engine == NULL) {
        return;
    }
    disk = engine->config.disk;
    disk->ops->close(disk, engine->file);
    disk->ops->close(disk, engine->preparing);
    disk->ops->close(disk, engine->state_files[0]);
    disk->ops->close(disk, engine->state_files[1]);
    for (size_t i = 0; engine->logs != NULL && i < engine->state.group_count; i++) {
        sw__wal_log_release(&engine->logs[i]);
    }
    free(engine->logs);
    sw_wal_state_release(&engine->state);
    sw_buf_release(&engine->batch);
    sw_buf_release(&engine->scratch);
    free(engine->used);
    free(engine->spares);
    free(engine);
}
