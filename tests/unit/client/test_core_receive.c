/* Proves what follows each answer, silence and loss: redirect, retry, exactly-once, unknown. */
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

static void not_leader_redirects_at_once(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_elect(fake, 1, 1);
    fake_answer(fake, fake_last(fake, SW_OP_GET), SW_ERR_NOT_LEADER, 3, 2);
    assert_int_equal(answer.calls, 0);
    sw_core_flush(fake->core);
    assert_int_equal(fake_last(fake, SW_OP_GET)->node, 3);
    fake_answer(fake, fake_last(fake, SW_OP_GET), SW_ERR_OK, 3, 2);
    assert_int_equal(answer.err, SW_ERR_OK);
    fake_free(fake);
}

static void lost_answer_is_asked_for_again_with_the_same_seq(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct fake_sent *put;

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_open(fake);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->node, 1);
    fake_turn(fake, 1000);
    assert_int_equal(sw_core_leader(fake->core).value, 0);
    fake_turn(fake, 1);
    fake_answer(fake, fake_last(fake, SW_OP_STATUS), SW_ERR_OK, 2, 2);
    fake_turn(fake, 0);
    put = fake_last(fake, SW_OP_PUT);
    assert_int_equal(put->node, 2);
    assert_int_equal(put->request.session.value, 500);
    assert_int_equal(put->request.seq, 1);
    assert_int_equal(put->request.timeout_ms, 5000 - 1001);
    fake_answer(fake, put, SW_ERR_OK, 2, 2);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, SW_ERR_OK);
    fake_free(fake);
}

static void write_outside_a_session_is_never_sent_twice(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    config.without_session = true;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_elect(fake, 1, 1);
    fake_turn(fake, 3000); /* it waits: the one answer may still come */
    assert_int_equal(fake_count(fake, SW_OP_PUT), 1);
    assert_int_equal(answer.calls, 0);
    sw_core_node_state(fake->core, (struct sw_node_id){1}, false, SW_ERR_UNREACHABLE);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, SW_ERR_UNKNOWN_OUTCOME);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_turn(fake, 1);
    fake_answer(fake, fake_last(fake, SW_OP_STATUS), SW_ERR_OK, 2, 2);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 2);
    fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_LEADERSHIP_LOST, 0, 2);
    assert_int_equal(answer.calls, 2);
    assert_int_equal(answer.err, SW_ERR_LEADERSHIP_LOST);
    fake_free(fake);
}

static void not_done_write_outside_a_session_goes_on(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    config.without_session = true;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_elect(fake, 1, 1);
    fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_NOT_LEADER, 2, 2);
    fake_turn(fake, 0);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->node, 2);
    fake_free(fake);
}

static void overload_is_retried_after_a_pause_and_then_told(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    config.policy.attempts_max = 3;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_elect(fake, 1, 1);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(fake_count(fake, SW_OP_GET), i);
        fake_answer(fake, fake_last(fake, SW_OP_GET), SW_ERR_OVERLOADED, 1, 1);
        assert_int_equal(answer.calls, i == 3 ? 1 : 0);
        fake_turn(fake, 80);
    }
    assert_int_equal(answer.err, SW_ERR_OVERLOADED);
    fake_free(fake);
}

static void new_leader_gets_what_the_old_one_owes(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer first = {0};
    struct fake_answer second = {0};
    struct fake_sent old;

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &first);
    fake_elect(fake, 1, 1);
    old = *fake_last(fake, SW_OP_GET);
    (void)fake_submit(fake, SW_OP_GET, &second);
    fake_turn(fake, 0);
    fake_answer(fake, fake_last(fake, SW_OP_GET), SW_ERR_NOT_LEADER, 2, 2);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_GET), 4);
    assert_int_equal(fake_last(fake, SW_OP_GET)->node, 2);
    /* A late refusal of the old try changes nothing; a late answer is an answer. */
    fake_answer(fake, &old, SW_ERR_NOT_LEADER, 2, 2);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_GET), 4);
    fake_answer(fake, &old, SW_ERR_OK, 2, 2);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 0);
    fake_free(fake);
}

static void expired_session_is_replaced_for_a_write_that_never_ran(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct sw_core_stats stats;

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_open(fake);
    fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_SESSION_EXPIRED, 1, 1);
    assert_int_equal(answer.calls, 0);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_SESSION_OPEN), 2);
    fake_answer(fake, fake_last(fake, SW_OP_SESSION_OPEN), SW_ERR_OK, 1, 1);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 2);
    sw_core_stats(fake->core, &stats);
    assert_int_equal(stats.sessions, 2);
    fake_free(fake);
}

static void expired_session_after_a_lost_answer_is_unknown(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_open(fake);
    fake_turn(fake, 1000);
    fake_turn(fake, 1);
    fake_answer(fake, fake_last(fake, SW_OP_STATUS), SW_ERR_OK, 1, 2);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 2);
    fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_SESSION_EXPIRED, 1, 2);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, SW_ERR_SESSION_EXPIRED);
    assert_int_equal(sw_err_outcome(answer.err), SW_OUTCOME_UNKNOWN);
    fake_free(fake);
}

static void command_line_fails_when_every_node_is_down(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    config.nodes_start_down = true;
    config.fail_when_down = true;
    config.dial_timeout_ms = 2000;
    config.addresses[0] = "h1:6700";
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    for (uint64_t node = 1; node <= 3; node++) {
        fake_turn(fake, 1);
        assert_int_equal(answer.calls, 0);
        sw_core_node_state(fake->core,
                           (struct sw_node_id){node},
                           false,
                           node == 2 ? SW_ERR_UNAUTHENTICATED : SW_ERR_UNREACHABLE);
    }
    fake_turn(fake, 0);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, SW_ERR_UNAUTHENTICATED);
    assert_non_null(strstr(answer.detail, "node 1 at h1:6700: UNREACHABLE"));
    assert_non_null(strstr(answer.detail, "node 3: UNREACHABLE"));
    fake_free(fake);
}

static void command_line_stops_dialling(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    config.nodes_start_down = true;
    config.fail_when_down = true;
    config.dial_timeout_ms = 2000;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_turn(fake, 1999);
    assert_int_equal(answer.calls, 0);
    assert_int_equal(sw_core_next_ms(fake->core), fake->now_ms + 1);
    fake_turn(fake, 1);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, SW_ERR_UNREACHABLE);
    fake_free(fake);
}

static void node_that_comes_up_is_asked_at_once(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    config.nodes_start_down = true;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_turn(fake, 0);
    assert_int_equal(fake->sent_count, 0);
    sw_core_node_state(fake->core, (struct sw_node_id){2}, true, SW_ERR_OK);
    sw_core_flush(fake->core);
    assert_int_equal(fake_last(fake, SW_OP_STATUS)->node, 2);
    fake_free(fake);
}

static void garbage_is_counted_and_dropped(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct sw_core_stats stats;

    (void)state;
    fake_start(fake, &config);
    sw_core_receive(fake->core, (struct sw_node_id){1}, sw_span_str("garbage"));
    sw_core_receive(fake->core, (struct sw_node_id){8}, sw_span_str("stranger"));
    sw_core_stats(fake->core, &stats);
    assert_int_equal(stats.malformed, 1);
    fake_free(fake);
}

/* Ten requests lost in one silence are one failure: the breaker stays closed. */
static void one_silence_is_one_failure(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct sw_core_stats stats;

    (void)state;
    fake_start(fake, &config);
    for (int i = 0; i < 10; i++) {
        (void)fake_submit(fake, SW_OP_GET, &answer);
    }
    fake_elect(fake, 1, 1);
    fake_turn(fake, 1000);
    sw_core_stats(fake->core, &stats);
    assert_int_equal(stats.timeouts, 10);
    assert_int_equal(stats.breaker_opened, 0);
    fake_free(fake);
}

/* A node that says when to come again is not asked before. */
static void a_refused_request_waits_as_long_as_the_node_says(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct fake_sent *get;

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_elect(fake, 1, 1);
    get = fake_last(fake, SW_OP_GET);
    fake_reply(fake,
               1,
               &(struct sw_reply){.id = get->request.id,
                                  .err = SW_ERR_OVERLOADED,
                                  .node = {1},
                                  .leader = {1},
                                  .term = 1,
                                  .retry_after_ms = 400});
    fake_turn(fake, 399);
    assert_int_equal(fake_count(fake, SW_OP_GET), 1);
    fake_turn(fake, 202); /* and half of that again */
    assert_int_equal(fake_count(fake, SW_OP_GET), 2);
    assert_int_equal(answer.calls, 0);
    fake_free(fake);
}

/* Its bytes may be anything: they are of data that is not ours. */
static void an_answer_of_another_swarm_is_not_taken(void **state)
{
    static const struct sw_swarm_id ours = {{1}};
    static const struct sw_swarm_id theirs = {{2}};
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct sw_reply reply = {.leader = {1}, .term = 1, .swarm = theirs};

    (void)state;
    config.swarm = ours;
    config.fail_when_down = true;
    fake_start(fake, &config);
    for (uint64_t node = 1; node <= FAKE_NODES; node++) {
        (void)fake_submit(fake, SW_OP_GET, &answer);
        fake_turn(fake, 1);
        assert_int_equal(answer.calls, 0);
        reply.id = fake_last(fake, SW_OP_STATUS)->request.id;
        fake_reply(fake, node, &reply);
        fake_turn(fake, 1);
    }
    assert_int_equal(answer.calls, FAKE_NODES);
    assert_int_equal(answer.err, SW_ERR_WRONG_SWARM);
    fake_free(fake);
}

/* Embedded mode has no settings that name a swarm: it stays with the one that answered first. */
static void a_client_without_a_swarm_keeps_to_the_first(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct sw_reply reply = {.leader = {1}, .term = 1, .swarm = {{1}}};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_turn(fake, 1);
    reply.id = fake_last(fake, SW_OP_STATUS)->request.id;
    fake_reply(fake, 1, &reply);
    fake_turn(fake, 1);
    reply.id = fake_last(fake, SW_OP_GET)->request.id;
    reply.swarm.bytes[15] = 9;
    fake_reply(fake, 1, &reply);
    assert_int_equal(answer.calls, 0);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_leader_redirects_at_once),
        cmocka_unit_test(an_answer_of_another_swarm_is_not_taken),
        cmocka_unit_test(a_client_without_a_swarm_keeps_to_the_first),
        cmocka_unit_test(lost_answer_is_asked_for_again_with_the_same_seq),
        cmocka_unit_test(write_outside_a_session_is_never_sent_twice),
        cmocka_unit_test(not_done_write_outside_a_session_goes_on),
        cmocka_unit_test(overload_is_retried_after_a_pause_and_then_told),
        cmocka_unit_test(new_leader_gets_what_the_old_one_owes),
        cmocka_unit_test(expired_session_is_replaced_for_a_write_that_never_ran),
        cmocka_unit_test(expired_session_after_a_lost_answer_is_unknown),
        cmocka_unit_test(command_line_fails_when_every_node_is_down),
        cmocka_unit_test(command_line_stops_dialling),
        cmocka_unit_test(node_that_comes_up_is_asked_at_once),
        cmocka_unit_test(garbage_is_counted_and_dropped),
        cmocka_unit_test(a_refused_request_waits_as_long_as_the_node_says),
        cmocka_unit_test(one_silence_is_one_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
