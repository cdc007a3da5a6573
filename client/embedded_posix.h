/* Embedded mode: a node inside of this process, which clients of one pool share as they share a
 * connection (client/trunk_zmq.h).
 *
 * The only way from client/ to node/: through here alone. The node gets its turns from the pool's
 * thread, between the arrival of answers and the clients' own turns, so a write takes two changes
 * of thread in all, to the pool and back. Pool thread only. */
#ifndef SW_CLIENT_EMBEDDED_POSIX_H
#define SW_CLIENT_EMBEDDED_POSIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/span.h"

struct sw_embedded;

/* One client's share of a node, embedded in its owner, who sets `arg` and the callbacks. `state` is
 * called from sw_embedded_join (up) and when the node has failed (down, for good). */
struct sw_embedded_user {
    struct sw_embedded_user *next;
    struct sw_embedded *embedded; /* NULL: in none */
    uint64_t conn;
    void *arg;
    void (*message)(void *arg, struct sw_node_id node, struct sw_span message);
    void (*state)(void *arg, struct sw_node_id node, bool up, enum sw_err why);
};

/* The nodes of a pool. */
struct sw_embeddeds {
    struct sw_embedded *first;
    bool threads; /* the pool's thread must not wait for disks: see node/local_posix.h */
    void *arg;
    void (*wake)(void *arg); /* any thread: the pool shall take a turn */
};

struct sw_node_id sw_embedded_self(void);
/* Enters the node that has `dir` open, or opens it; `ret_why` tells what is wrong. */
enum sw_err sw_embedded_join(struct sw_embeddeds *all,
                             const char *dir,
                             struct sw_embedded_user *user,
                             char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* The last user stops the node and gives the directory back. Not from a callback. Accepts a user
 * that is in none. */
void sw_embedded_leave(struct sw_embeddeds *all, struct sw_embedded_user *user);
/* UNREACHABLE, BUSY: nothing was queued. */
enum sw_err sw_embedded_send(struct sw_embedded_user *user, struct sw_span message) SW_MUST_CHECK;

/* Gives a turn to each node that wants one by now. */
void sw_embeddeds_turn(struct sw_embeddeds *all);
/* When the first of them wants a turn; `now_ms`: at once. */
uint64_t sw_embeddeds_due_ms(const struct sw_embeddeds *all, uint64_t now_ms);

#endif
