/* Which inner loops this processor runs, and those that run everywhere; see kernel.h. */
#include "index/kernel.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "index/bytes.h"

/* Bytes as they lie: planes and codes have the same order, and counting bits needs no other. */
static uint64_t load_word(const uint8_t *in)
{
    uint64_t word;

    memcpy(&word, in, sizeof(word));
    return word;
}

static void look_scalar(const int32_t *centred,
                        const int8_t *row,
                        int32_t unit,
                        uint32_t dim,
                        struct sw__query_code *ret_query)
{
    struct sw__query_scale scale;
    uint32_t max = 0;

    for (uint32_t i = 0; i < dim; i++) {
        const int32_t r = centred[i] - unit * row[i];
        const uint32_t magnitude = (uint32_t)(r < 0 ? -r : r);

        max = magnitude > max ? magnitude : max;
    }
    scale = sw__query_scale(max);
    ret_query->words = dim / 64;
    ret_query->delta = scale.delta;
    ret_query->sum = 0;
    for (uint32_t w = 0; w < dim / 64; w++) {
        uint8_t planes[SW__CODE_BITS][sizeof(uint64_t)] = {{0}};

        for (uint32_t i = 0; i < 64; i++) {
            const int32_t t = (centred[64 * w + i] - unit * row[64 * w + i]) >> scale.shift;
            const int32_t u = (((t * scale.inverse + (1 << 14)) >> 15) + (1 << 10)) >> 11;

            ret_query->sum += u;
            for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
                planes[j][i / 8] |= (uint8_t)(((uint32_t)u >> j & 1) << (i % 8));
            }
        }
        for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
            ret_query->planes[j][w] = load_word(planes[j]);
        }
    }
}

/* Sum of u over the set bits of one lane's code. */
static int32_t sum_of_set(const struct sw__query_code *query, const uint8_t *code)
{
    int32_t total = 0;

    for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
        int32_t ones = 0;

        for (uint32_t w = 0; w < query->words; w++) {
            const uint64_t word = load_word(code + (size_t)w * SW__LANES * sizeof(uint64_t));

            ones += __builtin_popcountll(word & query->planes[j][w]);
        }
        total += j + 1 == SW__CODE_BITS ? -(ones << j) : ones << j;
    }
    return total;
}

static void estimate_scalar(const struct sw__query_code *query,
                            const struct sw__codes *codes,
                            int32_t base,
                            int32_t *ret_estimates)
{
    for (uint32_t lane = 0; lane < codes->groups * SW__LANES; lane++) {
        const size_t word =
            (size_t)(lane / SW__LANES) * query->words * SW__LANES + lane % SW__LANES;
        const int64_t dot =
            2 * sum_of_set(query, codes->codes + word * sizeof(uint64_t)) - query->sum;
        const int64_t factor = (int32_t)sw__u32(codes->factors + (size_t)4 * lane);
        const int32_t offset = (int32_t)sw__u32(codes->offsets + (size_t)4 * lane);

        const int64_t part = factor * (dot * query->delta) >> SW__ESTIMATE_SHIFT;

        /* Unsigned, so that damaged bytes give a wrong estimate and nothing worse. */
        ret_estimates[lane] = (int32_t)((uint32_t)base + (uint32_t)offset - (uint32_t)part);
    }
}

static uint32_t below_scalar(const int32_t *estimates, int32_t threshold)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < SW__BLOCK_LANES; i++) {
        mask |= (uint32_t)(estimates[i] <= threshold) << i;
    }
    return mask;
}

uint32_t sw__kernel_pick(const int32_t *estimates,
                         uint32_t mask,
                         uint32_t first,
                         int32_t *ret_estimates,
                         uint32_t *ret_lanes)
{
    uint32_t count = 0;

    for (; mask != 0; mask &= mask - 1) {
        const uint32_t lane = (uint32_t)__builtin_ctz(mask);

        ret_estimates[count] = estimates[lane];
        ret_lanes[count++] = first + lane;
    }
    return count;
}

static int32_t dot_scalar(const int16_t *query, const int8_t *row, uint32_t count)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sum += query[i] * row[i];
    }
    return sum;
}

const struct sw__kernel sw__kernel_scalar = {.name = "scalar",
                                             .look = look_scalar,
                                             .estimate = estimate_scalar,
                                             .below = below_scalar,
                                             .pick = sw__kernel_pick,
                                             .dot = dot_scalar};

#if defined(__x86_64__)
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vpopcntdq");
}

const struct sw__kernel *sw__kernel_named(const char *name)
{
    if (strcmp(name, "avx512") == 0) {
        return has_avx512() ? &sw__kernel_avx512 : NULL;
    }
    if (strcmp(name, "avx2") == 0) {
        return __builtin_cpu_supports("avx2") ? &sw__kernel_avx2 : NULL;
    }
    return strcmp(name, "scalar") == 0 ? &sw__kernel_scalar : NULL;
}
#else
const struct sw__kernel *sw__kernel_named(const char *name)
{
    return strcmp(name, "scalar") == 0 ? &sw__kernel_scalar : NULL;
}
#endif

const struct sw__kernel *sw__kernel_best(void)
{
    static const char *const names[] = {"avx512", "avx2", "scalar"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct sw__kernel *kernel = sw__kernel_named(names[i]);

        if (kernel != NULL) {
            return kernel;
        }
    }
    return &sw__kernel_scalar;
}
