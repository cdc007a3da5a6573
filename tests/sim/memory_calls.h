/* Memories in the hands of simulated clients: each says, uses, forgets and lists those of an agent
 * of its own, whose ring is small, and knows what must be there.
 *
 * Nobody else writes them, so as long as all outcomes are known a sequential model is exact: what
 * was said is there until the ring let something go, which the answer counts; what was forgotten,
 * with all that derives from it, is not. After an outcome that nobody knows the client begins again
 * as another agent. */
#ifndef SW_TESTS_SIM_MEMORY_CALLS_H
#define SW_TESTS_SIM_MEMORY_CALLS_H

#include "storage/store.h"
#include "tests/sim/clients_private.h"

/* The next thing that the client does with its memories, unless it waits for an answer. */
void sim_memory_step(struct sim_client *client, uint32_t timeout_ms);
/* At the end: rings are as large as their rows say and as they may be, and every link of a
 * derivation has its other half. */
void sim_memory_judge(struct sim_world *world, struct sw_store *store);

#endif
