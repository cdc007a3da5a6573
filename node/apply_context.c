/* What the log does to contexts: made and appended to; the rest is in the files of
 * node/context_private.h.
 *
 * Header and blocks are keys (transport/context.h), written as one change. A block's first token is
 * its place in the log, so appends of many clients make one order. Keys that somebody wrote by
 * other operations are met, so nothing about them is asserted. */
#include <string.h>

#include "base/assert.h"
#include "node/context_private.h"

/* --- headers ---------------------------------------------------------------------------------- */

enum sw_err sw__context_get(struct sw__apply *apply,
                            const struct sw_place *place,
                            const struct sw_context_key *name,
                            struct sw_kv_record *ret_record)
{
    struct sw_key key;

    sw_key_kv(place, sw_context_key_span(name), &key);
    return sw__kv_get(apply, &key, ret_record);
}

enum sw_err sw__context_find(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw__context *ret_found,
                             struct sw_command_result *result)
{
    enum sw_err err;

    *ret_found = (struct sw__context){.place = sw__place_of(request), .id = request->key};
    sw_context_header_key(request->key, &ret_found->name);
    err = sw__context_get(apply, &ret_found->place, &ret_found->name, &ret_found->old);
    if (err != SW_ERR_OK) {
        return err;
    }
    result->revision = apply->state->revision;
    if (ret_found->old.version == 0) {
        result->err = SW_ERR_NOT_FOUND;
    } else if (!sw_context_read(ret_found->old.value, &ret_found->context)) {
        result->err = SW_ERR_WRONG_TYPE;
    } else if (ret_found->context.dying != 0) {
        result->err = SW_ERR_NOT_FOUND;
    }
    return SW_ERR_OK;
}

enum sw_err sw__context_set(struct sw__apply *apply,
                            const struct sw__context *found,
                            const struct sw_context_key *name,
                            struct sw_span value)
{
    struct sw_kv_record old, next;
    enum sw_err err = sw__context_get(apply, &found->place, name, &old);

    if (err != SW_ERR_OK) {
        return err;
    }
    next = sw__kv_next(apply->state, &old, apply->state->revision, value, 0);
    return sw__kv_put(apply, &found->place, sw_context_key_span(name), &old, &next);
}

enum sw_err sw__context_unset(struct sw__apply *apply,
                              const struct sw__context *found,
                              const struct sw_context_key *name)
{
    struct sw_kv_record old;
    const enum sw_err err = sw__context_get(apply, &found->place, name, &old);

    return err != SW_ERR_OK || old.version == 0
               ? err
               : sw__kv_del(apply, &found->place, sw_context_key_span(name), &old);
}

enum sw_err sw__context_seek(struct sw__apply *apply,
                             const struct sw__context *found,
                             enum sw_context_part part,
                             uint64_t token,
                             uint8_t bytes[SW_KEY_SIZE_MAX],
                             struct sw_span *ret_name,
                             struct sw_kv_record *ret_record)
{
    struct sw_store *store = apply->store;
    struct sw_context_key name, below;
    struct sw_store_record stored;
    struct sw_key from, prefix;
    size_t place_size;
    enum sw_err err;

    *ret_name = sw_span_of(NULL, 0);
    sw_context_part_prefix(part, found->id, &below);
    sw_key_kv(&found->place, sw_context_key_span(&below), &prefix);
    sw_context_part_key(part, found->id, token, &name);
    sw_key_kv(&found->place, sw_context_key_span(token == 0 ? &below : &name), &from);
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&from), false, &stored);
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_OK;
    }
    if (err != SW_ERR_OK || !sw_key_has_prefix(stored.key, sw_key_span(&prefix))) {
        return err;
    }
    place_size = prefix.size - below.size;
    SW_ASSERT(stored.key.size - place_size <= SW_KEY_SIZE_MAX);
    *ret_name = sw_span_of(bytes, stored.key.size - place_size);
    memcpy(bytes, stored.key.data + place_size, ret_name->size);
    err = sw_kv_record_decode(stored.value, ret_record);
    ret_record->seen = apply->writes;
    return err;
}

struct sw_kv_record sw__context_header(const struct sw_state *state,
                                       const struct sw__context *found,
                                       uint64_t revision,
                                       struct sw_buf *text)
{
    sw_buf_clear(text);
    sw_context_write(&found->context, text);
    return sw__kv_next(state, &found->old, revision, sw_buf_span(text), found->old.lease);
}

enum sw_err sw__context_put(struct sw__apply *apply, const struct sw__context *found)
{
    struct sw_buf text = {0};
    const struct sw_kv_record header =
        sw__context_header(apply->state, found, apply->state->revision, &text);
    const enum sw_err err =
        sw__kv_put(apply, &found->place, sw_context_key_span(&found->name), &found->old, &header);

    sw_buf_release(&text);
    return err;
}

/* The index knows a context by 32 bits of the revision that made it: two of one index could only
 * share a watermark if 2^32 revisions lie between them. 0 is no context. */
uint32_t sw__context_number(const struct sw__context *found)
{
    const uint32_t number = (uint32_t)found->old.create_revision;

    return number == 0 ? UINT32_MAX : number;
}

struct sw_vectors_index *sw__context_index(const struct sw_state *state,
                                           const struct sw__context *found)
{
    const struct sw_span name = sw_span_str(found->context.index);

    return name.size == 0 ? NULL : sw_vectors_find(&state->vectors, &found->place, name);
}

struct sw_vector_item sw__context_item(const struct sw__context *found,
                                       uint64_t token,
                                       bool has_score,
                                       int64_t score,
                                       struct sw_span vector)
{
    struct sw_vector_item item = {
        .index = sw_span_str(found->context.index),
        .vector = vector,
        .context = sw__context_number(found),
        .attribute_count = 2,
        .attributes = {
            {.kind = SW_ATTRIBUTE_TEXT, .name = sw_span_str("context"), .text = found->id},
            {.kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("token"), .number = (int64_t)token}}};

    if (has_score) {
        item.attributes[item.attribute_count++] = (struct sw_attribute){
            .kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("score"), .number = score};
    }
    return item;
}

/* --- create ----------------------------------------------------------------------------------- */

static void fill_context(const struct sw_context_spec *spec, struct sw_context *ret_context)
{
    *ret_context = (struct sw_context){.block_size = spec->block_size,
                                       .overlap = spec->overlap,
                                       .window_blocks = spec->window.blocks,
                                       .window_ms = spec->window.ms,
                                       .similar = spec->window.similar,
                                       .precision = spec->precision};
    SW_ASSERT(spec->index.size < sizeof ret_context->index);
    for (size_t i = 0; i < spec->index.size; i++) {
        ret_context->index[i] = (char)spec->index.data[i];
    }
}

static enum sw_err
create(struct sw__apply *apply, const struct sw_request *request, struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct sw__usage_change change;
    struct sw_context_spec spec;
    struct sw_buf text = {0};
    struct sw_kv_record header;
    struct sw__context found;
    bool has = false;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err == SW_ERR_OK) {
        err = sw__context_has_rest(apply, &found, &has);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    if (found.old.version > 0 || has) {
        result->err = SW_ERR_CONFLICT;
        result->value = found.old.mod_revision;
        return SW_ERR_OK;
    }
    result->err = sw_context_spec_decode(request->value, &spec);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    if ((spec.window.similar != 0 || spec.precision != 0) && !sw__context_is_late(apply)) {
        result->err = SW_ERR_INVALID;
        return SW_ERR_OK;
    }
    fill_context(&spec, &found.context);
    if (spec.index.size > 0 && sw__context_index(state, &found) == NULL) {
        result->err = SW_ERR_NO_INDEX;
        return SW_ERR_OK;
    }
    header = sw__context_header(state, &found, state->revision + 1, &text);
    change = sw__usage_of_put(sw_context_key_span(&found.name), &found.old, &header);
    err = sw__quota_check(apply, &found.place, &change, result);
    sw_buf_release(&text);
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        state->revision++;
        result->revision = state->revision;
        err = sw__context_put(apply, &found);
    }
    return err;
}

enum sw_err sw__apply_context(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result)
{
    static enum sw_err (*const run[])(
        struct sw__apply *, const struct sw_request *, struct sw_command_result *) = {
        [SW_OP_CONTEXT_CREATE] = create,
        [SW_OP_CONTEXT_APPEND] = sw__apply_append,
        [SW_OP_CONTEXT_WINDOW] = sw__apply_window,
        [SW_OP_CONTEXT_DELETE] = sw__apply_context_delete,
        [SW_OP_CONTEXT_PRUNE] = sw__apply_prune,
        [SW_OP_CONTEXT_TOUCH] = sw__apply_touch,
        [SW_OP_CONTEXT_POLICY] = sw__apply_policy,
        [SW_OP_CONTEXT_RESTORE] = sw__apply_restore};

    SW_ASSERT(sw_op_is_context(request->op));
    return run[request->op](apply, request, result);
}
