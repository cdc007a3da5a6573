/* The marker that lets a node start with an empty data directory, once: text in, text out.
 *
 * An empty directory looks the same on a node that has never run and on one whose disk was lost.
 * The second has forgotten its votes and what it acknowledged, so only the first may start. The
 * difference is this file: `swarmctl swarm create` puts it into each data directory, and swarmd
 * removes it before the node can vote (node/identity_posix.h).
 *
 *     swarmstore-first-start 1
 *     swarm 00112233445566778899aabbccddeeff
 *     node 1
 *     ...                                     what follows is for people and not read */
#ifndef SW_BASE_FIRST_START_H
#define SW_BASE_FIRST_START_H

#include <stddef.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"

#define SW_FIRST_START_NAME "first-start"

enum { SW_FIRST_START_FORMAT = 1, SW_FIRST_START_SIZE_MAX = 512 };

/* NUL-terminated; returns the size without the NUL. */
size_t sw_first_start_print(struct sw_swarm_id swarm,
                            struct sw_node_id node,
                            char out[SW_FIRST_START_SIZE_MAX]);

/* Is `text` (NUL-terminated) the marker of this node? STRANGER, NEWER_FORMAT, CORRUPT; one line of
 * `ret_why` says what was found. */
enum sw_err sw_first_start_check(const char *text,
                                 struct sw_swarm_id swarm,
                                 struct sw_node_id node,
                                 char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

#endif
