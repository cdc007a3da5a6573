/* Reads a context block by block, and a little ahead of whoever reads it in order.
 *
 * Two accesses less than two blocks apart are taken for the beginning of a walk: then the wanted
 * block and the next two come in one request. Blocks do not change while they are there, so what is
 * kept is right until the context loses blocks, which its epoch tells (swarm.h). */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/context_private.h"
#include "client/scope.h"

enum {
    AHEAD = 2,    /* blocks beyond the wanted one */
    KEPT_MAX = 8, /* blocks; each is 1 MiB at most */
};

struct swarm_context_reader {
    struct swarm_client *client; /* borrowed */
    struct sw_scope scope;
    char id[SW_CONTEXT_ID_SIZE_MAX + 1];
    uint64_t block_size;
    bool has_last;
    uint64_t last;             /* the token that was asked for before */
    struct swarm_blocks *kept; /* owned */
    uint64_t requests;
};

enum swarm_status swarm_context_reader_new(struct swarm_client *client,
                                           struct swarm_scope scope,
                                           const char *id,
                                           struct swarm_context_reader **ret_reader,
                                           char *ret_why,
                                           size_t why_size)
{
    struct sw__reading reading = {
        .client = client, .scope = scope, .why = ret_why, .why_size = why_size};
    struct swarm_context_reader *reader;
    struct swarm_blocks_place place;
    struct sw_context context;
    enum swarm_status status = sw__reading_check_id(id, &reading.id, ret_why, why_size);

    *ret_reader = NULL;
    if (status == SWARM_OK) {
        status = sw__reading_begin(&reading, &context, &place);
    }
    if (status != SWARM_OK) {
        return status;
    }
    reader = calloc(1, sizeof *reader);
    SW_ASSERT(reader != NULL);
    reader->client = client;
    reader->block_size = context.block_size;
    reader->requests = 1;
    reader->kept = sw__blocks_new();
    memcpy(reader->id, reading.id.data, reading.id.size);
    status = sw_scope_copy(&reader->scope, scope);
    SW_ASSERT(status == SWARM_OK); /* the header was read with it */
    *ret_reader = reader;
    return SWARM_OK;
}

static const struct swarm_block_at *kept_with(const struct swarm_context_reader *reader,
                                              uint64_t token)
{
    for (size_t i = 0; i < reader->kept->count; i++) {
        const struct swarm_block_at *block = &reader->kept->all[i];

        /* of two that overlap the later one has the token, as everywhere */
        if (block->token <= token && token < block->end &&
            (i + 1 == reader->kept->count || reader->kept->all[i + 1].token > token ||
             reader->kept->all[i + 1].token < block->token)) {
            return block;
        }
    }
    return NULL;
}

static bool is_walk(const struct swarm_context_reader *reader, uint64_t token)
{
    const uint64_t apart = token > reader->last ? token - reader->last : reader->last - token;

    return reader->has_last && apart < 2 * reader->block_size;
}

/* The blocks behind those that are kept, in one request. */
static enum swarm_status go_on(struct swarm_context_reader *reader,
                               const struct sw__reading *reading)
{
    const uint64_t last = reader->kept->all[reader->kept->count - 1].token;

    if (reader->kept->count + 1 + AHEAD > KEPT_MAX) {
        sw__blocks_clear(reader->kept);
    }
    reader->requests++;
    return sw__blocks_walk(reading, last + 1, UINT64_MAX, 1 + AHEAD, reader->kept);
}

/* The wanted block, wherever it is, and behind it those ahead if that is likely to be of use. */
static enum swarm_status
fetch(struct swarm_context_reader *reader, const struct sw__reading *reading, uint64_t token)
{
    enum swarm_status status;

    sw__blocks_clear(reader->kept);
    reader->requests++;
    status = sw__blocks_find(reading, token, reader->kept);
    if (status != SWARM_OK || reader->kept->count == 0 || !is_walk(reader, token)) {
        return status;
    }
    reader->requests++;
    return sw__blocks_walk(
        reading, reader->kept->all[0].token + 1, UINT64_MAX, AHEAD, reader->kept);
}

/* Is it likely to be right behind what is kept? */
static bool is_next(const struct swarm_context_reader *reader, uint64_t token)
{
    return reader->kept->count > 0 && is_walk(reader, token) &&
           token >= reader->kept->all[reader->kept->count - 1].end;
}

enum swarm_status swarm_context_reader_block(struct swarm_context_reader *reader,
                                             uint64_t token,
                                             const struct swarm_block_at **ret_block,
                                             char *ret_why,
                                             size_t why_size)
{
    const struct sw__reading reading = {.client = reader->client,
                                        .scope = reader->scope.scope,
                                        .id = sw_span_str(reader->id),
                                        .why = ret_why,
                                        .why_size = why_size};
    enum swarm_status status = SWARM_OK;

    *ret_block = kept_with(reader, token);
    if (*ret_block == NULL && is_next(reader, token)) {
        status = go_on(reader, &reading);
        *ret_block = kept_with(reader, token);
    }
    if (*ret_block == NULL && status == SWARM_OK) {
        status = fetch(reader, &reading, token);
        *ret_block = status == SWARM_OK ? kept_with(reader, token) : NULL;
    }
    reader->has_last = true;
    reader->last = token;
    if (status == SWARM_OK && *ret_block == NULL) {
        status = sw__refuse(
            SW_ERR_NOT_FOUND, "no block of that context has this token", ret_why, why_size);
    }
    return status;
}

void swarm_context_reader_forget(struct swarm_context_reader *reader)
{
    sw__blocks_clear(reader->kept);
}

uint64_t swarm_context_reader_requests(const struct swarm_context_reader *reader)
{
    return reader->requests;
}

void swarm_context_reader_free(struct swarm_context_reader *reader)
{
    if (reader != NULL) {
        swarm_blocks_free(reader->kept);
        free(reader);
    }
}
