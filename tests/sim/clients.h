/* Clients of whole nodes: the real client core, with its session and retries, on simulated
 * connections; they write, read and remember what they were told (history.h). */
#ifndef SW_TESTS_SIM_CLIENTS_H
#define SW_TESTS_SIM_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/core.h"
#include "tests/sim/history.h"
#include "tests/sim/world.h"

enum { SIM_CLIENT_MAX = 6, SIM_CALLS_AT_ONCE = 3 };

struct sim_clients; /* all clients of a world */

struct sim_clients *sim_clients_new(struct sim_world *world);
void sim_clients_free(struct sim_clients *clients); /* accepts NULL */
/* Connections to the node open or die a little later. */
void sim_clients_host_changed(struct sim_clients *clients, struct sim_host *host);
/* A partition began, or everything was healed. */
void sim_clients_net_changed(struct sim_clients *clients, bool parted);
/* What the node's link does with sw_link_ops.reply. */
enum sw_err sim_clients_reply(struct sim_host *host, uint64_t number, struct sw_span message);
/* After the storm: a few calls each that must succeed, then one client reads everything. */
void sim_clients_calm(struct sim_clients *clients);
bool sim_clients_settled(const struct sim_clients *clients);
void sim_clients_verdict(struct sim_clients *clients);
void sim_clients_describe(const struct sim_clients *clients, FILE *out);

#endif
