/* Listener: the responder's side of all sessions on one socket.
 *
 * Decides who gets a session, and keeps strangers from harming those who have one: handshakes are
 * limited per second, sessions that nobody proved yet are few and the oldest of them gives way, and
 * only a genuine frame moves a session to another connection or closes it. Replies wait in bounded
 * outboxes; a client that does not take them is dropped.
 *
 * Pure: the time comes as an argument, frames leave through the sink. Callbacks come only from
 * receive and tick; they may reply, and must not free the listener. */
#ifndef SW_TRANSPORT_LISTENER_H
#define SW_TRANSPORT_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/span.h"
#include "transport/channel.h"
#include "transport/link.h"
#include "transport/outbox.h"

enum {
    /* One second of strangers' handshakes, twice over; a replayed HELLO costs us five X25519. */
    SW_LISTENER_HALF_OPEN_COUNT_MAX = 512,
    SW_LISTENER_HALF_OPEN_MS = 3000,
    SW_LISTENER_IDLE_MS = 10 * 1000, /* four probes of a client lost */
    SW_LISTENER_STALL_MS = 5000,     /* a client that takes no reply for so long is dropped */
    SW_LISTENER_REPLY_SIZE_MAX = 64 << 20,
    SW_LISTENER_HINT_RATE = 1000, /* per second */
    SW_LISTENER_SWEEP_MS = 250,
    SW_LISTENER_EVENT_MS = 5000, /* at most one event of a kind in this time */
};

struct sw_listener_config {
    struct sw_swarm_id swarm;
    enum sw_channel_role role;     /* of those who connect */
    struct sw_node_id local;       /* this node */
    const struct sw_keypair *keys; /* borrowed for the listener's life */
    uint64_t window;               /* bytes that one session may have under way to us */
    uint32_t session_count_max;
    uint32_t handshake_rate; /* per second; as many may come at once */
    size_t reply_size_max;   /* 0 = SW_LISTENER_REPLY_SIZE_MAX */
    struct sw_sink sink;
    struct sw_link_stats *stats; /* borrowed; counted up */
    void *arg;
    bool (*allow)(void *arg, const struct sw_public_key *key, struct sw_node_id claimed);
    void (*message)(void *arg,
                    uint64_t conn,
                    struct sw_node_id from,
                    const struct sw_public_key *key,
                    struct sw_span message);
    void (*closed)(void *arg, uint64_t conn); /* an open session ended; may be NULL */
    /* One line for the log, rate-limited by kind; may be NULL. */
    void (*event)(void *arg, enum sw_err kind, const char *text);
};

struct sw_listener;

struct sw_listener *sw_listener_new(const struct sw_listener_config *config, uint64_t now_ms);
void sw_listener_free(struct sw_listener *listener); /* tells nobody; accepts NULL */
/* Takes one frame that came over `route`, opened in place. */
void sw_listener_receive(struct sw_listener *listener,
                         uint64_t now_ms,
                         const struct sw_route *route,
                         uint8_t *frame,
                         size_t size);
/* Drops what is overdue; returns when (ms) to call again at the latest. */
uint64_t sw_listener_tick(struct sw_listener *listener, uint64_t now_ms);
/* Copies `message` for the next flush. UNREACHABLE if the session is gone or is being dropped. */
enum sw_err sw_listener_reply(struct sw_listener *listener, uint64_t conn, struct sw_span message)
    SW_MUST_CHECK;
void sw_listener_flush(struct sw_listener *listener, uint64_t now_ms);
/* Asks `allow` again for every session; those refused now close at the next tick. */
void sw_listener_recheck(struct sw_listener *listener);
/* Tells all sessions, best effort, that they are over; without callbacks, for use before free. */
void sw_listener_shutdown(struct sw_listener *listener, uint64_t now_ms);
/* Open sessions now. */
uint32_t sw_listener_count(const struct sw_listener *listener);

#endif
