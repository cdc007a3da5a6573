/* Who a client is, and what the leader refuses early: the decision itself is node/rights.c's. */
#include <stdio.h>
#include <string.h>

#include "node/node_private.h"
#include "node/rights.h"
#include "transport/crypto_sodium.h"

static const struct sw_settings no_settings;

const struct sw_settings *sw__settings_of(const struct sw__shard *shard)
{
    const struct sw_settings *settings = sw_applier_settings(shard->node->applier, shard->id, NULL);

    return settings == NULL ? &no_settings : settings;
}

static bool listed(const struct sw_node *node, const struct sw_client *client, enum sw_op op)
{
    const struct sw_node_handler *handler = &node->config.handler;

    return handler->allowed == NULL || handler->allowed(handler->arg, client->key, op);
}

struct sw_author sw__rights_author(const struct sw_node *node, const struct sw_client *client)
{
    struct sw_author author = {0};

    memcpy(author.id, client->id, sizeof author.id);
    if (listed(node, client, SW_OP_SETTING_PUT)) {
        author.flags = SW_AUTHOR_ADMINISTRATOR;
    } else if (listed(node, client, SW_OP_GET)) {
        author.flags = SW_AUTHOR_LISTED;
    }
    return author;
}

/* A leader that has not executed all of the log yet may not have heard of an identity. */
static bool knows_all(const struct sw__shard *shard)
{
    return shard->role != SW_ROLE_LEADER || shard->applied_term == shard->term;
}

enum sw_err sw__rights_check(const struct sw_node *node,
                             const struct sw_client *client,
                             const struct sw_request *request,
                             char ret_why[SW_WHY_SIZE])
{
    const struct sw__shard *shard = node->shards[0];
    const struct sw_author author = sw__rights_author(node, client);
    enum sw_err err;

    err = sw_rights_check(sw__settings_of(shard), &author, request, ret_why);
    if (err == SW_ERR_OK && author.flags == SW_AUTHOR_LISTED &&
        !listed(node, client, request->op)) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "this client's key may not %s", sw_op_name(request->op));
        return SW_ERR_UNAUTHORIZED;
    }
    if (err == SW_ERR_UNAUTHORIZED && author.flags == 0 && !knows_all(shard)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "this leader does not know all identities yet");
        return SW_ERR_NO_LEADER;
    }
    return err;
}

void sw__rights_turn_end(struct sw__shard *shard)
{
    const struct sw_node_handler *handler = &shard->node->config.handler;
    uint64_t version = 0;

    (void)sw_applier_settings(shard->node->applier, shard->id, &version);
    if (version != shard->settings_version) {
        shard->settings_version = version;
        sw_quota_gates_set(&shard->node->quotas, sw__settings_of(shard));
        if (handler->identities_changed != NULL) {
            handler->identities_changed(handler->arg);
        }
    }
}

bool sw_node_admits(const struct sw_node *node, const uint8_t key[32])
{
    uint8_t id[SW_IDENTITY_ID_SIZE];

    sw_crypto_digest(sw_span_of(key, 32), sw_span_of(NULL, 0), id, sizeof id);
    for (uint32_t i = 0; i < node->shard_count; i++) {
        const struct sw_settings *settings = sw__settings_of(node->shards[i]);

        if (sw_settings_identity(settings, id) != NULL || sw_settings_token(settings, id) != NULL) {
            return true;
        }
    }
    return false;
}
