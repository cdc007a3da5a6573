/* Whether two vectors at rest point the same way: a cosine of their rows against a bound, decided
 * with integers, whatever the metric of their space. So replicas decide alike about entries that
 * are stored, and also about rows that outlived their entries. Pure, no allocation. */
#ifndef SW_INDEX_ALIKE_H
#define SW_INDEX_ALIKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"
#include "index/space.h"

enum { SW_ALIKE_PERMILLE = 1000 };

/* What a row stands for, in fixed point, turned as all rows of the index are. */
struct sw_alike {
    uint32_t dim; /* padded */
    uint64_t norm2;
    int32_t fixed[SW_SPACE_DIM_MAX];
};

/* CORRUPT, NEWER_FORMAT: `row` is no row of the space. */
enum sw_err sw_alike_of(const struct sw_space *space,
                        struct sw_span row,
                        struct sw_alike *ret_alike) SW_MUST_CHECK;
/* cosine(a, b) >= permille / 1000; both are of one space. A vector of zeros is like none. */
bool sw_alike_by(const struct sw_alike *a, const struct sw_alike *b, uint32_t permille);

#endif
