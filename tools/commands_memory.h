/* The rows of swarmctl memory and link in the table of commands, which has no room for them. */
#ifndef SW_TOOLS_COMMANDS_MEMORY_H
#define SW_TOOLS_COMMANDS_MEMORY_H

#include "tools/cli.h"
#include "tools/flags.h"

/* clang-format off */
#define SW_MEMORY_COMMANDS                                                                         \
    {"memory", "remember", "INDEX [TEXT|-]",                                                       \
     "keep what an agent learned, found by its vector",                                            \
     1, 2, sw_cmd_memory_remember, sw_remember_flags, SW_FORMAT_TABLE},                            \
    {"memory", "consolidate", "INDEX [TEXT|-]",                                                    \
     "keep what was made of other memories or keys: --sources",                                    \
     1, 2, sw_cmd_memory_remember, sw_consolidate_flags, SW_FORMAT_TABLE},                         \
    {"memory", "recall", "INDEX",                                                                  \
     "what was learned nearest to a vector, by use and age too",                                   \
     1, 1, sw_cmd_memory_recall, sw_recall_flags, SW_FORMAT_TABLE},                                \
    {"memory", "get", "KEY",                                                                       \
     "one memory, and what is left of its importance",                                             \
     1, 1, sw_cmd_memory_get, scope_flags, SW_FORMAT_TABLE},                                       \
    {"memory", "list", "",                                                                         \
     "memories in the order of their keys",                                                        \
     0, 0, sw_cmd_memory_list, sw_memory_list_flags, SW_FORMAT_TABLE},                             \
    {"memory", "used", "KEY",                                                                      \
     "it was of use: a fifth more important, and fading from now on",                              \
     1, 1, sw_cmd_memory_used, scope_flags, SW_FORMAT_TABLE},                                      \
    {"memory", "feedback", "KEY success|failure",                                                  \
     "its utility goes up by 200, or down by 300",                                                 \
     2, 2, sw_cmd_memory_feedback, scope_flags, SW_FORMAT_TABLE},                                  \
    {"memory", "archive", "KEY",                                                                   \
     "keep it, and let no search find it",                                                         \
     1, 1, sw_cmd_memory_archive, scope_flags, SW_FORMAT_TABLE},                                   \
    {"memory", "explain", "KEY",                                                                   \
     "where a key comes from and what was made of it",                                             \
     1, 1, sw_cmd_memory_explain, sw_explain_flags, SW_FORMAT_TABLE},                              \
    {"memory", "forget", "KEY",                                                                    \
     "delete a memory, or all that derives from it, too",                                          \
     1, 1, sw_cmd_memory_forget, sw_forget_flags, SW_FORMAT_TABLE},                                \
    {"memory", "agents", "",                                                                       \
     "agents that remember, and how much",                                                         \
     0, 0, sw_cmd_memory_agents, scope_flags, SW_FORMAT_TABLE},                                    \
    {"memory", "settings", "",                                                                     \
     "the rings of a partition: show, or set",                                                     \
     0, 0, sw_cmd_memory_settings, sw_memory_settings_flags, SW_FORMAT_TABLE},                     \
    {"memory", "tend", "",                                                                         \
     "let go what faded, is too much, or links to nothing",                                        \
     0, 0, sw_cmd_memory_tend, scope_flags, SW_FORMAT_TABLE},                                      \
    {"link", "put", "FROM TYPE TO",                                                                \
     "link one key to another, found from both",                                                   \
     3, 3, sw_cmd_link_put, sw_link_put_flags, SW_FORMAT_TABLE},                                   \
    {"link", "delete", "FROM TYPE TO",                                                             \
     "delete a link",                                                                              \
     3, 3, sw_cmd_link_delete, scope_flags, SW_FORMAT_TABLE},                                      \
    {"link", "list", "KEY",                                                                        \
     "the links of a key",                                                                         \
     1, 1, sw_cmd_link_list, sw_link_list_flags, SW_FORMAT_TABLE},                                 \
    {"link", "follow", "KEY TYPE",                                                                 \
     "what links of a type lead to, several deep",                                                 \
     2, 2, sw_cmd_link_follow, sw_link_follow_flags, SW_FORMAT_TABLE}
/* clang-format on */

#endif
