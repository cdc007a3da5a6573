/* Timers expire by time, then by the order in which they were set: against a slow model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/timers.h"

enum { TIMER_COUNT = 200 };

static void equal_deadlines_expire_in_order_of_setting(void **state)
{
    struct sw_timers timers = {0};
    struct sw_timer all[TIMER_COUNT] = {0};

    (void)state;
    for (int i = 0; i < TIMER_COUNT; i++) {
        sw_timers_set(&timers, &all[i], 50);
    }
    assert_null(sw_timers_expire(&timers, 49));
    for (int i = 0; i < TIMER_COUNT; i++) {
        assert_ptr_equal(sw_timers_expire(&timers, 50), &all[i]);
        assert_false(sw_timer_is_set(&all[i]));
    }
    assert_null(sw_timers_expire(&timers, UINT64_MAX));
    sw_timers_release(&timers);
}

/* The earliest set timer by (deadline, sequence), by looking at each. */
static struct sw_timer *model_first(struct sw_timer *all)
{
    struct sw_timer *first = NULL;

    for (int i = 0; i < TIMER_COUNT; i++) {
        if (sw_timer_is_set(&all[i]) &&
            (first == NULL || all[i].deadline < first->deadline ||
             (all[i].deadline == first->deadline && all[i].sequence < first->sequence))) {
            first = &all[i];
        }
    }
    return first;
}

static void random_sets_and_cancels_match_the_model(void **state)
{
    struct sw_prng prng = sw_prng_of(11);
    struct sw_timers timers = {0};
    struct sw_timer all[TIMER_COUNT] = {0};
    uint64_t now = 0;

    (void)state;
    for (int step = 0; step < 20000; step++) {
        struct sw_timer *timer = &all[sw_prng_below(&prng, TIMER_COUNT)];
        struct sw_timer *first;
        uint64_t next = 0;

        if (sw_prng_chance(&prng, 1, 5)) {
            sw_timers_cancel(&timers, timer);
            assert_false(sw_timer_is_set(timer));
        } else {
            sw_timers_set(&timers, timer, now + sw_prng_below(&prng, 40));
        }
        now += sw_prng_below(&prng, 3);
        first = model_first(all);
        assert_int_equal(sw_timers_next(&timers, &next), first != NULL);
        if (first != NULL) {
            assert_int_equal(next, first->deadline);
        }
        if (first != NULL && first->deadline > now) {
            first = NULL;
        }
        assert_ptr_equal(sw_timers_expire(&timers, now), first);
    }
    sw_timers_release(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_deadlines_expire_in_order_of_setting),
        cmocka_unit_test(random_sets_and_cancels_match_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
