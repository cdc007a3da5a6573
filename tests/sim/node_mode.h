/* Worlds of whole nodes: node/node.h over the real log engine on a simulated disk and the in-memory
 * store, with real clients (clients.h). */
#ifndef SW_TESTS_SIM_NODE_MODE_H
#define SW_TESTS_SIM_NODE_MODE_H

#include "tests/sim/world.h"

extern const struct sim_mode sim_node_mode;

struct sim_clients;
struct sim_clients *sim_node_clients(struct sim_world *world);

#endif
