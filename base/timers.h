/* Ordered timers: a heap by (deadline, sequence), so that timers of one deadline expire in the
 * order in which they were set and a run can be repeated exactly. Intrusive: a timer lives inside
 * the object that waits. Pure: the caller brings the time. */
#ifndef SW_BASE_TIMERS_H
#define SW_BASE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise before first use. */
struct sw_timer {
    uint64_t deadline;
    uint64_t sequence;
    uint32_t position; /* 1 + index in the heap; 0 = not set */
};

struct sw_timers {
    struct sw_timer **heap; /* owned; the timers are borrowed */
    uint32_t count;
    uint32_t capacity;
    uint64_t sequence; /* of the next timer */
};

void sw_timers_release(struct sw_timers *timers); /* accepts a zeroed one */
/* Sets or moves the timer. */
void sw_timers_set(struct sw_timers *timers, struct sw_timer *timer, uint64_t deadline);
void sw_timers_cancel(struct sw_timers *timers, struct sw_timer *timer); /* no-op if not set */
/* Takes out the first timer with deadline <= now; NULL if there is none. */
struct sw_timer *sw_timers_expire(struct sw_timers *timers, uint64_t now);
/* False if no timer is set. */
bool sw_timers_next(const struct sw_timers *timers, uint64_t *ret_deadline);

static inline bool sw_timer_is_set(const struct sw_timer *timer)
{
    return timer->position != 0;
}

#endif
