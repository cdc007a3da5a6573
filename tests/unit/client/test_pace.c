/* Proves that the bound follows what the leader keeps, and goes away when it refuses no more. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "client/pace.h"

static void send(struct sw_pace *pace, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        sw_pace_sent(pace);
    }
}

static void refuse(struct sw_pace *pace, uint32_t count, uint64_t now_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        sw_pace_back(pace);
        sw_pace_refused(pace, now_ms);
    }
}

static void there_is_no_bound_before_a_refusal(void **state)
{
    struct sw_pace pace = {0};

    (void)state;
    send(&pace, 4000);
    assert_int_equal(sw_pace_room(&pace, 100), UINT32_MAX);
    assert_true(sw_pace_in_time(&pace, 0));
}

static void as_many_stay_as_the_leader_kept(void **state)
{
    struct sw_pace pace = {0};

    (void)state;
    send(&pace, 1000);
    refuse(&pace, 900, 100);
    assert_int_equal(pace.bound, 100);
    assert_int_equal(sw_pace_room(&pace, 100), 0);
    for (int i = 0; i < 30; i++) {
        sw_pace_back(&pace);
    }
    assert_int_equal(sw_pace_room(&pace, 100), 30);
    for (int i = 0; i < 70; i++) {
        sw_pace_back(&pace);
    }
    send(&pace, 2);
    refuse(&pace, 2, 200); /* by the way: not to a standstill */
    assert_int_equal(pace.bound, SW_PACE_BOUND_MIN);
}

static void the_bound_grows_until_it_is_none(void **state)
{
    struct sw_pace pace = {0};
    uint64_t now_ms = 100;
    uint32_t room = 0;

    (void)state;
    send(&pace, 101);
    refuse(&pace, 1, now_ms);
    assert_int_equal(sw_pace_room(&pace, now_ms + SW_PACE_HOLD_MS - 1), 0);
    assert_int_equal(sw_pace_room(&pace, now_ms + SW_PACE_HOLD_MS), 13);
    refuse(&pace, 1, now_ms + SW_PACE_HOLD_MS); /* holds it again */
    now_ms += 2 * SW_PACE_HOLD_MS;
    assert_int_equal(sw_pace_room(&pace, now_ms - 1), 0);
    while (pace.bound != 0) {
        const uint32_t more = sw_pace_room(&pace, now_ms);

        assert_true(more > room);
        room = more;
        now_ms += SW_PACE_GROW_MS;
    }
    assert_int_equal(room, UINT32_MAX);
    assert_true(now_ms < 5000);
}

static void who_would_be_late_is_told(void **state)
{
    struct sw_pace pace = {0};

    (void)state;
    send(&pace, 101);
    refuse(&pace, 1, 0);
    assert_true(sw_pace_in_time(&pace, 1));
    for (int i = 0; i < 100; i++) {
        sw_pace_answered(&pace, 20);
    }
    assert_true(sw_pace_in_time(&pace, 41));
    assert_false(sw_pace_in_time(&pace, 30));
    sw_pace_forget(&pace);
    assert_true(sw_pace_in_time(&pace, 30));
    assert_int_equal(sw_pace_room(&pace, 0), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_no_bound_before_a_refusal),
        cmocka_unit_test(as_many_stay_as_the_leader_kept),
        cmocka_unit_test(the_bound_grows_until_it_is_none),
        cmocka_unit_test(who_would_be_late_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
