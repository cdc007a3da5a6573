/* Proves that acked is contiguous and that no seq runs out of the window, against a plain model. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "base/prng.h"
#include "client/window.h"

static void acked_waits_for_the_hole(void **state)
{
    struct sw_window window = {0};

    (void)state;
    for (uint64_t seq = 1; seq <= 3; seq++) {
        assert_int_equal(sw_window_next(&window), seq);
    }
    sw_window_answered(&window, 2);
    sw_window_answered(&window, 3);
    assert_int_equal(window.acked, 0);
    sw_window_answered(&window, 1);
    assert_int_equal(window.acked, 3);
}

static void window_closes_when_the_oldest_answer_is_missing(void **state)
{
    struct sw_window window = {0};

    (void)state;
    for (uint64_t seq = 1; seq <= SW_SESSION_REPLY_COUNT_MAX; seq++) {
        assert_true(sw_window_open(&window));
        (void)sw_window_next(&window);
        if (seq > 1) {
            sw_window_answered(&window, seq);
        }
    }
    assert_false(sw_window_open(&window));
    sw_window_answered(&window, 1);
    assert_true(sw_window_open(&window));
    assert_int_equal(window.acked, SW_SESSION_REPLY_COUNT_MAX);
}

/* So that the node keeps its answer for whoever asks what has become of it. */
static void a_lost_one_holds_acked_back_for_a_while(void **state)
{
    struct sw_window window = {0};

    (void)state;
    sw_window_lost(&window, sw_window_next(&window));
    for (uint64_t seq = 2; seq <= SW_WINDOW_LOST_KEEP; seq++) {
        assert_int_equal(window.acked, 0);
        sw_window_answered(&window, sw_window_next(&window));
    }
    assert_int_equal(window.acked, 0);
    (void)sw_window_next(&window);
    assert_int_equal(window.acked, SW_WINDOW_LOST_KEEP);
}

static void lost_ones_are_given_up_at_once_when_asked(void **state)
{
    struct sw_window window = {0};

    (void)state;
    sw_window_lost(&window, sw_window_next(&window));
    sw_window_answered(&window, sw_window_next(&window));
    (void)sw_window_next(&window);
    sw_window_forget_lost(&window);
    assert_int_equal(window.acked, 2);
}

enum { MODEL_COUNT = 20000 };

static void acked_equals_the_model(void **state)
{
    static bool answered[MODEL_COUNT + 1];
    struct sw_prng prng = sw_prng_of(4);
    struct sw_window window = {0};
    uint64_t acked = 0;

    (void)state;
    while (window.last < MODEL_COUNT) {
        if (sw_window_open(&window) && sw_prng_chance(&prng, 1, 2)) {
            (void)sw_window_next(&window);
        } else if (window.last > acked) {
            const uint64_t seq = sw_prng_range(&prng, acked + 1, window.last);

            if (!answered[seq]) {
                answered[seq] = true;
                sw_window_answered(&window, seq);
            }
        }
        while (acked < window.last && answered[acked + 1]) {
            acked++;
        }
        assert_int_equal(window.acked, acked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acked_waits_for_the_hole),
        cmocka_unit_test(window_closes_when_the_oldest_answer_is_missing),
        cmocka_unit_test(a_lost_one_holds_acked_back_for_a_while),
        cmocka_unit_test(lost_ones_are_given_up_at_once_when_asked),
        cmocka_unit_test(acked_equals_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
