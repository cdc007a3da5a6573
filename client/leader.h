/* What a client knows about who leads, from replies alone. Pure.
 *
 * Every reply says which node answers, which leader it knows and in which term. A claim of an older
 * term is ignored. A leader that failed us is suspected: others still name it until they have held
 * an election, so in that term only its own word counts. */
#ifndef SW_CLIENT_LEADER_H
#define SW_CLIENT_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "transport/proto.h"

/* Zero-initialised = nothing known. */
struct sw_leader {
    struct sw_node_id leader;  /* 0 = unknown */
    uint64_t term;             /* highest seen in a claim */
    struct sw_node_id suspect; /* 0 = none */
    uint64_t suspect_term;
};

/* Takes in what a reply claims. True if the leader became known or changed. */
bool sw_leader_learn(struct sw_leader *view, const struct sw_reply *reply);
/* `node` failed us: if it is the leader, the leader is unknown from now on. True if so. */
bool sw_leader_suspect(struct sw_leader *view, struct sw_node_id node);

#endif
