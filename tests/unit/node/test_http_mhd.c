/* The HTTP side over a real socket on loopback, driven by hand: no loop, no thread. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "node/http_mhd.h"

static bool ready_answer;
static char why[SW_WHY_SIZE];

static bool ready(void *arg, struct sw_buf *out)
{
    (void)arg;
    sw_buf_printf(out, ready_answer ? "[+]leader ok\n" : "[-]leader no leader is known\n");
    return ready_answer;
}

static void metrics(void *arg, struct sw_buf *out)
{
    (void)arg;
    sw_buf_printf(out, "swarm_up 1\n");
}

static const struct sw_http_handler handler = {
    .ready = ready, .metrics = metrics, .version = "1.2.3"};

/* A socket bound to a free port of loopback; the port is in `address`. */
static int bound(char address[32])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(address, 32, "127.0.0.1:%u", ntohs(at.sin_port));
    return fd;
}

static struct sw_http *open_anywhere(char address[32])
{
    struct sw_http *http = NULL;

    for (int i = 0; i < 20 && http == NULL; i++) { /* the port is free, then perhaps taken */
        (void)close(bound(address));
        (void)!sw_http_new(address, handler, &http, why);
    }
    assert_non_null(http);
    return http;
}

static int connected(const char *address)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* The whole answer to `request`. */
static const char *ask(const char *request)
{
    static char answer[8192];
    char address[32];
    struct sw_http *http = open_anywhere(address);
    const int fd = connected(address);
    size_t size = 0;
    bool open = true;

    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    while (open) {
        struct pollfd fds[2] = {{.fd = sw_http_fd(http), .events = POLLIN},
                                {.fd = fd, .events = POLLIN}};

        assert_true(poll(fds, 2, 10000) > 0);
        sw_http_run(http);
        if ((fds[1].revents & (POLLIN | POLLHUP)) != 0) {
            const ssize_t count = read(fd, answer + size, sizeof answer - 1 - size);

            open = count > 0;
            size += count > 0 ? (size_t)count : 0;
        }
    }
    answer[size] = '\0';
    (void)close(fd);
    sw_http_free(http);
    return answer;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void has(const char *answer, const char *status, const char *body)
{
    assert_memory_equal(answer, "HTTP/1.1 ", 9);
    assert_memory_equal(answer + 9, status, 3);
    assert_non_null(strstr(answer, body));
}

static void paths_answer(void **state)
{
    (void)state;
    ready_answer = true;
    has(ask(GET("/livez")), "200", "\r\n\r\nok\n");
    has(ask(GET("/readyz")), "200", "\r\n\r\nok\n");
    has(ask(GET("/readyz?verbose")), "200", "[+]leader ok\n");
    has(ask(GET("/version")), "200", "{\"version\":\"1.2.3\"}\n");
    has(ask(GET("/metrics")), "200", "swarm_up 1\n");
    has(ask(GET("/metrics")), "200", "text/plain; version=0.0.4");
    has(ask(GET("/debug")), "404", "/metrics");
}

static void not_ready_is_503_and_says_why(void **state)
{
    (void)state;
    ready_answer = false;
    has(ask(GET("/readyz")), "503", "[-]leader no leader is known\n");
    has(ask(GET("/livez")), "200", "ok\n");
}

static void only_reading_is_possible(void **state)
{
    (void)state;
    has(ask("POST /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            "Content-Length: 4\r\n\r\nabcd"),
        "405",
        "GET only");
    has(ask("DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "405", "GET");
}

static void nonsense_is_survived(void **state)
{
    (void)state;
    (void)ask("\x16\x03\x01 nonsense\r\n\r\n");
}

static void a_taken_or_wrong_address_is_told(void **state)
{
    struct sw_http *http = NULL;
    char address[32];
    const int fd = bound(address);

    (void)state;
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(sw_http_new(address, handler, &http, why), SW_ERR_ADDRESS_IN_USE);
    assert_non_null(strstr(why, address));
    assert_int_equal(sw_http_new("nonsense", handler, &http, why), SW_ERR_INVALID);
    assert_null(http);
    (void)close(fd);
    sw_http_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_answer),
        cmocka_unit_test(not_ready_is_503_and_says_why),
        cmocka_unit_test(only_reading_is_possible),
        cmocka_unit_test(nonsense_is_survived),
        cmocka_unit_test(a_taken_or_wrong_address_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
