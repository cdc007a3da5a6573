/* Reads that any replica may answer whose state is no older than they say.
 *
 * Whoever was told of a revision before a read began, less the age of its answer, was told of
 * something that the answer has to include. A client's answers never go back, and none is from
 * before the least revision that was asked for. */
#ifndef SW_TESTS_SIM_AGED_CALLS_H
#define SW_TESTS_SIM_AGED_CALLS_H

#include "tests/sim/clients_private.h"

/* Asks, unless an answer is awaited. */
void sim_aged_step(struct sim_client *client, uint32_t timeout_ms);
/* Notes what somebody has been told of by now; after each answer. */
void sim_aged_note(struct sim_clients *clients);
void sim_aged_release(struct sim_clients *clients);

#endif
