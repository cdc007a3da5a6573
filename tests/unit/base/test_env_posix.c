/* The real clock goes forward in one unit, and two worlds do not share their randomness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/env_posix.h"

static void monotonic_time_does_not_go_back(void **state)
{
    struct sw_env_posix world;
    struct sw_env env = sw_env_posix_init(&world);
    uint64_t last = sw_env_now_ns(&env);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = sw_env_now_ns(&env);

        assert_true(now >= last);
        last = now;
    }
    /* Both clocks count from one origin, in their units. */
    assert_true(sw_env_now_ms(&env) >= last / 1000000);
    assert_true(sw_env_now_ms(&env) - last / 1000000 < 60000);
}

static void wall_time_is_since_1970(void **state)
{
    struct sw_env_posix world;
    struct sw_env env = sw_env_posix_init(&world);

    (void)state;
    assert_true(sw_env_wall_ms(&env) > 1577836800000U); /* 2020 */
    assert_true(sw_env_wall_ms(&env) < 7258118400000U); /* 2200 */
}

static void two_worlds_differ(void **state)
{
    struct sw_env_posix a_world;
    struct sw_env_posix b_world;
    struct sw_env a = sw_env_posix_init(&a_world);
    struct sw_env b = sw_env_posix_init(&b_world);
    uint64_t first = sw_env_random(&a);

    (void)state;
    assert_int_not_equal(first, sw_env_random(&b));
    assert_int_not_equal(first, sw_env_random(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_does_not_go_back),
        cmocka_unit_test(wall_time_is_since_1970),
        cmocka_unit_test(two_worlds_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
