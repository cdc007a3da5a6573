/* Any bytes as a list of members: refused, or members that can be reached, each once. */
#include <string.h>

#include "base/assert.h"
#include "client/roster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sw_client_config config = {.node_count = 1, .nodes = {{.id = {1}}}};
    struct sw_client_node nodes[SW_NODE_COUNT_MAX];
    struct sw_roster roster;
    uint32_t count;

    if (sw_roster_parse(sw_span_of(data, size), &roster) != SW_ERR_OK) {
        return 0;
    }
    SW_ASSERT(roster.node_count <= SW_NODE_COUNT_MAX);
    for (uint32_t i = 0; i < roster.node_count; i++) {
        SW_ASSERT(roster.nodes[i].id.value != 0);
        SW_ASSERT(sw_client_address_valid(roster.nodes[i].address));
    }
    count = sw_roster_merge(&roster, &config, nodes);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            SW_ASSERT(!sw_node_id_equal(nodes[i].id, nodes[j].id));
        }
    }
    return 0;
}
