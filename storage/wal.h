/* Port: one write-ahead log shared by all groups of a node.
 *
 * Requests are made on the loop and complete there, in order, never inside the call. A completion
 * means: this request and all earlier ones of every group are durable. There is no failure to
 * report: a write or sync that fails calls `fatal`, and no completion ever follows.
 *
 * Entry bodies and descriptors are borrowed until the completion. An entry at index i replaces all
 * earlier entries of its group at indexes >= i.
 *
 * Engine: storage/wal_engine.c over storage/disk.h, driven by storage/wal_queue.c over
 * base/worker.h. Twin for model tests: storage/wal_mem.c. Format: docs/STORAGE_FORMAT.md. */
#ifndef SW_STORAGE_WAL_H
#define SW_STORAGE_WAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/span.h"

struct sw_wal_entry {
    uint64_t index;      /* 1.. */
    uint64_t term;       /* 1.. */
    uint8_t type;        /* of raft/, opaque here */
    struct sw_span body; /* at most SW_ENTRY_SIZE_MAX */
};

struct sw_wal_hard {
    uint64_t term;
    struct sw_node_id vote; /* 0 = none in this term */
};

struct sw_wal_snapshot {
    uint64_t index; /* last entry that the snapshot stands for */
    uint64_t term;
    struct sw_span descriptor; /* of raft/, opaque here; at most SW_SNAPSHOT_DESCRIPTOR_SIZE_MAX */
};

typedef void (*sw_wal_done_fn)(void *arg);

struct sw_wal {
    void *impl;
    const struct sw_wal_ops *ops;
};

/* What start-up found for one group. Release with sw_wal_group_release. */
struct sw_wal_group {
    struct sw_wal_hard hard;
    bool has_snapshot;
    uint64_t snapshot_index;
    uint64_t snapshot_term;
    uint8_t *descriptor; /* owned (malloc); NULL without snapshot */
    size_t descriptor_size;
    uint64_t first_index;         /* index of entries[0]; with no entries: the next to be written */
    struct sw_wal_entry *entries; /* owned; contiguous indexes; bodies point into `blob` */
    size_t entry_count;
    uint8_t *blob; /* owned (malloc): all bodies, each aligned to 8 bytes */
};

struct sw_wal_stats {
    uint64_t syncs;         /* fdatasync calls */
    uint64_t batches;       /* group commits */
    uint64_t appends;       /* entries */
    uint64_t bytes_written; /* all bytes handed to the disk */
    uint64_t bytes_payload; /* bytes of entry bodies */
    uint64_t segments;      /* files in use */
    uint64_t segments_free; /* pre-written files waiting for reuse */
    uint64_t live_bytes;    /* bytes of entries not yet behind a snapshot, all groups */
    uint64_t sync_ns_total;
    uint64_t sync_ns_max;
};

struct sw_wal_ops {
    /* Start-up: what is stored for `group` (all zero and first_index 1 for an unknown one). Comes
     * before any request for that group; BUSY while requests of any group are under way. */
    enum sw_err (*load)(struct sw_wal *wal,
                        struct sw_group_id group,
                        struct sw_wal_group *ret_group);

    /* `entries` (array and bodies) are borrowed until `done`. Indexes are contiguous and the first
     * is at most one past the last stored one, and not below the first index that is kept. No term
     * is over that of the last set_hard: a log ahead of its term means that a vote was lost. */
    void (*append)(struct sw_wal *wal,
                   struct sw_group_id group,
                   const struct sw_wal_entry *entries,
                   size_t count,
                   sw_wal_done_fn done,
                   void *arg);

    /* Drops all entries >= from_index; ordered before later appends. `done` may be NULL. */
    void (*truncate)(struct sw_wal *wal,
                     struct sw_group_id group,
                     uint64_t from_index,
                     sw_wal_done_fn done,
                     void *arg);

    /* Term and vote, kept in two alternating sealed copies outside the segments. */
    void (*set_hard)(struct sw_wal *wal,
                     struct sw_group_id group,
                     struct sw_wal_hard hard,
                     sw_wal_done_fn done,
                     void *arg);

    /* Records a snapshot and drops all entries < first_index; with `reset` drops all entries,
     * atomically (install of a snapshot: the next append is at snapshot.index + 1). */
    void (*set_snapshot)(struct sw_wal *wal,
                         struct sw_group_id group,
                         struct sw_wal_snapshot snapshot,
                         uint64_t first_index,
                         bool reset,
                         sw_wal_done_fn done,
                         void *arg);

    /* Bytes that `group`'s entries take in the log: what compaction could free. Loop only. */
    uint64_t (*group_bytes)(struct sw_wal *wal, struct sw_group_id group);

    void (*stats)(struct sw_wal *wal, struct sw_wal_stats *ret_stats);
};

/* Frees what load gave; accepts a zeroed struct. */
void sw_wal_group_release(struct sw_wal_group *group);

#endif
