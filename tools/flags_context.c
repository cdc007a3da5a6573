/* The flags of swarmctl context. */
#include "tools/flags.h"

const struct sw_cli_flag sw_context_scope_flags[] = {SCOPE_FLAGS, {NULL, NULL, NULL}};
const struct sw_cli_flag sw_context_flags[] = {
    SCOPE_FLAGS,
    {"block-size", "N", "tokens of a block at most (default 1024)"},
    {"overlap", "N", "tokens that each block repeats of the one before (default 0)"},
    {"window-blocks", "N", "searches find the last so many blocks (default, and 0: all)"},
    {"window-time", "TIME", "and of these no older ones (default, and 0: all)"},
    {"window-similar", "PERMILLE", "and of these none unlike the newest (default, and 0: all)"},
    {"index", "NAME", "finds blocks by their vectors"},
    {"precision", "BITS", "of a number of the content, for its readers (default 0: not said)"},
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
    {"similar",
     "PERMILLE",
     "and of these none whose vector's cosine with all of the newest is less"},
    {NULL, NULL, NULL}};

#define POLICY_FLAGS                                                                  \
    {"below", "SCORE", "blocks of this score or a lower one"},                        \
        {"above", "SCORE", "blocks of this score or a higher one"},                   \
        {"any-score", NULL, "blocks of any score, and those without one"},            \
        {"min-age", "TIME", "only blocks that are so old"},                           \
        {"min-idle", "TIME", "only blocks that were not touched for so long"},        \
        {"keep", "TOKENS", "not the last so many tokens"},                            \
    {                                                                                 \
        "max-bytes", "N",                                                             \
            "only until the content has no more bytes (default, and 0: all that fit)" \
    }

const struct sw_cli_flag sw_prune_flags[] = {
    SCOPE_FLAGS,
    POLICY_FLAGS,
    {"stored", NULL, "by the policy of the context, or of its partition"},
    {"dry-run", NULL, "tell what would go, and let it stay"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_policy_flags[] = {
    SCOPE_FLAGS,
    POLICY_FLAGS,
    {"dedupe", "WHAT", "about blocks like others: none, flag, refuse or link"},
    {"similar", "PERMILLE", "what is like: shingles in common (default 800)"},
    {"ids", NULL, "contents are token numbers of four bytes, not text"},
    {"none", NULL, "no policy any more"},
    {NULL, NULL, NULL}};
const struct sw_cli_flag sw_restore_flags[] = {
    SCOPE_FLAGS,
    {"from", "TOKEN", "blocks that begin there or behind it (default 0)"},
    {"to", "TOKEN", "and before that (default: all)"},
    {"since", "REVISION", "that went at this revision or later (default 0)"},
    {NULL, NULL, NULL}};
