/* Connections to the nodes of a client, and how they follow the members of the swarm. */
#include "client/reach_zmq.h"

#include <stdio.h>

#include "base/assert.h"

/* The place of a node; SW_NODE_COUNT_MAX: it has none. Of id 0: the first free place. */
static uint32_t place_of(const struct sw_reach *reach, struct sw_node_id id)
{
    uint32_t at = 0;

    while (at < SW_NODE_COUNT_MAX && !sw_node_id_equal(reach->nodes[at].id, id)) {
        at++;
    }
    return at;
}

/* Gives every node a place that has none. */
static void place(struct sw_reach *reach, const struct sw_client_node *nodes, uint32_t count)
{
    struct sw_member *member = reach->member;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = place_of(reach, nodes[i].id);

        if (at < SW_NODE_COUNT_MAX) {
            continue;
        }
        at = place_of(reach, (struct sw_node_id){0});
        SW_ASSERT(at < SW_NODE_COUNT_MAX);
        reach->nodes[at] = nodes[i];
        member->users[at] = reach->user;
        if (at >= member->user_count) {
            member->user_count = at + 1;
        }
    }
}

/* Connects to the node at a place, unless that is done. */
static enum sw_err join(struct sw_reach *reach, struct sw_trunks *trunks, uint32_t at)
{
    struct sw_trunk_user *user = &reach->member->users[at];

    if (reach->nodes[at].id.value == 0 || user->trunk != NULL) {
        return SW_ERR_OK;
    }
    reach->trunk.node = reach->nodes[at];
    reach->trunk.seed++; /* each has pauses of its own */
    return sw_trunk_join(trunks, &reach->trunk, user);
}

enum sw_err
sw_reach_open(struct sw_reach *reach, struct sw_trunks *trunks, char ret_why[SW_WHY_SIZE])
{
    place(reach, reach->config->nodes, reach->config->node_count);
    for (uint32_t at = 0; at < reach->member->user_count; at++) {
        const enum sw_err err = join(reach, trunks, at);

        if (err != SW_ERR_OK) {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "cannot open a connection to %.100s: %s",
                           reach->nodes[at].address,
                           sw_err_text(err));
            return err;
        }
    }
    return SW_ERR_OK;
}

struct sw_trunk_user *sw_reach_find(struct sw_reach *reach, struct sw_node_id id)
{
    const uint32_t at = place_of(reach, id);

    return at == SW_NODE_COUNT_MAX ? NULL : &reach->member->users[at];
}

void sw_reach_learn(struct sw_reach *reach, const struct sw_reply *reply)
{
    struct sw_roster roster;

    /* A list that is none changes nothing: the next node that is asked may know better. */
    if (sw_roster_parse(reply->detail, &roster) == SW_ERR_OK &&
        sw_roster_take(&reach->roster, &roster)) {
        reach->news = true;
    }
}

static bool
is_among(const struct sw_client_node *nodes, uint32_t count, const struct sw_client_node *node)
{
    for (uint32_t i = 0; i < count; i++) {
        if (sw_node_id_equal(nodes[i].id, node->id)) {
            return true;
        }
    }
    return false;
}

static void leave_others(struct sw_reach *reach,
                         struct sw_trunks *trunks,
                         const struct sw_client_node *nodes,
                         uint32_t count)
{
    for (uint32_t at = 0; at < reach->member->user_count; at++) {
        if (!is_among(nodes, count, &reach->nodes[at])) {
            sw_trunk_leave(trunks, &reach->member->users[at], sw_pool_now_ms());
            reach->nodes[at].id.value = 0;
        }
    }
}

static void tell_core(struct sw_reach *reach)
{
    struct sw_core_place places[SW_NODE_COUNT_MAX];
    uint32_t count = 0;

    for (uint32_t at = 0; at < reach->member->user_count; at++) {
        if (reach->nodes[at].id.value != 0) {
            places[count++] = (struct sw_core_place){.id = reach->nodes[at].id,
                                                     .address = reach->nodes[at].address};
        }
    }
    sw_core_set_nodes(reach->member->core, places, count);
}

void sw_reach_refresh(struct sw_reach *reach, struct sw_trunks *trunks)
{
    struct sw_client_node nodes[SW_NODE_COUNT_MAX];
    uint32_t count;

    if (!reach->news) {
        return;
    }
    reach->news = false;
    count = sw_roster_merge(&reach->roster, reach->config, nodes);
    leave_others(reach, trunks, nodes, count);
    place(reach, nodes, count);
    tell_core(reach); /* first: a connection that others use says at once whether it is up */
    for (uint32_t at = 0; at < reach->member->user_count; at++) {
        /* Where none can be made now it is tried again with the next list. */
        (void)join(reach, trunks, at);
    }
}
