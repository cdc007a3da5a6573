/* The files of a swarm that is to be: nodes, addresses, keys, settings; planned in memory, made in
 * a directory of their own, and put where they belong by one rename. */
#ifndef SW_TOOLS_SWARM_PLAN_H
#define SW_TOOLS_SWARM_PLAN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "transport/keyfile_posix.h"

enum { SW_PLAN_HEX_KEY_SIZE = 2 * SW_KEY_SIZE + 1 };

struct sw_plan_node {
    uint64_t id;
    char host[SW_ADDRESS_SIZE_MAX];
    uint16_t client_port, peer_port, http_port;
    char client_host[SW_ADDRESS_SIZE_MAX]; /* "" = the same host */
    bool join;                             /* its swarm exists already */
    char public_key[SW_PLAN_HEX_KEY_SIZE];
};

struct sw_plan {
    struct sw_plan_node nodes[SW_NODE_COUNT_MAX];
    size_t count;
    struct sw_swarm_id id;
    char swarm[2 * sizeof(struct sw_swarm_id) + 1]; /* the id in hex */
    char client_key[SW_PLAN_HEX_KEY_SIZE];
    char target[PATH_MAX]; /* absolute */
    char work[PATH_MAX];   /* where it is made */
    char why[SW_WHY_SIZE + PATH_MAX];
};

/* "1=host:6700:6701:6702", added to the plan. On failure, here and below, `why` says what is wrong.
 */
enum sw_err sw_plan_node(struct sw_plan *plan, const char *text);
/* Where the files will be, and where they are made. */
enum sw_err sw_plan_paths(struct sw_plan *plan, const char *given);
enum sw_err sw_plan_make_directory(struct sw_plan *plan, const char *name);
/* The directory of a node in the work directory: key, marker of the first start; its public key is
 * written to the node. */
enum sw_err sw_plan_make_node(struct sw_plan *plan, struct sw_plan_node *node);
enum sw_err sw_plan_write_node(struct sw_plan *plan, const struct sw_plan_node *node);
enum sw_err sw_plan_write_allow(struct sw_plan *plan, const struct sw_plan_node *node);
/* All of a new swarm. */
enum sw_err sw_plan_make_all(struct sw_plan *plan);
/* What a failure left: only ever the directory that this process has just made. */
void sw_plan_remove_work(const struct sw_plan *plan);
enum sw_err sw_plan_fail(struct sw_plan *plan, enum sw_err err, const char *what, const char *path);
void sw_plan_hex(const uint8_t *bytes, size_t size, char *out);

#endif
