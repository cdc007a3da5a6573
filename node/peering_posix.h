/* Sessions with those who are members: keeps the peers of the link, and what the loop watches for
 * them, equal to what the node says. A member that is removed loses its sessions, both ways; one
 * that is added is dialled and let in. Loop thread, between turns of the link. */
#ifndef SW_NODE_PEERING_POSIX_H
#define SW_NODE_PEERING_POSIX_H

#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "node/loop_uv.h"
#include "node/node.h"
#include "transport/link.h"

struct sw_peering_peer {
    struct sw_node_id id;
    uint8_t key[32];
    char address[SW_ADDRESS_SIZE_MAX];
};

struct sw_peering {
    struct sw_link *link; /* borrowed, a link_zmq; so is the loop */
    struct sw_loop *loop;
    /* What was done or cannot be; may be NULL. */
    void (*event)(void *arg, enum sw_err err, const char *text);
    void *arg;
    struct sw_peering_peer peers[SW_NODE_COUNT_MAX];
    uint32_t count;
};

/* The first error, whose sentence the event had; the other peers are tried all the same. */
enum sw_err
sw_peering_apply(struct sw_peering *peering, const struct sw_node_peer *wanted, uint32_t count);

#endif
