/* The rows about contexts in the table of swarmctl's commands: one macro, because that table is one
 * list that the help prints in its order. */
#ifndef SW_TOOLS_COMMANDS_CONTEXT_H
#define SW_TOOLS_COMMANDS_CONTEXT_H

#include "tools/cli.h"
#include "tools/flags.h"

#define SW_CONTEXT_COMMANDS                                                          \
    {"context",                                                                      \
     "create",                                                                       \
     "ID",                                                                           \
     "a long text in blocks of tokens",                                              \
     1,                                                                              \
     1,                                                                              \
     sw_cmd_context_create,                                                          \
     sw_context_flags,                                                               \
     SW_FORMAT_TABLE},                                                               \
        {"context",                                                                  \
         "append",                                                                   \
         "ID [CONTENT|-]",                                                           \
         "append a block, or many blocks of tokens of one size",                     \
         1,                                                                          \
         2,                                                                          \
         sw_cmd_context_append,                                                      \
         sw_block_flags,                                                             \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "read",                                                                     \
         "ID",                                                                       \
         "the blocks that have tokens of a range",                                   \
         1,                                                                          \
         1,                                                                          \
         sw_cmd_context_read,                                                        \
         sw_range_flags,                                                             \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "locate",                                                                   \
         "ID TOKEN [TOKEN...]",                                                      \
         "the block that has a token",                                               \
         2,                                                                          \
         ANY,                                                                        \
         sw_cmd_context_locate,                                                      \
         sw_context_scope_flags,                                                     \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "window",                                                                   \
         "ID",                                                                       \
         "what searches find: set it, and move it to the present",                   \
         1,                                                                          \
         1,                                                                          \
         sw_cmd_context_window,                                                      \
         sw_window_flags,                                                            \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "prune",                                                                    \
         "ID",                                                                       \
         "delete blocks by their score, oldest first",                               \
         1,                                                                          \
         1,                                                                          \
         sw_cmd_context_prune,                                                       \
         sw_prune_flags,                                                             \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "restore",                                                                  \
         "ID",                                                                       \
         "bring back what prunings took",                                            \
         1,                                                                          \
         1,                                                                          \
         sw_cmd_context_restore,                                                     \
         sw_restore_flags,                                                           \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "gone",                                                                     \
         "ID",                                                                       \
         "what prunings took and can come back, and why it went",                    \
         1,                                                                          \
         1,                                                                          \
         sw_cmd_context_gone,                                                        \
         sw_context_scope_flags,                                                     \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "touch",                                                                    \
         "ID TOKEN [TOKEN...]",                                                      \
         "note that the blocks that begin with these tokens were used",              \
         2,                                                                          \
         ANY,                                                                        \
         sw_cmd_context_touch,                                                       \
         sw_context_scope_flags,                                                     \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "policy",                                                                   \
         "[ID]",                                                                     \
         "what appends to a context do beside, or to all contexts of the partition", \
         0,                                                                          \
         1,                                                                          \
         sw_cmd_context_policy,                                                      \
         sw_context_scope_flags,                                                     \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "set-policy",                                                               \
         "[ID]",                                                                     \
         "say what appends are to prune, and what to do about duplicates",           \
         0,                                                                          \
         1,                                                                          \
         sw_cmd_context_set_policy,                                                  \
         sw_policy_flags,                                                            \
         SW_FORMAT_TABLE},                                                           \
        {"context",                                                                  \
         "list",                                                                     \
         "",                                                                         \
         "the contexts of a partition",                                              \
         0,                                                                          \
         0,                                                                          \
         sw_cmd_context_list,                                                        \
         sw_context_scope_flags,                                                     \
         SW_FORMAT_TABLE},                                                           \
    {                                                                                \
        "context", "delete", "ID", "delete a context with all blocks", 1, 1,         \
            sw_cmd_context_delete, sw_context_scope_flags, SW_FORMAT_TABLE           \
    }

#endif
