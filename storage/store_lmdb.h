/* The store of a node in LMDB: one environment, one named database a table, sealed values.
 *
 * Opened with MDB_NOMETASYNC: a commit syncs data pages before it writes the meta page, so the
 * structure survives a power cut, which may undo the last commit only. Never MDB_WRITEMAP, where a
 * stray pointer writes to the disk. LMDB forgets a failed sync and reports the next one as a
 * success; so after an I/O error this adapter answers IO for ever.
 *
 * Reads go through the write transaction while there is one, else through a read transaction that
 * is given back before the next write; so nothing of the applier pins old pages, and the thread
 * that writes is the one that commits. One thread at a time; handing over is safe after a commit or
 * an abort. Keys and values given to put must not point into the store. The caller holds the lock
 * of the data directory: one process opens it for writing. */
#ifndef SW_STORAGE_STORE_LMDB_H
#define SW_STORAGE_STORE_LMDB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/ids.h"
#include "storage/store.h"

/* One more whenever any stored record, key or table gets a new form, so that an older program
 * refuses the directory as a whole instead of a record in the middle of its work. */
enum { SW_STORE_FORMAT = 4 };

/* Whose store it is: the record "swarmstore" of the database "header", sealed like any value.
 *
 * | offset | size | field                                   |
 * |--------|------|-----------------------------------------|
 * | 0      | 4    | format, 4; in every later version too   |
 * | 4      | 16   | swarm id                                |
 * | 20     | 8    | node id                                 |
 */
enum { SW_STORE_HEADER_SIZE = 28 };

struct sw_store_lmdb_config {
    const char *path; /* a directory, made if absent; borrowed during the call */
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    uint64_t map_size;     /* bytes; 0 = 64 GiB. Address space, not memory or disk */
    uint64_t reserve_size; /* bytes; 0 = a twentieth of it, 64 MiB at least, half of it at most */
    uint64_t log_size;     /* bytes that the log may yet take of the same disk; kept free for it */
    const struct sw_env
        *env;       /* for durations in stats; borrowed, outlives the store; may be NULL */
    bool read_only; /* for inspectors: any owner will do, nothing may be written */
};

/* STRANGER, NEWER_FORMAT, CORRUPT, PERMISSIONS, LOCKED, DISK_FULL, NOT_FOUND (read_only and nothing
 * there) or IO: `ret_why` says what; an existing store is left as it was. One of an older format is
 * brought to the present one in one transaction; read_only leaves it, and is UNSUPPORTED if it
 * lacks a table. */
enum sw_err sw_store_lmdb_open(const struct sw_store_lmdb_config *config,
                               struct sw_store **ret_store,
                               char ret_why[SW_WHY_SIZE]);
/* Writes that were not committed are gone. Accepts NULL. */
void sw_store_lmdb_close(struct sw_store *store);

void sw_store_lmdb_owner(struct sw_store *store,
                         struct sw_swarm_id *ret_swarm,
                         struct sw_node_id *ret_node);
/* Below SW_STORE_FORMAT only if it was opened read_only. */
uint32_t sw_store_lmdb_format(const struct sw_store *store);

#endif
