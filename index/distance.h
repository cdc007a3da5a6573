/* What a row's products with a query say of its distance. Private to index/. */
#ifndef SW_INDEX_DISTANCE_H
#define SW_INDEX_DISTANCE_H

#include <stdint.h>

#include "index/kernel.h"
#include "index/rows.h"
#include "index/space.h"
#include "index/vector.h"

__extension__ typedef __int128 sw__wide;

/* The query as exact comparisons take it: sw__vector_query, and its two norms. */
struct sw__exact {
    int16_t numbers[SW_SPACE_DIM_MAX];
    uint64_t norm;
    uint64_t norm2;
};

/* The product of the query with the planes of a row, unpacked: the high one alone, or both. */
SW__INLINE int64_t sw__exact_dot(const struct sw__exact *exact,
                                 const struct sw__kernel *kernel,
                                 const struct sw__row *row,
                                 uint32_t dim,
                                 bool both)
{
    const int64_t high = 256 * (int64_t)kernel->dot(exact->numbers, row->high, dim);

    return both && row->low != NULL ? high + kernel->dot(exact->numbers, row->low, dim) : high;
}

/* In units of the space's distances. */
SW__INLINE int64_t sw__exact_distance(const struct sw__exact *exact,
                                      enum sw_metric metric,
                                      const struct sw__row *row,
                                      int64_t dot)
{
    const sw__wide product = (sw__wide)dot * row->scale * (sw__wide)exact->norm;
    const unsigned shift = SW__QUERY_BITS + SW__STORED_BITS + 2 * SW__FIXED_BITS - SW_DISTANCE_BITS;
    const int64_t inner = (int64_t)((product + ((sw__wide)1 << (shift - 1))) >> shift);

    switch (metric) {
    case SW_METRIC_COSINE:
        return (INT64_C(1) << SW_DISTANCE_BITS) - inner;
    case SW_METRIC_L2:
        return (int64_t)((row->norm2 + exact->norm2) >> (2 * SW__FIXED_BITS - SW_DISTANCE_BITS)) -
               2 * inner;
    case SW_METRIC_INNER_PRODUCT:
        break;
    }
    return -inner;
}

/* `fixed` is rotated. */
SW__INLINE void sw__exact_of(const int32_t *fixed, uint32_t dim, struct sw__exact *ret_exact)
{
    ret_exact->norm = sw__vector_query(fixed, dim, ret_exact->numbers);
    ret_exact->norm2 = sw__norm2(fixed, dim);
}

#endif
