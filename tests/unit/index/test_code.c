/* Estimates from codes are right on average, with the spread that one bit a coordinate leaves. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "index/code.h"
#include "index/rotate.h"
#include "index/rows.h"
#include "index/vector.h"

enum { DIM = 256, ROUNDS = 2000 };

/* A vector of about the given length, in no special direction. */
static void random_vector(struct sw_prng *prng, double length, int32_t *ret_vector)
{
    double norm2 = 0;
    double values[DIM];

    for (int d = 0; d < DIM; d++) {
        values[d] = (double)sw_prng_below(prng, 2000) + (double)sw_prng_below(prng, 2000) - 2000;
        norm2 += values[d] * values[d];
    }
    for (int d = 0; d < DIM; d++) {
        ret_vector[d] = (int32_t)(values[d] / sqrt(norm2) * length * 0x1p24);
    }
}

static int32_t estimate(const struct sw__code *code, const struct sw__query_code *query)
{
    uint8_t lanes[4 * SW__LANES] = {0};
    uint8_t factors[4 * SW__LANES] = {0};
    uint8_t words[DIM / 64 * SW__LANES * 8] = {0};
    const struct sw__codes codes = {
        .groups = 1, .offsets = lanes, .factors = factors, .codes = words};
    int32_t estimates[SW__LANES];

    sw_store_u32(lanes, (uint32_t)code->offset);
    sw_store_u32(factors, (uint32_t)code->factor);
    for (size_t w = 0; w < DIM / 64; w++) {
        memcpy(words + w * SW__LANES * 8, &code->words[w], 8);
    }
    sw__kernel_scalar.estimate(query, &codes, 0, estimates);
    return estimates[0];
}

static void query_code(const int32_t *asked, struct sw__query_code *ret_query)
{
    static const int8_t nothing[DIM];

    sw__kernel_scalar.look(asked, nothing, 0, DIM, ret_query);
}

/* <c, r> from a code against the truth, in lengths of both. */
static void the_estimate_has_no_bias(void **state)
{
    struct sw_prng prng = sw_prng_of(3);
    struct sw__query_code *query = calloc(1, sizeof(*query));
    struct sw__code *code = calloc(1, sizeof(*code));
    int32_t nothing[DIM] = {0};
    int32_t residual[DIM];
    int32_t asked[DIM];
    double sum = 0;
    double squares = 0;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        double truth;
        double error;

        random_vector(&prng, 0.5, residual);
        random_vector(&prng, 0.5, asked);
        for (int d = 0; d < DIM; d++) {
            asked[d] = asked[d] / 2 + residual[d] / 2; /* somewhat near */
        }
        sw__code_make(SW_METRIC_COSINE, residual, nothing, DIM, code);
        query_code(asked, query);
        truth = -(double)sw__dot_fixed(residual, asked, DIM) * 0x1p-48;
        error = ldexp(estimate(code, query), -SW__ESTIMATE_BITS) - truth;
        sum += error;
        squares += error * error;
    }
    /* One bit leaves sqrt((pi / 2 - 1) / D) of the part of r that is not along c. */
    assert_true(fabs(sum / ROUNDS) < 3 * sqrt(squares) / ROUNDS);
    assert_true(sqrt(squares / ROUNDS) < 0.5 * 0.25 * sqrt(0.7 / DIM) * 1.2);
    free(query);
    free(code);
}

static void offsets_hold_what_is_exact(void **state)
{
    struct sw_prng prng = sw_prng_of(4);
    struct sw__code *code = calloc(1, sizeof(*code));
    int32_t residual[DIM];
    int32_t towards[DIM];
    const double unit = ldexp(1, -SW__ESTIMATE_BITS);

    (void)state;
    random_vector(&prng, 0.5, residual);
    random_vector(&prng, 0.7, towards);
    sw__code_make(SW_METRIC_INNER_PRODUCT, residual, towards, DIM, code);
    assert_true(
        fabs(code->offset * unit + (double)sw__dot_fixed(residual, towards, DIM) * 0x1p-48) < unit);
    sw__code_make(SW_METRIC_L2, residual, towards, DIM, code);
    assert_true(fabs(code->offset * unit - (double)sw__norm2(residual, DIM) * 0x1p-49) < unit);
    free(code);
}

static void a_vector_of_zeros_has_a_code(void **state)
{
    struct sw__query_code *query = calloc(1, sizeof(*query));
    struct sw__code *code = calloc(1, sizeof(*code));
    const int32_t zeros[DIM] = {0};

    (void)state;
    sw__code_make(SW_METRIC_L2, zeros, zeros, DIM, code);
    query_code(zeros, query);
    assert_int_equal(code->factor, 0);
    assert_int_equal(estimate(code, query), 0);
    free(query);
    free(code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_estimate_has_no_bias),
        cmocka_unit_test(offsets_hold_what_is_exact),
        cmocka_unit_test(a_vector_of_zeros_has_a_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
