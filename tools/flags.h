/* Flags of commands: what several have, and the tables that stand in files of their own. */
#ifndef SW_TOOLS_FLAGS_H
#define SW_TOOLS_FLAGS_H

#include "tools/cli.h"

#define SCOPE_FLAGS                                                            \
    {"tenant", "NAME", "tenant (default: default)"},                           \
        {"namespace", "NAME", "namespace (default: default)"},                 \
    {                                                                          \
        "partition", "NAME", "partition, the unit of order (default: default)" \
    }

/* flags_admin.c */
extern const struct sw_cli_flag sw_chaos_flags[];
extern const struct sw_cli_flag sw_swarm_create_flags[];
extern const struct sw_cli_flag sw_member_wait_flags[];
extern const struct sw_cli_flag sw_member_add_flags[];
extern const struct sw_cli_flag sw_member_prepare_flags[];
extern const struct sw_cli_flag sw_member_replace_flags[];
extern const struct sw_cli_flag sw_identity_flags[];
extern const struct sw_cli_flag sw_identity_list_flags[];
extern const struct sw_cli_flag sw_identity_revoke_flags[];
extern const struct sw_cli_flag sw_identity_token_flags[];
extern const struct sw_cli_flag sw_tenant_flags[];
extern const struct sw_cli_flag sw_tenant_delete_flags[];
extern const struct sw_cli_flag sw_quota_flags[];
extern const struct sw_cli_flag sw_retention_flags[];
extern const struct sw_cli_flag sw_audit_list_flags[];
extern const struct sw_cli_flag sw_audit_verify_flags[];

/* flags_recipes.c */
extern const struct sw_cli_flag sw_lock_flags[];
extern const struct sw_cli_flag sw_queue_put_flags[];
extern const struct sw_cli_flag sw_queue_take_flags[];
extern const struct sw_cli_flag sw_queue_item_flags[];
extern const struct sw_cli_flag sw_queue_list_flags[];
extern const struct sw_cli_flag sw_campaign_flags[];
extern const struct sw_cli_flag sw_observe_flags[];
extern const struct sw_cli_flag sw_resign_flags[];

/* flags_memory.c */
extern const struct sw_cli_flag sw_remember_flags[];
extern const struct sw_cli_flag sw_consolidate_flags[];
extern const struct sw_cli_flag sw_recall_flags[];
extern const struct sw_cli_flag sw_memory_list_flags[];
extern const struct sw_cli_flag sw_explain_flags[];
extern const struct sw_cli_flag sw_forget_flags[];
extern const struct sw_cli_flag sw_memory_settings_flags[];
extern const struct sw_cli_flag sw_link_put_flags[];
extern const struct sw_cli_flag sw_link_list_flags[];
extern const struct sw_cli_flag sw_link_follow_flags[];

/* flags_context.c */
extern const struct sw_cli_flag sw_context_scope_flags[];
extern const struct sw_cli_flag sw_context_flags[];
extern const struct sw_cli_flag sw_block_flags[];
extern const struct sw_cli_flag sw_range_flags[];
extern const struct sw_cli_flag sw_window_flags[];
extern const struct sw_cli_flag sw_prune_flags[];
extern const struct sw_cli_flag sw_policy_flags[];
extern const struct sw_cli_flag sw_restore_flags[];

#endif
