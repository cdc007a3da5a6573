/* The one event loop of swarmd, on libuv.
 *
 * All work is done in `turn`, once before each wait; descriptors, timers, signals and other threads
 * only ever cause another turn. So there is one place where the order of work is decided, and an
 * edge-triggered descriptor cannot be missed: whoever woke the loop, everything is looked at. */
#ifndef SW_NODE_LOOP_UV_H
#define SW_NODE_LOOP_UV_H

#include <stdint.h>

#include "base/err.h"

struct sw_loop;

struct sw_loop_handler {
    void *arg;
    void (*turn)(void *arg);
    /* How long the loop may sleep now; 0 = take another turn at once. */
    uint64_t (*wait_ms)(void *arg);
    void (*on_signal)(void *arg, int number);
};

struct sw_loop *sw_loop_new(struct sw_loop_handler handler);
/* Another turn when `fd` becomes readable, after `readable` if that is not NULL. The descriptor is
 * borrowed until sw_loop_unwatch or sw_loop_free. */
enum sw_err sw_loop_watch(struct sw_loop *loop, int fd, void (*readable)(void *arg), void *arg)
    SW_MUST_CHECK;
/* Looks at `fd` no more: it may be closed on return. Nothing if it is not watched. */
void sw_loop_unwatch(struct sw_loop *loop, int fd);
enum sw_err sw_loop_watch_signal(struct sw_loop *loop, int number) SW_MUST_CHECK;
void sw_loop_wake(struct sw_loop *loop); /* from any thread */
void sw_loop_run(struct sw_loop *loop);  /* until sw_loop_stop */
void sw_loop_stop(struct sw_loop *loop);
void sw_loop_free(struct sw_loop *loop); /* accepts NULL */

#endif
