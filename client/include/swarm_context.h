/* libswarm: contexts, and what they do with their blocks. A part of swarm.h, which includes it. */
#ifndef SWARM_CONTEXT_H
#define SWARM_CONTEXT_H

#include <swarm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- contexts ------------------------------------------------------------------------------ */

/* A long text in blocks of tokens. Whoever appends, the swarm gives each block its first token, so
 * there is one order. Header and blocks are keys of the scope (see docs/STORAGE_FORMAT.md), so
 * watches, history, quotas and rights see them. An id is 1 to 128 bytes of printable ASCII without
 * spaces and slashes. In all of these `ret_result` may be NULL; on errors before anything was sent
 * it is set to NULL and the sentence goes to `ret_why` (may be NULL). */

/* What searches find of a context, unless they ask for stale blocks too. All bounds hold at once;
 * what has left the window does not come back. */
struct swarm_window {
    uint32_t blocks; /* the last so many; 0 = all */
    uint64_t ms;     /* those not older than this by committed time; 0 = all */
    /* Permille of a cosine, 700 is usual: blocks that are less like each of the newest eight leave,
     * eight blocks being looked at with each append, in turn; 0 = however unlike. */
    uint32_t similar;
};

struct swarm_context_options {
    uint32_t block_size; /* tokens of a block at most; 0 = 1024 */
    uint32_t overlap;    /* tokens that each block repeats of the one before */
    struct swarm_window window;
    const char *index;  /* finds blocks by their vectors; NULL = none */
    uint32_t precision; /* bits of a number of the content, for its readers; 0 = not said */
};

/* SWARM_CONFLICT: there is one. SWARM_NO_INDEX. `options` may be NULL. */
SWARM_API enum swarm_status swarm_context_create(struct swarm_client *client,
                                                 struct swarm_scope scope,
                                                 const char *id,
                                                 const struct swarm_context_options *options,
                                                 struct swarm_result **ret_result,
                                                 char *ret_why,
                                                 size_t why_size);

struct swarm_block {
    uint32_t tokens;           /* of it */
    struct swarm_slice vector; /* empty = none */
    bool has_score;
    int64_t score;              /* of what use it is; a search may ask for it: attribute "score" */
    struct swarm_slice content; /* the result's record of a search has a line before it */
};

/* The result's value is the block's first token. SWARM_NOT_FOUND: there is no such context;
 * SWARM_TOO_LARGE: more tokens than its blocks have; SWARM_INVALID: no more than the overlap.
 * SWARM_DUPLICATE: by its policy the context refuses what is like a block that is there; that one's
 * key is the result's record, how like it is in permille stands in the place of the lease. By other
 * policies the block is appended and the result has the same record. */
SWARM_API enum swarm_status swarm_context_append(struct swarm_client *client,
                                                 struct swarm_scope scope,
                                                 const char *id,
                                                 const struct swarm_block *block,
                                                 struct swarm_result **ret_result,
                                                 char *ret_why,
                                                 size_t why_size);
/* The same without waiting, as swarm_submit. Blocks that are under way together have an order only
 * if the client was opened with SWARM_ORDERED. */
SWARM_API enum swarm_status swarm_context_submit(struct swarm_client *client,
                                                 struct swarm_scope scope,
                                                 const char *id,
                                                 const struct swarm_block *block,
                                                 swarm_callback callback,
                                                 void *arg,
                                                 char *ret_why,
                                                 size_t why_size);
/* Cuts tokens of `token_size` bytes each into blocks of `block_size` tokens (0 = 1024) and appends
 * them in order, many under way at a time; the client was opened with SWARM_ORDERED, and this is no
 * callback. Ends at the first block that fails, with its status: `ret_blocks` are in the context.
 */
SWARM_API enum swarm_status swarm_context_append_tokens(struct swarm_client *client,
                                                        struct swarm_scope scope,
                                                        const char *id,
                                                        struct swarm_slice tokens,
                                                        size_t token_size,
                                                        uint32_t block_size,
                                                        uint64_t *ret_blocks,
                                                        char *ret_why,
                                                        size_t why_size);
/* Sets the window, and moves it to the present; it never moves back. By itself it moves with each
 * append. The result's value is the first token of the first block inside. */
SWARM_API enum swarm_status swarm_context_window(struct swarm_client *client,
                                                 struct swarm_scope scope,
                                                 const char *id,
                                                 const struct swarm_window *window,
                                                 struct swarm_result **ret_result,
                                                 char *ret_why,
                                                 size_t why_size);
/* Deletes it in steps; from the first on there is no such context. After an error: again. */
SWARM_API enum swarm_status swarm_context_delete(struct swarm_client *client,
                                                 struct swarm_scope scope,
                                                 const char *id,
                                                 struct swarm_result **ret_result,
                                                 char *ret_why,
                                                 size_t why_size);

/* Notes that blocks were used, each given by its first token, in any order: reads note nothing.
 * Blocks that there are not are left out; the count of the others goes to `ret_count`, which may be
 * NULL. */
SWARM_API enum swarm_status swarm_context_touch(struct swarm_client *client,
                                                struct swarm_scope scope,
                                                const char *id,
                                                const uint64_t *tokens,
                                                size_t token_count,
                                                uint64_t *ret_count,
                                                char *ret_why,
                                                size_t why_size);

/* Which blocks go, oldest first. Those without a score stay, unless `any`. */
struct swarm_policy {
    bool high;   /* scores from `threshold` up; else from it down */
    bool dry;    /* nothing goes: what would? */
    bool any;    /* whatever the score */
    bool stored; /* by the policy that is stored, which says the rest */
    int64_t threshold;
    uint64_t age_ms;   /* only blocks that were committed so long ago; 0 = of any age */
    uint64_t keep;     /* not those that have one of the last so many tokens */
    uint64_t size_max; /* only while the content has more bytes; 0 = whatever fits the rest */
    uint64_t idle_ms;  /* only blocks that were not touched for so long; 0 = touched or not */
};

/* Deletes blocks in steps, or (dry) counts them; counts what went also if a later step fails. They
 * are read in the past (`expected` of a GET), and come back by swarm_context_restore, as long as
 * changes are kept. Both may be NULL. SWARM_NOT_FOUND also if `stored` and nothing is. */
SWARM_API enum swarm_status swarm_context_prune(struct swarm_client *client,
                                                struct swarm_scope scope,
                                                const char *id,
                                                const struct swarm_policy *policy,
                                                uint64_t *ret_blocks,
                                                uint64_t *ret_bytes,
                                                char *ret_why,
                                                size_t why_size);

/* Brings back blocks whose first token is from `from` to `end` (excluded) and that prunings took at
 * the revision `since` or later, with their vectors, as long as changes are kept. Blocks and bytes
 * that came back; both may be NULL. A stored policy may take them again at the next append. */
SWARM_API enum swarm_status swarm_context_restore(struct swarm_client *client,
                                                  struct swarm_scope scope,
                                                  const char *id,
                                                  uint64_t from,
                                                  uint64_t end,
                                                  uint64_t since,
                                                  uint64_t *ret_blocks,
                                                  uint64_t *ret_bytes,
                                                  char *ret_why,
                                                  size_t why_size);

/* What a pruning took and can still come back. */
struct swarm_gone {
    uint64_t token, number, tokens;
    bool by_policy; /* a stored one; else somebody asked for it */
    char reason[8]; /* "score", "age", "idle", "budget": the last of these that was asked for */
    bool has_score;
    int64_t score;
    uint64_t size; /* of the content */
    uint64_t revision, time_ms;
};

/* In the order of tokens. Borrows nothing: free() it. */
SWARM_API enum swarm_status swarm_context_gone(struct swarm_client *client,
                                               struct swarm_scope scope,
                                               const char *id,
                                               struct swarm_gone **ret_gone,
                                               size_t *ret_count,
                                               char *ret_why,
                                               size_t why_size);

/* What to do about a block that is like one that is there. */
enum swarm_dedupe {
    SWARM_DEDUPE_NONE = 0,
    SWARM_DEDUPE_FLAG = 1,   /* append it; the result names the other */
    SWARM_DEDUPE_REFUSE = 2, /* SWARM_DUPLICATE */
    SWARM_DEDUPE_LINK = 3,   /* append it; the block names the other, too */
};

/* What appends to a context do beside appending. */
struct swarm_context_policy {
    bool prunes; /* by `prune`, of which `dry` and `stored` say nothing here */
    struct swarm_policy prune;
    enum swarm_dedupe dedupe;
    uint32_t similar; /* permille of shingles that two contents share, 800 is usual */
    bool ids;         /* contents are token numbers of four bytes; else text */
};

/* `id` NULL: the policy of all contexts of the partition that have none of their own; these then
 * also look for duplicates among each other's blocks. `policy` NULL: none. */
SWARM_API enum swarm_status swarm_context_set_policy(struct swarm_client *client,
                                                     struct swarm_scope scope,
                                                     const char *id,
                                                     const struct swarm_context_policy *policy,
                                                     struct swarm_result **ret_result,
                                                     char *ret_why,
                                                     size_t why_size);
/* The one that was set with this id. SWARM_NOT_FOUND. */
SWARM_API enum swarm_status swarm_context_get_policy(struct swarm_client *client,
                                                     struct swarm_scope scope,
                                                     const char *id,
                                                     struct swarm_context_policy *ret_policy,
                                                     char *ret_why,
                                                     size_t why_size);

/* What a read found; everything in it lives until swarm_blocks_free. */
struct swarm_blocks;

struct swarm_block_at {
    uint64_t token; /* its first */
    uint64_t end;   /* the one behind its last */
    uint64_t number;
    bool has_score;
    int64_t score;
    struct swarm_slice content;
    uint64_t revision;
    uint64_t time_ms;
    uint32_t likeness;       /* permille of what it has in common with */
    struct swarm_slice like; /* the block of this key; empty = nobody said */
    uint64_t uses;           /* how often it was touched, */
    uint64_t used_ms;        /* and when last; 0 = never */
};

/* Where the blocks were found, and what to compare when they are kept. */
struct swarm_blocks_place {
    uint64_t shard, node, leader;
    uint64_t revision; /* of the state that was read */
    uint64_t epoch; /* the revision at which searches last lost blocks of the context, or got them
                       back: answers of before are out of date */
    uint64_t window_token; /* blocks that begin before it are outside of the window */
};

/* The block that has this token; the last one to begin, if they overlap. SWARM_NOT_FOUND. */
SWARM_API enum swarm_status swarm_context_locate(struct swarm_client *client,
                                                 struct swarm_scope scope,
                                                 const char *id,
                                                 uint64_t token,
                                                 struct swarm_blocks **ret_blocks,
                                                 char *ret_why,
                                                 size_t why_size);
/* All blocks with a token from `from` to `end` (excluded), in order; none: an empty list.
 * SWARM_NOT_FOUND: there is no such context. Page by page: one that is deleted meanwhile is seen or
 * not. */
SWARM_API enum swarm_status swarm_context_read(struct swarm_client *client,
                                               struct swarm_scope scope,
                                               const char *id,
                                               uint64_t from,
                                               uint64_t end,
                                               struct swarm_blocks **ret_blocks,
                                               char *ret_why,
                                               size_t why_size);
SWARM_API size_t swarm_blocks_count(const struct swarm_blocks *blocks);
SWARM_API const struct swarm_block_at *swarm_blocks_at(const struct swarm_blocks *blocks,
                                                       size_t at);
SWARM_API const struct swarm_blocks_place *swarm_blocks_place(const struct swarm_blocks *blocks);
SWARM_API void swarm_blocks_free(struct swarm_blocks *blocks); /* accepts NULL */

/* Reads a context block by block and reads ahead: who asks for a token less than two blocks from
 * the last one gets the next two blocks fetched in the same request. Keeps the last eight blocks
 * and no more; of one thread. Borrows the client. */
struct swarm_context_reader;

/* SWARM_NOT_FOUND: there is no such context. */
SWARM_API enum swarm_status swarm_context_reader_new(struct swarm_client *client,
                                                     struct swarm_scope scope,
                                                     const char *id,
                                                     struct swarm_context_reader **ret_reader,
                                                     char *ret_why,
                                                     size_t why_size);
/* The block that has this token; valid until the next call. SWARM_NOT_FOUND. */
SWARM_API enum swarm_status swarm_context_reader_block(struct swarm_context_reader *reader,
                                                       uint64_t token,
                                                       const struct swarm_block_at **ret_block,
                                                       char *ret_why,
                                                       size_t why_size);
/* Forgets what it keeps: somebody heard that the context has another epoch. */
SWARM_API void swarm_context_reader_forget(struct swarm_context_reader *reader);
SWARM_API uint64_t swarm_context_reader_requests(const struct swarm_context_reader *reader);
SWARM_API void swarm_context_reader_free(struct swarm_context_reader *reader); /* accepts NULL */

struct swarm_context_info {
    char id[129];
    char index[65]; /* "" = none */
    uint64_t block_size, overlap;
    uint64_t blocks; /* that were ever appended */
    uint64_t next;   /* the token behind the last */
    uint64_t size;   /* bytes of content */
    uint64_t window_blocks, window_ms;
    uint64_t window_token; /* the first token inside the window */
    uint64_t watermark;    /* blocks of lower revisions are outside */
    uint64_t created;      /* the revision */
    bool is_dying;         /* it is being deleted */
    uint64_t window_similar;
    uint64_t epoch;      /* see struct swarm_blocks_place; 0 = nothing has left yet */
    uint64_t pruned;     /* blocks, ever */
    uint64_t gone;       /* of these, that can still come back */
    uint64_t duplicates; /* blocks that were like others when they came */
    uint64_t precision;
};

/* For watchers of the keys from "ctx/" to "ctx0": what a change made of a context's header; false
 * if it is no header. A context whose epoch is the change's revision has lost blocks, or got some
 * back: answers about it of before are out of date. One that is dying, or whose header was deleted
 * (version 0: no header), is dead. */
SWARM_API bool swarm_context_of_record(const struct swarm_record *record,
                                       struct swarm_context_info *ret_info);

/* Contexts in the order of their ids. Borrows nothing: free() it. */
SWARM_API enum swarm_status swarm_context_list(struct swarm_client *client,
                                               struct swarm_scope scope,
                                               struct swarm_context_info **ret_contexts,
                                               size_t *ret_count,
                                               char *ret_why,
                                               size_t why_size);

#ifdef __cplusplus
}
#endif

#endif
