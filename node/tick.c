/* An estimate is the last base and what passed since. */
#include "node/tick.h"

#include "base/assert.h"
#include "base/point.h"

enum { NS_PER_MS = 1000000 };

void sw_tick_init(struct sw_tick *tick, uint64_t clock_ms, uint64_t now_ns)
{
    *tick = (struct sw_tick){.base_ms = clock_ms, .base_ns = now_ns};
}

uint64_t sw_tick_now(const struct sw_tick *tick, uint64_t now_ns)
{
    const uint64_t passed_ns = now_ns > tick->base_ns ? now_ns - tick->base_ns : 0;
    const uint64_t now_ms = tick->base_ms + passed_ns / NS_PER_MS;

    return now_ms > 0 ? now_ms : 1;
}

void sw_tick_seen(
    struct sw_tick *tick, uint64_t clock_ms, uint64_t ticks, uint64_t term, uint64_t now_ns)
{
    const bool own = term != 0 && tick->term == term;

    if (ticks == tick->seen) {
        return;
    }
    tick->seen = ticks;
    /* Our own ticks come back late; everybody else's are all that we know. */
    if (!own || clock_ms > sw_tick_now(tick, now_ns)) {
        tick->base_ms = clock_ms;
        tick->base_ns = now_ns;
    }
}

uint64_t sw_tick_stamp(struct sw_tick *tick, uint64_t term, uint64_t now_ns)
{
    SW_ASSERT(term != 0);
    if (SW_PLANTED(LEASE_TIME_JUMPS) && tick->term != term) {
        tick->base_ms = sw_tick_now(tick, now_ns);
    }
    tick->term = term;
    return sw_tick_now(tick, now_ns);
}
