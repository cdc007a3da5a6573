/* The flags of swarmctl memory and link. */
#include "tools/flags.h"

#define REMEMBER_FLAGS                                                                   \
    SCOPE_FLAGS, {"agent", "NAME", "who learned it"}, {"task", "NAME", "at which task"}, \
        {"vector", "NUMBERS", "0.1,0.2,... or @FILE"},                                   \
        {"failure", NULL, "the task failed (default: it was a success)"},                \
        {"utility",                                                                      \
         "N",                                                                            \
         "of what use it is, 1 to 1000 (default 700 of a success, 200 of a failure)"},   \
        {"importance", "N", "1 to 1000 (default 500; 700 of what has sources)"},         \
        {"tags", "LIST", "words to recall it by, joined by commas"},                     \
        {"meta", "TEXT", "one line, kept beside it"},                                    \
        {"sources", "KEYS", "what it is derived from, joined by commas"},                \
        {"if-novel", "DISTANCE", "only if nothing is that near"},                        \
    {                                                                                    \
        "lease", "LEASE", "the memory ends with it"                                      \
    }

const struct sw_cli_flag sw_remember_flags[] = {REMEMBER_FLAGS, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_consolidate_flags[] = {
    REMEMBER_FLAGS,
    {"archive-sources", NULL, "memories among the sources are found by no search any more"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_recall_flags[] = {
    SCOPE_FLAGS,
    {"vector", "NUMBERS", "0.1,0.2,... or @FILE"},
    {"k", "N", "how many (default 10)"},
    {"agent", "NAME", "only what this agent learned"},
    {"task", "NAME", "only at this task"},
    {"tag", "WORD", "only with this tag"},
    {"min-utility", "N", "only of at least this use"},
    {"min-importance", "N", "only if so much of its importance is left"},
    {"successes", NULL, "only of successes"},
    {"half-life", "TIME", "how soon age counts half (default 168h)"},
    {"partitions", "LIST", "ask these at the same time, joined by commas"},
    {"all-partitions", NULL, "ask all of the namespace that have such an index"},
    {"follow", "TYPE", "also what links of this type lead to"},
    {"depth", "N", "so deep (default 1, at most 8)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_memory_list_flags[] = {SCOPE_FLAGS,
                                                   {"agent", "NAME", "only of this agent"},
                                                   {"after", "KEY", "behind this one"},
                                                   {"limit", "N", "at most so many (default 1000)"},
                                                   {NULL, NULL, NULL}};
const struct sw_cli_flag sw_explain_flags[] = {
    SCOPE_FLAGS, {"limit", "N", "at most so many (default 1000)"}, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_forget_flags[] = {
    SCOPE_FLAGS, {"cascade", NULL, "with all that derives from it"}, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_memory_settings_flags[] = {
    SCOPE_FLAGS,
    {"max-count", "N", "memories of an agent (default 1000)"},
    {"max-bytes", "N", "bytes of their keys and values (default 67108864)"},
    {"floor", "N", "let go what has less importance left (default 0: nothing)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_link_put_flags[] = {
    SCOPE_FLAGS,
    {"score", "N", "of what weight it is, 0 to 1000 (default 1000)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_link_list_flags[] = {SCOPE_FLAGS,
                                                 {"type", "TYPE", "only of this type"},
                                                 {"backward", NULL, "those that end at the key"},
                                                 {"limit", "N", "at most so many (default 1000)"},
                                                 {NULL, NULL, NULL}};
const struct sw_cli_flag sw_link_follow_flags[] = {
    SCOPE_FLAGS,
    {"backward", NULL, "to where links begin"},
    {"depth", "N", "so deep (default 8, which is the most)"},
    {"limit", "N", "at most so many (default 1000)"},
    {NULL, NULL, NULL}};
