/* The inner loops with registers of 512 bits and VPOPCNTDQ; see kernel.h. */
#include "index/kernel.h"

#if defined(__x86_64__)
#    include <immintrin.h>

#    define TARGET \
        __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx2,popcnt")))

/* r of sixteen coordinates. */
TARGET static inline __m512i
residual(const int32_t *centred, const int8_t *row, __m512i unit, uint32_t at)
{
    const __m512i steps =
        _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i_u *)(const void *)(row + at)));

    return _mm512_sub_epi32(_mm512_loadu_si512(centred + at), _mm512_mullo_epi32(steps, unit));
}

/* u of 32 coordinates, as bytes. */
TARGET static inline __m256i steps_of(const int32_t *residuals, __m128i shift, __m512i inverse)
{
    const __m512i half = _mm512_set1_epi16(1 << 10);
    const __m256i low =
        _mm512_cvtepi32_epi16(_mm512_sra_epi32(_mm512_loadu_si512(residuals), shift));
    const __m256i high =
        _mm512_cvtepi32_epi16(_mm512_sra_epi32(_mm512_loadu_si512(residuals + 16), shift));
    const __m512i t = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    const __m512i u =
        _mm512_srai_epi16(_mm512_add_epi16(_mm512_mulhrs_epi16(t, inverse), half), 11);

    return _mm512_cvtepi16_epi8(u);
}

TARGET static void look_avx512(const int32_t *centred,
                               const int8_t *row,
                               int32_t unit,
                               uint32_t dim,
                               struct sw__query_code *ret_query)
{
    int32_t residuals[SW_SPACE_DIM_MAX];
    const __m512i units = _mm512_set1_epi32(unit);
    __m512i max = _mm512_setzero_si512();
    struct sw__query_scale scale;
    __m512i inverse;
    __m128i shift;

    for (uint32_t i = 0; i < dim; i += 16) {
        const __m512i r = residual(centred, row, units, i);

        max = _mm512_max_epi32(max, _mm512_abs_epi32(r));
        _mm512_storeu_si512(residuals + i, r);
    }
    scale = sw__query_scale((uint32_t)_mm512_reduce_max_epi32(max));
    inverse = _mm512_set1_epi16(scale.inverse);
    shift = _mm_cvtsi32_si128(scale.shift);
    ret_query->words = dim / 64;
    ret_query->delta = scale.delta;
    ret_query->sum = 0;
    for (uint32_t w = 0; w < dim / 64; w++) {
        const int32_t *from = residuals + (size_t)64 * w;
        const __m512i u = _mm512_inserti64x4(_mm512_castsi256_si512(steps_of(from, shift, inverse)),
                                             steps_of(from + 32, shift, inverse),
                                             1);
        /* Bit j of each byte goes to its top; what else moves stays below. */
        const uint64_t planes[SW__CODE_BITS] = {_mm512_movepi8_mask(_mm512_slli_epi16(u, 7)),
                                                _mm512_movepi8_mask(_mm512_slli_epi16(u, 6)),
                                                _mm512_movepi8_mask(_mm512_slli_epi16(u, 5)),
                                                _mm512_movepi8_mask(_mm512_slli_epi16(u, 4))};

        for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
            const int32_t ones = __builtin_popcountll(planes[j]) << j;

            ret_query->planes[j][w] = planes[j];
            ret_query->sum += j + 1 == SW__CODE_BITS ? -ones : ones;
        }
    }
}

/* Sums of u over the set bits, of the eight lanes of a group. */
TARGET static inline __attribute__((always_inline)) __m512i
sums_of_set(const struct sw__query_code *query, const uint8_t *group, uint32_t words)
{
    __m512i ones[SW__CODE_BITS];

    for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
        ones[j] = _mm512_setzero_si512();
    }
    for (uint32_t w = 0; w < words; w++) {
        const __m512i word = _mm512_loadu_si512(group + (size_t)w * sizeof(__m512i));

        for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
            const __m512i plane = _mm512_set1_epi64((long long)query->planes[j][w]);

            ones[j] = _mm512_add_epi64(ones[j], _mm512_popcnt_epi64(_mm512_and_si512(word, plane)));
        }
    }
    return _mm512_sub_epi64(
        _mm512_add_epi64(_mm512_add_epi64(ones[0], _mm512_slli_epi64(ones[1], 1)),
                         _mm512_slli_epi64(ones[2], 2)),
        _mm512_slli_epi64(ones[3], 3));
}

TARGET static inline __attribute__((always_inline)) void
estimate_words(const struct sw__query_code *query,
               const struct sw__codes *codes,
               int32_t base,
               int32_t *ret_estimates,
               uint32_t words)
{
    const __m512i delta = _mm512_set1_epi64(query->delta);
    const __m512i sum = _mm512_set1_epi64(query->sum);
    const __m256i bases = _mm256_set1_epi32(base);

    for (uint32_t g = 0; g < codes->groups; g++) {
        const uint8_t *group = codes->codes + (size_t)g * words * sizeof(__m512i);
        const __m512i set = sums_of_set(query, group, words);
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
    /* Constants, so that the loops over words are unrolled and planes stay in registers. */
    if (query->words == 2) {
        estimate_words(query, codes, base, ret_estimates, 2);
    } else if (query->words == 4) {
        estimate_words(query, codes, base, ret_estimates, 4);
    } else {
        estimate_words(query, codes, base, ret_estimates, query->words);
    }
}

TARGET static uint32_t pick_avx512(const int32_t *estimates,
                                   uint32_t mask,
                                   uint32_t first,
                                   int32_t *ret_estimates,
                                   uint32_t *ret_lanes)
{
    const __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __mmask16 half[2] = {(__mmask16)mask, (__mmask16)(mask >> 16)};
    uint32_t count = 0;

    for (uint32_t i = 0; i < 2; i++) {
        const __m512i lanes = _mm512_add_epi32(places, _mm512_set1_epi32((int)(first + 16 * i)));
        const __m512i values = _mm512_loadu_si512(estimates + (size_t)16 * i);

        _mm512_storeu_si512(ret_estimates + count, _mm512_maskz_compress_epi32(half[i], values));
        _mm512_storeu_si512(ret_lanes + count, _mm512_maskz_compress_epi32(half[i], lanes));
        count += (uint32_t)__builtin_popcount(half[i]);
    }
    return count;
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

const struct sw__kernel sw__kernel_avx512 = {.name = "avx512",
                                             .look = look_avx512,
                                             .estimate = estimate_avx512,
                                             .below = below_avx512,
                                             .pick = pick_avx512,
                                             .dot = dot_avx512};
#else
typedef int sw__kernel_avx512_is_empty;
#endif
