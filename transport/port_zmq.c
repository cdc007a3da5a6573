/* One ZeroMQ socket: options, addresses, frames in and out. */
#include "transport/port_zmq.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <zmq.h>

#include "base/assert.h"
#include "transport/frame.h"

enum {
    SEND_QUEUE_COUNT = 1024,
    /* No bound: libzmq 4.3.4 aborts the process if a connection is reset while its input waits for
     * room and more is done with it: a heartbeat of ours, or a PING that stands behind what waits.
     * Any stranger could do that. What may be under way is bounded by the credit of sessions, and
     * for strangers by hanging up on them. */
    RECEIVE_QUEUE_COUNT = 0,
    USELESS_COUNT_MAX = 1024, /* in a row; enough for a client that has not heard of a restart */
    USELESS_SIZE_MAX = 4 << 20,
    WATCHED_FD_COUNT = 1 << 16, /* descriptors above are not watched */
    UNACKNOWLEDGED_MS = 1500,   /* then the connection is given up */
    KEEPALIVE_IDLE_S = 1,
    KEEPALIVE_INTERVAL_S = 1,
    KEEPALIVE_COUNT = 3,
    CONNECT_TIMEOUT_MS = 1000,
    ZMTP_HANDSHAKE_MS = 2000,
    RECONNECT_MS_MIN = 20,
    RECONNECT_MS_MAX = 250,
    BACKLOG = 1024,
};

static const char scheme[] = "tcp://";

/* What came over one connection since its last useful frame. */
struct useless {
    struct sw_route route; /* whose it is: descriptors are used again */
    uint32_t count, size;
};

struct sw_port {
    struct useless *useless; /* owned; by descriptor; NULL for a DEALER */
    int from;                /* descriptor that the last frame came by; -1 = not known */
    void *socket;            /* owned */
    zmq_msg_t outgoing;      /* between reserve and commit */
    zmq_msg_t incoming;      /* the frame that take gave out */
    enum sw_port_kind kind;
    int fd;
    bool dirty; /* something may be there that the descriptor does not tell */
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

static enum sw_err error_of_zmq(void)
{
    switch (zmq_errno()) {
    case EADDRINUSE:
        return SW_ERR_ADDRESS_IN_USE;
    case EINVAL:
    case EPROTONOSUPPORT:
        return SW_ERR_INVALID;
    case EACCES:
        return SW_ERR_PERMISSIONS;
    case EMFILE:
    case ENOMEM:
        return SW_ERR_NOMEM;
    default:
        return SW_ERR_UNREACHABLE;
    }
}

void *sw_port_context_new(void)
{
    return zmq_ctx_new();
}

void sw_port_context_free(void *context)
{
    if (context != NULL) {
        while (zmq_ctx_term(context) != 0) {
            SW_ASSERT(zmq_errno() == EINTR);
        }
    }
}

static void set_int(void *socket, int option, int value)
{
    const int failed = zmq_setsockopt(socket, option, &value, sizeof(value));

    SW_ASSERT(failed == 0); /* options and values are ours */
}

/* The kernel finds out that the other side is gone. ZMTP's own heartbeats must stay off: their
 * timer aborts the process (an assertion in 4.3.4) if the peer resets a connection whose frames we
 * have not taken yet, as it does to a node that was stopped for a while. */
static void set_keepalive(void *socket)
{
    set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
    set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S);
    set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S);
    set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT);
    set_int(socket, ZMQ_TCP_MAXRT, UNACKNOWLEDGED_MS);
}

static void set_options(void *socket, enum sw_port_kind kind, bool ipv6)
{
    const int64_t size_max = SW_FRAME_WIRE_SIZE_MAX;
    int failed = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof(size_max));

    SW_ASSERT(failed == 0);
    set_int(socket, ZMQ_LINGER, 0);
    set_int(socket, ZMQ_SNDHWM, SEND_QUEUE_COUNT);
    set_int(socket, ZMQ_RCVHWM, RECEIVE_QUEUE_COUNT);
    set_int(socket, ZMQ_IMMEDIATE, 1); /* nothing queues for a node that is not there */
    set_int(socket, ZMQ_IPV6, ipv6 ? 1 : 0);
    set_keepalive(socket);
    set_int(socket, ZMQ_HANDSHAKE_IVL, ZMTP_HANDSHAKE_MS);
    set_int(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS);
    set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS_MIN);
    set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX);
    set_int(socket, ZMQ_BACKLOG, BACKLOG);
    if (kind == SW_PORT_ROUTER) {
        /* With a ZAP domain, and no ZAP handler behind it, libzmq serves ZMTP 3 as ever and refuses
         * ZMTP 1 and 2. Those take a path that aborts the process (an assertion in 4.3.4) if such a
         * stranger's greeting arrives while the socket is being closed. */
        failed = zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "swarm", sizeof "swarm" - 1);
        SW_ASSERT(failed == 0);
        /* We want to know when a route is gone, and nobody may take the route of another by
         * calling itself the same. */
        set_int(socket, ZMQ_ROUTER_MANDATORY, 1);
        set_int(socket, ZMQ_ROUTER_HANDOVER, 0);
    }
}

enum sw_err sw_port_new(void *context,
                        enum sw_port_kind kind,
                        bool ipv6,
                        struct sw_port **ret_port,
                        char ret_why[SW_WHY_SIZE])
{
    struct sw_port *port = calloc(1, sizeof(*port));
    size_t size = sizeof(port->fd);
    int failed;

    SW_ASSERT(port != NULL);
    port->kind = kind;
    port->from = -1;
    port->socket = zmq_socket(context, kind == SW_PORT_ROUTER ? ZMQ_ROUTER : ZMQ_DEALER);
    if (port->socket == NULL) {
        free(port);
        return fail(error_of_zmq(), ret_why, "cannot open a socket: %s", zmq_strerror(zmq_errno()));
    }
    if (kind == SW_PORT_ROUTER) {
        port->useless = calloc(WATCHED_FD_COUNT, sizeof *port->useless);
        SW_ASSERT(port->useless != NULL);
    }
    set_options(port->socket, kind, ipv6);
    failed = zmq_getsockopt(port->socket, ZMQ_FD, &port->fd, &size);
    SW_ASSERT(failed == 0);
    failed = zmq_msg_init(&port->incoming);
    SW_ASSERT(failed == 0);
    *ret_port = port;
    return SW_ERR_OK;
}

void sw_port_free(struct sw_port *port)
{
    int failed;

    if (port == NULL) {
        return;
    }
    (void)zmq_msg_close(&port->incoming);
    failed = zmq_close(port->socket);
    SW_ASSERT(failed == 0);
    free(port->useless);
    free(port);
}

void sw_port_linger(struct sw_port *port, uint32_t ms)
{
    SW_ASSERT(ms <= INT32_MAX);
    set_int(port->socket, ZMQ_LINGER, (int)ms);
}

/* ZeroMQ takes a port modulo 65536 and words for 0, so we read it ourselves. */
static bool port_number(const char *text, uint32_t *ret_number)
{
    uint32_t number = 0;

    for (const char *at = text; *at != 0; at++) {
        if (*at < '0' || *at > '9' || number > UINT16_MAX) {
            return false;
        }
        number = number * 10 + (uint32_t)(*at - '0');
    }
    *ret_number = number;
    return text[0] != 0 && number <= UINT16_MAX;
}

/* "host:0" becomes "tcp://host:*". */
static enum sw_err endpoint_of(const char *address, char *ret_endpoint, size_t size)
{
    const char *colon = strrchr(address, ':');
    uint32_t number;
    int written;

    if (colon == NULL || colon == address || !port_number(colon + 1, &number)) {
        return SW_ERR_INVALID;
    }
    if (number == 0) {
        written = snprintf(ret_endpoint, size, "%s%.*s:*", scheme, (int)(colon - address), address);
    } else {
        written = snprintf(ret_endpoint, size, "%s%s", scheme, address);
    }
    return written > 0 && (size_t)written < size ? SW_ERR_OK : SW_ERR_INVALID;
}

enum sw_err sw_port_bind(struct sw_port *port,
                         const char *address,
                         char ret_bound[SW_ADDRESS_SIZE_MAX],
                         char ret_why[SW_WHY_SIZE])
{
    char endpoint[SW_ADDRESS_SIZE_MAX + sizeof(scheme)];
    size_t size = sizeof(endpoint);
    int failed;

    if (endpoint_of(address, endpoint, sizeof(endpoint)) != SW_ERR_OK) {
        return fail(SW_ERR_INVALID, ret_why, "\"%.80s\" is not host:port", address);
    }
    if (zmq_bind(port->socket, endpoint) != 0) {
        return fail(error_of_zmq(),
                    ret_why,
                    "cannot listen on %.80s: %s",
                    address,
                    zmq_strerror(zmq_errno()));
    }
    failed = zmq_getsockopt(port->socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
    SW_ASSERT(failed == 0);
    SW_ASSERT(strncmp(endpoint, scheme, sizeof(scheme) - 1) == 0);
    SW_ASSERT(strlen(endpoint) - (sizeof(scheme) - 1) < SW_ADDRESS_SIZE_MAX);
    memcpy(ret_bound, endpoint + sizeof(scheme) - 1, strlen(endpoint) - sizeof(scheme) + 2);
    return SW_ERR_OK;
}

enum sw_err sw_port_connect(struct sw_port *port, const char *address, char ret_why[SW_WHY_SIZE])
{
    char endpoint[SW_ADDRESS_SIZE_MAX + sizeof(scheme)];

    if (endpoint_of(address, endpoint, sizeof(endpoint)) != SW_ERR_OK ||
        endpoint[strlen(endpoint) - 1] == '*') {
        return fail(SW_ERR_INVALID, ret_why, "\"%.80s\" is not host:port", address);
    }
    if (zmq_connect(port->socket, endpoint) != 0) {
        return fail(
            error_of_zmq(), ret_why, "cannot use %.80s: %s", address, zmq_strerror(zmq_errno()));
    }
    return SW_ERR_OK;
}

int sw_port_fd(const struct sw_port *port)
{
    return port->fd;
}

bool sw_port_dirty(const struct sw_port *port)
{
    return port->dirty;
}

bool sw_port_readable(struct sw_port *port)
{
    int events = 0;
    size_t size = sizeof(events);
    int failed;

    if (!port->dirty) {
        return false;
    }
    failed = zmq_getsockopt(port->socket, ZMQ_EVENTS, &events, &size);
    port->dirty = (events & ZMQ_POLLIN) != 0;
    SW_ASSERT(failed == 0);
    return (events & ZMQ_POLLIN) != 0;
}

/* Reads the next part into `incoming`; false if there is none. */
static bool take_part(struct sw_port *port, bool *ret_more)
{
    port->dirty = true;
    if (zmq_msg_recv(&port->incoming, port->socket, ZMQ_DONTWAIT) < 0) {
        port->dirty = false; /* all of its mail is read: the descriptor tells of more */
        return false;
    }
    *ret_more = zmq_msg_more(&port->incoming) != 0;
    return true;
}

static void note_sender(struct sw_port *port)
{
    port->from = port->useless != NULL ? zmq_msg_get(&port->incoming, ZMQ_SRCFD) : -1;
}

/* NULL if the connection is not watched. */
static struct useless *useless_of(struct sw_port *port, const struct sw_route *route)
{
    struct useless *useless;

    if (port->from < 0 || port->from >= WATCHED_FD_COUNT) {
        return NULL;
    }
    useless = &port->useless[port->from];
    if (useless->route.size != route->size ||
        memcmp(useless->route.bytes, route->bytes, route->size) != 0) {
        *useless = (struct useless){.route = *route};
    }
    return useless;
}

void sw_port_useless(struct sw_port *port, const struct sw_route *route, size_t size)
{
    struct useless *useless = useless_of(port, route);

    if (useless == NULL || useless->count > USELESS_COUNT_MAX) {
        return; /* hung up already: what still comes was read before */
    }
    useless->count++;
    useless->size += size < USELESS_SIZE_MAX ? (uint32_t)size : USELESS_SIZE_MAX;
    if (useless->count > USELESS_COUNT_MAX || useless->size >= USELESS_SIZE_MAX) {
        useless->count = USELESS_COUNT_MAX + 1;
        /* libzmq owns the descriptor and sees that it ended. If that was long ago, a newcomer who
         * has it now is sent away, and comes again. */
        (void)shutdown(port->from, SHUT_RDWR);
    }
}

void sw_port_useful(struct sw_port *port, const struct sw_route *route)
{
    struct useless *useless = useless_of(port, route);

    if (useless != NULL && useless->count > 0 && useless->count <= USELESS_COUNT_MAX) {
        useless->count = 0;
        useless->size = 0;
    }
}

/* Parts of one message arrive together, so the rest of it is always there. */
static enum sw_err skip_rest(struct sw_port *port, const struct sw_route *route, bool more)
{
    while (more) {
        const bool there = take_part(port, &more);

        SW_ASSERT(there);
    }
    note_sender(port);
    sw_port_useless(port, route, zmq_msg_size(&port->incoming));
    return SW_ERR_MALFORMED;
}

enum sw_err sw_port_take(struct sw_port *port,
                         struct sw_route *ret_route,
                         uint8_t **ret_frame,
                         size_t *ret_size)
{
    struct sw_route route = {0};
    bool more = false;

    if (!take_part(port, &more)) {
        return SW_ERR_NOT_FOUND;
    }
    if (port->kind == SW_PORT_ROUTER) {
        const size_t size = zmq_msg_size(&port->incoming);

        /* A longer one was chosen by the other side, which ours never do. */
        if (!more || size == 0 || size > sizeof(route.bytes)) {
            return skip_rest(port, &route, more);
        }
        route.size = (uint8_t)size;
        memcpy(route.bytes, zmq_msg_data(&port->incoming), size);
        if (!take_part(port, &more)) {
            return SW_ERR_NOT_FOUND;
        }
    }
    if (more) {
        return skip_rest(port, &route, more);
    }
    note_sender(port);
    *ret_route = route;
    *ret_frame = zmq_msg_data(&port->incoming);
    *ret_size = zmq_msg_size(&port->incoming);
    return SW_ERR_OK;
}

static uint8_t *port_reserve(void *arg, size_t size)
{
    struct sw_port *port = arg;
    const int failed = zmq_msg_init_size(&port->outgoing, size);

    SW_ASSERT(failed == 0);
    return zmq_msg_data(&port->outgoing);
}

static enum sw_err port_commit(void *arg, const struct sw_route *route)
{
    struct sw_port *port = arg;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT((route != NULL) == (port->kind == SW_PORT_ROUTER));
    port->dirty = true;
    /* With ROUTER_MANDATORY the part that names the route fails, or the next one is taken. */
    if (route != NULL &&
        zmq_send(port->socket, route->bytes, route->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        err = zmq_errno() == EAGAIN ? SW_ERR_BUSY : SW_ERR_UNREACHABLE;
    }
    if (err == SW_ERR_OK && zmq_msg_send(&port->outgoing, port->socket, ZMQ_DONTWAIT) < 0) {
        err = SW_ERR_BUSY;
    }
    if (err != SW_ERR_OK) {
        (void)zmq_msg_close(&port->outgoing);
    }
    return err;
}

struct sw_span sw_port_from(struct sw_port *port)
{
    const char *address = zmq_msg_gets(&port->incoming, "Peer-Address");

    return address == NULL ? sw_span_of(NULL, 0) : sw_span_str(address);
}

struct sw_sink sw_port_sink(struct sw_port *port)
{
    return (struct sw_sink){.arg = port, .reserve = port_reserve, .commit = port_commit};
}
