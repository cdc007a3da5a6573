/* Floats become integers by rule: checked against doubles, and bit by bit where it matters. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "index/vector.h"

enum { DIM = 100, PADDED = 128 };

static struct sw_space space_of(enum sw_metric metric, enum sw_dtype dtype, int8_t exponent)
{
    return (struct sw_space){
        .name = "s", .dim = DIM, .metric = metric, .dtype = dtype, .exponent = exponent};
}

static float random_float(struct sw_prng *prng)
{
    return ldexpf((float)((int64_t)sw_prng_below(prng, 1 << 20) - (1 << 19)),
                  (int)sw_prng_below(prng, 20) - 30);
}

static void a_cosine_vector_has_the_norm_of_one(void **state)
{
    const struct sw_space space = space_of(SW_METRIC_COSINE, SW_DTYPE_F32, 0);
    struct sw_prng prng = sw_prng_of(1);
    int32_t fixed[SW_SPACE_DIM_MAX];
    float in[DIM];
    char why[SW_WHY_SIZE];

    (void)state;
    for (int round = 0; round < 200; round++) {
        const int scale = (int)sw_prng_below(&prng, 200) - 100;
        double norm = 0;

        for (int i = 0; i < DIM; i++) {
            in[i] = ldexpf(random_float(&prng), scale);
            norm += (double)in[i] * (double)in[i];
        }
        assert_int_equal(sw__vector_fixed(&space, sw_span_of(in, sizeof(in)), fixed, why),
                         SW_ERR_OK);
        for (int i = 0; i < PADDED; i++) {
            const double want = i < DIM ? (double)in[i] / sqrt(norm) * 0x1p24 : 0;

            assert_true(fabs(fixed[i] - want) < 2.5);
        }
    }
}

/* The smallest floats there are have a direction too. */
static void denormals_count(void **state)
{
    const struct sw_space space = space_of(SW_METRIC_COSINE, SW_DTYPE_F32, 0);
    int32_t fixed[SW_SPACE_DIM_MAX];
    float in[DIM] = {[3] = 0x1p-149F, [5] = -0x1p-149F};
    char why[SW_WHY_SIZE];

    (void)state;
    assert_int_equal(sw__vector_fixed(&space, sw_span_of(in, sizeof(in)), fixed, why), SW_ERR_OK);
    assert_int_equal(fixed[3], 11863283); /* 2^24 / sqrt(2) */
    assert_int_equal(fixed[5], -11863283);
}

static void what_is_no_number_is_refused(void **state)
{
    const struct sw_space space = space_of(SW_METRIC_L2, SW_DTYPE_F32, 4);
    int32_t fixed[SW_SPACE_DIM_MAX];
    float in[DIM] = {0};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw__vector_fixed(&space, sw_span_of(in, sizeof(in)), fixed, why), SW_ERR_OK);
    in[7] = NAN;
    assert_int_equal(sw__vector_fixed(&space, sw_span_of(in, sizeof(in)), fixed, why),
                     SW_ERR_INVALID);
    assert_non_null(strstr(why, "coordinate 7"));
    in[7] = -INFINITY;
    assert_int_equal(sw__vector_fixed(&space, sw_span_of(in, sizeof(in)), fixed, why),
                     SW_ERR_INVALID);
    in[7] = 16.0F; /* as long as it may be */
    assert_int_equal(sw__vector_fixed(&space, sw_span_of(in, sizeof(in)), fixed, why), SW_ERR_OK);
    assert_int_equal(fixed[7], 1 << 24);
    in[8] = 0.5F;
    assert_int_equal(sw__vector_fixed(&space, sw_span_of(in, sizeof(in)), fixed, why),
                     SW_ERR_INVALID);
    assert_non_null(strstr(why, "longer"));
    in[7] = 0x1p100F;
    assert_int_equal(sw__vector_fixed(&space, sw_span_of(in, sizeof(in)), fixed, why),
                     SW_ERR_INVALID);
}

static void zeros_have_no_direction(void **state)
{
    const struct sw_space cosine = space_of(SW_METRIC_COSINE, SW_DTYPE_F32, 0);
    const float in[DIM] = {0};
    int32_t fixed[SW_SPACE_DIM_MAX];
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw__vector_fixed(&cosine, sw_span_of(in, sizeof(in)), fixed, why),
                     SW_ERR_INVALID);
    assert_non_null(strstr(why, "zeros"));
}

static void the_types_mean_the_same_numbers(void **state)
{
    /* -1.5, 0.25, 2^-24 and 0 as half floats. */
    static const uint16_t halves[4] = {0xbe00, 0x3400, 0x0001, 0x8000};
    static const double numbers[4] = {-1.5, 0.25, 0x1p-24, 0};
    const struct sw_space f16 = space_of(SW_METRIC_L2, SW_DTYPE_F16, 1);
    const struct sw_space i8 = space_of(SW_METRIC_L2, SW_DTYPE_I8, 1);
    uint8_t in[2 * DIM] = {0};
    int8_t bytes[DIM] = {-128, 64, 1};
    int32_t fixed[SW_SPACE_DIM_MAX];
    char why[SW_WHY_SIZE];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        sw_store_u16(in + 2 * i, halves[i]);
    }
    assert_int_equal(sw__vector_fixed(&f16, sw_span_of(in, sizeof(in)), fixed, why), SW_ERR_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(fixed[i], (int32_t)round(numbers[i] * 0x1p23));
    }
    in[0] = 0; /* 0x7c00: infinite */
    in[1] = 0x7c;
    assert_int_equal(sw__vector_fixed(&f16, sw_span_of(in, sizeof(in)), fixed, why),
                     SW_ERR_INVALID);
    assert_int_equal(sw__vector_fixed(&i8, sw_span_of(bytes, sizeof(bytes)), fixed, why),
                     SW_ERR_OK);
    assert_int_equal(fixed[0], -(1 << 23));
    assert_int_equal(fixed[1], 1 << 22);
    assert_int_equal(fixed[2], 1 << 16);
}

/* Its norm is 2^15, but for tiny vectors, whose own norm is rounded down: never twice of it. */
static void check_query(const int32_t *fixed)
{
    int16_t query[PADDED];
    const uint64_t norm = sw__vector_query(fixed, PADDED, query);
    double norm2 = 0;

    for (int i = 0; i < PADDED; i++) {
        norm2 += (double)query[i] * query[i];
    }
    assert_true(sqrt(norm2) < 32768 * 1.8);
    if (norm > 10000) {
        assert_true(fabs(sqrt(norm2) - 32768) < 16);
    }
}

static void the_stored_form_is_close(void **state)
{
    struct sw_prng prng = sw_prng_of(3);
    int32_t fixed[PADDED];
    int32_t again[PADDED];
    int8_t high[PADDED];
    int8_t low[PADDED];

    (void)state;
    for (int round = 0; round < 100; round++) {
        const uint32_t range = 1U << sw_prng_range(&prng, 1, 24);
        uint32_t scale;

        for (int i = 0; i < PADDED; i++) {
            fixed[i] = (int32_t)sw_prng_below(&prng, range) - (int32_t)(range / 2);
        }
        scale = sw__vector_store(fixed, PADDED, high, low);
        sw__vector_restore(high, low, scale, PADDED, again);
        for (int i = 0; i < PADDED; i++) {
            assert_true(fabs((double)fixed[i] - again[i]) <= scale / 32768.0 + 1);
        }
        check_query(fixed);
    }
}

static void roots_are_exact(void **state)
{
    struct sw_prng prng = sw_prng_of(9);

    (void)state;
    for (int round = 0; round < 10000; round++) {
        const uint64_t value = sw_prng_next(&prng) >> sw_prng_below(&prng, 63);
        const uint64_t root = sw__isqrt(value);

        assert_true(root * root <= value);
        assert_true(root == UINT32_MAX || (root + 1) * (root + 1) > value);
    }
    assert_int_equal(sw__isqrt(UINT64_MAX), UINT32_MAX);
    assert_int_equal(sw__round_shift(-3, 1), -1); /* halves up */
    assert_int_equal(sw__round_shift(3, 1), 2);
    assert_int_equal(sw__round_shift(7, 0), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cosine_vector_has_the_norm_of_one),
        cmocka_unit_test(denormals_count),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(zeros_have_no_direction),
        cmocka_unit_test(the_types_mean_the_same_numbers),
        cmocka_unit_test(the_stored_form_is_close),
        cmocka_unit_test(roots_are_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
