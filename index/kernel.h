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
    SW__LANES = 8,         /* codes that lie side by side, word by word */
    SW__BLOCK_LANES = 32,  /* at most in one block */
    SW__CODE_BITS_MAX = 6, /* of a query's coordinate */
    SW__CODE_WORDS_MAX = SW_SPACE_DIM_MAX / 64,
    SW__ESTIMATE_BITS = 21, /* estimates count 2^(2 * exponent - 21) */
    SW__DELTA_BITS = 20,    /* a query's step counts 2^(exponent - 20) */
    SW__ESTIMATE_SHIFT = 24 + SW__DELTA_BITS - SW__ESTIMATE_BITS,
};

/* A query with few bits a coordinate, in planes: coordinate i is about delta * u[i], and bit i of
 * plane j is bit j of u[i] in two's complement of `bits` bits. Words are little-endian bytes. */
struct sw__query_code {
    uint32_t words;
    uint32_t bits;
    int32_t delta;
    int32_t sum; /* of all u */
    uint64_t planes[SW__CODE_BITS_MAX][SW__CODE_WORDS_MAX];
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
    /* base + offset - factor * delta * (sum of +-u) / 2^SW__ESTIMATE_SHIFT, rounded down, for each
     * lane of all groups. */
    void (*estimate)(const struct sw__query_code *query,
                     const struct sw__codes *codes,
                     int32_t base,
                     int32_t *ret_estimates);
    /* Bit i: estimate i of SW__BLOCK_LANES is at most the threshold. */
    uint32_t (*below)(const int32_t *estimates, int32_t threshold);
    /* Sum of query[i] * row[i]; `count` is a multiple of 64. */
    int32_t (*dot)(const int16_t *query, const int8_t *row, uint32_t count);
};

/* The fastest that this processor runs. */
const struct sw__kernel *sw__kernel_best(void);
/* NULL if this processor does not run it: "avx512", "avx2", "scalar". */
const struct sw__kernel *sw__kernel_named(const char *name);

extern const struct sw__kernel sw__kernel_scalar;
#if defined(__x86_64__)
extern const struct sw__kernel sw__kernel_avx2;
extern const struct sw__kernel sw__kernel_avx512;
#endif

#endif
