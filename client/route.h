/* What a client knows about who leads, from replies alone. Pure.
 *
 * Every reply says which node answers, which leader it knows and in which term. A claim of an older
 * term is ignored. A leader that failed us is suspected: others still name it until they have held
 * an election, so in that term only its own word counts. */
#ifndef SW_CLIENT_ROUTE_H
#define SW_CLIENT_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "transport/proto.h"

/* Zero-initialised = nothing known. */
struct sw_route {
    struct sw_node_id leader;  /* 0 = unknown */
    uint64_t term;             /* highest seen in a claim */
    struct sw_node_id suspect; /* 0 = none */
    uint64_t suspect_term;
};

/* Takes in what a reply claims. True if the leader became known or changed. */
bool sw_route_learn(struct sw_route *route, const struct sw_reply *reply);
/* `node` failed us: if it is the leader, the leader is unknown from now on. True if so. */
bool sw_route_suspect(struct sw_route *route, struct sw_node_id node);

#endif
