/* The HTTP side, on libmicrohttpd. */
#include "node/http_mhd.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "node/config.h"

enum { CONNECTION_MAX = 32, IDLE_SECONDS = 5, MEMORY_MAX = 16 << 10, BACKLOG = 16 };

struct sw_http {
    struct MHD_Daemon *daemon;
    struct sw_http_handler handler;
    int fd; /* epoll */
};

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, const char *type, struct sw_buf *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->size, body->data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    sw_buf_release(body);
    if (response == NULL) {
        return MHD_NO; /* closes the connection */
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result readyz(struct sw_http *http, struct MHD_Connection *connection)
{
    const bool verbose =
        MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, NULL, NULL) > 0 &&
        MHD_lookup_connection_value_n(
            connection, MHD_GET_ARGUMENT_KIND, "verbose", 7, NULL, NULL) == MHD_YES;
    struct sw_buf out = {0};
    const bool ready = http->handler.ready(http->handler.arg, &out);

    if (ready && !verbose) {
        sw_buf_clear(&out);
        sw_buf_printf(&out, "ok\n");
    }
    return answer(connection,
                  ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                  "text/plain; charset=utf-8",
                  &out);
}

static enum MHD_Result
route(struct sw_http *http, struct MHD_Connection *connection, const char *url)
{
    struct sw_buf out = {0};

    if (strcmp(url, "/readyz") == 0) {
        return readyz(http, connection);
    }
    if (strcmp(url, "/livez") == 0) {
        sw_buf_printf(&out, "ok\n");
        return answer(connection, MHD_HTTP_OK, "text/plain; charset=utf-8", &out);
    }
    if (strcmp(url, "/metrics") == 0) {
        http->handler.metrics(http->handler.arg, &out);
        return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &out);
    }
    if (strcmp(url, "/version") == 0) {
        sw_buf_printf(&out, "{\"version\":\"%s\"}\n", http->handler.version);
        return answer(connection, MHD_HTTP_OK, "application/json", &out);
    }
    sw_buf_printf(&out, "not found; there are /livez, /readyz, /metrics and /version\n");
    return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain; charset=utf-8", &out);
}

/* The type of MHD_AccessHandlerCallback. NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *arg,
                                  struct MHD_Connection *connection,
                                  const char *url,
                                  const char *method,
                                  const char *version,
                                  const char *upload,
                                  size_t *upload_size,
                                  void **state)
{
    struct sw_http *http = arg;
    struct sw_buf out = {0};

    (void)version;
    (void)upload;
    (void)state;
    if (*upload_size > 0) {
        *upload_size = 0; /* a body is read away and ignored */
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        sw_buf_printf(&out, "GET only\n");
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", &out);
    }
    return route(http, connection, url);
}

static enum sw_err bind_at(const struct addrinfo *info, const char *address, int *ret_fd, char *why)
{
    const int yes = 1;
    const int fd = socket(
        info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
    enum sw_err err = SW_ERR_OK;

    if (fd < 0) {
        (void)snprintf(
            why, SW_WHY_SIZE, "no socket for %.80s: %s", address, strerrordesc_np(errno));
        return SW_ERR_IO;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        err = errno == EADDRINUSE ? SW_ERR_ADDRESS_IN_USE : SW_ERR_INVALID;
        (void)snprintf(
            why, SW_WHY_SIZE, "cannot listen at %.80s: %s", address, strerrordesc_np(errno));
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return SW_ERR_OK;
}

static enum sw_err listen_at(const char *address, int *ret_fd, char *ret_why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char host[SW_ADDRESS_SIZE_MAX];
    char service[8];
    uint16_t port = 0;
    enum sw_err err;

    if (!sw_config_address(address, host, &port)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.80s is no host:port", address);
        return SW_ERR_INVALID;
    }
    (void)snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.80s does not resolve", address);
        return SW_ERR_INVALID;
    }
    err = bind_at(found, address, ret_fd, ret_why);
    freeaddrinfo(found);
    return err;
}

enum sw_err sw_http_new(const char *address,
                        struct sw_http_handler handler,
                        struct sw_http **ret_http,
                        char ret_why[SW_WHY_SIZE])
{
    const union MHD_DaemonInfo *info;
    struct sw_http *http;
    int listener = -1;
    enum sw_err err;

    SW_ASSERT(handler.ready != NULL);
    SW_ASSERT(handler.metrics != NULL);
    err = listen_at(address, &listener, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    http = calloc(1, sizeof *http);
    SW_ASSERT(http != NULL);
    http->handler = handler;
    http->daemon = MHD_start_daemon(MHD_USE_EPOLL,
                                    0,
                                    NULL,
                                    NULL,
                                    on_request,
                                    http,
                                    MHD_OPTION_LISTEN_SOCKET,
                                    listener,
                                    MHD_OPTION_CONNECTION_LIMIT,
                                    (unsigned)CONNECTION_MAX,
                                    MHD_OPTION_CONNECTION_TIMEOUT,
                                    (unsigned)IDLE_SECONDS,
                                    MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                    (size_t)MEMORY_MAX,
                                    MHD_OPTION_END);
    if (http->daemon == NULL) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the HTTP server does not start at %.80s", address);
        (void)close(listener);
        free(http);
        return SW_ERR_IO;
    }
    info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    SW_ASSERT(info != NULL);
    http->fd = info->epoll_fd;
    *ret_http = http;
    return SW_ERR_OK;
}

void sw_http_free(struct sw_http *http)
{
    if (http != NULL) {
        MHD_stop_daemon(http->daemon); /* closes the listener */
        free(http);
    }
}

int sw_http_fd(const struct sw_http *http)
{
    return http->fd;
}

void sw_http_run(struct sw_http *http)
{
    (void)MHD_run(http->daemon);
}
