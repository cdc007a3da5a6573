/* Reads of an LMDB table that believe nothing unproven.
 *
 * LMDB finds a key by comparing with other keys on the way, and any of these may be damaged. So a
 * record found must pass its seal, and a record not found must be absent between two neighbours
 * that are in order and pass their seals: else a flipped bit in a key would turn a read into a
 * silent "not found". Order is checked on every step of a walk too. What is left to a full check
 * (`swarm-inspect store`): damage to pages that no read touches. */
#ifndef SW_STORAGE_WALK_LMDB_H
#define SW_STORAGE_WALK_LMDB_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

/* Of LMDB, whose header stays with the adapters; a table's handle is an unsigned there. */
struct MDB_cursor;
struct MDB_txn;

/* A position in one table. Zero-initialise. */
struct sw_walk {
    struct MDB_cursor *cursor; /* owned; NULL = not open */
    struct sw_store *store;    /* borrowed: receives `why` */
    enum sw_table table;
    bool at_record;      /* false: at the end, or where the structure is damaged */
    struct sw_span key;  /* of the record that it stands at; a view into the store */
    uint64_t generation; /* of the store when it was moved; for whoever owns the walk */
};

/* Does nothing if open already. Must be closed before the transaction ends. */
enum sw_err sw_walk_open(struct sw_walk *walk,
                         struct sw_store *store,
                         struct MDB_txn *txn,
                         unsigned dbi,
                         enum sw_table table);
void sw_walk_close(struct sw_walk *walk); /* accepts a closed one */

/* OK, NOT_FOUND, CORRUPT or IO, as the calls of the same name in store.h. */
enum sw_err sw_walk_get(struct sw_walk *walk, struct sw_span key, struct sw_span *ret_value);
enum sw_err sw_walk_seek(struct sw_walk *walk,
                         struct sw_span from,
                         bool reverse,
                         struct sw_store_record *ret_record);
enum sw_err sw_walk_next(struct sw_walk *walk, bool reverse, struct sw_store_record *ret_record);

/* The error that the return code of a reading LMDB call stands for; fills store->why. */
enum sw_err sw_walk_failure(struct sw_store *store, enum sw_table table, int rc);

#endif
