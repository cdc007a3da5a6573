/* Exact duplicates: a 128-bit name of the content finds candidates, the bytes decide.
 *
 * XXH3 is fast and not a defence: whoever wants two contents with one name can make them. So equal
 * names never stand for equal contents; a hostile pair costs a comparison and nothing else. */
#ifndef SW_INDEX_EXACT_H
#define SW_INDEX_EXACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { SW_EXACT_NAME_SIZE = 16 };

struct sw_exact_name {
    uint8_t bytes[SW_EXACT_NAME_SIZE]; /* the canonical order of XXH3-128: high half first */
};

struct sw_exact_name sw_exact_name_of(struct sw_span content);
/* Whether both contents are the same bytes; the names, which the caller has at hand, spare nearly
 * all comparisons. */
bool sw_exact_same(const struct sw_exact_name *a_name,
                   struct sw_span a,
                   const struct sw_exact_name *b_name,
                   struct sw_span b);

#endif
