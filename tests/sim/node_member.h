/* Members that come and go in worlds of whole nodes: requests to the node that leads, as swarmctl
 * would send them. */
#ifndef SW_TESTS_SIM_NODE_MEMBER_H
#define SW_TESTS_SIM_NODE_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "node/node.h"
#include "tests/sim/node_private.h"

struct sim_addresses {
    char peer[SIM_HOST_COUNT_MAX][16];
    char client[SIM_HOST_COUNT_MAX][16];
    uint8_t key[SIM_HOST_COUNT_MAX][32];
};

/* Who founds the swarm, and whether this node does. `addresses` is written, and borrowed by the
 * result. */
void sim_node_founders(const struct sim_host *host,
                       struct sim_addresses *addresses,
                       struct sw_node_member members[SIM_HOST_COUNT_MAX],
                       struct sw_node_config *config);
/* The fault. */
void sim_node_members_fault(struct sim_world *world);
/* True if the nodes of `holders` (bits) are a quorum of the voters by which this node commits now,
 * or did when it was last looked at. */
bool sim_node_quorum(const struct sim_machine *machine, uint32_t holders);
void sim_node_members_looked(struct sim_machine *machine);
/* A member according to the node that leads in the newest term; true while nobody leads. */
bool sim_node_is_member(struct sim_world *world, uint32_t number);

#endif
