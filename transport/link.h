/* Port: authenticated, ordered, lossy messages between nodes, and between clients and this node.
 *
 * What a handler receives was sealed by the peer it is attributed to, in this swarm, once. Messages
 * to one peer arrive in the order of `send`, each at most once; any may be lost, with or without
 * notice. Nothing leaves before `flush` (the end of a loop turn), which packs all messages to one
 * peer into as few frames as fit: the heartbeats of all groups share a frame.
 * Real: link_zmq.c (ZeroMQ, Noise, AEAD). Simulated: tests/sim/net.c. Loop thread only;
 * handlers are called from the loop, never from inside send, reply or flush. */
#ifndef SW_TRANSPORT_LINK_H
#define SW_TRANSPORT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/span.h"

struct sw_link_handler {
    void *arg;
    void (*peer_message)(void *arg, struct sw_node_id from, struct sw_span message);
    /* `up` when a session with the peer exists and it gave credit. */
    void (*peer_state)(void *arg, struct sw_node_id peer, bool up);
    /* `conn` names one client session and is never reused; `key` is the client's public key (32).
     */
    void (*client_message)(void *arg, uint64_t conn, const uint8_t key[32], struct sw_span message);
    void (*client_gone)(void *arg, uint64_t conn);
};

struct sw_link_stats {
    uint64_t frames_sent, frames_received;
    uint64_t bytes_sent, bytes_received; /* sealed bytes */
    uint64_t messages_sent, messages_received;
    uint64_t handshakes, handshakes_refused;
    uint64_t dropped_unsealed; /* wrong key, bit flip, truncation, reflection, wrong swarm */
    uint64_t dropped_replayed;
    uint64_t dropped_malformed;
    uint64_t dropped_no_credit;
    uint64_t clients; /* open sessions now */
};

struct sw_link {
    void *impl;
    const struct sw_link_ops *ops;
};

struct sw_link_ops {
    /* Copies `message` (at most SW_MESSAGE_SIZE_MAX). UNREACHABLE without a session, BUSY without
     * credit: the message is then dropped, and the caller is expected to know how to live with it.
     */
    enum sw_err (*send)(struct sw_link *link, struct sw_node_id peer, struct sw_span message);
    /* Copies; UNREACHABLE if the client has gone. */
    enum sw_err (*reply)(struct sw_link *link, uint64_t conn, struct sw_span message);
    void (*flush)(struct sw_link *link);
    bool (*peer_up)(struct sw_link *link, struct sw_node_id peer);
    void (*stats)(struct sw_link *link, struct sw_link_stats *ret_stats);
    /* Where the client is whose message is being handled, printable; empty = unknown. A view that
     * lives as long as the message. NULL: this link does not know. */
    struct sw_span (*address)(struct sw_link *link);
};

#endif
