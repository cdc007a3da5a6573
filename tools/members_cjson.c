/* Reads a list of members with cJSON. */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "base/text.h"
#include "tools/members.h"

static void read_text(const cJSON *item, const char *name, char *out, size_t size)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, name));

    (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

/* 64-bit numbers come as strings. */
static uint64_t read_number(const cJSON *item, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, name));
    uint64_t value = 0;

    return text != NULL && sw_text_number(text, &value) ? value : 0;
}

static bool read_bool(const cJSON *item, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, name)) != 0;
}

static void read_member(const cJSON *item, struct sw_member_row *ret_row)
{
    *ret_row = (struct sw_member_row){.id = read_number(item, "id"),
                                      .leader = read_bool(item, "leader"),
                                      .up = read_bool(item, "up"),
                                      .lag = read_number(item, "lag")};
    read_text(item, "role", ret_row->role, sizeof ret_row->role);
    read_text(item, "peer", ret_row->peer, sizeof ret_row->peer);
    read_text(item, "client", ret_row->client, sizeof ret_row->client);
    read_text(item, "key", ret_row->key, sizeof ret_row->key);
}

bool sw_members_parse(const char *json, struct sw_members *ret_members)
{
    cJSON *root = cJSON_Parse(json);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "members");
    const bool good =
        cJSON_IsArray(list) != 0 && cJSON_GetArraySize(list) <= (int)SW_NODE_COUNT_MAX;
    const cJSON *item;

    if (good) {
        *ret_members = (struct sw_members){.next_id = read_number(root, "next_id"),
                                           .committed = read_bool(root, "committed"),
                                           .leading = read_bool(root, "leading")};
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
