/* Any bytes as what a peer tells of the members: refused whole, or a node that knows only this
 * tells it on, and who hears that knows the same. A second telling has the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/node_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sw_buf sent;

static enum sw_err keep(struct sw_link *link, struct sw_node_id peer, struct sw_span message)
{
    (void)link;
    (void)peer;
    sw_buf_clear(&sent);
    sw_write_bytes(&sent, message);
    return SW_ERR_OK;
}

static bool peer_up(struct sw_link *link, struct sw_node_id peer)
{
    (void)link;
    (void)peer;
    return true;
}

static bool same_member(const struct sw__member *a, const struct sw__member *b)
{
    return sw_node_id_equal(a->id, b->id) && strcmp(a->text.peer, b->text.peer) == 0 &&
           strcmp(a->text.client, b->text.client) == 0 && a->text.has_key == b->text.has_key &&
           memcmp(a->text.key, b->text.key, sizeof a->text.key) == 0 &&
           a->text.floor == b->text.floor;
}

/* What the node heard becomes what it knows, and it tells that: now in `sent`. */
static void tell(struct sw_node *node)
{
    memcpy(node->members, node->heard, sizeof node->members);
    node->member_count = node->heard_count;
    node->members_index = node->heard_index;
    sw_buf_clear(&sent);
    sw__hearsay_tell(node, (struct sw_node_id){1});
    SW_ASSERT(sent.size > 0);
}

static void use_peers(const struct sw_node *node)
{
    struct sw_node_peer peers[SW_NODE_COUNT_MAX];
    const uint32_t count = sw_node_peers(node, peers);

    SW_ASSERT(count <= node->heard_count);
    for (uint32_t i = 0; i < count; i++) {
        SW_ASSERT(peers[i].address[0] != '\0');
    }
}

static void tell_on(struct sw_node *node, struct sw_node *next, struct sw_span message)
{
    struct sw_buf first = {0};

    use_peers(node);
    tell(node);
    /* A text may have been written another way (capitals in a key, zeros before a number), never
     * another length than it needs: nothing that was told is passed over. */
    SW_ASSERT(sent.size <= message.size);
    sw_write_bytes(&first, sw_buf_span(&sent));
    sw__hearsay_message(next, sw_buf_span(&first));
    SW_ASSERT(next->heard_index == node->heard_index);
    SW_ASSERT(next->heard_count == node->heard_count);
    for (uint32_t i = 0; i < node->heard_count; i++) {
        SW_ASSERT(same_member(&node->heard[i], &next->heard[i]));
    }
    tell(next);
    SW_ASSERT(sw_span_equal(sw_buf_span(&sent), sw_buf_span(&first)));
    sw_buf_release(&first);
}

/* Byte for byte, unless a text has a key or number that people may write in several ways. */
static void exact_without_keys(const struct sw_node *node, struct sw_span message)
{
    for (uint32_t i = 0; i < node->heard_count; i++) {
        if (node->heard[i].text.has_key) {
            return;
        }
    }
    SW_ASSERT(sw_span_equal(sw_buf_span(&sent), message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sw_link_ops ops = {.send = keep, .peer_up = peer_up};
    struct sw_link link = {.ops = &ops};
    struct sw_node *nodes = calloc(2, sizeof *nodes);
    const struct sw_span message = sw_span_of(data, size);

    if (size == 0 || data[0] != SW_NODE_MEMBERS) {
        free(nodes);
        return -1; /* the node hands others elsewhere */
    }
    SW_ASSERT(nodes != NULL);
    nodes[0].config.link = &link;
    nodes[1].config.link = &link;
    sw__hearsay_message(&nodes[0], message);
    if (nodes[0].heard_index != 0) {
        tell_on(&nodes[0], &nodes[1], message);
        exact_without_keys(&nodes[0], message);
    }
    sw_buf_release(&nodes[0].scratch);
    sw_buf_release(&nodes[1].scratch);
    free(nodes);
    return 0;
}
