/* The flags of what administrators do: swarm, member, identity, tenant, quota, retention, audit,
 * chaos. */
#include "tools/flags.h"

const struct sw_cli_flag sw_chaos_flags[] = {
    {"plan", "FILE", "what to do; swarmctl-chaos(1)"},
    {"history", "FILE", "write what the recorded clients saw, for swarm-check"},
    {"yes-this-is-staging", NULL, "nobody depends on this swarm"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_swarm_create_flags[] = {
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

const struct sw_cli_flag sw_member_wait_flags[] = {WAIT_FLAG, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_member_add_flags[] = {NODE_FLAGS, WAIT_FLAG, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_member_prepare_flags[] = {
    {"address", "HOST:CLIENT:PEER:HTTP", "where it will listen: host, and three ports"},
    {"out", "DIR", "make DIR/node-ID with key and settings"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_member_replace_flags[] = {
    NODE_FLAGS,
    {"wait", "TIME", "how long the new node may take to catch up (default 10m)"},
    {NULL, NULL, NULL}};

#define RIGHTS_FLAG                                                                        \
    {                                                                                      \
        "rights", "LIST", "like \"rw TENANT,r TENANT PREFIX\": of r, w, a; TENANT * = all" \
    }

const struct sw_cli_flag sw_identity_flags[] = {
    {"key", "KEY", "the client's public key, 64 hex digits or base64"},
    RIGHTS_FLAG,
    {"note", "TEXT", "for people"},
    {"replace", NULL, "in the place of one of that name"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_identity_list_flags[] = {
    {"tokens", NULL, "tokens that nobody has redeemed"}, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_identity_revoke_flags[] = {{"token", NULL, "a token of that name"},
                                                       {NULL, NULL, NULL}};
const struct sw_cli_flag sw_identity_token_flags[] = {
    RIGHTS_FLAG, {"ttl", "TIME", "how long it is good (default 24h)"}, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_tenant_flags[] = {{"note", "TEXT", "for people"}, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_tenant_delete_flags[] = {
    {"keep-data", NULL, "even if it has keys, which stay"}, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_quota_flags[] = {
    {"keys", "N", "keys; 0 = no limit, as for the next three"},
    {"bytes", "N", "bytes of keys, values and experiences"},
    {"ops", "N", "operations a second"},
    {"in-flight", "N", "operations that are not answered yet"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_retention_flags[] = {
    {"keep-last", "N", "the last changes of each key; 0 = no limit, as for the next two"},
    {"max-age", "TIME", "how old a change may be"},
    {"max-bytes", "N", "bytes of all its changes"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_audit_list_flags[] = {
    {"limit", "N", "at most so many records (default 20; 0: all)"},
    {"oldest", NULL, "oldest first (default: newest first)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_audit_verify_flags[] = {
    {"head", "NUMBER:HASH", "what an earlier verify printed must still be so"}, {NULL, NULL, NULL}};
