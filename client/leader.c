/* What a client knows about who leads. */
#include "client/leader.h"

#include "base/assert.h"

static bool suspected(const struct sw_leader *view, const struct sw_reply *reply)
{
    return sw_node_id_equal(reply->leader, view->suspect) &&
           !sw_node_id_equal(reply->node, reply->leader) && reply->term <= view->suspect_term;
}

bool sw_leader_learn(struct sw_leader *view, const struct sw_reply *reply)
{
    if (reply->leader.value == 0 || reply->term < view->term || suspected(view, reply)) {
        return false;
    }
    view->term = reply->term;
    if (sw_node_id_equal(view->leader, reply->leader)) {
        return false;
    }
    view->leader = reply->leader;
    view->suspect = (struct sw_node_id){0};
    return true;
}

bool sw_leader_suspect(struct sw_leader *view, struct sw_node_id node)
{
    if (node.value == 0 || !sw_node_id_equal(view->leader, node)) {
        return false;
    }
    view->suspect = node;
    view->suspect_term = view->term;
    view->leader = (struct sw_node_id){0};
    SW_ASSERT(view->suspect.value != 0);
    return true;
}
