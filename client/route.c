/* What a client knows about who leads. */
#include "client/route.h"

#include "base/assert.h"

static bool suspected(const struct sw_route *route, const struct sw_reply *reply)
{
    return sw_node_id_equal(reply->leader, route->suspect) &&
           !sw_node_id_equal(reply->node, reply->leader) && reply->term <= route->suspect_term;
}

bool sw_route_learn(struct sw_route *route, const struct sw_reply *reply)
{
    if (reply->leader.value == 0 || reply->term < route->term || suspected(route, reply)) {
        return false;
    }
    route->term = reply->term;
    if (sw_node_id_equal(route->leader, reply->leader)) {
        return false;
    }
    route->leader = reply->leader;
    route->suspect = (struct sw_node_id){0};
    return true;
}

bool sw_route_suspect(struct sw_route *route, struct sw_node_id node)
{
    if (node.value == 0 || !sw_node_id_equal(route->leader, node)) {
        return false;
    }
    route->suspect = node;
    route->suspect_term = route->term;
    route->leader = (struct sw_node_id){0};
    SW_ASSERT(route->suspect.value != 0);
    return true;
}
