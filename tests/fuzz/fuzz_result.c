/* Any bytes as a message of replies to a client: what decodes becomes a result of the public
 * interface that shows every record, of pages of watches and scans too, and encodes to the same. */
#include <string.h>

#include "base/assert.h"
#include "client/result.h"
#include "transport/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void shows_all(const struct sw_reply *reply, enum swarm_op op)
{
    struct swarm_result *result = sw_result_new(reply, op);
    struct sw_buf again = {0};

    SW_ASSERT(result->record_count == reply->record_count);
    SW_ASSERT((uint32_t)result->status == (uint32_t)reply->err);
    for (size_t i = 0; i < result->record_count; i++) {
        const struct swarm_record *record = &result->records[i];
        const struct sw_record encoded = {.key = sw_span_of(record->key.data, record->key.size),
                                          .value =
                                              sw_span_of(record->value.data, record->value.size),
                                          .create_revision = record->create_revision,
                                          .mod_revision = record->mod_revision,
                                          .version = record->version,
                                          .time_ms = record->time_ms,
                                          .lease = record->lease};

        sw_record_encode(&encoded, &again);
    }
    SW_ASSERT(sw_span_equal(sw_buf_span(&again), reply->records));
    SW_ASSERT(op == SWARM_WATCH || reply->detail.size == 0 ||
              memcmp(result->detail, reply->detail.data, reply->detail.size) == 0);
    SW_ASSERT(result->revision == reply->revision);
    SW_ASSERT(result->value == reply->value);
    SW_ASSERT(result->more == reply->more);
    swarm_result_free(result);
    sw_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_reader in = sw_reader_of(sw_span_of(data, size));

    while (sw_reader_left(&in) > 0) {
        const size_t from = in.offset;
        struct sw_reply reply;
        size_t peeked = 0;
        uint64_t id = 0;
        const enum sw_err err = sw_reply_peek(sw_span_of(data + from, size - from), &peeked, &id);

        if (sw_reply_decode(&in, &reply) != SW_ERR_OK) {
            break;
        }
        SW_ASSERT(err == SW_ERR_OK); /* the cheap look sees no less than the whole one */
        SW_ASSERT(peeked == in.offset - from);
        SW_ASSERT(id == reply.id);
        shows_all(&reply, SWARM_SCAN);
        shows_all(&reply, SWARM_WATCH);
    }
    return 0;
}
