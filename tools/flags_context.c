/* The flags of swarmctl context. */
#include "tools/flags.h"

const struct sw_cli_flag sw_context_flags[] = {
    SCOPE_FLAGS,
    {"block-size", "N", "tokens of a block at most (default 1024)"},
    {"overlap", "N", "tokens that each block repeats of the one before (default 0)"},
    {"window-blocks", "N", "searches find the last so many blocks (default, and 0: all)"},
    {"window-time", "TIME", "and of these no older ones (default, and 0: all)"},
    {"index", "NAME", "finds blocks by their vectors"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_block_flags[] = {
    SCOPE_FLAGS,
    {"tokens", "N", "the content is one block of so many tokens"},
    {"vector", "NUMBERS", "of that block: 0.1,0.2,... or @FILE"},
    {"score", "N", "of what use that block is; searches know it as attribute score"},
    {"token-size", "BYTES", "each token has so many bytes: cut them into blocks"},
    {"block-size", "N", "of so many tokens (default 1024)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_range_flags[] = {SCOPE_FLAGS,
                                             {"from", "TOKEN", "first (default 0)"},
                                             {"to", "TOKEN", "end, excluded (default: all)"},
                                             {NULL, NULL, NULL}};
const struct sw_cli_flag sw_window_flags[] = {
    SCOPE_FLAGS,
    {"blocks", "N", "the last so many (default, and 0: all)"},
    {"time", "TIME", "and of these no older ones (default, and 0: all)"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_prune_flags[] = {
    SCOPE_FLAGS,
    {"below", "SCORE", "blocks of this score or a lower one"},
    {"above", "SCORE", "blocks of this score or a higher one"},
    {"min-age", "TIME", "only blocks that are so old"},
    {"keep", "TOKENS", "not the last so many tokens"},
    {"max-bytes", "N", "only until the content has no more bytes (default, and 0: all that fit)"},
    {"dry-run", NULL, "tell what would go, and let it stay"},
    {NULL, NULL, NULL}};
