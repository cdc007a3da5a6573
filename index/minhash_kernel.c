/* The kernels of MinHash: minima of 128 permutations, and which bytes belong to tokens. The plain
 * form says what is meant; the others do the same, 8 or 16 lanes at a time. */
#include "base/assert.h"
#include "index/minhash_private.h"

#if defined(__x86_64__)
#    include <immintrin.h>
#    define HAS_X86 1
#else
#    define HAS_X86 0
#endif

/* clang-format off */
const uint32_t sw__minhash_factor[SW_MINHASH_LANE_COUNT] = {
    0x24f29953, 0x29f841a5, 0xe090d561, 0xb0d684e5, 0x5eca97d9, 0xc68778c5, 0x03a2313b, 0x5b5c1aa1,
    0x07ca8f25, 0x8853bdb7, 0x8852ec13, 0x32d29223, 0x10f7a38f, 0x130cf7c5, 0x7b6a583d, 0x5334da15,
    0xfa0d53a9, 0x9a878fcf, 0xe26687d7, 0x2ffb770f, 0xba2aaa47, 0x0f8dc765, 0x50013fcb, 0x4e9c9f59,
    0xc8c30257, 0x101ee39d, 0xe2955555, 0xd1538779, 0xb600bf81, 0xf023bdab, 0x892ea157, 0xf35feb53,
    0xf13deba9, 0xdeec2053, 0x0d4eac13, 0x3adccd6d, 0x228f7557, 0x219f92e9, 0x9bb2e2d3, 0xd3fd36ef,
    0xb7dfbeb5, 0x763547d7, 0x193a7731, 0x37abc985, 0x402db745, 0x0455e4ef, 0x35874c79, 0x818119f5,
    0xd6a67e2d, 0xc5ea645f, 0xe95f5eed, 0x4c04d6ed, 0x4f85b035, 0xbef95209, 0x1ea2fc5f, 0x2b6df62d,
    0xd462a759, 0x12ca341b, 0x281c6e1f, 0x52b2bdef, 0x745c6ebb, 0x0f6225fb, 0x463613df, 0xf7c5e019,
    0xe5d13d03, 0x2b2aa28d, 0x06c53839, 0xacfef6f1, 0x705f6fa3, 0xd847e3cb, 0x282f38c9, 0x1f87db35,
    0x9fe82d91, 0x84628111, 0x4a7a303d, 0x6b9e0015, 0xfc936d59, 0x29f29487, 0xc8f64633, 0x089c453b,
    0x2e7fdb87, 0x0cd75d8d, 0x006efb53, 0x96348aaf, 0x6bd0baff, 0x8e8c008f, 0x5f491713, 0x8fd0b9d9,
    0x2c58e82f, 0xceba84e3, 0xbff0eebf, 0xd89549f1, 0xfec9e4e9, 0xcc300ec3, 0x62d36d29, 0x061013d5,
    0x0150306d, 0x6b14508f, 0x2f2dc34f, 0xc9feeae5, 0x097fe93d, 0x8f1abff1, 0x640fafeb, 0xe1d87aa7,
    0xc4cb100d, 0xc69eea7d, 0x66aa5429, 0x962db369, 0x9c2a59f3, 0x7fc5cc5f, 0x1763daf1, 0x4fc6a55d,
    0x69b493b3, 0x09a4f4f5, 0x9de9887f, 0x9c6c8b57, 0x70b197ef, 0x9f92cc5b, 0xbbc27deb, 0x800d9d2f,
    0x7042e6cf, 0x624004b9, 0x4a0e7915, 0x7903ad19, 0x72224b55, 0x9ee03b53, 0xfd2f82ed, 0x7a14d01d,
};

const uint32_t sw__minhash_term[SW_MINHASH_LANE_COUNT] = {
    0x59a603de, 0xe7f2fd3f, 0xb1319dc0, 0xf83afa03, 0x3bc7d7fb, 0x7cc2096e, 0xc3d5436b, 0x8b853943,
    0xab1763c3, 0x01ebe2f0, 0x4918f078, 0x19983e51, 0x40371369, 0x133c6258, 0xcb12a555, 0x76bb8ac0,
    0xff6c54fa, 0x35b660cb, 0xa7150e21, 0x507f43ae, 0xc1b6abf5, 0x2a605d27, 0xa543ac12, 0x5ec54eb0,
    0x8cc90018, 0xba558756, 0x52026c3e, 0x985f099e, 0xbe5ec547, 0x2ba68883, 0x24cb1e34, 0x877e807e,
    0x71bf7bb9, 0xc5f53079, 0x912d0063, 0xab4da6a0, 0x86901a21, 0x8d5497ea, 0x4146967a, 0xc8c9ec74,
    0xebd110ee, 0xec4b4965, 0xd766d78a, 0x66ad8894, 0xfeafe8ed, 0xa18966a8, 0x56c306eb, 0x974c9232,
    0xd3c71b66, 0xbd1d146c, 0xed227ea0, 0x91878720, 0x84e4bf92, 0x238394f8, 0x75b7a7bd, 0x19783e59,
    0x470db66e, 0x0c47df7c, 0x61329133, 0x59f88992, 0x0754d339, 0x9dfe3b9a, 0x0f39fe45, 0x1f3698b0,
    0x492bed81, 0xaae8239c, 0xb6404344, 0xb9551b80, 0x0de71820, 0x1987fa92, 0xef5a3ab1, 0x27f51137,
    0x1a15f6bd, 0x6cb2bd49, 0x323d307e, 0xdf1e69c3, 0x82ca2f7d, 0x196e6101, 0xc78df9bd, 0x0c797b70,
    0x56236037, 0xc707a25a, 0x13ced3f2, 0x4fc431df, 0x55c32937, 0x6f85d187, 0xc248c997, 0x8f9c81a0,
    0x80c05699, 0x9660a9b1, 0x938017b5, 0x1e178c5f, 0xe76ac078, 0xe496a214, 0x188c3b6c, 0x9ef3a1dd,
    0xea8c30ff, 0x8f18d769, 0x2ed20e5a, 0x34783314, 0x30fab12e, 0x7c41e048, 0xa33ec2d2, 0x6a8e08fc,
    0x0d35b9bb, 0x44295396, 0x4277315a, 0x94f5dc94, 0x49658f8f, 0x455d0c6c, 0x6c79e306, 0x8dad4f93,
    0x7ad420a7, 0x3c3ec3f9, 0x249ca5e5, 0x148ef4d7, 0x0831cbbe, 0x15bb0b98, 0x9cea7c48, 0x2b029ca6,
    0x8fe88963, 0x87616401, 0x35501064, 0x2823cf85, 0xfe2870e7, 0x23991efa, 0xca6d4122, 0x24b1b173,
};
/* clang-format on */

static void fold_scalar(uint32_t *lanes, const uint32_t *hashes, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        const uint32_t hash = hashes[n];

        for (size_t i = 0; i < SW_MINHASH_LANE_COUNT; i++) {
            const uint32_t value = sw__minhash_factor[i] * hash + sw__minhash_term[i];

            lanes[i] = value < lanes[i] ? value : lanes[i];
        }
    }
}

static uint64_t mask_scalar(const uint8_t *block)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < SW__MINHASH_BLOCK; i++) {
        const uint32_t byte = block[i];
        const bool letter = (byte | 0x20U) - 'a' < 26U;
        const bool digit = byte - '0' < 10U;

        mask |= (uint64_t)(letter || digit || byte == '_' || byte >= 0x80U) << i;
    }
    return mask;
}

#if HAS_X86
/* Lanes stay in registers while all hashes pass: 8 x 16 lanes with their factors and terms need 24
 * of AVX-512's 32. */
__attribute__((target("avx512f,avx512bw"))) static void
fold_avx512(uint32_t *lanes, const uint32_t *hashes, size_t count)
{
    enum { GROUPS = SW_MINHASH_LANE_COUNT / 16 };
    __m512i low[GROUPS], factor[GROUPS], term[GROUPS];

#    pragma GCC unroll 8
    for (size_t i = 0; i < GROUPS; i++) {
        low[i] = _mm512_loadu_si512(lanes + 16 * i);
        factor[i] = _mm512_loadu_si512(sw__minhash_factor + 16 * i);
        term[i] = _mm512_loadu_si512(sw__minhash_term + 16 * i);
    }
    for (size_t n = 0; n < count; n++) {
        const __m512i hash = _mm512_set1_epi32((int)hashes[n]);

#    pragma GCC unroll 8
        for (size_t i = 0; i < GROUPS; i++) {
            const __m512i value = _mm512_add_epi32(_mm512_mullo_epi32(factor[i], hash), term[i]);

            low[i] = _mm512_min_epu32(low[i], value);
        }
    }
#    pragma GCC unroll 8
    for (size_t i = 0; i < GROUPS; i++) {
        _mm512_storeu_si512(lanes + 16 * i, low[i]);
    }
}

/* 16 registers hold 32 lanes with their factors and terms, so the hashes pass four times. */
__attribute__((target("avx2"))) static void
fold_avx2(uint32_t *lanes, const uint32_t *hashes, size_t count)
{
    enum { GROUPS = 4, STRIDE = 8 * GROUPS };

    for (size_t at = 0; at < SW_MINHASH_LANE_COUNT; at += STRIDE) {
        __m256i low[GROUPS], factor[GROUPS], term[GROUPS];

#    pragma GCC unroll 4
        for (size_t i = 0; i < GROUPS; i++) {
            low[i] = _mm256_loadu_si256((const __m256i *)(const void *)(lanes + at + 8 * i));
            factor[i] = _mm256_loadu_si256(
                (const __m256i *)(const void *)(sw__minhash_factor + at + 8 * i));
            term[i] =
                _mm256_loadu_si256((const __m256i *)(const void *)(sw__minhash_term + at + 8 * i));
        }
        for (size_t n = 0; n < count; n++) {
            const __m256i hash = _mm256_set1_epi32((int)hashes[n]);

#    pragma GCC unroll 4
            for (size_t i = 0; i < GROUPS; i++) {
                const __m256i value =
                    _mm256_add_epi32(_mm256_mullo_epi32(factor[i], hash), term[i]);

                low[i] = _mm256_min_epu32(low[i], value);
            }
        }
#    pragma GCC unroll 4
        for (size_t i = 0; i < GROUPS; i++) {
            _mm256_storeu_si256((__m256i *)(void *)(lanes + at + 8 * i), low[i]);
        }
    }
}

__attribute__((target("avx512f,avx512bw"))) static uint64_t mask_avx512(const uint8_t *block)
{
    const __m512i bytes = _mm512_loadu_si512(block);
    const __m512i small = _mm512_or_si512(bytes, _mm512_set1_epi8(0x20));
    const __m512i letter = _mm512_sub_epi8(small, _mm512_set1_epi8('a'));
    const __m512i digit = _mm512_sub_epi8(bytes, _mm512_set1_epi8('0'));

    return _mm512_cmplt_epu8_mask(letter, _mm512_set1_epi8(26)) |
           _mm512_cmplt_epu8_mask(digit, _mm512_set1_epi8(10)) |
           _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('_')) | _mm512_movepi8_mask(bytes);
}

__attribute__((target("avx2"))) static uint32_t half_mask_avx2(const uint8_t *half)
{
    const __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)half);
    const __m256i small = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
    const __m256i letter = _mm256_sub_epi8(small, _mm256_set1_epi8('a'));
    const __m256i digit = _mm256_sub_epi8(bytes, _mm256_set1_epi8('0'));
    /* value <= limit, unsigned: the smaller of both is the value. */
    const __m256i is_letter =
        _mm256_cmpeq_epi8(_mm256_min_epu8(letter, _mm256_set1_epi8(25)), letter);
    const __m256i is_digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digit, _mm256_set1_epi8(9)), digit);
    const __m256i is_line = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('_'));
    const __m256i any = _mm256_or_si256(_mm256_or_si256(is_letter, is_digit),
                                        _mm256_or_si256(is_line, bytes)); /* 0x80: the sign */

    return (uint32_t)_mm256_movemask_epi8(any);
}

static uint64_t mask_avx2(const uint8_t *block)
{
    return half_mask_avx2(block) | (uint64_t)half_mask_avx2(block + 32) << 32;
}
#endif

bool sw__minhash_kernel_runs(enum sw__minhash_kernel kernel)
{
#if HAS_X86
    if (kernel == SW__MINHASH_AVX512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    }
    if (kernel == SW__MINHASH_AVX2) {
        return __builtin_cpu_supports("avx2") != 0;
    }
#endif
    return kernel == SW__MINHASH_SCALAR;
}

enum sw__minhash_kernel sw__minhash_kernel_best(void)
{
    if (sw__minhash_kernel_runs(SW__MINHASH_AVX512)) {
        return SW__MINHASH_AVX512;
    }
    return sw__minhash_kernel_runs(SW__MINHASH_AVX2) ? SW__MINHASH_AVX2 : SW__MINHASH_SCALAR;
}

void sw__minhash_fold(enum sw__minhash_kernel kernel,
                      uint32_t lanes[SW_MINHASH_LANE_COUNT],
                      const uint32_t *hashes,
                      size_t count)
{
    SW_ASSERT(kernel < SW__MINHASH_KERNEL_COUNT);
#if HAS_X86
    if (kernel == SW__MINHASH_AVX512) {
        fold_avx512(lanes, hashes, count);
        return;
    }
    if (kernel == SW__MINHASH_AVX2) {
        fold_avx2(lanes, hashes, count);
        return;
    }
#endif
    fold_scalar(lanes, hashes, count);
}

uint64_t sw__minhash_token_mask(enum sw__minhash_kernel kernel,
                                const uint8_t block[SW__MINHASH_BLOCK])
{
    SW_ASSERT(kernel < SW__MINHASH_KERNEL_COUNT);
#if HAS_X86
    if (kernel == SW__MINHASH_AVX512) {
        return mask_avx512(block);
    }
    if (kernel == SW__MINHASH_AVX2) {
        return mask_avx2(block);
    }
#endif
    return mask_scalar(block);
}
