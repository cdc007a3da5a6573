/* What the configuration of a group says of a member, as text: how to reach it, and who it is.
 *
 *     PEER,CLIENT,KEY[,FLOOR]     127.0.0.1:6701,127.0.0.1:6700,<64 hex digits>
 *
 * It travels in the log and in snapshots, so every node learns the address and the key of a new
 * member with the entry that adds it. FLOOR is the highest node id that was ever used, where no
 * member's id says so: an id names one incarnation of a node, and is used once. Groups that were
 * founded before keys were part of it have PEER alone. Pure. */
#ifndef SW_NODE_PEER_TEXT_H
#define SW_NODE_PEER_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct sw_peer_text {
    char peer[SW_ADDRESS_SIZE_MAX];
    char client[SW_ADDRESS_SIZE_MAX]; /* "" = not said */
    uint8_t key[32];
    bool has_key;
    uint64_t floor; /* 0 = not said */
};

/* False if it is none of the two forms. */
bool sw_peer_text_parse(const char *text, struct sw_peer_text *ret_peer);
/* False if it does not fit. Without a key: the peer address alone. */
bool sw_peer_text_print(const struct sw_peer_text *peer, char out[SW_ADDRESS_SIZE_MAX]);

#endif
