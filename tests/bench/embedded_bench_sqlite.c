/* SQLite in the bench: a table with a key, WAL, synchronous=FULL, prepared statements, one
 * transaction a write: what it takes until a write is on the disk. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "tests/bench/embedded_bench.h"

struct store {
    sqlite3 *db;
    sqlite3_stmt *put;
    sqlite3_stmt *get;
};

static void must(struct store *store, int result)
{
    if (result != SQLITE_OK) {
        (void)fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(store->db));
        abort();
    }
}

static void run(struct store *store, const char *sql)
{
    must(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

static void *open_store(const char *folder)
{
    struct store *store = calloc(1, sizeof *store);
    char path[512];

    SW_ASSERT(store != NULL);
    (void)snprintf(path, sizeof path, "%s/data.db", folder);
    must(store, sqlite3_open(path, &store->db));
    run(store, "PRAGMA journal_mode=WAL");
    run(store, "PRAGMA synchronous=FULL");
    run(store, "CREATE TABLE kv (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
    must(store,
         sqlite3_prepare_v2(
             store->db, "INSERT OR REPLACE INTO kv VALUES (?, ?)", -1, &store->put, NULL));
    must(store,
         sqlite3_prepare_v2(store->db, "SELECT v FROM kv WHERE k = ?", -1, &store->get, NULL));
    return store;
}

static void close_store(void *arg)
{
    struct store *store = arg;

    must(store, sqlite3_finalize(store->put));
    must(store, sqlite3_finalize(store->get));
    must(store, sqlite3_close(store->db));
    free(store);
}

static void put(void *arg, const uint8_t *key, const uint8_t *value)
{
    struct store *store = arg;
    int result;

    must(store, sqlite3_bind_blob(store->put, 1, key, SW_BENCH_KEY_SIZE, SQLITE_STATIC));
    must(store, sqlite3_bind_blob(store->put, 2, value, SW_BENCH_VALUE_SIZE, SQLITE_STATIC));
    result = sqlite3_step(store->put);
    SW_ASSERT(result == SQLITE_DONE);
    must(store, sqlite3_reset(store->put));
}

static bool get(void *arg, const uint8_t *key)
{
    struct store *store = arg;
    int result;

    must(store, sqlite3_bind_blob(store->get, 1, key, SW_BENCH_KEY_SIZE, SQLITE_STATIC));
    result = sqlite3_step(store->get);
    must(store, sqlite3_reset(store->get));
    return result == SQLITE_ROW;
}

const struct sw_bench_store sw_bench_sqlite = {
    .name = "sqlite", .open = open_store, .close = close_store, .put = put, .get = get};
