/* The members of a swarm as one of its nodes lists them, and whom of them a client reaches.
 *
 * A node is believed because it proved a key that the client was told, or that such a node named:
 * whoever may answer reads may also say who else may. Only lists that are committed count, and
 * each has an index that grows from change to change, so an old list never takes the place of a
 * new one. Pure; roster_cjson.c reads the JSON. */
#ifndef SW_CLIENT_ROSTER_H
#define SW_CLIENT_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"
#include "client/config.h"

/* Zero-initialised = nothing was told. */
struct sw_roster {
    uint64_t index; /* of the change that made it */
    bool committed;
    struct sw_client_node nodes[SW_NODE_COUNT_MAX]; /* those that say where and who they are */
    uint32_t node_count;
};

/* MALFORMED: not such a list, or a member that is named twice, or has an address or a key that is
 * none (roster_cjson.c). */
enum sw_err sw_roster_parse(struct sw_span json, struct sw_roster *ret_roster) SW_MUST_CHECK;
/* True if `from` is news: committed, with somebody on it, and no older. */
bool sw_roster_take(struct sw_roster *roster, const struct sw_roster *from);
/* Whom to reach: the members, then nodes of the settings that are none, as far as there is room for
 * them. What the settings say of a node counts more than the list. Returns how many. */
uint32_t sw_roster_merge(const struct sw_roster *roster,
                         const struct sw_client_config *config,
                         struct sw_client_node ret_nodes[SW_NODE_COUNT_MAX]);

#endif
