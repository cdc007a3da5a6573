/* What agents do with memories: each is one request, decided where all writes have an order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/memories.h"

static struct sw_span text_of(const char *text)
{
    return sw_span_str(text == NULL ? "" : text);
}

static enum swarm_status refuse(enum sw_err err,
                                const char *why,
                                struct swarm_result **ret_result,
                                char *ret_why,
                                size_t why_size)
{
    if (ret_result != NULL) {
        *ret_result = NULL;
    }
    return sw_say((enum swarm_status)err, why, ret_why, why_size);
}

/* --- remember --------------------------------------------------------------------------------- */

static enum sw_err too_many(const char *what, size_t count, int count_max, char why[SW_WHY_SIZE])
{
    (void)snprintf(why, SW_WHY_SIZE, "%zu %s, the limit is %d", count, what, count_max);
    return SW_ERR_TOO_LARGE;
}

static enum sw_err score_of(const char *what, uint32_t score, uint16_t *ret_score, char *why)
{
    if (score > SW_MEMORY_SCORE_MAX) {
        (void)snprintf(why,
                       SW_WHY_SIZE,
                       "the %s is %u, allowed are 0 to 1000 thousandths",
                       what,
                       (unsigned)score);
        return SW_ERR_INVALID;
    }
    *ret_score = score == 0 ? SW_MEMORY_UNSET : (uint16_t)score;
    return SW_ERR_OK;
}

/* What could not be encoded is refused here; the rest is judged by the rules of the request. */
static enum sw_err
fill(const struct swarm_memory *from, struct sw_memory_put *ret_put, char why[SW_WHY_SIZE])
{
    enum sw_err err;

    *ret_put = (struct sw_memory_put){.success = from->success,
                                      .novel = from->novelty > 0,
                                      .distance_max = from->novelty > 0 ? from->novelty : 0,
                                      .archive = from->archive_sources,
                                      .task = text_of(from->task),
                                      .meta = sw_span_of_slice(from->meta),
                                      .index = text_of(from->index),
                                      .vector = sw_span_of_slice(from->vector),
                                      .content = sw_span_of_slice(from->content)};
    err = score_of("utility", from->utility, &ret_put->utility, why);
    if (err == SW_ERR_OK) {
        err = score_of("importance", from->importance, &ret_put->importance, why);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    if (from->tag_count > SW_MEMORY_TAG_COUNT_MAX) {
        return too_many("tags", from->tag_count, SW_MEMORY_TAG_COUNT_MAX, why);
    }
    if (from->source_count > SW_MEMORY_PARENT_COUNT_MAX) {
        return too_many("sources", from->source_count, SW_MEMORY_PARENT_COUNT_MAX, why);
    }
    if (ret_put->content.size > SW_VALUE_SIZE_MAX || ret_put->vector.size > SW_VALUE_SIZE_MAX ||
        ret_put->meta.size > SW_VALUE_SIZE_MAX) {
        return too_many("bytes", ret_put->content.size, SW_MEMORY_CONTENT_SIZE_MAX, why);
    }
    for (size_t i = 0; i < from->tag_count; i++) {
        ret_put->tags[ret_put->tag_count++] = text_of(from->tags[i]);
    }
    for (size_t i = 0; i < from->source_count; i++) {
        ret_put->parents[ret_put->parent_count++] = sw_span_of_slice(from->sources[i]);
    }
    return SW_ERR_OK;
}

/* Names that are too long for their fields of one or two bytes. */
static enum sw_err check_sizes(const struct sw_memory_put *put, char why[SW_WHY_SIZE])
{
    bool fits = put->task.size <= UINT16_MAX && put->index.size <= UINT16_MAX;

    for (uint32_t i = 0; i < put->tag_count; i++) {
        fits = fits && put->tags[i].size <= UINT16_MAX;
    }
    for (uint32_t i = 0; i < put->parent_count; i++) {
        fits = fits && put->parents[i].size <= UINT16_MAX;
    }
    if (!fits) {
        (void)snprintf(why, SW_WHY_SIZE, "a name is over 64 KiB");
    }
    return fits ? SW_ERR_OK : SW_ERR_TOO_LARGE;
}

enum swarm_status swarm_remember(struct swarm_client *client,
                                 struct swarm_scope scope,
                                 const struct swarm_memory *memory,
                                 struct swarm_result **ret_result,
                                 char *ret_why,
                                 size_t why_size)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    struct sw_memory_put put;
    struct sw_buf value = {0};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err = fill(memory, &put, why);

    if (err == SW_ERR_OK) {
        err = check_sizes(&put, why);
    }
    if (err == SW_ERR_OK) {
        sw_memory_put_encode(&put, &value);
        err = sw_memory_put_validate(text_of(memory->agent), sw_buf_span(&value), why);
    }
    if (err != SW_ERR_OK) {
        sw_buf_release(&value);
        return refuse(err, why, ret_result, ret_why, why_size);
    }
    request.op = SWARM_MEMORY_PUT;
    request.scope = scope;
    request.key = swarm_str(memory->agent);
    request.value = sw_slice_of_span(sw_buf_span(&value));
    request.lease = memory->lease;
    (void)swarm_call(client, &request, &result);
    sw_buf_release(&value);
    return sw_give(result, ret_result, ret_why, why_size);
}

/* --- use and forget --------------------------------------------------------------------------- */

enum swarm_status swarm_memory_use(struct swarm_client *client,
                                   struct swarm_scope scope,
                                   struct swarm_slice key,
                                   enum swarm_memory_use how,
                                   struct swarm_result **ret_result,
                                   char *ret_why,
                                   size_t why_size)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    const uint8_t value = (uint8_t)how;
    struct swarm_result *result = NULL;

    request.op = SWARM_MEMORY_USE;
    request.scope = scope;
    request.key = key;
    request.value = (struct swarm_slice){.data = &value, .size = sizeof value};
    (void)swarm_call(client, &request, &result);
    return sw_give(result, ret_result, ret_why, why_size);
}

enum swarm_status swarm_memory_forget(struct swarm_client *client,
                                      struct swarm_scope scope,
                                      struct swarm_slice key,
                                      bool cascade,
                                      struct swarm_result **ret_result,
                                      char *ret_why,
                                      size_t why_size)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    bool more;

    request.op = SWARM_MEMORY_FORGET;
    request.scope = scope;
    request.key = key;
    request.limit = cascade ? 1 : 0;
    do {
        swarm_result_free(result);
        result = NULL;
        more = swarm_call(client, &request, &result) == SWARM_OK && result->value != 0;
    } while (more);
    return sw_give(result, ret_result, ret_why, why_size);
}

/* --- settings --------------------------------------------------------------------------------- */

enum swarm_status swarm_memory_settings_get(struct swarm_client *client,
                                            struct swarm_scope scope,
                                            struct swarm_memory_settings *ret_settings,
                                            char *ret_why,
                                            size_t why_size)
{
    struct sw_memory_settings settings = sw_memory_settings_default;
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.op = SWARM_GET;
    request.scope = scope;
    request.key = swarm_str(SW_MEMORY_SETTINGS_KEY);
    status = swarm_call(client, &request, &result);
    if (status == SWARM_OK &&
        !sw_memory_settings_read(sw_span_of_slice(result->records[0].value), &settings)) {
        status = sw_say(SWARM_WRONG_TYPE,
                        "the key memory-settings holds something else: delete it",
                        ret_why,
                        why_size);
    } else if (status != SWARM_OK && status != SWARM_NOT_FOUND) {
        (void)sw_say(status, result->detail, ret_why, why_size);
    }
    status = status == SWARM_NOT_FOUND ? SWARM_OK : status;
    if (status == SWARM_OK) {
        *ret_settings = (struct swarm_memory_settings){.count_max = settings.count_max,
                                                       .size_max = settings.size_max,
                                                       .floor = settings.floor};
    }
    swarm_result_free(result);
    return status;
}

enum swarm_status swarm_memory_settings_put(struct swarm_client *client,
                                            struct swarm_scope scope,
                                            const struct swarm_memory_settings *settings,
                                            struct swarm_result **ret_result,
                                            char *ret_why,
                                            size_t why_size)
{
    const struct sw_memory_settings stored = {
        .count_max = settings->count_max, .size_max = settings->size_max, .floor = settings->floor};
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    struct sw_buf value = {0};
    char why[SW_WHY_SIZE] = "";
    const enum sw_err err = sw_memory_settings_validate(&stored, why);

    if (err != SW_ERR_OK) {
        return refuse(err, why, ret_result, ret_why, why_size);
    }
    sw_memory_settings_write(&stored, &value);
    request.op = SWARM_PUT;
    request.scope = scope;
    request.key = swarm_str(SW_MEMORY_SETTINGS_KEY);
    request.value = sw_slice_of_span(sw_buf_span(&value));
    (void)swarm_call(client, &request, &result);
    sw_buf_release(&value);
    return sw_give(result, ret_result, ret_why, why_size);
}

/* --- tending ---------------------------------------------------------------------------------- */

enum swarm_status swarm_memory_tend(struct swarm_client *client,
                                    struct swarm_scope scope,
                                    uint64_t *ret_gone,
                                    char *ret_why,
                                    size_t why_size)
{
    struct swarm_result *result = NULL;
    enum swarm_status status;
    uint64_t gone = 0;
    bool more;

    do {
        struct swarm_request request = SWARM_INIT(struct swarm_request);
        struct swarm_result *next = NULL;

        request.op = SWARM_MEMORY_TEND;
        request.scope = scope;
        if (result != NULL) {
            request.key = result->records[0].key;
        }
        status = swarm_call(client, &request, &next);
        swarm_result_free(result);
        result = next;
        gone += status == SWARM_OK ? result->value : 0;
        more = status == SWARM_OK && result->record_count > 0;
    } while (more);
    if (ret_gone != NULL) {
        *ret_gone = gone;
    }
    return sw_give(result, NULL, ret_why, why_size);
}

/* --- agents ----------------------------------------------------------------------------------- */

static void
take_agents(const struct swarm_result *page, struct swarm_memory_agent **agents, size_t *count)
{
    *agents = realloc(*agents, (*count + page->record_count + 1) * sizeof(**agents));
    SW_ASSERT(*agents != NULL);
    for (size_t i = 0; i < page->record_count; i++) {
        const struct swarm_record *record = &page->records[i];
        struct swarm_memory_agent *agent = &(*agents)[*count];

        if (record->key.size < sizeof agent->agent) {
            *agent = (struct swarm_memory_agent){.count = record->version, .size = record->lease};
            memcpy(agent->agent, record->key.data, record->key.size);
            (*count)++;
        }
    }
}

enum swarm_status swarm_memory_agents(struct swarm_client *client,
                                      struct swarm_scope scope,
                                      struct swarm_memory_agent **ret_agents,
                                      size_t *ret_count,
                                      char *ret_why,
                                      size_t why_size)
{
    struct swarm_memory_agent *agents = NULL;
    char last[sizeof agents->agent] = "";
    enum swarm_status status;
    size_t count = 0;
    bool more;

    do {
        struct swarm_request request = SWARM_INIT(struct swarm_request);
        struct swarm_result *page = NULL;

        request.op = SWARM_MEMORY_AGENTS;
        request.scope = scope;
        request.key = swarm_str(last);
        status = swarm_call(client, &request, &page);
        if (status == SWARM_OK) {
            take_agents(page, &agents, &count);
        } else {
            (void)sw_say(status, page->detail, ret_why, why_size);
        }
        more = status == SWARM_OK && page->more && count > 0;
        if (more) {
            memcpy(last, agents[count - 1].agent, sizeof last);
        }
        swarm_result_free(page);
    } while (more);
    if (status != SWARM_OK) {
        free(agents);
        return status;
    }
    *ret_agents = agents;
    *ret_count = count;
    return SWARM_OK;
}
