/* Where a client finds its data, as one line of text.
 *
 *     swarm://HOST[:PORT],HOST[:PORT].../[NAMESPACE][?config=FILE&tenant=T&...]
 *     file:DIR[?tenant=T&...]                       file:///DIR is the same as file:/DIR
 *
 * A node is known by its key, and keys do not fit into a URL: the settings file has them, with the
 * client's own key and the swarm's id. A host is one of that file's nodes, or "2=HOST:PORT",
 * another address of node 2. No hosts: those of the file. The default port is 6700.
 *
 * Parameters: config (swarm only), tenant, namespace, partition (what requests mean that name none)
 * and timeout_ms. Every part may hold %XX. Pure. */
#ifndef SW_CLIENT_URL_H
#define SW_CLIENT_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "client/config.h"

enum {
    SW_URL_SIZE_MAX = 8192,
    SW_URL_HOSTS_SIZE = 4096,
    SW_URL_NAME_SIZE = SW_PARTITION_SIZE_MAX + 1
};

/* Empty strings and a timeout of 0 were not said. */
struct sw_url {
    bool embedded; /* file: */
    char dir[SW_CLIENT_PATH_SIZE];
    char hosts[SW_URL_HOSTS_SIZE]; /* with ports */
    char config[SW_CLIENT_PATH_SIZE];
    char tenant[SW_URL_NAME_SIZE];
    char name_space[SW_URL_NAME_SIZE];
    char partition[SW_URL_NAME_SIZE];
    uint32_t timeout_ms;
};

/* Does it begin like one? */
bool sw_url_is(const char *text);
/* INVALID: `ret_why` says what is wrong, and what is expected. */
enum sw_err sw_url_parse(const char *text, struct sw_url *ret_url, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;

#endif
