/* The command line of swarmctl: words into arguments and flags, one way to fail, one client.
 *
 * Flags may stand anywhere, as `--name value` or `--name=value`; `--` ends them, and a dash with a
 * digit is a number. Unknown flags are errors. Precedence: flags, then environment
 * (SWARMCTL_CONFIG, SWARMCTL_ENDPOINTS, SWARMCTL_COMMAND_TIMEOUT, SWARMCTL_OUTPUT), then defaults.
 * Data goes to stdout, one line of diagnostics to stderr; the exit code is that of the error table.
 */
#ifndef SW_TOOLS_CLI_H
#define SW_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "client/include/swarm.h"
#include "tools/output.h"
#include "tools/parse.h"

enum { SW_CLI_ARGS_MAX = 64, SW_CLI_FLAGS_MAX = 32 };

struct sw_cli_flag {
    const char *name;  /* "limit", without dashes */
    const char *value; /* name of its value in the help; NULL: it takes none */
    const char *help;
};

struct sw_cli {
    const char *args[SW_CLI_ARGS_MAX]; /* after the command's words; borrowed from argv */
    size_t arg_count;
    size_t args_before; /* how many stood before a `--`; SIZE_MAX = there was none */
    struct {
        const char *name;
        const char *value; /* "" for flags that take none */
    } flags[SW_CLI_FLAGS_MAX];
    size_t flag_count;
    enum sw_format format;
    uint64_t timeout_ms;
    struct swarm_client *client; /* owned; opened by sw_cli_open */
};

typedef int (*sw_cli_run_fn)(struct sw_cli *cli); /* returns the exit code */

struct sw_command {
    const char *noun;
    const char *verb;  /* NULL: the noun is the whole command */
    const char *usage; /* what follows the words */
    const char *help;  /* one line */
    size_t args_min, args_max;
    sw_cli_run_fn run;
    const struct sw_cli_flag *flags; /* its own; ends with a NULL name; may be NULL */
    enum sw_format format;           /* when -o is not given */
};

extern const char sw_cli_program[]; /* what lines of diagnostics begin with */
/* All commands, in the order of the help; ends with a NULL noun. */
extern const struct sw_command sw_commands[];
extern const struct sw_cli_flag sw_global_flags[];

/* The command that the first words name; NULL. `ret_words` = how many words. */
const struct sw_command *sw_cli_find(int argc, char **argv, size_t *ret_words);
/* Reads the words behind the command. On failure the line has been printed. */
enum sw_err
sw_cli_parse(struct sw_cli *cli, const struct sw_command *command, char **words, size_t count);
/* NULL if the flag was not given. The last one counts. */
const char *sw_cli_flag(const struct sw_cli *cli, const char *name);
bool sw_cli_has(const struct sw_cli *cli, const char *name);

/* Prints "swarmctl: PA-6001 NOT_LEADER: detail (hint)" and returns the exit code of `err`. A detail
 * of NULL or "" gives way to the text of the table. */
int sw_cli_fail(enum sw_err err, const char *detail);
int sw_cli_fail_format(enum sw_err err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int sw_cli_fail_result(const struct swarm_result *result);
/* The same for a write: the line also says what became of it. */
int sw_cli_fail_write(const struct swarm_result *result);

/* The options that flags and environment describe; the line is printed if a flag is wrong. */
enum sw_err sw_cli_options(const struct sw_cli *cli, struct swarm_options *ret_options);
/* Opens the client that the flags describe. On failure the line has been printed. */
enum sw_err sw_cli_open(struct sw_cli *cli);
/* The scope of --tenant, --namespace, --partition. */
struct swarm_scope sw_cli_scope(const struct sw_cli *cli);
/* Numbers of flags: false, and the line printed, if it is none. `standard` if it was not given. */
bool sw_cli_number(const struct sw_cli *cli, const char *name, uint64_t standard, uint64_t *ret);

/* The same for times, in ms. */
bool sw_cli_time(const struct sw_cli *cli, const char *name, uint64_t standard, uint64_t *ret_ms);

/* The whole program: returns the exit code. */
int sw_cli_main(int argc, char **argv);
void sw_cli_print_flags(FILE *file, const struct sw_cli_flag *flags);
/* The commands that begin with `noun`, or all (NULL); returns how many there are. */
size_t sw_cli_print_commands(FILE *file, const char *noun);

int sw_cmd_swarm_create(struct sw_cli *cli);
int sw_cmd_key_create(struct sw_cli *cli);
int sw_cmd_kv_get(struct sw_cli *cli);
int sw_cmd_kv_put(struct sw_cli *cli);
int sw_cmd_kv_del(struct sw_cli *cli);
int sw_cmd_kv_cas(struct sw_cli *cli);
int sw_cmd_kv_scan(struct sw_cli *cli);
int sw_cmd_kv_merge(struct sw_cli *cli);
int sw_cmd_kv_mget(struct sw_cli *cli);
int sw_cmd_txn(struct sw_cli *cli);
int sw_cmd_lease_grant(struct sw_cli *cli);
int sw_cmd_lease_keepalive(struct sw_cli *cli);
int sw_cmd_lease_revoke(struct sw_cli *cli);
int sw_cmd_lease_list(struct sw_cli *cli);
int sw_cmd_identity_create(struct sw_cli *cli);
int sw_cmd_identity_list(struct sw_cli *cli);
int sw_cmd_identity_show(struct sw_cli *cli);
int sw_cmd_identity_revoke(struct sw_cli *cli);
int sw_cmd_identity_token(struct sw_cli *cli);
int sw_cmd_identity_redeem(struct sw_cli *cli);
int sw_cmd_tenant_create(struct sw_cli *cli);
int sw_cmd_tenant_list(struct sw_cli *cli);
int sw_cmd_tenant_delete(struct sw_cli *cli);
int sw_cmd_quota_set(struct sw_cli *cli);
int sw_cmd_quota_show(struct sw_cli *cli);
int sw_cmd_quota_list(struct sw_cli *cli);
int sw_cmd_quota_delete(struct sw_cli *cli);
int sw_cmd_retention_set(struct sw_cli *cli);
int sw_cmd_retention_list(struct sw_cli *cli);
int sw_cmd_retention_delete(struct sw_cli *cli);
int sw_cmd_audit_list(struct sw_cli *cli);
int sw_cmd_audit_verify(struct sw_cli *cli);
int sw_cmd_audit_export(struct sw_cli *cli);
int sw_cmd_session_list(struct sw_cli *cli);
int sw_cmd_session_show(struct sw_cli *cli);
int sw_cmd_session_outcome(struct sw_cli *cli);
int sw_cmd_session_close(struct sw_cli *cli);
int sw_cmd_index_create(struct sw_cli *cli);
int sw_cmd_index_drop(struct sw_cli *cli);
int sw_cmd_index_list(struct sw_cli *cli);
int sw_cmd_index_put(struct sw_cli *cli);
int sw_cmd_index_search(struct sw_cli *cli);
int sw_cmd_index_watch(struct sw_cli *cli);
int sw_cmd_index_status(struct sw_cli *cli);
int sw_cmd_index_verify(struct sw_cli *cli);
int sw_cmd_index_recall(struct sw_cli *cli);
int sw_cmd_index_tune(struct sw_cli *cli);
int sw_cmd_index_lower(struct sw_cli *cli);
int sw_cmd_index_plot(struct sw_cli *cli);
int sw_cmd_memory_remember(struct sw_cli *cli);
int sw_cmd_memory_recall(struct sw_cli *cli);
int sw_cmd_memory_get(struct sw_cli *cli);
int sw_cmd_memory_list(struct sw_cli *cli);
int sw_cmd_memory_used(struct sw_cli *cli);
int sw_cmd_memory_feedback(struct sw_cli *cli);
int sw_cmd_memory_archive(struct sw_cli *cli);
int sw_cmd_memory_explain(struct sw_cli *cli);
int sw_cmd_memory_forget(struct sw_cli *cli);
int sw_cmd_memory_agents(struct sw_cli *cli);
int sw_cmd_memory_settings(struct sw_cli *cli);
int sw_cmd_memory_tend(struct sw_cli *cli);
int sw_cmd_link_put(struct sw_cli *cli);
int sw_cmd_link_delete(struct sw_cli *cli);
int sw_cmd_link_list(struct sw_cli *cli);
int sw_cmd_link_follow(struct sw_cli *cli);
int sw_cmd_context_create(struct sw_cli *cli);
int sw_cmd_context_append(struct sw_cli *cli);
int sw_cmd_context_read(struct sw_cli *cli);
int sw_cmd_context_locate(struct sw_cli *cli);
int sw_cmd_context_window(struct sw_cli *cli);
int sw_cmd_context_list(struct sw_cli *cli);
int sw_cmd_context_delete(struct sw_cli *cli);
int sw_cmd_context_prune(struct sw_cli *cli);
int sw_cmd_context_restore(struct sw_cli *cli);
int sw_cmd_context_gone(struct sw_cli *cli);
int sw_cmd_context_touch(struct sw_cli *cli);
int sw_cmd_context_policy(struct sw_cli *cli);
int sw_cmd_context_set_policy(struct sw_cli *cli);
int sw_cmd_lock(struct sw_cli *cli);
int sw_cmd_queue_put(struct sw_cli *cli);
int sw_cmd_queue_take(struct sw_cli *cli);
int sw_cmd_queue_done(struct sw_cli *cli);
int sw_cmd_queue_release(struct sw_cli *cli);
int sw_cmd_queue_list(struct sw_cli *cli);
int sw_cmd_election_campaign(struct sw_cli *cli);
int sw_cmd_election_leader(struct sw_cli *cli);
int sw_cmd_election_observe(struct sw_cli *cli);
int sw_cmd_election_resign(struct sw_cli *cli);
int sw_cmd_watch(struct sw_cli *cli);
int sw_cmd_history_list(struct sw_cli *cli);
int sw_cmd_history_diff(struct sw_cli *cli);
int sw_cmd_history_export(struct sw_cli *cli);
int sw_cmd_history_compact(struct sw_cli *cli);
int sw_cmd_experience_append(struct sw_cli *cli);
int sw_cmd_experience_list(struct sw_cli *cli);
int sw_cmd_node_list(struct sw_cli *cli);
int sw_cmd_node_status(struct sw_cli *cli);
int sw_cmd_node_transfer(struct sw_cli *cli);
int sw_cmd_node_restart(struct sw_cli *cli);
int sw_cmd_chaos_run(struct sw_cli *cli);
int sw_cmd_member_list(struct sw_cli *cli);
int sw_cmd_member_prepare(struct sw_cli *cli);
int sw_cmd_member_add(struct sw_cli *cli);
int sw_cmd_member_promote(struct sw_cli *cli);
int sw_cmd_member_demote(struct sw_cli *cli);
int sw_cmd_member_remove(struct sw_cli *cli);
int sw_cmd_member_replace(struct sw_cli *cli);
int sw_cmd_member_config(struct sw_cli *cli);
int sw_cmd_snapshot_take(struct sw_cli *cli);
int sw_cmd_complete(struct sw_cli *cli);
int sw_cmd_doctor(struct sw_cli *cli);
int sw_cmd_manual(struct sw_cli *cli);
int sw_cmd_shell(struct sw_cli *cli);
int sw_cmd_top(struct sw_cli *cli);
int sw_cmd_health(struct sw_cli *cli);
int sw_cmd_limits(struct sw_cli *cli);
int sw_cmd_explain(struct sw_cli *cli);
int sw_cmd_completion(struct sw_cli *cli);
int sw_cmd_version(struct sw_cli *cli);
int sw_cmd_help(struct sw_cli *cli);

#endif
