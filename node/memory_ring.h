/* The ring of an agent: how many memories it has in a partition, and how large they are. A row of
 * the index table, counted by every write of a memory's key, whoever makes it.
 *
 * | key                                                        | value                            |
 * |------------------------------------------------------------|----------------------------------|
 * | slot ‖ 5 ‖ 0 (8) ‖ tenant 0x00 ‖ namespace 0x00 ‖          | format 1, count (8), bytes of    |
 * | partition 0x00 ‖ agent                                     | keys and values (8)              |
 */
#ifndef SW_NODE_MEMORY_RING_H
#define SW_NODE_MEMORY_RING_H

#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "storage/keys.h"

enum { SW_MEMORY_RING_FORMAT = 1 };

struct sw_memory_ring {
    uint64_t count;
    uint64_t size;
};

/* An empty agent gives the prefix of all of the partition. */
void sw_memory_ring_key(const struct sw_place *place, struct sw_span agent, struct sw_key *ret_key);
void sw_memory_ring_encode(const struct sw_memory_ring *ring, struct sw_buf *out);
enum sw_err sw_memory_ring_decode(struct sw_span bytes, struct sw_memory_ring *ret_ring)
    SW_MUST_CHECK;

#endif
