/* A worker without a thread: its jobs run when the loop drains it, on the loop.
 *
 * For a node inside of a program, where a job of some microseconds costs less than waking a thread
 * and being woken by it. The loop waits for the disk meanwhile, so never in swarmd. What
 * base/worker.h promises holds: jobs run and finish in the order of submission, none inside the
 * call to submit. */
#ifndef SW_BASE_WORKER_INLINE_H
#define SW_BASE_WORKER_INLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/worker.h"

/* Not to be moved once initialised: the port points to it. */
struct sw_worker_inline {
    struct sw_worker port;
    struct sw_job *first, *last;
};

void sw_worker_inline_init(struct sw_worker_inline *worker);
struct sw_worker *sw_worker_inline_port(struct sw_worker_inline *worker);
/* Runs and finishes what was submitted before the call; what these jobs submit waits for the next.
 * Returns how many. */
uint32_t sw_worker_inline_drain(struct sw_worker_inline *worker);
bool sw_worker_inline_idle(const struct sw_worker_inline *worker);

#endif
