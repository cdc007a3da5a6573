/* Port: the ordered state of a node, written by exactly one thread (the applier).
 *
 * There is always at most one open write transaction; `begin` opens it when needed, `commit` makes
 * it survive a crash of the process and, up to the last commit, a power cut (the WAL replays the
 * rest from the applied index, which lives in the same transaction). Reads see the open
 * transaction, so a read that follows a write in the applier's queue sees it.
 *
 * Every stored value carries a checksum over table, key and value that is verified on each read:
 * CORRUPT names table and key in `why`, and the caller must not use the node's state any more.
 * Adapter: store_lmdb.c. Twin: store_mem.c. Kept equal by tests/model. */
#ifndef SW_STORAGE_STORE_H
#define SW_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"

enum sw_table {
    SW_TABLE_META, /* group(4, BE) ‖ name: applied index, digest, revision, leader time ... */
    SW_TABLE_KV,   /* storage/keys.h: slot first */
    SW_TABLE_EXPERIENCE, /* storage/keys.h: slot first, then revision */
    SW_TABLE_SESSION,    /* group(4, BE) ‖ session id(8, BE) */
    SW_TABLE_LEASE,   /* group(4, BE) ‖ kind(1) ‖ ...: leases, when they end, what they hold */
    SW_TABLE_CHANGE,  /* group(4, BE) ‖ revision(8, BE) ‖ number(2, BE): what changed lately */
    SW_TABLE_HISTORY, /* slot first: what keys were, for reads of the past */
    SW_TABLE_INDEX,   /* slot first: vectors, their codes and contexts */
    SW_TABLE_STAGE,   /* a snapshot being received: group(4) ‖ table(1) ‖ key */
    SW_TABLE_COUNT
};

struct sw_store {
    void *impl;
    const struct sw_store_ops *ops;
    char why[SW_WHY_SIZE]; /* detail of the last error */
};

/* One record of a walk; both spans are valid until the next call that writes, moves or commits. */
struct sw_store_record {
    struct sw_span key;
    struct sw_span value;
};

struct sw_store_stats {
    uint64_t map_size;     /* bytes the store may grow to; less than configured on a short disk */
    uint64_t used_size;    /* bytes in use, by our own accounting */
    uint64_t reserve_size; /* kept back for deletes and compaction */
    uint64_t commits;
    uint64_t commit_ns_total;
    uint64_t commit_ns_max;
    uint64_t record_count[SW_TABLE_COUNT];
};

/* Equal marks of two moments promise something about the bytes that were seen at the first. */
struct sw_store_marks {
    uint64_t changes; /* every record of the table is what it was and where it was */
    uint64_t moves;   /* values of a page and more that were not written are where they were */
};

struct sw_store_reader; /* a consistent view as of the last commit; short-lived */

struct sw_store_ops {
    /* NOT_FOUND if absent. `ret_value` is valid until the next write, commit or abort. */
    enum sw_err (*get)(struct sw_store *store,
                       enum sw_table table,
                       struct sw_span key,
                       struct sw_span *ret_value);
    /* DISK_FULL when the map less its reserve is used up; the transaction goes on. Records of
     * SW_TABLE_SESSION, LEASE, CHANGE and HISTORY may use the reserve and those of SW_TABLE_META
     * always have room, so that a delete can be accounted for. Key and value must not point into
     * the store. */
    enum sw_err (*put)(struct sw_store *store,
                       enum sw_table table,
                       struct sw_span key,
                       struct sw_span value);
    /* NOT_FOUND if absent. May use the reserve. */
    enum sw_err (*del)(struct sw_store *store, enum sw_table table, struct sw_span key);
    /* The first record with key >= `from` (or, `reverse`, the last with key <= `from`; an empty
     * `from` then means the last of the table). NOT_FOUND at the end. */
    enum sw_err (*seek)(struct sw_store *store,
                        enum sw_table table,
                        struct sw_span from,
                        bool reverse,
                        struct sw_store_record *ret_record);
    /* The neighbour of the record that the last seek or next of this table gave; NOT_FOUND at the
     * end. After any call of put, del, commit or abort in between this is an error of the caller
     * (asserted): seek again. Calls of get do not matter. */
    enum sw_err (*next)(struct sw_store *store,
                        enum sw_table table,
                        bool reverse,
                        struct sw_store_record *ret_record);
    struct sw_store_marks (*marks)(struct sw_store *store, enum sw_table table);
    /* True while writes are not committed yet. */
    bool (*dirty)(struct sw_store *store);
    enum sw_err (*commit)(struct sw_store *store);
    /* After this all commits survive a power cut (the meta page is synced too). */
    enum sw_err (*sync)(struct sw_store *store);
    void (*abort)(struct sw_store *store);

    /* Views of the last commit. Opened and closed by the applier's thread; between these two calls
     * one other may use what it is given. At most 4 at once. */
    enum sw_err (*reader_open)(struct sw_store *store, struct sw_store_reader **ret_reader);
    enum sw_err (*reader_seek)(struct sw_store_reader *reader,
                               enum sw_table table,
                               struct sw_span from,
                               struct sw_store_record *ret_record);
    enum sw_err (*reader_next)(struct sw_store_reader *reader,
                               enum sw_table table,
                               struct sw_store_record *ret_record);
    /* The reader as a store of its own: get, seek, next, marks and `why` only. The marks of two
     * readers compare. */
    struct sw_store *(*reader_store)(struct sw_store_reader *reader);
    void (*reader_close)(struct sw_store_reader *reader); /* accepts NULL */

    void (*stats)(struct sw_store *store, struct sw_store_stats *ret_stats);
};

#endif
