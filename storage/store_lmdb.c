/* The calls of the store port over LMDB; see store_lmdb.h. */
#include "storage/store_lmdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include <lmdb.h>

#include "base/assert.h"
#include "storage/store_lmdb_private.h"
#include "storage/store_seal.h"

enum {
    /* Handles that LMDB itself always has (mdb.c): the free list and the table of tables. */
    FREE_LIST_DBI = 0,
    MAIN_DBI = 1,
    META_PAGE_COUNT = 2,
    /* Of the 131,071 pages (MDB_IDL_UM_MAX) that a transaction may have changed in memory before
     * LMDB writes some of them out and frees them: far from where that begins. */
    DIRTY_PAGES_KEPT = 100000,
};

static struct sw__lmdb *lmdb_of(struct sw_store *store)
{
    struct sw__lmdb *lmdb = store->impl;

    SW_ASSERT(lmdb != NULL);
    SW_ASSERT(&lmdb->store == store);
    SW_ASSERT(lmdb->generation > 0);
    return lmdb;
}

static enum sw_err failure(struct sw__lmdb *lmdb)
{
    (void)snprintf(lmdb->store.why,
                   sizeof(lmdb->store.why),
                   "an earlier disk operation failed; the store can not be used before a restart");
    return SW_ERR_IO;
}

/* A changing call failed half-way: LMDB's transaction is lost, and with it what the caller was told
 * is in it. Nothing may be asked again; a restart replays the log from the last commit. */
static enum sw_err broken(struct sw__lmdb *lmdb, const char *what, int rc)
{
    SW_ASSERT(rc != MDB_SUCCESS);
    lmdb->failed = true;
    (void)snprintf(lmdb->store.why,
                   sizeof(lmdb->store.why),
                   "%s: %s; the state up to the last commit is intact%s",
                   what,
                   mdb_strerror(rc),
                   rc == ENOSPC ? "; free disk space and restart" : "");
    return SW_ERR_IO;
}

static MDB_val val_of(struct sw_span span)
{
    MDB_val val = {.mv_size = span.size};

    /* LMDB does not write through a key, but asks for a plain pointer. */
    memcpy(&val.mv_data, &span.data, sizeof(val.mv_data));
    return val;
}

static void assert_key(enum sw_table table, struct sw_span key)
{
    SW_ASSERT(table < SW_TABLE_COUNT);
    SW_ASSERT(key.size >= 1);
    SW_ASSERT(key.size <= SW_STORE_KEY_SIZE_MAX);
}

static void walks_close(struct sw_walk *walks)
{
    for (size_t i = 0; i < SW_TABLE_COUNT; i++) {
        sw_walk_close(&walks[i]);
    }
}

static int tree_pages(MDB_txn *txn, MDB_dbi dbi, uint64_t *ret_branches, uint64_t *ret_pages)
{
    MDB_stat stat;
    int rc = mdb_stat(txn, dbi, &stat);

    if (rc == MDB_SUCCESS) {
        *ret_branches = stat.ms_branch_pages;
        *ret_pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    }
    return rc;
}

static int live_pages(struct sw__lmdb *lmdb, MDB_txn *txn, struct sw_space_found *out)
{
    const MDB_dbi own[] = {FREE_LIST_DBI, MAIN_DBI};
    const size_t own_count = sizeof(own) / sizeof(own[0]);
    int rc = MDB_SUCCESS;

    out->live = META_PAGE_COUNT;
    out->branches = 0;
    for (size_t i = 0; i < own_count + SW_TABLE_COUNT && rc == MDB_SUCCESS; i++) {
        const MDB_dbi dbi = i < own_count ? own[i] : lmdb->dbis[i - own_count];
        uint64_t branches = 0;
        uint64_t pages = 0;

        rc = tree_pages(txn, dbi, &branches, &pages);
        out->live += pages;
        out->branches += branches;
    }
    return rc;
}

enum sw_err sw__store_lmdb_measure(struct sw__lmdb *lmdb, MDB_txn *txn)
{
    struct sw_space_found found = {0};
    struct statvfs disk;
    MDB_envinfo info;
    mdb_filehandle_t fd;
    int rc;

    SW_ASSERT(txn != NULL);
    SW_ASSERT(lmdb->env != NULL);
    rc = live_pages(lmdb, txn, &found);
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_info(lmdb->env, &info);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_get_fd(lmdb->env, &fd);
    }
    if (rc == MDB_SUCCESS && fstatvfs(fd, &disk) != 0) {
        rc = errno;
    }
    if (rc != MDB_SUCCESS) {
        return broken(lmdb, "measuring the store", rc);
    }
    found.file = info.me_last_pgno + 1;
    found.disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    for (size_t i = 0; i < SW__STORE_READER_COUNT_MAX; i++) {
        found.pinned = found.pinned || lmdb->readers[i] != NULL;
    }
    sw_space_begin(&lmdb->space, &found);
    return SW_ERR_OK;
}

/* The transaction that reads go through: the write transaction, else a view of the last commit. */
static enum sw_err view(struct sw__lmdb *lmdb, MDB_txn **ret_txn)
{
    int rc = MDB_SUCCESS;

    if (lmdb->failed) {
        return failure(lmdb);
    }
    if (lmdb->write != NULL) {
        SW_ASSERT(!lmdb->read_active);
        *ret_txn = lmdb->write;
        return SW_ERR_OK;
    }
    if (!lmdb->read_active) {
        rc = lmdb->read != NULL ? mdb_txn_renew(lmdb->read)
                                : mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &lmdb->read);
        if (rc != MDB_SUCCESS) {
            return broken(lmdb, "opening a view of the store", rc);
        }
        lmdb->read_active = true;
    }
    *ret_txn = lmdb->read;
    return SW_ERR_OK;
}

/* Gives the view back, so that its pages can be used again. */
static void view_end(struct sw__lmdb *lmdb)
{
    walks_close(lmdb->lookups);
    walks_close(lmdb->walks);
    if (lmdb->read_active) {
        mdb_txn_reset(lmdb->read);
        lmdb->read_active = false;
    }
}

static enum sw_err write_begin(struct sw__lmdb *lmdb)
{
    int rc;

    SW_ASSERT(!lmdb->read_only);
    if (lmdb->failed) {
        return failure(lmdb);
    }
    if (lmdb->write != NULL) {
        return SW_ERR_OK;
    }
    SW_ASSERT(!lmdb->dirty);
    view_end(lmdb);
    rc = mdb_txn_begin(lmdb->env, NULL, 0, &lmdb->write);
    if (rc != MDB_SUCCESS) {
        lmdb->write = NULL;
        return broken(lmdb, "opening a transaction", rc);
    }
    return sw__store_lmdb_measure(lmdb, lmdb->write);
}

static enum sw_err walk_open(struct sw__lmdb *lmdb, struct sw_walk *walk, enum sw_table table)
{
    MDB_txn *txn;
    enum sw_err err = view(lmdb, &txn);

    if (err != SW_ERR_OK) {
        return err;
    }
    return sw_walk_open(walk, &lmdb->store, txn, lmdb->dbis[table], table);
}

static enum sw_err
lmdb_get(struct sw_store *store, enum sw_table table, struct sw_span key, struct sw_span *ret_value)
{
    struct sw__lmdb *lmdb = lmdb_of(store);
    enum sw_err err;

    assert_key(table, key);
    err = walk_open(lmdb, &lmdb->lookups[table], table);
    return err == SW_ERR_OK ? sw_walk_get(&lmdb->lookups[table], key, ret_value) : err;
}

/* A record with this many bytes was written or deleted. */
static enum sw_err
changed(struct sw__lmdb *lmdb, enum sw_table table, size_t record_size, uint64_t pages_before)
{
    uint64_t branches = 0;
    uint64_t pages = 0;
    int rc = tree_pages(lmdb->write, lmdb->dbis[table], &branches, &pages);

    if (rc != MDB_SUCCESS) {
        return broken(lmdb, "measuring a table", rc);
    }
    lmdb->dirty = true;
    SW_ASSERT(lmdb->space.live + pages > pages_before);
    sw_space_change(&lmdb->space, record_size, lmdb->space.live + pages - pages_before);
    lmdb->changes[table]++;
    if (sw_space_dirty(&lmdb->space) > DIRTY_PAGES_KEPT) {
        lmdb->moves++;
    }
    return SW_ERR_OK;
}

/* What a transaction wrote is in memory of its own until it ends, then in the file or nowhere; the
 * file itself is mapped once, at one place. Small values move within their page at any write. */
static struct sw_store_marks lmdb_marks(struct sw_store *store, enum sw_table table)
{
    const struct sw__lmdb *lmdb = lmdb_of(store);

    SW_ASSERT(table < SW_TABLE_COUNT);
    return (struct sw_store_marks){.changes = lmdb->changes[table] + lmdb->moves,
                                   .moves = lmdb->moves};
}

static enum sw_err
lmdb_put(struct sw_store *store, enum sw_table table, struct sw_span key, struct sw_span value)
{
    struct sw__lmdb *lmdb = lmdb_of(store);
    const size_t record_size = key.size + SW_SEAL_SIZE + value.size;
    MDB_val mdb_key = val_of(key);
    MDB_val mdb_value = {.mv_size = SW_SEAL_SIZE + value.size};
    uint64_t branches = 0;
    uint64_t pages = 0;
    enum sw_err err;
    int rc;

    assert_key(table, key);
    SW_ASSERT(value.size <= SW_STORE_VALUE_SIZE_MAX);
    lmdb->generation++;
    err = write_begin(lmdb);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (!sw_space_fits(&lmdb->space, table, record_size)) {
        (void)snprintf(store->why,
                       sizeof(store->why),
                       "the store uses %llu of %llu MiB, %llu of them kept for deletes",
                       (unsigned long long)(sw_space_used(&lmdb->space) >> 20),
                       (unsigned long long)(sw_space_limit(&lmdb->space) >> 20),
                       (unsigned long long)(sw_space_kept_back(&lmdb->space) >> 20));
        return SW_ERR_DISK_FULL;
    }
    rc = tree_pages(lmdb->write, lmdb->dbis[table], &branches, &pages);
    if (rc == MDB_SUCCESS) {
        rc = mdb_put(lmdb->write, lmdb->dbis[table], &mdb_key, &mdb_value, MDB_RESERVE);
    }
    if (rc != MDB_SUCCESS) {
        return broken(lmdb, "writing a record", rc);
    }
    sw_seal_write(table, key, value, mdb_value.mv_data);
    return changed(lmdb, table, record_size, pages);
}

static enum sw_err lmdb_del(struct sw_store *store, enum sw_table table, struct sw_span key)
{
    struct sw__lmdb *lmdb = lmdb_of(store);
    struct sw_walk *lookup = &lmdb->lookups[table];
    struct sw_span value;
    uint64_t branches = 0;
    uint64_t pages = 0;
    enum sw_err err;
    int rc;

    assert_key(table, key);
    lmdb->generation++;
    /* Look first: a miss must be proven, and opens no transaction. */
    err = lmdb_get(store, table, key, &value);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (lmdb->write == NULL) {
        err = write_begin(lmdb);
        if (err == SW_ERR_OK) {
            err = lmdb_get(store, table, key, &value);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    rc = tree_pages(lmdb->write, lmdb->dbis[table], &branches, &pages);
    if (rc == MDB_SUCCESS) {
        rc = mdb_cursor_del(lookup->cursor, 0);
    }
    if (rc != MDB_SUCCESS) {
        return broken(lmdb, "deleting a record", rc);
    }
    return changed(lmdb, table, key.size + SW_SEAL_SIZE + value.size, pages);
}

static enum sw_err lmdb_seek(struct sw_store *store,
                             enum sw_table table,
                             struct sw_span from,
                             bool reverse,
                             struct sw_store_record *ret_record)
{
    struct sw__lmdb *lmdb = lmdb_of(store);
    struct sw_walk *walk = &lmdb->walks[table];
    enum sw_err err;

    SW_ASSERT(table < SW_TABLE_COUNT);
    err = walk_open(lmdb, walk, table);
    if (err != SW_ERR_OK) {
        return err;
    }
    walk->generation = lmdb->generation;
    return sw_walk_seek(walk, from, reverse, ret_record);
}

static enum sw_err lmdb_next(struct sw_store *store,
                             enum sw_table table,
                             bool reverse,
                             struct sw_store_record *ret_record)
{
    struct sw__lmdb *lmdb = lmdb_of(store);
    struct sw_walk *walk = &lmdb->walks[table];

    SW_ASSERT(table < SW_TABLE_COUNT);
    if (lmdb->failed) {
        return failure(lmdb);
    }
    SW_ASSERT(walk->generation == lmdb->generation); /* a write in between: seek again */
    return sw_walk_next(walk, reverse, ret_record);
}

static bool lmdb_dirty(struct sw_store *store)
{
    return lmdb_of(store)->dirty;
}

static uint64_t now_ns(const struct sw__lmdb *lmdb)
{
    return lmdb->world == NULL ? 0 : sw_env_now_ns(lmdb->world);
}

static void count_commit(struct sw__lmdb *lmdb, uint64_t ns)
{
    lmdb->commits++;
    lmdb->commit_ns_total += ns;
    if (ns > lmdb->commit_ns_max) {
        lmdb->commit_ns_max = ns;
    }
}

static enum sw_err lmdb_commit(struct sw_store *store)
{
    struct sw__lmdb *lmdb = lmdb_of(store);
    const uint64_t start_ns = now_ns(lmdb);
    int dead;
    int rc;

    lmdb->generation++;
    if (lmdb->failed) {
        return failure(lmdb);
    }
    view_end(lmdb);
    if (!lmdb->dirty) {
        mdb_txn_abort(lmdb->write); /* accepts NULL */
        lmdb->write = NULL;
        return SW_ERR_OK;
    }
    rc = mdb_txn_commit(lmdb->write);
    lmdb->write = NULL; /* gone, whatever the answer */
    lmdb->moves++;
    lmdb->dirty = false;
    sw_space_end(&lmdb->space, rc == MDB_SUCCESS);
    if (rc != MDB_SUCCESS) {
        return broken(lmdb, "committing", rc);
    }
    /* An inspector that was killed while it read would pin the file's old pages for ever. */
    rc = mdb_reader_check(lmdb->env, &dead);
    if (rc != MDB_SUCCESS) {
        return broken(lmdb, "looking for dead readers", rc);
    }
    count_commit(lmdb, now_ns(lmdb) - start_ns);
    return SW_ERR_OK;
}

static enum sw_err lmdb_sync(struct sw_store *store)
{
    struct sw__lmdb *lmdb = lmdb_of(store);
    int rc;

    SW_ASSERT(!lmdb->read_only);
    if (lmdb->failed) {
        return failure(lmdb);
    }
    rc = mdb_env_sync(lmdb->env, 1);
    return rc == MDB_SUCCESS ? SW_ERR_OK : broken(lmdb, "syncing", rc);
}

static void lmdb_abort(struct sw_store *store)
{
    struct sw__lmdb *lmdb = lmdb_of(store);

    lmdb->generation++;
    view_end(lmdb);
    if (lmdb->write != NULL) {
        mdb_txn_abort(lmdb->write);
        sw_space_end(&lmdb->space, false);
    }
    lmdb->moves++;
    lmdb->write = NULL;
    lmdb->dirty = false;
}

/* --- a reader as a store: on whatever thread it was handed to ----------------------------------
 */

static struct sw_store_reader *reader_of(struct sw_store *store)
{
    struct sw_store_reader *reader = store->impl;

    SW_ASSERT(reader != NULL);
    SW_ASSERT(reader->txn != NULL);
    return reader;
}

static enum sw_err reader_get(struct sw_store *store,
                              enum sw_table table,
                              struct sw_span key,
                              struct sw_span *ret_value)
{
    struct sw_store_reader *reader = reader_of(store);
    struct sw_walk *lookup = &reader->lookups[table];
    enum sw_err err;

    assert_key(table, key);
    err = sw_walk_open(lookup, store, reader->txn, reader->lmdb->dbis[table], table);
    return err == SW_ERR_OK ? sw_walk_get(lookup, key, ret_value) : err;
}

static enum sw_err reader_store_seek(struct sw_store *store,
                                     enum sw_table table,
                                     struct sw_span from,
                                     bool reverse,
                                     struct sw_store_record *ret_record)
{
    struct sw_store_reader *reader = reader_of(store);
    struct sw_walk *walk = &reader->walks[table];
    enum sw_err err;

    SW_ASSERT(table < SW_TABLE_COUNT);
    err = sw_walk_open(walk, store, reader->txn, reader->lmdb->dbis[table], table);
    return err == SW_ERR_OK ? sw_walk_seek(walk, from, reverse, ret_record) : err;
}

static enum sw_err reader_store_next(struct sw_store *store,
                                     enum sw_table table,
                                     bool reverse,
                                     struct sw_store_record *ret_record)
{
    struct sw_store_reader *reader = reader_of(store);

    SW_ASSERT(table < SW_TABLE_COUNT);
    SW_ASSERT(reader->walks[table].cursor != NULL); /* seek first */
    return sw_walk_next(&reader->walks[table], reverse, ret_record);
}

/* What is committed is in the file, where it stays as long as it is not written. */
static struct sw_store_marks reader_marks(struct sw_store *store, enum sw_table table)
{
    SW_ASSERT(table < SW_TABLE_COUNT);
    return (struct sw_store_marks){.changes = mdb_txn_id(reader_of(store)->txn)};
}

static const struct sw_store_ops reader_ops = {
    .get = reader_get, .seek = reader_store_seek, .next = reader_store_next, .marks = reader_marks};

static struct sw_store *lmdb_reader_store(struct sw_store_reader *reader)
{
    SW_ASSERT(reader->store.impl == reader);
    SW_ASSERT(reader->txn != NULL);
    return &reader->store;
}

static enum sw_err lmdb_reader_open(struct sw_store *store, struct sw_store_reader **ret_reader)
{
    struct sw__lmdb *lmdb = lmdb_of(store);
    struct sw_store_reader *reader;
    size_t slot = 0;
    int rc;

    if (lmdb->failed) {
        return failure(lmdb);
    }
    while (slot < SW__STORE_READER_COUNT_MAX && lmdb->readers[slot] != NULL) {
        slot++;
    }
    if (slot == SW__STORE_READER_COUNT_MAX) {
        (void)snprintf(
            store->why, sizeof(store->why), "%d readers are open", SW__STORE_READER_COUNT_MAX);
        return SW_ERR_BUSY;
    }
    reader = calloc(1, sizeof(*reader));
    SW_ASSERT(reader != NULL);
    reader->lmdb = lmdb;
    reader->store = (struct sw_store){.impl = reader, .ops = &reader_ops};
    rc = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &reader->txn);
    if (rc != MDB_SUCCESS) {
        free(reader);
        return broken(lmdb, "opening a reader", rc);
    }
    lmdb->readers[slot] = reader;
    *ret_reader = reader;
    return SW_ERR_OK;
}

static enum sw_err lmdb_reader_seek(struct sw_store_reader *reader,
                                    enum sw_table table,
                                    struct sw_span from,
                                    struct sw_store_record *ret_record)
{
    struct sw__lmdb *lmdb = reader->lmdb;
    enum sw_err err;

    SW_ASSERT(table < SW_TABLE_COUNT);
    SW_ASSERT(reader->txn != NULL);
    if (lmdb->failed) {
        return failure(lmdb);
    }
    err = sw_walk_open(&reader->walks[table], &lmdb->store, reader->txn, lmdb->dbis[table], table);
    return err == SW_ERR_OK ? sw_walk_seek(&reader->walks[table], from, false, ret_record) : err;
}

static enum sw_err lmdb_reader_next(struct sw_store_reader *reader,
                                    enum sw_table table,
                                    struct sw_store_record *ret_record)
{
    SW_ASSERT(table < SW_TABLE_COUNT);
    SW_ASSERT(reader->walks[table].cursor != NULL); /* seek first */
    if (reader->lmdb->failed) {
        return failure(reader->lmdb);
    }
    return sw_walk_next(&reader->walks[table], false, ret_record);
}

static void lmdb_reader_close(struct sw_store_reader *reader)
{
    struct sw__lmdb *lmdb;
    size_t slot = 0;

    if (reader == NULL) {
        return;
    }
    lmdb = reader->lmdb;
    while (slot < SW__STORE_READER_COUNT_MAX && lmdb->readers[slot] != reader) {
        slot++;
    }
    SW_ASSERT(slot < SW__STORE_READER_COUNT_MAX);
    lmdb->readers[slot] = NULL;
    walks_close(reader->walks);
    walks_close(reader->lookups);
    mdb_txn_abort(reader->txn);
    free(reader);
}

static void lmdb_stats(struct sw_store *store, struct sw_store_stats *ret_stats)
{
    struct sw__lmdb *lmdb = lmdb_of(store);
    MDB_txn *txn = NULL;

    /* Measured anew: a disk that was full may have room again, and nobody writes to find out. */
    if (view(lmdb, &txn) == SW_ERR_OK && lmdb->write == NULL) {
        (void)sw__store_lmdb_measure(lmdb, txn); /* a failure is kept, and told by the next call */
    }
    *ret_stats = (struct sw_store_stats){
        .map_size = sw_space_limit(&lmdb->space),
        .used_size = sw_space_used(&lmdb->space),
        .reserve_size = sw_space_kept_back(&lmdb->space),
        .commits = lmdb->commits,
        .commit_ns_total = lmdb->commit_ns_total,
        .commit_ns_max = lmdb->commit_ns_max,
    };
    if (lmdb->failed || txn == NULL) {
        return; /* the figures above are the last ones known */
    }
    for (size_t i = 0; i < SW_TABLE_COUNT; i++) {
        MDB_stat stat;

        if (mdb_stat(txn, lmdb->dbis[i], &stat) == MDB_SUCCESS) {
            ret_stats->record_count[i] = stat.ms_entries;
        }
    }
}

void sw__store_lmdb_end(struct sw__lmdb *lmdb)
{
    SW_ASSERT(lmdb->generation > 0);
    for (size_t i = 0; i < SW__STORE_READER_COUNT_MAX; i++) {
        lmdb_reader_close(lmdb->readers[i]);
    }
    lmdb_abort(&lmdb->store);
    mdb_txn_abort(lmdb->read); /* accepts NULL */
    lmdb->read = NULL;
}

const struct sw_store_ops sw__store_lmdb_ops = {
    .get = lmdb_get,
    .put = lmdb_put,
    .del = lmdb_del,
    .seek = lmdb_seek,
    .next = lmdb_next,
    .marks = lmdb_marks,
    .dirty = lmdb_dirty,
    .commit = lmdb_commit,
    .sync = lmdb_sync,
    .abort = lmdb_abort,
    .reader_open = lmdb_reader_open,
    .reader_seek = lmdb_reader_seek,
    .reader_next = lmdb_reader_next,
    .reader_store = lmdb_reader_store,
    .reader_close = lmdb_reader_close,
    .stats = lmdb_stats,
};
