/* The guard: what our raft_io corrects in libraft 0.15.0, rule by rule.
 *
 * Used plainly, that library acknowledges entries it does not hold, commits old terms by counting,
 * votes twice and never commits under continuous load. Each rule below removes one such fault, from
 * outside: the guard decorates the inner raft_io (raft/io.c) and looks at the public fields of
 * struct raft. It never blocks and never fails towards libraft.
 *
 * | rule | what libraft does wrong                                   | what the guard does |
 * |------|-----------------------------------------------------------|-------------------------------------------|
 * | G1   | a follower acknowledges (and commits) a suffix that the   | success replies are lowered
 * to what this  | |      | leader of this term never verified                        | term's
 * leader verified; leader_commit too | | G2   | a leader commits entries of older terms by counting
 * | results wait until an entry of the own    | |      | (Raft paper, figure 8) | term is stored; a
 * barrier is appended     | | G3   | an ex-leader that transferred votes a second time         | a
 * second RequestVote of a term is dropped | | G4   | a divergent tail is repaired one entry per
 * heartbeat      | rejections skip a whole conflicting term  | | G5   | commits only when all that
 * the leader stored is held by a | completions of the leader's own appends   | |      | quorum:
 * never, under continuous load                      | are paced by what a quorum acknowledged   |
 * | G6   | elections during the install of a snapshot                | no ticks, votes, TimeoutNow
 * meanwhile     | | G7   | elections while entries are being persisted               | no ticks, no
 * TimeoutNow meanwhile         | | G8   | membership changes before the own term committed |
 * refused until then                        | | G9   | snapshots that hold an uncommitted
 * configuration          | refused until it is applied               | | G10  | rollback of a
 * configuration that was compacted: crash     | the group is cut and reopened instead     | | G11
 * | pre-vote refusals hide the higher term: no leader ever    | the refusal tells the higher term |
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
    SW_GUARD_ALL = (1 << 13) - 2,
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

/* The entry at `index` of the in-memory log, NULL if it is not there. */
const struct raft_entry *sw_guard_entry(const struct raft *raft, raft_index index);
/* Its term, 0 if unknown; knows the snapshot's last entry too. */
raft_term sw_guard_term(const struct raft *raft, raft_index index);
uint32_t sw_guard_voters(const struct raft *raft);

#endif
