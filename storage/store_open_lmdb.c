/* Opening an LMDB store: whose is it, which format, and nothing is changed before that is known. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "base/assert.h"
#include "base/rw.h"
#include "storage/store_lmdb_private.h"
#include "storage/store_seal.h"

enum {
    /* The applier's view, its readers, and inspectors that read a running node. */
    READER_SLOT_COUNT = 32,
    DATABASE_COUNT = SW_TABLE_COUNT + 1,
};

#define HEADER_DATABASE "header"
#define HEADER_KEY      "swarmstore"
#define DATA_NAME       "data.mdb"
#define BUILD_NAME      "data.new"

/* An error of LMDB or of the system while opening. */
static enum sw_err refuse(char *ret_why, const char *path, const char *what, int rc)
{
    SW_ASSERT(rc != MDB_SUCCESS);
    (void)snprintf(ret_why, SW_WHY_SIZE, "%.80s: %s: %s", path, what, mdb_strerror(rc));
    switch (rc) {
    case EACCES:
    case EPERM:
    case EROFS:
        return SW_ERR_PERMISSIONS;
    case EAGAIN:
    case EBUSY:
        return SW_ERR_LOCKED;
    case ENOSPC:
    case EDQUOT:
        return SW_ERR_DISK_FULL;
    case ENOMEM:
        return SW_ERR_NOMEM;
    case ENOENT:
        return SW_ERR_NOT_FOUND;
    case MDB_VERSION_MISMATCH:
        return SW_ERR_NEWER_FORMAT;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INCOMPATIBLE:
        return SW_ERR_CORRUPT;
    default:
        return SW_ERR_IO;
    }
}

/* LMDB found its own structure broken and aborts behind this: say what it means. */
static void structure_damaged(MDB_env *env, const char *text)
{
    (void)env;
    (void)fprintf(
        stderr, "store: the structure is damaged (%s); the other nodes hold the data\n", text);
}

static void header_encode(const struct sw_store_lmdb_config *config, uint8_t *out)
{
    SW_ASSERT(config->node.value != 0);
    sw_store_u32(out, SW_STORE_FORMAT);
    memcpy(out + 4, config->swarm.bytes, sizeof(config->swarm.bytes));
    sw_store_u64(out + 20, config->node.value);
    static_assert(SW_STORE_HEADER_SIZE == 20 + 8, "the byte table of store_lmdb.h");
}

static enum sw_err
header_decode(struct sw__lmdb *lmdb, struct sw_span sealed, const char *path, char *ret_why)
{
    const struct sw_span key = sw_span_str(HEADER_KEY);
    struct sw_span value;
    uint32_t format;

    if (sw_seal_open(SW_SEAL_TABLE_HEADER, key, sealed, &value) != SW_ERR_OK || value.size < 4) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.80s: the header fails its checksum", path);
        return SW_ERR_CORRUPT;
    }
    format = sw_load_u32(value.data);
    if (format > SW_STORE_FORMAT) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.80s: store format %u, this version knows %d",
                       path,
                       format,
                       SW_STORE_FORMAT);
        return SW_ERR_NEWER_FORMAT;
    }
    if (format == 0 || value.size != SW_STORE_HEADER_SIZE) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.80s: the header is malformed", path);
        return SW_ERR_CORRUPT;
    }
    lmdb->format = format;
    memcpy(lmdb->swarm.bytes, value.data + 4, sizeof(lmdb->swarm.bytes));
    lmdb->node.value = sw_load_u64(value.data + 20);
    return SW_ERR_OK;
}

static enum sw_err
owner_check(const struct sw__lmdb *lmdb, const struct sw_store_lmdb_config *config, char *ret_why)
{
    if (config->read_only) {
        return SW_ERR_OK;
    }
    if (memcmp(&lmdb->swarm, &config->swarm, sizeof(lmdb->swarm)) != 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.80s: belongs to another swarm", config->path);
        return SW_ERR_STRANGER;
    }
    if (!sw_node_id_equal(lmdb->node, config->node)) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.80s: belongs to node %llu, this is node %llu",
                       config->path,
                       (unsigned long long)lmdb->node.value,
                       (unsigned long long)config->node.value);
        return SW_ERR_STRANGER;
    }
    return SW_ERR_OK;
}

/* Opens the handles of all databases in `txn`; with MDB_CREATE makes them. */
static int tables_open(struct sw__lmdb *lmdb, MDB_txn *txn, unsigned flags)
{
    int rc = MDB_SUCCESS;

    for (unsigned i = 0; i < SW_TABLE_COUNT && rc == MDB_SUCCESS; i++) {
        rc = mdb_dbi_open(txn, sw_table_name(i), flags, &lmdb->dbis[i]);
    }
    return rc;
}

/* A new store or one of an older format: tables and header in one transaction, so that it is whole
 * or still what it was. The stage is emptied, as at every start: format 1 may have sealed it
 * otherwise. */
static enum sw_err
create(struct sw__lmdb *lmdb, const struct sw_store_lmdb_config *config, char *ret_why)
{
    uint8_t header[SW_STORE_HEADER_SIZE];
    uint8_t sealed[SW_SEAL_SIZE + SW_STORE_HEADER_SIZE];
    char name[] = HEADER_KEY;
    MDB_val key = {.mv_size = sizeof(name) - 1, .mv_data = name};
    MDB_val value = {.mv_size = sizeof(sealed), .mv_data = sealed};
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    int rc;

    header_encode(config, header);
    sw_seal_write(
        SW_SEAL_TABLE_HEADER, sw_span_str(HEADER_KEY), sw_span_of(header, sizeof(header)), sealed);
    rc = mdb_txn_begin(lmdb->env, NULL, 0, &txn);
    if (rc == MDB_SUCCESS) {
        rc = tables_open(lmdb, txn, MDB_CREATE);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_drop(txn, lmdb->dbis[SW_TABLE_STAGE], 0);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_dbi_open(txn, HEADER_DATABASE, MDB_CREATE, &dbi);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_put(txn, dbi, &key, &value, 0);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_txn_commit(txn);
        txn = NULL;
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_sync(lmdb->env, 1);
    }
    mdb_txn_abort(txn); /* accepts NULL */
    lmdb->swarm = config->swarm;
    lmdb->node = config->node;
    lmdb->format = SW_STORE_FORMAT;
    return rc == MDB_SUCCESS ? SW_ERR_OK : refuse(ret_why, config->path, "creating", rc);
}

static enum sw_err tables_find(struct sw__lmdb *lmdb, MDB_txn *txn, const char *path, char *ret_why)
{
    const int rc = tables_open(lmdb, txn, 0);

    if (rc == MDB_SUCCESS) {
        return SW_ERR_OK;
    }
    if (rc == MDB_NOTFOUND && lmdb->format < SW_STORE_FORMAT) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.80s: store format %u: start its node once, which brings it to format %d",
                       path,
                       lmdb->format,
                       SW_STORE_FORMAT);
        return SW_ERR_UNSUPPORTED;
    }
    (void)refuse(ret_why, path, "a table is missing", rc);
    return SW_ERR_CORRUPT;
}

/* Reads the header. `ret_fresh`: there is none because nothing was ever written. */
static enum sw_err identify(struct sw__lmdb *lmdb,
                            const struct sw_store_lmdb_config *config,
                            MDB_txn *txn,
                            bool *ret_fresh,
                            char *ret_why)
{
    char name[] = HEADER_KEY;
    MDB_val key = {.mv_size = sizeof(name) - 1, .mv_data = name};
    MDB_val value;
    MDB_stat stat;
    MDB_dbi dbi;
    enum sw_err err;
    int rc = mdb_dbi_open(txn, HEADER_DATABASE, 0, &dbi);

    if (rc == MDB_NOTFOUND) {
        rc = mdb_dbi_open(txn, NULL, 0, &dbi);
        if (rc == MDB_SUCCESS) {
            rc = mdb_stat(txn, dbi, &stat);
        }
        if (rc == MDB_SUCCESS && stat.ms_entries == 0) {
            *ret_fresh = true;
            return SW_ERR_OK;
        }
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.80s: not a store of this system", config->path);
        return SW_ERR_STRANGER;
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_get(txn, dbi, &key, &value);
    }
    if (rc != MDB_SUCCESS) {
        (void)refuse(ret_why, config->path, "reading the header", rc);
        return SW_ERR_CORRUPT;
    }
    err = header_decode(lmdb, sw_span_of(value.mv_data, value.mv_size), config->path, ret_why);
    return err == SW_ERR_OK ? owner_check(lmdb, config, ret_why) : err;
}

/* Finds out whose it is and opens the tables, all without a write unless the store is new. */
static enum sw_err
adopt(struct sw__lmdb *lmdb, const struct sw_store_lmdb_config *config, char *ret_why)
{
    MDB_txn *txn = NULL;
    bool fresh = false;
    bool older = false;
    enum sw_err err;
    int rc = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn);

    if (rc != MDB_SUCCESS) {
        return refuse(ret_why, config->path, "reading", rc);
    }
    err = identify(lmdb, config, txn, &fresh, ret_why);
    older = err == SW_ERR_OK && !fresh && lmdb->format < SW_STORE_FORMAT;
    if (err == SW_ERR_OK && !fresh && (!older || config->read_only)) {
        err = tables_find(lmdb, txn, config->path, ret_why);
    }
    if (err != SW_ERR_OK || fresh || (older && !config->read_only)) {
        mdb_txn_abort(txn);
    } else {
        rc = mdb_txn_commit(txn); /* keeps the handles */
        SW_ASSERT(rc == MDB_SUCCESS);
    }
    if (err == SW_ERR_OK && fresh) {
        if (config->read_only) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "%.80s: the store is empty", config->path);
            return SW_ERR_NOT_FOUND;
        }
        err = create(lmdb, config, ret_why);
    } else if (err == SW_ERR_OK && older && !config->read_only) {
        err = create(lmdb, config, ret_why);
    }
    return err;
}

/* Makes the names of new files durable: in the directory and in the one above it. */
static int sync_directories(const char *path)
{
    static const char *const names[] = {".", ".."};
    int rc = 0;

    for (size_t i = 0; i < 2 && rc == 0; i++) {
        const int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const int fd = top < 0 ? -1 : openat(top, names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) != 0) {
            rc = errno;
        }
        if (fd >= 0) {
            (void)close(fd);
        }
        if (top >= 0) {
            (void)close(top);
        }
    }
    return rc;
}

static bool has_data(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool has = fd >= 0 && faccessat(fd, DATA_NAME, F_OK, 0) == 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    return has;
}

/* `path` is that of the directory or, with MDB_NOSUBDIR, of the file. */
static int env_open(struct sw__lmdb *lmdb,
                    const struct sw_store_lmdb_config *config,
                    const char *path,
                    unsigned flags)
{
    uint64_t map_size = config->map_size == 0 ? SW_SPACE_MAP_SIZE_DEFAULT : config->map_size;
    int rc = mdb_env_create(&lmdb->env);

    SW_ASSERT(map_size <= UINT64_MAX / SW_SPACE_MAP_FACTOR);
    map_size *= SW_SPACE_MAP_FACTOR;
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_assert(lmdb->env, structure_damaged);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_maxdbs(lmdb->env, DATABASE_COUNT);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_maxreaders(lmdb->env, READER_SLOT_COUNT);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_mapsize(lmdb->env, map_size);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_open(lmdb->env, path, flags | MDB_NOTLS, 0600);
    }
    return rc;
}

/* LMDB begins a file with two pages that nobody has synced: a power failure there leaves what is no
 * store and not nothing. So a new store is built under another name and gets its own when it is
 * whole and durable; what an earlier attempt has left is removed first. Without LMDB's lock, since
 * the caller holds the directory's. */
static enum sw_err
build(struct sw__lmdb *lmdb, const struct sw_store_lmdb_config *config, char *ret_why)
{
    char data[PATH_MAX];
    char name[PATH_MAX];
    const int size = snprintf(data, sizeof(data), "%s/" BUILD_NAME, config->path);
    enum sw_err err;
    int rc;

    SW_ASSERT(!config->read_only);
    SW_ASSERT(lmdb->env == NULL);
    if (size < 0 || size >= PATH_MAX || (unlink(data) != 0 && errno != ENOENT)) {
        return refuse(ret_why,
                      config->path,
                      "removing a store that was never finished",
                      size < PATH_MAX ? errno : ENAMETOOLONG);
    }
    rc = env_open(lmdb, config, data, MDB_NOSUBDIR | MDB_NOLOCK);
    err = rc == MDB_SUCCESS ? create(lmdb, config, ret_why)
                            : refuse(ret_why, config->path, "creating", rc);
    mdb_env_close(lmdb->env); /* accepts NULL */
    lmdb->env = NULL;
    if (err != SW_ERR_OK) {
        return err;
    }
    static_assert(sizeof(DATA_NAME) == sizeof(BUILD_NAME), "what fits one fits the other");
    (void)snprintf(name, sizeof(name), "%s/" DATA_NAME, config->path);
    return rename(data, name) == 0 ? SW_ERR_OK
                                   : refuse(ret_why, config->path, "naming the new store", errno);
}

static enum sw_err
open_or_build(struct sw__lmdb *lmdb, const struct sw_store_lmdb_config *config, char *ret_why)
{
    const bool there = has_data(config->path);
    enum sw_err err = SW_ERR_OK;
    int rc;

    if (!there && config->read_only) {
        /* before LMDB leaves a lock file in a directory that is none of ours */
        return refuse(ret_why, config->path, "opening", ENOENT);
    }
    if (!there) {
        err = build(lmdb, config, ret_why);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    rc = env_open(lmdb, config, config->path, config->read_only ? MDB_RDONLY : MDB_NOMETASYNC);
    return rc == MDB_SUCCESS ? SW_ERR_OK : refuse(ret_why, config->path, "opening", rc);
}

/* What is read from here on must stay: a process that was killed may have left a commit that is in
 * memory only, and whoever builds on it would be wrong after a power failure. */
static int make_durable(struct sw__lmdb *lmdb, const char *path)
{
    const int rc = mdb_env_sync(lmdb->env, 1);

    return rc == MDB_SUCCESS ? sync_directories(path) : rc;
}

/* Accounting, and what the environment must be able to hold. */
static enum sw_err
prepare(struct sw__lmdb *lmdb, const struct sw_store_lmdb_config *config, char *ret_why)
{
    MDB_txn *txn = NULL;
    MDB_stat stat;
    enum sw_err err;
    int rc = mdb_env_stat(lmdb->env, &stat);

    if (rc == MDB_SUCCESS && mdb_env_get_maxkeysize(lmdb->env) < SW_STORE_KEY_SIZE_MAX) {
        rc = MDB_BAD_VALSIZE;
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn);
    }
    if (rc != MDB_SUCCESS) {
        return refuse(ret_why, config->path, "measuring", rc);
    }
    sw_space_init(
        &lmdb->space, stat.ms_psize, config->map_size, config->reserve_size, config->log_size);
    err = sw__store_lmdb_measure(lmdb, txn);
    mdb_txn_abort(txn);
    if (err != SW_ERR_OK) {
        memcpy(ret_why, lmdb->store.why, SW_WHY_SIZE);
    }
    return err;
}

enum sw_err sw_store_lmdb_open(const struct sw_store_lmdb_config *config,
                               struct sw_store **ret_store,
                               char ret_why[SW_WHY_SIZE])
{
    struct sw__lmdb *lmdb;
    enum sw_err err = SW_ERR_OK;
    int rc;

    SW_ASSERT(config->path != NULL);
    SW_ASSERT(config->map_size == 0 || config->map_size >= SW_SPACE_MAP_SIZE_MIN);
    lmdb = calloc(1, sizeof(*lmdb));
    SW_ASSERT(lmdb != NULL);
    lmdb->store.impl = lmdb;
    lmdb->store.ops = &sw__store_lmdb_ops;
    lmdb->generation = 1;
    lmdb->read_only = config->read_only;
    lmdb->world = config->env;
    if (!config->read_only && mkdir(config->path, 0700) != 0 && errno != EEXIST) {
        err = refuse(ret_why, config->path, "making the directory", errno);
        goto out;
    }
    err = open_or_build(lmdb, config, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = adopt(lmdb, config, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    rc = config->read_only ? 0 : make_durable(lmdb, config->path);
    if (rc != 0) {
        err = refuse(ret_why, config->path, "syncing", rc);
        goto out;
    }
    err = prepare(lmdb, config, ret_why);
out:
    if (err != SW_ERR_OK) {
        sw_store_lmdb_close(&lmdb->store);
        return err;
    }
    *ret_store = &lmdb->store;
    return SW_ERR_OK;
}

void sw_store_lmdb_close(struct sw_store *store)
{
    struct sw__lmdb *lmdb;

    if (store == NULL) {
        return;
    }
    lmdb = store->impl;
    SW_ASSERT(&lmdb->store == store);
    sw__store_lmdb_end(lmdb);
    if (lmdb->env != NULL) {
        mdb_env_close(lmdb->env);
    }
    free(lmdb);
}

void sw_store_lmdb_owner(struct sw_store *store,
                         struct sw_swarm_id *ret_swarm,
                         struct sw_node_id *ret_node)
{
    const struct sw__lmdb *lmdb = store->impl;

    SW_ASSERT(&lmdb->store == store);
    SW_ASSERT(lmdb->node.value != 0);
    *ret_swarm = lmdb->swarm;
    *ret_node = lmdb->node;
}

uint32_t sw_store_lmdb_format(const struct sw_store *store)
{
    const struct sw__lmdb *lmdb = store->impl;

    SW_ASSERT(&lmdb->store == store);
    SW_ASSERT(lmdb->format != 0);
    return lmdb->format;
}
