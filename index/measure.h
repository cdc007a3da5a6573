/* How far a vector is from one row, whose bytes may lie anywhere: also in a record that outlived
 * the entry it was of. The same integer that a search gives for the entry.
 *
 * A vector is turned into integers once, and then compared with as many rows as one likes. */
#ifndef SW_INDEX_MEASURE_H
#define SW_INDEX_MEASURE_H

#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"
#include "index/space.h"

struct sw_measure;

/* INVALID with `why`: the vector, see sw_space_check_vector. The space is copied. */
enum sw_err sw_measure_new(const struct sw_space *space,
                           struct sw_span vector,
                           char why[SW_WHY_SIZE],
                           struct sw_measure **ret_measure) SW_MUST_CHECK;
void sw_measure_free(struct sw_measure *measure); /* accepts NULL */
/* Bytes of a row of the space at its full precision; what sw_index_row gives may be shorter, and is
 * measured alike. */
size_t sw_measure_row_size(const struct sw_space *space);
/* `id` is that of the entry. CORRUPT if these are not the bytes of its row, NEWER_FORMAT. */
enum sw_err sw_measure_row(const struct sw_measure *measure,
                           uint64_t id,
                           struct sw_span row,
                           int64_t *ret_distance) SW_MUST_CHECK;

#endif
