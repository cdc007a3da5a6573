/* A context as the parts of its operations share it. */
#ifndef SW_NODE_CONTEXT_PRIVATE_H
#define SW_NODE_CONTEXT_PRIVATE_H

#include "node/apply_private.h"
#include "transport/context.h"

/* The context that a request names, as it is and as it will be. */
struct sw__context {
    struct sw_place place;
    struct sw_span id;
    struct sw_context_key name; /* of the header */
    struct sw_kv_record old;    /* the header's record; version 0: there is none */
    struct sw_context context;
};

/* A block that is stored, or that is about to be. */
struct sw__block_at {
    bool exists;
    bool is_inside; /* of the window */
    uint64_t token;
    uint64_t revision;
};

/* --- apply_context.c -------------------------------------------------------------------------- */

/* The errors returned are the store's; NOT_FOUND and WRONG_TYPE go to the result. */
enum sw_err sw__context_find(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw__context *ret_found,
                             struct sw_command_result *result);
/* The header's record for `revision`; `text` is cleared and gets its value. */
struct sw_kv_record sw__context_header(const struct sw_state *state,
                                       const struct sw__context *found,
                                       uint64_t revision,
                                       struct sw_buf *text);
/* Writes the header, as `found` has it, as the present revision. */
enum sw_err sw__context_put(struct sw__apply *apply, const struct sw__context *found);
/* The record of a key of the partition; version 0: there is none. */
enum sw_err sw__context_get(struct sw__apply *apply,
                            const struct sw_place *place,
                            const struct sw_context_key *name,
                            struct sw_kv_record *ret_record);
/* Writes a key of the context as the present revision, whatever it is now. */
enum sw_err sw__context_set(struct sw__apply *apply,
                            const struct sw__context *found,
                            const struct sw_context_key *name,
                            struct sw_span value);
/* Deletes it if it is there. */
enum sw_err sw__context_unset(struct sw__apply *apply,
                              const struct sw__context *found,
                              const struct sw_context_key *name);
/* The first key of a part at `token` or behind it, whoever wrote it: its name in `bytes`, size 0 if
 * there is none, and its record, a view until the next write. */
enum sw_err sw__context_seek(struct sw__apply *apply,
                             const struct sw__context *found,
                             enum sw_context_part part,
                             uint64_t token,
                             uint8_t bytes[SW_KEY_SIZE_MAX],
                             struct sw_span *ret_name,
                             struct sw_kv_record *ret_record);
/* NULL: it has none, or it was dropped. */
struct sw_vectors_index *sw__context_index(const struct sw_state *state,
                                           const struct sw__context *found);
/* By which its index knows it. */
uint32_t sw__context_number(const struct sw__context *found);
/* How its index shows a block: questions may ask for a context by its id, and for tokens from and
 * to. */
struct sw_vector_item sw__context_item(const struct sw__context *found,
                                       uint64_t token,
                                       bool has_score,
                                       int64_t score,
                                       struct sw_span vector);
/* Under the rules of entries that know policies and epochs. Older ones leave what they left. */
static inline bool sw__context_is_late(const struct sw__apply *apply)
{
    return apply->format >= SW_ENTRY_FORMAT_MEMORIES;
}

static inline void sw__usage_sum(struct sw__usage_change *sum, struct sw__usage_change more)
{
    sum->keys += more.keys;
    sum->bytes += more.bytes;
}

/* --- apply_append.c --------------------------------------------------------------------------- */

enum sw_err sw__apply_append(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result);

/* --- apply_window.c --------------------------------------------------------------------------- */

/* Moves window and watermark of the header that will be written as `last`'s revision or the next.
 * `last` is what the window begins with if nothing before `end` is inside. */
enum sw_err sw__window_slide(struct sw__apply *apply,
                             struct sw__context *found,
                             uint64_t end,
                             struct sw__block_at last);
/* Tells the index where the window begins. */
enum sw_err sw__window_mark(struct sw__apply *apply, const struct sw__context *found);
enum sw_err sw__apply_window(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result);

/* --- apply_similar.c -------------------------------------------------------------------------- */

/* Looks at `count` blocks, where the last step ended, and hides those unlike the newest ones. */
enum sw_err sw__similar_step(struct sw__apply *apply, struct sw__context *found, uint32_t count);

/* --- apply_policy.c --------------------------------------------------------------------------- */

/* What is stored for the context, or else for its partition; `ret_domain` is a number of those
 * whose blocks are compared with one another. All zero: nothing is. */
enum sw_err sw__policy_of(struct sw__apply *apply,
                          const struct sw__context *found,
                          struct sw_context_rules *ret_rules,
                          uint64_t *ret_domain);
enum sw_err sw__apply_policy(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result);
enum sw_err sw__apply_touch(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result);

/* --- apply_prune.c ---------------------------------------------------------------------------- */

/* A step of the stored policy, as part of an append of the block at that token. */
enum sw_err sw__prune_by_policy(struct sw__apply *apply,
                                struct sw__context *found,
                                uint64_t appended,
                                const struct sw_context_rules *rules);
enum sw_err sw__apply_prune(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result);

/* --- apply_gone.c ----------------------------------------------------------------------------- */

/* A block is about to be deleted: what it takes to bring it back. */
enum sw_err sw__gone_put(struct sw__apply *apply,
                         struct sw__context *found,
                         uint64_t token,
                         struct sw_context_gone *gone);
/* Forgets up to `count` of those that cannot come back any more. */
enum sw_err sw__gone_sweep(struct sw__apply *apply, struct sw__context *found, int count);
enum sw_err sw__apply_restore(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result);

/* --- apply_dedupe.c --------------------------------------------------------------------------- */

/* What an append has to say of its content. */
struct sw__likeness {
    uint64_t domain;   /* 0 = nobody asks */
    uint32_t permille; /* to the block `name`; 0 = it is like none */
    bool ids;
    struct sw_context_key name;
    struct sw_sketch *sketch; /* owned; NULL if nobody asks */
};

void sw__likeness_release(struct sw__likeness *likeness);
/* Compares the content with those of the domain. */
enum sw_err sw__dedupe_judge(struct sw__apply *apply,
                             const struct sw__context *found,
                             const struct sw_context_rules *rules,
                             struct sw_span content,
                             struct sw__likeness *likeness);
/* From here on others are compared with it; the block was just written. */
enum sw_err sw__dedupe_add(struct sw__apply *apply,
                           const struct sw__context *found,
                           uint64_t token,
                           const struct sw__likeness *likeness);
/* The other block becomes a record of the answer, if the author may read it. */
enum sw_err sw__dedupe_answer(struct sw__apply *apply,
                              const struct sw_request *request,
                              const struct sw__likeness *likeness,
                              struct sw_command_result *result);

/* --- apply_context_delete.c ------------------------------------------------------------------- */

/* Blocks, or anything else, of an earlier context of that name? */
enum sw_err
sw__context_has_rest(struct sw__apply *apply, const struct sw__context *found, bool *ret_has);
enum sw_err sw__apply_context_delete(struct sw__apply *apply,
                                     const struct sw_request *request,
                                     struct sw_command_result *result);

#endif
