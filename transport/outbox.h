/* Outbox: the messages of one session that wait for the end of the loop turn, and the way they
 * leave as sealed frames through a sink.
 *
 * A sink is where frames go: the adapter gives memory for one frame, the frame is sealed straight
 * into it, and committing hands it on without a copy. */
#ifndef SW_TRANSPORT_OUTBOX_H
#define SW_TRANSPORT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "base/span.h"
#include "transport/channel.h"
#include "transport/link.h"

enum {
    SW_ROUTE_SIZE_MAX = 15,
    /* What an empty outbox keeps: thousands of clients that once got a large reply must not hold
     * its memory for ever. */
    SW_OUTBOX_KEEP_SIZE = 64 << 10,
};

/* Which connection a frame came over; given by the adapter, opaque here. */
struct sw_route {
    uint8_t size;
    uint8_t bytes[SW_ROUTE_SIZE_MAX];
};

struct sw_sink {
    void *arg;
    /* Memory for one frame of exactly `size` bytes, valid until commit. */
    uint8_t *(*reserve)(void *arg, size_t size);
    /* Sends the reserved frame; `route` is NULL for a dialer. BUSY: its queue is full; UNREACHABLE:
     * there is no such connection now. The frame is dropped then. */
    enum sw_err (*commit)(void *arg, const struct sw_route *route);
};

/* Zero-initialise; release with sw_outbox_release. */
struct sw_outbox {
    struct sw_buf packed;
    size_t head; /* bytes of `packed` that have left */
};

void sw_outbox_release(struct sw_outbox *outbox);
void sw_outbox_clear(struct sw_outbox *outbox);
size_t sw_outbox_size(const struct sw_outbox *outbox); /* bytes waiting, as packed */
void sw_outbox_add(struct sw_outbox *outbox, struct sw_span message);
/* Sends as much as credit and the sink take. OK: empty now; BUSY: no credit or a full queue;
 * UNREACHABLE. What did not leave stays. */
enum sw_err sw_outbox_flush(struct sw_outbox *outbox,
                            struct sw_channel *channel,
                            uint64_t now_ms,
                            const struct sw_sink *sink,
                            const struct sw_route *route,
                            struct sw_link_stats *stats) SW_MUST_CHECK;

/* One frame without a body: CREDIT, PROBE or CLOSE. */
enum sw_err sw_outbox_control(struct sw_channel *channel,
                              uint64_t now_ms,
                              enum sw_frame_type type,
                              const struct sw_sink *sink,
                              const struct sw_route *route,
                              struct sw_link_stats *stats) SW_MUST_CHECK;
/* Bytes that are a frame already: handshakes and hints. */
enum sw_err sw_outbox_raw(struct sw_span frame,
                          const struct sw_sink *sink,
                          const struct sw_route *route,
                          struct sw_link_stats *stats) SW_MUST_CHECK;
/* Counts a frame that was dropped for `err`. */
void sw_stats_dropped(struct sw_link_stats *stats, enum sw_err err);

#endif
