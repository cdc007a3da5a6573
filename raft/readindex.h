/* ReadIndex (Raft thesis 6.4) by probes of our own: the library has none.
 *
 * A read notes the commit index, one probe to all voters asks "is this still your term?", and a
 * quorum of yes (this node included) proves that no newer leader had committed anything before the
 * probe was sent. Reads that arrive while a probe is out share the next one. Pure: who sends and
 * who applies is the group's affair. */
#ifndef SW_RAFT_READINDEX_H
#define SW_RAFT_READINDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "raft/group.h"

struct sw_read {
    sw_group_read_fn ready;
    void *arg;
    uint64_t index; /* the state must include this entry; 0 = not yet known */
};

struct sw_read_queue {
    struct sw_read *items; /* owned */
    uint32_t count;
    uint32_t capacity;
};

struct sw_readindex {
    struct sw_read_queue waiting; /* for the next probe */
    struct sw_read_queue probing; /* for the probe that is out */
    struct sw_read_queue proven;  /* for their entry to be handed over */
    uint64_t term;                /* of the probe that is out; 0 = none */
    uint64_t seq;
    struct sw_node_id acked[SW_NODE_COUNT_MAX];
    uint32_t acked_count;
    uint64_t probes;
};

void sw_readindex_release(struct sw_readindex *reads);
void sw_readindex_add(struct sw_readindex *reads, sw_group_read_fn ready, void *arg);
/* True if reads wait and no probe is out: then begin one, with the commit index of a leader that
 * has committed in its own term. Returns the probe's sequence number. */
bool sw_readindex_wants_probe(const struct sw_readindex *reads);
uint64_t sw_readindex_begin(struct sw_readindex *reads, uint64_t term, uint64_t commit_index);
bool sw_readindex_probing(const struct sw_readindex *reads);
/* `from`, a voter, is still in `term`. */
void sw_readindex_acked(struct sw_readindex *reads,
                        uint64_t term,
                        uint64_t seq,
                        struct sw_node_id from);
/* The probe that is out is proven once acknowledgements plus this node are a quorum of `voters`. */
void sw_readindex_settle(struct sw_readindex *reads, uint32_t voters, bool self_votes);
/* The voters are others: only the acknowledgements of those for which `votes` says so count. */
void sw_readindex_revise(struct sw_readindex *reads,
                         bool (*votes)(const void *arg, struct sw_node_id node),
                         const void *arg);
/* For the reads of a node that asks its leader in the place of the voters: the leader has proven
 * what was asked as `seq`, and those reads need `index`. Others are of an earlier question. */
void sw_readindex_point(struct sw_readindex *reads, uint64_t seq, uint64_t index);
/* Calls back the proven reads whose entry is handed over. */
void sw_readindex_serve(struct sw_readindex *reads, uint64_t handed_index);
/* Calls back everything with `err`: this node leads no more. */
void sw_readindex_fail(struct sw_readindex *reads, enum sw_err err);
uint32_t sw_readindex_count(const struct sw_readindex *reads);

#endif
