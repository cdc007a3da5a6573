/* Vectors that their owners replace and delete, in several indexes, and what anybody finds of them.
 *
 * A client has a few items; only it writes them, one call at a time, so between two of its calls
 * all know what there is. Whoever searches then finds of these items exactly those that its
 * conditions ask for, once each, at the distance that their present vectors have. An item whose
 * write has no known outcome is given up, and its place gets a new name. The same question at the
 * same revision has one answer, byte by byte, whichever replica gives it and on whichever of its
 * threads. Meanwhile an index that nobody relies on comes and goes; its vectors are so wide that a
 * few fill a segment, and its precision is lowered now and then: replicas must have equal bytes. */
#ifndef SW_TESTS_SIM_ITEM_CALLS_H
#define SW_TESTS_SIM_ITEM_CALLS_H

#include "tests/sim/clients_private.h"

/* The next thing that the client does about items, unless it waits for an answer. */
void sim_item_step(struct sim_client *client, uint32_t timeout_ms);

#endif
