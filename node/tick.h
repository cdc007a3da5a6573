/* The group's clock, as a node estimates it between two ticks. Pure.
 *
 * The clock stands still in the replicated state; a leader moves it with ticks (SW_OP_TICK) by the
 * time that passed on its own monotonic clock. Leases end by it, and none may end early, so no
 * estimate may run ahead of what really passed since a tick was stamped:
 *
 * - a node takes a tick that it sees executed as "it is that late now". It was stamped earlier, so
 *   the estimate is behind the truth by what the entry took, never ahead. So is a tick that says
 *   the same time again: a leader that was long behind with executing old ticks goes on from the
 *   last of them, and leases are counted by its clock;
 * - a leader stamps only after it has executed an entry of its own term, hence every tick before;
 * - from its first stamp on a leader goes by its own time alone, so its ticks lose nothing.
 *
 * Wall clocks are not looked at, so their errors change nothing. What remains is how far two
 * monotonic clocks drift apart during one time to live. While nobody leads, the estimates go on:
 * an election does not prolong a lease, unless every node was down. */
#ifndef SW_NODE_TICK_H
#define SW_NODE_TICK_H

#include <stdbool.h>
#include <stdint.h>

struct sw_tick {
    uint64_t base_ms; /* the clock stood there ... */
    uint64_t base_ns; /* ... at this moment of the node's monotonic time */
    uint64_t seen;    /* ticks that were executed here */
    uint64_t term;    /* in which this node stamped last */
};

void sw_tick_init(struct sw_tick *tick, uint64_t clock_ms, uint64_t now_ns);
/* The state's clock stands at `clock_ms`, which `ticks` ticks said so far. `term` is this node's,
 * if it leads, else 0. */
void sw_tick_seen(
    struct sw_tick *tick, uint64_t clock_ms, uint64_t ticks, uint64_t term, uint64_t now_ns);
/* The estimate; at least 1. */
uint64_t sw_tick_now(const struct sw_tick *tick, uint64_t now_ns);
/* The same, as a stamp of the leader of `term`. */
uint64_t sw_tick_stamp(struct sw_tick *tick, uint64_t term, uint64_t now_ns);

#endif
