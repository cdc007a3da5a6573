/* The judge of one group's log finds forks, gaps, repeats and two leaders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rw.h"
#include "tests/sim/log_check.h"

static struct sim_world world;
static struct sim_log log_of_group;
static struct sim_state states[3];

static void begin(void)
{
    memset(&world, 0, sizeof(world));
    memset(states, 0, sizeof(states));
    sim_log_init(&log_of_group, &world, 1);
}

/* Node `node` hands over `value` at an index. */
static void hands_over(uint32_t node, uint64_t index, uint64_t term, uint64_t value)
{
    uint8_t body[8];

    sw_store_u64(body, value);
    sim_log_committed(
        &log_of_group, node, index, term, sw_span_of(body, sizeof(body)), &states[node]);
}

static bool finds(const char *what)
{
    const bool found = world.failed && strncmp(world.why, what, strlen(what)) == 0;

    sim_log_release(&log_of_group);
    return found;
}

static void equal_logs_pass(void **state)
{
    (void)state;
    begin();
    for (uint32_t node = 0; node < 3; node++) {
        hands_over(node, 1, 1, 10);
        hands_over(node, 2, 3, 20);
    }
    hands_over(0, 2, 3, 20); /* once more, in a later life */
    assert_int_equal(states[0].digest, states[2].digest);
    assert_false(world.failed);
    sim_log_release(&log_of_group);
}

static void a_fork_is_found(void **state)
{
    (void)state;
    begin();
    hands_over(0, 1, 1, 10);
    hands_over(1, 1, 1, 11);
    assert_true(finds("state machine safety"));
    begin();
    hands_over(0, 1, 1, 10);
    hands_over(1, 1, 2, 10);
    assert_true(finds("state machine safety"));
}

static void a_gap_is_found(void **state)
{
    (void)state;
    begin();
    hands_over(0, 2, 1, 10);
    assert_true(finds("gap"));
    begin();
    hands_over(0, 1, 1, 10);
    hands_over(0, 2, 1, 11);
    hands_over(1, 2, 1, 11);
    assert_true(finds("gap"));
}

static void a_value_committed_twice_is_found(void **state)
{
    (void)state;
    begin();
    hands_over(0, 1, 1, 10);
    hands_over(0, 2, 1, 10);
    assert_true(finds("not exactly once"));
}

static void two_leaders_in_one_term_are_found(void **state)
{
    (void)state;
    begin();
    sim_log_leader(&log_of_group, 1, 7);
    sim_log_leader(&log_of_group, 1, 7);
    assert_false(world.failed);
    sim_log_leader(&log_of_group, 2, 7);
    assert_true(finds("two leaders"));
}

static void a_state_of_another_history_is_found(void **state)
{
    (void)state;
    begin();
    hands_over(0, 1, 1, 10);
    states[0].digest++;
    sim_log_check_state(&log_of_group, 0, &states[0]);
    assert_true(finds("equal state"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_logs_pass),
        cmocka_unit_test(a_fork_is_found),
        cmocka_unit_test(a_gap_is_found),
        cmocka_unit_test(a_value_committed_twice_is_found),
        cmocka_unit_test(two_leaders_in_one_term_are_found),
        cmocka_unit_test(a_state_of_another_history_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
