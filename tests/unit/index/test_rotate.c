/* The rotation keeps lengths and products, spreads what stands out, and follows its seed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/prng.h"
#include "index/rotate.h"

static double dot(const int32_t *a, const int32_t *b, uint32_t dim)
{
    double sum = 0;

    for (uint32_t i = 0; i < dim; i++) {
        sum += (double)a[i] * b[i];
    }
    return sum;
}

static void check(uint32_t dim)
{
    struct sw__rotation *rotation = sw__rotation_new(dim, 11);
    struct sw_prng prng = sw_prng_of(dim);
    int32_t a[SW_SPACE_DIM_MAX];
    int32_t b[SW_SPACE_DIM_MAX];
    double aa;
    double ab;
    double bb;

    for (uint32_t i = 0; i < dim; i++) {
        a[i] = (int32_t)sw_prng_below(&prng, 200000) - 100000;
        b[i] = (int32_t)sw_prng_below(&prng, 200000) - 90000;
    }
    aa = dot(a, a, dim);
    ab = dot(a, b, dim);
    bb = dot(b, b, dim);
    sw__rotate(rotation, a);
    sw__rotate(rotation, b);
    assert_true(fabs(dot(a, a, dim) / aa - 1) < 1e-3);
    assert_true(fabs(dot(a, b, dim) - ab) < 1e-3 * sqrt(aa * bb));
    sw__rotation_free(rotation);
}

static void lengths_and_products_are_kept(void **state)
{
    (void)state;
    for (uint32_t dim = 64; dim <= SW_SPACE_DIM_MAX; dim += dim < 1024 ? 64 : 512) {
        check(dim);
    }
}

static void one_coordinate_becomes_all(void **state)
{
    static const uint32_t dims[] = {64, 128, 192, 768, 1024, 4096};

    (void)state;
    for (size_t i = 0; i < sizeof(dims) / sizeof(dims[0]); i++) {
        struct sw__rotation *rotation = sw__rotation_new(dims[i], 3);
        int32_t vector[SW_SPACE_DIM_MAX] = {[5] = 1 << 24};

        sw__rotate(rotation, vector);
        for (uint32_t d = 0; d < dims[i]; d++) {
            assert_true(fabs(vector[d] / 0x1p24) < 7 / sqrt(dims[i]));
        }
        sw__rotation_free(rotation);
    }
}

static void seeds_differ_and_repeat(void **state)
{
    struct sw__rotation *rotations[3] = {
        sw__rotation_new(128, 1), sw__rotation_new(128, 1), sw__rotation_new(128, 2)};
    int32_t vectors[3][128] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        vectors[i][9] = 1 << 24;
        sw__rotate(rotations[i], vectors[i]);
        sw__rotation_free(rotations[i]);
    }
    assert_memory_equal(vectors[0], vectors[1], sizeof(vectors[0]));
    assert_memory_not_equal(vectors[0], vectors[2], sizeof(vectors[0]));
    sw__rotation_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_and_products_are_kept),
        cmocka_unit_test(one_coordinate_becomes_all),
        cmocka_unit_test(seeds_differ_and_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
