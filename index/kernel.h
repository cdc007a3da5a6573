/* The inner loops, once for each kind of processor, with equal results. Private to index/.
 *
 * All arithmetic is that of integers which cannot overflow, so the order of additions does not
 * matter and a wider register changes nothing. Bounds: the norm of a query is 2^15 and a row of
 * bytes has at most 127 * sqrt(4096), so by Cauchy and Schwarz no partial sum of a dot product
 * passes 2^28. */
#ifndef SW_INDEX_KERNEL_H
#define SW_INDEX_KERNEL_H

#include <stdint.h>

#include "base/limits.h"

enum {
    SW__LANES = 8,        /* codes that lie side by side, word by word */
    SW__BLOCK_LANES = 32, /* at most in one block */
    SW__CODE_BITS = 4,    /* of a query's coordinate */
    SW__CODE_LEVEL = 7,   /* the greatest of them */
    SW__CODE_WORDS_MAX = SW_SPACE_DIM_MAX / 64,
    SW__ESTIMATE_BITS = 21, /* estimates count 2^(2 * exponent - 21) */
    SW__DELTA_BITS = 20,    /* a query's step counts 2^(exponent - 20) */
    SW__ESTIMATE_SHIFT = 24 + SW__DELTA_BITS - SW__ESTIMATE_BITS,
};

/* A query with few bits a coordinate, in planes: coordinate i is about delta * u[i], and bit i of
 * plane j is bit j of u[i] in two's complement. Words are little-endian bytes. */
struct sw__query_code {
    uint32_t words;
    int32_t delta;
    int32_t sum; /* of all u */
    uint64_t planes[SW__CODE_BITS][SW__CODE_WORDS_MAX];
};

/* Codes of up to SW__BLOCK_LANES vectors; all borrowed, little-endian, need not be aligned.
 * Lane l of group g has its word w at codes[((g * words + w) * SW__LANES + l) * 8]. */
struct sw__codes {
    uint32_t groups;
    const uint8_t *offsets; /* i32 each: what does not depend on the query */
    const uint8_t *factors; /* i32 each: what the sum of signs is worth */
    const uint8_t *codes;
};

struct sw__kernel {
    const char *name;
    /* The code of centred - unit * row, in steps: r is that, t = r >> shift with the smallest shift
     * that leaves 15 bits of magnitude, u = (t * inverse / 2^15 + 2^10) / 2^11, the inner quotient
     * rounded to the nearest, the outer one down; see sw__query_scale. |r| < 2^30. */
    void (*look)(const int32_t *centred,
                 const int8_t *row,
                 int32_t unit,
                 uint32_t dim,
                 struct sw__query_code *ret_query);
    /* base + offset - factor * delta * (sum of +-u) / 2^SW__ESTIMATE_SHIFT, rounded down, for each
     * lane of all groups. */
    void (*estimate)(const struct sw__query_code *query,
                     const struct sw__codes *codes,
                     int32_t base,
                     int32_t *ret_estimates);
    /* Bit i: estimate i of SW__BLOCK_LANES is at most the threshold. */
    uint32_t (*below)(const int32_t *estimates, int32_t threshold);
    /* Of the lanes in the mask, in order: estimate, and `first` plus the lane; up to
     * SW__BLOCK_LANES items behind the last one may be overwritten. Returns how many. */
    uint32_t (*pick)(const int32_t *estimates,
                     uint32_t mask,
                     uint32_t first,
                     int32_t *ret_estimates,
                     uint32_t *ret_lanes);
    /* Sum of query[i] * row[i]; `count` is a multiple of 64. */
    int32_t (*dot)(const int16_t *query, const int8_t *row, uint32_t count);
};

/* How a code is made of coordinates whose greatest magnitude is `max`. */
struct sw__query_scale {
    int32_t shift;
    int16_t inverse;
    int32_t delta;
};

static inline struct sw__query_scale sw__query_scale(uint32_t max)
{
    const uint32_t least = 1U << 14; /* shorter ones lose nothing that matters */
    const uint32_t top = max < least ? least : max;
    const int32_t shift = 17 - __builtin_clz(top);
    const uint32_t step = SW__CODE_LEVEL << (24 - SW__DELTA_BITS);

    return (struct sw__query_scale){
        .shift = shift,
        .inverse = (int16_t)(((uint32_t)SW__CODE_LEVEL << 26) / (top >> shift)),
        .delta = (int32_t)((top + step / 2) / step),
    };
}

/* The fastest that this processor runs. */
const struct sw__kernel *sw__kernel_best(void);
/* NULL if this processor does not run it: "avx512", "avx2", "scalar". */
const struct sw__kernel *sw__kernel_named(const char *name);

/* The pick of kernels that have no better one. */
uint32_t sw__kernel_pick(const int32_t *estimates,
                         uint32_t mask,
                         uint32_t first,
                         int32_t *ret_estimates,
                         uint32_t *ret_lanes);

extern const struct sw__kernel sw__kernel_scalar;
#if defined(__x86_64__)
extern const struct sw__kernel sw__kernel_avx2;
extern const struct sw__kernel sw__kernel_avx512;
#endif

#endif
