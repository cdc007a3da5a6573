/* Reads a list of members with cJSON. */
#include <cjson/cJSON.h>

#include "tools/json_cjson.h"
#include "tools/members.h"

static void read_member(const cJSON *item, struct sw_member_row *ret_row)
{
    *ret_row = (struct sw_member_row){.id = sw_json_number(item, "id"),
                                      .leader = sw_json_bool(item, "leader"),
                                      .up = sw_json_bool(item, "up"),
                                      .lag = sw_json_number(item, "lag")};
    sw_json_text(item, "role", ret_row->role, sizeof ret_row->role);
    sw_json_text(item, "peer", ret_row->peer, sizeof ret_row->peer);
    sw_json_text(item, "client", ret_row->client, sizeof ret_row->client);
    sw_json_text(item, "key", ret_row->key, sizeof ret_row->key);
}

bool sw_members_parse(const char *json, struct sw_members *ret_members)
{
    cJSON *root = cJSON_Parse(json);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "members");
    const bool good =
        cJSON_IsArray(list) != 0 && cJSON_GetArraySize(list) <= (int)SW_NODE_COUNT_MAX;
    const cJSON *item;

    if (good) {
        *ret_members = (struct sw_members){.next_id = sw_json_number(root, "next_id"),
                                           .committed = sw_json_bool(root, "committed"),
                                           .leading = sw_json_bool(root, "leading")};
        cJSON_ArrayForEach(item, list)
        {
            read_member(item, &ret_members->rows[ret_members->count++]);
        }
    }
    cJSON_Delete(root);
    return good;
}

const struct sw_member_row *sw_members_find(const struct sw_members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->rows[i].id == id) {
            return &members->rows[i];
        }
    }
    return NULL;
}
