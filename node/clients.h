/* The client connections of a node: a table by connection number, and for each the replies of the
 * current turn, which leave as one message. What has replies is walked in the order of the first
 * reply, never in the order of the table, so that a run can be repeated exactly. */
#ifndef SW_NODE_CLIENTS_H
#define SW_NODE_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rw.h"
#include "transport/link.h"

struct sw_client {
    uint64_t conn;
    uint8_t key[32];
    uint8_t id[16]; /* BLAKE2b-128 of the key: how the log names it */
    uint32_t in_flight;
    struct sw_buf replies;  /* owned; encoded, of this turn */
    struct sw_client *next; /* among those with replies */
    bool dirty;
};

struct sw_clients {
    struct sw_client **slots; /* owned; open addressing, at most half full */
    uint32_t capacity;        /* a power of two; 0 before the first client */
    uint32_t count;
    struct sw_client *dirty_first;
    struct sw_client *dirty_last;
};

void sw_clients_release(struct sw_clients *clients); /* accepts a zeroed one */
/* NULL if there is none. */
struct sw_client *sw_clients_find(const struct sw_clients *clients, uint64_t conn);
struct sw_client *sw_clients_add(struct sw_clients *clients, uint64_t conn, const uint8_t key[32]);
/* Drops its replies too. No-op for an unknown one. */
void sw_clients_remove(struct sw_clients *clients, uint64_t conn);
/* Appends an encoded reply; sends what has gathered first if it would not fit into one message. */
void sw_clients_reply(struct sw_clients *clients,
                      struct sw_link *link,
                      struct sw_client *client,
                      struct sw_span reply);
/* Hands everything to the link. */
void sw_clients_flush(struct sw_clients *clients, struct sw_link *link);

#endif
