/* The inner loops with registers of 256 bits; see kernel.h. Bits are counted by two look-ups of
 * half bytes (Mula), and the bytes of up to 31 words are added before they are widened. */
#include "index/kernel.h"

#if defined(__x86_64__)
#    include <immintrin.h>

#    define TARGET __attribute__((target("avx2")))

enum { BYTE_WORDS_MAX = 31, HALF = 4 /* lanes in a register */ };

static_assert(BYTE_WORDS_MAX * 8 <= UINT8_MAX, "counts of bits fit a byte");

TARGET static inline __m256i load(const void *in)
{
    return _mm256_loadu_si256(in);
}

/* r of eight coordinates. */
TARGET static inline __m256i
residual(const int32_t *centred, const int8_t *row, __m256i unit, uint32_t at)
{
    const __m256i steps =
        _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i_u *)(const void *)(row + at)));

    return _mm256_sub_epi32(load(centred + at), _mm256_mullo_epi32(steps, unit));
}

TARGET static inline uint32_t greatest(__m256i values)
{
    __m128i max =
        _mm_max_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));

    max = _mm_max_epi32(max, _mm_shuffle_epi32(max, 0x4e));
    max = _mm_max_epi32(max, _mm_shuffle_epi32(max, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(max);
}

/* u of sixteen coordinates, as words of sixteen bits in order. */
TARGET static inline __m256i steps_of(const int32_t *residuals, __m128i shift, __m256i inverse)
{
    const __m256i low = _mm256_sra_epi32(load(residuals), shift);
    const __m256i high = _mm256_sra_epi32(load(residuals + 8), shift);
    /* Packing goes by halves of registers; the permutation undoes it. */
    const __m256i t = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    const __m256i v = _mm256_mulhrs_epi16(t, inverse);

    return _mm256_srai_epi16(_mm256_add_epi16(v, _mm256_set1_epi16(1 << 10)), 11);
}

/* Bit j of 32 coordinates. */
TARGET static inline uint32_t plane_of(__m256i steps, uint32_t j)
{
    const __m256i top = _mm256_sll_epi16(steps, _mm_cvtsi32_si128((int)(7 - j)));

    return (uint32_t)_mm256_movemask_epi8(top);
}

TARGET static void look_avx2(const int32_t *centred,
                             const int8_t *row,
                             int32_t unit,
                             uint32_t dim,
                             struct sw__query_code *ret_query)
{
    int32_t residuals[SW_SPACE_DIM_MAX];
    const __m256i units = _mm256_set1_epi32(unit);
    __m256i max = _mm256_setzero_si256();
    struct sw__query_scale scale;
    __m256i inverse;
    __m128i shift;

    for (uint32_t i = 0; i < dim; i += 8) {
        const __m256i r = residual(centred, row, units, i);

        max = _mm256_max_epi32(max, _mm256_abs_epi32(r));
        _mm256_storeu_si256((__m256i_u *)(void *)(residuals + i), r);
    }
    scale = sw__query_scale(greatest(max));
    inverse = _mm256_set1_epi16(scale.inverse);
    shift = _mm_cvtsi32_si128(scale.shift);
    ret_query->words = dim / 64;
    ret_query->delta = scale.delta;
    ret_query->sum = 0;
    for (uint32_t w = 0; w < dim / 64; w++) {
        const int32_t *from = residuals + (size_t)64 * w;
        __m256i half[2];

        for (uint32_t i = 0; i < 2; i++) {
            const __m256i bytes = _mm256_packs_epi16(steps_of(from + 32 * i, shift, inverse),
                                                     steps_of(from + 32 * i + 16, shift, inverse));

            half[i] = _mm256_permute4x64_epi64(bytes, 0xd8);
        }
        for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
            const uint64_t plane = (uint64_t)plane_of(half[1], j) << 32 | plane_of(half[0], j);
            const int32_t ones = __builtin_popcountll(plane) << j;

            ret_query->planes[j][w] = plane;
            ret_query->sum += j + 1 == SW__CODE_BITS ? -ones : ones;
        }
    }
}

TARGET static inline __m256i bits_of_bytes(__m256i value)
{
    const __m256i table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i low = _mm256_and_si256(value, mask);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(value, 4), mask);

    return _mm256_add_epi8(_mm256_shuffle_epi8(table, low), _mm256_shuffle_epi8(table, high));
}

/* Sums of u over the set bits, of four lanes: `half` is the word of the first of them. */
TARGET static inline __m256i sums_of_set(const struct sw__query_code *query, const uint8_t *half)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i ones[SW__CODE_BITS];
    __m256i total = zero;

    for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
        ones[j] = zero;
    }
    for (uint32_t from = 0; from < query->words; from += BYTE_WORDS_MAX) {
        const uint32_t end =
            query->words - from < BYTE_WORDS_MAX ? query->words : from + BYTE_WORDS_MAX;
        __m256i bytes[SW__CODE_BITS];

        for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
            bytes[j] = zero;
        }
        for (uint32_t w = from; w < end; w++) {
            const __m256i word = load(half + (size_t)w * SW__LANES * sizeof(uint64_t));

            for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
                const __m256i plane = _mm256_set1_epi64x((long long)query->planes[j][w]);

                bytes[j] = _mm256_add_epi8(bytes[j], bits_of_bytes(_mm256_and_si256(word, plane)));
            }
        }
        for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
            ones[j] = _mm256_add_epi64(ones[j], _mm256_sad_epu8(bytes[j], zero));
        }
    }
    for (uint32_t j = 0; j + 1 < SW__CODE_BITS; j++) {
        total = _mm256_add_epi64(total, _mm256_slli_epi64(ones[j], (int)j));
    }
    return _mm256_sub_epi64(total, _mm256_slli_epi64(ones[SW__CODE_BITS - 1], SW__CODE_BITS - 1));
}

/* Of each 64-bit lane the lower half. */
TARGET static inline __m128i lower_halves(__m256i value)
{
    const __m256i places = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);

    return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(value, places));
}

TARGET static void estimate_avx2(const struct sw__query_code *query,
                                 const struct sw__codes *codes,
                                 int32_t base,
                                 int32_t *ret_estimates)
{
    const __m256i delta = _mm256_set1_epi64x(query->delta);
    const __m256i sum = _mm256_set1_epi64x(query->sum);

    for (uint32_t h = 0; h < codes->groups * 2; h++) {
        const size_t lane = (size_t)h * HALF;
        const uint8_t *half =
            codes->codes + ((size_t)(h / 2) * query->words * SW__LANES + (h % 2) * HALF) * 8;
        const __m256i set = sums_of_set(query, half);
        const __m256i dot = _mm256_sub_epi64(_mm256_add_epi64(set, set), sum);
        const __m256i factor = _mm256_cvtepi32_epi64(
            _mm_loadu_si128((const __m128i_u *)(const void *)(codes->factors + 4 * lane)));
        const __m128i offset =
            _mm_loadu_si128((const __m128i_u *)(const void *)(codes->offsets + 4 * lane));
        const __m256i product = _mm256_mul_epi32(factor, _mm256_mul_epi32(dot, delta));
        /* There is no arithmetic shift of 64 bits; of the lower half the kind does not matter. */
        const __m128i part = lower_halves(_mm256_srli_epi64(product, SW__ESTIMATE_SHIFT));

        _mm_storeu_si128((__m128i_u *)(void *)(ret_estimates + lane),
                         _mm_sub_epi32(_mm_add_epi32(_mm_set1_epi32(base), offset), part));
    }
}

TARGET static uint32_t below_avx2(const int32_t *estimates, int32_t threshold)
{
    const __m256i limit = _mm256_set1_epi32(threshold);
    uint32_t above = 0;

    for (uint32_t i = 0; i < SW__BLOCK_LANES; i += 8) {
        const __m256i greater = _mm256_cmpgt_epi32(load(estimates + i), limit);

        above |= (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(greater)) << i;
    }
    return ~above;
}

TARGET static int32_t dot_avx2(const int16_t *query, const int8_t *row, uint32_t count)
{
    __m256i even = _mm256_setzero_si256();
    __m256i odd = _mm256_setzero_si256();
    __m128i sum;

    for (uint32_t i = 0; i < count; i += 32) {
        const __m256i bytes = load(row + i);
        const __m256i low = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(bytes));
        const __m256i high = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(bytes, 1));

        even = _mm256_add_epi32(even, _mm256_madd_epi16(low, load(query + i)));
        odd = _mm256_add_epi32(odd, _mm256_madd_epi16(high, load(query + i + 16)));
    }
    even = _mm256_add_epi32(even, odd);
    sum = _mm_add_epi32(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return _mm_cvtsi128_si32(sum);
}

const struct sw__kernel sw__kernel_avx2 = {.name = "avx2",
                                           .look = look_avx2,
                                           .estimate = estimate_avx2,
                                           .below = below_avx2,
                                           .pick = sw__kernel_pick,
                                           .dot = dot_avx2};
#else
typedef int sw__kernel_avx2_is_empty;
#endif
