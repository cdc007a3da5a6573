/* Our raft_io for one group, over the shared WAL and the link. Private to raft/.
 *
 * It keeps libraft's contract (LIBRAFT rules: never fail, never complete inside the call, append
 * completions in order) and adds what the library lacks: terms and votes are group-committed with
 * everything else while all messages of the group wait until the newest of them is durable;
 * AppendEntries are split by size with a clamped commit index; dead peers fail before anything is
 * serialised; snapshots are descriptors. */
#ifndef SW_RAFT_IO_PRIVATE_H
#define SW_RAFT_IO_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <raft.h>

#include "base/env.h"
#include "base/ids.h"
#include "base/rw.h"
#include "storage/wal.h"
#include "transport/link.h"

struct sw__io_request;  /* one request under way to the WAL */
struct sw__io_held;     /* one message that waits for a durable term or vote */
struct sw__io_deferred; /* one completion that is due at the next turn */

struct sw__io_hooks {
    void *arg;
    /* A snapshot arrived. The hook takes `message` over and later feeds it with sw__io_receive. */
    void (*install)(void *arg, struct raft_message *message);
    /* libraft wants the state behind its new snapshot made durable: sw__io_work_done ends it. */
    void (*snapshot_work)(void *arg);
};

struct sw__io_stats {
    uint64_t appends_split;
    uint64_t installs_sent;
    uint64_t sends_failed;
};

struct sw__io {
    struct raft_io base; /* what the guard decorates; base.impl is this */
    struct sw_group_id group;
    struct sw_node_id self;
    const struct sw_env *env; /* borrowed, as are the next two: they outlive the group */
    struct sw_wal *wal;
    struct sw_link *link;
    struct sw__io_hooks hooks;
    uint32_t append_size_max;
    raft_io_tick_cb tick;
    raft_io_recv_cb recv;
    struct sw_wal_group loaded; /* owned; dropped once libraft has copied it */
    raft_index next_index;      /* where the next append goes */

    struct sw_wal_hard hard;
    uint64_t hold_wanted, hold_done; /* records that messages wait for: asked for, durable */
    struct sw__io_held *held_head, *held_tail;
    size_t held_size;

    struct sw__io_request *requests;                       /* owned, to the WAL */
    struct sw__io_deferred *deferred_head, *deferred_tail; /* owned */
    raft_io_close_cb closed;
    bool dead; /* nothing leaves and nothing is written any more */

    raft_index snapshot_index;
    raft_term snapshot_term;
    struct sw_buf descriptor;        /* of the stored snapshot */
    struct raft_io_async_work *work; /* libraft's, under way */
    raft_io_async_work_cb work_cb;
    struct sw_buf scratch; /* encoding */
    struct sw__io_stats stats;
};

struct sw__io_config {
    struct sw_group_id group;
    struct sw_node_id self;
    const struct sw_env *env;
    struct sw_wal *wal;
    struct sw_link *link;
    struct sw__io_hooks hooks;
    uint32_t append_size_max;
};

/* Takes `loaded` over: what libraft will find at its start. */
void sw__io_init(struct sw__io *io,
                 const struct sw__io_config *config,
                 struct sw_wal_group *loaded);
void sw__io_release(struct sw__io *io);
/* After raft_start: frees what was loaded, unless the WAL still borrows it (bootstrap). */
void sw__io_drop_loaded(struct sw__io *io);
/* Asks the WAL for the first record of a group: `entries[0]` of `loaded`, and its term. */
void sw__io_write_bootstrap(struct sw__io *io);

/* Before raft_start: the term that libraft finds is the next one, with this node's own vote. */
void sw__io_begin_term(struct sw__io *io);

void sw__io_tick(struct sw__io *io);
/* Feeds a decoded message to libraft (through the guard), which takes its memory over. */
void sw__io_receive(struct sw__io *io, struct raft_message *message);
/* Sends bytes that are not libraft's, behind the same hold. */
void sw__io_send_bytes(struct sw__io *io, struct sw_node_id to, struct sw_span bytes);
/* Runs what is due; true if anything was. */
bool sw__io_run_deferred(struct sw__io *io);
/* Ends libraft's snapshot work: 0, or a RAFT_ error. */
void sw__io_work_done(struct sw__io *io, int status);
bool sw__io_work_pending(const struct sw__io *io);
/* Completes everything that is under way without the WAL, which is gone. Before or after
 * raft_close. */
void sw__io_abandon(struct sw__io *io);

#endif
