/* One thread that serves several clients: a ZeroMQ context, an epoll set, and an inbox of tasks.
 *
 * Other threads reach it through the inbox only: a lock-free list that anyone may push to and the
 * thread takes whole. A turn is: take what arrived on all trunks, core tick and core flush of each
 * member that has something to do, send. All requests that came in since the last turn leave in one
 * frame a node, whichever client they are of. */
#ifndef SW_CLIENT_POOL_ZMQ_H
#define SW_CLIENT_POOL_ZMQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "client/core.h"
#include "client/embedded_posix.h"
#include "client/trunk_zmq.h"

struct swarm_pool;

/* Belongs to the pool from post until `run`, which may free it. */
struct sw_task {
    struct sw_task *next;
    void (*run)(struct sw_task *task); /* on the pool's thread */
};

/* One client, embedded in its owner. Pool thread only, once added. */
struct sw_member {
    struct sw_member *next, *previous;
    struct sw_core *core; /* borrowed */
    struct sw_trunk_user users[SW_NODE_COUNT_MAX];
    uint32_t user_count;
    struct sw_embedded_user embedded;      /* instead of trunks: a node in this process */
    uint32_t tag;                          /* given by sw_pool_add */
    bool dirty;                            /* wants a turn now */
    bool ended;                            /* set by a callback: call `end` after this turn */
    uint64_t due_ms;                       /* wants a turn then */
    void (*end)(struct sw_member *member); /* has been removed; may free it */
};

enum sw_err sw_pool_new(struct swarm_pool **ret_pool) SW_MUST_CHECK;
/* Runs what is posted, joins the thread. No member may be left. Accepts NULL. */
void sw_pool_free(struct swarm_pool *pool);
void *sw_pool_context(struct swarm_pool *pool);                   /* ZeroMQ's */
void sw_pool_post(struct swarm_pool *pool, struct sw_task *task); /* any thread */
bool sw_pool_is_self(const struct swarm_pool *pool);              /* am I the pool's thread? */
/* Pool thread only, as are the next three. The member has a tag from here on. */
void sw_pool_add(struct swarm_pool *pool, struct sw_member *member);
/* Leaves its trunks or its node; no callback comes any more. */
void sw_pool_remove(struct swarm_pool *pool, struct sw_member *member);
struct sw_trunks *sw_pool_trunks(struct swarm_pool *pool);
struct sw_embeddeds *sw_pool_embeddeds(struct swarm_pool *pool);
uint64_t sw_pool_now_ms(void); /* monotonic */

#endif
