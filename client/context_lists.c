/* Contexts for callers: lists of what there is beside blocks, and what changes of a header say. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/context_private.h"

bool swarm_context_of_record(const struct swarm_record *record, struct swarm_context_info *ret_info)
{
    struct sw_context context;
    struct sw_context_key prefix;
    struct sw_span id;
    char why[SW_WHY_SIZE];

    sw_context_header_key(sw_span_of(NULL, 0), &prefix);
    if (record->key.size < prefix.size || memcmp(record->key.data, prefix.data, prefix.size) != 0) {
        return false;
    }
    id =
        sw_span_of((const uint8_t *)record->key.data + prefix.size, record->key.size - prefix.size);
    if (sw_context_id_validate(id, why) != SW_ERR_OK ||
        !sw_context_read(sw__span_of(record->value), &context)) {
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
                                            .is_dying = context.dying != 0,
                                            .window_similar = context.similar,
                                            .epoch = context.epoch,
                                            .pruned = context.pruned,
                                            .gone = context.gone,
                                            .duplicates = context.duplicates,
                                            .precision = context.precision};
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
    first.key = sw__slice_of_key(&from);
    first.end_key = sw__slice_of_key(&end);
    status = swarm_cursor_new(client, &first, &cursor);
    while (status == SWARM_OK) {
        if (count == room) {
            room = room * 2 + 1;
            all = realloc(all, room * sizeof all[0]);
            SW_ASSERT(all != NULL);
        }
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK && swarm_context_of_record(record, &all[count])) {
            count++;
        }
    }
    if (status != SWARM_NOT_FOUND) {
        (void)sw__refuse((enum sw_err)status,
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

/* --- tombstones ------------------------------------------------------------------------------- */

/* False if it is none. */
static bool
read_gone(struct sw_span id, const struct swarm_record *record, struct swarm_gone *ret_gone)
{
    struct sw_context_gone gone;
    uint64_t token;

    if (!sw_context_part_token(SW_CONTEXT_GONE, id, sw__span_of(record->key), &token) ||
        !sw_context_gone_read(sw__span_of(record->value), &gone)) {
        return false;
    }
    *ret_gone = (struct swarm_gone){.token = token,
                                    .number = gone.number,
                                    .tokens = gone.tokens,
                                    .by_policy = gone.by_policy,
                                    .has_score = gone.has_score,
                                    .score = gone.score,
                                    .size = gone.size,
                                    .revision = record->mod_revision,
                                    .time_ms = record->time_ms};
    (void)snprintf(
        ret_gone->reason, sizeof ret_gone->reason, "%s", sw_context_reason_name(gone.reason));
    return true;
}

static enum swarm_status
walk_gone(const struct sw__reading *reading, struct swarm_gone **all, size_t *count)
{
    struct swarm_request first = SWARM_INIT(struct swarm_request);
    struct sw_context_key from, end;
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record;
    size_t room = 0;
    enum swarm_status status;

    sw_context_part_prefix(SW_CONTEXT_GONE, reading->id, &from);
    end = from;
    end.data[end.size - 1]++; /* behind all that begin so */
    first.op = SWARM_SCAN;
    first.scope = reading->scope;
    first.key = sw__slice_of_key(&from);
    first.end_key = sw__slice_of_key(&end);
    status = swarm_cursor_new(reading->client, &first, &cursor);
    while (status == SWARM_OK) {
        if (*count == room) {
            room = room * 2 + 1;
            *all = realloc(*all, room * sizeof(*all)[0]);
            SW_ASSERT(*all != NULL);
        }
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK && read_gone(reading->id, record, &(*all)[*count])) {
            (*count)++;
        }
    }
    if (status != SWARM_NOT_FOUND) {
        (void)sw__refuse((enum sw_err)status,
                         cursor == NULL ? "" : swarm_cursor_detail(cursor),
                         reading->why,
                         reading->why_size);
    }
    swarm_cursor_free(cursor);
    return status == SWARM_NOT_FOUND ? SWARM_OK : status;
}

enum swarm_status swarm_context_gone(struct swarm_client *client,
                                     struct swarm_scope scope,
                                     const char *id,
                                     struct swarm_gone **ret_gone,
                                     size_t *ret_count,
                                     char *ret_why,
                                     size_t why_size)
{
    struct sw__reading reading = {
        .client = client, .scope = scope, .why = ret_why, .why_size = why_size};
    struct swarm_blocks_place place;
    struct sw_context context;
    enum swarm_status status = sw__reading_check_id(id, &reading.id, reading.why, reading.why_size);

    *ret_gone = NULL;
    *ret_count = 0;
    if (status == SWARM_OK) {
        status = sw__reading_begin(&reading, &context, &place);
    }
    if (status == SWARM_OK) {
        status = walk_gone(&reading, ret_gone, ret_count);
    }
    if (status != SWARM_OK) {
        free(*ret_gone);
        *ret_gone = NULL;
        *ret_count = 0;
    }
    return status;
}

/* --- policies --------------------------------------------------------------------------------- */

enum swarm_status swarm_context_get_policy(struct swarm_client *client,
                                           struct swarm_scope scope,
                                           const char *id,
                                           struct swarm_context_policy *ret_policy,
                                           char *ret_why,
                                           size_t why_size)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct sw_span name = sw_span_str(SW_CONTEXT_PARTITION);
    struct swarm_result *result = NULL;
    struct sw_context_rules rules;
    struct sw_context_key key;
    enum swarm_status status =
        id == NULL ? SWARM_OK : sw__reading_check_id(id, &name, ret_why, why_size);

    if (status != SWARM_OK) {
        return status;
    }
    sw_context_policy_key(name, &key);
    request.op = SWARM_GET;
    request.scope = scope;
    request.key = sw__slice_of_key(&key);
    status = swarm_call(client, &request, &result);
    if (status == SWARM_NOT_FOUND) {
        (void)sw__refuse(SW_ERR_NOT_FOUND, "no policy is stored there", ret_why, why_size);
    } else if (status != SWARM_OK) {
        (void)sw__refuse(
            (enum sw_err)status, result == NULL ? "" : result->detail, ret_why, why_size);
    } else if (!sw_context_rules_read(sw__span_of(result->records[0].value), &rules)) {
        status = sw__refuse(SW_ERR_WRONG_TYPE, "somebody overwrote the policy", ret_why, why_size);
    } else {
        *ret_policy = (struct swarm_context_policy){.prunes = rules.prunes,
                                                    .prune = {.high = rules.high,
                                                              .any = rules.any,
                                                              .threshold = rules.threshold,
                                                              .age_ms = rules.age_ms,
                                                              .idle_ms = rules.idle_ms,
                                                              .keep = rules.keep,
                                                              .size_max = rules.size_max},
                                                    .dedupe = (enum swarm_dedupe)rules.dedupe,
                                                    .similar = rules.similar,
                                                    .ids = rules.ids};
    }
    swarm_result_free(result);
    return status;
}
