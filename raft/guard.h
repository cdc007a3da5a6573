/* The guard: what our raft_io corrects in libraft 0.15.0, rule by rule.
 *
 * Used plainly, that library acknowledges entries it does not hold, commits old terms by counting,
 * votes twice and never commits under continuous load. Each rule below removes one such fault, from
 * outside: the guard decorates the inner raft_io (raft/io.c) and looks at the public fields of
 * struct raft. It never blocks and never fails towards libraft.
 *
 * | rule | what libraft does wrong                         | what the guard does                |
 * |------|-------------------------------------------------|------------------------------------|
 * | G1   | a follower acknowledges (and commits) a suffix  | success replies and leader_commit  |
 * |      | that the leader of this term never verified     | are lowered to what it verified    |
 * | G2   | a leader commits entries of older terms by      | results wait until an own-term     |
 * |      | counting (Raft paper, figure 8)                 | entry is stored; a barrier is one  |
 * | G3   | an ex-leader that transferred votes again       | the second RequestVote is dropped  |
 * | G4   | a divergent tail is repaired one entry per      | rejections skip a whole            |
 * |      | heartbeat                                       | conflicting term                   |
 * | G5   | commits only when a quorum holds all that the   | completions of the leader's own    |
 * |      | leader stored: never, under continuous load     | appends are paced by the quorum    |
 * | G6   | elections during the install of a snapshot      | no ticks, votes, TimeoutNow then   |
 * | G7   | elections while entries are being persisted     | no ticks then, TimeoutNow waits    |
 * | G8   | membership changes before the own term commits  | refused until then                 |
 * | G9   | snapshots that hold an uncommitted              | refused until it is applied        |
 * |      | configuration                                   |                                    |
 * | G10  | rollback of a configuration that was compacted: | the group is cut and reopened      |
 * |      | crash                                           |                                    |
 * | G11  | pre-vote refusals hide the higher term: no      | the refusal tells the higher term  |
 * |      | leader ever                                     |                                    |
 * | G12  | entries below the compacted prefix (of a late   | they are cut off: what a snapshot  |
 * |      | AppendEntries) are appended again at the end    | stands for is committed, it matches|
 * | G13  | a follower refuses to vote until its own random | it votes once its leader is silent |
 * |      | timeout: the slower of two decides a failover   | for the smallest election timeout  |
 * | G14  | a node that was just promoted, and does not    | it votes: the candidate knows      |
 * |      | know it, refuses its vote: no leader ever       | whether that counts                |
 * | G15  | a lone voter that starts again leads at once, in | it begins a new term (group_open)  |
 * |      | its old term: learners may have that index     |                                    |
 * | G16  | a voter that learns that it is to be one no     | learners get a configuration once  |
 * |      | more neither votes for a shorter log nor stands | it is committed                    |
 * |      | for election, but its vote may be needed yet    |                                    |
 *
 * Found and measured by simulation (docs/TESTING.md); every rule has a unit test of its name, and
 * the simulator must fail when the rules are off. Loop thread only. */
#ifndef SW_RAFT_GUARD_H
#define SW_RAFT_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include <raft.h>

#include "base/limits.h"

/* Bits of sw_group_tuning.guard_off: rules to leave out, in tests only. */
enum sw_guard_rule {
    SW_GUARD_G1 = 1 << 1,
    SW_GUARD_G2 = 1 << 2,
    SW_GUARD_G3 = 1 << 3,
    SW_GUARD_G4 = 1 << 4,
    SW_GUARD_G5 = 1 << 5,
    SW_GUARD_G6 = 1 << 6,
    SW_GUARD_G7 = 1 << 7,
    SW_GUARD_G8 = 1 << 8,
    SW_GUARD_G9 = 1 << 9,
    SW_GUARD_G10 = 1 << 10,
    SW_GUARD_G11 = 1 << 11,
    SW_GUARD_G12 = 1 << 12,
    SW_GUARD_G13 = 1 << 13,
    SW_GUARD_G14 = 1 << 14,
    SW_GUARD_G15 = 1 << 15,
    SW_GUARD_G16 = 1 << 16,
    SW_GUARD_ALL = (1 << 17) - 2,
};

struct sw_guard_append; /* one append on its way; private */

/* What the leader knows of one peer in its current term. */
struct sw_guard_peer {
    raft_id id;
    raft_index acked;                         /* highest success reported */
    bool held;                                /* G2: a result waits */
    struct raft_append_entries_result result; /* the newest held one */
};

struct sw_guard {
    struct raft_io outer;    /* what libraft is given; outer.impl is the guard */
    struct raft_io *inner;   /* borrowed: lives in the same group; inner->data is the guard */
    struct raft *raft;       /* borrowed: the instance that uses `outer` */
    uint32_t off;            /* bits of enum sw_guard_rule */
    raft_io_tick_cb tick;    /* libraft's */
    raft_io_recv_cb recv;    /* libraft's */
    raft_io_close_cb closed; /* libraft's, while closing */
    raft_index next_index;   /* where the next append goes */
    uint32_t appends_in_flight;
    uint64_t drops; /* messages and ticks kept from libraft */

    /* The AppendEntries that recv is working on. */
    bool in_append;
    bool append_accepted;
    raft_index append_prev;
    raft_term append_prev_term;
    raft_index append_last;

    /* G1: highest index that a leader of term `verified_term` verified here. */
    raft_term verified_term;
    raft_index verified;

    /* G2, G5, G8: the first entry of the own term as leader. */
    raft_term lead_term;
    raft_index lead_first;
    struct sw_guard_append *paced_head, *paced_tail; /* G5: owned, oldest first */
    struct sw_guard_peer peers[SW_NODE_COUNT_MAX];
    uint32_t peer_count;

    /* G7: a TimeoutNow that came while entries were being persisted. */
    bool timeout_held;
    raft_time timeout_since;
    struct raft_message timeout;

    /* G10: asks the group to cut the log before `from` and to reopen; set by the group. */
    void (*reopen)(void *arg, raft_index from);
    void *reopen_arg;
};

/* Prepares `guard->outer` over `inner`. Both, and `raft`, outlive the guard's use. */
void sw_guard_init(struct sw_guard *guard, struct raft_io *inner, struct raft *raft, uint32_t off);
/* Frees what is still held without calling anyone: for a crash in the simulator. */
void sw_guard_release(struct sw_guard *guard);
/* After every call into libraft: releases what may be released now. */
void sw_guard_after(struct sw_guard *guard);
/* Before raft_close: every completion that is held back fires. */
void sw_guard_drain(struct sw_guard *guard);
/* True once an entry of the own term is committed: reads (ReadIndex) and G8 depend on it. */
bool sw_guard_own_term_committed(const struct sw_guard *guard);
bool sw_guard_change_allowed(const struct sw_guard *guard);   /* G8 */
bool sw_guard_snapshot_allowed(const struct sw_guard *guard); /* G9 */

/* Leader: the highest index that the peer is known to hold on disk in this term; else 0. */
raft_index sw_guard_acked(const struct sw_guard *guard, raft_id id);
/* The configuration is another. */
void sw_guard_members_changed(struct sw_guard *guard);

/* The entry at `index` of the in-memory log, NULL if it is not there. */
const struct raft_entry *sw_guard_entry(const struct raft *raft, raft_index index);
/* Its term, 0 if unknown; knows the snapshot's last entry too. */
raft_term sw_guard_term(const struct raft *raft, raft_index index);
uint32_t sw_guard_voters(const struct raft *raft);
/* The rules that a run with planted bugs leaves out. */
uint32_t sw_guard_planted(void);

#endif
