/* Watches of simulated clients: no gap, no duplicate, no time travel, whoever leads.
 *
 * Each client watches the partition that all of them write, or one key of it, from its beginning,
 * one request after another as libswarm does. What it is told must come in the order of revisions,
 * each change of a key once, and is judged like a read at that revision; at the end every change
 * that anybody knows of must have been told to everybody who watched it. */
#ifndef SW_TESTS_SIM_WATCH_CALLS_H
#define SW_TESTS_SIM_WATCH_CALLS_H

#include "tests/sim/clients_private.h"

/* Asks for what comes next, unless it is asking. */
void sim_watch_step(struct sim_client *client, uint32_t timeout_ms);
/* True once the client was told everything up to the last revision that any call stood at. */
bool sim_watch_is_done(const struct sim_client *client);
/* Judges what all of them were told, after the history was. */
void sim_watch_verdict(const struct sim_clients *clients);
void sim_watch_release(struct sim_client *client);

#endif
