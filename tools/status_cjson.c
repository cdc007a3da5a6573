/* Reads a node's STATUS with cJSON. */
#include <cjson/cJSON.h>

#include "tools/json_cjson.h"
#include "tools/parse.h"
#include "tools/status.h"

bool sw_status_parse(const char *json, struct sw_status *ret_status)
{
    cJSON *root = cJSON_Parse(json);
    const bool object = cJSON_IsObject(root) != 0;

    if (object) {
        *ret_status = (struct sw_status){.leader = sw_json_number(root, "leader"),
                                         .term = sw_json_number(root, "term"),
                                         .revision = sw_json_number(root, "revision"),
                                         .applied_index = sw_json_number(root, "applied_index"),
                                         .commit_index = sw_json_number(root, "commit_index"),
                                         .digest_index = sw_json_number(root, "digest_index"),
                                         .uptime_ms = sw_json_number(root, "uptime_ms"),
                                         .ready = sw_json_bool(root, "ready"),
                                         .disk_full = sw_json_bool(root, "disk_full")};
        sw_json_text(root, "role", ret_status->role, sizeof ret_status->role);
        sw_json_text(root, "digest", ret_status->digest, sizeof ret_status->digest);
        sw_json_text(root, "version", ret_status->version, sizeof ret_status->version);
    }
    cJSON_Delete(root);
    return object;
}
