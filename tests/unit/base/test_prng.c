/* The generator is the published one, so that a seed means the same run on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"

/* First outputs of SplitMix64 for seed 1234567, as its authors' reference code prints them. */
static void reference_values(void **state)
{
    struct sw_prng prng = sw_prng_of(1234567);

    (void)state;
    assert_int_equal(sw_prng_next(&prng), 6457827717110365317U);
    assert_int_equal(sw_prng_next(&prng), 3203168211198807973U);
    assert_int_equal(sw_prng_next(&prng), 9817491932198370423U);
    assert_int_equal(sw_prng_next(&prng), 4593380528125082431U);
}

static void ranges_include_both_ends(void **state)
{
    struct sw_prng prng = sw_prng_of(1);
    uint32_t seen[4] = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        const uint64_t value = sw_prng_range(&prng, 10, 13);

        assert_in_range(value, 10, 13);
        seen[value - 10]++;
        assert_true(sw_prng_below(&prng, 3) < 3);
    }
    for (int i = 0; i < 4; i++) {
        assert_true(seen[i] > 150);
    }
    assert_int_equal(sw_prng_range(&prng, 5, 5), 5);
}

static void chance_is_about_right(void **state)
{
    struct sw_prng prng = sw_prng_of(2);
    uint32_t hits = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        hits += sw_prng_chance(&prng, 1, 4) ? 1 : 0;
        assert_false(sw_prng_chance(&prng, 0, 4));
        assert_true(sw_prng_chance(&prng, 4, 4));
    }
    assert_in_range(hits, 2300, 2700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_values),
        cmocka_unit_test(ranges_include_both_ends),
        cmocka_unit_test(chance_is_about_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
