/* The link over ZeroMQ sockets: moves frames between them and the dialers and listeners. */
#include "transport/link_zmq.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "transport/dialer.h"
#include "transport/listener.h"
#include "transport/port_zmq.h"

enum {
    TURN_FRAME_COUNT = 256, /* frames of one socket in one turn */
    LINGER_MS = 250,        /* for the last words of a link */
};

struct listening {
    struct sw_port *port;
    struct link_zmq *link; /* borrowed: the owner */
    struct sw_listener *listener;
    char address[SW_ADDRESS_SIZE_MAX];
};

struct peer {
    struct sw_port *port;
    struct link_zmq *link; /* borrowed: the owner */
    struct sw_node_id node;
    struct sw_public_key key;
    struct sw_dialer *dialer;
    uint64_t next_ms;
    uint64_t next_event_ms;
};

struct link_zmq {
    struct sw_link link;
    struct sw_link_zmq_config config;
    void *context;
    struct listening peers, clients;
    struct peer *peer[SW_NODE_COUNT_MAX]; /* owned */
    size_t peer_count;
    struct sw_public_key *client_keys; /* owned, sorted */
    bool (*admits)(void *arg, const struct sw_public_key *key);
    void *admits_arg; /* borrowed: whoever opened the link outlives it */
    size_t client_key_count;
    struct sw_link_stats stats;
    uint64_t listener_next_ms;
    bool in_poll; /* handlers run only then */
};

__attribute__((format(printf, 3, 4))) static enum sw_err
fail(enum sw_err err, char why[SW_WHY_SIZE], const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(why, SW_WHY_SIZE, format, list);
    va_end(list);
    return err;
}

static struct link_zmq *impl_of(const struct sw_link *link)
{
    return link->impl;
}

static uint64_t now_of(const struct link_zmq *zmq)
{
    return sw_env_now_ms(&zmq->config.env);
}

/* ---- callbacks of dialers and listeners ---- */

static void on_dialer_state(void *arg, bool up)
{
    struct peer *peer = arg;
    const struct sw_link_handler *handler = &peer->link->config.handler;

    SW_ASSERT(peer->link->in_poll);
    handler->peer_state(handler->arg, peer->node, up);
}

static void on_dialer_message(void *arg, struct sw_span message)
{
    struct peer *peer = arg;
    const struct sw_link_handler *handler = &peer->link->config.handler;

    /* Peers speak over their own dialers; one that answers over ours is still that peer. */
    handler->peer_message(handler->arg, peer->node, message);
}

static void on_dialer_refused(void *arg, enum sw_err err)
{
    struct peer *peer = arg;
    const struct sw_link_zmq_config *config = &peer->link->config;
    const uint64_t now_ms = now_of(peer->link);
    char text[SW_WHY_SIZE];

    if (config->event != NULL && now_ms >= peer->next_event_ms) {
        peer->next_event_ms = now_ms + SW_LISTENER_EVENT_MS;
        (void)snprintf(text,
                       sizeof(text),
                       "no session with node %llu: %s",
                       (unsigned long long)peer->node.value,
                       sw_err_text(err));
        config->event(config->event_arg, err, text);
    }
}

static void on_peer_message(void *arg,
                            uint64_t conn,
                            struct sw_node_id from,
                            const struct sw_public_key *key,
                            struct sw_span message)
{
    struct listening *listening = arg;
    const struct sw_link_handler *handler = &listening->link->config.handler;

    (void)conn;
    (void)key;
    handler->peer_message(handler->arg, from, message);
}

static void on_client_message(void *arg,
                              uint64_t conn,
                              struct sw_node_id from,
                              const struct sw_public_key *key,
                              struct sw_span message)
{
    struct listening *listening = arg;
    const struct sw_link_handler *handler = &listening->link->config.handler;

    (void)from;
    handler->client_message(handler->arg, conn, key->bytes, message);
}

static void on_client_closed(void *arg, uint64_t conn)
{
    struct listening *listening = arg;
    const struct sw_link_handler *handler = &listening->link->config.handler;

    SW_ASSERT(listening->link->in_poll);
    handler->client_gone(handler->arg, conn);
}

static bool on_peer_allow(void *arg, const struct sw_public_key *key, struct sw_node_id claimed)
{
    const struct listening *listening = arg;
    const struct link_zmq *zmq = listening->link;

    for (size_t i = 0; i < zmq->peer_count; i++) {
        if (sw_node_id_equal(zmq->peer[i]->node, claimed)) {
            return sw_public_key_equal(&zmq->peer[i]->key, key);
        }
    }
    return false;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct sw_public_key));
}

static bool on_client_allow(void *arg, const struct sw_public_key *key, struct sw_node_id claimed)
{
    const struct listening *listening = arg;
    const struct link_zmq *zmq = listening->link;

    (void)claimed;
    if (zmq->client_key_count > 0 && bsearch(key,
                                             zmq->client_keys,
                                             zmq->client_key_count,
                                             sizeof(*zmq->client_keys),
                                             compare_keys) != NULL) {
        return true;
    }
    return zmq->admits != NULL && zmq->admits(zmq->admits_arg, key);
}

static void on_event(void *arg, enum sw_err kind, const char *text)
{
    const struct listening *listening = arg;
    const struct sw_link_zmq_config *config = &listening->link->config;

    if (config->event != NULL) {
        config->event(config->event_arg, kind, text);
    }
}

/* ---- listeners ---- */

static struct sw_listener_config listener_config(struct link_zmq *zmq, struct listening *listening)
{
    const bool peers = listening == &zmq->peers;
    const uint32_t rate =
        peers ? zmq->config.peer_handshake_rate : zmq->config.client_handshake_rate;

    return (struct sw_listener_config){
        .swarm = zmq->config.swarm,
        .role = peers ? SW_CHANNEL_PEER : SW_CHANNEL_CLIENT,
        .local = zmq->config.node,
        .keys = zmq->config.keys,
        .window = peers ? SW_LINK_PEER_WINDOW : SW_LINK_CLIENT_WINDOW,
        /* Two a peer: the one that is, and the one that takes its place. */
        .session_count_max = peers ? 2 * SW_NODE_COUNT_MAX : SW_CLIENT_COUNT_MAX,
        .handshake_rate = rate != 0 ? rate : SW_LINK_HANDSHAKE_RATE,
        .reply_size_max = zmq->config.client_reply_size_max,
        .sink = sw_port_sink(listening->port),
        .stats = &zmq->stats,
        .arg = listening,
        .allow = peers ? on_peer_allow : on_client_allow,
        .message = peers ? on_peer_message : on_client_message,
        .closed = peers ? NULL : on_client_closed,
        .event = on_event,
    };
}

static enum sw_err listening_open(struct link_zmq *zmq,
                                  struct listening *listening,
                                  const char *address,
                                  char why[SW_WHY_SIZE])
{
    struct sw_listener_config config;
    enum sw_err err;

    listening->link = zmq;
    err = sw_port_new(zmq->context, SW_PORT_ROUTER, zmq->config.ipv6, &listening->port, why);
    if (err != SW_ERR_OK) {
        return err;
    }
    config = listener_config(zmq, listening);
    listening->listener = sw_listener_new(&config, now_of(zmq));
    return sw_port_bind(listening->port, address, listening->address, why);
}

static void listening_release(struct listening *listening)
{
    if (listening->listener != NULL && listening->address[0] != 0) {
        sw_listener_shutdown(listening->listener, now_of(listening->link));
        sw_port_linger(listening->port, LINGER_MS);
    }
    sw_listener_free(listening->listener);
    sw_port_free(listening->port);
}

static void listening_drain(struct listening *listening, uint64_t now_ms)
{
    struct sw_link_stats *stats = &listening->link->stats;

    for (int i = 0; i < TURN_FRAME_COUNT; i++) {
        const uint64_t received = stats->frames_received;
        struct sw_route route;
        uint8_t *frame;
        size_t size;
        const enum sw_err err = sw_port_take(listening->port, &route, &frame, &size);

        if (err == SW_ERR_NOT_FOUND) {
            break;
        }
        if (err != SW_ERR_OK) {
            stats->dropped_malformed++;
            continue;
        }
        sw_listener_receive(listening->listener, now_ms, &route, frame, size);
        if (stats->frames_received > received) {
            sw_port_useful(listening->port, &route);
        } else {
            sw_port_useless(listening->port, &route, size);
        }
    }
}

/* ---- peers ---- */

static void peer_drain(struct peer *peer, uint64_t now_ms)
{
    for (int i = 0; i < TURN_FRAME_COUNT; i++) {
        struct sw_route route;
        uint8_t *frame;
        size_t size;
        const enum sw_err err = sw_port_take(peer->port, &route, &frame, &size);

        if (err == SW_ERR_NOT_FOUND) {
            break;
        }
        if (err != SW_ERR_OK) {
            peer->link->stats.dropped_malformed++;
            continue;
        }
        sw_dialer_receive(peer->dialer, now_ms, frame, size);
    }
}

static void peer_free(struct peer *peer)
{
    if (peer != NULL) {
        sw_dialer_free(peer->dialer);
        sw_port_free(peer->port);
        free(peer);
    }
}

static struct peer *peer_find(const struct link_zmq *zmq, struct sw_node_id node)
{
    for (size_t i = 0; i < zmq->peer_count; i++) {
        if (sw_node_id_equal(zmq->peer[i]->node, node)) {
            return zmq->peer[i];
        }
    }
    return NULL;
}

static enum sw_err peer_connect(struct peer *peer, const char *address, char why[SW_WHY_SIZE])
{
    struct link_zmq *zmq = peer->link;
    struct sw_dialer_config config = {
        .channel = {.swarm = zmq->config.swarm,
                    .role = SW_CHANNEL_PEER,
                    .local = zmq->config.node,
                    .remote = peer->node,
                    .keys = zmq->config.keys,
                    .window = SW_LINK_PEER_WINDOW,
                    .pattern = SW_NOISE_IK,
                    .suite = zmq->config.suite,
                    .remote_key = &peer->key},
        .stats = &zmq->stats,
        .seed = sw_env_random(&zmq->config.env),
        .arg = peer,
        .state = on_dialer_state,
        .message = on_dialer_message,
        .refused = on_dialer_refused,
    };
    enum sw_err err;

    err = sw_port_new(zmq->context, SW_PORT_DEALER, zmq->config.ipv6, &peer->port, why);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_port_connect(peer->port, address, why);
    if (err != SW_ERR_OK) {
        return err;
    }
    config.sink = sw_port_sink(peer->port);
    peer->dialer = sw_dialer_new(&config, now_of(zmq));
    return SW_ERR_OK;
}

enum sw_err sw_link_zmq_add_peer(struct sw_link *link,
                                 struct sw_node_id node,
                                 const struct sw_public_key *key,
                                 const char *address,
                                 char ret_why[SW_WHY_SIZE])
{
    struct link_zmq *zmq = impl_of(link);
    struct peer *peer;
    enum sw_err err;

    if (node.value == 0 || sw_node_id_equal(node, zmq->config.node) ||
        peer_find(zmq, node) != NULL) {
        return fail(SW_ERR_CONFLICT,
                    ret_why,
                    "node %llu is this node or known already",
                    (unsigned long long)node.value);
    }
    if (zmq->peer_count == SW_NODE_COUNT_MAX) {
        return fail(SW_ERR_INVALID, ret_why, "more than %d nodes", SW_NODE_COUNT_MAX);
    }
    peer = calloc(1, sizeof(*peer));
    SW_ASSERT(peer != NULL);
    peer->link = zmq;
    peer->node = node;
    peer->key = *key;
    err = peer_connect(peer, address, ret_why);
    if (err != SW_ERR_OK) {
        peer_free(peer);
        return err;
    }
    zmq->peer[zmq->peer_count++] = peer;
    return SW_ERR_OK;
}

int sw_link_zmq_peer_fd(const struct sw_link *link, struct sw_node_id node)
{
    const struct peer *peer = peer_find(impl_of(link), node);

    return peer == NULL ? -1 : sw_port_fd(peer->port);
}

enum sw_err sw_link_zmq_remove_peer(struct sw_link *link,
                                    struct sw_node_id node,
                                    void (*closing)(void *arg, int fd),
                                    void *arg)
{
    struct link_zmq *zmq = impl_of(link);
    size_t at = 0;

    SW_ASSERT(!zmq->in_poll);
    while (at < zmq->peer_count && !sw_node_id_equal(zmq->peer[at]->node, node)) {
        at++;
    }
    if (at == zmq->peer_count) {
        return SW_ERR_NOT_FOUND;
    }
    if (closing != NULL) {
        closing(arg, sw_port_fd(zmq->peer[at]->port));
    }
    peer_free(zmq->peer[at]);
    zmq->peer_count--;
    memmove(&zmq->peer[at], &zmq->peer[at + 1], (zmq->peer_count - at) * sizeof(struct peer *));
    zmq->peer[zmq->peer_count] = NULL;
    sw_listener_recheck(zmq->peers.listener);
    zmq->listener_next_ms = 0;
    return SW_ERR_OK;
}

void sw_link_zmq_allow_clients(struct sw_link *link, const struct sw_public_key *keys, size_t count)
{
    struct link_zmq *zmq = impl_of(link);
    struct sw_public_key *copy = NULL;

    if (count > 0) {
        copy = calloc(count, sizeof(*copy));
        SW_ASSERT(copy != NULL);
        memcpy(copy, keys, count * sizeof(*copy));
        qsort(copy, count, sizeof(*copy), compare_keys);
    }
    free(zmq->client_keys);
    zmq->client_keys = copy;
    zmq->client_key_count = count;
    sw_listener_recheck(zmq->clients.listener);
    zmq->listener_next_ms = 0;
}

void sw_link_zmq_admit_clients(struct sw_link *link,
                               bool (*admits)(void *arg, const struct sw_public_key *key),
                               void *arg)
{
    struct link_zmq *zmq = impl_of(link);

    zmq->admits = admits;
    zmq->admits_arg = arg;
    sw_listener_recheck(zmq->clients.listener);
    zmq->listener_next_ms = 0;
}

/* ---- the port ---- */

static enum sw_err link_send(struct sw_link *link, struct sw_node_id node, struct sw_span message)
{
    struct peer *peer = peer_find(impl_of(link), node);

    return peer == NULL ? SW_ERR_UNREACHABLE : sw_dialer_send(peer->dialer, message);
}

static enum sw_err link_reply(struct sw_link *link, uint64_t conn, struct sw_span message)
{
    struct link_zmq *zmq = impl_of(link);
    const enum sw_err err = sw_listener_reply(zmq->clients.listener, conn, message);

    if (err != SW_ERR_OK) {
        zmq->listener_next_ms = 0; /* it may have decided to drop the client */
    }
    return err;
}

static void link_flush(struct sw_link *link)
{
    struct link_zmq *zmq = impl_of(link);
    const uint64_t now_ms = now_of(zmq);

    for (size_t i = 0; i < zmq->peer_count; i++) {
        sw_dialer_flush(zmq->peer[i]->dialer, now_ms);
    }
    sw_listener_flush(zmq->clients.listener, now_ms);
}

static bool link_peer_up(struct sw_link *link, struct sw_node_id node)
{
    const struct peer *peer = peer_find(impl_of(link), node);

    return peer != NULL && sw_dialer_up(peer->dialer);
}

static void link_stats(struct sw_link *link, struct sw_link_stats *ret_stats)
{
    struct link_zmq *zmq = impl_of(link);

    zmq->stats.clients = sw_listener_count(zmq->clients.listener);
    *ret_stats = zmq->stats;
}

static struct sw_span link_address(struct sw_link *link)
{
    return sw_port_from(impl_of(link)->clients.port);
}

static const struct sw_link_ops link_ops = {
    .address = link_address,
    .send = link_send,
    .reply = link_reply,
    .flush = link_flush,
    .peer_up = link_peer_up,
    .stats = link_stats,
};

enum sw_err sw_link_zmq_new(const struct sw_link_zmq_config *config,
                            struct sw_link **ret_link,
                            char ret_why[SW_WHY_SIZE])
{
    struct link_zmq *zmq = calloc(1, sizeof(*zmq));
    enum sw_err err;

    SW_ASSERT(zmq != NULL);
    SW_ASSERT(config->node.value != 0);
    zmq->config = *config;
    if (zmq->config.suite == 0) {
        zmq->config.suite = sw_suite_best();
    }
    zmq->link = (struct sw_link){.impl = zmq, .ops = &link_ops};
    zmq->context = sw_port_context_new();
    if (zmq->context == NULL) {
        err = fail(SW_ERR_NOMEM, ret_why, "cannot make a ZeroMQ context");
        goto out;
    }
    err = listening_open(zmq, &zmq->peers, config->peer_address, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = listening_open(zmq, &zmq->clients, config->client_address, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    *ret_link = &zmq->link;
    zmq = NULL;
out:
    sw_link_zmq_free(zmq == NULL ? NULL : &zmq->link);
    return err;
}

void sw_link_zmq_free(struct sw_link *link)
{
    struct link_zmq *zmq;

    if (link == NULL) {
        return;
    }
    zmq = impl_of(link);
    for (size_t i = 0; i < zmq->peer_count; i++) {
        peer_free(zmq->peer[i]);
    }
    listening_release(&zmq->peers);
    listening_release(&zmq->clients);
    sw_port_context_free(zmq->context);
    free(zmq->client_keys);
    free(zmq);
}

const char *sw_link_zmq_peer_address(const struct sw_link *link)
{
    return impl_of(link)->peers.address;
}

const char *sw_link_zmq_client_address(const struct sw_link *link)
{
    return impl_of(link)->clients.address;
}

size_t sw_link_zmq_fds(const struct sw_link *link, int ret_fds[SW_LINK_FD_COUNT_MAX])
{
    const struct link_zmq *zmq = impl_of(link);
    size_t count = 0;

    ret_fds[count++] = sw_port_fd(zmq->peers.port);
    ret_fds[count++] = sw_port_fd(zmq->clients.port);
    for (size_t i = 0; i < zmq->peer_count; i++) {
        ret_fds[count++] = sw_port_fd(zmq->peer[i]->port);
    }
    return count;
}

/* Which ports may have something: one system call for all of them. */
static void look(struct link_zmq *zmq, bool ret_there[SW_LINK_FD_COUNT_MAX])
{
    struct pollfd fds[SW_LINK_FD_COUNT_MAX];
    nfds_t count = 0;

    fds[count++] = (struct pollfd){.fd = sw_port_fd(zmq->peers.port), .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = sw_port_fd(zmq->clients.port), .events = POLLIN};
    for (size_t i = 0; i < zmq->peer_count; i++) {
        fds[count++] = (struct pollfd){.fd = sw_port_fd(zmq->peer[i]->port), .events = POLLIN};
    }
    if (poll(fds, count, 0) < 0) { /* interrupted: ask all of them */
        memset(ret_there, true, SW_LINK_FD_COUNT_MAX * sizeof(*ret_there));
        return;
    }
    for (nfds_t i = 0; i < count; i++) {
        ret_there[i] = fds[i].revents != 0;
    }
}

void sw_link_zmq_poll(struct sw_link *link)
{
    struct link_zmq *zmq = impl_of(link);
    const uint64_t now_ms = now_of(zmq);
    bool there[SW_LINK_FD_COUNT_MAX] = {false};

    SW_ASSERT(!zmq->in_poll); /* handlers must not poll */
    zmq->in_poll = true;
    look(zmq, there);
    if (there[0] || sw_port_dirty(zmq->peers.port)) {
        listening_drain(&zmq->peers, now_ms);
    }
    for (size_t i = 0; i < zmq->peer_count; i++) {
        struct peer *peer = zmq->peer[i];

        if (there[2 + i] || sw_port_dirty(peer->port)) {
            peer_drain(peer, now_ms);
        }
        peer->next_ms = sw_dialer_tick(peer->dialer, now_ms);
    }
    if (there[1] || sw_port_dirty(zmq->clients.port)) {
        listening_drain(&zmq->clients, now_ms);
    }
    if (now_ms >= zmq->listener_next_ms) {
        const uint64_t peers_ms = sw_listener_tick(zmq->peers.listener, now_ms);
        const uint64_t clients_ms = sw_listener_tick(zmq->clients.listener, now_ms);

        zmq->listener_next_ms = peers_ms < clients_ms ? peers_ms : clients_ms;
    }
    zmq->in_poll = false;
}

uint64_t sw_link_zmq_wait_ms(struct sw_link *link)
{
    struct link_zmq *zmq = impl_of(link);
    const uint64_t now_ms = now_of(zmq);
    uint64_t next_ms = zmq->listener_next_ms;

    if (sw_port_readable(zmq->peers.port) || sw_port_readable(zmq->clients.port)) {
        return 0;
    }
    for (size_t i = 0; i < zmq->peer_count; i++) {
        const struct peer *peer = zmq->peer[i];

        if (sw_port_readable(peer->port)) {
            return 0;
        }
        next_ms = peer->next_ms < next_ms ? peer->next_ms : next_ms;
    }
    return next_ms > now_ms ? next_ms - now_ms : 0;
}
