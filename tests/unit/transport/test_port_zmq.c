/* Addresses, limits of size, and parts, over real sockets. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

#include "transport/frame.h"
#include "transport/port_zmq.h"

enum { BOUND_TRIES = 20000 }; /* of a millisecond at least each */

struct fixture {
    void *context;
    struct sw_port *router, *dealer;
    char address[SW_ADDRESS_SIZE_MAX];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char why[SW_WHY_SIZE];

    assert_non_null(fixture);
    fixture->context = sw_port_context_new();
    assert_non_null(fixture->context);
    assert_int_equal(sw_port_new(fixture->context, SW_PORT_ROUTER, false, &fixture->router, why),
                     SW_ERR_OK);
    assert_int_equal(sw_port_new(fixture->context, SW_PORT_DEALER, false, &fixture->dealer, why),
                     SW_ERR_OK);
    assert_int_equal(sw_port_bind(fixture->router, "127.0.0.1:0", fixture->address, why),
                     SW_ERR_OK);
    assert_int_equal(sw_port_connect(fixture->dealer, fixture->address, why), SW_ERR_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    sw_port_free(fixture->router);
    sw_port_free(fixture->dealer);
    sw_port_context_free(fixture->context);
    free(fixture);
    return 0;
}

static void send_until_taken(struct sw_port *port, const struct sw_route *route, size_t size)
{
    const struct sw_sink sink = sw_port_sink(port);

    for (int i = 0; i < BOUND_TRIES; i++) {
        memset(sink.reserve(sink.arg, size), 0x5a, size);
        if (sink.commit(sink.arg, route) == SW_ERR_OK) {
            return;
        }
        (void)poll(NULL, 0, 1);
    }
    fail_msg("no connection");
}

static enum sw_err
take(struct sw_port *port, struct sw_route *ret_route, uint8_t **ret_frame, size_t *ret_size)
{
    enum sw_err err = SW_ERR_NOT_FOUND;

    for (int i = 0; i < BOUND_TRIES && err == SW_ERR_NOT_FOUND; i++) {
        err = sw_port_take(port, ret_route, ret_frame, ret_size);
        if (err == SW_ERR_NOT_FOUND) {
            (void)poll(NULL, 0, 1);
        }
    }
    return err;
}

static void frames_pass_both_ways(void **state)
{
    struct fixture *fixture = *state;
    const size_t sizes[] = {1, 100, SW_FRAME_WIRE_SIZE_MAX};
    struct sw_route route, none;
    uint8_t *frame;
    size_t size;

    for (size_t i = 0; i < 3; i++) {
        send_until_taken(fixture->dealer, NULL, sizes[i]);
        assert_int_equal(take(fixture->router, &route, &frame, &size), SW_ERR_OK);
        assert_int_equal(size, sizes[i]);
        assert_int_equal(frame[size - 1], 0x5a);
        assert_true(route.size > 0);
        send_until_taken(fixture->router, &route, sizes[i]);
        assert_int_equal(take(fixture->dealer, &none, &frame, &size), SW_ERR_OK);
        assert_int_equal(size, sizes[i]);
        assert_int_equal(none.size, 0);
    }
    assert_int_equal(sw_port_take(fixture->router, &route, &frame, &size), SW_ERR_NOT_FOUND);
    assert_false(sw_port_readable(fixture->router));
}

static void a_route_that_is_not_there_is_unreachable(void **state)
{
    struct fixture *fixture = *state;
    const struct sw_route route = {.size = 5, .bytes = {0, 9, 9, 9, 9}};
    const struct sw_sink sink = sw_port_sink(fixture->router);

    (void)sink.reserve(sink.arg, 10);
    assert_int_equal(sink.commit(sink.arg, &route), SW_ERR_UNREACHABLE);
}

static void nothing_queues_for_a_node_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct sw_port *lonely;
    struct sw_sink sink;
    char why[SW_WHY_SIZE];

    assert_int_equal(sw_port_new(fixture->context, SW_PORT_DEALER, false, &lonely, why), SW_ERR_OK);
    assert_int_equal(sw_port_connect(lonely, "127.0.0.1:1", why), SW_ERR_OK);
    sink = sw_port_sink(lonely);
    (void)sink.reserve(sink.arg, 10);
    assert_int_equal(sink.commit(sink.arg, NULL), SW_ERR_BUSY);
    sw_port_free(lonely);
}

/* A raw socket without our limits sends what ours never would. */
static void too_long_messages_cut_the_sender_off(void **state)
{
    struct fixture *fixture = *state;
    void *raw = zmq_socket(fixture->context, ZMQ_DEALER);
    const size_t big = SW_FRAME_WIRE_SIZE_MAX + 1;
    uint8_t *bytes = calloc(1, big);
    char endpoint[SW_ADDRESS_SIZE_MAX + 8];
    const int zero = 0;
    struct sw_route route;
    uint8_t *frame;
    size_t size;

    assert_non_null(bytes);
    assert_int_equal(zmq_setsockopt(raw, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://%s", fixture->address);
    assert_int_equal(zmq_connect(raw, endpoint), 0);
    assert_int_equal(zmq_send(raw, bytes, big, 0), big);
    send_until_taken(fixture->dealer, NULL, 7); /* others go on */
    assert_int_equal(take(fixture->router, &route, &frame, &size), SW_ERR_OK);
    assert_int_equal(size, 7);
    for (int i = 0; i < 50; i++) { /* and the long one never shows up */
        assert_int_equal(sw_port_take(fixture->router, &route, &frame, &size), SW_ERR_NOT_FOUND);
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(zmq_close(raw), 0);
    free(bytes);
}

/* True once the other side has closed; what it says before is passed over. */
static bool is_hung_up(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    uint8_t bytes[256];

    while (poll(&wait, 1, BOUND_TRIES) == 1) {
        if (recv(fd, bytes, sizeof(bytes), 0) <= 0) {
            return true;
        }
    }
    return false;
}

/* They would be able to abort the process while it shuts down; see set_options. */
static void old_versions_of_zmtp_are_hung_up_on(void **state)
{
    /* a greeting, an empty routing id, and a message of seven bytes */
    static const uint8_t version_2[] = {0xff, 0, 0, 0, 0,   0,   0,   0,   1,   0x7f, 1,  5,
                                        0,    0, 0, 7, 's', 't', 'r', 'a', 'n', 'g',  'e'};
    static const uint8_t version_1[] = {1, 0, 8, 0, 's', 't', 'r', 'a', 'n', 'g', 'e'};
    const struct fixture *fixture = *state;
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(strrchr(fixture->address, ':') + 1, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct sw_route route;
    uint8_t *frame;
    size_t frame_size;

    for (int version = 1; version <= 2; version++) {
        const uint8_t *bytes = version == 1 ? version_1 : version_2;
        const size_t size = version == 1 ? sizeof(version_1) : sizeof(version_2);
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
        assert_true(is_hung_up(fd));
        assert_int_equal(sw_port_take(fixture->router, &route, &frame, &frame_size),
                         SW_ERR_NOT_FOUND);
        assert_int_equal(close(fd), 0);
    }
    send_until_taken(fixture->dealer, NULL, 7); /* others go on */
}

static void send_all(int fd, const uint8_t *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

/* Speaks ZMTP 3.1 as a DEALER up to where messages may follow. */
static int stranger(const struct fixture *fixture)
{
    static const uint8_t ready[] = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
                                   "DEALER";
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(strrchr(fixture->address, ':') + 1, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint8_t greeting[64] = {0xff, [9] = 0x7f, 3, 1, 'N', 'U', 'L', 'L'};
    uint8_t answer[256];

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    send_all(fd, greeting, sizeof(greeting));
    send_all(fd, ready, sizeof(ready) - 1);
    for (size_t got = 0; got <= sizeof(greeting);) { /* the greeting, and some of its READY */
        const ssize_t some = recv(fd, answer, sizeof(answer), 0);

        assert_true(some > 0);
        got += (size_t)some;
    }
    return fd;
}

/* A peer that floods a node which takes nothing for a while, then resets the connection: so it
 * looks to a node that was stopped and goes on. With ZMTP's heartbeats this aborted the process;
 * with a bounded receive queue, a PING in the flood did. */
static void a_reset_with_frames_not_taken_is_survived(void **state)
{
    enum { STRANGERS = 100, FRAMES = 600, PING_AT = 400, LONGER_THAN_A_HEARTBEAT_MS = 700 };
    static const struct linger at_once = {.l_onoff = 1};
    static const uint8_t ping[] = "\x04\x07\x04PING\0";
    const struct fixture *fixture = *state;
    uint8_t frames[3 * FRAMES + sizeof(ping)];
    struct sw_route route;
    uint8_t *frame;
    size_t size = 0;

    for (int i = 0; i < FRAMES; i++) {
        if (i == PING_AT) {
            memcpy(&frames[size], ping, sizeof(ping)); /* with the zeros of its time to live */
            size += sizeof(ping);
        }
        memcpy(&frames[size], "\0\x01x", 3);
        size += 3;
    }
    for (int i = 0; i < STRANGERS; i++) {
        const int fd = stranger(fixture);

        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
        send_all(fd, frames, size);
        assert_int_equal(close(fd), 0);
    }
    (void)poll(NULL, 0, LONGER_THAN_A_HEARTBEAT_MS);
    while (sw_port_take(fixture->router, &route, &frame, &size) != SW_ERR_NOT_FOUND) {
    }
    (void)poll(NULL, 0, LONGER_THAN_A_HEARTBEAT_MS);
    send_until_taken(fixture->dealer, NULL, 7); /* others go on */
}

/* Takes what there is, until the stranger is hung up on or has sent `max` frames. */
static size_t frames_until_hung_up(const struct fixture *fixture, int fd, size_t max, bool useful)
{
    size_t sent = 0;
    size_t taken = 0;

    while (sent < max && send(fd, "\0\x01x", 3, MSG_NOSIGNAL) == 3) {
        struct sw_route route;
        uint8_t *frame;
        size_t size;

        sent++;
        while (taken < sent) {
            struct pollfd wait = {.fd = fd, .events = POLLIN};

            if (sw_port_take(fixture->router, &route, &frame, &size) == SW_ERR_OK) {
                taken++;
                sw_port_useless(fixture->router, &route, size);
                if (useful) {
                    sw_port_useful(fixture->router, &route);
                }
            } else if (poll(&wait, 1, 1) == 1) {
                uint8_t bytes[256]; /* of its READY, or nothing: the end */

                if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) == 0) {
                    return sent;
                }
            }
        }
    }
    return sent;
}

static void who_only_sends_what_is_useless_is_hung_up_on(void **state)
{
    enum { FAR_BEYOND = 3000 };
    const struct fixture *fixture = *state;
    int fd = stranger(fixture);

    assert_true(frames_until_hung_up(fixture, fd, FAR_BEYOND, false) < FAR_BEYOND);
    assert_int_equal(close(fd), 0);
    fd = stranger(fixture); /* on the same descriptor as like as not: a new count */
    assert_int_equal(frames_until_hung_up(fixture, fd, FAR_BEYOND, true), FAR_BEYOND);
    assert_int_equal(close(fd), 0);
    send_until_taken(fixture->dealer, NULL, 7);
}

static void messages_of_other_parts_are_malformed(void **state)
{
    struct fixture *fixture = *state;
    void *raw = zmq_socket(fixture->context, ZMQ_DEALER);
    char endpoint[SW_ADDRESS_SIZE_MAX + 8];
    const int zero = 0;
    struct sw_route route;
    uint8_t *frame;
    size_t size;

    assert_int_equal(zmq_setsockopt(raw, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    /* A name of its own choice, longer than any that the socket gives out. */
    assert_int_equal(zmq_setsockopt(raw, ZMQ_ROUTING_ID, "sixteen bytes ok", 16), 0);
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://%s", fixture->address);
    assert_int_equal(zmq_connect(raw, endpoint), 0);
    assert_int_equal(zmq_send(raw, "one", 3, 0), 3);
    assert_int_equal(take(fixture->router, &route, &frame, &size), SW_ERR_MALFORMED);
    assert_int_equal(zmq_close(raw), 0);

    raw = zmq_socket(fixture->context, ZMQ_DEALER);
    assert_int_equal(zmq_setsockopt(raw, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    assert_int_equal(zmq_connect(raw, endpoint), 0);
    assert_int_equal(zmq_send(raw, "one", 3, ZMQ_SNDMORE), 3);
    assert_int_equal(zmq_send(raw, "two", 3, 0), 3);
    assert_int_equal(zmq_send(raw, "three", 5, 0), 5);
    assert_int_equal(take(fixture->router, &route, &frame, &size), SW_ERR_MALFORMED);
    assert_int_equal(take(fixture->router, &route, &frame, &size), SW_ERR_OK); /* in step again */
    assert_int_equal(size, 5);
    assert_int_equal(zmq_close(raw), 0);
}

static void addresses_are_checked(void **state)
{
    static const char *const bad[] = {"", "host", ":1", "host:", "127.0.0.1:x", "127.0.0.1:70000"};
    struct fixture *fixture = *state;
    char bound[SW_ADDRESS_SIZE_MAX], why[SW_WHY_SIZE];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(sw_port_bind(fixture->router, bad[i], bound, why), SW_ERR_INVALID);
        assert_non_null(strstr(why, bad[i]));
    }
    assert_int_equal(sw_port_bind(fixture->router, fixture->address, bound, why),
                     SW_ERR_ADDRESS_IN_USE);
    assert_int_equal(sw_port_bind(fixture->router, "192.0.2.1:0", bound, why), SW_ERR_UNREACHABLE);
    assert_int_equal(sw_port_connect(fixture->dealer, "127.0.0.1:0", why), SW_ERR_INVALID);
    assert_true(sw_port_fd(fixture->dealer) >= 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_pass_both_ways),
        TEST(a_route_that_is_not_there_is_unreachable),
        TEST(nothing_queues_for_a_node_that_is_not_there),
        TEST(too_long_messages_cut_the_sender_off),
        TEST(old_versions_of_zmtp_are_hung_up_on),
        TEST(a_reset_with_frames_not_taken_is_survived),
        TEST(who_only_sends_what_is_useless_is_hung_up_on),
        TEST(messages_of_other_parts_are_malformed),
        TEST(addresses_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
