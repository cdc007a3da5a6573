/* The wire frame: a fixed header, a body, and for sealed frames a tag. One frame is one ZeroMQ
 * part.
 *
 *   offset size field
 *        0    1 version   SW_FRAME_VERSION
 *        1    1 kind      enum sw_frame_kind
 *        2    1 type      SEALED: enum sw_frame_type; HELLO, ANSWER, FINISH: pattern * 16 + suite;
 *                          REFUSED: enum sw_frame_refusal
 *        3    1 zero
 *        4    4 index     names the receiver's session; 0 in HELLO; in NO_SESSION the unknown one
 *        8    8 sender    node id, 0 = a client
 *       16    8 receiver  node id, 0 = a client
 *       24    4 epoch     SEALED: how often this direction was rekeyed
 *       28    4 size      of the body, without the tag
 *       32    8 sequence  SEALED: the nonce; each number once per session and direction
 *       40    8 position  SEALED: see transport/credit.h
 *       48      body, then 16 bytes of tag if SEALED
 *
 * All integers little-endian. The whole header, followed by the swarm id (which is not sent), is
 * the associated data of the AEAD: a change of any bit fails the tag. The body of MESSAGES is 1..n
 * times {u32 size, bytes}; the other types have none. */
#ifndef SW_TRANSPORT_FRAME_H
#define SW_TRANSPORT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/rw.h"
#include "base/span.h"

enum {
    /* What nodes and clients say inside the frames, bound by the handshake. One more whenever an
     * older program would misread a message or execute an entry otherwise: then the two refuse each
     * other. */
    SW_TRANSPORT_VERSION = 4,
    SW_FRAME_VERSION = 1,
    SW_FRAME_HEADER_SIZE = 48,
    SW_FRAME_TAG_SIZE = 16,
    SW_FRAME_OVERHEAD = SW_FRAME_HEADER_SIZE + SW_FRAME_TAG_SIZE,
    SW_FRAME_ASSOCIATED_SIZE = SW_FRAME_HEADER_SIZE + 16,
    SW_FRAME_WIRE_SIZE_MAX = SW_FRAME_SIZE_MAX + SW_FRAME_OVERHEAD,
    SW_FRAME_MESSAGE_OVERHEAD = 4,
};

static_assert((int)SW_MESSAGE_SIZE_MAX + (int)SW_FRAME_MESSAGE_OVERHEAD <= (int)SW_FRAME_SIZE_MAX,
              "the largest message fits into one frame");

/* Numbers are forever. */
enum sw_frame_kind {
    SW_FRAME_HELLO = 1,  /* handshake message 1, from the initiator */
    SW_FRAME_ANSWER = 2, /* handshake message 2 */
    SW_FRAME_FINISH = 3, /* handshake message 3, XX only */
    SW_FRAME_SEALED = 4,
    SW_FRAME_NO_SESSION = 5, /* a hint, proves nothing: your frame named a session I do not have */
    SW_FRAME_REFUSED = 6,    /* a hint, proves nothing: your handshake was refused, type says why */
};

enum sw_frame_type {
    SW_FRAME_MESSAGES = 1,
    SW_FRAME_CREDIT = 2, /* position: the receiver of messages now allows that many bytes */
    SW_FRAME_PROBE = 3,  /* position: bytes sent so far; answered with CREDIT */
    SW_FRAME_CLOSE = 4,  /* the session is over */
};

/* Why a handshake was refused; numbers are forever. */
enum sw_frame_refusal {
    SW_FRAME_REFUSAL_UNAUTHENTICATED =
        1,                             /* other swarm, other version of the protocol, wrong key */
    SW_FRAME_REFUSAL_UNAUTHORIZED = 2, /* a genuine key that is not allowed */
    SW_FRAME_REFUSAL_UNSUPPORTED = 3,  /* pattern or suite */
    SW_FRAME_REFUSAL_OVERLOADED = 4,   /* too many handshakes or sessions */
};

struct sw_frame_header {
    enum sw_frame_kind kind;
    uint8_t type;
    uint32_t index;
    struct sw_node_id sender;
    struct sw_node_id receiver;
    uint32_t epoch;
    uint32_t size;
    uint64_t sequence;
    uint64_t position;
};

void sw_frame_encode(const struct sw_frame_header *header, uint8_t out[SW_FRAME_HEADER_SIZE]);
/* Checks version, kind, type, zero fields and that `frame` is exactly as long as it says.
 * UNSUPPORTED for another version, MALFORMED else. */
enum sw_err sw_frame_decode(struct sw_span frame, struct sw_frame_header *ret_header) SW_MUST_CHECK;
void sw_frame_associated(const uint8_t header[SW_FRAME_HEADER_SIZE],
                         const struct sw_swarm_id *swarm,
                         uint8_t ret_associated[SW_FRAME_ASSOCIATED_SIZE]);

/* Appends {u32 size, bytes}; the message holds 1..SW_MESSAGE_SIZE_MAX bytes. */
void sw_frame_pack(struct sw_buf *body, struct sw_span message);
/* How many bytes from the front of packed messages fit into one frame of at most `size_max` bytes
 * of body: whole messages only. */
size_t sw_frame_fit(struct sw_span packed, uint64_t size_max, uint32_t *ret_count);
/* MALFORMED unless `body` is 1..n whole messages; then they can be taken one by one. */
enum sw_err sw_frame_check(struct sw_span body, uint32_t *ret_count) SW_MUST_CHECK;
/* Takes the next message of a checked body; false at the end. */
bool sw_frame_next(struct sw_span *body, struct sw_span *ret_message);

#endif
