/* Floats become integers here, and nowhere else. Private to index/.
 *
 * Fixed point: a coordinate counts units of 2^(exponent - 24), so a vector of the greatest length
 * has the norm 2^24. Nothing but shifts, adds, multiplications and divisions of integers:
 *   f32, f16  sign, exponent and mantissa are taken out of the bits: the value is m * 2^e.
 *   inner product, L2   m * 2^(e + 24 - exponent), halves away from zero.
 *   cosine    m * 2^(e + 25 - top), top being the place of the highest bit of all coordinates;
 *             norm = isqrt(sum of squares); each times floor(2^56 / norm), / 2^32, halves up.
 *
 * Stored form: after rotation, z ~ x * scale / 2^15 with x in -32512..32512, in two planes of a
 * byte: x = 256 * high + low. All codes and distances are derived from the stored form, never from
 * what came in: so an entry has one code in one bucket, whenever and however it got there. */
#ifndef SW_INDEX_VECTOR_H
#define SW_INDEX_VECTOR_H

#include <stdint.h>

#include "base/err.h"
#include "index/space.h"

/* Plain loops over integers, compiled once for each generation of processors and chosen when the
 * program starts. Wider registers give the same integers. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#    define SW__CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#    define SW__CLONES
#endif
#define SW__INLINE static inline __attribute__((always_inline))

enum {
    SW__FIXED_BITS = 24,
    SW__STORED_BITS = 15,
    SW__STORED_MAX = 32512, /* 127 * 256: its high byte still fits */
    SW__QUERY_BITS = 15,    /* the norm of a query as sixteen-bit integers */
};

/* Dimension of everything that is stored: whole words of code. */
uint32_t sw__dim_padded(uint32_t dim);
uint64_t sw__isqrt(uint64_t value);
/* value / 2^shift, halves up; shift may be 0. */
static inline int64_t sw__round_shift(int64_t value, unsigned shift)
{
    return shift == 0 ? value : (value + (INT64_C(1) << (shift - 1))) >> shift;
}

/* `ret_fixed` has room for sw__dim_padded(dim); the rest is zeroed. INVALID with `why`. */
enum sw_err sw__vector_fixed(const struct sw_space *space,
                             struct sw_span vector,
                             int32_t *ret_fixed,
                             char why[SW_WHY_SIZE]) SW_MUST_CHECK;

uint64_t sw__norm2(const int32_t *fixed, uint32_t dim);

/* The scale of the stored form; `ret_high` and `ret_low` are its planes. */
uint32_t sw__vector_store(const int32_t *fixed, uint32_t dim, int8_t *ret_high, int8_t *ret_low);
/* What the planes stand for, in fixed point. */
void sw__vector_restore(
    const int8_t *high, const int8_t *low, uint32_t scale, uint32_t dim, int32_t *ret_fixed);
/* As sixteen-bit integers of norm 2^15; returns the norm in fixed point (0: all zeros). */
uint64_t sw__vector_query(const int32_t *fixed, uint32_t dim, int16_t *ret_query);

#endif
