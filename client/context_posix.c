/* Contexts for callers: what is written. What is read is in context_reads.c. */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/context_private.h"

enum {
    BLOCK_SIZE_DEFAULT = 1024,
    UNDER_WAY_MAX = 128, /* blocks of one call: the answers wait in the session meanwhile */
};

static_assert((int)SWARM_DEDUPE_LINK == (int)SW_DEDUPE_LINK, "the protocol's");

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
    request.value = sw__slice_of(sw_buf_span(value));
    status = swarm_call(client, &request, &result);
    sw_buf_release(value);
    if (status != SWARM_OK && result != NULL) {
        (void)sw__refuse((enum sw_err)status, result->detail, ret_why, why_size);
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
        .window = {.blocks = given->window.blocks,
                   .ms = given->window.ms,
                   .similar = given->window.similar},
        .precision = (uint8_t)given->precision,
        .index = sw_span_str(given->index == NULL ? "" : given->index)};
    struct sw_buf value = {0};

    if (spec.index.size > SW_SPACE_NAME_SIZE_MAX) {
        if (ret_result != NULL) {
            *ret_result = NULL;
        }
        return sw__refuse(SW_ERR_TOO_LARGE, "the name of the index is too long", ret_why, why_size);
    }
    if (given->precision > UINT8_MAX || given->window.similar > SW_PERMILLE) {
        if (ret_result != NULL) {
            *ret_result = NULL;
        }
        return sw__refuse(SW_ERR_INVALID,
                          "a precision is 64 bits at most, a likeness 1000 permille",
                          ret_why,
                          why_size);
    }
    sw_context_spec_encode(&spec, &value);
    return call(client, SWARM_CONTEXT_CREATE, scope, id, &value, ret_result, ret_why, why_size);
}

/* Only what could not be encoded is refused here. */
static enum swarm_status
pack(const struct swarm_block *block, struct sw_buf *out, char *ret_why, size_t why_size)
{
    if (block->content.size > SW_VALUE_SIZE_MAX || block->vector.size > SW_VALUE_SIZE_MAX) {
        return sw__refuse(SW_ERR_TOO_LARGE, "a block is over 1 MiB", ret_why, why_size);
    }
    sw_context_append_encode(&(struct sw_context_append){.tokens = block->tokens,
                                                         .has_score = block->has_score,
                                                         .score = block->score,
                                                         .vector = sw__span_of(block->vector),
                                                         .content = sw__span_of(block->content)},
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
        request.value = sw__slice_of(sw_buf_span(&value));
        status = swarm_submit(client, &request, callback, arg, ret_why, why_size);
    }
    sw_buf_release(&value);
    return status;
}

enum swarm_status swarm_context_window(struct swarm_client *client,
                                       struct swarm_scope scope,
                                       const char *id,
                                       const struct swarm_window *window,
                                       struct swarm_result **ret_result,
                                       char *ret_why,
                                       size_t why_size)
{
    const struct sw_context_window wanted = {
        .blocks = window->blocks, .ms = window->ms, .similar = window->similar};
    struct sw_buf value = {0};

    if (wanted.similar > SW_PERMILLE) {
        if (ret_result != NULL) {
            *ret_result = NULL;
        }
        return sw__refuse(SW_ERR_INVALID, "a likeness is 1000 permille at most", ret_why, why_size);
    }
    sw_context_window_encode(&wanted, &value);
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

/* Adds up the blocks that a step went through and frees its result: the token where the next step
 * goes on, 0 = that was all. */
static uint64_t
count(struct swarm_result *result, enum swarm_status status, uint64_t *blocks, uint64_t *bytes)
{
    const uint64_t from = status == SWARM_OK ? result->value : 0;

    for (size_t i = 0; status == SWARM_OK && i < result->record_count; i++) {
        *blocks += 1;
        *bytes += result->records[i].lease; /* the size of its content */
    }
    swarm_result_free(result);
    return from;
}

static void tell(uint64_t value, uint64_t *ret_value)
{
    if (ret_value != NULL) {
        *ret_value = value;
    }
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
                                     .any = policy->any,
                                     .stored = policy->stored,
                                     .threshold = policy->threshold,
                                     .age_ms = policy->age_ms,
                                     .keep = policy->keep,
                                     .size_max = policy->size_max,
                                     .idle_ms = policy->idle_ms};
    uint64_t blocks = 0, bytes = 0;
    enum swarm_status status;

    do {
        struct swarm_result *result = NULL;
        struct sw_buf value = {0};

        step.counted = step.dry ? bytes : 0;
        sw_context_policy_encode(&step, &value);
        status = call(client, SWARM_CONTEXT_PRUNE, scope, id, &value, &result, ret_why, why_size);
        step.from = count(result, status, &blocks, &bytes);
    } while (step.from != 0);
    tell(blocks, ret_blocks);
    tell(bytes, ret_bytes);
    return status;
}

enum swarm_status swarm_context_restore(struct swarm_client *client,
                                        struct swarm_scope scope,
                                        const char *id,
                                        uint64_t from,
                                        uint64_t end,
                                        uint64_t since,
                                        uint64_t *ret_blocks,
                                        uint64_t *ret_bytes,
                                        char *ret_why,
                                        size_t why_size)
{
    struct sw_context_undo step = {.from = from, .end = end, .since = since};
    uint64_t blocks = 0, bytes = 0;
    enum swarm_status status;

    do {
        struct swarm_result *result = NULL;
        struct sw_buf value = {0};

        sw_context_undo_encode(&step, &value);
        status = call(client, SWARM_CONTEXT_RESTORE, scope, id, &value, &result, ret_why, why_size);
        step.from = count(result, status, &blocks, &bytes);
    } while (step.from != 0);
    tell(blocks, ret_blocks);
    tell(bytes, ret_bytes);
    return status;
}

enum swarm_status swarm_context_set_policy(struct swarm_client *client,
                                           struct swarm_scope scope,
                                           const char *id,
                                           const struct swarm_context_policy *policy,
                                           struct swarm_result **ret_result,
                                           char *ret_why,
                                           size_t why_size)
{
    static const struct swarm_context_policy none = {0};
    const struct swarm_context_policy *given = policy == NULL ? &none : policy;
    const struct sw_context_rules rules = {.prunes = given->prunes,
                                           .high = given->prune.high,
                                           .any = given->prune.any,
                                           .threshold = given->prune.threshold,
                                           .age_ms = given->prune.age_ms,
                                           .idle_ms = given->prune.idle_ms,
                                           .keep = given->prune.keep,
                                           .size_max = given->prune.size_max,
                                           .dedupe = (enum sw_dedupe)given->dedupe,
                                           .similar = given->similar,
                                           .ids = given->ids};
    struct sw_buf value = {0};

    if (given->similar > SW_PERMILLE || (unsigned)given->dedupe >= SW_DEDUPE_COUNT) {
        if (ret_result != NULL) {
            *ret_result = NULL;
        }
        return sw__refuse(SW_ERR_INVALID,
                          "a likeness is 1000 permille at most, and dedupe one of four",
                          ret_why,
                          why_size);
    }
    sw_context_rules_encode(&rules, &value);
    return call(client,
                SWARM_CONTEXT_POLICY,
                scope,
                id == NULL ? SW_CONTEXT_PARTITION : id,
                &value,
                ret_result,
                ret_why,
                why_size);
}

/* --- uses ------------------------------------------------------------------------------------- */

static int by_token(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y ? 1 : 0;
}

/* Sorted, each once. */
static size_t in_order(uint64_t *tokens, size_t count)
{
    size_t kept = 0;

    qsort(tokens, count, sizeof tokens[0], by_token);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || tokens[kept - 1] != tokens[i]) {
            tokens[kept++] = tokens[i];
        }
    }
    return kept;
}

enum swarm_status swarm_context_touch(struct swarm_client *client,
                                      struct swarm_scope scope,
                                      const char *id,
                                      const uint64_t *tokens,
                                      size_t token_count,
                                      uint64_t *ret_count,
                                      char *ret_why,
                                      size_t why_size)
{
    uint64_t *sorted = malloc(token_count * sizeof sorted[0] + 1);
    enum swarm_status status = SWARM_OK;
    uint64_t touched = 0;
    size_t count;

    SW_ASSERT(sorted != NULL);
    if (token_count > 0) {
        memcpy(sorted, tokens, token_count * sizeof sorted[0]);
    }
    count = in_order(sorted, token_count);
    for (size_t at = 0; at < count && status == SWARM_OK; at += SW_CONTEXT_TOUCH_COUNT_MAX) {
        const size_t left = count - at;
        struct swarm_result *result = NULL;
        struct sw_buf value = {0};

        sw_context_tokens_encode(
            sorted + at,
            (uint32_t)(left < SW_CONTEXT_TOUCH_COUNT_MAX ? left : SW_CONTEXT_TOUCH_COUNT_MAX),
            &value);
        status = call(client, SWARM_CONTEXT_TOUCH, scope, id, &value, &result, ret_why, why_size);
        touched += status == SWARM_OK ? result->value : 0;
        swarm_result_free(result);
    }
    free(sorted);
    if (ret_count != NULL) {
        *ret_count = touched;
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
        return sw__refuse(SW_ERR_INVALID, "needs a client with SWARM_ORDERED", ret_why, why_size);
    }
    if (token_size == 0 || token_size > SW_VALUE_SIZE_MAX || tokens.size % token_size != 0) {
        return sw__refuse(
            SW_ERR_INVALID, "the bytes are no whole number of tokens", ret_why, why_size);
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
            (void)sw__refuse((enum sw_err)status, flight.why, ret_why, why_size);
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
        status =
            sw__refuse((enum sw_err)atomic_load(&flight.status), flight.why, ret_why, why_size);
    }
    return status;
}
