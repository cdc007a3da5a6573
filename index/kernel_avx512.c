/* The inner loops with registers of 512 bits and VPOPCNTDQ; see kernel.h. */
#include "index/kernel.h"

#if defined(__x86_64__)
#    include <immintrin.h>

#    define TARGET \
        __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx2")))

/* Sums of u over the set bits, of the eight lanes of a group. */
TARGET static inline __m512i
sums_of_set(const struct sw__query_code *query, const uint8_t *group, uint32_t bits)
{
    __m512i ones[SW__CODE_BITS_MAX];
    __m512i total = _mm512_setzero_si512();

    for (uint32_t j = 0; j < bits; j++) {
        ones[j] = _mm512_setzero_si512();
    }
    for (uint32_t w = 0; w < query->words; w++) {
        const __m512i word = _mm512_loadu_si512(group + (size_t)w * sizeof(__m512i));

        for (uint32_t j = 0; j < bits; j++) {
            const __m512i plane = _mm512_set1_epi64((long long)query->planes[j][w]);

            ones[j] = _mm512_add_epi64(ones[j], _mm512_popcnt_epi64(_mm512_and_si512(word, plane)));
        }
    }
    for (uint32_t j = 0; j + 1 < bits; j++) {
        total = _mm512_add_epi64(total, _mm512_slli_epi64(ones[j], j));
    }
    return _mm512_sub_epi64(total, _mm512_slli_epi64(ones[bits - 1], bits - 1));
}

TARGET static inline void estimate_bits(const struct sw__query_code *query,
                                        const struct sw__codes *codes,
                                        int32_t base,
                                        int32_t *ret_estimates,
                                        uint32_t bits)
{
    const __m512i delta = _mm512_set1_epi64(query->delta);
    const __m512i sum = _mm512_set1_epi64(query->sum);
    const __m256i bases = _mm256_set1_epi32(base);

    for (uint32_t g = 0; g < codes->groups; g++) {
        const uint8_t *group = codes->codes + (size_t)g * query->words * sizeof(__m512i);
        const __m512i set = sums_of_set(query, group, bits);
        const __m512i dot = _mm512_sub_epi64(_mm512_add_epi64(set, set), sum);
        const __m256i factor =
            _mm256_loadu_si256((const __m256i_u *)(const void *)(codes->factors + (size_t)32 * g));
        const __m256i offset =
            _mm256_loadu_si256((const __m256i_u *)(const void *)(codes->offsets + (size_t)32 * g));
        const __m512i product =
            _mm512_mul_epi32(_mm512_cvtepi32_epi64(factor), _mm512_mul_epi32(dot, delta));
        const __m256i part = _mm512_cvtepi64_epi32(_mm512_srai_epi64(product, SW__ESTIMATE_SHIFT));

        _mm256_storeu_si256((__m256i_u *)(void *)(ret_estimates + (size_t)SW__LANES * g),
                            _mm256_sub_epi32(_mm256_add_epi32(bases, offset), part));
    }
}

TARGET static void estimate_avx512(const struct sw__query_code *query,
                                   const struct sw__codes *codes,
                                   int32_t base,
                                   int32_t *ret_estimates)
{
    /* Constants, so that the loops over bits are unrolled and the sums stay in registers. */
    if (query->bits == 4) {
        estimate_bits(query, codes, base, ret_estimates, 4);
    } else if (query->bits == 6) {
        estimate_bits(query, codes, base, ret_estimates, 6);
    } else {
        estimate_bits(query, codes, base, ret_estimates, query->bits);
    }
}

TARGET static uint32_t below_avx512(const int32_t *estimates, int32_t threshold)
{
    const __m512i limit = _mm512_set1_epi32(threshold);
    const __mmask16 low = _mm512_cmple_epi32_mask(_mm512_loadu_si512(estimates), limit);
    const __mmask16 high = _mm512_cmple_epi32_mask(_mm512_loadu_si512(estimates + 16), limit);

    return (uint32_t)high << 16 | low;
}

TARGET static int32_t dot_avx512(const int16_t *query, const int8_t *row, uint32_t count)
{
    __m512i even = _mm512_setzero_si512();
    __m512i odd = _mm512_setzero_si512();

    for (uint32_t i = 0; i < count; i += 64) {
        const __m512i bytes = _mm512_loadu_si512(row + i);
        const __m512i low = _mm512_cvtepi8_epi16(_mm512_castsi512_si256(bytes));
        const __m512i high = _mm512_cvtepi8_epi16(_mm512_extracti64x4_epi64(bytes, 1));

        even = _mm512_add_epi32(even, _mm512_madd_epi16(low, _mm512_loadu_si512(query + i)));
        odd = _mm512_add_epi32(odd, _mm512_madd_epi16(high, _mm512_loadu_si512(query + i + 32)));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
}

const struct sw__kernel sw__kernel_avx512 = {
    .name = "avx512", .estimate = estimate_avx512, .below = below_avx512, .dot = dot_avx512};
#else
typedef int sw__kernel_avx512_is_empty;
#endif
