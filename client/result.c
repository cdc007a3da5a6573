/* Copies a reply into one block: struct, array of records, bytes, detail. */
#include "client/result.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct block {
    struct swarm_result result; /* first: freeing the result frees all */
    struct swarm_record records[];
};

static struct swarm_slice slice_of(struct sw_span span)
{
    return (struct swarm_slice){.data = span.data, .size = span.size};
}

/* `depths`: a byte for each record, or nothing. */
static void
read_records(struct block *block, struct sw_span bytes, uint32_t count, struct sw_span depths)
{
    struct sw_reader in = sw_reader_of(bytes);

    for (uint32_t i = 0; i < count; i++) {
        struct sw_record record = {0};
        const enum sw_err err = sw_record_decode(&in, &record);

        SW_ASSERT(err == SW_ERR_OK);
        block->records[i] =
            (struct swarm_record){.key = slice_of(record.key),
                                  .value = slice_of(record.value),
                                  .create_revision = record.create_revision,
                                  .mod_revision = record.mod_revision,
                                  .version = record.version,
                                  .time_ms = record.time_ms,
                                  .lease = record.lease,
                                  .depth = depths.size == count ? depths.data[i] : 0};
    }
}

static_assert((int)SWARM_DURABILITY_MAJORITY == (int)SW_DURABILITY_MAJORITY, "the protocol's");
static_assert((int)SWARM_DURABILITY_LOCAL == (int)SW_DURABILITY_LOCAL, "the protocol's");

/* The detail of a watch's page is no text, but how deep its records are. */
static struct sw_span depths_of(const struct sw_reply *reply, enum swarm_op op)
{
    return op == SWARM_WATCH && reply->err == SW_ERR_OK ? reply->detail : sw_span_of(NULL, 0);
}

static struct sw_span detail_of(const struct sw_reply *reply, enum swarm_op op)
{
    if (op == SWARM_WATCH && reply->err == SW_ERR_OK) {
        return sw_span_of(NULL, 0);
    }
    if (reply->detail.size > 0 || reply->err == SW_ERR_OK) {
        return reply->detail;
    }
    return sw_span_str(sw_err_text(reply->err));
}

struct swarm_result *sw_result_new(const struct sw_reply *reply, enum swarm_op op)
{
    const struct sw_span detail = detail_of(reply, op);
    const size_t head = sizeof(struct block) + reply->record_count * sizeof(struct swarm_record);
    struct block *block = calloc(1, head + reply->records.size + detail.size + 1);
    uint8_t *bytes;

    SW_ASSERT(block != NULL);
    bytes = (uint8_t *)block + head;
    if (reply->records.size > 0) {
        memcpy(bytes, reply->records.data, reply->records.size);
    }
    read_records(
        block, sw_span_of(bytes, reply->records.size), reply->record_count, depths_of(reply, op));
    bytes += reply->records.size;
    if (detail.size > 0) {
        memcpy(bytes, detail.data, detail.size);
    }
    block->result = (struct swarm_result){.status = (enum swarm_status)reply->err,
                                          .more = reply->more,
                                          .node = reply->node.value,
                                          .leader = reply->leader.value,
                                          .shard = reply->shard.value,
                                          .term = reply->term,
                                          .revision = reply->revision,
                                          .value = reply->value,
                                          .record_count = reply->record_count,
                                          .records = block->records,
                                          .detail = (const char *)bytes,
                                          .session = reply->session.value,
                                          .seq = reply->seq,
                                          .durability = (enum swarm_durability)reply->durability,
                                          .age_ms = reply->age_ms,
                                          .retry_after_ms = reply->retry_after_ms};
    static_assert(sizeof block->result.swarm == sizeof reply->swarm.bytes, "one id");
    memcpy(block->result.swarm, reply->swarm.bytes, sizeof reply->swarm.bytes);
    return &block->result;
}

void swarm_result_free(struct swarm_result *result)
{
    free(result);
}
