/* Goal: a run can be made again from its seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jepsen/workload/dice.h"

static void same_seed_same_choices(void **state)
{
    struct sw_dice a = sw_dice_of(7, 3);
    struct sw_dice b = sw_dice_of(7, 3);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sw_dice_next(&a), sw_dice_next(&b));
    }
}

/* Worker 1 of seed 1 must not repeat worker 0 of seed 2, nor any neighbour. */
static void no_two_workers_share_a_stream(void **state)
{
    uint64_t first[64];

    (void)state;
    for (uint64_t i = 0; i < 64; i++) {
        struct sw_dice dice = sw_dice_of(i / 8, i % 8);

        first[i] = sw_dice_next(&dice);
        for (uint64_t j = 0; j < i; j++) {
            assert_int_not_equal(first[i], first[j]);
        }
    }
}

static void bounds(void **state)
{
    struct sw_dice dice = sw_dice_of(1, 0);
    unsigned seen[5] = {0};

    (void)state;
    assert_int_equal(sw_dice_below(&dice, 0), 0);
    for (int i = 0; i < 1000; i++) {
        const uint64_t number = sw_dice_below(&dice, 5);

        assert_true(number < 5);
        seen[number]++;
        assert_false(sw_dice_percent(&dice, 0));
        assert_true(sw_dice_percent(&dice, 100));
    }
    for (int i = 0; i < 5; i++) {
        assert_true(seen[i] > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_choices),
        cmocka_unit_test(no_two_workers_share_a_stream),
        cmocka_unit_test(bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
