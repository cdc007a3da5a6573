/* Plain LMDB in the bench: one transaction a write, committed with a sync, its defaults. */
#include <stdlib.h>

#include <lmdb.h>

#include "base/assert.h"
#include "tests/bench/embedded_bench.h"

static const size_t map_size = (size_t)1 << 30;

struct store {
    MDB_env *env;
    MDB_dbi dbi;
};

static void must(int result)
{
    SW_ASSERT(result == 0);
}

static void *open_store(const char *folder)
{
    struct store *store = calloc(1, sizeof *store);
    MDB_txn *txn = NULL;

    SW_ASSERT(store != NULL);
    must(mdb_env_create(&store->env));
    must(mdb_env_set_mapsize(store->env, map_size));
    must(mdb_env_open(store->env, folder, 0, 0600));
    must(mdb_txn_begin(store->env, NULL, 0, &txn));
    must(mdb_dbi_open(txn, NULL, 0, &store->dbi));
    must(mdb_txn_commit(txn));
    return store;
}

static void close_store(void *arg)
{
    struct store *store = arg;

    mdb_env_close(store->env);
    free(store);
}

static MDB_val val_of(const uint8_t *data, size_t size)
{
    return (MDB_val){.mv_size = size, .mv_data = (void *)(uintptr_t)data};
}

static void put(void *arg, const uint8_t *key, const uint8_t *value)
{
    struct store *store = arg;
    MDB_val k = val_of(key, SW_BENCH_KEY_SIZE);
    MDB_val v = val_of(value, SW_BENCH_VALUE_SIZE);
    MDB_txn *txn = NULL;

    must(mdb_txn_begin(store->env, NULL, 0, &txn));
    must(mdb_put(txn, store->dbi, &k, &v, 0));
    must(mdb_txn_commit(txn));
}

static bool get(void *arg, const uint8_t *key)
{
    struct store *store = arg;
    MDB_val k = val_of(key, SW_BENCH_KEY_SIZE);
    MDB_val v;
    MDB_txn *txn = NULL;
    bool found;

    must(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn));
    found = mdb_get(txn, store->dbi, &k, &v) == 0;
    mdb_txn_abort(txn);
    return found;
}

const struct sw_bench_store sw_bench_lmdb = {
    .name = "lmdb", .open = open_store, .close = close_store, .put = put, .get = get};
