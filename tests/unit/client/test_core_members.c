/* Goal: a client asks who is a member when it should and not more often, and nodes that come and go
 * take nothing with them that others could do. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/client/fake.h"
/* clang-format on */

static uint32_t lists; /* that the core handed over */

static void on_members(void *impl, const struct sw_reply *reply)
{
    (void)impl;
    assert_int_equal(reply->err, SW_ERR_OK);
    lists++;
}

static struct fake *start(void)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);

    lists = 0;
    config.port.members = on_members;
    fake_start(fake, &config);
    return fake;
}

static void asks_now_and_then_and_in_turn(void **state)
{
    struct fake *fake = start();

    (void)state;
    fake_turn(fake, 900);
    assert_int_equal(fake->sent_count, 0); /* who is done sooner never asks */
    assert_int_equal(sw_core_next_ms(fake->core), 2000);
    fake_turn(fake, 100);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 1);
    fake_turn(fake, 500);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 1); /* one at a time */
    fake_answer(fake, fake_last(fake, SW_OP_MEMBER_LIST), SW_ERR_OK, 1, 1);
    assert_int_equal(lists, 1);
    fake_turn(fake, 29000);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 1);
    assert_int_equal(fake_last(fake, SW_OP_MEMBER_LIST)->node, 1);
    fake_turn(fake, 10000);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 2);
    assert_int_equal(fake_last(fake, SW_OP_MEMBER_LIST)->node, 2);
    fake_free(fake);
}

static void a_refusal_is_asked_again(void **state)
{
    struct fake *fake = start();

    (void)state;
    fake_turn(fake, 1000);
    fake_answer(fake, fake_last(fake, SW_OP_MEMBER_LIST), SW_ERR_UNAUTHORIZED, 0, 0);
    fake_turn(fake, 500);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 1);
    fake_turn(fake, 500);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 2);
    assert_int_equal(lists, 0);
    fake_free(fake);
}

static void nobody_asks_unless_told_to(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);

    (void)state;
    fake_start(fake, &config);
    fake_turn(fake, 100000);
    assert_int_equal(fake->sent_count, 0);
    assert_true(sw_core_next_ms(fake->core) == UINT64_MAX);
    fake_free(fake);
}

static void a_leader_nobody_knows_is_asked_for_at_once(void **state)
{
    const struct sw_core_place places[] = {{{1}, NULL}, {{2}, NULL}, {{9}, NULL}};
    struct fake *fake = start();
    struct fake_answer answer = {0};

    (void)state;
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_turn(fake, 0);
    fake_answer(fake, fake_last(fake, SW_OP_STATUS), SW_ERR_OK, 9, 4);
    fake_turn(fake, 1);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 1);
    fake_answer(fake, fake_last(fake, SW_OP_MEMBER_LIST), SW_ERR_OK, 9, 4);
    fake_turn(fake, 1);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 1); /* not once a reply */
    sw_core_set_nodes(fake->core, places, 3);
    sw_core_node_state(fake->core, (struct sw_node_id){9}, true, SW_ERR_OK);
    fake_reply(
        fake, 1, &(struct sw_reply){.id = 1ULL << 63, .node = {1}, .leader = {9}, .term = 4});
    assert_int_equal(sw_core_leader(fake->core).value, 9);
    fake_free(fake);
}

static void a_lost_node_is_a_reason_to_ask_the_others(void **state)
{
    struct fake *fake = start();

    (void)state;
    fake_turn(fake, 1000);
    fake_answer(fake, fake_last(fake, SW_OP_MEMBER_LIST), SW_ERR_OK, 2, 1);
    fake_turn(fake, 5000);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 1);
    sw_core_node_state(fake->core, (struct sw_node_id){3}, false, SW_ERR_UNREACHABLE);
    fake_turn(fake, 1);
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 2);
    fake_answer(fake, fake_last(fake, SW_OP_MEMBER_LIST), SW_ERR_OK, 2, 1);
    sw_core_node_state(fake->core, (struct sw_node_id){3}, false, SW_ERR_UNREACHABLE);
    fake_turn(fake, 2000); /* it is still down: nothing new */
    assert_int_equal(fake_count(fake, SW_OP_MEMBER_LIST), 2);
    fake_free(fake);
}

/* A leader that no list has a place for: the questions become rarer, and are not forgotten. */
static void a_hurry_wears_off(void **state)
{
    struct fake *fake = start();
    struct fake_answer answer = {0};
    uint32_t asked = 0;

    (void)state;
    (void)fake_submit(fake, SW_OP_GET, &answer);
    for (int i = 0; i < 450; i++) {
        fake_turn(fake, 10);
        fake_answer(fake, fake_last(fake, SW_OP_STATUS), SW_ERR_OK, 9, 4);
        asked += fake_count(fake, SW_OP_MEMBER_LIST);
        if (fake_count(fake, SW_OP_MEMBER_LIST) > 0) {
            fake_answer(fake, fake_last(fake, SW_OP_MEMBER_LIST), SW_ERR_OK, 9, 4);
            fake_forget(fake);
            (void)fake_submit(fake, SW_OP_STATUS, &answer);
            fake_turn(fake, 200);
        }
    }
    assert_in_range(asked, 4, 8);
    fake_free(fake);
}

/* What was under way to a node that goes is sent to whoever leads next. */
static void what_a_node_owed_goes_to_another(void **state)
{
    const struct sw_core_place places[] = {{{2}, NULL}, {{3}, NULL}};
    struct fake *fake = start();
    struct fake_answer answer = {0};

    (void)state;
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_open(fake);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->node, 1);
    sw_core_set_nodes(fake->core, places, 2);
    assert_int_equal(answer.calls, 0);
    fake_turn(fake, 200);
    fake_answer(fake, fake_last(fake, SW_OP_STATUS), SW_ERR_OK, 2, 2);
    fake_turn(fake, 1);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->node, 2);
    fake_reply(fake, 1, &(struct sw_reply){.id = fake_last(fake, SW_OP_PUT)->request.id});
    assert_int_equal(answer.calls, 0); /* node 1 is a stranger now */
    fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_OK, 2, 2);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, SW_ERR_OK);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_now_and_then_and_in_turn),
        cmocka_unit_test(a_refusal_is_asked_again),
        cmocka_unit_test(nobody_asks_unless_told_to),
        cmocka_unit_test(a_leader_nobody_knows_is_asked_for_at_once),
        cmocka_unit_test(a_lost_node_is_a_reason_to_ask_the_others),
        cmocka_unit_test(a_hurry_wears_off),
        cmocka_unit_test(what_a_node_owed_goes_to_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
