/* Identifiers as one-field structs, so that one kind cannot be passed for another. */
#ifndef SW_BASE_IDS_H
#define SW_BASE_IDS_H

#include <stdbool.h>
#include <stdint.h>

struct sw_node_id {
    uint64_t value; /* 1.. ; 0 = none */
};

struct sw_group_id {
    uint32_t value; /* 1.. ; 0 = none. Group 1 is the meta group and, today, the only shard. */
};

struct sw_swarm_id {
    uint8_t bytes[16]; /* random, made by `swarmctl swarm create` */
};

struct sw_session_id {
    uint64_t value; /* revision at which the session was opened; 0 = no session */
};

static inline bool sw_node_id_equal(struct sw_node_id a, struct sw_node_id b)
{
    return a.value == b.value;
}

#endif
