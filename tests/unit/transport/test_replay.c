/* The window against a plain set of everything seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "transport/replay.h"

static void a_number_is_fresh_once(void **state)
{
    struct sw_replay replay = {0};

    (void)state;
    assert_true(sw_replay_fresh(&replay, 0));
    sw_replay_mark(&replay, 0);
    assert_false(sw_replay_fresh(&replay, 0));
    sw_replay_mark(&replay, 70);
    assert_false(sw_replay_fresh(&replay, 70));
    assert_true(sw_replay_fresh(&replay, 7));
    assert_false(sw_replay_fresh(&replay, 6)); /* unseen, but too old to tell */
    assert_false(sw_replay_fresh(&replay, UINT64_MAX));
    assert_true(sw_replay_fresh(&replay, UINT64_MAX - 1));
}

static void asking_changes_nothing(void **state)
{
    struct sw_replay replay = {0};

    (void)state;
    assert_true(sw_replay_fresh(&replay, 1000));
    assert_true(sw_replay_fresh(&replay, 0));
}

static void agrees_with_a_set(void **state)
{
    enum { COUNT = 4096 };
    static bool seen[COUNT];
    struct sw_prng prng = sw_prng_of(7);
    struct sw_replay replay = {0};
    uint64_t highest = 0;

    (void)state;
    for (int i = 0; i < 400000; i++) {
        const uint64_t low = highest > 100 ? highest - 100 : 0;
        const uint64_t sequence = sw_prng_range(&prng, low, highest + 3) % COUNT;
        const bool in_window = sequence + SW_REPLAY_WINDOW > highest;
        const bool expected = !seen[sequence] && in_window;

        assert_int_equal(sw_replay_fresh(&replay, sequence), expected);
        if (expected) {
            sw_replay_mark(&replay, sequence);
            seen[sequence] = true;
            highest = sequence > highest ? sequence : highest;
        }
    }
    assert_int_equal(highest, COUNT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_fresh_once),
        cmocka_unit_test(asking_changes_nothing),
        cmocka_unit_test(agrees_with_a_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
