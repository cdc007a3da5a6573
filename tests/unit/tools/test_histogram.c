/* Proves that quantiles are right to one percent and merging loses nothing. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "base/prng.h"
#include "tools/histogram.h"

static struct sw_histogram a, b;

static void near(uint64_t got, uint64_t want)
{
    if (got < want || got > want + want / 100 + 1) {
        fail_msg("%llu is not within a percent of %llu",
                 (unsigned long long)got,
                 (unsigned long long)want);
    }
}

static void quantiles_are_right_to_one_percent(void **state)
{
    (void)state;
    memset(&a, 0, sizeof a);
    assert_int_equal(sw_histogram_quantile(&a, 9900), 0);
    for (uint64_t i = 1; i <= 100000; i++) {
        sw_histogram_add(&a, i * 1000);
    }
    near(sw_histogram_quantile(&a, 5000), 50000000);
    near(sw_histogram_quantile(&a, 9900), 99000000);
    near(sw_histogram_quantile(&a, 9999), 99990000);
    assert_int_equal(sw_histogram_quantile(&a, 10000), 100000000);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    memset(&a, 0, sizeof a);
    for (uint64_t i = 0; i < 100; i++) {
        sw_histogram_add(&a, i);
    }
    assert_int_equal(sw_histogram_quantile(&a, 5000), 49);
    assert_int_equal(sw_histogram_quantile(&a, 0), 0);
}

static void merging_is_adding(void **state)
{
    (void)state;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    sw_histogram_add(&a, 10);
    sw_histogram_add(&b, 1000000);
    sw_histogram_merge(&a, &b);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.max, 1000000);
    assert_int_equal(sw_histogram_quantile(&a, 5000), 10);
}

static void huge_values_do_not_run_out_of_buckets(void **state)
{
    (void)state;
    memset(&a, 0, sizeof a);
    sw_histogram_add(&a, UINT64_MAX);
    assert_true(a.max == UINT64_MAX);
    assert_true(sw_histogram_quantile(&a, 5000) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_right_to_one_percent),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(merging_is_adding),
        cmocka_unit_test(huge_values_do_not_run_out_of_buckets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
