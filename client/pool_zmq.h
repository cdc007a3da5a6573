/* One thread that serves several clients: a ZeroMQ context, an epoll set, and an inbox of tasks.
 * Or no thread: then the loop of the thread that made the pool watches its descriptor and gives it
 * its turns, and nothing here waits for a disk.
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
    struct sw_embedded_user embedded; /* instead of trunks: a node in this process */
    uint32_t tag;                     /* given by sw_pool_add */
    bool dirty;                       /* wants a turn now */
    bool ended;                       /* set by a callback: call `end` after this turn */
    uint64_t due_ms;                  /* wants a turn then */
    /* NULL, or called before each turn of it: here, connections may be opened and closed. */
    void (*refresh)(struct sw_member *member);
    void (*end)(struct sw_member *member); /* has been removed; may free it */
};

enum sw_err sw_pool_new(struct swarm_pool **ret_pool) SW_MUST_CHECK;
/* Without a thread; the calling thread owns it. */
enum sw_err sw_pool_new_unthreaded(struct swarm_pool **ret_pool) SW_MUST_CHECK;
bool sw_pool_is_threaded(const struct swarm_pool *pool);
/* Of a pool without a thread, by its owner: when to give it a turn (readable, or after so many ms),
 * and the turn. sw_pool_await waits for either and gives it one. */
int sw_pool_fd(const struct swarm_pool *pool);
int sw_pool_wait_ms(struct swarm_pool *pool);
void sw_pool_process(struct swarm_pool *pool);
void sw_pool_await(struct swarm_pool *pool);
bool sw_pool_is_owner(const struct swarm_pool *pool); /* am I, and is there no thread? */
/* Runs `task` as the pool's thread would, in a pool without one. */
void sw_pool_run(struct swarm_pool *pool, struct sw_task *task);
/* Runs what is posted, joins the thread. No member may be left. Accepts NULL. */
void sw_pool_free(struct swarm_pool *pool);
void *sw_pool_context(struct swarm_pool *pool);                   /* ZeroMQ's */
void sw_pool_post(struct swarm_pool *pool, struct sw_task *task); /* any thread */
/* Am I the pool's thread, or inside of a turn of a pool without one? */
bool sw_pool_is_self(const struct swarm_pool *pool);
/* Pool thread only, as are the next three. The member has a tag from here on. */
void sw_pool_add(struct swarm_pool *pool, struct sw_member *member);
/* Leaves its trunks or its node; no callback comes any more. */
void sw_pool_remove(struct swarm_pool *pool, struct sw_member *member);
struct sw_trunks *sw_pool_trunks(struct swarm_pool *pool);
struct sw_embeddeds *sw_pool_embeddeds(struct swarm_pool *pool);
uint64_t sw_pool_now_ms(void); /* monotonic */

#endif
