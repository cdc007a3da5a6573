/* Reads a node's STATUS with cJSON. */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "base/text.h"
#include "tools/parse.h"
#include "tools/status.h"

static void read_text(const cJSON *root, const char *name, char *out, size_t size)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, name));

    (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

/* 64-bit numbers come as strings. */
static uint64_t read_number(const cJSON *root, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, name));
    uint64_t value = 0;

    return text != NULL && sw_text_number(text, &value) ? value : 0;
}

bool sw_status_parse(const char *json, struct sw_status *ret_status)
{
    cJSON *root = cJSON_Parse(json);
    const bool object = cJSON_IsObject(root) != 0;

    if (object) {
        *ret_status = (struct sw_status){
            .leader = read_number(root, "leader"),
            .term = read_number(root, "term"),
            .revision = read_number(root, "revision"),
            .applied_index = read_number(root, "applied_index"),
            .commit_index = read_number(root, "commit_index"),
            .digest_index = read_number(root, "digest_index"),
            .uptime_ms = read_number(root, "uptime_ms"),
            .ready = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "ready")) != 0,
            .disk_full = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "disk_full")) != 0};
        read_text(root, "role", ret_status->role, sizeof ret_status->role);
        read_text(root, "digest", ret_status->digest, sizeof ret_status->digest);
        read_text(root, "version", ret_status->version, sizeof ret_status->version);
    }
    cJSON_Delete(root);
    return object;
}
