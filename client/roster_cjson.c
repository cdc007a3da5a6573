/* Reads a list of members with cJSON. It comes from a node, so every field is checked. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client/roster.h"

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text == NULL ? "" : text;
}

static bool is_listed(const struct sw_roster *roster, struct sw_node_id id)
{
    for (uint32_t i = 0; i < roster->node_count; i++) {
        if (sw_node_id_equal(roster->nodes[i].id, id)) {
            return true;
        }
    }
    return false;
}

/* A member whose client address or key nobody knows cannot be reached, and is passed over. */
static enum sw_err read_member(const cJSON *item, struct sw_roster *roster)
{
    struct sw_client_node *node = &roster->nodes[roster->node_count];
    const char *address = text_of(item, "client");
    const char *key = text_of(item, "key");

    if (!sw_text_number(text_of(item, "id"), &node->id.value) || node->id.value == 0 ||
        is_listed(roster, node->id)) {
        return SW_ERR_MALFORMED;
    }
    if (address[0] == '\0' || key[0] == '\0') {
        return SW_ERR_OK;
    }
    if (!sw_client_address_valid(address) ||
        !sw_text_hex(key, node->public_key, sizeof node->public_key)) {
        return SW_ERR_MALFORMED;
    }
    (void)snprintf(node->address, sizeof node->address, "%s", address);
    roster->node_count++;
    return SW_ERR_OK;
}

static enum sw_err read_list(const cJSON *root, struct sw_roster *roster)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "members");
    const cJSON *item;
    enum sw_err err = SW_ERR_OK;

    if (cJSON_IsArray(list) == 0 || cJSON_GetArraySize(list) > (int)SW_NODE_COUNT_MAX ||
        !sw_text_number(text_of(root, "index"), &roster->index)) {
        return SW_ERR_MALFORMED;
    }
    roster->committed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "committed")) != 0;
    cJSON_ArrayForEach(item, list)
    {
        if (err == SW_ERR_OK) {
            err = read_member(item, roster);
        }
    }
    return err;
}

enum sw_err sw_roster_parse(struct sw_span json, struct sw_roster *ret_roster)
{
    struct sw_roster roster = {0};
    cJSON *root = json.size == 0 ? NULL : cJSON_ParseWithLength((const char *)json.data, json.size);
    const enum sw_err err = read_list(root, &roster);

    cJSON_Delete(root);
    if (err == SW_ERR_OK) {
        *ret_roster = roster;
    }
    return err;
}
