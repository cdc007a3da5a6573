/* Watches by meaning of simulated clients: no gap, no duplicate, no time travel, whoever leads.
 *
 * All of them put, replace and delete vectors of a few crowds under a few keys, and each watches
 * one crowd. Every put has a content of its own, so whatever a watcher is told is one known put: of
 * its crowd, at the revision that was acknowledged or that others were told, above the last one. At
 * the end every put of the crowd that anybody knows of was told, but for the gaps that were
 * announced: that is what comparing all puts one by one would give. */
#ifndef SW_TESTS_SIM_NEAR_CALLS_H
#define SW_TESTS_SIM_NEAR_CALLS_H

#include "tests/sim/clients_private.h"

/* The next thing that the client does: a write, or asking for what comes next. */
void sim_near_step(struct sim_client *client, uint32_t timeout_ms);
/* Asks for what comes next, unless it is asking. */
void sim_near_watch(struct sim_client *client, uint32_t timeout_ms);
bool sim_near_is_idle(const struct sim_client *client);
/* True once the client was told everything up to the last put that anybody knows of. */
bool sim_near_is_done(const struct sim_client *client);
/* Judges what all of them were told. */
void sim_near_verdict(const struct sim_clients *clients);
void sim_near_release(struct sim_clients *clients);

#endif
