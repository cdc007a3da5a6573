/* A trunk: one connection of a pool to one node, shared by all clients of the pool that have the
 * same identity. Sixty-four clients of a process then cost the node one session, one handshake and
 * one frame a turn instead of sixty-four.
 *
 * The requests of a client carry its tag in their ids (sw_core_config.tag), and a reply goes to the
 * client whose tag it names. What a node grants to a connection is shared: over the number of
 * unanswered requests that a node takes from one connection, send says BUSY. Pool thread only. */
#ifndef SW_CLIENT_TRUNK_ZMQ_H
#define SW_CLIENT_TRUNK_ZMQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/span.h"
#include "client/conn_zmq.h"

struct sw_trunk;

/* One client's share of a trunk, embedded in its owner. The owner sets `arg` and the callbacks,
 * which come from sw_trunk_poll, and `state` also from sw_trunk_join when there is news already. */
struct sw_trunk_user {
    struct sw_trunk_user *next, *previous;
    struct sw_trunk *trunk; /* NULL: in none */
    uint32_t tag;
    void *arg;
    void (*message)(void *arg, struct sw_node_id node, struct sw_span message);
    void (*state)(void *arg, struct sw_node_id node, bool up, enum sw_err why);
};

/* Whom to reach, as whom. `keys` is copied when a trunk is made. */
struct sw_trunk_config {
    void *context; /* ZeroMQ's; borrowed */
    struct sw_client_node node;
    struct sw_swarm_id swarm;
    const struct sw_keypair *keys;
    uint64_t seed;
    uint32_t dial_timeout_ms;
};

/* Trunks of a pool; it is told of each new one (to watch it) and of each that goes. */
struct sw_trunks {
    struct sw_trunk *first;
    void *arg;
    enum sw_err (*opened)(void *arg, struct sw_trunk *trunk);
    void (*closing)(void *arg, struct sw_trunk *trunk);
};

/* Enters the trunk that fits, or makes one. On an error the user is in none. */
enum sw_err sw_trunk_join(struct sw_trunks *trunks,
                          const struct sw_trunk_config *config,
                          struct sw_trunk_user *user) SW_MUST_CHECK;
/* The last user closes the connection. Not from a callback. Accepts a user that is in none. */
void sw_trunk_leave(struct sw_trunks *trunks, struct sw_trunk_user *user, uint64_t now_ms);
/* 1..n requests of the user. UNREACHABLE, BUSY: nothing was queued. */
enum sw_err sw_trunk_send(struct sw_trunk_user *user, struct sw_span message) SW_MUST_CHECK;

struct sw_trunk *sw_trunk_next(const struct sw_trunk *trunk);
struct sw_conn *sw_trunk_conn(struct sw_trunk *trunk);
void sw_trunk_poll(struct sw_trunk *trunk, uint64_t now_ms);
/* Sends what was queued. True: something is there to be read already. */
bool sw_trunk_flush(struct sw_trunk *trunk, uint64_t now_ms);
/* Wants sw_trunk_poll: its descriptors said so (sw_trunk_wake), or its time has come. */
bool sw_trunk_due(const struct sw_trunk *trunk, uint64_t now_ms);
void sw_trunk_wake(struct sw_trunk *trunk);

#endif
