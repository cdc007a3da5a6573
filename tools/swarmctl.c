/* swarmctl: the table of commands, and the way into them. */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"

enum { ANY = SW_CLI_ARGS_MAX };

const char sw_cli_program[] = "swarmctl";

#define SCOPE_FLAGS                                                            \
    {"tenant", "NAME", "tenant (default: default)"},                           \
        {"namespace", "NAME", "namespace (default: default)"},                 \
    {                                                                          \
        "partition", "NAME", "partition, the unit of order (default: default)" \
    }

static const struct sw_cli_flag get_flags[] = {
    SCOPE_FLAGS,
    {"encoding", "NAME", "of key and value: auto, utf8, hex, base64 (default auto)"},
    {NULL, NULL, NULL}};
static const struct sw_cli_flag scope_flags[] = {SCOPE_FLAGS, {NULL, NULL, NULL}};
static const struct sw_cli_flag put_flags[] = {
    SCOPE_FLAGS, {"previous", NULL, "print the record as it was before"}, {NULL, NULL, NULL}};
static const struct sw_cli_flag cas_flags[] = {
    SCOPE_FLAGS,
    {"previous", NULL, "print the record as it was before"},
    {"expected", "REVISION", "mod revision the key must have; 0 = it must not exist"},
    {NULL, NULL, NULL}};
static const struct sw_cli_flag scan_flags[] = {
    SCOPE_FLAGS,
    {"prefix", "TEXT", "only keys that begin so"},
    {"from", "KEY", "first key, included (with --reverse: the highest)"},
    {"to", "KEY", "end, excluded"},
    {"limit", "N", "at most so many records (default, and 0: all)"},
    {"keys-only", NULL, "leave values out"},
    {"reverse", NULL, "from high to low"},
    {"encoding", "NAME", "of keys and values: auto, utf8, hex, base64 (default auto)"},
    {NULL, NULL, NULL}};
static const struct sw_cli_flag list_flags[] = {
    SCOPE_FLAGS,
    {"after", "REVISION", "only experiences above this revision"},
    {"limit", "N", "at most so many (default, and 0: all)"},
    {"reverse", NULL, "newest first"},
    {"encoding", "NAME", "of values: auto, utf8, hex, base64 (default auto)"},
    {NULL, NULL, NULL}};
static const struct sw_cli_flag create_flags[] = {
    {"nodes", "N", "how many nodes on one host (default 3)"},
    {"host", "HOST", "address of that host (default 127.0.0.1)"},
    {"base-port", "PORT", "first port; each node takes three of the next ten (default 6700)"},
    {"node", "ID=HOST:CLIENT:PEER:HTTP", "one node with its three ports; repeat for each"},
    {NULL, NULL, NULL}};

#define WAIT_FLAG                                                                     \
    {                                                                                 \
        "wait", "TIME", "how long to ask again while it cannot be done (default 60s)" \
    }
#define NODE_FLAGS                                                                       \
    {"address", "HOST:CLIENT:PEER:HTTP", "where it will listen: host, and three ports"}, \
        {"key", "KEY", "its public key, 64 hex digits, if it is prepared already"},      \
    {                                                                                    \
        "out", "DIR", "make DIR/node-ID with key and settings (else give --key)"         \
    }

static const struct sw_cli_flag wait_flags[] = {WAIT_FLAG, {NULL, NULL, NULL}};
static const struct sw_cli_flag add_flags[] = {NODE_FLAGS, WAIT_FLAG, {NULL, NULL, NULL}};
static const struct sw_cli_flag prepare_flags[] = {
    {"address", "HOST:CLIENT:PEER:HTTP", "where it will listen: host, and three ports"},
    {"out", "DIR", "make DIR/node-ID with key and settings"},
    {NULL, NULL, NULL}};
static const struct sw_cli_flag replace_flags[] = {
    NODE_FLAGS,
    {"wait", "TIME", "how long the new node may take to catch up (default 10m)"},
    {NULL, NULL, NULL}};

const struct sw_command sw_commands[] = {
    {"swarm",
     "create",
     "DIR",
     "make keys and configuration files of a new swarm",
     1,
     1,
     sw_cmd_swarm_create,
     create_flags,
     SW_FORMAT_TABLE},
    {"kv",
     "get",
     "KEY",
     "print the value of a key",
     1,
     1,
     sw_cmd_kv_get,
     get_flags,
     SW_FORMAT_PLAIN},
    {"kv",
     "put",
     "KEY [VALUE|-]",
     "write a key; the value may come from stdin",
     1,
     2,
     sw_cmd_kv_put,
     put_flags,
     SW_FORMAT_TABLE},
    {"kv", "del", "KEY", "delete a key", 1, 1, sw_cmd_kv_del, put_flags, SW_FORMAT_TABLE},
    {"kv",
     "cas",
     "KEY [VALUE|-] --expected REVISION",
     "write a key if nobody else did",
     1,
     2,
     sw_cmd_kv_cas,
     cas_flags,
     SW_FORMAT_TABLE},
    {"kv",
     "scan",
     "",
     "list keys of a partition in order",
     0,
     0,
     sw_cmd_kv_scan,
     scan_flags,
     SW_FORMAT_TABLE},
    {"kv",
     "mget",
     "KEY...",
     "print several keys as of one revision",
     1,
     ANY,
     sw_cmd_kv_mget,
     get_flags,
     SW_FORMAT_TABLE},
    {"kv",
     "merge",
     "KEY OPERATOR [OPERAND|-]",
     "change a value by what it is: append, set-union, add, max, min",
     2,
     3,
     sw_cmd_kv_merge,
     get_flags,
     SW_FORMAT_PLAIN},
    {"txn",
     NULL,
     "[FILE|-]",
     "compare, then do all or nothing; see swarmctl(1) for the text",
     0,
     1,
     sw_cmd_txn,
     get_flags,
     SW_FORMAT_TABLE},
    {"experience",
     "append",
     "[VALUE|-]",
     "append an experience to a partition",
     0,
     1,
     sw_cmd_experience_append,
     scope_flags,
     SW_FORMAT_TABLE},
    {"experience",
     "list",
     "",
     "list experiences of a partition by revision",
     0,
     0,
     sw_cmd_experience_list,
     list_flags,
     SW_FORMAT_TABLE},
    {"node",
     "list",
     "",
     "the configured nodes, and which of them answer",
     0,
     0,
     sw_cmd_node_list,
     NULL,
     SW_FORMAT_TABLE},
    {"node",
     "status",
     "[ID]",
     "what each node says about itself",
     0,
     1,
     sw_cmd_node_status,
     NULL,
     SW_FORMAT_TABLE},
    {"node",
     "transfer",
     "[ID]",
     "hand leadership to a node, or to any",
     0,
     1,
     sw_cmd_node_transfer,
     NULL,
     SW_FORMAT_TABLE},
    {"member",
     "list",
     "",
     "who belongs to the swarm, and how far behind each is",
     0,
     0,
     sw_cmd_member_list,
     NULL,
     SW_FORMAT_TABLE},
    {"member",
     "prepare",
     "ID --address HOST:CLIENT:PEER:HTTP --out DIR",
     "make key and settings of a new node, which is added later",
     1,
     1,
     sw_cmd_member_prepare,
     prepare_flags,
     SW_FORMAT_TABLE},
    {"member",
     "add",
     "ID --address HOST:CLIENT:PEER:HTTP (--key KEY | --out DIR)",
     "add a node, as a learner that has no vote",
     1,
     1,
     sw_cmd_member_add,
     add_flags,
     SW_FORMAT_TABLE},
    {"member",
     "promote",
     "ID",
     "make a learner a voter, once it has caught up",
     1,
     1,
     sw_cmd_member_promote,
     wait_flags,
     SW_FORMAT_TABLE},
    {"member",
     "demote",
     "ID",
     "make a voter a learner",
     1,
     1,
     sw_cmd_member_demote,
     wait_flags,
     SW_FORMAT_TABLE},
    {"member",
     "remove",
     "ID",
     "take a node out of the swarm, for good",
     1,
     1,
     sw_cmd_member_remove,
     wait_flags,
     SW_FORMAT_TABLE},
    {"member",
     "replace",
     "OLD NEW --address HOST:CLIENT:PEER:HTTP (--key KEY | --out DIR)",
     "add NEW, wait for it, remove OLD, promote NEW",
     2,
     2,
     sw_cmd_member_replace,
     replace_flags,
     SW_FORMAT_TABLE},
    {"member",
     "config",
     "",
     "print settings for clients that name the members of now",
     0,
     0,
     sw_cmd_member_config,
     NULL,
     SW_FORMAT_PLAIN},
    {"snapshot",
     "take",
     "[ID]",
     "let a node (default: the leader) take a snapshot now",
     0,
     1,
     sw_cmd_snapshot_take,
     NULL,
     SW_FORMAT_TABLE},
    {"health",
     NULL,
     "",
     "ask all nodes; compare their states",
     0,
     0,
     sw_cmd_health,
     NULL,
     SW_FORMAT_TABLE},
    {"limits",
     NULL,
     "",
     "sizes and counts that are enforced",
     0,
     0,
     sw_cmd_limits,
     NULL,
     SW_FORMAT_TABLE},
    {"explain",
     NULL,
     "[CODE]",
     "what an error code means, and what to do",
     0,
     1,
     sw_cmd_explain,
     NULL,
     SW_FORMAT_TABLE},
    {"completion",
     NULL,
     "bash",
     "print a completion script for the shell",
     1,
     1,
     sw_cmd_completion,
     NULL,
     SW_FORMAT_PLAIN},
    {"version", NULL, "", "print the version", 0, 0, sw_cmd_version, NULL, SW_FORMAT_PLAIN},
    {"help", NULL, "[COMMAND]", "list the commands", 0, ANY, sw_cmd_help, NULL, SW_FORMAT_PLAIN},
    {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, SW_FORMAT_TABLE},
};

int sw_cmd_help(struct sw_cli *cli)
{
    (void)printf("usage: swarmctl COMMAND [argument...] [--flag value...]\n\n");
    if (cli == NULL || cli->arg_count == 0 || sw_cli_print_commands(stdout, cli->args[0]) == 0) {
        (void)sw_cli_print_commands(stdout, NULL);
    }
    (void)printf("\nflags of every command:\n");
    sw_cli_print_flags(stdout, sw_global_flags);
    (void)printf("\nexit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 conflict, 5 unavailable,\n"
                 "6 deadline, 7 permission, 8 quota or size, 9 unsafe, 10 corrupt\n");
    return 0;
}

int main(int argc, char **argv)
{
    return sw_cli_main(argc, argv);
}
