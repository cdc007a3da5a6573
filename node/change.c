/* Members of the swarm: who they are according to the log, and requests to change them.
 *
 * The configuration of group 1 is the one truth; a member's text in it (peer_text.h) holds
 * addresses and key. What the settings of this node say counts only where the log says nothing:
 * before the first entry has come, for keys of groups that were founded without them, and for nodes
 * that are newer than all the log knows of. That is how a node that was away for long lets its new
 * peers in. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "node/node_private.h"
#include "node/peer_text.h"

/* --- what the log says ------------------------------------------------------------------------ */

static const struct sw__member *known_member(const struct sw_node *node, struct sw_node_id id)
{
    for (uint32_t i = 0; i < node->known_count; i++) {
        if (sw_node_id_equal(node->known[i].id, id)) {
            return &node->known[i];
        }
    }
    return NULL;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void fill_member(const struct sw_node *node,
                        const struct sw_group_peer *from,
                        struct sw__member *ret_member)
{
    const struct sw__member *known = known_member(node, from->node);
    struct sw_peer_text text = {0};

    if (!sw_peer_text_parse(from->address, &text)) {
        /* Another version's form: of use for people, and not for a session. */
        (void)snprintf(text.peer, sizeof text.peer, "%s", from->address);
    }
    if (!text.has_key && known != NULL) {
        memcpy(text.key, known->text.key, sizeof text.key);
        text.has_key = known->text.has_key;
        (void)snprintf(text.client, sizeof text.client, "%s", known->text.client);
    }
    *ret_member = (struct sw__member){.id = from->node, .role = from->role, .text = text};
}

void sw__members_changed(void *arg)
{
    struct sw__shard *shard = arg;
    struct sw_node *node = shard->node;
    struct sw_group_peer peers[SW_NODE_COUNT_MAX];
    const uint32_t count = shard->group == NULL ? 0 : sw_group_members(shard->group, peers);
    struct sw_group_status status;

    if (count == 0) {
        return; /* it waits to be added: what the settings say still counts */
    }
    sw_group_status(shard->group, &status);
    node->member_count = count;
    node->members_index = status.members_index;
    node->id_floor = 0;
    for (uint32_t i = 0; i < count; i++) {
        fill_member(node, &peers[i], &node->members[i]);
        node->id_floor = max_u64(node->id_floor, node->members[i].id.value);
        node->id_floor = max_u64(node->id_floor, node->members[i].text.floor);
    }
    if (node->crashed) {
        return;
    }
    if (node->config.handler.members_changed != NULL) {
        node->config.handler.members_changed(node->config.handler.arg);
    }
    sw__hearsay_tell_all(node);
}

static bool listed(const struct sw_node_peer *peers, uint32_t count, struct sw_node_id id)
{
    for (uint32_t i = 0; i < count; i++) {
        if (sw_node_id_equal(peers[i].id, id)) {
            return true;
        }
    }
    return false;
}

static void add_peer(const struct sw_node *node,
                     const struct sw__member *member,
                     struct sw_node_peer *ret_peers,
                     uint32_t *count)
{
    if (sw_node_id_equal(member->id, node->config.self) || !member->text.has_key ||
        *count == SW_NODE_COUNT_MAX || listed(ret_peers, *count, member->id)) {
        return;
    }
    ret_peers[*count] = (struct sw_node_peer){.id = member->id, .address = member->text.peer};
    memcpy(ret_peers[*count].key, member->text.key, sizeof member->text.key);
    (*count)++;
}

uint32_t sw_node_peers(const struct sw_node *node, struct sw_node_peer ret_peers[SW_NODE_COUNT_MAX])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < node->member_count; i++) {
        add_peer(node, &node->members[i], ret_peers, &count);
    }
    for (uint32_t i = 0; i < node->known_count; i++) {
        if (node->known[i].id.value > node->id_floor) {
            add_peer(node, &node->known[i], ret_peers, &count);
        }
    }
    for (uint32_t i = 0; i < node->heard_count && node->heard_index > node->members_index; i++) {
        add_peer(node, &node->heard[i], ret_peers, &count);
    }
    return count;
}

static const char *role_name(enum sw_member_role role)
{
    static const char *const names[] = {"joining", "learner", "voter"};

    return names[role];
}

void sw__members_json(const struct sw_node *node, struct sw_buf *out)
{
    struct sw_link *link = node->config.link;

    sw_write_bytes(out, sw_span_str("\"members\":["));
    for (uint32_t i = 0; i < node->member_count; i++) {
        const struct sw__member *member = &node->members[i];
        const bool up =
            sw_node_id_equal(member->id, node->config.self) || link->ops->peer_up(link, member->id);

        sw_buf_printf(out,
                      "%s{\"id\":\"%llu\",\"role\":\"%s\",\"peer\":",
                      i == 0 ? "" : ",",
                      (unsigned long long)member->id.value,
                      role_name(member->role));
        sw_json_string(out, sw_span_str(member->text.peer));
        sw_write_bytes(out, sw_span_str(",\"client\":"));
        sw_json_string(out, sw_span_str(member->text.client));
        sw_buf_printf(out, ",\"up\":%s}", up ? "true" : "false");
    }
    sw_write_bytes(out, sw_span_str("]"));
}

/* --- requests --------------------------------------------------------------------------------- */

static void print_key(const struct sw__member *member, struct sw_buf *out)
{
    sw_write_bytes(out, sw_span_str(",\"key\":\""));
    for (size_t i = 0; i < sizeof member->text.key && member->text.has_key; i++) {
        sw_buf_printf(out, "%02x", (unsigned)member->text.key[i]);
    }
    sw_write_bytes(out, sw_span_str("\""));
}

static void print_member(const struct sw_node *node,
                         const struct sw_group_peer *peer,
                         uint64_t last_index,
                         struct sw_buf *out)
{
    struct sw__member member;

    fill_member(node, peer, &member);
    sw_buf_printf(
        out,
        "{\"id\":\"%llu\",\"role\":\"%s\",\"leader\":%s,\"up\":%s,\"acked_index\":\"%llu\","
        "\"lag\":\"%llu\",\"peer\":",
        (unsigned long long)peer->node.value,
        role_name(peer->role),
        sw_node_id_equal(peer->node, node->shards[0]->leader) ? "true" : "false",
        peer->up ? "true" : "false",
        (unsigned long long)peer->acked_index,
        (unsigned long long)(last_index > peer->acked_index ? last_index - peer->acked_index : 0));
    sw_json_string(out, sw_span_str(member.text.peer));
    sw_write_bytes(out, sw_span_str(",\"client\":"));
    sw_json_string(out, sw_span_str(member.text.client));
    print_key(&member, out);
    sw_write_bytes(out, sw_span_str("}"));
}

/* As this node knows them; only one that leads knows how far the others are. What it lists may be
 * uncommitted for a moment. */
static void list(struct sw_node *node, struct sw__request *admitted)
{
    struct sw__shard *shard = admitted->shard;
    struct sw_group_peer peers[SW_NODE_COUNT_MAX];
    const uint32_t count = sw_group_members(shard->group, peers);
    struct sw_group_status status;
    struct sw_buf json = {0};
    struct sw_reply reply = {0};

    sw_group_status(shard->group, &status);
    sw_buf_printf(&json,
                  "{\"index\":\"%llu\",\"committed\":%s,\"leading\":%s,\"next_id\":\"%llu\","
                  "\"members\":[",
                  (unsigned long long)status.members_index,
                  status.members_committed ? "true" : "false",
                  shard->role == SW_ROLE_LEADER ? "true" : "false",
                  (unsigned long long)node->id_floor + 1);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            sw_write_bytes(&json, sw_span_str(","));
        }
        print_member(node, &peers[i], status.last_index, &json);
    }
    sw_write_bytes(&json, sw_span_str("]}"));
    reply.detail = sw_buf_span(&json);
    sw__request_answer(node, admitted, &reply);
    sw__request_free(admitted);
    sw_buf_release(&json);
}

/* Ids are counted, not drawn: one far above the others is a slip, and would use up all below it.
 */
enum { ID_STEP_MAX = 1000000 };

/* A new id, and nothing that another member has. */
static enum sw_err
check_new(const struct sw_node *node, struct sw_node_id id, const char *address, char *ret_why)
{
    struct sw_peer_text text;

    if (!sw_peer_text_parse(address, &text) || !text.has_key || text.floor != 0) {
        (void)snprintf(
            ret_why,
            SW_WHY_SIZE,
            "a member is \"peer host:port,client host:port,public key of 64 hex digits\"");
        return SW_ERR_INVALID;
    }
    for (uint32_t i = 0; i < node->member_count; i++) {
        const struct sw__member *member = &node->members[i];

        if (sw_node_id_equal(member->id, id)) {
            return SW_ERR_OK; /* the group compares */
        }
        if (strcmp(member->text.peer, text.peer) == 0 ||
            strcmp(member->text.client, text.client) == 0 ||
            (member->text.has_key && memcmp(member->text.key, text.key, sizeof text.key) == 0)) {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "member %llu has this address or key",
                           (unsigned long long)member->id.value);
            return SW_ERR_CONFLICT;
        }
    }
    if (id.value <= node->id_floor || id.value - node->id_floor > ID_STEP_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "node ids are counted and used once, for one incarnation of a node; "
                       "%llu is free",
                       (unsigned long long)node->id_floor + 1);
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

/* If the highest id goes, somebody else has to remember that it was used: the leader, in its own
 * text, which goes to `out` then, else "". What cannot be remembered may not go. */
static enum sw_err own_text(const struct sw_node *node,
                            struct sw_node_id removed,
                            char out[SW_ADDRESS_SIZE_MAX],
                            char *ret_why)
{
    struct sw_peer_text text = {0};
    uint64_t left = 0;

    for (uint32_t i = 0; i < node->member_count; i++) {
        const struct sw__member *member = &node->members[i];

        if (!sw_node_id_equal(member->id, removed)) {
            left = max_u64(left, max_u64(member->id.value, member->text.floor));
        }
        if (sw_node_id_equal(member->id, node->config.self)) {
            text = member->text;
        }
    }
    out[0] = '\0';
    text.floor = node->id_floor;
    if (left >= node->id_floor || (text.has_key && sw_peer_text_print(&text, out))) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "the leader's addresses leave no room to remember that id %llu was used; "
                   "add another member first",
                   (unsigned long long)node->id_floor);
    return SW_ERR_INVALID;
}

static enum sw_group_change_kind kind_of(enum sw_op op)
{
    switch ((int)op) {
    case SW_OP_MEMBER_ADD:
        return SW_GROUP_ADD;
    case SW_OP_MEMBER_PROMOTE:
        return SW_GROUP_PROMOTE;
    case SW_OP_MEMBER_DEMOTE:
        return SW_GROUP_DEMOTE;
    default:
        SW_ASSERT(op == SW_OP_MEMBER_REMOVE);
        return SW_GROUP_REMOVE;
    }
}

static void change_done(void *arg, enum sw_err err)
{
    struct sw__shard *shard = arg;
    struct sw_node *node = shard->node;
    struct sw__request *request;

    if (node->crashed || node->failed) {
        return;
    }
    sw__node_log(node,
                 err == SW_ERR_OK ? SW_LOG_INFO : SW_LOG_WARN,
                 "members",
                 "change of the members: %s; %u members now",
                 sw_err_name(err),
                 node->member_count);
    while ((request = sw__list_take(&shard->change_waiting)) != NULL) {
        struct sw_reply reply = {.err = err, .value = err == SW_ERR_OK ? 1 : 0};

        if (err == SW_ERR_BUSY) {
            reply.detail = sw_span_str("the learner does not keep up; nothing was changed");
        }
        sw__request_answer(node, request, &reply);
        sw__request_free(request);
    }
}

/* Every attempt leaves a line in the log of the node that leads: who, what, and what came of it. */
static void audit(struct sw_node *node,
                  const struct sw__request *admitted,
                  struct sw_node_id id,
                  enum sw_err err,
                  const char *why)
{
    const struct sw_client *client = sw_clients_find(&node->clients, admitted->conn);
    char key[17] = "";

    for (size_t i = 0; i < 8 && client != NULL; i++) {
        (void)snprintf(key + 2 * i, 3, "%02x", (unsigned)client->key[i]);
    }
    sw__node_log(node,
                 err == SW_ERR_OK ? SW_LOG_INFO : SW_LOG_WARN,
                 "member-change",
                 "%s of node %llu asked by client %s...: %s%s%s",
                 sw_op_name(admitted->op),
                 (unsigned long long)id.value,
                 key,
                 err == SW_ERR_OK ? "begun" : sw_err_name(err),
                 why[0] == '\0' ? "" : ", ",
                 why);
}

static void
change(struct sw_node *node, struct sw__request *admitted, const struct sw_request *request)
{
    struct sw__shard *shard = admitted->shard;
    char address[SW_ADDRESS_SIZE_MAX] = "";
    char own[SW_ADDRESS_SIZE_MAX] = "";
    char why[SW_WHY_SIZE] = "";
    struct sw_group_change wanted = {.kind = kind_of(request->op), .node = {request->expected}};
    enum sw_err err = SW_ERR_OK;

    if (wanted.kind == SW_GROUP_ADD) {
        SW_ASSERT(request->value.size < sizeof address); /* sw_request_validate */
        memcpy(address, request->value.data, request->value.size);
        wanted.address = address;
        err = check_new(node, wanted.node, address, why);
    } else if (wanted.kind == SW_GROUP_REMOVE) {
        err = own_text(node, wanted.node, own, why);
        wanted.own_address = own[0] == '\0' ? NULL : own;
    }
    if (err == SW_ERR_OK) {
        err = sw_group_change(shard->group, &wanted, change_done, shard, why);
    }
    audit(node, admitted, wanted.node, err, why);
    if (err != SW_ERR_OK) {
        sw__request_refuse(
            node, admitted, err == SW_ERR_NOT_LEADER ? sw__shard_elsewhere(shard) : err, why);
        sw__request_free(admitted);
        return;
    }
    admitted->place = SW__PLACE_WAITING;
    sw__list_add(&shard->change_waiting, admitted);
}

void sw__member_request(struct sw_node *node,
                        struct sw__request *admitted,
                        const struct sw_request *request)
{
    if (request->op == SW_OP_MEMBER_LIST) {
        list(node, admitted);
    } else {
        change(node, admitted, request);
    }
}
