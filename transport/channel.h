/* One secure session between two endpoints: handshake, sealed frames, credit. Frames in, frames
 * out; no sockets, no clock (the time comes as an argument), no retries (transport/dialer.h does
 * those).
 *
 *   initiator                              responder
 *   connect  ── HELLO ───────────────────▶ accept: key allowed?
 *   OPEN     ◀─────────────────── ANSWER ── WAIT_PROOF      (XX: WAIT_FINISH, then FINISH ──▶)
 *            ── first sealed frame ──────▶ OPEN
 *
 * A recorded HELLO of IK can be sent again by anyone; so the responder's session has no effect and
 * sends nothing until a sealed frame proves that the initiator lives and holds the new keys.
 * The prologue binds the protocol version, the swarm, the role and both node ids: if any differs
 * the handshake fails. */
#ifndef SW_TRANSPORT_CHANNEL_H
#define SW_TRANSPORT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/rw.h"
#include "base/span.h"
#include "transport/crypto_sodium.h"
#include "transport/frame.h"
#include "transport/noise.h"

/* Who the initiator is; part of the prologue. */
enum sw_channel_role { SW_CHANNEL_PEER = 1, SW_CHANNEL_CLIENT = 2 };

struct sw_channel_config {
    struct sw_swarm_id swarm;
    enum sw_channel_role role;
    struct sw_node_id local;       /* 0 for a client */
    struct sw_node_id remote;      /* initiator: the node to reach; responder: taken from HELLO */
    const struct sw_keypair *keys; /* borrowed for the call */
    uint32_t index;                /* ours: frames to this session carry it; not 0 */
    uint64_t window;               /* bytes of messages that the other side may have under way */
    /* Initiator. */
    enum sw_noise_pattern pattern;
    enum sw_suite suite;
    const struct sw_public_key *remote_key; /* borrowed for the call. IK: required. XX: the session
                                               fails if it differs; NULL = take any, see
                                               sw_channel_remote_key */
    /* Responder: may this key have a session? Called before anything is answered (IK) or once the
     * key is known (XX). `claimed` is 0 for clients. */
    bool (*allow)(void *arg, const struct sw_public_key *key, struct sw_node_id claimed);
    void *allow_arg;
};

/* What a frame meant. `body` is a view into the frame: packed messages, checked. */
struct sw_channel_input {
    bool opened;             /* the session went up with this frame */
    enum sw_frame_type type; /* 0 for a handshake frame */
    struct sw_span body;
    uint32_t count; /* messages in it */
};

struct sw_channel; /* owned by the caller; holds secrets */

/* Makes the initiator's side and appends HELLO to `out`. */
enum sw_err sw_channel_connect(const struct sw_channel_config *config,
                               struct sw_buf *out,
                               struct sw_channel **ret_channel) SW_MUST_CHECK;
/* Makes the responder's side from a HELLO frame and appends ANSWER to `out`. UNAUTHENTICATED: other
 * swarm, version, role, receiver or key; UNAUTHORIZED: the key is genuine but not allowed;
 * UNSUPPORTED: a suite or pattern that we do not have. */
enum sw_err sw_channel_accept(const struct sw_channel_config *config,
                              struct sw_span hello,
                              struct sw_buf *out,
                              struct sw_channel **ret_channel) SW_MUST_CHECK;
void sw_channel_free(struct sw_channel *channel); /* wipes; accepts NULL */

/* Takes an ANSWER, FINISH or SEALED frame, opened in place; appends what the handshake wants sent
 * to `out` (it must leave before anything sealed). Errors drop the frame: UNAUTHENTICATED,
 * REPLAYED, MALFORMED, UNAUTHORIZED; BUSY: the other side overran its credit.
 * Afterwards look at sw_channel_broken. */
enum sw_err sw_channel_receive(struct sw_channel *channel,
                               uint8_t *frame,
                               size_t size,
                               struct sw_buf *out,
                               struct sw_channel_input *ret_input) SW_MUST_CHECK;
/* The session must go: the handshake failed, or a genuine frame broke the rules. Frames that prove
 * nothing never break a session. */
bool sw_channel_broken(const struct sw_channel *channel);
bool sw_channel_open(const struct sw_channel *channel);

/* Seals one frame to `out` (SW_FRAME_OVERHEAD + body.size bytes; `body` may lie where it will end
 * up) and returns its size. Open sessions only. MESSAGES needs credit for body.size; the other
 * types have an empty body. */
size_t sw_channel_seal(struct sw_channel *channel,
                       uint64_t now_ms,
                       enum sw_frame_type type,
                       struct sw_span body,
                       uint8_t *out);
/* Is there credit for a MESSAGES frame of `size` bytes of body? */
bool sw_channel_may_send(const struct sw_channel *channel, size_t size);
uint64_t sw_channel_credit_left(const struct sw_channel *channel); /* bytes */
/* The last MESSAGES frame of `size` bytes of body did not leave. */
void sw_channel_refund(struct sw_channel *channel, size_t size);
/* Should a CREDIT frame be sent? Also true after each PROBE. */
bool sw_channel_grant_due(const struct sw_channel *channel);

uint32_t sw_channel_index(const struct sw_channel *channel);        /* ours */
uint32_t sw_channel_remote_index(const struct sw_channel *channel); /* 0 = not yet known */
struct sw_node_id sw_channel_remote(const struct sw_channel *channel);
/* The other side's static key, proved; only once open (responder: or waiting for proof). */
const struct sw_public_key *sw_channel_remote_key(const struct sw_channel *channel);
/* The handshake hash: the same 64 bytes on both sides, different for every session. */
struct sw_span sw_channel_hash(const struct sw_channel *channel);

#endif
