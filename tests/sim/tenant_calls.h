/* Tenants of a simulated swarm: two clients with an identity each, and an administrator who gives
 * and takes their rights and quotas while everything fails that can.
 *
 * Each client reads and writes in its own tenant and tries the other's. Judged is: nobody ever
 * learns or changes anything of the other tenant; no record of one's own tenant was written by the
 * other; an identity that surely has no rights (it was revoked, and that was acknowledged before
 * the call began) gets nothing; and once the faults are over, both get rights and are served.
 * The administrator changes a record only from the revision that it knows, so a change whose
 * outcome is unknown cannot take effect behind a later one. */
#ifndef SW_TESTS_SIM_TENANT_CALLS_H
#define SW_TESTS_SIM_TENANT_CALLS_H

#include "storage/store.h"
#include "tests/sim/clients_private.h"

/* `role`: 0 is the administrator. */
void sim_tenant_init(struct sim_client *client, uint32_t role);
void sim_tenant_think(void *arg); /* a struct sim_client */
bool sim_tenants_idle(const struct sim_clients *clients);
/* The `allowed` of a node's handler: keys of tenants have identities only. */
bool sim_tenant_allowed(void *arg, const uint8_t key[32], enum sw_op op);
/* What one store holds at the end: usage equals a recount, the audit log is whole. */
void sim_store_judge(struct sim_world *world, struct sw_store *store);

#endif
