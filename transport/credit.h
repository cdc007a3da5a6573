/* Credit: how many bytes of messages may be under way in each direction of one session.
 *
 * Positions count body bytes of MESSAGES frames since the session began, as QUIC's MAX_DATA does.
 * The receiver allows an absolute position (`granted`), so a repeated or lost grant does no harm.
 * Every MESSAGES frame and PROBE states the position before it, so lost frames do not leak credit:
 * the receiver skips over what it never got. */
#ifndef SW_TRANSPORT_CREDIT_H
#define SW_TRANSPORT_CREDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sw_credit {
    /* Sending. */
    uint64_t sent;    /* position after the last frame */
    uint64_t allowed; /* by the other side */
    /* Receiving. */
    uint64_t received;
    uint64_t granted;
    uint64_t window; /* bytes that we let be under way */
};

/* `window` is granted by the handshake; `allowed` is what the other side granted there. */
void sw_credit_init(struct sw_credit *credit, uint64_t window);
uint64_t sw_credit_left(const struct sw_credit *credit);
bool sw_credit_may_send(const struct sw_credit *credit, size_t size);
void sw_credit_charge(struct sw_credit *credit, size_t size);
/* Takes back what was charged last, because the frame did not leave. */
void sw_credit_refund(struct sw_credit *credit, size_t size);
void sw_credit_allow(struct sw_credit *credit, uint64_t position);
/* A frame with `size` bytes (PROBE: 0) that begins at `position` came. BUSY if it overran the
 * grant, MALFORMED if it went backwards. */
enum sw_err sw_credit_receive(struct sw_credit *credit, uint64_t position, size_t size)
    SW_MUST_CHECK;
/* True once half of the window is used up: time to send the next grant. */
bool sw_credit_grant_due(const struct sw_credit *credit);
/* The position to send in a CREDIT frame. */
uint64_t sw_credit_grant(struct sw_credit *credit);

#endif
