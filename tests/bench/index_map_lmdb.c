/* See index_map_lmdb.h. */
#include "tests/bench/index_map_lmdb.h"

#include <stdio.h>
#include <stdlib.h>

#include <lmdb.h>

#include "base/assert.h"
#include "tests/bench/index_set.h"

struct lmdb_map {
    struct sw_index_map map;
    MDB_env *env;
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_dbi dbi;
    uint64_t copied, copy_ns;
};

static void must(int rc, const char *what)
{
    if (rc != MDB_SUCCESS) {
        (void)fprintf(stderr, "index-bench: %s: %s\n", what, mdb_strerror(rc));
        exit(1);
    }
}

static MDB_val val_of(struct sw_span span)
{
    MDB_val val = {.mv_size = span.size};

    memcpy(&val.mv_data, &span.data, sizeof val.mv_data);
    return val;
}

static enum sw_err result(int rc)
{
    if (rc == MDB_NOTFOUND) {
        return SW_ERR_NOT_FOUND;
    }
    must(rc, "reading");
    return SW_ERR_OK;
}

static enum sw_err get(struct sw_index_map *map, struct sw_span key, struct sw_span *ret_value)
{
    struct lmdb_map *self = map->impl;
    MDB_val name = val_of(key), value = {0};
    const enum sw_err err = result(mdb_get(self->txn, self->dbi, &name, &value));

    if (err == SW_ERR_OK) {
        *ret_value = sw_span_of(value.mv_data, value.mv_size);
    }
    return err;
}

static enum sw_err
move(struct sw_index_map *map, MDB_val *key, MDB_cursor_op op, struct sw_index_record *ret_record)
{
    struct lmdb_map *self = map->impl;
    MDB_val value = {0};
    const enum sw_err err = result(mdb_cursor_get(self->cursor, key, &value, op));

    if (err == SW_ERR_OK) {
        ret_record->key = sw_span_of(key->mv_data, key->mv_size);
        ret_record->value = sw_span_of(value.mv_data, value.mv_size);
    }
    return err;
}

static enum sw_err
seek(struct sw_index_map *map, struct sw_span from, struct sw_index_record *ret_record)
{
    MDB_val key = val_of(from);

    return move(map, &key, MDB_SET_RANGE, ret_record);
}

static enum sw_err next(struct sw_index_map *map, struct sw_index_record *ret_record)
{
    MDB_val key = {0};

    return move(map, &key, MDB_NEXT, ret_record);
}

/* A writer is loaded on the copy, to see how long that takes; it writes nothing. */
static enum sw_err no_put(struct sw_index_map *map, struct sw_span key, struct sw_span value)
{
    (void)map;
    (void)key;
    (void)value;
    return SW_ERR_PERMISSIONS;
}

static enum sw_err no_del(struct sw_index_map *map, struct sw_span key)
{
    (void)map;
    (void)key;
    return SW_ERR_PERMISSIONS;
}

static const struct sw_index_map_ops lmdb_ops = {
    .get = get, .put = no_put, .del = no_del, .seek = seek, .next = next};

static void copy_records(struct lmdb_map *self, struct sw_index_map *from)
{
    struct sw_index_record record;
    enum sw_err err = from->ops->seek(from, sw_span_str(""), &record);

    for (; err == SW_ERR_OK; err = from->ops->next(from, &record)) {
        MDB_val key = val_of(record.key), value = val_of(record.value);

        must(mdb_put(self->txn, self->dbi, &key, &value, MDB_APPEND), "copying");
        self->copied += record.key.size + record.value.size;
    }
    SW_ASSERT(err == SW_ERR_NOT_FOUND);
}

struct sw_index_map *index_map_lmdb_copy(struct sw_index_map *from, const char *folder)
{
    struct lmdb_map *self = calloc(1, sizeof *self);
    const uint64_t start = now_ns();

    SW_ASSERT(self != NULL);
    self->map = (struct sw_index_map){.impl = self, .ops = &lmdb_ops};
    must(mdb_env_create(&self->env), "creating");
    must(mdb_env_set_mapsize(self->env, (size_t)16 << 30), "sizing");
    must(mdb_env_open(self->env, folder, MDB_NORDAHEAD, 0600), folder);
    must(mdb_txn_begin(self->env, NULL, 0, &self->txn), "beginning");
    must(mdb_dbi_open(self->txn, NULL, 0, &self->dbi), "opening");
    copy_records(self, from);
    must(mdb_txn_commit(self->txn), "committing");
    self->copy_ns = now_ns() - start;
    must(mdb_txn_begin(self->env, NULL, MDB_RDONLY, &self->txn), "reading");
    must(mdb_cursor_open(self->txn, self->dbi, &self->cursor), "reading");
    return &self->map;
}

void index_map_lmdb_free(struct sw_index_map *map)
{
    struct lmdb_map *self = map->impl;

    mdb_cursor_close(self->cursor);
    mdb_txn_abort(self->txn);
    mdb_env_close(self->env);
    free(self);
}

uint64_t index_map_lmdb_size(const struct sw_index_map *map)
{
    const struct lmdb_map *self = map->impl;
    MDB_stat stat;

    must(mdb_stat(self->txn, self->dbi, &stat), "counting");
    return (uint64_t)stat.ms_psize *
           (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages);
}

uint64_t index_map_lmdb_copied(const struct sw_index_map *map, uint64_t *ret_ns)
{
    const struct lmdb_map *self = map->impl;

    *ret_ns = self->copy_ns;
    return self->copied;
}
