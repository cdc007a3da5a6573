/* Members by word of mouth: nodes tell each other the newest configuration that they know.
 *
 * A node's own log is the truth about members, but to get that log it must have sessions with nodes
 * that it may not know yet: a new one whose settings are older than the last change, one that was
 * away while others came. Any member that it does know tells it of the rest. What is heard only
 * opens doors, and only while it is newer than the own log: it adds nobody to a configuration and
 * takes nobody out.
 *
 * | offset | size | field                                       |
 * |--------|------|---------------------------------------------|
 * | 0      | 1    | SW_NODE_MEMBERS                             |
 * | 1      | 8    | index of the configuration                  |
 * | 9      | 1    | count, and as often:                        |
 * | ...    | 8    | node id                                     |
 * | ...    | 4+n  | blob: member text (peer_text.h)             | */
#include <string.h>

#include "base/assert.h"
#include "node/node_private.h"

static void send_to(struct sw_node *node, struct sw_node_id to)
{
    struct sw_link *link = node->config.link;

    if (!sw_node_id_equal(to, node->config.self) && link->ops->peer_up(link, to)) {
        /* Lost is fine: it is said again when a session begins, and at the next change. */
        (void)link->ops->send(link, to, sw_buf_span(&node->scratch));
    }
}

/* False if this node knows nothing from its log. */
static bool encode(struct sw_node *node)
{
    struct sw_buf *out = &node->scratch;
    char text[SW_ADDRESS_SIZE_MAX];

    sw_buf_clear(out);
    sw_write_u8(out, SW_NODE_MEMBERS);
    sw_write_u64(out, node->members_index);
    sw_write_u8(out, (uint8_t)node->member_count);
    for (uint32_t i = 0; i < node->member_count; i++) {
        if (!sw_peer_text_print(&node->members[i].text, text)) {
            return false;
        }
        sw_write_u64(out, node->members[i].id.value);
        sw_write_blob(out, sw_span_str(text));
    }
    return node->members_index != 0;
}

void sw__hearsay_tell(struct sw_node *node, struct sw_node_id to)
{
    if (encode(node)) {
        send_to(node, to);
    }
}

void sw__hearsay_tell_all(struct sw_node *node)
{
    if (encode(node)) {
        for (uint32_t i = 0; i < node->member_count; i++) {
            send_to(node, node->members[i].id);
        }
    }
}

static bool read_member(struct sw_reader *in, struct sw__member *ret_member)
{
    const struct sw_node_id id = {sw_read_u64(in)};
    const struct sw_span text = sw_read_blob(in, SW_ADDRESS_SIZE_MAX - 1);
    char copy[SW_ADDRESS_SIZE_MAX] = "";

    if (in->failed || id.value == 0) {
        return false;
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    if (strlen(copy) != text.size) {
        return false; /* more behind a 0x00: no node says that */
    }
    *ret_member = (struct sw__member){.id = id};
    return sw_peer_text_parse(copy, &ret_member->text);
}

void sw__hearsay_message(struct sw_node *node, struct sw_span message)
{
    struct sw_reader in = sw_reader_of(message);
    struct sw__member heard[SW_NODE_COUNT_MAX];
    const uint8_t kind = sw_read_u8(&in);
    const uint64_t index = sw_read_u64(&in);
    const uint8_t count = sw_read_u8_max(&in, SW_NODE_COUNT_MAX);
    bool good = !in.failed;

    SW_ASSERT(kind == SW_NODE_MEMBERS);
    for (uint8_t i = 0; i < count && good; i++) {
        good = read_member(&in, &heard[i]);
    }
    if (!good || sw_reader_finish(&in) != SW_ERR_OK || index <= node->members_index ||
        index <= node->heard_index) {
        return; /* no news, or another version's */
    }
    memcpy(node->heard, heard, count * sizeof heard[0]);
    node->heard_count = count;
    node->heard_index = index;
    if (node->config.handler.members_changed != NULL) {
        node->config.handler.members_changed(node->config.handler.arg);
    }
}
