/* A uv_prepare takes the turn; what the turn says about waiting decides between idle and a timer.
 */
#include "node/loop_uv.h"

#include <stdbool.h>
#include <stdlib.h>

#include <uv.h>

#include "base/assert.h"

struct watch {
    uv_poll_t poll; /* first */
    struct watch *next;
    int fd;
    void (*readable)(void *arg); /* may be NULL */
    void *arg;
};

struct signal_watch {
    uv_signal_t handle; /* first */
    struct signal_watch *next;
};

struct sw_loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uv_timer_t timer;
    uv_async_t async;
    struct sw_loop_handler handler;
    struct watch *watches;        /* owned */
    struct signal_watch *signals; /* owned */
    bool stopping;
};

static void must(int result)
{
    SW_ASSERT(result == 0);
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* being active is all it does: the loop then does not wait */
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
}

static void on_async(uv_async_t *async)
{
    (void)async;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    const struct watch *watch = (const struct watch *)poll;

    (void)status;
    (void)events;
    if (watch->readable != NULL) {
        watch->readable(watch->arg);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct sw_loop *loop = handle->loop->data;

    loop->handler.on_signal(loop->handler.arg, number);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct sw_loop *loop = prepare->loop->data;
    uint64_t wait_ms;

    loop->handler.turn(loop->handler.arg);
    wait_ms = loop->stopping ? 0 : loop->handler.wait_ms(loop->handler.arg);
    if (wait_ms == 0) {
        must(uv_idle_start(&loop->idle, on_idle));
        return;
    }
    must(uv_idle_stop(&loop->idle));
    must(uv_timer_start(&loop->timer, on_timer, wait_ms, 0));
}

struct sw_loop *sw_loop_new(struct sw_loop_handler handler)
{
    struct sw_loop *loop = calloc(1, sizeof *loop);

    SW_ASSERT(loop != NULL);
    SW_ASSERT(handler.turn != NULL);
    SW_ASSERT(handler.wait_ms != NULL);
    loop->handler = handler;
    must(uv_loop_init(&loop->uv));
    loop->uv.data = loop;
    must(uv_prepare_init(&loop->uv, &loop->prepare));
    must(uv_prepare_start(&loop->prepare, on_prepare));
    must(uv_idle_init(&loop->uv, &loop->idle));
    must(uv_timer_init(&loop->uv, &loop->timer));
    must(uv_async_init(&loop->uv, &loop->async, on_async));
    return loop;
}

enum sw_err sw_loop_watch(struct sw_loop *loop, int fd, void (*readable)(void *arg), void *arg)
{
    struct watch *watch = calloc(1, sizeof *watch);

    SW_ASSERT(watch != NULL);
    if (uv_poll_init(&loop->uv, &watch->poll, fd) != 0) {
        free(watch);
        return SW_ERR_IO;
    }
    watch->fd = fd;
    watch->readable = readable;
    watch->arg = arg;
    watch->next = loop->watches;
    loop->watches = watch;
    must(uv_poll_start(&watch->poll, UV_READABLE, on_readable));
    return SW_ERR_OK;
}

static void on_unwatched(uv_handle_t *handle)
{
    free((struct watch *)handle);
}

void sw_loop_unwatch(struct sw_loop *loop, int fd)
{
    struct watch **at = &loop->watches;

    while (*at != NULL && (*at)->fd != fd) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        struct watch *watch = *at;

        *at = watch->next;
        must(uv_poll_stop(&watch->poll)); /* libuv lets go of the descriptor in here */
        uv_close((uv_handle_t *)&watch->poll, on_unwatched);
    }
}

enum sw_err sw_loop_watch_signal(struct sw_loop *loop, int number)
{
    struct signal_watch *watch = calloc(1, sizeof *watch);

    SW_ASSERT(watch != NULL);
    SW_ASSERT(loop->handler.on_signal != NULL);
    must(uv_signal_init(&loop->uv, &watch->handle));
    watch->next = loop->signals;
    loop->signals = watch;
    return uv_signal_start(&watch->handle, on_signal, number) == 0 ? SW_ERR_OK : SW_ERR_IO;
}

void sw_loop_wake(struct sw_loop *loop)
{
    must(uv_async_send(&loop->async));
}

void sw_loop_run(struct sw_loop *loop)
{
    while (!loop->stopping) {
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
    }
}

void sw_loop_stop(struct sw_loop *loop)
{
    loop->stopping = true;
}

static void close_one(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void sw_loop_free(struct sw_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    uv_walk(&loop->uv, close_one, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop->uv));
    while (loop->watches != NULL) {
        struct watch *watch = loop->watches;

        loop->watches = watch->next;
        free(watch);
    }
    while (loop->signals != NULL) {
        struct signal_watch *watch = loop->signals;

        loop->signals = watch->next;
        free(watch);
    }
    free(loop);
}
