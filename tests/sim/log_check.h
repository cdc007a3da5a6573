/* Oracle of one Raft group: the log as the first node to hand over each entry saw it. Every later
 * hand-over, on any node and in any life, must agree. */
#ifndef SW_TESTS_SIM_LOG_CHECK_H
#define SW_TESTS_SIM_LOG_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "tests/sim/world.h"

struct sim_log_entry {
    uint64_t term; /* 0 = not handed over by anyone yet */
    uint64_t hash; /* of the body */
    uint64_t value;
    uint64_t digest; /* of the state after this entry */
    uint32_t node;   /* who handed it over first */
    uint64_t at_us;
};

struct sim_log {
    struct sim_world *world; /* borrowed */
    uint32_t group;
    struct sim_log_entry *entries; /* owned; [index] */
    size_t capacity;
    uint64_t last;    /* highest index handed over by anyone, without a gap below it */
    uint32_t *leader; /* owned; [term] = node that led it, 0 = nobody yet */
    size_t leader_capacity;
    uint64_t *place; /* owned; [value] = index at which it was handed over, 0 = nowhere */
    size_t place_capacity;
};

/* State of a group's user: a chain over all entries. */
struct sim_state {
    uint64_t index;
    uint64_t digest;
};

void sim_log_init(struct sim_log *log, struct sim_world *world, uint32_t group);
void sim_log_release(struct sim_log *log);
void sim_log_leader(struct sim_log *log, uint32_t node, uint64_t term);
/* Node `node` hands over an entry; checks it and moves `state` on if the entry is its next one. */
void sim_log_committed(struct sim_log *log,
                       uint32_t node,
                       uint64_t index,
                       uint64_t term,
                       struct sw_span body,
                       struct sim_state *state);
/* The state claims to be what the log makes of its first entries. */
void sim_log_check_state(struct sim_log *log, uint32_t node, const struct sim_state *state);
uint64_t sim_log_value(struct sw_span body);

#endif
