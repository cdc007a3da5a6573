/* Goal: the whole file counts, and a mistake is told with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/chaos_plan.h"

static void a_plan(void **state)
{
    struct sw_chaos_plan plan;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_chaos_plan_parse("# nightly\n[run]\nduration = 5m\nseed = 9\n"
                                         "[steps]\ntransfer = 0\n[limits]\ngap = 3s\n",
                                         &plan,
                                         why),
                     SW_ERR_OK);
    assert_int_equal(plan.duration_ms, 300000);
    assert_int_equal(plan.seed, 9);
    assert_int_equal(plan.weights[SW_CHAOS_TRANSFER], 0);
    assert_int_equal(plan.gap_max_ms, 3000);
    assert_true(plan.weights[SW_CHAOS_RESTART] > 0); /* what is left out has its standard value */
    assert_int_equal(sw_chaos_plan_parse("", &plan, why), SW_ERR_OK);
}

static void mistakes_have_a_line(void **state)
{
    struct sw_chaos_plan plan = {.seed = 77};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_chaos_plan_parse("[run]\nseed = 1\nspeed = 2\n", &plan, why),
                     SW_ERR_CONFIG);
    assert_non_null(strstr(why, "line 3"));
    assert_non_null(strstr(why, "speed"));
    assert_int_equal(sw_chaos_plan_parse("[run]\nnonsense\n", &plan, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "line 2"));
    assert_int_equal(
        sw_chaos_plan_parse("[steps]\ntransfer=0\nsnapshot=0\nrestart=0\n", &plan, why),
        SW_ERR_CONFIG);
    assert_int_equal(sw_chaos_plan_load("/nowhere/plan.ini", &plan, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "/nowhere/plan.ini"));
    assert_int_equal(plan.seed, 77); /* untouched on failure */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan),
        cmocka_unit_test(mistakes_have_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
