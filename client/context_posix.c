/* Contexts for callers: writes are packed here, reads are scans of the keys that a context is.
 *
 * The block that has a token is the first of a reverse scan from the key of that token, so it takes
 * one request to find it, however long the context is. */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/include/swarm.h"
#include "transport/context.h"

enum {
    BLOCK_SIZE_DEFAULT = 1024,
    UNDER_WAY_MAX = 128, /* blocks of one call: the answers wait in the session meanwhile */
};

static_assert(sizeof((struct swarm_context_info *)0)->id == SW_CONTEXT_ID_SIZE_MAX + 1, "an id");
static_assert(sizeof((struct swarm_context_info *)0)->index == SW_SPACE_NAME_SIZE_MAX + 1,
              "the name of an index");

static struct sw_span span_of(struct swarm_slice slice)
{
    return sw_span_of(slice.data, slice.size);
}

static struct swarm_slice slice_of(struct sw_span span)
{
    return (struct swarm_slice){.data = span.data, .size = span.size};
}

static struct swarm_slice slice_of_key(const struct sw_context_key *key)
{
    return slice_of(sw_context_key_span(key));
}

static enum swarm_status refuse(enum sw_err err, const char *why, char *ret_why, size_t why_size)
{
    if (ret_why != NULL && why_size > 0) {
        (void)snprintf(ret_why, why_size, "%s", why);
    }
    return (enum swarm_status)err;
}

/* The id of a request that is no write, so that nobody else checks it. */
static enum swarm_status
check_id(const char *id, struct sw_span *ret_id, char *ret_why, size_t why_size)
{
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    *ret_id = sw_span_str(id == NULL ? "" : id);
    err = sw_context_id_validate(*ret_id, why);
    return err == SW_ERR_OK ? SWARM_OK : refuse(err, why, ret_why, why_size);
}

/* --- writes ----------------------------------------------------------------------------------- */

static enum swarm_status call(struct swarm_client *client,
                              enum swarm_op op,
                              struct swarm_scope scope,
                              const char *id,
                              struct sw_buf *value, /* released */
                              struct swarm_result **ret_result,
                              char *ret_why,
                              size_t why_size)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.op = op;
    request.scope = scope;
    request.key = swarm_str(id == NULL ? "" : id);
    request.value = slice_of(sw_buf_span(value));
    status = swarm_call(client, &request, &result);
    sw_buf_release(value);
    if (status != SWARM_OK && result != NULL) {
        (void)refuse((enum sw_err)status, result->detail, ret_why, why_size);
    }
    if (ret_result != NULL) {
        *ret_result = result;
    } else {
        swarm_result_free(result);
    }
    return status;
}

enum swarm_status swarm_context_create(struct swarm_client *client,
                                       struct swarm_scope scope,
                                       const char *id,
                                       const struct swarm_context_options *options,
                                       struct swarm_result **ret_result,
                                       char *ret_why,
                                       size_t why_size)
{
    static const struct swarm_context_options standard = {0};
    const struct swarm_context_options *given = options == NULL ? &standard : options;
    const struct sw_context_spec spec = {
        .block_size = given->block_size == 0 ? BLOCK_SIZE_DEFAULT : given->block_size,
        .overlap = given->overlap,
        .window = {.blocks = given->window_blocks, .ms = given->window_ms},
        .index = sw_span_str(given->index == NULL ? "" : given->index)};
    struct sw_buf value = {0};

    if (spec.index.size > SW_SPACE_NAME_SIZE_MAX) {
        if (ret_result != NULL) {
            *ret_result = NULL;
        }
        return refuse(SW_ERR_TOO_LARGE, "the name of the index is too long", ret_why, why_size);
    }
    sw_context_spec_encode(&spec, &value);
    return call(client, SWARM_CONTEXT_CREATE, scope, id, &value, ret_result, ret_why, why_size);
}

/* Only what could not be encoded is refused here. */
static enum swarm_status
pack(const struct swarm_block *block, struct sw_buf *out, char *ret_why, size_t why_size)
{
    if (block->content.size > SW_VALUE_SIZE_MAX || block->vector.size > SW_VALUE_SIZE_MAX) {
        return refuse(SW_ERR_TOO_LARGE, "a block is over 1 MiB", ret_why, why_size);
    }
    sw_context_append_encode(&(struct sw_context_append){.tokens = block->tokens,
                                                         .has_score = block->has_score,
                                                         .score = block->score,
                                                         .vector = span_of(block->vector),
                                                         .content = span_of(block->content)},
                             out);
    return SWARM_OK;
}

enum swarm_status swarm_context_append(struct swarm_client *client,
                                       struct swarm_scope scope,
                                       const char *id,
                                       const struct swarm_block *block,
                                       struct swarm_result **ret_result,
                                       char *ret_why,
                                       size_t why_size)
{
    struct sw_buf value = {0};
    const enum swarm_status status = pack(block, &value, ret_why, why_size);

    if (status != SWARM_OK) {
        if (ret_result != NULL) {
            *ret_result = NULL;
        }
        return status;
    }
    return call(client, SWARM_CONTEXT_APPEND, scope, id, &value, ret_result, ret_why, why_size);
}

enum swarm_status swarm_context_submit(struct swarm_client *client,
                                       struct swarm_scope scope,
                                       const char *id,
                                       const struct swarm_block *block,
                                       swarm_callback callback,
                                       void *arg,
                                       char *ret_why,
                                       size_t why_size)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct sw_buf value = {0};
    enum swarm_status status = pack(block, &value, ret_why, why_size);

    if (status == SWARM_OK) {
        request.op = SWARM_CONTEXT_APPEND;
        request.scope = scope;
        request.key = swarm_str(id == NULL ? "" : id);
        request.value = slice_of(sw_buf_span(&value));
        status = swarm_submit(client, &request, callback, arg, ret_why, why_size);
    }
    sw_buf_release(&value);
    return status;
}

enum swarm_status swarm_context_window(struct swarm_client *client,
                                       struct swarm_scope scope,
                                       const char *id,
                                       uint32_t window_blocks,
                                       uint64_t window_ms,
                                       struct swarm_result **ret_result,
                                       char *ret_why,
                                       size_t why_size)
{
    const struct sw_context_window window = {.blocks = window_blocks, .ms = window_ms};
    struct sw_buf value = {0};

    sw_context_window_encode(&window, &value);
    return call(client, SWARM_CONTEXT_WINDOW, scope, id, &value, ret_result, ret_why, why_size);
}

enum swarm_status swarm_context_delete(struct swarm_client *client,
                                       struct swarm_scope scope,
                                       const char *id,
                                       struct swarm_result **ret_result,
                                       char *ret_why,
                                       size_t why_size)
{
    struct swarm_result *result = NULL;
    enum swarm_status status;
    bool more;

    do {
        struct sw_buf nothing = {0};

        swarm_result_free(result);
        result = NULL;
        status =
            call(client, SWARM_CONTEXT_DELETE, scope, id, &nothing, &result, ret_why, why_size);
        more = status == SWARM_OK && result->value != 0;
    } while (more);
    if (ret_result != NULL) {
        *ret_result = result;
    } else {
        swarm_result_free(result);
    }
    return status;
}

enum swarm_status swarm_context_prune(struct swarm_client *client,
                                      struct swarm_scope scope,
                                      const char *id,
                                      const struct swarm_policy *policy,
                                      uint64_t *ret_blocks,
                                      uint64_t *ret_bytes,
                                      char *ret_why,
                                      size_t why_size)
{
    struct sw_context_policy step = {.high = policy->high,
                                     .dry = policy->dry,
                                     .threshold = policy->threshold,
                                     .age_ms = policy->age_ms,
                                     .keep = policy->keep,
                                     .size_max = policy->size_max};
    uint64_t blocks = 0, bytes = 0;
    enum swarm_status status;

    do {
        struct swarm_result *result = NULL;
        struct sw_buf value = {0};

        step.counted = step.dry ? bytes : 0;
        sw_context_policy_encode(&step, &value);
        status = call(client, SWARM_CONTEXT_PRUNE, scope, id, &value, &result, ret_why, why_size);
        for (size_t i = 0; status == SWARM_OK && i < result->record_count; i++) {
            blocks++;
            bytes += result->records[i].lease; /* the size of its content */
        }
        step.from = status == SWARM_OK ? result->value : 0;
        swarm_result_free(result);
    } while (step.from != 0);
    if (ret_blocks != NULL) {
        *ret_blocks = blocks;
    }
    if (ret_bytes != NULL) {
        *ret_bytes = bytes;
    }
    return status;
}

/* --- many blocks ------------------------------------------------------------------------------ */

/* Lives on the caller's stack until all answers are there. Callbacks come on the client's thread.
 */
struct flight {
    sem_t free;
    _Atomic uint64_t done;            /* in order, until one failed */
    _Atomic enum swarm_status status; /* of the first that failed */
    char why[SW_WHY_SIZE];            /* written once, before `status` */
};

static void landed(void *arg, struct swarm_result *result)
{
    struct flight *flight = arg;

    if (atomic_load(&flight->status) == SWARM_OK) {
        if (result->status == SWARM_OK) {
            (void)atomic_fetch_add(&flight->done, 1);
        } else {
            (void)snprintf(flight->why, sizeof flight->why, "%s", result->detail);
            atomic_store(&flight->status, result->status);
        }
    }
    swarm_result_free(result);
    (void)sem_post(&flight->free);
}

static void wait_for_one(struct flight *flight)
{
    while (sem_wait(&flight->free) != 0) { /* a signal came */
    }
}

static enum swarm_status check_tokens(const struct swarm_client *client,
                                      struct swarm_slice tokens,
                                      size_t token_size,
                                      char *ret_why,
                                      size_t why_size)
{
    if (!swarm_is_ordered(client)) {
        return refuse(SW_ERR_INVALID, "needs a client with SWARM_ORDERED", ret_why, why_size);
    }
    if (token_size == 0 || token_size > SW_VALUE_SIZE_MAX || tokens.size % token_size != 0) {
        return refuse(SW_ERR_INVALID, "the bytes are no whole number of tokens", ret_why, why_size);
    }
    return SWARM_OK;
}

enum swarm_status swarm_context_append_tokens(struct swarm_client *client,
                                              struct swarm_scope scope,
                                              const char *id,
                                              struct swarm_slice tokens,
                                              size_t token_size,
                                              uint32_t block_size,
                                              uint64_t *ret_blocks,
                                              char *ret_why,
                                              size_t why_size)
{
    const size_t block_tokens = block_size == 0 ? BLOCK_SIZE_DEFAULT : block_size;
    struct flight flight = {.status = SWARM_OK};
    enum swarm_status status = check_tokens(client, tokens, token_size, ret_why, why_size);
    size_t at = 0;

    *ret_blocks = 0;
    if (status != SWARM_OK) {
        return status;
    }
    SW_ASSERT(sem_init(&flight.free, 0, UNDER_WAY_MAX) == 0);
    while (at < tokens.size && status == SWARM_OK) {
        const size_t left = (tokens.size - at) / token_size;
        const size_t count = left < block_tokens ? left : block_tokens;
        const struct swarm_block block = {
            .tokens = (uint32_t)count,
            .content = {(const uint8_t *)tokens.data + at, count * token_size}};

        wait_for_one(&flight);
        status = atomic_load(&flight.status);
        if (status == SWARM_OK) {
            status =
                swarm_context_submit(client, scope, id, &block, landed, &flight, ret_why, why_size);
        } else {
            (void)refuse((enum sw_err)status, flight.why, ret_why, why_size);
        }
        if (status != SWARM_OK) {
            (void)sem_post(&flight.free); /* it is not under way */
        }
        at += count * token_size;
    }
    for (int i = 0; i < UNDER_WAY_MAX; i++) {
        wait_for_one(&flight);
    }
    (void)sem_destroy(&flight.free);
    *ret_blocks = atomic_load(&flight.done);
    if (status == SWARM_OK && atomic_load(&flight.status) != SWARM_OK) {
        status = refuse((enum sw_err)atomic_load(&flight.status), flight.why, ret_why, why_size);
    }
    return status;
}

/* --- reads ------------------------------------------------------------------------------------ */

struct swarm_blocks {
    struct swarm_block_at *all; /* owned, and the content of each */
    size_t count, room;
};

/* False if it is none of the context's blocks: somebody's key. */
static bool
read_block(struct sw_span id, const struct swarm_record *record, struct swarm_block_at *ret_block)
{
    struct sw_context_block block;
    uint64_t token;

    if (!sw_context_block_token(id, span_of(record->key), &token) ||
        !sw_context_block_read(span_of(record->value), &block) ||
        token > UINT64_MAX - block.tokens) {
        return false;
    }
    *ret_block = (struct swarm_block_at){.token = token,
                                         .end = token + block.tokens,
                                         .number = block.number,
                                         .has_score = block.has_score,
                                         .score = block.score,
                                         .content = slice_of(block.content),
                                         .revision = record->mod_revision,
                                         .time_ms = record->time_ms};
    return true;
}

/* Adds it with a copy of its content. */
static void keep(struct swarm_blocks *blocks, const struct swarm_block_at *block)
{
    uint8_t *copy = malloc(block->content.size + 1);

    SW_ASSERT(copy != NULL);
    if (block->content.size > 0) {
        memcpy(copy, block->content.data, block->content.size);
    }
    if (blocks->count == blocks->room) {
        blocks->room = blocks->room * 2 + 1;
        blocks->all = realloc(blocks->all, blocks->room * sizeof blocks->all[0]);
        SW_ASSERT(blocks->all != NULL);
    }
    blocks->all[blocks->count] = *block;
    blocks->all[blocks->count].content.data = copy;
    blocks->count++;
}

static struct swarm_blocks *blocks_new(void)
{
    struct swarm_blocks *blocks = calloc(1, sizeof *blocks);

    SW_ASSERT(blocks != NULL);
    return blocks;
}

/* The last block that begins at the token or before it becomes the only one. */
static enum swarm_status find_before(struct swarm_client *client,
                                     struct swarm_scope scope,
                                     struct sw_span id,
                                     uint64_t token,
                                     struct swarm_blocks *blocks,
                                     char *ret_why,
                                     size_t why_size)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    struct sw_context_key key, prefix;
    struct swarm_block_at block;
    enum swarm_status status;

    sw_context_block_key(id, token, &key);
    sw_context_blocks_prefix(id, &prefix);
    request.op = SWARM_SCAN;
    request.scope = scope;
    request.flags = SWARM_REVERSE;
    request.limit = 1;
    request.key = slice_of_key(&key);
    request.end_key = slice_of_key(&prefix);
    status = swarm_call(client, &request, &result);
    if (status != SWARM_OK) {
        (void)refuse((enum sw_err)status, result == NULL ? "" : result->detail, ret_why, why_size);
    } else if (result->record_count == 1 && read_block(id, &result->records[0], &block)) {
        keep(blocks, &block);
    }
    swarm_result_free(result);
    return status;
}

enum swarm_status swarm_context_locate(struct swarm_client *client,
                                       struct swarm_scope scope,
                                       const char *id,
                                       uint64_t token,
                                       struct swarm_blocks **ret_blocks,
                                       char *ret_why,
                                       size_t why_size)
{
    struct swarm_blocks *blocks;
    struct sw_span name;
    enum swarm_status status = check_id(id, &name, ret_why, why_size);

    *ret_blocks = NULL;
    if (status != SWARM_OK) {
        return status;
    }
    blocks = blocks_new();
    status = find_before(client, scope, name, token, blocks, ret_why, why_size);
    if (status == SWARM_OK && (blocks->count == 0 || blocks->all[0].end <= token)) {
        status =
            refuse(SW_ERR_NOT_FOUND, "no block of that context has this token", ret_why, why_size);
    }
    if (status != SWARM_OK) {
        swarm_blocks_free(blocks);
        return status;
    }
    *ret_blocks = blocks;
    return SWARM_OK;
}

/* Adds all blocks that begin from `from` to `end`. */
static enum swarm_status walk(struct swarm_client *client,
                              struct swarm_scope scope,
                              struct sw_span id,
                              uint64_t from,
                              uint64_t end,
                              struct swarm_blocks *blocks)
{
    struct swarm_request first = SWARM_INIT(struct swarm_request);
    struct sw_context_key from_key, end_key;
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record;
    struct swarm_block_at block;
    enum swarm_status status;

    sw_context_block_key(id, from, &from_key);
    sw_context_block_key(id, end, &end_key);
    first.op = SWARM_SCAN;
    first.scope = scope;
    first.key = slice_of_key(&from_key);
    first.end_key = slice_of_key(&end_key);
    status = swarm_cursor_new(client, &first, &cursor);
    while (status == SWARM_OK) {
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK && read_block(id, record, &block)) {
            keep(blocks, &block);
        }
    }
    swarm_cursor_free(cursor);
    return status == SWARM_NOT_FOUND ? SWARM_OK : status;
}

enum swarm_status swarm_context_read(struct swarm_client *client,
                                     struct swarm_scope scope,
                                     const char *id,
                                     uint64_t from,
                                     uint64_t end,
                                     struct swarm_blocks **ret_blocks,
                                     char *ret_why,
                                     size_t why_size)
{
    struct swarm_blocks *blocks;
    struct sw_span name;
    uint64_t begin = from;
    enum swarm_status status = check_id(id, &name, ret_why, why_size);

    *ret_blocks = NULL;
    if (status == SWARM_OK && end < from) {
        status = refuse(SW_ERR_INVALID, "the end is before the beginning", ret_why, why_size);
    }
    if (status != SWARM_OK) {
        return status;
    }
    blocks = blocks_new();
    status = find_before(client, scope, name, from, blocks, ret_why, why_size);
    if (status == SWARM_OK && blocks->count == 1) { /* the walk meets it if it has the token */
        begin = blocks->all[0].end > from ? blocks->all[0].token : from;
        free((void *)(uintptr_t)blocks->all[0].content.data);
        blocks->count = 0;
    }
    if (status == SWARM_OK && from < end) {
        status = walk(client, scope, name, begin, end, blocks);
    }
    if (status != SWARM_OK) {
        swarm_blocks_free(blocks);
        return status;
    }
    *ret_blocks = blocks;
    return SWARM_OK;
}

size_t swarm_blocks_count(const struct swarm_blocks *blocks)
{
    return blocks->count;
}

const struct swarm_block_at *swarm_blocks_at(const struct swarm_blocks *blocks, size_t at)
{
    return at < blocks->count ? &blocks->all[at] : NULL;
}

void swarm_blocks_free(struct swarm_blocks *blocks)
{
    if (blocks != NULL) {
        for (size_t i = 0; i < blocks->count; i++) {
            free((void *)(uintptr_t)blocks->all[i].content.data); /* ours: keep made it */
        }
        free(blocks->all);
        free(blocks);
    }
}

/* --- lists ------------------------------------------------------------------------------------ */

/* False if it is no header. */
static bool read_header(const struct swarm_record *record,
                        size_t prefix_size,
                        struct swarm_context_info *ret_info)
{
    struct sw_span id;
    struct sw_context context;
    char why[SW_WHY_SIZE];

    SW_ASSERT(record->key.size >= prefix_size);
    id =
        sw_span_of((const uint8_t *)record->key.data + prefix_size, record->key.size - prefix_size);
    if (sw_context_id_validate(id, why) != SW_ERR_OK ||
        !sw_context_read(span_of(record->value), &context)) {
        return false;
    }
    *ret_info = (struct swarm_context_info){.block_size = context.block_size,
                                            .overlap = context.overlap,
                                            .blocks = context.blocks,
                                            .next = context.next,
                                            .size = context.size,
                                            .window_blocks = context.window_blocks,
                                            .window_ms = context.window_ms,
                                            .window_token = context.window_token,
                                            .watermark = context.watermark,
                                            .created = record->create_revision,
                                            .is_dying = context.dying != 0};
    memcpy(ret_info->id, id.data, id.size);
    memcpy(ret_info->index, context.index, sizeof context.index);
    return true;
}

enum swarm_status swarm_context_list(struct swarm_client *client,
                                     struct swarm_scope scope,
                                     struct swarm_context_info **ret_contexts,
                                     size_t *ret_count,
                                     char *ret_why,
                                     size_t why_size)
{
    struct swarm_request first = SWARM_INIT(struct swarm_request);
    struct swarm_context_info *all = NULL;
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record;
    struct sw_context_key from, end;
    size_t count = 0, room = 0;
    enum swarm_status status;

    sw_context_header_key(sw_span_of(NULL, 0), &from);
    end = from;
    end.data[end.size - 1]++; /* behind all that begin so */
    first.op = SWARM_SCAN;
    first.scope = scope;
    first.key = slice_of_key(&from);
    first.end_key = slice_of_key(&end);
    status = swarm_cursor_new(client, &first, &cursor);
    while (status == SWARM_OK) {
        if (count == room) {
            room = room * 2 + 1;
            all = realloc(all, room * sizeof all[0]);
            SW_ASSERT(all != NULL);
        }
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK && read_header(record, from.size, &all[count])) {
            count++;
        }
    }
    if (status != SWARM_NOT_FOUND) {
        (void)refuse((enum sw_err)status,
                     cursor == NULL ? "" : swarm_cursor_detail(cursor),
                     ret_why,
                     why_size);
        free(all);
        all = NULL;
        count = 0;
    }
    swarm_cursor_free(cursor);
    *ret_contexts = all;
    *ret_count = count;
    return status == SWARM_NOT_FOUND ? SWARM_OK : status;
}
