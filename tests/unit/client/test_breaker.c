/* Proves the three states of a breaker and that half-open lets exactly one request through. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "client/breaker.h"

static void open_it(struct sw_breaker *breaker, uint64_t now_ms)
{
    for (int i = 0; i < 4; i++) {
        assert_false(sw_breaker_failure(breaker, now_ms, 5, 3000));
        assert_true(sw_breaker_allow(breaker, now_ms));
    }
    assert_true(sw_breaker_failure(breaker, now_ms, 5, 3000));
}

static void opens_after_five_failures_in_a_row(void **state)
{
    struct sw_breaker breaker = {0};

    (void)state;
    open_it(&breaker, 100);
    assert_false(sw_breaker_allow(&breaker, 100));
    assert_false(sw_breaker_allow(&breaker, 3099));
    assert_int_equal(sw_breaker_opens_at(&breaker, 200), 3100);
}

static void a_success_starts_the_count_again(void **state)
{
    struct sw_breaker breaker = {0};

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_false(sw_breaker_failure(&breaker, 1, 5, 3000));
    }
    sw_breaker_success(&breaker);
    open_it(&breaker, 100);
}

static void half_open_lets_one_request_try(void **state)
{
    struct sw_breaker breaker = {0};

    (void)state;
    open_it(&breaker, 100);
    assert_true(sw_breaker_would_allow(&breaker, 3100));
    assert_true(sw_breaker_allow(&breaker, 3100));
    assert_false(sw_breaker_allow(&breaker, 3100 + SW_BREAKER_TRIAL_MS - 1));
    assert_true(sw_breaker_would_allow(&breaker, 3100 + SW_BREAKER_TRIAL_MS));
    assert_true(sw_breaker_failure(&breaker, 3200, 5, 3000));
    assert_false(sw_breaker_allow(&breaker, 6199));
    assert_true(sw_breaker_allow(&breaker, 6200));
    sw_breaker_success(&breaker);
    assert_true(sw_breaker_allow(&breaker, 6201));
    assert_true(sw_breaker_allow(&breaker, 6201));
}

static void news_of_the_node_ends_the_waiting(void **state)
{
    struct sw_breaker breaker = {0};

    (void)state;
    open_it(&breaker, 100);
    sw_breaker_hint_up(&breaker);
    assert_true(sw_breaker_allow(&breaker, 101));
    assert_false(sw_breaker_allow(&breaker, 101));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_after_five_failures_in_a_row),
        cmocka_unit_test(a_success_starts_the_count_again),
        cmocka_unit_test(half_open_lets_one_request_try),
        cmocka_unit_test(news_of_the_node_ends_the_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
