/* Dialer: keeps one session to one node alive, over a connection that may come and go.
 *
 * Tries handshakes (100 ms, doubling to 1 s, with jitter) until one is answered; asks a silent node
 * for a sign of life; gives a dead session up; and starts over when the node says that it lost the
 * session. That hint proves nothing, so it starts a handshake beside the running session, at most
 * every 250 ms, and a genuine frame of the running session calls it off.
 *
 * Pure: the time comes as an argument, frames leave through the sink. Used by nodes towards their
 * peers and by clients towards nodes. Callbacks come only from receive and tick; they may queue
 * messages, and must not free the dialer. */
#ifndef SW_TRANSPORT_DIALER_H
#define SW_TRANSPORT_DIALER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "transport/channel.h"
#include "transport/link.h"
#include "transport/outbox.h"

enum {
    SW_DIALER_RETRY_MS_MIN = 100,
    SW_DIALER_RETRY_MS_MAX = 1000,
    SW_DIALER_RECONNECT_MS = 25, /* between looks for a connection while there is none */
    SW_DIALER_HINT_MS = 250,
    SW_DIALER_PEER_PROBE_MS = 500,
    SW_DIALER_PEER_DEAD_MS = 2500,
    SW_DIALER_CLIENT_PROBE_MS = 2000,
    SW_DIALER_CLIENT_DEAD_MS = 7000,
};

struct sw_dialer_config {
    struct sw_channel_config channel; /* an initiator's; `keys` and `remote_key` are borrowed for
                                         the dialer's life; `index` is chosen by the dialer */
    struct sw_sink sink;
    struct sw_link_stats *stats; /* borrowed; counted up */
    uint64_t seed;               /* of the jitter */
    void *arg;
    /* `up`: a session exists, the node let us in (which it says with its first sealed frame), and
     * it gave credit. Down then up at once when a new session takes the
     * place of one that the node had lost: what was under way may be lost. */
    void (*state)(void *arg, bool up);
    void (*message)(void *arg, struct sw_span message);
    /* A handshake failed. UNAUTHENTICATED, UNAUTHORIZED, UNSUPPORTED, OVERLOADED: the node says so,
     * or whoever speaks in its name: a reason to show, not to act on. Tries go on. May be NULL. */
    void (*refused)(void *arg, enum sw_err err);
};

struct sw_dialer;

struct sw_dialer *sw_dialer_new(const struct sw_dialer_config *config, uint64_t now_ms);
void sw_dialer_free(struct sw_dialer *dialer); /* tells nobody; accepts NULL */
/* Takes one frame from the connection, opened in place. */
void sw_dialer_receive(struct sw_dialer *dialer, uint64_t now_ms, uint8_t *frame, size_t size);
/* Does what is due; returns when (ms) to call again at the latest. Call it after receive, too. */
uint64_t sw_dialer_tick(struct sw_dialer *dialer, uint64_t now_ms);
bool sw_dialer_up(const struct sw_dialer *dialer);
/* Copies `message` (1..SW_MESSAGE_SIZE_MAX bytes) for the next flush. UNREACHABLE without a
 * session, BUSY without credit: then nothing was queued. */
enum sw_err sw_dialer_send(struct sw_dialer *dialer, struct sw_span message) SW_MUST_CHECK;
/* Packs, seals and sends what is queued; what the connection does not take stays queued. */
void sw_dialer_flush(struct sw_dialer *dialer, uint64_t now_ms);
/* Ends the session with CLOSE, best effort; tick would start the next. */
void sw_dialer_close(struct sw_dialer *dialer, uint64_t now_ms);
/* The node's key: proved if up (XX without a pinned key: to be pinned now); else NULL. */
const struct sw_public_key *sw_dialer_remote_key(const struct sw_dialer *dialer);

#endif
