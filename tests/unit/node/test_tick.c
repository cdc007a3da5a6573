/* The estimate of the group's clock is never ahead of what passed since the last stamp. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base/prng.h"
#include "node/tick.h"

enum { MS = 1000000 };

static void it_goes_on_from_the_state(void **state)
{
    struct sw_tick tick;

    (void)state;
    sw_tick_init(&tick, 500, 7 * MS);
    assert_int_equal(sw_tick_now(&tick, 7 * MS), 500);
    assert_int_equal(sw_tick_now(&tick, 17 * MS), 510);
    sw_tick_init(&tick, 0, 7 * MS);
    assert_int_equal(sw_tick_now(&tick, 7 * MS), 1); /* 0 could not be said */
}

/* A tick of another leader is taken as it is, also if it is behind what was estimated here. */
static void others_ticks_set_it(void **state)
{
    struct sw_tick tick;

    (void)state;
    sw_tick_init(&tick, 0, 0);
    assert_int_equal(sw_tick_now(&tick, 3600000ULL * MS), 3600000);
    sw_tick_seen(&tick, 100, 1, 0, 3600000ULL * MS);
    assert_int_equal(sw_tick_now(&tick, 3600001ULL * MS), 101);
    sw_tick_seen(&tick, 100, 1, 0, 3600050ULL * MS); /* the same one again says nothing new */
    assert_int_equal(sw_tick_now(&tick, 3600050ULL * MS), 150);
}

/* Found by node seed 925687. All nodes started from an old state; one took long to execute the
 * ticks of its log, led, and gave leases from the last of them on. Its first tick said the time
 * that the others had seen already, so they went on from when that was, and the next leader was
 * ahead. */
static void a_tick_that_says_the_same_again_sets_it(void **state)
{
    struct sw_tick slow, fast;

    (void)state;
    sw_tick_init(&slow, 300, 5000 * (uint64_t)MS);
    sw_tick_init(&fast, 300, 5000 * (uint64_t)MS);
    sw_tick_seen(&fast, 1444, 16, 0, 5663 * (uint64_t)MS);
    sw_tick_seen(&slow, 1444, 16, 0, 7084 * (uint64_t)MS);
    assert_int_equal(sw_tick_stamp(&slow, 3, 7084 * (uint64_t)MS), 1444);
    sw_tick_seen(&fast, 1444, 17, 0, 7100 * (uint64_t)MS);
    assert_int_equal(sw_tick_stamp(&fast, 4, 7138 * (uint64_t)MS), 1482);
}

/* A leader's own ticks are executed later than they were stamped; that loses no time. */
static void own_ticks_lose_nothing(void **state)
{
    struct sw_tick tick;

    (void)state;
    sw_tick_init(&tick, 0, 0);
    sw_tick_seen(&tick, 1000, 1, 0, 0);
    for (uint64_t at = 10; at < 1000; at += 10) {
        const uint64_t stamp = sw_tick_stamp(&tick, 4, at * MS);

        assert_int_equal(stamp, 1000 + at);
        sw_tick_seen(&tick, stamp, 1 + at / 10, 4, (at + 9) * MS);
    }
    /* In the next term it is another's until it stamps again. */
    sw_tick_seen(&tick, 5000, 500, 5, 2000 * (uint64_t)MS);
    assert_int_equal(sw_tick_stamp(&tick, 5, 2001 * (uint64_t)MS), 5001);
}

/* Three nodes lead in turn, with any delay between stamp and execution: the clock never outruns
 * true time since any earlier stamp. */
static void no_lease_can_end_early(void **state)
{
    struct sw_prng prng = sw_prng_of(11);
    struct sw_tick nodes[3];
    uint64_t first_stamp = 0, first_at = 0, now = 1000, ticks = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        sw_tick_init(&nodes[i], 0, (uint64_t)i * 1000 * MS);
    }
    for (uint64_t term = 1; term < 200; term++) {
        struct sw_tick *leader = &nodes[sw_prng_below(&prng, 3)];

        for (uint64_t i = sw_prng_below(&prng, 5); i > 0; i--) {
            const uint64_t stamp = sw_tick_stamp(leader, term, now * MS);

            if (first_stamp == 0) {
                first_stamp = stamp;
                first_at = now;
            }
            assert_true(stamp - first_stamp <= now - first_at);
            now += sw_prng_below(&prng, 300);
            ticks++;
            for (int n = 0; n < 3; n++) {
                sw_tick_seen(&nodes[n], stamp, ticks, &nodes[n] == leader ? term : 0, now * MS);
                now += sw_prng_below(&prng, 50);
            }
        }
        now += sw_prng_below(&prng, 2000);
    }
    assert_true(first_stamp != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_from_the_state),
        cmocka_unit_test(others_ticks_set_it),
        cmocka_unit_test(a_tick_that_says_the_same_again_sets_it),
        cmocka_unit_test(own_ticks_lose_nothing),
        cmocka_unit_test(no_lease_can_end_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
