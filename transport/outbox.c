/* Outbox: from packed messages to sealed frames. */
#include "transport/outbox.h"

#include <string.h>

#include "base/assert.h"

void sw_outbox_release(struct sw_outbox *outbox)
{
    sw_buf_release(&outbox->packed);
    outbox->head = 0;
}

void sw_outbox_clear(struct sw_outbox *outbox)
{
    if (outbox->packed.capacity > SW_OUTBOX_KEEP_SIZE) {
        sw_buf_release(&outbox->packed);
    }
    sw_buf_clear(&outbox->packed);
    outbox->head = 0;
}

size_t sw_outbox_size(const struct sw_outbox *outbox)
{
    SW_ASSERT(outbox->head <= outbox->packed.size);
    return outbox->packed.size - outbox->head;
}

/* Moves what is left to the front once it is the smaller part, so each byte moves once at most. */
static void compact(struct sw_outbox *outbox)
{
    const size_t left = sw_outbox_size(outbox);

    if (outbox->head > left) {
        memcpy(outbox->packed.data, outbox->packed.data + outbox->head, left);
        outbox->packed.size = left;
        outbox->head = 0;
    }
}

void sw_outbox_add(struct sw_outbox *outbox, struct sw_span message)
{
    compact(outbox);
    sw_frame_pack(&outbox->packed, message);
}

static enum sw_err commit(const struct sw_sink *sink,
                          const struct sw_route *route,
                          size_t size,
                          struct sw_link_stats *stats)
{
    const enum sw_err err = sink->commit(sink->arg, route);

    if (err == SW_ERR_OK) {
        stats->frames_sent++;
        stats->bytes_sent += size;
    }
    return err;
}

enum sw_err sw_outbox_flush(struct sw_outbox *outbox,
                            struct sw_channel *channel,
                            uint64_t now_ms,
                            const struct sw_sink *sink,
                            const struct sw_route *route,
                            struct sw_link_stats *stats)
{
    while (sw_outbox_size(outbox) > 0) {
        const struct sw_span left =
            sw_span_of(outbox->packed.data + outbox->head, sw_outbox_size(outbox));
        uint32_t count = 0;
        const size_t size = sw_frame_fit(left, sw_channel_credit_left(channel), &count);
        enum sw_err err;
        size_t sealed;

        if (size == 0) {
            return SW_ERR_BUSY;
        }
        sealed = sw_channel_seal(channel,
                                 now_ms,
                                 SW_FRAME_MESSAGES,
                                 sw_span_of(left.data, size),
                                 sink->reserve(sink->arg, SW_FRAME_OVERHEAD + size));
        err = commit(sink, route, sealed, stats);
        if (err != SW_ERR_OK) {
            sw_channel_refund(channel, size);
            return err;
        }
        stats->messages_sent += count;
        outbox->head += size;
    }
    sw_outbox_clear(outbox);
    return SW_ERR_OK;
}

enum sw_err sw_outbox_control(struct sw_channel *channel,
                              uint64_t now_ms,
                              enum sw_frame_type type,
                              const struct sw_sink *sink,
                              const struct sw_route *route,
                              struct sw_link_stats *stats)
{
    uint8_t *frame = sink->reserve(sink->arg, SW_FRAME_OVERHEAD);
    const size_t size = sw_channel_seal(channel, now_ms, type, sw_span_of(NULL, 0), frame);

    SW_ASSERT(type != SW_FRAME_MESSAGES);
    SW_ASSERT(size == SW_FRAME_OVERHEAD);
    return commit(sink, route, size, stats);
}

enum sw_err sw_outbox_raw(struct sw_span frame,
                          const struct sw_sink *sink,
                          const struct sw_route *route,
                          struct sw_link_stats *stats)
{
    SW_ASSERT(frame.size > 0);
    memcpy(sink->reserve(sink->arg, frame.size), frame.data, frame.size);
    return commit(sink, route, frame.size, stats);
}

void sw_stats_dropped(struct sw_link_stats *stats, enum sw_err err)
{
    if (err == SW_ERR_REPLAYED) {
        stats->dropped_replayed++;
    } else if (err == SW_ERR_MALFORMED || err == SW_ERR_UNSUPPORTED) {
        stats->dropped_malformed++;
    } else if (err == SW_ERR_BUSY) {
        stats->dropped_no_credit++;
    } else {
        stats->dropped_unsealed++;
    }
}
