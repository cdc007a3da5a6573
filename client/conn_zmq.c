/* A DEALER and its monitor, below a dialer. */
#include "client/conn_zmq.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "base/assert.h"
#include "transport/dialer.h"

enum {
    QUEUE_FRAME_COUNT = 1024,
    UNACKNOWLEDGED_MS = 3000, /* then the connection is given up */
    KEEPALIVE_IDLE_S = 1,
    KEEPALIVE_INTERVAL_S = 1,
    KEEPALIVE_COUNT = 3,
    CONNECT_TIMEOUT_MS = 1000,
    ZMTP_HANDSHAKE_MS = 2000,
    RECONNECT_MS_MIN = 20,
    RECONNECT_MS_MAX = 250,
    LINGER_MS = 50, /* for the CLOSE frame */
    RECEIVE_WINDOW = 8 << 20,
    TURN_FRAME_COUNT = 256,
};

struct sw_conn {
    struct sw_conn_config config;
    void *socket;             /* owned */
    void *monitor;            /* owned */
    struct sw_dialer *dialer; /* owned; NULL until the first connection stands */
    struct sw_public_key key; /* the node's; borrowed by the dialer */
    zmq_msg_t pending;        /* between reserve and commit */
    bool used;                /* ZeroMQ was called since it was last asked for more */
    bool connected;           /* ZMTP is through */
    bool told_up;             /* what `state` said last */
    bool told_refused;
    uint64_t connected_ms;
    uint64_t next_ms;
};

/* ---- sockets ------------------------------------------------------------------------------- */

static void set_int(void *socket, int option, int value)
{
    const int failed = zmq_setsockopt(socket, option, &value, sizeof value);

    SW_ASSERT(failed == 0); /* options and values are ours */
}

static void set_options(void *socket, uint32_t dial_timeout_ms)
{
    const int64_t size_max = SW_FRAME_WIRE_SIZE_MAX;
    const int handshake_ms = dial_timeout_ms > 0 && dial_timeout_ms < ZMTP_HANDSHAKE_MS
                                 ? (int)dial_timeout_ms
                                 : ZMTP_HANDSHAKE_MS;
    const int failed = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max);

    SW_ASSERT(failed == 0);
    set_int(socket, ZMQ_LINGER, LINGER_MS);
    set_int(socket, ZMQ_SNDHWM, QUEUE_FRAME_COUNT);
    set_int(socket, ZMQ_RCVHWM, 0);    /* as in transport/port_zmq.c; credit bounds what comes */
    set_int(socket, ZMQ_IMMEDIATE, 1); /* nothing queues for a node that is not there */
    set_int(socket, ZMQ_IPV6, 1);
    /* ZMTP's own heartbeats stay off, for the reason told in transport/port_zmq.c. */
    set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
    set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S);
    set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S);
    set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT);
    set_int(socket, ZMQ_TCP_MAXRT, UNACKNOWLEDGED_MS);
    set_int(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS);
    /* Somebody who takes the connection and says nothing is as good as nobody. */
    set_int(socket, ZMQ_HANDSHAKE_IVL, handshake_ms);
    set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS_MIN);
    set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX);
}

static enum sw_err open_monitor(struct sw_conn *conn)
{
    /* A name is free again some time after its socket is closed, on a thread of ZeroMQ, while an
     * address is free at once: names made of addresses clash. */
    static atomic_uint_fast64_t monitor_count;
    char name[64];

    (void)snprintf(name,
                   sizeof name,
                   "inproc://monitor-%llu",
                   (unsigned long long)atomic_fetch_add(&monitor_count, 1));
    if (zmq_socket_monitor(conn->socket,
                           name,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) != 0) {
        return SW_ERR_NOMEM;
    }
    conn->monitor = zmq_socket(conn->config.context, ZMQ_PAIR);
    if (conn->monitor == NULL) {
        return SW_ERR_NOMEM;
    }
    set_int(conn->monitor, ZMQ_LINGER, 0);
    return zmq_connect(conn->monitor, name) == 0 ? SW_ERR_OK : SW_ERR_NOMEM;
}

static enum sw_err open_sockets(struct sw_conn *conn)
{
    char endpoint[SW_ADDRESS_SIZE_MAX + 8];
    enum sw_err err;

    conn->socket = zmq_socket(conn->config.context, ZMQ_DEALER);
    if (conn->socket == NULL) {
        return SW_ERR_NOMEM;
    }
    set_options(conn->socket, conn->config.dial_timeout_ms);
    err = open_monitor(conn);
    if (err != SW_ERR_OK) {
        return err;
    }
    (void)snprintf(endpoint, sizeof endpoint, "tcp://%s", conn->config.node.address);
    return zmq_connect(conn->socket, endpoint) == 0 ? SW_ERR_OK : SW_ERR_INVALID;
}

enum sw_err sw_conn_new(const struct sw_conn_config *config, struct sw_conn **ret_conn)
{
    struct sw_conn *conn = calloc(1, sizeof *conn);
    enum sw_err err;

    SW_ASSERT(conn != NULL);
    conn->config = *config;
    conn->next_ms = UINT64_MAX;
    err = open_sockets(conn);
    if (err != SW_ERR_OK) {
        sw_conn_free(conn, 0);
        return err;
    }
    *ret_conn = conn;
    return SW_ERR_OK;
}

void sw_conn_free(struct sw_conn *conn, uint64_t now_ms)
{
    if (conn == NULL) {
        return;
    }
    conn->config.state = NULL; /* nobody wants to hear of the end */
    if (conn->dialer != NULL) {
        sw_dialer_close(conn->dialer, now_ms);
        sw_dialer_free(conn->dialer);
    }
    if (conn->socket != NULL) {
        (void)zmq_socket_monitor(conn->socket, NULL, 0);
        (void)zmq_close(conn->socket);
    }
    if (conn->monitor != NULL) {
        (void)zmq_close(conn->monitor);
    }
    free(conn);
}

static int fd_of(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    const int failed = zmq_getsockopt(socket, ZMQ_FD, &fd, &size);

    SW_ASSERT(failed == 0);
    return fd;
}

void sw_conn_fds(const struct sw_conn *conn, int ret_fds[SW_CONN_FD_COUNT])
{
    ret_fds[0] = fd_of(conn->socket);
    ret_fds[1] = fd_of(conn->monitor);
}

/* ---- the dialer ---------------------------------------------------------------------------- */

static uint8_t *reserve(void *arg, size_t size)
{
    struct sw_conn *conn = arg;
    const int failed = zmq_msg_init_size(&conn->pending, size);

    SW_ASSERT(failed == 0);
    return zmq_msg_data(&conn->pending);
}

static enum sw_err commit(void *arg, const struct sw_route *route)
{
    struct sw_conn *conn = arg;

    (void)route;
    conn->used = true;
    if (zmq_msg_send(&conn->pending, conn->socket, ZMQ_DONTWAIT) >= 0) {
        return SW_ERR_OK;
    }
    (void)zmq_msg_close(&conn->pending);
    return conn->connected ? SW_ERR_BUSY : SW_ERR_UNREACHABLE;
}

static void tell(struct sw_conn *conn, bool up, enum sw_err why)
{
    if (conn->config.state != NULL) {
        conn->told_up = up;
        conn->config.state(conn->config.arg, conn->config.node.id, up, why);
    }
}

static void on_state(void *arg, bool up)
{
    struct sw_conn *conn = arg;

    if (up) {
        conn->told_refused = false;
    }
    if (up || conn->told_up) {
        tell(conn, up, SW_ERR_UNREACHABLE);
    }
}

static void on_message(void *arg, struct sw_span message)
{
    struct sw_conn *conn = arg;

    conn->config.message(conn->config.arg, conn->config.node.id, message);
}

static void on_refused(void *arg, enum sw_err err)
{
    struct sw_conn *conn = arg;

    conn->told_refused = true;
    tell(conn, false, err);
}

static void start_dialer(struct sw_conn *conn, uint64_t now_ms)
{
    memcpy(conn->key.bytes, conn->config.node.public_key, sizeof conn->key.bytes);
    conn->dialer = sw_dialer_new(
        &(struct sw_dialer_config){.channel = {.swarm = conn->config.swarm,
                                               .role = SW_CHANNEL_CLIENT,
                                               .remote = conn->config.node.id,
                                               .keys = conn->config.keys,
                                               .window = RECEIVE_WINDOW,
                                               .pattern = SW_NOISE_IK,
                                               .suite = sw_suite_best(),
                                               .remote_key = &conn->key},
                                   .sink = {.arg = conn, .reserve = reserve, .commit = commit},
                                   .stats = conn->config.stats,
                                   .seed = conn->config.seed,
                                   .arg = conn,
                                   .state = on_state,
                                   .message = on_message,
                                   .refused = on_refused},
        now_ms);
}

/* ---- what arrives -------------------------------------------------------------------------- */

static void on_event(struct sw_conn *conn, uint16_t event, uint64_t now_ms)
{
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        conn->connected = true;
        conn->connected_ms = now_ms;
        if (conn->dialer == NULL) {
            start_dialer(conn, now_ms);
        } else if (sw_dialer_up(conn->dialer)) {
            /* The session may have outlived the connection; if not, the node will say so. */
            tell(conn, true, SW_ERR_OK);
        }
        return;
    }
    /* Disconnected, or nobody listens, or somebody who does not speak ZMTP. */
    conn->connected = false;
    if (!conn->told_refused || conn->told_up) {
        tell(conn, false, SW_ERR_UNREACHABLE);
    }
}

/* A monitor's message is two parts: u16 event and u32 value, then the address. */
static bool take_event(struct sw_conn *conn, uint64_t now_ms)
{
    uint8_t head[6];
    uint16_t event;
    char address[SW_ADDRESS_SIZE_MAX];

    if (zmq_recv(conn->monitor, head, sizeof head, ZMQ_DONTWAIT) != (int)sizeof head) {
        return false;
    }
    (void)zmq_recv(conn->monitor, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(&event, head, sizeof event); /* in the machine's own byte order */
    on_event(conn, event, now_ms);
    return true;
}

static bool take_frame(struct sw_conn *conn, uint64_t now_ms)
{
    zmq_msg_t frame;
    bool taken;

    (void)zmq_msg_init(&frame);
    taken = zmq_msg_recv(&frame, conn->socket, ZMQ_DONTWAIT) >= 0;
    if (taken && conn->dialer != NULL) {
        sw_dialer_receive(conn->dialer, now_ms, zmq_msg_data(&frame), zmq_msg_size(&frame));
    }
    (void)zmq_msg_close(&frame);
    return taken;
}

/* Somebody took our connection and lets our handshakes stand: another swarm, or a node that does
 * not allow our key. It says nothing to strangers, so the silence is the answer. */
static void check_silence(struct sw_conn *conn, uint64_t now_ms)
{
    if (conn->connected && !conn->told_refused && !sw_dialer_up(conn->dialer) &&
        now_ms >= conn->connected_ms + conn->config.dial_timeout_ms) {
        conn->told_refused = true;
        tell(conn, false, SW_ERR_UNAUTHENTICATED);
    }
}

bool sw_conn_poll(struct sw_conn *conn, uint64_t now_ms)
{
    bool any = false;

    conn->used = true;
    while (take_event(conn, now_ms)) {
        any = true;
    }
    for (int i = 0; i < TURN_FRAME_COUNT && take_frame(conn, now_ms); i++) {
        any = true;
    }
    conn->next_ms = UINT64_MAX;
    if (conn->dialer == NULL) {
        return any;
    }
    conn->next_ms = sw_dialer_tick(conn->dialer, now_ms);
    check_silence(conn, now_ms);
    return any;
}

uint64_t sw_conn_next_ms(const struct sw_conn *conn)
{
    return conn->next_ms;
}

enum sw_err sw_conn_send(struct sw_conn *conn, struct sw_span message)
{
    if (conn->dialer == NULL || !conn->connected) {
        return SW_ERR_UNREACHABLE;
    }
    return sw_dialer_send(conn->dialer, message);
}

void sw_conn_flush(struct sw_conn *conn, uint64_t now_ms)
{
    if (conn->dialer != NULL) {
        sw_dialer_flush(conn->dialer, now_ms);
    }
}

bool sw_conn_readable(struct sw_conn *conn)
{
    int events = 0;
    size_t size = sizeof events;
    int failed;

    if (!conn->used) {
        return false;
    }
    conn->used = false;
    failed = zmq_getsockopt(conn->socket, ZMQ_EVENTS, &events, &size);
    SW_ASSERT(failed == 0);
    return (events & ZMQ_POLLIN) != 0;
}
