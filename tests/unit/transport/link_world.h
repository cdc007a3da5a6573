/* A few links in one process over loopback, driven by one loop, for the tests of the link. */
#ifndef SW_TESTS_LINK_WORLD_H
#define SW_TESTS_LINK_WORLD_H

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rw.h"
#include "transport/dialer.h"
#include "transport/link_zmq.h"
#include "transport/port_zmq.h"

enum { WORLD_NODE_COUNT = 3, WORLD_BOUND_MS = 30000 };

struct world;

struct world_node {
    struct world *world;
    struct sw_link *link;
    struct sw_keypair *keys;
    char peer_address[SW_ADDRESS_SIZE_MAX];
    char client_address[SW_ADDRESS_SIZE_MAX];
    uint64_t last[WORLD_NODE_COUNT + 1];     /* number of the last message from each node */
    uint64_t received[WORLD_NODE_COUNT + 1]; /* how many */
    uint64_t next[WORLD_NODE_COUNT + 1];     /* number of the next message to each node */
    uint64_t conn;                           /* of the last client message */
    uint64_t requests, gone, events, ups;
    enum sw_err last_event;
    bool mute; /* does not echo to clients */
};

struct world {
    struct world_node node[WORLD_NODE_COUNT + 1]; /* 1.. */
    struct sw_swarm_id swarm;
};

static uint64_t world_now_ns(void *impl)
{
    struct timespec now;

    (void)impl;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t world_now_ms(void *impl)
{
    return world_now_ns(impl) / 1000000;
}

static uint64_t world_random(void *impl)
{
    (void)impl;
    return 4; /* only seeds jitter */
}

/* Numbers only ever grow: order is kept and nothing comes twice. */
static inline void world_peer_message(void *arg, struct sw_node_id from, struct sw_span message)
{
    struct world_node *node = arg;
    uint64_t number;

    assert_in_range(from.value, 1, WORLD_NODE_COUNT);
    assert_true(message.size >= 8);
    number = sw_load_u64(message.data);
    assert_true(number > node->last[from.value]);
    for (size_t i = 8; i < message.size; i += 97) {
        assert_int_equal(message.data[i], (uint8_t)number);
    }
    node->last[from.value] = number;
    node->received[from.value]++;
}

static inline void world_peer_state(void *arg, struct sw_node_id peer, bool up)
{
    struct world_node *node = arg;

    (void)peer;
    node->ups += up ? 1 : 0;
}

static inline void
world_client_message(void *arg, uint64_t conn, const uint8_t key[32], struct sw_span message)
{
    struct world_node *node = arg;
    enum sw_err err;

    (void)key;
    node->requests++;
    node->conn = conn;
    if (!node->mute) {
        err = node->link->ops->reply(node->link, conn, message);
        assert_int_equal(err, SW_ERR_OK);
    }
}

static inline void world_client_gone(void *arg, uint64_t conn)
{
    struct world_node *node = arg;

    (void)conn;
    node->gone++;
}

static inline void world_event(void *arg, enum sw_err kind, const char *text)
{
    struct world_node *node = arg;

    assert_true(strlen(text) > 10);
    node->events++;
    node->last_event = kind;
}

static inline struct sw_link_zmq_config world_config(struct world *world, uint64_t id)
{
    struct world_node *node = &world->node[id];

    return (struct sw_link_zmq_config){
        .swarm = world->swarm,
        .node = {id},
        .keys = node->keys,
        .peer_address = node->peer_address,
        .client_address = node->client_address,
        .client_reply_size_max = 8 << 20,
        .env = {.now_ms = world_now_ms, .now_ns = world_now_ns, .random = world_random},
        .handler = {.arg = node,
                    .peer_message = world_peer_message,
                    .peer_state = world_peer_state,
                    .client_message = world_client_message,
                    .client_gone = world_client_gone},
        .event = world_event,
        .event_arg = node,
    };
}

/* Opens node `id` at its address; the first time that is any free port. */
static inline void world_open(struct world *world, uint64_t id)
{
    struct world_node *node = &world->node[id];
    const struct sw_link_zmq_config config = world_config(world, id);
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    err = sw_link_zmq_new(&config, &node->link, why);
    if (err != SW_ERR_OK) {
        print_message("%s\n", why);
    }
    assert_int_equal(err, SW_ERR_OK);
    (void)snprintf(
        node->peer_address, sizeof(node->peer_address), "%s", sw_link_zmq_peer_address(node->link));
    (void)snprintf(node->client_address,
                   sizeof(node->client_address),
                   "%s",
                   sw_link_zmq_client_address(node->link));
}

static inline void world_add_peer(struct world *world, uint64_t id, uint64_t peer, const char *via)
{
    char why[SW_WHY_SIZE];

    assert_int_equal(sw_link_zmq_add_peer(world->node[id].link,
                                          (struct sw_node_id){peer},
                                          &world->node[peer].keys->public_key,
                                          via != NULL ? via : world->node[peer].peer_address,
                                          why),
                     SW_ERR_OK);
}

static inline void world_connect(struct world *world, uint64_t id)
{
    for (uint64_t peer = 1; peer <= WORLD_NODE_COUNT; peer++) {
        if (peer != id) {
            world_add_peer(world, id, peer, NULL);
        }
    }
}

static inline struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->swarm.bytes[0] = 42;
    for (uint64_t id = 1; id <= WORLD_NODE_COUNT; id++) {
        struct world_node *node = &world->node[id];

        node->world = world;
        node->keys = sw_secret_new(sizeof(*node->keys));
        sw_keypair_generate(node->keys);
        (void)snprintf(node->peer_address, sizeof(node->peer_address), "%s", "127.0.0.1:0");
        (void)snprintf(node->client_address, sizeof(node->client_address), "%s", "127.0.0.1:0");
        world_open(world, id);
    }
    return world;
}

static inline void world_free(struct world *world)
{
    for (uint64_t id = 1; id <= WORLD_NODE_COUNT; id++) {
        sw_link_zmq_free(world->node[id].link);
        sw_secret_free(world->node[id].keys);
    }
    free(world);
}

/* One turn of every link, then a wait as the header of the link says. */
static inline void world_turn(struct world *world)
{
    struct pollfd fds[WORLD_NODE_COUNT * SW_LINK_FD_COUNT_MAX];
    nfds_t count = 0;
    uint64_t wait_ms = 5; /* what the test itself drives beside the links waits no longer */

    for (uint64_t id = 1; id <= WORLD_NODE_COUNT; id++) {
        struct sw_link *link = world->node[id].link;
        int mine[SW_LINK_FD_COUNT_MAX];

        if (link == NULL) {
            continue;
        }
        sw_link_zmq_poll(link);
        link->ops->flush(link);
        for (size_t i = 0, n = sw_link_zmq_fds(link, mine); i < n; i++) {
            fds[count++] = (struct pollfd){.fd = mine[i], .events = POLLIN};
        }
    }
    for (uint64_t id = 1; id <= WORLD_NODE_COUNT; id++) {
        if (world->node[id].link != NULL) {
            const uint64_t mine = sw_link_zmq_wait_ms(world->node[id].link);

            wait_ms = mine < wait_ms ? mine : wait_ms;
        }
    }
    (void)poll(fds, count, (int)wait_ms);
}

/* Sends the next number to `to`, as a message of `size` bytes; false if the link refused. */
static inline bool world_send(struct world *world, uint64_t from, uint64_t to, size_t size)
{
    struct world_node *node = &world->node[from];
    uint8_t *bytes = malloc(size);
    enum sw_err err;

    assert_non_null(bytes);
    assert_true(size >= 8);
    memset(bytes, (int)((node->next[to] + 1) & 0xff), size);
    sw_store_u64(bytes, node->next[to] + 1);
    err = node->link->ops->send(node->link, (struct sw_node_id){to}, sw_span_of(bytes, size));
    free(bytes);
    if (err == SW_ERR_OK) {
        node->next[to]++;
        return true;
    }
    assert_true(err == SW_ERR_BUSY || err == SW_ERR_UNREACHABLE);
    return false;
}

static inline struct sw_link_stats world_stats(struct world *world, uint64_t id)
{
    struct sw_link_stats stats;

    world->node[id].link->ops->stats(world->node[id].link, &stats);
    return stats;
}

/* Turns until `condition` (an expression) holds, at most WORLD_BOUND_MS. */
#define WORLD_UNTIL(world, condition)                                 \
    do {                                                              \
        const uint64_t end_ms_ = world_now_ms(NULL) + WORLD_BOUND_MS; \
        while (!(condition)) {                                        \
            if (world_now_ms(NULL) > end_ms_) {                       \
                fail_msg("never true: %s", #condition);               \
            }                                                         \
            world_turn(world);                                        \
        }                                                             \
    } while (0)

static inline bool world_all_up(const struct world *world)
{
    for (uint64_t id = 1; id <= WORLD_NODE_COUNT; id++) {
        for (uint64_t peer = 1; peer <= WORLD_NODE_COUNT; peer++) {
            struct sw_link *link = world->node[id].link;

            if (id != peer && !link->ops->peer_up(link, (struct sw_node_id){peer})) {
                return false;
            }
        }
    }
    return true;
}

/* Fresh messages pass from `from` to `to`. */
static inline void world_check_path(struct world *world, uint64_t from, uint64_t to)
{
    const uint64_t before = world->node[to].received[from];

    WORLD_UNTIL(world,
                (world_send(world, from, to, 16), world->node[to].received[from] > before + 2));
}

/* A client: a dialer over its own socket, turned by hand. */
struct world_client {
    void *context;
    struct sw_port *port;
    struct sw_dialer *dialer;
    struct sw_keypair *keys;
    struct sw_link_stats stats;
    uint64_t replies;
    uint64_t reply_bytes;
    bool up;
    bool deaf; /* reads nothing */
};

static inline void world_client_state(void *arg, bool up)
{
    struct world_client *client = arg;

    client->up = up;
}

static inline void world_client_reply(void *arg, struct sw_span message)
{
    struct world_client *client = arg;

    client->replies++;
    client->reply_bytes += message.size;
}

static inline struct world_client *
world_client_new(struct world *world, uint64_t id, enum sw_noise_pattern pattern, bool pinned)
{
    struct world_client *client = calloc(1, sizeof(*client));
    struct sw_dialer_config config = {0};
    char why[SW_WHY_SIZE];

    assert_non_null(client);
    client->keys = sw_secret_new(sizeof(*client->keys));
    sw_keypair_generate(client->keys);
    client->context = sw_port_context_new();
    assert_int_equal(sw_port_new(client->context, SW_PORT_DEALER, false, &client->port, why),
                     SW_ERR_OK);
    assert_int_equal(sw_port_connect(client->port, world->node[id].client_address, why), SW_ERR_OK);
    config.channel = (struct sw_channel_config){
        .swarm = world->swarm,
        .role = SW_CHANNEL_CLIENT,
        .remote = {id},
        .keys = client->keys,
        .window = SW_LINK_CLIENT_WINDOW,
        .pattern = pattern,
        .suite = sw_suite_best(),
        .remote_key = pinned ? &world->node[id].keys->public_key : NULL,
    };
    config.sink = sw_port_sink(client->port);
    config.stats = &client->stats;
    config.seed = 3;
    config.arg = client;
    config.state = world_client_state;
    config.message = world_client_reply;
    client->dialer = sw_dialer_new(&config, world_now_ms(NULL));
    return client;
}

static inline void world_client_free(struct world_client *client)
{
    sw_dialer_free(client->dialer);
    sw_port_free(client->port);
    sw_port_context_free(client->context);
    sw_secret_free(client->keys);
    free(client);
}

static inline bool world_client_turn(struct world_client *client)
{
    struct sw_route route;
    uint8_t *frame;
    size_t size;

    while (!client->deaf && sw_port_take(client->port, &route, &frame, &size) == SW_ERR_OK) {
        sw_dialer_receive(client->dialer, world_now_ms(NULL), frame, size);
    }
    (void)sw_dialer_tick(client->dialer, world_now_ms(NULL));
    sw_dialer_flush(client->dialer, world_now_ms(NULL));
    return true;
}

#endif
