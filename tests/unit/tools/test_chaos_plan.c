/* Goal: a plan means what it says, or is refused with the place of the mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/chaos_plan.h"

static void values_go_where_they_belong(void **state)
{
    struct sw_chaos_plan plan;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    sw_chaos_plan_init(&plan);
    assert_int_equal(sw_chaos_plan_check(&plan, why), SW_ERR_OK);
    assert_int_equal(sw_chaos_plan_set(&plan, "run", "duration", "2m", why), SW_ERR_OK);
    assert_int_equal(plan.duration_ms, 120000);
    assert_int_equal(sw_chaos_plan_set(&plan, "run", "seed", "18446744073709551615", why),
                     SW_ERR_OK);
    assert_true(plan.seed == UINT64_MAX);
    assert_int_equal(sw_chaos_plan_set(&plan, "steps", "restart", "7", why), SW_ERR_OK);
    assert_int_equal(plan.weights[SW_CHAOS_RESTART], 7);
    assert_int_equal(sw_chaos_plan_set(&plan, "load", "clients", "0", why), SW_ERR_OK);
    assert_int_equal(plan.load.clients, 0);
    assert_int_equal(sw_chaos_plan_set(&plan, "record", "keys", "1024", why), SW_ERR_OK);
    assert_int_equal(plan.record.keys, 1024);
    assert_int_equal(sw_chaos_plan_set(&plan, "limits", "gap", "500ms", why), SW_ERR_OK);
    assert_int_equal(plan.gap_max_ms, 500);
}

static void mistakes(void **state)
{
    static const char *const rows[][3] = {
        {"run", "durations", "2m"},
        {"walk", "duration", "2m"},
        {"run", "duration", "2"},
        {"run", "duration", "10ms"},
        {"run", "duration", ""},
        {"run", "seed", "-1"},
        {"steps", "restart", "1001"},
        {"record", "keys", "0"},
        {"record", "keys", "1025"},
        {"load", "put_percent", "101"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sw_chaos_plan plan;
        struct sw_chaos_plan before;
        char why[SW_WHY_SIZE] = "";

        sw_chaos_plan_init(&plan);
        before = plan;
        assert_int_equal(sw_chaos_plan_set(&plan, rows[i][0], rows[i][1], rows[i][2], why),
                         SW_ERR_CONFIG);
        assert_non_null(strstr(why, rows[i][1]));
        assert_memory_equal(&plan, &before, sizeof plan);
    }
}

static void choices_follow_the_weights(void **state)
{
    struct sw_chaos_plan plan;
    unsigned seen[SW_CHAOS_STEP_COUNT] = {0};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    sw_chaos_plan_init(&plan);
    plan.weights[SW_CHAOS_TRANSFER] = 3;
    plan.weights[SW_CHAOS_SNAPSHOT] = 0;
    plan.weights[SW_CHAOS_RESTART] = 2;
    for (uint64_t dice = 0; dice < 50; dice++) {
        seen[sw_chaos_plan_choose(&plan, dice)]++;
    }
    assert_int_equal(seen[SW_CHAOS_TRANSFER], 30);
    assert_int_equal(seen[SW_CHAOS_SNAPSHOT], 0);
    assert_int_equal(seen[SW_CHAOS_RESTART], 20);
    plan.weights[SW_CHAOS_TRANSFER] = plan.weights[SW_CHAOS_RESTART] = 0;
    assert_int_equal(sw_chaos_plan_check(&plan, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "[steps]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_where_they_belong),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(choices_follow_the_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
