/* Export from a pinned view, import through the stage. */
#include "node/transfer.h"

#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/chunk.h"
#include "node/history.h"
#include "storage/store_seal.h"

/* Commits of the stage or of its removal happen at least this often, to bound a transaction. */
enum { DROP_COUNT_PER_COMMIT = 10000 };

/* --- export ----------------------------------------------------------------------------------- */

enum sw_err
sw_export_begin(struct sw_export *out, const struct sw_state *state, struct sw_store *store)
{
    struct sw_store_reader *reader;
    enum sw_err err;

    SW_ASSERT(!state->changed);
    sw_export_end(out, store);
    err = store->ops->reader_open(store, &reader);
    if (err == SW_ERR_OK) {
        *out = (struct sw_export){.reader = reader, .index = state->index, .digest = state->digest};
    }
    return err;
}

void sw_export_end(struct sw_export *out, struct sw_store *store)
{
    store->ops->reader_close(out->reader);
    *out = (struct sw_export){0};
}

/* Where a group's records of one table begin, which is also what they all begin with. Today one
 * group owns every slot; with more, the tables that start with a slot get their ranges here. */
static void table_prefix(struct sw_group_id group, enum sw_table table, struct sw_key *ret_key)
{
    ret_key->size = 0;
    if (table != SW_TABLE_KV && table != SW_TABLE_EXPERIENCE && table != SW_TABLE_HISTORY &&
        table != SW_TABLE_INDEX) {
        sw_key_group(group, ret_key);
    }
}

static bool of_group(struct sw_group_id group, enum sw_table table, struct sw_span key)
{
    struct sw_key prefix;

    table_prefix(group, table, &prefix);
    return sw_key_has_prefix(key, sw_key_span(&prefix));
}

/* A chunk being filled: records go to `records`, `at` is where the next one starts. */
struct filling {
    struct sw_export *out;
    struct sw_group_id group;
    struct sw_cursor at;
    struct sw_buf records;
    uint32_t count;
    size_t size_max; /* of `records` */
};

/* Adds what fits of a record. False if some of it is left; `at` then says what. */
static bool fill_record(struct filling *fill, const struct sw_store_record *stored)
{
    const size_t overhead = SW_CHUNK_RECORD_HEADER_SIZE + stored->key.size;
    const size_t left = stored->value.size - fill->at.offset;
    const size_t room = fill->size_max - fill->records.size;
    struct sw_chunk_record record;
    size_t size;

    if (room < overhead + (left > 0 ? 1 : 0)) {
        return false;
    }
    size = room - overhead < left ? room - overhead : left;
    record =
        (struct sw_chunk_record){.table = fill->at.table,
                                 .key = stored->key,
                                 .total = (uint32_t)stored->value.size,
                                 .offset = fill->at.offset,
                                 .bytes = sw_span_of(stored->value.data + fill->at.offset, size)};
    sw_chunk_record_encode(&record, &fill->records);
    fill->count++;
    fill->at.offset += (uint32_t)size;
    return size == left;
}

/* Moves the cursor to `key`, at whose value it begins unless it stood there already. */
static void fill_reach(struct sw_cursor *at, struct sw_span key)
{
    if (!sw_span_equal(key, sw_key_span(&at->key))) {
        SW_ASSERT(key.size <= sizeof at->key.data);
        memcpy(at->key.data, key.data, key.size);
        at->key.size = key.size;
        at->offset = 0;
    }
}

/* Fills from one table. NOT_FOUND: the table is done; OK: the chunk is full. */
static enum sw_err fill_table(struct filling *fill, const struct sw_store_ops *ops)
{
    struct sw_store_reader *reader = fill->out->reader;
    struct sw_store_record stored;
    enum sw_err err;

    err = ops->reader_seek(reader, fill->at.table, sw_key_span(&fill->at.key), &stored);
    while (err == SW_ERR_OK && of_group(fill->group, fill->at.table, stored.key)) {
        fill_reach(&fill->at, stored.key);
        if (fill->at.offset > stored.value.size) {
            return SW_ERR_MALFORMED; /* a cursor that we did not make */
        }
        if (!fill_record(fill, &stored)) {
            return SW_ERR_OK;
        }
        err = ops->reader_next(reader, fill->at.table, &stored);
        fill->at.offset = 0;
    }
    return err == SW_ERR_OK ? SW_ERR_NOT_FOUND : err;
}

/* OK: full; NOT_FOUND: nothing is left in any table. */
static enum sw_err fill_tables(struct filling *fill, const struct sw_store_ops *ops)
{
    enum sw_err err = SW_ERR_NOT_FOUND;

    while (err == SW_ERR_NOT_FOUND && fill->at.table < SW_TABLE_STAGE) {
        err = fill_table(fill, ops);
        if (err == SW_ERR_NOT_FOUND) {
            fill->at.table = (enum sw_table)(fill->at.table + 1);
            fill->at.offset = 0;
            if (fill->at.table < SW_TABLE_STAGE) {
                table_prefix(fill->group, fill->at.table, &fill->at.key);
            }
        }
    }
    return err;
}

static enum sw_err
fill_open(struct filling *fill, struct sw_export *out, struct sw_span cursor, size_t size_max)
{
    *fill = (struct filling){.out = out, .group = fill->group};
    fill->size_max = size_max - SW_CHUNK_HEADER_SIZE - 4 - cursor.size - SW_CHUNK_TRAILER_SIZE_MAX;
    if (cursor.size == 0) {
        fill->at = (struct sw_cursor){.index = out->index, .digest = out->digest};
        table_prefix(fill->group, fill->at.table, &fill->at.key);
        return SW_ERR_OK;
    }
    if (sw_cursor_decode(cursor, &fill->at) != SW_ERR_OK) {
        return SW_ERR_MALFORMED;
    }
    return out->reader != NULL && fill->at.index == out->index && fill->at.digest == out->digest
               ? SW_ERR_OK
               : SW_ERR_CONFLICT;
}

enum sw_err sw_export_chunk(struct sw_export *out,
                            struct sw_store *store,
                            struct sw_group_id group,
                            struct sw_span cursor,
                            size_t size_max,
                            struct sw_buf *chunk)
{
    struct filling fill = {.group = group};
    struct sw_buf next = {0};
    enum sw_err err;

    SW_ASSERT(size_max >= SW_CHUNK_SIZE_MIN);
    if (cursor.size > SW_CURSOR_SIZE_MAX) {
        return SW_ERR_MALFORMED;
    }
    err = fill_open(&fill, out, cursor, size_max);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = fill_tables(&fill, store->ops);
    if (err != SW_ERR_OK && err != SW_ERR_NOT_FOUND) {
        goto out;
    }
    fill.at.running = sw_chunk_running(fill.at.running, sw_buf_span(&fill.records));
    if (err == SW_ERR_OK) {
        sw_cursor_encode(&fill.at, &next);
    }
    err = SW_ERR_OK;
    sw_buf_clear(chunk);
    sw_chunk_encode(&(struct sw_chunk){.group = group,
                                       .index = out->index,
                                       .digest = out->digest,
                                       .cursor = cursor,
                                       .record_count = fill.count,
                                       .records = sw_buf_span(&fill.records),
                                       .next = sw_buf_span(&next),
                                       .running = fill.at.running},
                    chunk);
    SW_ASSERT(chunk->size <= size_max);
out:
    sw_buf_release(&fill.records);
    sw_buf_release(&next);
    return err;
}

/* --- import: the stage ------------------------------------------------------------------------ */

void sw_import_release(struct sw_import *in)
{
    sw_buf_release(&in->cursor);
    *in = (struct sw_import){0};
}

/* Deletes all records of `table` that begin with `prefix`; commits in between if `stepwise`. */
static enum sw_err
drop_range(struct sw_store *store, enum sw_table table, struct sw_span prefix, bool stepwise)
{
    struct sw_store_record record;
    uint32_t count = 0;
    struct sw_key key;
    enum sw_err err;

    while ((err = store->ops->seek(store, table, prefix, false, &record)) == SW_ERR_OK &&
           sw_key_has_prefix(record.key, prefix)) {
        SW_ASSERT(record.key.size <= sizeof key.data);
        memcpy(key.data, record.key.data, record.key.size);
        key.size = record.key.size;
        err = store->ops->del(store, table, sw_key_span(&key));
        if (err == SW_ERR_OK && stepwise && ++count % DROP_COUNT_PER_COMMIT == 0) {
            err = store->ops->commit(store);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static enum sw_err commit_if_dirty(struct sw_store *store)
{
    return store->ops->dirty(store) ? store->ops->commit(store) : SW_ERR_OK;
}

static enum sw_err drop_stage(struct sw_store *store, struct sw_span prefix)
{
    const enum sw_err err = drop_range(store, SW_TABLE_STAGE, prefix, true);

    return err == SW_ERR_OK ? commit_if_dirty(store) : err;
}

enum sw_err sw_import_drop_leftovers(struct sw_store *store)
{
    return drop_stage(store, sw_span_of(NULL, 0));
}

/* True if `record` continues the last one or comes after it, and is one of ours. */
static bool record_follows(const struct sw_import *in,
                           struct sw_group_id group,
                           const struct sw_chunk_record *record)
{
    const int order = record->table != in->last_table
                          ? (record->table < in->last_table ? -1 : 1)
                          : sw_span_compare(record->key, sw_key_span(&in->last_key));

    if (!of_group(group, record->table, record->key) ||
        sw_key_check(record->table, record->key) != SW_ERR_OK) {
        return false;
    }
    if (in->last_key.size > 0 && in->last_size < in->last_total) {
        return order == 0 && record->offset == in->last_size && record->total == in->last_total &&
               record->bytes.size > 0;
    }
    return (in->last_key.size == 0 || order > 0) && record->offset == 0;
}

/* Appends to the value that is staged under `key`. */
static enum sw_err
stage_more(struct sw_store *store, const struct sw_key *key, const struct sw_chunk_record *record)
{
    struct sw_buf joined = {0};
    struct sw_span begun;
    enum sw_err err;

    err = store->ops->get(store, SW_TABLE_STAGE, sw_key_span(key), &begun);
    if (err != SW_ERR_OK) {
        return err;
    }
    SW_ASSERT(begun.size == record->offset);
    sw_write_bytes(&joined, begun);
    sw_write_bytes(&joined, record->bytes);
    err = store->ops->put(store, SW_TABLE_STAGE, sw_key_span(key), sw_buf_span(&joined));
    sw_buf_release(&joined);
    return err;
}

static enum sw_err stage_record(struct sw_import *in,
                                struct sw_store *store,
                                struct sw_group_id group,
                                const struct sw_chunk_record *record)
{
    struct sw_key key;
    enum sw_err err;

    sw_key_stage(group, record->table, record->key, &key);
    err = record->offset > 0
              ? stage_more(store, &key, record)
              : store->ops->put(store, SW_TABLE_STAGE, sw_key_span(&key), record->bytes);
    in->last_table = record->table;
    memcpy(in->last_key.data, record->key.data, record->key.size);
    in->last_key.size = record->key.size;
    in->last_size = record->offset + (uint32_t)record->bytes.size;
    in->last_total = record->total;
    return err;
}

static enum sw_err
stage_chunk(struct sw_import *in, struct sw_store *store, const struct sw_chunk *chunk)
{
    struct sw_reader records = sw_reader_of(chunk->records);
    struct sw_chunk_record record;
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < chunk->record_count && err == SW_ERR_OK; i++) {
        err = sw_chunk_record_decode(&records, &record);
        SW_ASSERT(err == SW_ERR_OK); /* sw_chunk_decode walked them */
        if (!record_follows(in, chunk->group, &record)) {
            return SW_ERR_MALFORMED;
        }
        err = stage_record(in, store, chunk->group, &record);
    }
    if (err == SW_ERR_OK) {
        err = commit_if_dirty(store);
    }
    return err;
}

/* --- import: the exchange --------------------------------------------------------------------- */

static enum sw_err drop_state(struct sw_store *store, struct sw_group_id group)
{
    enum sw_err err = SW_ERR_OK;

    for (int table = 0; table < SW_TABLE_STAGE && err == SW_ERR_OK; table++) {
        struct sw_key prefix;

        if (SW_PLANTED(INSTALL_KEEPS_RECORDS)) {
            return SW_ERR_OK;
        }
        table_prefix(group, (enum sw_table)table, &prefix);
        err = drop_range(store, (enum sw_table)table, sw_key_span(&prefix), false);
    }
    return err;
}

static enum sw_err value_check(enum sw_table table, struct sw_span value)
{
    struct sw_kv_record kv;
    struct sw_experience_record experience;
    struct sw_change_record change;
    struct sw_history_head head;

    if (table == SW_TABLE_KV) {
        return sw_kv_record_decode(value, &kv);
    }
    if (table == SW_TABLE_CHANGE) {
        return sw_change_record_decode(value, &change);
    }
    if (table == SW_TABLE_HISTORY) {
        return sw_history_record_decode(value, &head);
    }
    return table == SW_TABLE_EXPERIENCE ? sw_experience_record_decode(value, &experience)
                                        : SW_ERR_OK; /* meta and sessions are loaded after this */
}

/* Moves the staged records to their tables, in the open transaction. */
static enum sw_err move_stage(struct sw_store *store, struct sw_group_id group)
{
    struct sw_store_record record;
    struct sw_stage_key staged;
    struct sw_buf value = {0};
    struct sw_key prefix, key;
    enum sw_err err;

    sw_key_group(group, &prefix);
    while ((err = store->ops->seek(store, SW_TABLE_STAGE, sw_key_span(&prefix), false, &record)) ==
               SW_ERR_OK &&
           sw_key_has_prefix(record.key, sw_key_span(&prefix))) {
        memcpy(key.data, record.key.data, record.key.size);
        key.size = record.key.size;
        sw_buf_clear(&value);
        sw_write_bytes(&value, record.value);
        if (sw_key_stage_decode(sw_key_span(&key), &staged) != SW_ERR_OK ||
            value_check(staged.table, sw_buf_span(&value)) != SW_ERR_OK) {
            err = SW_ERR_MALFORMED;
            break;
        }
        err = store->ops->put(store, staged.table, staged.key, sw_buf_span(&value));
        if (err == SW_ERR_OK) {
            err = store->ops->del(store, SW_TABLE_STAGE, sw_key_span(&key));
        }
        if (err != SW_ERR_OK) {
            break;
        }
    }
    sw_buf_release(&value);
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* Everything up to the commit. On OK `fresh` is the state that the commit makes true. */
static enum sw_err exchange(struct sw_import *in, struct sw_store *store, struct sw_state *fresh)
{
    enum sw_err err;

    err = drop_state(store, fresh->group);
    if (err == SW_ERR_OK) {
        err = move_stage(store, fresh->group);
    }
    if (err == SW_ERR_OK) {
        err = sw_state_load(fresh, store);
        /* Each byte passed its seal, so what does not load was wrong when it was sent. */
        if (err == SW_ERR_CORRUPT || err == SW_ERR_NEWER_FORMAT) {
            err = SW_ERR_MALFORMED;
        }
    }
    if (err == SW_ERR_OK && (fresh->index != in->index || fresh->digest != in->digest)) {
        err = SW_ERR_MALFORMED;
    }
    return err;
}

static enum sw_err
replace_state(struct sw_import *in, struct sw_state *state, struct sw_store *store)
{
    struct sw_state fresh;
    enum sw_err err;

    sw_state_init(&fresh, state->group);
    fresh.change_count_max = state->change_count_max;
    fresh.change_size_max = state->change_size_max;
    err = exchange(in, store, &fresh);
    if (err != SW_ERR_OK) {
        goto out;
    }
    if (SW_PLANTED(SESSIONS_LOST_ON_INSTALL)) {
        sw_sessions_release(&fresh.sessions);
        sw_sessions_init(&fresh.sessions, SW_SESSION_COUNT_MAX, SW_SESSION_REPLY_TOTAL_MAX);
    }
    err = store->ops->commit(store);
    if (err == SW_ERR_OK) {
        err = store->ops->sync(store);
    }
    if (err == SW_ERR_OK) {
        fresh.ticks = state->ticks + 1; /* the copy says what time it is, too */
        sw_state_release(state);
        *state = fresh;
        return SW_ERR_OK;
    }
out:
    sw_state_release(&fresh);
    return err;
}

/* --- import: one chunk ------------------------------------------------------------------------ */

static bool chunk_is_next(const struct sw_import *in, const struct sw_chunk *chunk)
{
    return in->active && chunk->index == in->index && chunk->digest == in->digest &&
           sw_span_equal(chunk->cursor, sw_buf_span(&in->cursor));
}

/* Takes a chunk that is known to be the next one. */
static enum sw_err import_take(struct sw_import *in,
                               struct sw_state *state,
                               struct sw_store *store,
                               const struct sw_chunk *chunk)
{
    enum sw_err err;

    in->running = sw_chunk_running(in->running, chunk->records);
    if (in->running != chunk->running) {
        return SW_ERR_MALFORMED;
    }
    err = stage_chunk(in, store, chunk);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (chunk->next.size > 0) {
        sw_buf_clear(&in->cursor);
        sw_write_bytes(&in->cursor, chunk->next);
        return SW_ERR_OK;
    }
    return in->last_size == in->last_total ? replace_state(in, state, store) : SW_ERR_MALFORMED;
}

/* Forgets the copy and gives its space back. */
static enum sw_err
import_cancel(struct sw_import *in, struct sw_store *store, struct sw_group_id group)
{
    struct sw_key prefix;

    sw_import_release(in);
    sw_key_group(group, &prefix);
    return drop_stage(store, sw_key_span(&prefix));
}

/* The copy failed: the transaction is undone, so the state stays as it is. Returns what is fatal.
 */
static enum sw_err import_refuse(struct sw_import *in,
                                 struct sw_store *store,
                                 struct sw_group_id group,
                                 enum sw_err err,
                                 struct sw_import_result *ret_result)
{
    if (err != SW_ERR_MALFORMED && err != SW_ERR_DISK_FULL) {
        return err;
    }
    store->ops->abort(store);
    ret_result->err = err;
    return import_cancel(in, store, group);
}

enum sw_err sw_import_chunk(struct sw_import *in,
                            struct sw_state *state,
                            struct sw_store *store,
                            struct sw_span bytes,
                            struct sw_import_result *ret_result)
{
    struct sw_chunk chunk;
    enum sw_err err;

    SW_ASSERT(!state->changed);
    *ret_result = (struct sw_import_result){0};
    if (sw_chunk_decode(bytes, &chunk) != SW_ERR_OK || chunk.group.value != state->group.value) {
        ret_result->err = SW_ERR_MALFORMED;
        return SW_ERR_OK;
    }
    if (chunk.index <= state->index) {
        ret_result->complete = true;
        return in->active ? import_cancel(in, store, chunk.group) : SW_ERR_OK;
    }
    if (chunk.cursor.size == 0) {
        err = import_cancel(in, store, chunk.group);
        in->active = true;
        in->index = chunk.index;
        in->digest = chunk.digest;
    } else if (!chunk_is_next(in, &chunk)) {
        ret_result->err = SW_ERR_CONFLICT;
        return SW_ERR_OK;
    } else {
        err = SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = import_take(in, state, store, &chunk);
    }
    if (err != SW_ERR_OK) {
        return import_refuse(in, store, chunk.group, err, ret_result);
    }
    if (chunk.next.size == 0) {
        sw_import_release(in);
        ret_result->complete = true;
    }
    return SW_ERR_OK;
}
