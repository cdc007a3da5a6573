/* Contexts: long texts in blocks of tokens, as they are asked for and as they are stored.
 *
 * A context is a header and blocks, all of them keys of one partition, so scans, watches, history,
 * quotas and rights see them like any other key:
 *
 * | key                                           | value                                     |
 * |-----------------------------------------------|-------------------------------------------|
 * | ctx/ID                                        | lines, see below                          |
 * | ctx-block/ID/first token in 16 hex digits     | "swarm-block 1 NUMBER TOKENS SCORE", a    |
 * |                                               | newline, the content; score "-": none     |
 *
 * A header is "swarm-context 1" and a line name=value for each number of struct sw_context in the
 * order in which they stand there, `index` last. Whoever writes such keys by other operations can
 * make a context unreadable (WRONG_TYPE), and nothing but that context. Pure; byte tables of
 * requests are in docs/PROTOCOL.md. */
#ifndef SW_TRANSPORT_CONTEXT_H
#define SW_TRANSPORT_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"

enum {
    SW_CONTEXT_KEY_SIZE_MAX = SW_CONTEXT_ID_SIZE_MAX + 32,
    SW_CONTEXT_TEXT_SIZE_MAX = 512, /* of a header */
    SW_CONTEXT_BLOCK_HEAD_MAX = 96,
};

/* What a search finds by default; 0 = no bound. */
struct sw_context_window {
    uint32_t blocks; /* the last so many */
    uint64_t ms;     /* those committed within so long before the last move */
};

/* Of a CONTEXT_CREATE. */
struct sw_context_spec {
    uint32_t block_size; /* tokens of a block at most */
    uint32_t overlap;    /* tokens that a block repeats of the one before it */
    struct sw_context_window window;
    struct sw_span index; /* finds blocks by their vectors; "" = none */
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
    char index[SW_SPACE_NAME_SIZE_MAX + 1];
};

/* A block; `content` is a view. */
struct sw_context_block {
    uint64_t number; /* from 0 */
    uint64_t tokens;
    bool has_score;
    int64_t score;
    struct sw_span content;
};

/* Of a CONTEXT_PRUNE: which blocks go, oldest first. Blocks without a score stay. */
struct sw_context_policy {
    bool high; /* scores from `threshold` up; else from it down */
    bool dry;  /* nothing goes: what would? */
    int64_t threshold;
    uint64_t age_ms;   /* only blocks that were committed so long ago */
    uint64_t keep;     /* not those that have one of the last so many tokens */
    uint64_t size_max; /* only while the content is larger; 0 = all that fit the rest */
    uint64_t from;     /* go on at this token: the answer's value of the step before */
    uint64_t counted;  /* bytes that went in the steps before, if they were dry */
};

void sw_context_policy_encode(const struct sw_context_policy *policy, struct sw_buf *out);
enum sw_err sw_context_policy_decode(struct sw_span bytes, struct sw_context_policy *ret_policy)
    SW_MUST_CHECK;
enum sw_err sw_context_policy_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
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

/* --- what is stored --------------------------------------------------------------------------- */

struct sw_context_key {
    uint32_t size;
    char data[SW_CONTEXT_KEY_SIZE_MAX];
};

static inline struct sw_span sw_context_key_span(const struct sw_context_key *key)
{
    return sw_span_of(key->data, key->size);
}

/* `id` is a valid one. */
void sw_context_header_key(struct sw_span id, struct sw_context_key *ret_key);
void sw_context_block_key(struct sw_span id, uint64_t token, struct sw_context_key *ret_key);
void sw_context_blocks_prefix(struct sw_span id, struct sw_context_key *ret_key);
/* The first token of the block at `key`; false if it is no block of the context. */
bool sw_context_block_token(struct sw_span id, struct sw_span key, uint64_t *ret_token);

void sw_context_write(const struct sw_context *context, struct sw_buf *out);
bool sw_context_read(struct sw_span text, struct sw_context *ret_context);
void sw_context_block_write(const struct sw_context_block *block, struct sw_buf *out);
bool sw_context_block_read(struct sw_span text, struct sw_context_block *ret_block);

#endif
