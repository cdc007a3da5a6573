/* Proves that old terms and the friends of a dead leader cannot mislead a client. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "client/leader.h"

static struct sw_reply claim(uint64_t node, uint64_t leader, uint64_t term)
{
    return (struct sw_reply){.node = {node}, .leader = {leader}, .term = term};
}

static bool learn(struct sw_leader *view, uint64_t node, uint64_t leader, uint64_t term)
{
    const struct sw_reply reply = claim(node, leader, term);

    return sw_leader_learn(view, &reply);
}

static void newest_term_wins(void **state)
{
    struct sw_leader view = {0};

    (void)state;
    assert_true(learn(&view, 2, 1, 5));
    assert_false(learn(&view, 2, 1, 5));
    assert_false(learn(&view, 3, 3, 4));
    assert_int_equal(view.leader.value, 1);
    assert_true(learn(&view, 3, 3, 6));
    assert_int_equal(view.leader.value, 3);
    assert_false(learn(&view, 1, 0, 9));
    assert_int_equal(view.leader.value, 3);
}

static void suspected_leader_is_not_believed_from_others_in_its_term(void **state)
{
    struct sw_leader view = {0};

    (void)state;
    assert_true(learn(&view, 1, 1, 5));
    assert_false(sw_leader_suspect(&view, (struct sw_node_id){2}));
    assert_true(sw_leader_suspect(&view, (struct sw_node_id){1}));
    assert_int_equal(view.leader.value, 0);
    assert_false(learn(&view, 2, 1, 5));
    assert_true(learn(&view, 2, 1, 6));
    assert_int_equal(view.leader.value, 1);
}

static void suspected_leader_may_speak_for_itself(void **state)
{
    struct sw_leader view = {0};

    (void)state;
    assert_true(learn(&view, 1, 1, 5));
    assert_true(sw_leader_suspect(&view, (struct sw_node_id){1}));
    assert_true(learn(&view, 1, 1, 5));
    assert_int_equal(view.leader.value, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_term_wins),
        cmocka_unit_test(suspected_leader_is_not_believed_from_others_in_its_term),
        cmocka_unit_test(suspected_leader_may_speak_for_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
