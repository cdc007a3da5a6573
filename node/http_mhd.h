/* Health and figures over HTTP, for probes and scrapers on the same host: /livez, /readyz,
 * /readyz?verbose, /metrics, /version. GET and HEAD only; nothing can be changed here.
 *
 * libmicrohttpd without threads: its epoll descriptor is watched by the loop, which then calls
 * sw_http_run; so the callbacks run on the loop and need no locks. */
#ifndef SW_NODE_HTTP_MHD_H
#define SW_NODE_HTTP_MHD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"

struct sw_http;

struct sw_http_handler {
    void *arg;
    /* True when ready; one line a check, "[+]name ok" or "[-]name why", is appended to `out`. */
    bool (*ready)(void *arg, struct sw_buf *out);
    void (*metrics)(void *arg, struct sw_buf *out);
    const char *version;
};

/* Listens at "host:port". ADDRESS_IN_USE, INVALID (address), IO. */
enum sw_err sw_http_new(const char *address,
                        struct sw_http_handler handler,
                        struct sw_http **ret_http,
                        char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_http_free(struct sw_http *http); /* accepts NULL */
int sw_http_fd(const struct sw_http *http);
/* Does what is due; call when the descriptor was readable and now and then besides. */
void sw_http_run(struct sw_http *http);

#endif
