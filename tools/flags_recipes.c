/* The flags of swarmctl queue, election and lock. */
#include "tools/flags.h"

#define ENCODING_FLAG                                                                      \
    {                                                                                      \
        "encoding", "NAME", "of owners and values: auto, utf8, hex, base64 (default auto)" \
    }
#define TOKEN_FLAG                                    \
    {                                                 \
        "token", "TOKEN", "whose it is; take told it" \
    }

const struct sw_cli_flag sw_lock_flags[] = {
    SCOPE_FLAGS,
    {"ttl", "TIME", "how long the lock outlives this program (default 10s)"},
    {"wait", "TIME", "how long to wait for it (default: the command timeout)"},
    {"owner", "TEXT", "what others are told (default: swarmctl)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_queue_put_flags[] = {
    SCOPE_FLAGS,
    {"priority", "N", "0 is the first, 255 the last (default 128)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_queue_take_flags[] = {
    SCOPE_FLAGS,
    {"ttl", "TIME", "when it comes back unless it is done (default 60s)"},
    {"wait", "TIME", "how long to wait for an item (default: not at all)"},
    {"owner", "TEXT", "what others are told (default: swarmctl)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_queue_item_flags[] = {SCOPE_FLAGS, TOKEN_FLAG, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_queue_list_flags[] = {
    SCOPE_FLAGS,
    {"limit", "N", "at most so many (default, and 0: all)"},
    ENCODING_FLAG,
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_campaign_flags[] = {
    SCOPE_FLAGS,
    {"value", "TEXT", "what others are told (default: swarmctl)"},
    {"ttl", "TIME", "how long the office outlives this program (default 10s)"},
    {"wait", "TIME", "how long to wait for it (default: the command timeout)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_observe_flags[] = {
    SCOPE_FLAGS,
    {"limit", "N", "end after so many lines (default, and 0: never)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_resign_flags[] = {
    SCOPE_FLAGS, {"token", "TOKEN", "only if this is the token of who leads"}, {NULL, NULL, NULL}};
