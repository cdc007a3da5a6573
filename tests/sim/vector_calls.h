/* Similarity in the hands of simulated clients: a few facts, which all of them try to remember.
 *
 * Each fact has one vector. Whoever puts it asks for novelty, under a key of its own; so whatever
 * fails, one key per fact may ever be acknowledged, everybody else is told of that one, and whoever
 * searches for the fact after that finds that key first. */
#ifndef SW_TESTS_SIM_VECTOR_CALLS_H
#define SW_TESTS_SIM_VECTOR_CALLS_H

#include "tests/sim/clients_private.h"

/* The next thing that the client does about some fact, unless it waits for an answer. */
void sim_vector_step(struct sim_client *client, uint32_t timeout_ms);

#endif
