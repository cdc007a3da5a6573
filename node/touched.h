/* Which keys were changed, as a Bloom filter: whoever watches one key need not look when another
 * was written. "No" is certain; "maybe" costs a look. Not a part of the replicated state. */
#ifndef SW_NODE_TOUCHED_H
#define SW_NODE_TOUCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/keys.h"

enum { SW_TOUCHED_BIT_COUNT = 1024 }; /* two of them a key: 60 keys say "maybe" to 1 in 80 others */

/* Zeroed = nothing. */
struct sw_touched {
    uint64_t bits[SW_TOUCHED_BIT_COUNT / 64];
};

/* The name of a key in the filter; never 0. */
uint64_t sw_touched_name(const struct sw_place *place, struct sw_span key);
void sw_touched_add(struct sw_touched *touched, uint64_t name);
void sw_touched_merge(struct sw_touched *into, const struct sw_touched *from);
/* False: it was not. */
bool sw_touched_maybe(const struct sw_touched *touched, uint64_t name);

#endif
