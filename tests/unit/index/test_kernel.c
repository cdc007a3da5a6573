/* Every kernel that this processor runs gives what the definition says, to the last bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/rw.h"
#include "index/kernel.h"

enum { GROUPS = 4, LANES = GROUPS * SW__LANES };

struct input {
    uint32_t dim;
    int32_t base;
    struct sw__query_code query;
    int32_t u[SW_SPACE_DIM_MAX];
    uint8_t offsets[4 * LANES];
    uint8_t factors[4 * LANES];
    uint8_t codes[LANES * SW_SPACE_DIM_MAX / 8 + 1]; /* used from its second byte: not aligned */
};

static const char *const names[] = {"scalar", "avx2", "avx512"};

static bool bit_of(const struct input *input, uint32_t lane, uint32_t i)
{
    const uint32_t words = input->dim / 64;
    const size_t word =
        ((size_t)(lane / SW__LANES) * words + i / 64) * SW__LANES + lane % SW__LANES;

    return (sw_load_u64(input->codes + 1 + 8 * word) >> (i % 64) & 1) != 0;
}

static void make(struct input *input, uint32_t dim, struct sw_prng *prng)
{
    const int32_t level = SW__CODE_LEVEL;

    input->dim = dim;
    input->base = (int32_t)sw_prng_below(prng, 1 << 24) - (1 << 23);
    input->query =
        (struct sw__query_code){.words = dim / 64, .delta = (int32_t)sw_prng_range(prng, 1, 4000)};
    for (uint32_t i = 0; i < dim; i++) {
        input->u[i] = (int32_t)sw_prng_below(prng, (uint64_t)(2 * level + 1)) - level;
        input->query.sum += input->u[i];
        for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
            uint8_t *plane = (uint8_t *)&input->query.planes[j][i / 64];

            plane[i % 64 / 8] |= (uint8_t)(((uint32_t)input->u[i] >> j & 1) << (i % 8));
        }
    }
    for (uint32_t lane = 0; lane < LANES; lane++) {
        sw_store_u32(input->offsets + 4 * lane, (uint32_t)sw_prng_below(prng, 1 << 24));
        sw_store_u32(input->factors + 4 * lane, (uint32_t)sw_prng_below(prng, 1 << 24));
    }
    for (size_t i = 0; i < sizeof(input->codes); i++) {
        input->codes[i] = (uint8_t)sw_prng_next(prng);
    }
}

static int32_t expected(const struct input *input, uint32_t lane)
{
    const int64_t factor = (int32_t)sw_load_u32(input->factors + (size_t)4 * lane);
    int64_t sum = 0;

    for (uint32_t i = 0; i < input->dim; i++) {
        sum += bit_of(input, lane, i) ? input->u[i] : -input->u[i];
    }
    return (int32_t)(input->base + (int64_t)sw_load_u32(input->offsets + (size_t)4 * lane) -
                     (factor * sum * input->query.delta >> SW__ESTIMATE_SHIFT));
}

static void estimates_are_exact(void **state)
{
    struct input *input = calloc(1, sizeof(*input));
    struct sw_prng prng = sw_prng_of(4);

    (void)state;
    for (uint32_t dim = 64; dim <= SW_SPACE_DIM_MAX; dim += dim < 512 ? 64 : 896) {
        make(input, dim, &prng);
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            const struct sw__kernel *kernel = sw__kernel_named(names[n]);
            const struct sw__codes codes = {.groups = GROUPS,
                                            .offsets = input->offsets,
                                            .factors = input->factors,
                                            .codes = input->codes + 1};
            int32_t estimates[LANES];

            if (kernel == NULL) {
                continue; /* not of this processor; the others are still compared */
            }
            kernel->estimate(&input->query, &codes, input->base, estimates);
            for (uint32_t lane = 0; lane < LANES; lane++) {
                assert_int_equal(estimates[lane], expected(input, lane));
            }
        }
    }
    free(input);
}

static void products_are_exact(void **state)
{
    static int16_t query[SW_SPACE_DIM_MAX];
    static int8_t row[SW_SPACE_DIM_MAX];
    struct sw_prng prng = sw_prng_of(8);

    (void)state;
    for (uint32_t dim = 64; dim <= SW_SPACE_DIM_MAX; dim += 64) {
        /* As long as a query may be, in one coordinate or in all of them. */
        const int16_t range = dim % 128 == 0 ? 512 : 32767;
        int64_t sum = 0;

        memset(query, 0, sizeof(query));
        for (uint32_t i = 0; i < dim; i++) {
            row[i] = (int8_t)(sw_prng_next(&prng) & 0xff);
            if (range == 512 || i == dim / 2) {
                query[i] = sw_prng_chance(&prng, 1, 2) ? range : (int16_t)-range;
            }
            sum += query[i] * row[i];
        }
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            const struct sw__kernel *kernel = sw__kernel_named(names[n]);

            if (kernel != NULL) {
                assert_int_equal(kernel->dot(query, row, dim), sum);
            }
        }
    }
}

static void masks_are_exact(void **state)
{
    static const int32_t thresholds[] = {INT32_MIN, -1, 0, 7, INT32_MAX - 1, INT32_MAX};
    struct sw_prng prng = sw_prng_of(6);
    int32_t estimates[SW__BLOCK_LANES];

    (void)state;
    for (int round = 0; round < 600; round++) {
        const int32_t threshold = thresholds[round % 6];
        uint32_t want = 0;

        for (uint32_t i = 0; i < SW__BLOCK_LANES; i++) {
            estimates[i] = sw_prng_chance(&prng, 1, 4) ? threshold : (int32_t)sw_prng_next(&prng);
            want |= (uint32_t)(estimates[i] <= threshold) << i;
        }
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            const struct sw__kernel *kernel = sw__kernel_named(names[n]);

            if (kernel != NULL) {
                assert_int_equal(kernel->below(estimates, threshold), want);
            }
        }
    }
}

/* u[i] of a code, from its planes. */
static int32_t step_of(const struct sw__query_code *query, uint32_t i)
{
    int32_t u = 0;

    for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
        const uint8_t *plane = (const uint8_t *)&query->planes[j][i / 64];
        const int32_t bit = plane[i % 64 / 8] >> (i % 8) & 1;

        u += j + 1 == SW__CODE_BITS ? -(bit << j) : bit << j;
    }
    return u;
}

/* As near as the step allows; the greatest coordinate has the greatest step. */
static void assert_code(const struct sw__query_code *query, const int32_t *r, uint32_t dim)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < dim; i++) {
        const int32_t u = step_of(query, i);
        const int64_t gap = r[i] - (int64_t)u * query->delta * 16;

        sum += u;
        assert_in_range(u + SW__CODE_LEVEL, 0, 2 * SW__CODE_LEVEL);
        assert_true((gap < 0 ? -gap : gap) <= query->delta * 16 * 11 / 20);
    }
    assert_int_equal(query->sum, sum);
    assert_int_equal(query->words, dim / 64);
}

static void queries_are_coded_alike(void **state)
{
    static int32_t centred[SW_SPACE_DIM_MAX], r[SW_SPACE_DIM_MAX];
    static int8_t row[SW_SPACE_DIM_MAX];
    static struct sw__query_code want, got;
    struct sw_prng prng = sw_prng_of(9);

    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        const uint32_t dim = 64 * (uint32_t)sw_prng_range(&prng, 1, round < 290 ? 12 : 64);
        const int32_t unit = (int32_t)sw_prng_below(&prng, SW_SPACE_DIM_MAX);
        const int64_t range = INT64_C(1) << sw_prng_range(&prng, 1, 26);

        for (uint32_t i = 0; i < dim; i++) {
            row[i] = (int8_t)((int)sw_prng_below(&prng, 255) - 127);
            centred[i] = (int32_t)((int64_t)sw_prng_below(&prng, (uint64_t)(2 * range)) - range);
            r[i] = centred[i] - unit * row[i];
        }
        sw__kernel_scalar.look(centred, row, unit, dim, &want);
        assert_code(&want, r, dim);
        for (size_t n = 1; n < sizeof(names) / sizeof(names[0]); n++) {
            const struct sw__kernel *kernel = sw__kernel_named(names[n]);

            if (kernel != NULL) {
                kernel->look(centred, row, unit, dim, &got);
                assert_int_equal(got.delta, want.delta);
                assert_int_equal(got.sum, want.sum);
                for (uint32_t j = 0; j < SW__CODE_BITS; j++) {
                    assert_memory_equal(got.planes[j], want.planes[j], dim / 8);
                }
            }
        }
    }
}

static void picks_are_alike(void **state)
{
    struct sw_prng prng = sw_prng_of(10);
    int32_t estimates[SW__BLOCK_LANES], values[2][2 * SW__BLOCK_LANES];
    uint32_t lanes[2][2 * SW__BLOCK_LANES];

    (void)state;
    for (int round = 0; round < 300; round++) {
        const uint32_t mask = round == 0 ? UINT32_MAX : (uint32_t)sw_prng_next(&prng);
        const uint32_t first = 32 * (uint32_t)sw_prng_below(&prng, 1000);
        uint32_t count;

        for (uint32_t i = 0; i < SW__BLOCK_LANES; i++) {
            estimates[i] = (int32_t)sw_prng_next(&prng);
        }
        count = sw__kernel_scalar.pick(estimates, mask, first, values[0], lanes[0]);
        assert_int_equal(count, __builtin_popcount(mask));
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(values[0][i], estimates[lanes[0][i] - first]);
            assert_true((mask >> (lanes[0][i] - first) & 1) != 0);
            assert_true(i == 0 || lanes[0][i] > lanes[0][i - 1]);
        }
        for (size_t n = 1; n < sizeof(names) / sizeof(names[0]); n++) {
            const struct sw__kernel *kernel = sw__kernel_named(names[n]);

            if (kernel != NULL) {
                assert_int_equal(kernel->pick(estimates, mask, first, values[1], lanes[1]), count);
                assert_memory_equal(values[1], values[0], count * sizeof(values[0][0]));
                assert_memory_equal(lanes[1], lanes[0], count * sizeof(lanes[0][0]));
            }
        }
    }
}

static void there_is_always_one(void **state)
{
    (void)state;
    assert_non_null(sw__kernel_named("scalar"));
    assert_null(sw__kernel_named("mmx"));
    assert_ptr_equal(sw__kernel_best(), sw__kernel_named(sw__kernel_best()->name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_are_exact),
        cmocka_unit_test(products_are_exact),
        cmocka_unit_test(masks_are_exact),
        cmocka_unit_test(queries_are_coded_alike),
        cmocka_unit_test(picks_are_alike),
        cmocka_unit_test(there_is_always_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
