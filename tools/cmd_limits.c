/* swarmctl limits: the bounds of base/limits.h that users meet. */
#include "tools/cli.h"

static const struct {
    const char *name;
    uint64_t value;
    const char *unit;
    const char *meaning;
} limits[] = {
    {"tenant_size_max", SW_TENANT_SIZE_MAX, "bytes", "printable ASCII without spaces"},
    {"namespace_size_max", SW_NAMESPACE_SIZE_MAX, "bytes", "printable ASCII without spaces"},
    {"partition_size_max", SW_PARTITION_SIZE_MAX, "bytes", "printable ASCII without spaces"},
    {"key_size_max", SW_KEY_SIZE_MAX, "bytes", "any bytes, at least one"},
    {"value_size_max", SW_VALUE_SIZE_MAX, "bytes", "of one key"},
    {"experience_size_max", SW_EXPERIENCE_SIZE_MAX, "bytes", "of one experience"},
    {"txn_compares_max", SW_TXN_COMPARE_COUNT_MAX, "compares", "of one transaction"},
    {"txn_operations_max", SW_TXN_OP_COUNT_MAX, "operations", "of each branch of a transaction"},
    {"txn_size_max", SW_VALUE_SIZE_MAX, "bytes", "of one transaction's compares and operations"},
    {"txn_result_size_max", SW_TXN_RESULT_SIZE_MAX, "bytes", "of the records of one answer"},
    {"txn_write_size_max", SW_TXN_WRITE_SIZE_MAX, "bytes", "of the values that one writes"},
    {"mget_count_max", SW_SCAN_COUNT_MAX, "keys", "of one multi-get"},
    {"watch_changes_max", SW_CHANGE_COUNT_MAX, "changes", "kept for watchers, of one shard"},
    {"watch_size_max", SW_CHANGE_SIZE_MAX, "bytes", "kept for watchers, of one shard"},
    {"leases_max", SW_LEASE_COUNT_MAX, "leases", "of one shard"},
    {"lease_keys_max", SW_LEASE_KEY_COUNT_MAX, "keys", "that one lease holds"},
    {"lease_ttl_min", SW_LEASE_TTL_MS_MIN, "ms", "time to live of a lease"},
    {"lease_ttl_max", SW_LEASE_TTL_MS_MAX, "ms", "time to live of a lease"},
    {"indexes_max", SW_VECTORS_COUNT_MAX, "indexes", "of one shard"},
    {"indexes_of_partition_max", SW_VECTORS_PARTITION_COUNT_MAX, "indexes", "of one partition"},
    {"index_dim_min", SW_SPACE_DIM_MIN, "numbers", "of a vector"},
    {"index_dim_max", SW_SPACE_DIM_MAX, "numbers", "of a vector"},
    {"search_count_max", SW_SEARCH_COUNT_MAX, "records", "of the answer to one search"},
    {"memory_tags_max", SWARM_MEMORY_TAGS_MAX, "tags", "of one memory"},
    {"depth_max", SW_DEPTH_MAX, "changes", "that cause each other: a request so deep is refused"},
    {"scan_count_max", SW_SCAN_COUNT_MAX, "records", "of one page; scans go on by themselves"},
    {"scan_size_max", SW_SCAN_SIZE_MAX, "bytes", "of one page; scans go on by themselves"},
    {"settings_max", SW_SETTING_COUNT_MAX, "settings", "of one kind: identities, quotas, tokens"},
    {"setting_size_max", SW_SETTING_SIZE_MAX, "bytes", "of the text of one setting"},
    {"identity_rights_max", SW_SETTING_RIGHT_COUNT_MAX, "rights", "of one identity or token"},
    {"audit_records_max", SW_AUDIT_COUNT_MAX, "records", "kept; the oldest go first"},
    {"nodes_max", SW_NODE_COUNT_MAX, "nodes", "of one swarm"},
    {"clients_max", SW_CLIENT_COUNT_MAX, "connections", "that one node holds open"},
    {"client_in_flight_max", SW_CLIENT_IN_FLIGHT_MAX, "requests", "unanswered, of one connection"},
    {"sessions_max", SW_SESSION_COUNT_MAX, "sessions", "the least recently active goes first"},
    {"session_ttl_min", SW_SESSION_TTL_MS_MIN, "ms", "life of an idle session"},
    {"session_ttl_max", SW_SESSION_TTL_MS_MAX, "ms", "life of an idle session"},
    {"session_ttl_default", SW_SESSION_TTL_MS_DEFAULT, "ms", "life of an idle session"},
};

int sw_cmd_limits(struct sw_cli *cli)
{
    static const struct sw_column columns[] = {{"name", SW_CELL_TEXT},
                                               {"value", SW_CELL_SMALL},
                                               {"unit", SW_CELL_TEXT},
                                               {"meaning", SW_CELL_TEXT}};
    struct sw_output out;

    sw_output_init(&out, "limits", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        sw_output_row(&out);
        sw_output_text(&out, 0, limits[i].name);
        sw_output_number(&out, 1, limits[i].value);
        sw_output_text(&out, 2, limits[i].unit);
        sw_output_text(&out, 3, limits[i].meaning);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}
