/* Contexts: long texts in blocks of tokens, as they are asked for and as they are stored.
 *
 * A context is a header and blocks, all of them keys of one partition, so scans, watches, history,
 * quotas and rights see them like any other key:
 *
 * | key                                           | value                                     |
 * |-----------------------------------------------|-------------------------------------------|
 * | ctx/ID                                        | lines, see below                          |
 * | ctx-block/ID/first token in 16 hex digits     | "swarm-block 1 NUMBER TOKENS SCORE", a    |
 * |                                               | newline, the content; score "-": none;    |
 * |                                               | "swarm-block 2": behind the score how     |
 * |                                               | like it is (permille) to which other key  |
 * | ctx-used/ID/first token                       | nothing: its time is the last access, its |
 * |                                               | version counts them                       |
 * | ctx-gone/ID/first token                       | "swarm-gone 1 BY REASON NUMBER TOKENS     |
 * |                                               | SCORE SIZE", a newline, its vector: what  |
 * |                                               | a pruning took, as long as it can come    |
 * |                                               | back                                      |
 * | ctx-policy/ID, ctx-policy// of the partition  | "swarm-policy 1", lines name=number       |
 *
 * A header is "swarm-context 1" and a line name=value for each number of struct sw_context in the
 * order in which they stand there, `index` last; those from `similar` on are there in format 2.
 * Whoever writes such keys by other operations can make a context unreadable (WRONG_TYPE), and
 * nothing but that context. Pure; byte tables of requests are in docs/PROTOCOL.md. */
#ifndef SW_TRANSPORT_CONTEXT_H
#define SW_TRANSPORT_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"

enum {
    SW_CONTEXT_KEY_SIZE_MAX = SW_CONTEXT_ID_SIZE_MAX + 32,
    SW_CONTEXT_TEXT_SIZE_MAX = 768, /* of a header, or a policy */
    SW_CONTEXT_BLOCK_HEAD_MAX = 96,
    SW_CONTEXT_LIKE_HEAD_MAX = SW_CONTEXT_BLOCK_HEAD_MAX + SW_CONTEXT_KEY_SIZE_MAX + 8,
    SW_PERMILLE = 1000,
};

/* What a search finds by default; 0 = no bound. */
struct sw_context_window {
    uint32_t blocks; /* the last so many */
    uint64_t ms;     /* those committed within so long before the last move */
    /* Permille of a cosine: blocks that are less like the newest ones go out of it, a few with each
     * append (node/apply_similar.c). */
    uint32_t similar;
};

/* Of a CONTEXT_CREATE. */
struct sw_context_spec {
    uint32_t block_size; /* tokens of a block at most */
    uint32_t overlap;    /* tokens that a block repeats of the one before it */
    struct sw_context_window window;
    struct sw_span index; /* finds blocks by their vectors; "" = none */
    uint8_t precision;    /* bits of a number of its content, as its writers say; 0 = not said */
};

/* Of a CONTEXT_APPEND. */
struct sw_context_append {
    uint32_t tokens;
    bool has_score;
    int64_t score;         /* what pruning asks for: attention, entropy */
    struct sw_span vector; /* "" = none */
    struct sw_span content;
};

/* A header. */
struct sw_context {
    uint64_t block_size;
    uint64_t overlap;
    uint64_t blocks; /* that were ever appended */
    uint64_t next;   /* the token behind the last */
    uint64_t size;   /* content bytes of all blocks that were not pruned */
    uint64_t pruned; /* blocks */
    uint64_t window_blocks;
    uint64_t window_ms;
    uint64_t window_token; /* the first token of the first block inside the window */
    uint64_t watermark;    /* blocks of lower revisions are outside; 0 = none are */
    uint64_t dying;        /* 1: it is being deleted, and is none any more */
    uint64_t similar;      /* permille; 0 = the window does not look at that */
    uint64_t similar_next; /* the next block to be looked at begins here, or behind it */
    uint64_t epoch;        /* revision at which searches last lost blocks of it, or got them back */
    uint64_t gone;         /* blocks that were pruned and can be restored */
    uint64_t duplicates;   /* blocks that were like others when they came */
    uint64_t policy_next;  /* where the stored policy goes on */
    uint64_t precision;    /* bits; 0 = nobody said */
    char index[SW_SPACE_NAME_SIZE_MAX + 1];
};

/* A block; `content` is a view. */
struct sw_context_block {
    uint64_t number; /* from 0 */
    uint64_t tokens;
    bool has_score;
    int64_t score;
    uint32_t likeness;   /* permille, */
    struct sw_span like; /* to this key; "" = to none */
    struct sw_span content;
};

/* Of a CONTEXT_PRUNE: which blocks go, oldest first. Blocks without a score stay, unless `any`. */
struct sw_context_policy {
    bool high;   /* scores from `threshold` up; else from it down */
    bool dry;    /* nothing goes: what would? */
    bool any;    /* whatever the score */
    bool stored; /* what the policy of the context or its partition says, of the rest */
    int64_t threshold;
    uint64_t age_ms;   /* only blocks that were committed so long ago */
    uint64_t keep;     /* not those that have one of the last so many tokens */
    uint64_t size_max; /* only while the content is larger; 0 = all that fit the rest */
    uint64_t from;     /* go on at this token: the answer's value of the step before */
    uint64_t counted;  /* bytes that went in the steps before, if they were dry */
    uint64_t idle_ms;  /* only blocks that nobody touched for so long */
};

/* What to do about a block that is like one that is there. */
enum sw_dedupe {
    SW_DEDUPE_NONE = 0,
    SW_DEDUPE_FLAG = 1,   /* the answer names the other block */
    SW_DEDUPE_REFUSE = 2, /* DUPLICATE */
    SW_DEDUPE_LINK = 3,   /* the block itself names it, too */
    SW_DEDUPE_COUNT
};

/* Of a CONTEXT_POLICY, and as it is stored: what appends to a context, or to any of a partition
 * that has none of its own, do beside appending. All zero: none. */
struct sw_context_rules {
    bool prunes; /* by the fields up to `size_max`, which mean what they mean above */
    bool high, any;
    int64_t threshold;
    uint64_t age_ms, idle_ms, keep, size_max;
    enum sw_dedupe dedupe;
    uint32_t similar; /* permille of an estimated Jaccard coefficient: from here on it is like */
    bool ids;         /* contents are token numbers of four bytes; else text */
};

/* Of a CONTEXT_TOUCH: first tokens of blocks that were used, ascending. */
struct sw_context_tokens {
    uint32_t count;
    uint64_t tokens[SW_CONTEXT_TOUCH_COUNT_MAX];
};

/* Of a CONTEXT_RESTORE: what prunings took comes back. */
struct sw_context_undo {
    uint64_t from, end; /* blocks whose first token is from here to there (excluded) */
    uint64_t since;     /* and that went at this revision or later */
};

/* Why a pruning took a block: the last of these that it asked for. */
enum sw_gone_reason { SW_GONE_SCORE, SW_GONE_AGE, SW_GONE_IDLE, SW_GONE_BUDGET, SW_GONE_COUNT };

/* A tombstone. */
struct sw_context_gone {
    bool by_policy; /* the stored one */
    enum sw_gone_reason reason;
    uint64_t number, tokens;
    bool has_score;
    int64_t score;
    uint64_t size;         /* of the content */
    struct sw_span vector; /* as its index stored it; "" = none */
};

void sw_context_policy_encode(const struct sw_context_policy *policy, struct sw_buf *out);
enum sw_err sw_context_policy_decode(struct sw_span bytes, struct sw_context_policy *ret_policy)
    SW_MUST_CHECK;
enum sw_err sw_context_policy_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;

void sw_context_rules_encode(const struct sw_context_rules *rules, struct sw_buf *out);
enum sw_err sw_context_rules_decode(struct sw_span bytes, struct sw_context_rules *ret_rules)
    SW_MUST_CHECK;
void sw_context_tokens_encode(const uint64_t *tokens, uint32_t count, struct sw_buf *out);
enum sw_err sw_context_tokens_decode(struct sw_span bytes, struct sw_context_tokens *ret_tokens)
    SW_MUST_CHECK;
void sw_context_undo_encode(const struct sw_context_undo *undo, struct sw_buf *out);
enum sw_err sw_context_undo_decode(struct sw_span bytes, struct sw_context_undo *ret_undo)
    SW_MUST_CHECK;

void sw_context_spec_encode(const struct sw_context_spec *spec, struct sw_buf *out);
enum sw_err sw_context_spec_decode(struct sw_span bytes, struct sw_context_spec *ret_spec)
    SW_MUST_CHECK;
void sw_context_append_encode(const struct sw_context_append *append, struct sw_buf *out);
enum sw_err sw_context_append_decode(struct sw_span bytes, struct sw_context_append *ret_append)
    SW_MUST_CHECK;
void sw_context_window_encode(const struct sw_context_window *window, struct sw_buf *out);
enum sw_err sw_context_window_decode(struct sw_span bytes, struct sw_context_window *ret_window)
    SW_MUST_CHECK;

/* Everything about a request's value that does not depend on the context. */
enum sw_err sw_context_id_validate(struct sw_span id, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
enum sw_err sw_context_spec_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
enum sw_err sw_context_append_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
enum sw_err sw_context_window_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
enum sw_err sw_context_rules_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
enum sw_err sw_context_tokens_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
enum sw_err sw_context_undo_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
bool sw_context_precision_validate(uint64_t bits);

/* --- what is stored --------------------------------------------------------------------------- */

struct sw_context_key {
    uint32_t size;
    char data[SW_CONTEXT_KEY_SIZE_MAX];
};

static inline struct sw_span sw_context_key_span(const struct sw_context_key *key)
{
    return sw_span_of(key->data, key->size);
}

/* Of blocks, of what is known of their use, and of those that went. */
enum sw_context_part { SW_CONTEXT_BLOCKS, SW_CONTEXT_USES, SW_CONTEXT_GONE, SW_CONTEXT_PART_COUNT };

/* Names the partition where an id would name a context: a slash is in no id. */
#define SW_CONTEXT_PARTITION "/"

/* `id` is a valid one. */
void sw_context_header_key(struct sw_span id, struct sw_context_key *ret_key);
void sw_context_policy_key(struct sw_span id, struct sw_context_key *ret_key);
void sw_context_part_key(enum sw_context_part part,
                         struct sw_span id,
                         uint64_t token,
                         struct sw_context_key *ret_key);
void sw_context_part_prefix(enum sw_context_part part,
                            struct sw_span id,
                            struct sw_context_key *ret_key);
/* The first token of the block that `key` is about; false if it is no such key of the context. */
bool sw_context_part_token(enum sw_context_part part,
                           struct sw_span id,
                           struct sw_span key,
                           uint64_t *ret_token);
/* Does it begin as keys of blocks do, of whatever context? */
bool sw_context_is_block_key(struct sw_span key);

static inline void
sw_context_block_key(struct sw_span id, uint64_t token, struct sw_context_key *ret_key)
{
    sw_context_part_key(SW_CONTEXT_BLOCKS, id, token, ret_key);
}

static inline void sw_context_blocks_prefix(struct sw_span id, struct sw_context_key *ret_key)
{
    sw_context_part_prefix(SW_CONTEXT_BLOCKS, id, ret_key);
}

static inline bool
sw_context_block_token(struct sw_span id, struct sw_span key, uint64_t *ret_token)
{
    return sw_context_part_token(SW_CONTEXT_BLOCKS, id, key, ret_token);
}

void sw_context_write(const struct sw_context *context, struct sw_buf *out);
bool sw_context_read(struct sw_span text, struct sw_context *ret_context);
void sw_context_block_write(const struct sw_context_block *block, struct sw_buf *out);
bool sw_context_block_read(struct sw_span text, struct sw_context_block *ret_block);
void sw_context_rules_write(const struct sw_context_rules *rules, struct sw_buf *out);
bool sw_context_rules_read(struct sw_span text, struct sw_context_rules *ret_rules);
void sw_context_gone_write(const struct sw_context_gone *gone, struct sw_buf *out);
bool sw_context_gone_read(struct sw_span text, struct sw_context_gone *ret_gone);
const char *sw_context_reason_name(enum sw_gone_reason reason);

#endif
