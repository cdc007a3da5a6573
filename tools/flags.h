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

/* flags_context.c */
extern const struct sw_cli_flag sw_context_flags[];
extern const struct sw_cli_flag sw_block_flags[];
extern const struct sw_cli_flag sw_range_flags[];
extern const struct sw_cli_flag sw_window_flags[];
extern const struct sw_cli_flag sw_prune_flags[];

#endif
