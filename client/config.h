/* Settings of a client: which swarm, which nodes, which key. Written by `swarmctl swarm create`.
 *
 *     [swarm]
 *     id = 00112233445566778899aabbccddeeff
 *
 *     [client]
 *     key_file = client.key          ; relative to this file
 *
 *     [nodes]
 *     # id = client address, public key of the node (64 hex digits)
 *     1 = 127.0.0.1:6700, ab12...
 *
 * Unknown keys are errors. Pure: text in, struct out; config_inih.c reads files. */
#ifndef SW_CLIENT_CONFIG_H
#define SW_CLIENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"

enum { SW_CLIENT_PATH_SIZE = 1024 };

struct sw_client_node {
    struct sw_node_id id;
    char address[SW_ADDRESS_SIZE_MAX]; /* "host:port", "[v6]:port" */
    uint8_t public_key[32];
};

struct sw_client_config {
    struct sw_swarm_id swarm;
    bool has_swarm;
    char key_file[SW_CLIENT_PATH_SIZE];
    struct sw_client_node nodes[SW_NODE_COUNT_MAX];
    uint32_t node_count;
};

/* All of these fail with CONFIG and say in `ret_why` what is wrong and what is expected. */
enum sw_err sw_client_config_set(struct sw_client_config *config,
                                 const char *section,
                                 const char *name,
                                 const char *value,
                                 char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
enum sw_err sw_client_config_check(const struct sw_client_config *config, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
/* "1=host:port,3=host:port": other addresses for nodes that the file names; the rest stay. */
enum sw_err sw_client_config_endpoints(struct sw_client_config *config,
                                       const char *text,
                                       char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* The hosts of a URL, "host:port,3=host:port": as above, and a host without a number is the address
 * of a node that the file names. */
enum sw_err sw_client_config_hosts(struct sw_client_config *config,
                                   const char *text,
                                   char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* INI text, zero-terminated (config_inih.c). */
enum sw_err sw_client_config_parse(struct sw_client_config *config,
                                   const char *text,
                                   char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Reads, checks, and makes the path of the key file independent of the working directory
 * (config_inih.c). */
enum sw_err sw_client_config_load(struct sw_client_config *config,
                                  const char *path,
                                  char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* "host:port" or "[v6]:port" with a port of 1..65535. */
bool sw_client_address_valid(const char *text);

#endif
