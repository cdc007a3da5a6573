/* A plan in words, sets of events, and kinds of failure: what a run is written down as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/events.h"
#include "tests/sim/plan.h"
#include "tests/sim/shrink.h"

static void test_a_plan_comes_back_from_its_words(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        const struct sim_plan plan = sim_plan_of(SIM_MODE_NODE, seed);
        struct sim_plan again = sim_plan_of(SIM_MODE_NODE, seed + 1);
        char why[SW_WHY_SIZE] = "";
        struct sw_buf text = {0};

        assert_true(sim_plan_validate(&plan, why));
        sim_plan_write(&plan, &text);
        assert_true(sim_plan_set(&again, (const char *)text.data, why));
        for (uint32_t i = 0; i < sim_plan_count(); i++) {
            assert_int_equal(sim_plan_get(&again, i), sim_plan_get(&plan, i));
        }
        sw_buf_release(&text);
    }
}

static void test_plain_forgets_the_seed(void **state)
{
    struct sim_plan plan = sim_plan_of(SIM_MODE_RAFT, 7);
    char why[SW_WHY_SIZE];

    (void)state;
    assert_true(sim_plan_set(&plan, "plain,nodes=5", why));
    assert_int_equal(plan.nodes, 5);
    assert_int_equal(plan.loss_permille, 0);
    assert_int_equal(plan.faults, 0);
    assert_int_equal(plan.seed, 7);
}

static void test_what_no_world_can_be_is_refused(void **state)
{
    static const char *const bad[] = {"nodes=0",
                                      "nodes=8",
                                      "nodez=3",
                                      "nodes",
                                      "nodes=x",
                                      "nodes=3;keys=1",
                                      "heartbeat_ms=301",
                                      "disk_us_min=99999999",
                                      "nodes=4294967299",
                                      "plainly"};
    char why[SW_WHY_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sim_plan plan = sim_plan_of(SIM_MODE_RAFT, 1);

        why[0] = '\0';
        assert_false(sim_plan_set(&plan, bad[i], why));
        assert_true(strlen(why) > 0);
    }
}

static void test_faults_have_names(void **state)
{
    uint32_t faults = 0;

    (void)state;
    assert_true(sim_faults_parse("pause,crash-one", &faults));
    assert_int_equal(faults, SIM_FAULT_PAUSE | SIM_FAULT_CRASH_ONE);
    assert_true(sim_faults_parse("none", &faults));
    assert_int_equal(faults, 0);
    assert_true(sim_faults_parse("all", &faults));
    assert_int_equal(faults, SIM_FAULT_ALL);
    assert_false(sim_faults_parse("pause,", &faults));
    assert_false(sim_faults_parse("pauses", &faults));
}

static void check_events(const char *text, const char *written, uint32_t count)
{
    static struct sim_events events;
    struct sw_buf out = {0};

    assert_true(sim_events_parse(text, &events));
    assert_int_equal(sim_events_count(&events), count);
    sim_events_write(&events, &out);
    assert_string_equal((const char *)out.data, written);
    sw_buf_release(&out);
}

static void test_events_come_back_from_their_words(void **state)
{
    static struct sim_events events;

    (void)state;
    check_events("3,5..9", "3,5..9", 6);
    check_events("9,8,7", "7..9", 3);
    check_events("0", "0", 1);
    check_events("8191", "8191", 1);
    check_events("none", "none", 0);
    assert_false(sim_events_parse("", &events));
    assert_false(sim_events_parse("5..3", &events));
    assert_false(sim_events_parse("8192", &events));
    assert_false(sim_events_parse("1;2", &events));
}

static void test_a_kind_of_failure_has_no_numbers(void **state)
{
    char one[120], other[120];

    (void)state;
    sim_failure_kind("durability: node 2 commits index 24", one, sizeof(one));
    sim_failure_kind("durability: node 1 leads term 5", other, sizeof(other));
    assert_string_equal(one, other);
    sim_failure_kind("node 3 cannot start: CORRUPT", one, sizeof(one));
    sim_failure_kind("node 4 cannot open its log: CORRUPT", other, sizeof(other));
    assert_string_not_equal(one, other);
    sim_failure_kind("a.c:12: assertion failed: x", one, sizeof(one));
    sim_failure_kind("a.c:99: assertion failed: y", other, sizeof(other));
    assert_string_not_equal(one, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plan_comes_back_from_its_words),
        cmocka_unit_test(test_plain_forgets_the_seed),
        cmocka_unit_test(test_what_no_world_can_be_is_refused),
        cmocka_unit_test(test_faults_have_names),
        cmocka_unit_test(test_events_come_back_from_their_words),
        cmocka_unit_test(test_a_kind_of_failure_has_no_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
