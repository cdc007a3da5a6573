/* An append: a block behind the others, and what a context does with each of them: its window
 * moves, its policy looks for duplicates and prunes, a bounded piece at a time.
 *
 * All of it is one change of the log; what is refused is refused before anything is written. */
#include "base/assert.h"
#include "node/context_private.h"
#include "node/sketch.h"

/* What will be written, once all of it is known to fit. */
struct appending {
    struct sw_context_append append;
    struct sw_vectors_index *index; /* NULL: the context has none, or it was dropped */
    uint64_t token;
    uint64_t number;
    struct sw_context_key name;
    struct sw_kv_record old, next;
    struct sw_context_rules rules;
    struct sw__likeness likeness;
    struct sw_buf value; /* owned */
};

/* Does the block fit behind the others, and its vector into the index? */
static enum sw_err
check_append(const struct sw__context *found, const struct appending *block, uint64_t *ret_value)
{
    const struct sw_context *context = &found->context;

    if (block->append.tokens > context->block_size) {
        *ret_value = context->block_size;
        return SW_ERR_TOO_LARGE;
    }
    if (context->blocks > 0 &&
        (block->append.tokens <= context->overlap || context->next < context->overlap)) {
        return SW_ERR_INVALID; /* it would repeat everything and add nothing */
    }
    if (context->blocks == UINT64_MAX ||
        context->next > (uint64_t)INT64_MAX - block->append.tokens) {
        return SW_ERR_OUT_OF_RANGE;
    }
    if (block->append.vector.size == 0) {
        return SW_ERR_OK;
    }
    return block->index == NULL ? SW_ERR_NO_INDEX
                                : sw__vector_check(block->index, block->append.vector, ret_value);
}

static struct sw_vector_item item_of(const struct sw__context *found, const struct appending *block)
{
    return sw__context_item(
        found, block->token, block->append.has_score, block->append.score, block->append.vector);
}

/* What the block's vector uses, beside its key. */
static enum sw_err add_vector_usage(struct sw__apply *apply,
                                    const struct sw__context *found,
                                    const struct appending *block,
                                    struct sw__usage_change *change)
{
    const struct sw_vector_item item = item_of(found, block);

    return block->append.vector.size == 0
               ? SW_ERR_OK
               : sw__vector_usage(
                     apply, block->index, sw_context_key_span(&block->name), &item, change);
}

/* By the policy: is there such a block already, and what of it? */
static enum sw_err judge(struct sw__apply *apply,
                         const struct sw_request *request,
                         const struct sw__context *found,
                         struct appending *block,
                         struct sw_command_result *result)
{
    struct sw__likeness *likeness = &block->likeness;
    enum sw_err err;

    if (!sw__context_is_late(apply)) {
        return SW_ERR_OK;
    }
    err = sw__policy_of(apply, found, &block->rules, &likeness->domain);
    if (err == SW_ERR_OK && block->rules.dedupe != SW_DEDUPE_NONE) {
        err = sw__dedupe_judge(apply, found, &block->rules, block->append.content, likeness);
    }
    if (err != SW_ERR_OK || likeness->permille == 0) {
        return err;
    }
    if (block->rules.dedupe == SW_DEDUPE_LINK &&
        block->append.content.size > SW_VALUE_SIZE_MAX - SW_CONTEXT_LIKE_HEAD_MAX) {
        result->err = SW_ERR_TOO_LARGE;
        result->value = SW_VALUE_SIZE_MAX - SW_CONTEXT_LIKE_HEAD_MAX;
        return SW_ERR_OK;
    }
    if (block->rules.dedupe == SW_DEDUPE_REFUSE) {
        result->err = SW_ERR_DUPLICATE;
        result->revision = apply->state->revision;
        return sw__dedupe_answer(apply, request, likeness, result);
    }
    return SW_ERR_OK;
}

/* The block's text. */
static void write_block(struct appending *block)
{
    struct sw_context_block text = {.number = block->number,
                                    .tokens = block->append.tokens,
                                    .has_score = block->append.has_score,
                                    .score = block->append.score,
                                    .content = block->append.content};

    if (block->likeness.permille > 0 && block->rules.dedupe == SW_DEDUPE_LINK) {
        text.like = sw_context_key_span(&block->likeness.name);
        text.likeness = block->likeness.permille;
    }
    sw_context_block_write(&text, &block->value);
}

/* Records and header as they will be, and what they use. */
static enum sw_err prepare(struct sw__apply *apply,
                           struct sw__context *found,
                           struct appending *block,
                           struct sw_command_result *result)
{
    const uint64_t revision = apply->state->revision + 1;
    struct sw_context *context = &found->context;
    struct sw_buf text = {0};
    struct sw__usage_change change;
    struct sw_kv_record header;
    enum sw_err err;

    block->token = context->blocks == 0 ? 0 : context->next - context->overlap;
    block->number = context->blocks;
    context->blocks++;
    context->next = block->token + block->append.tokens;
    context->size += block->append.content.size;
    context->duplicates += block->likeness.permille > 0 ? 1 : 0;
    err = sw__window_slide(apply,
                           found,
                           block->token,
                           (struct sw__block_at){.token = block->token, .revision = revision});
    if (err != SW_ERR_OK) {
        return err;
    }
    sw_context_block_key(found->id, block->token, &block->name);
    err = sw__context_get(apply, &found->place, &block->name, &block->old);
    if (err != SW_ERR_OK) {
        return err;
    }
    write_block(block);
    block->next = sw__kv_next(apply->state, &block->old, revision, sw_buf_span(&block->value), 0);
    header = sw__context_header(apply->state, found, revision, &text);
    change = sw__usage_of_put(sw_context_key_span(&block->name), &block->old, &block->next);
    sw__usage_sum(&change,
                  sw__usage_of_put(sw_context_key_span(&found->name), &found->old, &header));
    sw_buf_release(&text);
    err = add_vector_usage(apply, found, block, &change);
    return err == SW_ERR_OK ? sw__quota_check(apply, &found->place, &change, result) : err;
}

static enum sw_err
set_vector(struct sw__apply *apply, const struct sw__context *found, const struct appending *block)
{
    const struct sw_vector_item item = item_of(found, block);

    return block->append.vector.size == 0
               ? SW_ERR_OK
               : sw__vector_set(apply, block->index, sw_context_key_span(&block->name), &item);
}

static enum sw_err
execute(struct sw__apply *apply, struct sw__context *found, const struct appending *block)
{
    enum sw_err err;

    err = sw__kv_put(
        apply, &found->place, sw_context_key_span(&block->name), &block->old, &block->next);
    if (err == SW_ERR_OK) {
        err = set_vector(apply, found, block);
    }
    if (err == SW_ERR_OK) {
        err = sw__window_mark(apply, found);
    }
    if (err == SW_ERR_OK && block->rules.dedupe != SW_DEDUPE_NONE) {
        err = sw__dedupe_add(apply, found, block->token, &block->likeness);
    }
    if (err == SW_ERR_OK) {
        err = sw__similar_step(apply, found, SW_CONTEXT_SIMILAR_COUNT);
    }
    if (err == SW_ERR_OK && block->rules.prunes) {
        err = sw__prune_by_policy(apply, found, block->token, &block->rules);
    }
    return err == SW_ERR_OK ? sw__context_put(apply, found) : err;
}

/* The block fits. */
static enum sw_err add(struct sw__apply *apply,
                       const struct sw_request *request,
                       struct sw__context *found,
                       struct appending *block,
                       struct sw_command_result *result)
{
    enum sw_err err = judge(apply, request, found, block, result);

    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = prepare(apply, found, block, result);
    }
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    apply->state->revision++;
    result->revision = apply->state->revision;
    result->value = block->token;
    if (block->likeness.permille > 0) {
        err = sw__dedupe_answer(apply, request, &block->likeness, result);
    }
    return err == SW_ERR_OK ? execute(apply, found, block) : err;
}

enum sw_err sw__apply_append(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result)
{
    struct appending block = {0};
    struct sw__context found;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    result->err = sw_context_append_decode(request->value, &block.append);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    block.index = sw__context_index(apply->state, &found);
    result->err = check_append(&found, &block, &result->value);
    if (result->err == SW_ERR_OK) {
        err = add(apply, request, &found, &block, result);
    }
    sw__likeness_release(&block.likeness);
    sw_buf_release(&block.value);
    return err;
}
