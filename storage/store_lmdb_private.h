/* What store_lmdb.c (the port's calls) and store_open_lmdb.c (start and end) share. */
#ifndef SW_STORAGE_STORE_LMDB_PRIVATE_H
#define SW_STORAGE_STORE_LMDB_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store_lmdb.h"
#include "storage/store_space.h"
#include "storage/walk_lmdb.h"

struct MDB_env;

enum { SW__STORE_READER_COUNT_MAX = 4 };

struct sw_store_reader {
    struct sw__lmdb *lmdb; /* borrowed */
    struct MDB_txn *txn;   /* owned */
    struct sw_walk walks[SW_TABLE_COUNT];
    struct sw_walk lookups[SW_TABLE_COUNT]; /* of `store`, as are its walks: the ones above */
    struct sw_store store;
};

struct sw__lmdb {
    struct sw_store store;
    struct MDB_env *env; /* owned */
    unsigned dbis[SW_TABLE_COUNT];
    struct MDB_txn *read;  /* owned; begun once, then reset and renewed */
    struct MDB_txn *write; /* owned; NULL = none open */
    bool read_active;
    bool dirty;
    bool failed; /* an I/O error happened: LMDB is never asked again */
    bool read_only;
    uint64_t generation; /* counts what invalidates walks */
    uint64_t moves;      /* counts what may move large values; see lmdb_marks */
    uint64_t changes[SW_TABLE_COUNT];
    struct sw_walk lookups[SW_TABLE_COUNT]; /* of get and del: a walk may go on beside them */
    struct sw_walk walks[SW_TABLE_COUNT];
    struct sw_store_reader *readers[SW__STORE_READER_COUNT_MAX];
    struct sw_space space;
    const struct sw_env *world; /* borrowed; may be NULL */
    uint64_t commits;
    uint64_t commit_ns_total;
    uint64_t commit_ns_max;
    struct sw_swarm_id swarm;
    uint32_t format; /* of the header that was found */
    struct sw_node_id node;
};

extern const struct sw_store_ops sw__store_lmdb_ops;

/* Counts the pages of all trees and of the disk, for the accounting. */
enum sw_err sw__store_lmdb_measure(struct sw__lmdb *lmdb, struct MDB_txn *txn);
/* Ends the open transactions and closes all readers. */
void sw__store_lmdb_end(struct sw__lmdb *lmdb);

#endif
