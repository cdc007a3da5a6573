/* The nodes that one client reaches: a connection to each of its settings file, and to those that
 * the swarm says are members.
 *
 * News of members come inside of a callback of a connection, where none may be opened or closed; so
 * they are kept, and the pool acts on them before the client's next turn. Pool thread only. */
#ifndef SW_CLIENT_REACH_ZMQ_H
#define SW_CLIENT_REACH_ZMQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "client/config.h"
#include "client/core.h"
#include "client/pool_zmq.h"
#include "client/roster.h"
#include "client/trunk_zmq.h"

/* Embedded in its client, which sets the first four. */
struct sw_reach {
    struct sw_member *member;                       /* whose users these nodes' connections are */
    const struct sw_client_config *config;          /* borrowed, does not change */
    struct sw_trunk_config trunk;                   /* of all nodes: `node` is filled in for each */
    struct sw_trunk_user user;                      /* likewise: tag and callbacks */
    struct sw_client_node nodes[SW_NODE_COUNT_MAX]; /* by their places in member->users */
    struct sw_roster roster;
    bool news;
};

/* Connects to the nodes of the settings. */
enum sw_err sw_reach_open(struct sw_reach *reach,
                          struct sw_trunks *trunks,
                          char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* NULL: a stranger. */
struct sw_trunk_user *sw_reach_find(struct sw_reach *reach, struct sw_node_id id);
/* An answer to MEMBER_LIST. */
void sw_reach_learn(struct sw_reach *reach, const struct sw_reply *reply);
/* Leaves those who went, connects to those who came, and tells the core; if there are news. */
void sw_reach_refresh(struct sw_reach *reach, struct sw_trunks *trunks);

#endif
