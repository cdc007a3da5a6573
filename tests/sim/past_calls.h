/* Reads of the past in the hands of simulated clients: what a key was at a revision that somebody
 * was told of, and its versions up to there.
 *
 * Both are judged like a read that stood at that revision; of a list of versions each one must be
 * what the key was just before the next one came. */
#ifndef SW_TESTS_SIM_PAST_CALLS_H
#define SW_TESTS_SIM_PAST_CALLS_H

#include "tests/sim/clients_private.h"

/* Asks about some key at some revision, unless it waits for an answer. */
void sim_past_step(struct sim_client *client, uint32_t timeout_ms);

#endif
