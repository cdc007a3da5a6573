/* Verified reads over an LMDB cursor; see walk_lmdb.h. */
#include "storage/walk_lmdb.h"

#include <errno.h>
#include <stdio.h>

#include <lmdb.h>

#include "base/assert.h"
#include "storage/store_seal.h"

enum {
    /* A neighbour is unsealed only to prove that a key is absent; a large one would cost more than
     * the read. Its place in the order still is checked. */
    NEIGHBOUR_SIZE_MAX = 16 << 10,
};

static struct sw_span span_of(const MDB_val *val)
{
    return sw_span_of(val->mv_data, val->mv_size);
}

enum sw_err sw_walk_failure(struct sw_store *store, enum sw_table table, int rc)
{
    SW_ASSERT(rc != MDB_SUCCESS);
    SW_ASSERT(store != NULL);
    if (rc == MDB_NOTFOUND) {
        return SW_ERR_NOT_FOUND;
    }
    (void)snprintf(store->why,
                   sizeof(store->why),
                   "table %s: %s; the other nodes hold the data",
                   sw_table_name(table),
                   mdb_strerror(rc));
    if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID ||
        rc == MDB_BAD_VALSIZE || rc == MDB_CURSOR_FULL) {
        return SW_ERR_CORRUPT;
    }
    return rc == ENOMEM ? SW_ERR_NOMEM : SW_ERR_IO;
}

enum sw_err sw_walk_open(
    struct sw_walk *walk, struct sw_store *store, MDB_txn *txn, MDB_dbi dbi, enum sw_table table)
{
    int rc;

    SW_ASSERT(txn != NULL);
    SW_ASSERT(table < SW_TABLE_COUNT);
    if (walk->cursor != NULL) {
        return SW_ERR_OK;
    }
    walk->store = store;
    walk->table = table;
    walk->at_record = false;
    rc = mdb_cursor_open(txn, dbi, &walk->cursor);
    return rc == MDB_SUCCESS ? SW_ERR_OK : sw_walk_failure(store, table, rc);
}

void sw_walk_close(struct sw_walk *walk)
{
    if (walk->cursor != NULL) {
        mdb_cursor_close(walk->cursor);
        walk->cursor = NULL;
    }
    walk->at_record = false;
}

static enum sw_err unordered(const struct sw_walk *walk, struct sw_span key)
{
    return sw_store_corrupt(walk->store, walk->table, key, "the keys around it are out of order");
}

/* Moves the cursor; OK with key and sealed value of a record, as yet unverified. */
static enum sw_err
move(const struct sw_walk *walk, MDB_cursor_op op, struct sw_span *key, struct sw_span *ret_sealed)
{
    MDB_val mdb_key = {.mv_size = key->size};
    MDB_val mdb_value;
    int rc;

    SW_ASSERT(walk->cursor != NULL);
    /* LMDB does not write through a key, but asks for a plain pointer. */
    memcpy(&mdb_key.mv_data, &key->data, sizeof(mdb_key.mv_data));
    rc = mdb_cursor_get(walk->cursor, &mdb_key, &mdb_value, op);
    if (rc != MDB_SUCCESS) {
        return sw_walk_failure(walk->store, walk->table, rc);
    }
    *key = span_of(&mdb_key);
    *ret_sealed = span_of(&mdb_value);
    if (key->size == 0 || key->size > SW_STORE_KEY_SIZE_MAX) {
        return sw_store_corrupt(
            walk->store, walk->table, sw_span_of(NULL, 0), "the key has an impossible size");
    }
    return SW_ERR_OK;
}

static enum sw_err unseal(const struct sw_walk *walk,
                          struct sw_span key,
                          struct sw_span sealed,
                          struct sw_span *ret_value)
{
    SW_ASSERT(key.size >= 1);
    SW_ASSERT(key.size <= SW_STORE_KEY_SIZE_MAX);
    if (sw_seal_open(walk->table, key, sealed, ret_value) != SW_ERR_OK) {
        return sw_store_corrupt(walk->store, walk->table, key, "key and value fail their checksum");
    }
    return SW_ERR_OK;
}

/* The record that the cursor moves to by `op` must lie before (or else behind) `key` and be whole;
 * no record is fine too. */
static enum sw_err
check_neighbour(const struct sw_walk *walk, MDB_cursor_op op, struct sw_span key, bool before)
{
    struct sw_span neighbour = {0};
    struct sw_span sealed = {0};
    struct sw_span value;
    enum sw_err err = move(walk, op, &neighbour, &sealed);
    int order;

    if (err != SW_ERR_OK) {
        return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
    }
    order = sw_span_compare(neighbour, key);
    if (before ? order >= 0 : order <= 0) {
        return unordered(walk, key);
    }
    return sealed.size > NEIGHBOUR_SIZE_MAX ? SW_ERR_OK : unseal(walk, neighbour, sealed, &value);
}

enum sw_err sw_walk_get(struct sw_walk *walk, struct sw_span key, struct sw_span *ret_value)
{
    struct sw_span found = key;
    struct sw_span sealed = {0};
    struct sw_span value;
    enum sw_err err;
    int order;

    SW_ASSERT(key.size >= 1);
    SW_ASSERT(ret_value != NULL);
    err = move(walk, MDB_SET_RANGE, &found, &sealed);
    if (err == SW_ERR_NOT_FOUND) {
        err = check_neighbour(walk, MDB_LAST, key, true);
        return err == SW_ERR_OK ? SW_ERR_NOT_FOUND : err;
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    order = sw_span_compare(found, key);
    if (order == 0) {
        return unseal(walk, key, sealed, ret_value);
    }
    if (order < 0) {
        return unordered(walk, key);
    }
    if (sealed.size <= NEIGHBOUR_SIZE_MAX) {
        err = unseal(walk, found, sealed, &value);
    }
    if (err == SW_ERR_OK) {
        err = check_neighbour(walk, MDB_PREV, key, true);
    }
    return err == SW_ERR_OK ? SW_ERR_NOT_FOUND : err;
}

/* Takes the record under the cursor as the walk's position and hands it out. Also a record that
 * fails its seal is a position, so that an inspector can go on behind it. */
static enum sw_err arrive(struct sw_walk *walk,
                          struct sw_span key,
                          struct sw_span sealed,
                          struct sw_store_record *ret_record)
{
    struct sw_span value;
    enum sw_err err;

    walk->key = key;
    walk->at_record = true;
    err = unseal(walk, key, sealed, &value);
    if (err == SW_ERR_OK) {
        *ret_record = (struct sw_store_record){.key = key, .value = value};
    }
    return err;
}

static enum sw_err seek_edge(struct sw_walk *walk, bool last, struct sw_store_record *ret_record)
{
    struct sw_span key = {0};
    struct sw_span sealed;
    enum sw_err err = move(walk, last ? MDB_LAST : MDB_FIRST, &key, &sealed);

    return err == SW_ERR_OK ? arrive(walk, key, sealed, ret_record) : err;
}

/* The first record with key >= from, proven by the one before it. */
static enum sw_err
seek_up(struct sw_walk *walk, struct sw_span from, struct sw_store_record *ret_record)
{
    struct sw_span key = from;
    struct sw_span sealed;
    enum sw_err err = move(walk, MDB_SET_RANGE, &key, &sealed);
    int order;

    if (err == SW_ERR_NOT_FOUND) {
        err = check_neighbour(walk, MDB_LAST, from, true);
        return err == SW_ERR_OK ? SW_ERR_NOT_FOUND : err;
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    order = sw_span_compare(key, from);
    if (order < 0) {
        return unordered(walk, from);
    }
    if (order > 0) {
        err = check_neighbour(walk, MDB_PREV, from, true);
        if (err != SW_ERR_OK) {
            return err;
        }
        key = from;
        err = move(walk, MDB_SET_RANGE, &key, &sealed); /* back, whatever the step did */
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return arrive(walk, key, sealed, ret_record);
}

/* The last record with key <= from, proven by the one behind it. */
static enum sw_err
seek_down(struct sw_walk *walk, struct sw_span from, struct sw_store_record *ret_record)
{
    struct sw_span key = from;
    struct sw_span sealed = {0};
    struct sw_span value;
    enum sw_err err = move(walk, MDB_SET_RANGE, &key, &sealed);
    const bool past_end = err == SW_ERR_NOT_FOUND;

    if (err != SW_ERR_OK && !past_end) {
        return err;
    }
    if (!past_end) {
        if (sw_span_equal(key, from)) {
            return arrive(walk, key, sealed, ret_record);
        }
        if (sw_span_compare(key, from) < 0) {
            return unordered(walk, from);
        }
        err = sealed.size > NEIGHBOUR_SIZE_MAX ? SW_ERR_OK : unseal(walk, key, sealed, &value);
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    err = move(walk, past_end ? MDB_LAST : MDB_PREV, &key, &sealed);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw_span_compare(key, from) >= 0) {
        return unordered(walk, from);
    }
    return arrive(walk, key, sealed, ret_record);
}

enum sw_err sw_walk_seek(struct sw_walk *walk,
                         struct sw_span from,
                         bool reverse,
                         struct sw_store_record *ret_record)
{
    SW_ASSERT(from.size <= SW_STORE_KEY_SIZE_MAX);
    SW_ASSERT(ret_record != NULL);
    walk->at_record = false;
    if (from.size == 0) {
        return seek_edge(walk, reverse, ret_record);
    }
    return reverse ? seek_down(walk, from, ret_record) : seek_up(walk, from, ret_record);
}

enum sw_err sw_walk_next(struct sw_walk *walk, bool reverse, struct sw_store_record *ret_record)
{
    const struct sw_span last = walk->key;
    struct sw_span key = {0};
    struct sw_span sealed;
    enum sw_err err;
    int order;

    SW_ASSERT(ret_record != NULL);
    if (!walk->at_record) {
        return SW_ERR_NOT_FOUND;
    }
    walk->at_record = false;
    err = move(walk, reverse ? MDB_PREV : MDB_NEXT, &key, &sealed);
    if (err != SW_ERR_OK) {
        return err;
    }
    order = sw_span_compare(key, last);
    if (reverse ? order >= 0 : order <= 0) {
        return unordered(walk, key);
    }
    return arrive(walk, key, sealed, ret_record);
}
