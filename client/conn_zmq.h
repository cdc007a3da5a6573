/* One client's connection to one node: a DEALER socket, its monitor, and the dialer on top.
 *
 * The monitor tells what the dialer cannot know: that nobody listens at the address, that a
 * connection broke (requests under way are then lost at once, not after a silence), and that
 * somebody listens who does not answer our handshake. Pool thread only. */
#ifndef SW_CLIENT_CONN_ZMQ_H
#define SW_CLIENT_CONN_ZMQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/span.h"
#include "client/config.h"
#include "transport/crypto_sodium.h"
#include "transport/link.h"

struct sw_conn;

/* Everything is borrowed and outlives the connection, except `node`, which is copied. */
struct sw_conn_config {
    void *context; /* ZeroMQ's */
    struct sw_client_node node;
    struct sw_swarm_id swarm;
    const struct sw_keypair *keys;
    struct sw_link_stats *stats;
    uint64_t seed;
    uint32_t dial_timeout_ms; /* a handshake without an answer for so long counts as refused */
    void *arg;
    void (*message)(void *arg, struct sw_node_id node, struct sw_span message);
    void (*state)(void *arg, struct sw_node_id node, bool up, enum sw_err why);
};

enum { SW_CONN_FD_COUNT = 2 };

/* NOMEM when the process has too many files open; INVALID: the address. */
enum sw_err sw_conn_new(const struct sw_conn_config *config, struct sw_conn **ret_conn)
    SW_MUST_CHECK;
/* Tells the node that the session is over, best effort; accepts NULL. */
void sw_conn_free(struct sw_conn *conn, uint64_t now_ms);
void sw_conn_fds(const struct sw_conn *conn, int ret_fds[SW_CONN_FD_COUNT]);
/* Takes everything that has arrived and does what is due; callbacks come from here only. Returns
 * whether anything arrived. */
bool sw_conn_poll(struct sw_conn *conn, uint64_t now_ms);
/* When to poll again at the latest, in ms of the same clock. */
uint64_t sw_conn_next_ms(const struct sw_conn *conn);
/* UNREACHABLE, BUSY: nothing was queued. */
enum sw_err sw_conn_send(struct sw_conn *conn, struct sw_span message) SW_MUST_CHECK;
void sw_conn_flush(struct sw_conn *conn, uint64_t now_ms);
/* ZeroMQ's descriptors are edge-triggered and any call may swallow an edge: ask after the flush,
 * and poll again if so. */
bool sw_conn_readable(struct sw_conn *conn);

#endif
