/* What the log does to contexts: made, appended to, their windows moved, deleted in steps.
 *
 * Header and blocks are keys (transport/context.h), written as one change. A block's first token is
 * its place in the log, so appends of many clients make one order. Blocks ascend in token, number,
 * revision and committed time alike, so where the window begins is found by bisection and told to
 * the index as one watermark, in the entry that moves it; no clock of any machine has a say. Keys
 * that somebody wrote by other operations are met, so nothing about them is asserted. */
#include "base/assert.h"
#include "node/context_private.h"
#include "node/vectors_private.h"

/* A block that is stored, or that is about to be. */
struct place {
    bool exists;
    bool is_inside; /* of the window */
    uint64_t token;
    uint64_t revision;
};

/* --- headers ---------------------------------------------------------------------------------- */

static enum sw_err get_named(struct sw__apply *apply,
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
    err = get_named(apply, &ret_found->place, &ret_found->name, &ret_found->old);
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

struct sw_kv_record sw__context_header(const struct sw_state *state,
                                       const struct sw__context *found,
                                       struct sw_buf *text)
{
    sw_buf_clear(text);
    sw_context_write(&found->context, text);
    return sw__kv_next(
        state, &found->old, state->revision + 1, sw_buf_span(text), found->old.lease);
}

static void add_usage(struct sw__usage_change *sum, struct sw__usage_change more)
{
    sum->keys += more.keys;
    sum->bytes += more.bytes;
}

enum sw_err sw__context_put(struct sw__apply *apply,
                            const struct sw__context *found,
                            const struct sw_kv_record *header)
{
    SW_ASSERT(header->mod_revision == apply->state->revision);
    return sw__kv_put(apply, &found->place, sw_context_key_span(&found->name), &found->old, header);
}

/* The index knows a context by 32 bits of the revision that made it: two of one index could only
 * share a watermark if 2^32 revisions lie between them. 0 is no context. */
static uint32_t number_of(uint64_t create_revision)
{
    const uint32_t number = (uint32_t)create_revision;

    return number == 0 ? UINT32_MAX : number;
}

static struct sw_vectors_index *index_of(const struct sw_state *state,
                                         const struct sw__context *found)
{
    const struct sw_span name = sw_span_str(found->context.index);

    return name.size == 0 ? NULL : sw_vectors_find(&state->vectors, &found->place, name);
}

/* --- the window ------------------------------------------------------------------------------- */

/* The first block at `token` or behind it. A key that is none of our blocks counts as none. */
static enum sw_err seek_block(struct sw__apply *apply,
                              const struct sw__context *found,
                              uint64_t token,
                              struct place *ret_place)
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

    *ret_place = (struct place){.exists = false};
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
                          struct place *ret_first)
{
    uint64_t low = found->context.window_token;
    uint64_t high = end;
    struct place place;
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

/* Moves window and watermark of the header that will be written. `last` is what the window begins
 * with if nothing before `end` is inside. */
static enum sw_err
slide(struct sw__apply *apply, struct sw__context *found, uint64_t end, struct place last)
{
    struct sw_context *context = &found->context;
    struct place first = last;
    struct place now;
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
    }
    return err;
}

static enum sw_err
mark(struct sw__apply *apply, struct sw_vectors_index *index, const struct sw__context *found)
{
    if (index == NULL || found->context.watermark == 0) {
        return SW_ERR_OK;
    }
    return sw__vector_watermark(
        apply, index, number_of(found->old.create_revision), found->context.watermark);
}

static enum sw_err set_window(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct sw__usage_change change = {0};
    struct sw_context_window window;
    struct sw_buf text = {0};
    struct sw_kv_record header;
    struct sw__context found;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    result->err = sw_context_window_decode(request->value, &window);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    found.context.window_blocks = window.blocks;
    found.context.window_ms = window.ms;
    err = slide(apply,
                &found,
                found.context.next,
                (struct place){.token = found.context.next, .revision = state->revision + 1});
    if (err != SW_ERR_OK) {
        return err;
    }
    header = sw__context_header(state, &found, &text);
    add_usage(&change, sw__usage_of_put(sw_context_key_span(&found.name), &found.old, &header));
    err = sw__quota_check(apply, &found.place, &change, result);
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        state->revision++;
        result->revision = state->revision;
        result->value = found.context.window_token;
        err = mark(apply, index_of(state, &found), &found);
        err = err == SW_ERR_OK ? sw__context_put(apply, &found, &header) : err;
    }
    sw_buf_release(&text);
    return err;
}

/* --- create ----------------------------------------------------------------------------------- */

/* Blocks of an earlier context of that name, whose header somebody deleted? */
static enum sw_err
has_blocks(struct sw__apply *apply, const struct sw__context *found, bool *ret_has)
{
    struct sw_store *store = apply->store;
    struct sw_context_key name;
    struct sw_store_record stored;
    struct sw_key prefix;
    enum sw_err err;

    sw_context_blocks_prefix(found->id, &name);
    sw_key_kv(&found->place, sw_context_key_span(&name), &prefix);
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&prefix), false, &stored);
    *ret_has = err == SW_ERR_OK && sw_key_has_prefix(stored.key, sw_key_span(&prefix));
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static void fill_context(const struct sw_context_spec *spec, struct sw_context *ret_context)
{
    *ret_context = (struct sw_context){.block_size = spec->block_size,
                                       .overlap = spec->overlap,
                                       .window_blocks = spec->window.blocks,
                                       .window_ms = spec->window.ms};
    SW_ASSERT(spec->index.size < sizeof ret_context->index);
    for (size_t i = 0; i < spec->index.size; i++) {
        ret_context->index[i] = (char)spec->index.data[i];
    }
}

static enum sw_err
create(struct sw__apply *apply, const struct sw_request *request, struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct sw__usage_change change = {0};
    struct sw_context_spec spec;
    struct sw_buf text = {0};
    struct sw_kv_record header;
    struct sw__context found;
    bool has = false;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err == SW_ERR_OK) {
        err = has_blocks(apply, &found, &has);
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
    fill_context(&spec, &found.context);
    if (spec.index.size > 0 && index_of(state, &found) == NULL) {
        result->err = SW_ERR_NO_INDEX;
        return SW_ERR_OK;
    }
    header = sw__context_header(state, &found, &text);
    add_usage(&change, sw__usage_of_put(sw_context_key_span(&found.name), &found.old, &header));
    err = sw__quota_check(apply, &found.place, &change, result);
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        state->revision++;
        result->revision = state->revision;
        err = sw__context_put(apply, &found, &header);
    }
    sw_buf_release(&text);
    return err;
}

/* --- append ----------------------------------------------------------------------------------- */

/* What will be written, once all of it is known to fit. */
struct appending {
    struct sw_context_append append;
    struct sw_vectors_index *index; /* NULL: the context has none, or it was dropped */
    uint64_t token;
    uint64_t number;
    struct sw_context_key name;
    struct sw_kv_record old, next;
    struct sw_kv_record header;
    struct sw_buf value, text;
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

/* Questions may ask for a context by its id, and for tokens from and to. */
static struct sw_vector_item item_of(const struct sw__context *found, const struct appending *block)
{
    struct sw_vector_item item = {
        .index = sw_span_str(found->context.index),
        .vector = block->append.vector,
        .context = number_of(found->old.create_revision),
        .attribute_count = 2,
        .attributes = {
            {.kind = SW_ATTRIBUTE_TEXT, .name = sw_span_str("context"), .text = found->id},
            {.kind = SW_ATTRIBUTE_NUMBER,
             .name = sw_span_str("token"),
             .number = (int64_t)block->token}}};

    if (block->append.has_score) {
        item.attributes[item.attribute_count++] =
            (struct sw_attribute){.kind = SW_ATTRIBUTE_NUMBER,
                                  .name = sw_span_str("score"),
                                  .number = block->append.score};
    }
    return item;
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

/* Records and header as they will be, and what they use. */
static enum sw_err prepare(struct sw__apply *apply,
                           struct sw__context *found,
                           struct appending *block,
                           struct sw_command_result *result)
{
    const uint64_t revision = apply->state->revision + 1;
    struct sw_context *context = &found->context;
    struct sw__usage_change change;
    enum sw_err err;

    block->token = context->blocks == 0 ? 0 : context->next - context->overlap;
    block->number = context->blocks;
    context->blocks++;
    context->next = block->token + block->append.tokens;
    context->size += block->append.content.size;
    err = slide(
        apply, found, block->token, (struct place){.token = block->token, .revision = revision});
    if (err != SW_ERR_OK) {
        return err;
    }
    sw_context_block_key(found->id, block->token, &block->name);
    err = get_named(apply, &found->place, &block->name, &block->old);
    if (err != SW_ERR_OK) {
        return err;
    }
    sw_context_block_write(&(struct sw_context_block){.number = block->number,
                                                      .tokens = block->append.tokens,
                                                      .has_score = block->append.has_score,
                                                      .score = block->append.score,
                                                      .content = block->append.content},
                           &block->value);
    block->next = sw__kv_next(apply->state, &block->old, revision, sw_buf_span(&block->value), 0);
    block->header = sw__context_header(apply->state, found, &block->text);
    change = sw__usage_of_put(sw_context_key_span(&block->name), &block->old, &block->next);
    add_usage(&change,
              sw__usage_of_put(sw_context_key_span(&found->name), &found->old, &block->header));
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
execute(struct sw__apply *apply, const struct sw__context *found, const struct appending *block)
{
    enum sw_err err;

    err = sw__kv_put(
        apply, &found->place, sw_context_key_span(&block->name), &block->old, &block->next);
    if (err == SW_ERR_OK) {
        err = set_vector(apply, found, block);
    }
    if (err == SW_ERR_OK) {
        err = mark(apply, block->index, found);
    }
    return err == SW_ERR_OK ? sw__context_put(apply, found, &block->header) : err;
}

static enum sw_err
append(struct sw__apply *apply, const struct sw_request *request, struct sw_command_result *result)
{
    struct appending block = {0};
    struct sw__context found;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err != SW_ERR_OK || result->err != SW_ERR_OK) {
        return err;
    }
    result->err = sw_context_append_decode(request->value, &block.append);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    block.index = index_of(apply->state, &found);
    result->err = check_append(&found, &block, &result->value);
    if (result->err != SW_ERR_OK) {
        return SW_ERR_OK;
    }
    err = prepare(apply, &found, &block, result);
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        apply->state->revision++;
        result->revision = apply->state->revision;
        result->value = block.token;
        err = execute(apply, &found, &block);
    }
    sw_buf_release(&block.value);
    sw_buf_release(&block.text);
    return err;
}

/* --- delete ----------------------------------------------------------------------------------- */

/* The first key below the context's blocks, whatever it is; size 0: there is none. Blocks of a
 * context have no lease, but who writes them by hand may give them one, so records are whole. */
static enum sw_err first_block(struct sw__apply *apply,
                               const struct sw__context *found,
                               uint8_t name[SW_KEY_SIZE_MAX],
                               struct sw_span *ret_name)
{
    struct sw_store *store = apply->store;
    struct sw_context_key below;
    struct sw_store_record stored;
    struct sw_key prefix;
    size_t place_size;
    enum sw_err err;

    *ret_name = sw_span_of(NULL, 0);
    sw_context_blocks_prefix(found->id, &below);
    sw_key_kv(&found->place, sw_context_key_span(&below), &prefix);
    err = store->ops->seek(store, SW_TABLE_KV, sw_key_span(&prefix), false, &stored);
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_OK;
    }
    if (err != SW_ERR_OK || !sw_key_has_prefix(stored.key, sw_key_span(&prefix))) {
        return err;
    }
    place_size = prefix.size - below.size;
    SW_ASSERT(stored.key.size - place_size <= SW_KEY_SIZE_MAX);
    *ret_name = sw_span_of(name, stored.key.size - place_size);
    for (size_t i = 0; i < ret_name->size; i++) {
        name[i] = stored.key.data[place_size + i];
    }
    return SW_ERR_OK;
}

/* Deletes so many as one entry may; *ret_left: there are more. */
static enum sw_err
delete_some(struct sw__apply *apply, const struct sw__context *found, bool *ret_left)
{
    uint8_t bytes[SW_KEY_SIZE_MAX];
    size_t size = 0;

    *ret_left = true;
    for (int count = 0;; count++) {
        struct sw_kv_record record;
        struct sw_span name;
        struct sw_key key;
        enum sw_err err = first_block(apply, found, bytes, &name);

        if (err != SW_ERR_OK || name.size == 0) {
            *ret_left = false;
            return err;
        }
        if (count == SW_CONTEXT_STEP_COUNT_MAX || size >= SW_CONTEXT_STEP_SIZE_MAX) {
            return SW_ERR_OK;
        }
        sw_key_kv(&found->place, name, &key);
        err = sw__kv_get(apply, &key, &record);
        if (err == SW_ERR_OK) {
            size += record.value.size;
            err = sw__kv_del(apply, &found->place, name, &record);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
}

/* A header that is to be deleted says so until the last block is gone: the id is taken as long, and
 * no search finds the blocks that are still there. One that somebody made unreadable stays. */
static enum sw_err note_dying(struct sw__apply *apply, struct sw__context *found)
{
    struct sw_buf text = {0};
    struct sw_kv_record header;
    enum sw_err err;

    if (found->context.block_size == 0 || found->context.dying != 0) {
        return SW_ERR_OK;
    }
    found->context.dying = 1;
    sw_context_write(&found->context, &text);
    header = sw__kv_next(
        apply->state, &found->old, apply->state->revision, sw_buf_span(&text), found->old.lease);
    err = sw__context_put(apply, found, &header);
    sw_buf_release(&text);
    found->context.watermark = apply->state->revision;
    return err == SW_ERR_OK ? mark(apply, index_of(apply->state, found), found) : err;
}

static enum sw_err delete_context(struct sw__apply *apply,
                                  const struct sw_request *request,
                                  struct sw_command_result *result)
{
    struct sw_kv_record header;
    struct sw__context found;
    bool left = false;
    enum sw_err err = sw__context_find(apply, request, &found, result);

    if (err == SW_ERR_OK) {
        err = has_blocks(apply, &found, &left);
    }
    if (err != SW_ERR_OK || (found.old.version == 0 && !left)) {
        return err;
    }
    apply->state->revision++;
    *result = (struct sw_command_result){.revision = apply->state->revision};
    err = delete_some(apply, &found, &left);
    if (err != SW_ERR_OK) {
        return err;
    }
    result->value = left ? 1 : 0;
    if (found.old.version == 0) {
        return SW_ERR_OK;
    }
    if (left) {
        return note_dying(apply, &found);
    }
    err = get_named(apply, &found.place, &found.name, &header);
    return err == SW_ERR_OK
               ? sw__kv_del(apply, &found.place, sw_context_key_span(&found.name), &header)
               : err;
}

enum sw_err sw__apply_context(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result)
{
    if (request->op == SW_OP_CONTEXT_CREATE) {
        return create(apply, request, result);
    }
    if (request->op == SW_OP_CONTEXT_APPEND) {
        return append(apply, request, result);
    }
    if (request->op == SW_OP_CONTEXT_WINDOW) {
        return set_window(apply, request, result);
    }
    if (request->op == SW_OP_CONTEXT_PRUNE) {
        return sw__apply_prune(apply, request, result);
    }
    SW_ASSERT(request->op == SW_OP_CONTEXT_DELETE);
    return delete_context(apply, request, result);
}
