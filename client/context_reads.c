/* Contexts for callers: reads are scans of the keys that a context is.
 *
 * The block that has a token is the first of a reverse scan from the key of that token, so it takes
 * one request to find it, however long the context is, and one before it for the header: which says
 * that there is such a context, and with which epoch answers may be kept. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/context_private.h"

static_assert(sizeof((struct swarm_context_info *)0)->id == SW_CONTEXT_ID_SIZE_MAX + 1, "an id");
static_assert(sizeof((struct swarm_context_info *)0)->index == SW_SPACE_NAME_SIZE_MAX + 1,
              "the name of an index");

enum swarm_status
sw__reading_check_id(const char *id, struct sw_span *ret_id, char *ret_why, size_t why_size)
{
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    *ret_id = sw_span_str(id == NULL ? "" : id);
    err = sw_context_id_validate(*ret_id, why);
    return err == SW_ERR_OK ? SWARM_OK : sw__refuse(err, why, ret_why, why_size);
}

static enum swarm_status
fail(const struct sw__reading *reading, enum swarm_status status, const char *why)
{
    return sw__refuse((enum sw_err)status, why, reading->why, reading->why_size);
}

static enum swarm_status get(const struct sw__reading *reading,
                             const struct sw_context_key *key,
                             struct swarm_result **ret_result)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    enum swarm_status status;

    request.op = SWARM_GET;
    request.scope = reading->scope;
    request.key = sw__slice_of_key(key);
    status = swarm_call(reading->client, &request, ret_result);
    if (status != SWARM_OK && *ret_result != NULL) {
        (void)fail(reading, status, (*ret_result)->detail);
    }
    return status;
}

enum swarm_status sw__reading_begin(const struct sw__reading *reading,
                                    struct sw_context *ret_context,
                                    struct swarm_blocks_place *ret_place)
{
    struct swarm_result *result = NULL;
    struct sw_context_key key;
    enum swarm_status status;

    sw_context_header_key(reading->id, &key);
    status = get(reading, &key, &result);
    if (status == SWARM_NOT_FOUND) {
        (void)fail(reading, status, "there is no such context");
    } else if (status == SWARM_OK &&
               !sw_context_read(sw__span_of(result->records[0].value), ret_context)) {
        status = fail(reading, SWARM_WRONG_TYPE, "somebody overwrote the context's header");
    } else if (status == SWARM_OK && ret_context->dying != 0) {
        status = fail(reading, SWARM_NOT_FOUND, "the context is being deleted");
    }
    if (status == SWARM_OK) {
        *ret_place = (struct swarm_blocks_place){.shard = result->shard,
                                                 .node = result->node,
                                                 .leader = result->leader,
                                                 .revision = result->revision,
                                                 .epoch = ret_context->epoch,
                                                 .window_token = ret_context->window_token};
    }
    swarm_result_free(result);
    return status;
}

/* --- blocks ----------------------------------------------------------------------------------- */

struct swarm_blocks *sw__blocks_new(void)
{
    struct swarm_blocks *blocks = calloc(1, sizeof *blocks);

    SW_ASSERT(blocks != NULL);
    return blocks;
}

/* A copy that the caller frees; never NULL. */
static struct swarm_slice copy_of(struct sw_span bytes)
{
    uint8_t *copy = malloc(bytes.size + 1);

    SW_ASSERT(copy != NULL);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return (struct swarm_slice){.data = copy, .size = bytes.size};
}

bool sw__blocks_keep(struct swarm_blocks *blocks,
                     struct sw_span id,
                     const struct swarm_record *record)
{
    struct sw_context_block block;
    uint64_t token;

    if (!sw_context_block_token(id, sw__span_of(record->key), &token) ||
        !sw_context_block_read(sw__span_of(record->value), &block) ||
        token > UINT64_MAX - block.tokens) {
        return false;
    }
    if (blocks->count == blocks->room) {
        blocks->room = blocks->room * 2 + 1;
        blocks->all = realloc(blocks->all, blocks->room * sizeof blocks->all[0]);
        SW_ASSERT(blocks->all != NULL);
    }
    blocks->all[blocks->count++] = (struct swarm_block_at){.token = token,
                                                           .end = token + block.tokens,
                                                           .number = block.number,
                                                           .has_score = block.has_score,
                                                           .score = block.score,
                                                           .content = copy_of(block.content),
                                                           .revision = record->mod_revision,
                                                           .time_ms = record->time_ms,
                                                           .likeness = block.likeness,
                                                           .like = copy_of(block.like)};
    return true;
}

void sw__blocks_clear(struct swarm_blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        free((void *)(uintptr_t)blocks->all[i].content.data); /* ours: copy_of made them */
        free((void *)(uintptr_t)blocks->all[i].like.data);
    }
    blocks->count = 0;
}

enum swarm_status
sw__blocks_find(const struct sw__reading *reading, uint64_t token, struct swarm_blocks *blocks)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    struct sw_context_key key, prefix;
    enum swarm_status status;

    sw_context_block_key(reading->id, token, &key);
    sw_context_blocks_prefix(reading->id, &prefix);
    request.op = SWARM_SCAN;
    request.scope = reading->scope;
    request.flags = SWARM_REVERSE;
    request.limit = 1;
    request.key = sw__slice_of_key(&key);
    request.end_key = sw__slice_of_key(&prefix);
    status = swarm_call(reading->client, &request, &result);
    if (status != SWARM_OK) {
        (void)fail(reading, status, result == NULL ? "" : result->detail);
    } else if (result->record_count == 1) {
        (void)sw__blocks_keep(blocks, reading->id, &result->records[0]);
    }
    if (status == SWARM_OK) {
        blocks->place.revision = result->revision;
    }
    swarm_result_free(result);
    return status;
}

enum swarm_status sw__blocks_walk(const struct sw__reading *reading,
                                  uint64_t from,
                                  uint64_t end,
                                  uint32_t limit,
                                  struct swarm_blocks *blocks)
{
    struct swarm_request first = SWARM_INIT(struct swarm_request);
    struct sw_context_key from_key, end_key;
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record;
    uint32_t count = 0;
    enum swarm_status status;

    sw_context_block_key(reading->id, from, &from_key);
    sw_context_block_key(reading->id, end, &end_key);
    first.op = SWARM_SCAN;
    first.scope = reading->scope;
    first.limit = limit;
    first.key = sw__slice_of_key(&from_key);
    first.end_key = sw__slice_of_key(&end_key);
    status = swarm_cursor_new(reading->client, &first, &cursor);
    while (status == SWARM_OK && (limit == 0 || count < limit)) {
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK && sw__blocks_keep(blocks, reading->id, record)) {
            count++;
        }
    }
    if (status != SWARM_OK && status != SWARM_NOT_FOUND) {
        (void)fail(reading, status, cursor == NULL ? "" : swarm_cursor_detail(cursor));
    } else {
        blocks->place.revision = swarm_cursor_revision(cursor);
        status = SWARM_OK;
    }
    swarm_cursor_free(cursor);
    return status;
}

/* Notes when the blocks were used: those of the list, which ascends, are met in a walk. */
static enum swarm_status add_uses(const struct sw__reading *reading, struct swarm_blocks *blocks)
{
    struct swarm_request first = SWARM_INIT(struct swarm_request);
    struct sw_context_key from, end;
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record;
    enum swarm_status status;
    size_t at = 0;

    if (blocks->count == 0) {
        return SWARM_OK;
    }
    sw_context_part_key(SW_CONTEXT_USES, reading->id, blocks->all[0].token, &from);
    sw_context_part_key(
        SW_CONTEXT_USES, reading->id, blocks->all[blocks->count - 1].token + 1, &end);
    first.op = SWARM_SCAN;
    first.scope = reading->scope;
    first.key = sw__slice_of_key(&from);
    first.end_key = sw__slice_of_key(&end);
    status = swarm_cursor_new(reading->client, &first, &cursor);
    while (status == SWARM_OK) {
        uint64_t token;

        status = swarm_cursor_next(cursor, &record);
        if (status != SWARM_OK ||
            !sw_context_part_token(
                SW_CONTEXT_USES, reading->id, sw__span_of(record->key), &token)) {
            continue;
        }
        while (at < blocks->count && blocks->all[at].token < token) {
            at++;
        }
        if (at < blocks->count && blocks->all[at].token == token) {
            blocks->all[at].uses = record->version;
            blocks->all[at].used_ms = record->time_ms;
        }
    }
    if (status != SWARM_NOT_FOUND) {
        (void)fail(reading, status, cursor == NULL ? "" : swarm_cursor_detail(cursor));
    }
    swarm_cursor_free(cursor);
    return status == SWARM_NOT_FOUND ? SWARM_OK : status;
}

/* Begins a read: the id is one, the context there. */
static enum swarm_status begin(const char *id,
                               struct sw__reading *reading,
                               struct sw_context *ret_context,
                               struct swarm_blocks **ret_blocks)
{
    struct swarm_blocks_place place;
    enum swarm_status status =
        sw__reading_check_id(id, &reading->id, reading->why, reading->why_size);

    *ret_blocks = NULL;
    if (status == SWARM_OK) {
        status = sw__reading_begin(reading, ret_context, &place);
    }
    if (status == SWARM_OK) {
        *ret_blocks = sw__blocks_new();
        (*ret_blocks)->place = place;
    }
    return status;
}

/* What was read goes to the caller, or nowhere. */
static enum swarm_status end(const struct sw__reading *reading,
                             enum swarm_status status,
                             struct swarm_blocks *blocks,
                             struct swarm_blocks **ret_blocks)
{
    if (status == SWARM_OK) {
        status = add_uses(reading, blocks);
    }
    if (status != SWARM_OK) {
        swarm_blocks_free(blocks);
        blocks = NULL;
    }
    *ret_blocks = blocks;
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
    struct sw__reading reading = {
        .client = client, .scope = scope, .why = ret_why, .why_size = why_size};
    struct swarm_blocks *blocks;
    struct sw_context context;
    enum swarm_status status = begin(id, &reading, &context, &blocks);

    if (status == SWARM_OK) {
        status = sw__blocks_find(&reading, token, blocks);
    }
    if (status == SWARM_OK && (blocks->count == 0 || blocks->all[0].end <= token)) {
        status = fail(&reading, SWARM_NOT_FOUND, "no block of that context has this token");
    }
    return end(&reading, status, blocks, ret_blocks);
}

enum swarm_status swarm_context_read(struct swarm_client *client,
                                     struct swarm_scope scope,
                                     const char *id,
                                     uint64_t from,
                                     uint64_t end_token,
                                     struct swarm_blocks **ret_blocks,
                                     char *ret_why,
                                     size_t why_size)
{
    struct sw__reading reading = {
        .client = client, .scope = scope, .why = ret_why, .why_size = why_size};
    struct swarm_blocks *blocks;
    struct sw_context context;
    uint64_t first = from;
    enum swarm_status status = begin(id, &reading, &context, &blocks);

    if (status == SWARM_OK && end_token < from) {
        status = fail(&reading, SWARM_INVALID, "the end is before the beginning");
    }
    if (status == SWARM_OK) {
        status = sw__blocks_find(&reading, from, blocks);
    }
    if (status == SWARM_OK && blocks->count == 1) { /* the walk meets it if it has the token */
        first = blocks->all[0].end > from ? blocks->all[0].token : from;
        sw__blocks_clear(blocks);
    }
    if (status == SWARM_OK && from < end_token) {
        status = sw__blocks_walk(&reading, first, end_token, 0, blocks);
    }
    return end(&reading, status, blocks, ret_blocks);
}

size_t swarm_blocks_count(const struct swarm_blocks *blocks)
{
    return blocks->count;
}

const struct swarm_block_at *swarm_blocks_at(const struct swarm_blocks *blocks, size_t at)
{
    return at < blocks->count ? &blocks->all[at] : NULL;
}

const struct swarm_blocks_place *swarm_blocks_place(const struct swarm_blocks *blocks)
{
    return &blocks->place;
}

void swarm_blocks_free(struct swarm_blocks *blocks)
{
    if (blocks != NULL) {
        sw__blocks_clear(blocks);
        free(blocks->all);
        free(blocks);
    }
}
