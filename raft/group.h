/* One Raft group of this node: the only door to consensus. Nothing outside raft/ knows which core
 * works behind it. Loop thread only; every callback is asynchronous, from a later call into this
 * module (recv, tick, a WAL completion), never from inside the call that asked for it.
 *
 * The group owns the log. Its user owns the state: committed entries are handed over in order,
 * once per process life and again after a restart from the last snapshot on, so the user skips
 * what its store already holds (the applied index lives in the same transaction as the state). */
#ifndef SW_RAFT_GROUP_H
#define SW_RAFT_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/span.h"
#include "storage/wal.h"
#include "transport/link.h"

struct sw_group; /* opaque, owned by the caller of sw_group_new */

enum sw_role { SW_ROLE_FOLLOWER, SW_ROLE_CANDIDATE, SW_ROLE_LEADER, SW_ROLE_STOPPED };

struct sw_group_member {
    struct sw_node_id node;
    const char *address; /* borrowed during sw_group_new */
};

struct sw_group_tuning {
    uint32_t election_timeout_ms; /* 300: a follower waits 1..2 times this for its leader */
    uint32_t heartbeat_ms;        /* 50: at most a fifth of the election timeout */
    uint64_t snapshot_bytes;      /* compact once this much log lies behind the last snapshot */
    uint32_t snapshot_trailing;   /* entries kept behind a snapshot, for followers that lag */
    uint32_t install_timeout_ms;  /* a snapshot transfer without progress is given up after this */
    uint32_t append_size_max;     /* 0 = SW_APPEND_SIZE_MAX; small values only in the simulator */
    uint32_t guard_off;           /* bits of raft/guard.h; 0 except in tests that must fail */
};

/* What a member is good for. A learner gets the log and has no vote; `joining` is a learner for the
 * moment between the two entries that add it. */
enum sw_member_role { SW_MEMBER_JOINING, SW_MEMBER_LEARNER, SW_MEMBER_VOTER };

/* What a snapshot stands for. The data is the user's: a descriptor travels in the log's place. */
struct sw_group_snapshot {
    uint64_t index;  /* state after this entry */
    uint64_t digest; /* of that state */
};

struct sw_group_handler {
    void *arg;
    /* Entry `index` is committed. `body` is empty for entries that are not commands (barriers,
     * configuration); the index counts all the same. Valid during the call: copy. */
    void (*committed)(void *arg, uint64_t index, uint64_t term, struct sw_span body);
    /* Asked before each entry: false leaves it, and what follows, in the log's memory, and the end
     * of each turn asks again. Calls nothing of the group. NULL = always true. */
    bool (*may_commit)(void *arg);
    /* Role, term or known leader changed. On ceasing to lead, entries that this node proposed and
     * that were not committed yet have an unknown outcome. */
    void (*role_changed)(void *arg, enum sw_role role, uint64_t term, struct sw_node_id leader);
    /* Make the state durable and at least as new as every entry handed over so far, then call
     * sw_group_snapshot_done. Not called again before that. */
    void (*snapshot_wanted)(void *arg);
    /* This node lags behind the log of `from`, whose state is at least `wanted.index`: fetch it,
     * make it durable, then call sw_group_install_done. A newer call replaces an older one. */
    void (*install_wanted)(void *arg, struct sw_node_id from, struct sw_group_snapshot wanted);
    /* sw_group_members has a new answer. May be NULL. */
    void (*members_changed)(void *arg);
};

/* Everything is borrowed and outlives the group, except what is said to be copied.
 * `applied` is the index up to which the user's store is durable already. `members` is the initial
 * configuration, used (and written) only if the WAL holds nothing of this group. With `join` it is
 * never used: a group that holds nothing waits until the leader of others adds it. */
struct sw_group_config {
    struct sw_group_id id;
    struct sw_node_id self;
    const struct sw_group_member *members; /* copied */
    uint32_t member_count;
    struct sw_group_tuning tuning; /* copied */
    uint64_t applied;
    bool join;
    struct sw_env *env;
    struct sw_wal *wal;
    struct sw_link *link;
    struct sw_group_handler handler; /* copied */
};

enum sw_err sw_group_new(const struct sw_group_config *config,
                         struct sw_group **ret_group,
                         char ret_why[SW_WHY_SIZE]);
/* Stops; `done` is called once no callback of this group can come any more and it is freed. */
void sw_group_stop(struct sw_group *group, void (*done)(void *arg), void *arg);
/* Frees at once, as a crash would, also while it stops (`done` is then not called): only for the
 * simulator, whose WAL and link die with it. */
void sw_group_crash(struct sw_group *group);

/* A message of the link that belongs to this group (sw_group_of_message names it). */
void sw_group_receive(struct sw_group *group, struct sw_node_id from, struct sw_span message);
/* 0 if the message is not one of raft/'s. */
struct sw_group_id sw_group_of_message(struct sw_span message);
/* Call at least every heartbeat_ms / 2. */
void sw_group_tick(struct sw_group *group);
/* At the end of each loop turn: what was put off during the turn is done now. */
void sw_group_turn_end(struct sw_group *group);

/* Proposes one entry. `body` is copied. On OK the entry has (index, term) and will either come back
 * through `committed` with that term, or be replaced. NOT_LEADER; BUSY when SW_ENTRY_IN_FLIGHT_MAX
 * entries are under way: wait for `committed`. */
enum sw_err sw_group_propose(struct sw_group *group,
                             struct sw_span body,
                             uint64_t *ret_index,
                             uint64_t *ret_term);
bool sw_group_can_propose(const struct sw_group *group);
/* Proposed entries that are not committed yet. */
uint32_t sw_group_in_flight(const struct sw_group *group);

/* Linearizable read point (ReadIndex, Raft thesis 6.4): `ready` gets OK once this node proved that
 * it leads and every entry that was committed when it was asked has been handed over through
 * `committed`; else NOT_LEADER or LEADERSHIP_LOST. Reads of one turn share one probe. */
typedef void (*sw_group_read_fn)(void *arg, enum sw_err err);
void sw_group_read(struct sw_group *group, sw_group_read_fn ready, void *arg);

/* The same on a node that may not lead: it asks the leader for the point. NO_LEADER if none is
 * known; LEADERSHIP_LOST if that changes meanwhile. */
void sw_group_read_anywhere(struct sw_group *group, sw_group_read_fn ready, void *arg);

/* Hands leadership to `target` (0 = the most caught-up voter). NOT_LEADER, BUSY. */
enum sw_err sw_group_transfer(struct sw_group *group, struct sw_node_id target);
/* Ask for a snapshot now, whatever the size of the log. */
void sw_group_request_snapshot(struct sw_group *group);
void sw_group_snapshot_done(struct sw_group *group,
                            enum sw_err err,
                            struct sw_group_snapshot snapshot);
void sw_group_install_done(struct sw_group *group,
                           enum sw_err err,
                           struct sw_group_snapshot snapshot);

/* ---- members (raft/group_member.c) ---- */

struct sw_group_peer {
    struct sw_node_id node;
    enum sw_member_role role;
    const char *address;  /* borrowed until the next call into this module */
    uint64_t acked_index; /* leader: what it is known to hold on disk in this term; else 0 */
    bool up;              /* itself, or a session with it exists */
};
/* The newest configuration of the log, committed or not, which is the one that counts (Raft thesis
 * 4.1). Nothing on a node that waits to be added. Returns the count. */
uint32_t sw_group_members(const struct sw_group *group,
                          struct sw_group_peer ret_peers[SW_NODE_COUNT_MAX]);

enum sw_group_change_kind {
    SW_GROUP_ADD,     /* as a learner */
    SW_GROUP_PROMOTE, /* to voter: it must have caught up */
    SW_GROUP_DEMOTE,  /* to learner */
    SW_GROUP_REMOVE,
};

struct sw_group_change {
    enum sw_group_change_kind kind;
    struct sw_node_id node;
    const char *address;     /* of ADD; copied */
    const char *own_address; /* of REMOVE: the leader's own from then on; NULL = as it is; copied */
};

/* OK: committed. LEADERSHIP_LOST: it may yet be. BUSY: not done, the learner does not keep up. */
typedef void (*sw_group_change_fn)(void *arg, enum sw_err err);
/* Changes the members by one. On OK `done` follows, from a later call; so it does if the change was
 * made already. Anything else means that nothing was done, and `ret_why` says why: NOT_LEADER; BUSY
 * while another change or a hand-over is under way, before this leader has committed in its own
 * term (G8), when the learner has not caught up, or because this leader is the one to be removed or
 * demoted and hands over first; NOT_FOUND; INVALID; CONFLICT when the address is taken, or when no
 * majority of the voters to be is in reach. */
enum sw_err sw_group_change(struct sw_group *group,
                            const struct sw_group_change *change,
                            sw_group_change_fn done,
                            void *arg,
                            char ret_why[SW_WHY_SIZE]);

struct sw_group_status {
    enum sw_role role;
    uint64_t term;
    struct sw_node_id leader; /* 0 = unknown */
    uint64_t last_index, commit_index, handed_index, snapshot_index, first_index;
    uint64_t proposals_committed, proposals_failed, reads, read_probes, leader_changes;
    uint64_t appends_split, installs_sent, installs_received, guard_drops;
    uint32_t in_flight;
    uint32_t voters, members;
    uint64_t members_index; /* of the newest configuration */
    bool members_committed; /* no change is under way */
    uint64_t changes;       /* configurations seen */
    uint64_t reopened;      /* G10 */
};
void sw_group_status(const struct sw_group *group, struct sw_group_status *ret_status);

#endif
