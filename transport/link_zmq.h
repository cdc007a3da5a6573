/* The link over ZeroMQ: one context, a ROUTER for peers, a ROUTER for clients, a DEALER per peer.
 *
 *   node A                              node B
 *   DEALER to B ── A's messages ──────▶ ROUTER for peers
 *               ◀── ANSWER, CREDIT ────
 *   ROUTER      ◀── B's messages ────── DEALER to A          (a session of its own)
 *
 * Runs on the caller's thread; ZeroMQ's one I/O thread moves bytes. How to drive it from an event
 * loop: ZeroMQ's descriptors are edge-triggered and any call on a socket may swallow an edge, so a
 * readable descriptor only ever means "take a turn". Watch all of sw_link_zmq_fds for reading (the
 * callbacks do nothing but wake the loop), and once every turn, before the loop waits:
 *
 *     sw_link_zmq_poll(link);                 handlers run in here, and nowhere else
 *     ... the node's own work, link->ops->send, ->reply ...
 *     link->ops->flush(link);
 *     wait_ms = sw_link_zmq_wait_ms(link);    0: something is readable or due: do not block
 *
 * and let the loop wait at most wait_ms (with libuv: a uv_prepare takes the turn, a uv_idle is
 * active while wait_ms is 0, else a uv_timer of wait_ms). Nothing else is needed: handshake
 * retries, probes and timeouts happen inside poll. The set of descriptors changes only with
 * add_peer and remove_peer. */
#ifndef SW_TRANSPORT_LINK_ZMQ_H
#define SW_TRANSPORT_LINK_ZMQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "transport/crypto_sodium.h"
#include "transport/link.h"

enum {
    SW_LINK_FD_COUNT_MAX = SW_NODE_COUNT_MAX + 2,
    /* Bytes under way from one peer or client to us; a frame must fit, a few keep the pipe full. */
    SW_LINK_PEER_WINDOW = 16 << 20,
    SW_LINK_CLIENT_WINDOW = 4 << 20,
    /* A fleet that reconnects at once needs a few seconds; strangers who replay handshakes cost
     * a seventh of a core at most. More would starve the loop, less would keep out honest nodes. */
    SW_LINK_HANDSHAKE_RATE = 1000,
};

struct sw_link_zmq_config {
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    const struct sw_keypair *keys; /* borrowed for the link's life */
    enum sw_suite suite;      /* of the sessions that we start; 0 = the CPU's best. All nodes of
                                 a swarm must have it: set it where some lack AES */
    const char *peer_address; /* "host:port", "[v6]:port", "*:port"; port 0 = any free one */
    const char *client_address;
    bool ipv6;
    uint32_t peer_handshake_rate;   /* per second; 0 = the default above */
    uint32_t client_handshake_rate; /* per second; 0 = the default above */
    size_t client_reply_size_max;   /* bytes waiting for one client; 0 = the listener's default */
    struct sw_env env;
    struct sw_link_handler handler;
    /* One line for the log, rate-limited: what was refused or dropped. May be NULL. */
    void (*event)(void *arg, enum sw_err kind, const char *text);
    void *event_arg;
};

/* Binds both listeners. ADDRESS_IN_USE, INVALID (address), UNREACHABLE (no such interface), NOMEM;
 * `ret_why` says more. */
enum sw_err sw_link_zmq_new(const struct sw_link_zmq_config *config,
                            struct sw_link **ret_link,
                            char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Tells peers and clients that their sessions are over, so that they need not wait for silence, and
 * closes, within a quarter of a second. No handler is called. Accepts NULL. */
void sw_link_zmq_free(struct sw_link *link);

/* Allows `node` with this key, and keeps a session to it. CONFLICT if it is known. */
enum sw_err sw_link_zmq_add_peer(struct sw_link *link,
                                 struct sw_node_id node,
                                 const struct sw_public_key *key,
                                 const char *address,
                                 char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* The same, and out: the descriptor that is no longer to be watched, to be called before the port
 * is closed with it; may be NULL. Ends the sessions with `node`, both ways; no handler is called.
 * Not from a handler. NOT_FOUND if it is no peer. */
enum sw_err sw_link_zmq_remove_peer(struct sw_link *link,
                                    struct sw_node_id node,
                                    void (*closing)(void *arg, int fd),
                                    void *arg);
/* The descriptor of a peer's port, -1 for a stranger. */
int sw_link_zmq_peer_fd(const struct sw_link *link, struct sw_node_id node);
/* Replaces the set of client keys (copied); sessions of others close. None at first. */
void sw_link_zmq_allow_clients(struct sw_link *link,
                               const struct sw_public_key *keys,
                               size_t count);

/* Who else may come in, asked for keys that are not in the set; NULL = nobody. Sessions of those
 * who are refused now close. */
void sw_link_zmq_admit_clients(struct sw_link *link,
                               bool (*admits)(void *arg, const struct sw_public_key *key),
                               void *arg);

/* Where the listeners are bound, as "host:port" with the real port. */
const char *sw_link_zmq_peer_address(const struct sw_link *link);
const char *sw_link_zmq_client_address(const struct sw_link *link);

size_t sw_link_zmq_fds(const struct sw_link *link, int ret_fds[SW_LINK_FD_COUNT_MAX]);
/* Takes what has arrived (a bounded number of frames of each socket, so that one talker cannot
 * starve the rest) and does what is due. */
void sw_link_zmq_poll(struct sw_link *link);
/* Until when the loop may wait, in ms from now; 0 = take another turn at once. */
uint64_t sw_link_zmq_wait_ms(struct sw_link *link);

#endif
