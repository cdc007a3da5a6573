/* Contexts in the hands of simulated clients (`--plan contexts=3`): all of them append to a few
 * contexts, each of which tends its blocks in another way, and search them.
 *
 * A block is one token, so tokens are the order of the log. What a search may find of a context is
 * known but for its newest block: so each answer is compared with what it must be, with what was
 * acknowledged up to its revision, and with every other answer, since what went does not come back.
 */
#ifndef SW_TESTS_SIM_CONTEXT_CALLS_H
#define SW_TESTS_SIM_CONTEXT_CALLS_H

#include "tests/sim/clients_private.h"

struct sw_store;

/* The next thing that the client does about some context, unless it waits for an answer. */
void sim_context_step(struct sim_client *client, uint32_t timeout_ms);
/* At the end of a run: headers of all contexts equal a recount of their blocks and tombstones. */
void sim_context_judge(struct sim_world *world, struct sw_store *store);

#endif
