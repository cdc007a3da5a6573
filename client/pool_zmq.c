/* The thread of one or more clients, or what a loop of somebody else calls in its place. */
#include "client/pool_zmq.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "base/assert.h"

enum { EVENT_COUNT = 64, TURN_ROUNDS = 4, WAIT_MS_MAX = 60000, SOCKETS_MAX = 65536 };

struct swarm_pool {
    pthread_t thread; /* that serves it; without one, the owner's */
    bool threaded;
    _Atomic bool inside; /* a turn of a pool without a thread */
    void *context;
    int epoll_fd;
    int event_fd;                    /* readable: the inbox is not empty */
    _Atomic(struct sw_task *) inbox; /* newest first */
    struct sw_member *members;
    struct sw_trunks trunks;
    struct sw_embeddeds embeddeds;
    bool stopping; /* pool thread only */
};

uint64_t sw_pool_now_ms(void)
{
    struct timespec now;
    const int failed = clock_gettime(CLOCK_MONOTONIC, &now);

    SW_ASSERT(failed == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool sw_pool_is_self(const struct swarm_pool *pool)
{
    return pthread_equal(pthread_self(), pool->thread) != 0 &&
           (pool->threaded || atomic_load(&pool->inside));
}

bool sw_pool_is_threaded(const struct swarm_pool *pool)
{
    return pool->threaded;
}

bool sw_pool_is_owner(const struct swarm_pool *pool)
{
    return !pool->threaded && pthread_equal(pthread_self(), pool->thread) != 0;
}

void *sw_pool_context(struct swarm_pool *pool)
{
    return pool->context;
}

/* ---- the inbox ----------------------------------------------------------------------------- */

static void wake(void *arg)
{
    const struct swarm_pool *pool = arg;
    const uint64_t one = 1;
    const ssize_t wrote = write(pool->event_fd, &one, sizeof one);

    SW_ASSERT(wrote == (ssize_t)sizeof one);
}

void sw_pool_post(struct swarm_pool *pool, struct sw_task *task)
{
    struct sw_task *head = atomic_load_explicit(&pool->inbox, memory_order_relaxed);

    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak_explicit(
        &pool->inbox, &head, task, memory_order_release, memory_order_relaxed));
    /* Only the first of a batch wakes the thread; its own posts it sees before it waits. */
    if (head == NULL && !sw_pool_is_self(pool)) {
        wake(pool);
    }
}

static void run_inbox(struct swarm_pool *pool)
{
    struct sw_task *newest = atomic_exchange_explicit(&pool->inbox, NULL, memory_order_acquire);
    struct sw_task *oldest = NULL;

    while (newest != NULL) {
        struct sw_task *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct sw_task *next = oldest->next;

        oldest->run(oldest);
        oldest = next;
    }
}

static bool inbox_empty(struct swarm_pool *pool)
{
    return atomic_load_explicit(&pool->inbox, memory_order_relaxed) == NULL;
}

/* ---- trunks -------------------------------------------------------------------------------- */

static enum sw_err trunk_opened(void *arg, struct sw_trunk *trunk)
{
    struct swarm_pool *pool = arg;
    int fds[SW_CONN_FD_COUNT];

    sw_conn_fds(sw_trunk_conn(trunk), fds);
    for (int i = 0; i < SW_CONN_FD_COUNT; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = trunk};

        if (epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, fds[i], &event) != 0) {
            return SW_ERR_NOMEM;
        }
    }
    return SW_ERR_OK;
}

static void trunk_closing(void *arg, struct sw_trunk *trunk)
{
    struct swarm_pool *pool = arg;
    int fds[SW_CONN_FD_COUNT];

    sw_conn_fds(sw_trunk_conn(trunk), fds);
    for (int i = 0; i < SW_CONN_FD_COUNT; i++) {
        (void)epoll_ctl(pool->epoll_fd, EPOLL_CTL_DEL, fds[i], NULL);
    }
}

struct sw_trunks *sw_pool_trunks(struct swarm_pool *pool)
{
    SW_ASSERT(sw_pool_is_self(pool));
    return &pool->trunks;
}

struct sw_embeddeds *sw_pool_embeddeds(struct swarm_pool *pool)
{
    SW_ASSERT(sw_pool_is_self(pool));
    return &pool->embeddeds;
}

/* ---- members ------------------------------------------------------------------------------- */

static bool tag_used(const struct swarm_pool *pool, uint32_t tag)
{
    for (const struct sw_member *member = pool->members; member != NULL; member = member->next) {
        if (member->tag == tag) {
            return true;
        }
    }
    return false;
}

void sw_pool_add(struct swarm_pool *pool, struct sw_member *member)
{
    uint32_t tag = 0;

    SW_ASSERT(sw_pool_is_self(pool));
    while (tag_used(pool, tag)) {
        tag++;
    }
    member->tag = tag;
    member->previous = NULL;
    member->next = pool->members;
    if (pool->members != NULL) {
        pool->members->previous = member;
    }
    pool->members = member;
    member->dirty = true;
}

void sw_pool_remove(struct swarm_pool *pool, struct sw_member *member)
{
    for (uint32_t i = 0; i < member->user_count; i++) {
        sw_trunk_leave(&pool->trunks, &member->users[i], sw_pool_now_ms());
    }
    member->user_count = 0;
    sw_embedded_leave(&pool->embeddeds, &member->embedded);
    if (member->previous == NULL) {
        pool->members = member->next;
    } else {
        member->previous->next = member->next;
    }
    if (member->next != NULL) {
        member->next->previous = member->previous;
    }
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Asking ZeroMQ whether anything is there costs system calls, so only those trunks are asked that
 * the epoll set named, that were used in this turn, or whose time has come. */
static void poll_trunks(struct swarm_pool *pool, uint64_t now_ms)
{
    for (struct sw_trunk *trunk = pool->trunks.first; trunk != NULL; trunk = sw_trunk_next(trunk)) {
        if (sw_trunk_due(trunk, now_ms)) {
            sw_trunk_poll(trunk, now_ms);
        }
    }
}

static void turn_members(struct swarm_pool *pool, uint64_t now_ms)
{
    for (struct sw_member *member = pool->members; member != NULL; member = member->next) {
        if (member->dirty || member->due_ms <= now_ms) {
            member->dirty = false;
            if (member->refresh != NULL) {
                member->refresh(member);
            }
            sw_core_tick(member->core);
            sw_core_flush(member->core);
            member->due_ms = sw_core_next_ms(member->core);
        }
    }
}

static bool flush_trunks(struct swarm_pool *pool, uint64_t now_ms)
{
    bool any = false;

    for (struct sw_trunk *trunk = pool->trunks.first; trunk != NULL; trunk = sw_trunk_next(trunk)) {
        any = sw_trunk_flush(trunk, now_ms) || any;
    }
    return any;
}

static void end_members(struct swarm_pool *pool)
{
    struct sw_member *member = pool->members;

    while (member != NULL) {
        struct sw_member *next = member->next;

        if (member->ended) {
            sw_pool_remove(pool, member);
            member->end(member);
        }
        member = next;
    }
}

static void turn(struct swarm_pool *pool)
{
    bool any = true;

    for (int round = 0; any && round < TURN_ROUNDS; round++) {
        const uint64_t now_ms = sw_pool_now_ms();

        poll_trunks(pool, now_ms);
        sw_embeddeds_turn(&pool->embeddeds);
        turn_members(pool, now_ms);
        any = flush_trunks(pool, now_ms);
        any = sw_embeddeds_due_ms(&pool->embeddeds, now_ms) <= now_ms || any;
    }
    end_members(pool);
}

/* ---- the thread ---------------------------------------------------------------------------- */

int sw_pool_wait_ms(struct swarm_pool *pool)
{
    const uint64_t now_ms = sw_pool_now_ms();
    uint64_t due_ms = now_ms + WAIT_MS_MAX;

    if (!inbox_empty(pool) || pool->stopping) {
        return 0;
    }
    for (struct sw_trunk *trunk = pool->trunks.first; trunk != NULL; trunk = sw_trunk_next(trunk)) {
        if (sw_trunk_due(trunk, now_ms)) {
            return 0;
        }
        due_ms = lower(due_ms, sw_conn_next_ms(sw_trunk_conn(trunk)));
    }
    for (const struct sw_member *member = pool->members; member != NULL; member = member->next) {
        if (member->dirty || member->due_ms <= now_ms) {
            return 0;
        }
        due_ms = lower(due_ms, member->due_ms);
    }
    due_ms = lower(due_ms, sw_embeddeds_due_ms(&pool->embeddeds, now_ms));
    return (int)(due_ms - now_ms);
}

static void wait_for_events(struct swarm_pool *pool, int timeout_ms)
{
    struct epoll_event events[EVENT_COUNT];
    const int count = epoll_wait(pool->epoll_fd, events, EVENT_COUNT, timeout_ms);
    uint64_t posts;

    SW_ASSERT(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL) {
            (void)!read(pool->event_fd, &posts, sizeof posts);
        } else {
            sw_trunk_wake(events[i].data.ptr);
        }
    }
}

static void *thread_main(void *arg)
{
    struct swarm_pool *pool = arg;

    while (!pool->stopping || !inbox_empty(pool)) {
        wait_for_events(pool, sw_pool_wait_ms(pool));
        run_inbox(pool);
        turn(pool);
    }
    SW_ASSERT(pool->members == NULL);
    SW_ASSERT(pool->trunks.first == NULL);
    SW_ASSERT(pool->embeddeds.first == NULL);
    return NULL;
}

static enum sw_err open_descriptors(struct swarm_pool *pool)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    pool->context = zmq_ctx_new();
    pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->context == NULL || pool->epoll_fd < 0 || pool->event_fd < 0 ||
        epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, pool->event_fd, &event) != 0) {
        return SW_ERR_NOMEM;
    }
    (void)zmq_ctx_set(pool->context, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
    return SW_ERR_OK;
}

static void close_descriptors(struct swarm_pool *pool)
{
    if (pool->epoll_fd >= 0) {
        (void)close(pool->epoll_fd);
    }
    if (pool->event_fd >= 0) {
        (void)close(pool->event_fd);
    }
    if (pool->context != NULL) {
        (void)zmq_ctx_term(pool->context);
    }
    free(pool);
}

static struct swarm_pool *pool_alloc(bool threaded)
{
    struct swarm_pool *pool = calloc(1, sizeof *pool);

    SW_ASSERT(pool != NULL);
    pool->epoll_fd = -1;
    pool->event_fd = -1;
    pool->threaded = threaded;
    pool->thread = pthread_self();
    pool->trunks =
        (struct sw_trunks){.arg = pool, .opened = trunk_opened, .closing = trunk_closing};
    pool->embeddeds = (struct sw_embeddeds){.threads = !threaded, .arg = pool, .wake = wake};
    return pool;
}

static enum sw_err start(struct swarm_pool *pool, struct swarm_pool **ret_pool)
{
    enum sw_err err = open_descriptors(pool);

    if (err == SW_ERR_OK && pool->threaded &&
        pthread_create(&pool->thread, NULL, thread_main, pool) != 0) {
        err = SW_ERR_NOMEM;
    }
    if (err != SW_ERR_OK) {
        close_descriptors(pool);
        return err;
    }
    if (pool->threaded) {
        (void)pthread_setname_np(pool->thread, "swarm-client");
    }
    *ret_pool = pool;
    return SW_ERR_OK;
}

enum sw_err sw_pool_new(struct swarm_pool **ret_pool)
{
    return start(pool_alloc(true), ret_pool);
}

enum sw_err sw_pool_new_unthreaded(struct swarm_pool **ret_pool)
{
    return start(pool_alloc(false), ret_pool);
}

/* ---- without a thread ---------------------------------------------------------------------- */

int sw_pool_fd(const struct swarm_pool *pool)
{
    return pool->epoll_fd;
}

void sw_pool_process(struct swarm_pool *pool)
{
    SW_ASSERT(sw_pool_is_owner(pool));
    SW_ASSERT(!atomic_load(&pool->inside)); /* not from a callback */
    atomic_store(&pool->inside, true);
    wait_for_events(pool, 0);
    run_inbox(pool);
    turn(pool);
    atomic_store(&pool->inside, false);
}

void sw_pool_await(struct swarm_pool *pool)
{
    struct pollfd polled = {.fd = pool->epoll_fd, .events = POLLIN};

    (void)poll(&polled, 1, sw_pool_wait_ms(pool)); /* a signal costs a turn too many */
    sw_pool_process(pool);
}

void sw_pool_run(struct swarm_pool *pool, struct sw_task *task)
{
    SW_ASSERT(sw_pool_is_owner(pool));
    SW_ASSERT(!atomic_load(&pool->inside));
    atomic_store(&pool->inside, true);
    task->run(task);
    atomic_store(&pool->inside, false);
}

/* ---- the end ------------------------------------------------------------------------------- */

struct stop_task {
    struct sw_task task; /* first */
    struct swarm_pool *pool;
};

static void run_stop(struct sw_task *task)
{
    ((struct stop_task *)(void *)task)->pool->stopping = true;
}

void sw_pool_free(struct swarm_pool *pool)
{
    struct stop_task stop = {.task.run = run_stop, .pool = pool};
    int failed;

    if (pool == NULL) {
        return;
    }
    SW_ASSERT(!sw_pool_is_self(pool));
    if (pool->threaded) {
        sw_pool_post(pool, &stop.task);
        failed = pthread_join(pool->thread, NULL);
        SW_ASSERT(failed == 0);
    }
    SW_ASSERT(pool->members == NULL);
    close_descriptors(pool);
}
