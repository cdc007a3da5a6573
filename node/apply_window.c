/* The window of a context: where it begins, by the number of blocks and by committed time.
 *
 * Blocks ascend in token, number, revision and committed time alike, so where the window begins is
 * found by bisection and told to the index as one watermark, in the entry that moves it; no clock
 * of any machine has a say. What a block is like is the business of apply_similar.c. */
#include "base/assert.h"
#include "node/context_private.h"

/* The first block at `token` or behind it. A key that is none of our blocks counts as none. */
static enum sw_err seek_block(struct sw__apply *apply,
                              const struct sw__context *found,
                              uint64_t token,
                              struct sw__block_at *ret_place)
{
    const struct sw_context *context = &found->context;
    const uint64_t now_ms = apply->state->time_ms;
    struct sw_store *store = apply->store;
    struct sw_context_key name;
    struct sw_kv_record record;
    struct sw_store_record stored;
    struct sw_context_block block;
    struct sw_key key;
    enum sw_err err;

    *ret_place = (struct sw__block_at){.exists = false};
    sw_context_block_key(found->id, token, &name);
    sw_key_kv(&found->place, sw_context_key_span(&name), &key);
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&key), false, &stored);
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_OK;
    }
    key.size -= name.size; /* all keys of the partition begin like that */
    if (err != SW_ERR_OK || !sw_key_has_prefix(stored.key, sw_key_span(&key)) ||
        !sw_context_block_token(found->id,
                                sw_span_of(stored.key.data + key.size, stored.key.size - key.size),
                                &ret_place->token)) {
        return err;
    }
    err = sw_kv_record_decode(stored.value, &record);
    if (err != SW_ERR_OK) {
        return err;
    }
    ret_place->exists = true;
    ret_place->revision = record.create_revision;
    ret_place->is_inside = sw_context_block_read(record.value, &block) &&
                           (context->window_blocks == 0 || block.number >= context->blocks ||
                            context->blocks - block.number <= context->window_blocks) &&
                           (context->window_ms == 0 || record.time_ms >= now_ms ||
                            now_ms - record.time_ms <= context->window_ms);
    return SW_ERR_OK;
}

/* The first block inside, of those from `window_token` to `end`; else what `ret_first` was. */
static enum sw_err bisect(struct sw__apply *apply,
                          const struct sw__context *found,
                          uint64_t end,
                          struct sw__block_at *ret_first)
{
    uint64_t low = found->context.window_token;
    uint64_t high = end;
    struct sw__block_at place;
    enum sw_err err;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;

        err = seek_block(apply, found, middle, &place);
        if (err != SW_ERR_OK) {
            return err;
        }
        if (!place.exists || place.token >= end) {
            high = middle;
        } else if (place.is_inside) {
            high = middle;
            *ret_first = place;
        } else {
            low = place.token + 1;
        }
    }
    return SW_ERR_OK;
}

enum sw_err sw__window_slide(struct sw__apply *apply,
                             struct sw__context *found,
                             uint64_t end,
                             struct sw__block_at last)
{
    struct sw_context *context = &found->context;
    struct sw__block_at first = last;
    struct sw__block_at now;
    enum sw_err err;

    if (context->window_blocks == 0 && context->window_ms == 0) {
        return SW_ERR_OK;
    }
    err = seek_block(apply, found, context->window_token, &now);
    if (err != SW_ERR_OK || (now.exists && now.token < end && now.is_inside)) {
        return err;
    }
    err = bisect(apply, found, end, &first);
    if (err == SW_ERR_OK && first.token > context->window_token &&
        first.revision > context->watermark) {
        context->window_token = first.token;
        context->watermark = first.revision;
        if (sw__context_is_late(apply)) {
            context->epoch = last.revision;
        }
    }
    return err;
}

enum sw_err sw__window_mark(struct sw__apply *apply, const struct sw__context *found)
{
    struct sw_vectors_index *index = sw__context_index(apply->state, found);

    return index == NULL || found->context.watermark == 0
               ? SW_ERR_OK
               : sw__vector_watermark(
                     apply, index, sw__context_number(found), found->context.watermark);
}

/* What the window will be; nothing is written. */
static enum sw_err prepare(struct sw__apply *apply,
                           const struct sw_request *request,
                           struct sw__context *found,
                           struct sw_command_result *result)
{
    const uint64_t next = apply->state->revision + 1;
    struct sw_context *context = &found->context;
    struct sw_context_window window;

    result->err = sw_context_window_decode(request->value, &window);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    if (window.similar != 0 && !sw__context_is_late(apply)) {
        result->err = SW_ERR_INVALID;
        return SW_ERR_OK;
    }
    context->window_blocks = window.blocks;
    context->window_ms = window.ms;
    context->similar = window.similar;
    if (window.similar == 0) {
        context->similar_next = 0;
    }
    return sw__window_slide(apply,
                            found,
                            context->next,
                            (struct sw__block_at){.token = context->next, .revision = next});
}

enum sw_err sw__apply_window(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct sw__usage_change change;
    struct sw_buf text = {0};
    struct sw_kv_record header;
    struct sw__context found;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = prepare(apply, request, &found, result);
    }
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    header = sw__context_header(state, &found, state->revision + 1, &text);
    change = sw__usage_of_put(sw_context_key_span(&found.name), &found.old, &header);
    err = sw__quota_check(apply, &found.place, &change, result);
    sw_buf_release(&text);
    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    state->revision++;
    result->revision = state->revision;
    result->value = found.context.window_token;
    err = sw__window_mark(apply, &found);
    if (err == SW_ERR_OK) {
        err = sw__similar_step(apply, &found, SW_CONTEXT_WINDOW_VISIT_MAX);
    }
    return err == SW_ERR_OK ? sw__context_put(apply, &found) : err;
}
