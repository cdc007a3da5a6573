/* One dialer and one listener with a wire between them that the test owns: frames lie in two queues
 * until the test delivers, drops, copies or changes them. Time is a number. */
#ifndef SW_TESTS_PIPE_WORLD_H
#define SW_TESTS_PIPE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/dialer.h"
#include "transport/listener.h"

enum { PIPE_FRAME_COUNT_MAX = 4096, PIPE_WINDOW = SW_FRAME_SIZE_MAX };

struct pipe_queue {
    struct sw_buf frame[PIPE_FRAME_COUNT_MAX];
    size_t count;
    size_t size;           /* of the frame that is being written */
    struct sw_route route; /* of the last commit */
    enum sw_err answer;    /* of commit; OK = the frame is queued */
};

struct pipe_world {
    struct pipe_queue to_listener, to_dialer;
    struct sw_keypair *dialer_keys, *listener_keys;
    struct sw_dialer_config dialer_config;
    struct sw_listener_config listener_config;
    struct sw_dialer *dialer;
    struct sw_listener *listener;
    struct sw_link_stats dialer_stats, listener_stats;
    struct sw_route route;
    uint64_t now_ms;
    /* What happened. */
    unsigned ups, downs, refusals, events, closed;
    uint64_t dialer_messages, listener_messages;
    uint64_t last_number; /* of a message to the listener: only ever grows */
    uint64_t conn;
    enum sw_err refused, event;
    bool up, allow, echo;
};

static inline uint8_t *pipe_reserve(void *arg, size_t size)
{
    struct pipe_queue *queue = arg;
    struct sw_buf *frame = &queue->frame[queue->count];

    assert_true(queue->count < PIPE_FRAME_COUNT_MAX - 1);
    sw_buf_clear(frame);
    queue->size = size;
    return sw_buf_extend(frame, size);
}

static inline enum sw_err pipe_commit(void *arg, const struct sw_route *route)
{
    struct pipe_queue *queue = arg;

    if (queue->answer == SW_ERR_OK) {
        queue->route = route != NULL ? *route : (struct sw_route){0};
        queue->count++;
    }
    return queue->answer;
}

static inline void pipe_state(void *arg, bool up)
{
    struct pipe_world *world = arg;

    assert_true(up != world->up);
    world->up = up;
    world->ups += up ? 1 : 0;
    world->downs += up ? 0 : 1;
}

static inline void pipe_dialer_message(void *arg, struct sw_span message)
{
    struct pipe_world *world = arg;

    (void)message;
    world->dialer_messages++;
}

static inline void pipe_refused(void *arg, enum sw_err err)
{
    struct pipe_world *world = arg;

    world->refusals++;
    world->refused = err;
}

static inline bool pipe_allow(void *arg, const struct sw_public_key *key, struct sw_node_id claimed)
{
    struct pipe_world *world = arg;

    (void)claimed;
    return world->allow && sw_public_key_equal(key, &world->dialer_keys->public_key);
}

static inline void pipe_listener_message(void *arg,
                                         uint64_t conn,
                                         struct sw_node_id from,
                                         const struct sw_public_key *key,
                                         struct sw_span message)
{
    struct pipe_world *world = arg;
    enum sw_err err;

    assert_int_equal(from.value, world->dialer_config.channel.local.value);
    assert_true(sw_public_key_equal(key, &world->dialer_keys->public_key));
    if (message.size == 8) {
        assert_true(sw_load_u64(message.data) > world->last_number);
        world->last_number = sw_load_u64(message.data);
    }
    world->listener_messages++;
    world->conn = conn;
    if (world->echo) {
        err = sw_listener_reply(world->listener, conn, message);
        assert_int_equal(err, SW_ERR_OK);
    }
}

static inline void pipe_closed(void *arg, uint64_t conn)
{
    struct pipe_world *world = arg;

    (void)conn;
    world->closed++;
}

static inline void pipe_event(void *arg, enum sw_err kind, const char *text)
{
    struct pipe_world *world = arg;

    assert_true(strlen(text) > 10);
    world->events++;
    world->event = kind;
}

static inline void pipe_listen(struct pipe_world *world)
{
    sw_listener_free(world->listener);
    world->listener = sw_listener_new(&world->listener_config, world->now_ms);
}

static inline void pipe_dial(struct pipe_world *world)
{
    sw_dialer_free(world->dialer);
    world->up = false;
    world->dialer = sw_dialer_new(&world->dialer_config, world->now_ms);
}

static inline struct pipe_world *pipe_new(enum sw_channel_role role, enum sw_noise_pattern pattern)
{
    struct pipe_world *world = calloc(1, sizeof(*world));
    const struct sw_swarm_id swarm = {{3}};

    assert_non_null(world);
    world->dialer_keys = sw_secret_new(sizeof(*world->dialer_keys));
    world->listener_keys = sw_secret_new(sizeof(*world->listener_keys));
    sw_keypair_generate(world->dialer_keys);
    sw_keypair_generate(world->listener_keys);
    world->allow = true;
    world->now_ms = 1000;
    world->route = (struct sw_route){.size = 5, .bytes = {0, 1, 2, 3, 4}};
    world->dialer_config = (struct sw_dialer_config){
        .channel = {.swarm = swarm,
                    .role = role,
                    .local = {role == SW_CHANNEL_CLIENT ? 0 : 7},
                    .remote = {2},
                    .keys = world->dialer_keys,
                    .window = PIPE_WINDOW,
                    .pattern = pattern,
                    .suite = sw_suite_best(),
                    .remote_key = &world->listener_keys->public_key},
        .sink = {.arg = &world->to_listener, .reserve = pipe_reserve, .commit = pipe_commit},
        .stats = &world->dialer_stats,
        .seed = 1,
        .arg = world,
        .state = pipe_state,
        .message = pipe_dialer_message,
        .refused = pipe_refused,
    };
    world->listener_config = (struct sw_listener_config){
        .swarm = swarm,
        .role = role,
        .local = {2},
        .keys = world->listener_keys,
        .window = PIPE_WINDOW,
        .session_count_max = 4,
        .handshake_rate = 1000,
        .sink = {.arg = &world->to_dialer, .reserve = pipe_reserve, .commit = pipe_commit},
        .stats = &world->listener_stats,
        .arg = world,
        .allow = pipe_allow,
        .message = pipe_listener_message,
        .closed = pipe_closed,
        .event = pipe_event,
    };
    pipe_listen(world);
    pipe_dial(world);
    return world;
}

static inline void pipe_free(struct pipe_world *world)
{
    sw_dialer_free(world->dialer);
    sw_listener_free(world->listener);
    for (size_t i = 0; i < PIPE_FRAME_COUNT_MAX; i++) {
        sw_buf_release(&world->to_listener.frame[i]);
        sw_buf_release(&world->to_dialer.frame[i]);
    }
    sw_secret_free(world->dialer_keys);
    sw_secret_free(world->listener_keys);
    free(world);
}

/* Hands a copy of the bytes to the listener, as coming over `route`. */
static inline void
pipe_inject(struct pipe_world *world, const struct sw_route *route, struct sw_span frame)
{
    uint8_t *copy = malloc(frame.size + 1); /* opened in place, so never the original */

    assert_non_null(copy);
    if (frame.size > 0) {
        memcpy(copy, frame.data, frame.size);
    }
    sw_listener_receive(world->listener, world->now_ms, route, copy, frame.size);
    free(copy);
}

static inline void pipe_inject_dialer(struct pipe_world *world, struct sw_span frame)
{
    uint8_t *copy = malloc(frame.size + 1);

    assert_non_null(copy);
    memcpy(copy, frame.data, frame.size);
    sw_dialer_receive(world->dialer, world->now_ms, copy, frame.size);
    free(copy);
}

static inline void pipe_deliver_to_listener(struct pipe_world *world)
{
    for (size_t i = 0; i < world->to_listener.count; i++) {
        pipe_inject(world, &world->route, sw_buf_span(&world->to_listener.frame[i]));
    }
    world->to_listener.count = 0;
}

static inline void pipe_deliver_to_dialer(struct pipe_world *world)
{
    for (size_t i = 0; i < world->to_dialer.count; i++) {
        pipe_inject_dialer(world, sw_buf_span(&world->to_dialer.frame[i]));
    }
    world->to_dialer.count = 0;
}

/* Lets `ms` pass in steps of 10, delivering everything. */
static inline void pipe_run(struct pipe_world *world, uint64_t ms)
{
    for (uint64_t end_ms = world->now_ms + ms; world->now_ms <= end_ms; world->now_ms += 10) {
        (void)sw_dialer_tick(world->dialer, world->now_ms);
        sw_dialer_flush(world->dialer, world->now_ms);
        pipe_deliver_to_listener(world);
        (void)sw_listener_tick(world->listener, world->now_ms);
        sw_listener_flush(world->listener, world->now_ms);
        pipe_deliver_to_dialer(world);
    }
}

/* Lets `ms` pass while every frame is lost. */
static inline void pipe_run_cut(struct pipe_world *world, uint64_t ms)
{
    for (uint64_t end_ms = world->now_ms + ms; world->now_ms <= end_ms; world->now_ms += 10) {
        (void)sw_dialer_tick(world->dialer, world->now_ms);
        sw_dialer_flush(world->dialer, world->now_ms);
        (void)sw_listener_tick(world->listener, world->now_ms);
        sw_listener_flush(world->listener, world->now_ms);
        world->to_listener.count = 0;
        world->to_dialer.count = 0;
    }
}

static inline enum sw_err pipe_send(struct pipe_world *world, uint64_t number)
{
    uint8_t bytes[8];

    sw_store_u64(bytes, number);
    return sw_dialer_send(world->dialer, sw_span_of(bytes, sizeof(bytes)));
}

#endif
