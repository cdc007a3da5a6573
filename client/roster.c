/* Which list of members counts, and whom a client reaches by it. */
#include "client/roster.h"

#include "base/assert.h"

bool sw_roster_take(struct sw_roster *roster, const struct sw_roster *from)
{
    if (!from->committed || from->node_count == 0 || from->index < roster->index) {
        return false;
    }
    *roster = *from;
    return true;
}

static const struct sw_client_node *
find(const struct sw_client_node *nodes, uint32_t count, struct sw_node_id id)
{
    for (uint32_t i = 0; i < count; i++) {
        if (sw_node_id_equal(nodes[i].id, id)) {
            return &nodes[i];
        }
    }
    return NULL;
}

uint32_t sw_roster_merge(const struct sw_roster *roster,
                         const struct sw_client_config *config,
                         struct sw_client_node ret_nodes[SW_NODE_COUNT_MAX])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < roster->node_count; i++) {
        const struct sw_client_node *member = &roster->nodes[i];
        const struct sw_client_node *told = find(config->nodes, config->node_count, member->id);

        ret_nodes[count++] = told == NULL ? *member : *told;
    }
    for (uint32_t i = 0; i < config->node_count && count < SW_NODE_COUNT_MAX; i++) {
        if (find(roster->nodes, roster->node_count, config->nodes[i].id) == NULL) {
            ret_nodes[count++] = config->nodes[i];
        }
    }
    SW_ASSERT(count <= SW_NODE_COUNT_MAX);
    return count;
}
