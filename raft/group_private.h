/* The inside of a group, for the files of raft/ and their tests. */
#ifndef SW_RAFT_GROUP_PRIVATE_H
#define SW_RAFT_GROUP_PRIVATE_H

#include <raft.h>

#include "raft/group.h"
#include "raft/guard.h"
#include "raft/io_private.h"
#include "raft/readindex.h"
#include "raft/wire.h"

/* A change of members that somebody waits for, or that this leader makes by itself
 * (group_member.c).
 */
struct sw__group_change {
    struct raft_change request;
    bool busy;     /* libraft has the request */
    int status;    /* what it said last */
    bool answered; /* it has said something: looked at after the call */
    bool wanted;   /* somebody waits for `done` */
    bool finished; /* `done` is due at the end of the turn, with `err` */
    enum sw_err err;
    enum sw_group_change_kind kind;
    struct sw_node_id node;
    raft_term term;
    sw_group_change_fn done;
    void *arg;
};

/* A read point that a peer waits for. */
struct sw__group_point {
    struct sw_group *group;
    struct sw_node_id to; /* 0 = free */
    uint64_t seq;
};

struct sw_group {
    struct sw_group_id id;
    struct sw_node_id self;
    struct sw_group_tuning tuning;
    struct sw_env *env; /* borrowed, as are wal and link */
    struct sw_wal *wal;
    struct sw_link *link;
    struct sw_group_handler handler;
    char address[SW_ADDRESS_SIZE_MAX];

    struct raft raft;
    struct raft_fsm fsm;
    struct sw__io io;
    struct sw_guard guard;
    struct sw_readindex reads;

    raft_index handed; /* highest index given to handler.committed */
    bool restored;     /* a snapshot took the place of the log: handed jumps */
    enum sw_role role; /* as last reported */
    uint64_t term;
    struct sw_node_id leader;

    raft_term barrier_term; /* G2: the term whose barrier was asked for */
    struct raft_barrier barrier;
    bool barrier_busy;
    uint32_t in_flight;
    uint64_t probe_ms; /* when the probe that is out was last sent */

    /* Reads of this node while another leads: the leader is asked in the place of the voters. */
    struct sw_readindex follows;
    uint64_t follow_ms;                               /* when it was last asked */
    struct sw_node_id follow_to;                      /* who */
    struct sw__group_point points[SW_NODE_COUNT_MAX]; /* that peers ask for */

    struct sw__group_change change;
    raft_index members_index;   /* of the configuration that the user knows */
    raft_index members_seen[2]; /* libraft's indexes when it was looked for */
    bool members_committed;
    bool members_known; /* false: tell the user, whatever the index */

    bool snapshot_requested;
    uint64_t nudge_ms;   /* when to ask again for something to apply */
    bool snapshot_asked; /* handler.snapshot_wanted is due */
    bool snapshot_user;  /* it was called, and sw_group_snapshot_done has not come */
    bool snapshot_stale; /* ... for a library that was reopened meanwhile */
    struct sw_group_snapshot snapshot;
    bool install_pending;
    bool install_asked;          /* handler.install_wanted is due */
    struct raft_message install; /* owned while pending */

    raft_index reopen_from; /* G10: cut the log here and start libraft anew; 0 = no */
    bool reopening;         /* libraft is closing for that */
    bool reopen_ready;      /* it has closed */
    struct sw_wal_group reopen_loaded;

    bool muted;   /* stopping: no callback but `stopped` comes any more */
    bool closing; /* libraft is closing for that */
    void (*stopped)(void *arg);
    void *stopped_arg;
    struct sw_group_status counters;
};

/* group_open.c: what start-up does. Fills `group->raft` and starts it on what `loaded` holds. */
enum sw_err sw__group_load(struct sw_group *group,
                           const struct sw_group_config *config,
                           struct sw_wal_group *ret_loaded,
                           bool *ret_bootstrap,
                           char ret_why[SW_WHY_SIZE]);
void sw__group_start(struct sw_group *group, struct sw_wal_group *loaded, bool bootstrap);
/* The log before `from`, as the WAL would give it. */
void sw__group_capture(const struct sw_group *group,
                       raft_index from,
                       struct sw_wal_group *ret_loaded);

/* group_snapshot.c */
void sw__group_fsm_init(struct sw_group *group);
void sw__group_snapshot_work(void *arg);
void sw__group_install(void *arg, struct raft_message *message);
void sw__group_install_drop(struct sw_group *group);
/* Whether it is time to compact; at the end of each call into libraft. */
void sw__group_compact(struct sw_group *group);

/* group_member.c: after every call into libraft; at the end of a turn; before libraft closes. */
void sw__group_members_after(struct sw_group *group);
void sw__group_members_turn_end(struct sw_group *group);
const struct raft_server *sw__group_server(const struct sw_group *group, struct sw_node_id node);

/* group.c: after every call into libraft. */
void sw__group_after(struct sw_group *group);
void sw__group_send_probe(struct sw_group *group,
                          enum sw_wire_kind kind,
                          struct sw_node_id to,
                          struct sw_wire_probe probe);

/* group_follow.c: reads of a node that does not lead. */
void sw__group_follow_receive(struct sw_group *group,
                              enum sw_wire_kind kind,
                              struct sw_node_id from,
                              struct sw_wire_probe probe);
void sw__group_follow_tick(struct sw_group *group);
void sw__group_follow_turn_end(struct sw_group *group);

#endif
