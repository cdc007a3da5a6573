/* Codes of stored vectors; see code.h. */
#include "index/code.h"

#include <string.h>

#include "base/assert.h"
#include "base/rw.h"
#include "index/vector.h"

int32_t sw__estimate_of(int64_t product)
{
    const int64_t estimate = sw__round_shift(product, 2 * SW__FIXED_BITS - SW__ESTIMATE_BITS);

    SW_ASSERT(estimate <= INT32_MAX / 4);
    SW_ASSERT(estimate >= INT32_MIN / 4);
    return (int32_t)estimate;
}

SW__CLONES int64_t sw__dot_fixed(const int32_t *a, const int32_t *b, uint32_t dim)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < dim; i++) {
        sum += (int64_t)a[i] * b[i];
    }
    return sum;
}

SW__INLINE uint64_t sum_of_magnitudes(const int32_t *values, uint32_t dim)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < dim; i++) {
        sum += (uint64_t)(values[i] < 0 ? -(int64_t)values[i] : values[i]);
    }
    return sum;
}

/* A word as it is stored, so that it can be compared with stored ones on every machine. */
SW__INLINE uint64_t stored_word(uint64_t word)
{
    uint8_t bytes[sizeof(word)];

    sw_store_u64(bytes, word);
    memcpy(&word, bytes, sizeof(word));
    return word;
}

SW__CLONES void sw__code_make(enum sw_metric metric,
                              const int32_t *residual,
                              const int32_t *towards,
                              uint32_t dim,
                              struct sw__code *ret_code)
{
    const uint64_t norm2 = sw__norm2(residual, dim);
    const uint64_t sum = sum_of_magnitudes(residual, dim);

    for (uint32_t w = 0; w < dim / 64; w++) {
        uint64_t word = 0;

        for (uint32_t i = 0; i < 64; i++) {
            word |= (uint64_t)(residual[64 * w + i] >= 0) << i;
        }
        ret_code->words[w] = stored_word(word);
    }
    ret_code->factor = (int32_t)(sum == 0 ? 0 : (norm2 + sum / 2) / sum);
    ret_code->offset = sw__estimate_of(
        metric == SW_METRIC_L2 ? (int64_t)(norm2 / 2) : -sw__dot_fixed(residual, towards, dim));
}
