/* Leases of simulated clients, judged against true time in both directions.
 *
 * Each client holds one lease at a time, with two keys of its own, keeps it alive for a while, and
 * then revokes or forgets it. What the swarm's clock shows nobody knows; but a lease was stamped
 * after its grant or keep-alive was sent, so until then plus its time to live, less what a clock
 * may run fast, its keys must be there, for every reader, both of them; and once everybody has
 * stopped and the storm is over, all of them must go. A clock that leapt ahead under a fault
 * excuses the leases that lived through the leap, and nothing else does. */
#ifndef SW_TESTS_SIM_LEASE_CALLS_H
#define SW_TESTS_SIM_LEASE_CALLS_H

#include "tests/sim/clients_private.h"

/* The next thing that the client does about its lease, or a look at somebody's keys. */
void sim_lease_step(struct sim_client *client, uint32_t timeout_ms);
/* True once every lease must have ended by itself. */
bool sim_leases_must_be_gone(const struct sim_clients *clients);
/* Client 1 looks whether they are: first at the keys, then at the leases themselves. */
void sim_lease_look(struct sim_client *client, bool keys, uint32_t timeout_ms);

#endif
