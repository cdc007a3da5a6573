/* One bit a coordinate and two numbers: enough to rank most vectors away. Private to index/.
 *
 * With c = z - mean - pivot, s = signs of c, q' = query - mean and r = q' - pivot: <c, r> is about
 * (|c|^2 / sum |c_i|) * sum of s_i r_i, and without bias, because the rotation leaves the error no
 * direction to prefer (RaBitQ, Gao and Long 2024). Only c and r are estimated, which are short in a
 * near bucket; all that pivots and mean contribute is exact. What is ranked, smaller is nearer:
 *   cosine, inner product  -<z, q>   = base(pivot, query) - <c, mean + pivot> - estimate
 *   L2                     |z-q|^2/2 = base(pivot, query) + |c|^2/2           - estimate
 * The middle term is the offset of a lane and |c|^2 / sum |c_i| its factor. */
#ifndef SW_INDEX_CODE_H
#define SW_INDEX_CODE_H

#include <stdint.h>

#include "index/kernel.h"
#include "index/space.h"

/* Of the lane; counts 2^(2 * exponent - SW__ESTIMATE_BITS), and 2^(exponent - 24). */
struct sw__code {
    int32_t offset;
    int32_t factor;
    uint64_t words[SW__CODE_WORDS_MAX];
};

/* An exact product in units of 2^-48 as an estimate; rounds halves up. */
int32_t sw__estimate_of(int64_t product);
int64_t sw__dot_fixed(const int32_t *a, const int32_t *b, uint32_t dim);

/* `residual` is c; `towards` is mean + pivot, not looked at for L2. */
void sw__code_make(enum sw_metric metric,
                   const int32_t *residual,
                   const int32_t *towards,
                   uint32_t dim,
                   struct sw__code *ret_code);

#endif
