/* Bursts, steady rates, and clocks that stand or leap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transport/bucket.h"

static unsigned take_all(struct sw_bucket *bucket, uint64_t now_ms)
{
    unsigned count = 0;

    while (sw_bucket_take(bucket, now_ms)) {
        count++;
        assert_true(count < 100000);
    }
    return count;
}

static void a_burst_then_the_rate(void **state)
{
    struct sw_bucket bucket;
    unsigned count = 0;

    (void)state;
    sw_bucket_init(&bucket, 50, 1000);
    assert_int_equal(take_all(&bucket, 1000), 50);
    for (uint64_t now_ms = 1001; now_ms <= 11000; now_ms++) {
        count += take_all(&bucket, now_ms);
    }
    assert_int_equal(count, 500);
}

static void a_pause_saves_at_most_one_second(void **state)
{
    struct sw_bucket bucket;

    (void)state;
    sw_bucket_init(&bucket, 50, 0);
    (void)take_all(&bucket, 0);
    assert_int_equal(take_all(&bucket, UINT64_MAX / 2 + 1), 50);
    assert_int_equal(take_all(&bucket, 5), 0); /* a clock that goes back gives nothing */
}

static void small_rates_add_up(void **state)
{
    struct sw_bucket bucket;

    (void)state;
    sw_bucket_init(&bucket, 1, 0);
    assert_true(sw_bucket_take(&bucket, 0));
    assert_false(sw_bucket_take(&bucket, 999));
    assert_true(sw_bucket_take(&bucket, 1000));
    assert_false(sw_bucket_take(&bucket, 1001));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_then_the_rate),
        cmocka_unit_test(a_pause_saves_at_most_one_second),
        cmocka_unit_test(small_rates_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
