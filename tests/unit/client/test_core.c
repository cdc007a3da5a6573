/* Proves the life of a request: what submit refuses, one callback each, deadlines, sessions. */
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

static void submit_refuses_what_can_never_work(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct sw_core_submission submission;
    char why[SW_WHY_SIZE] = "";
    static uint8_t big[SW_KEY_SIZE_MAX + 1];

    (void)state;
    fake_start(fake, &config);
    submission = fake_submission(fake, SW_OP_GET, &answer);
    submission.request.key = sw_span_of(big, sizeof big);
    assert_int_equal(sw_core_submit(fake->core, &submission, NULL, why), SW_ERR_TOO_LARGE);
    assert_non_null(strstr(why, "the limit is 256"));
    submission = fake_submission(fake, SW_OP_GET, &answer);
    submission.deadline_ms = fake->now_ms;
    assert_int_equal(sw_core_submit(fake->core, &submission, NULL, why), SW_ERR_NOT_SENT);
    assert_int_equal(sw_err_outcome(SW_ERR_NOT_SENT), SW_OUTCOME_NOT_DONE);
    submission = fake_submission(fake, SW_OP_GET, &answer);
    submission.node.value = 2;
    assert_int_equal(sw_core_submit(fake->core, &submission, NULL, why), SW_ERR_INVALID);
    submission = fake_submission(fake, SW_OP_STATUS, &answer);
    submission.node.value = 9;
    assert_int_equal(sw_core_submit(fake->core, &submission, NULL, why), SW_ERR_INVALID);
    fake_turn(fake, 10000);
    assert_int_equal(answer.calls, 0);
    assert_int_equal(fake->sent_count, 0);
    fake_free(fake);
}

static void submit_is_bounded(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct sw_core_submission submission;
    char why[SW_WHY_SIZE];

    (void)state;
    config.in_flight_max = 3;
    fake_start(fake, &config);
    for (int i = 0; i < 3; i++) {
        (void)fake_submit(fake, SW_OP_GET, &answer);
    }
    submission = fake_submission(fake, SW_OP_GET, &answer);
    assert_int_equal(sw_core_submit(fake->core, &submission, NULL, why), SW_ERR_BUSY);
    fake_free(fake);
}

static void configuration_is_checked(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct sw_core *core = NULL;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    config.nodes[1].value = 1;
    assert_int_equal(sw_core_new(&config, &core, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "node 1 is given twice"));
    config.node_count = 0;
    assert_int_equal(sw_core_new(&config, &core, why), SW_ERR_CONFIG);
    fake_free(fake);
}

static void read_is_answered_once(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct fake_sent *get;

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    assert_int_equal(answer.calls, 0);
    fake_elect(fake, 2, 1);
    get = fake_last(fake, SW_OP_GET);
    assert_int_equal(get->node, 2);
    assert_int_equal(get->request.timeout_ms, 5000);
    fake_answer(fake, get, SW_ERR_OK, 2, 1);
    fake_answer(fake, get, SW_ERR_OK, 2, 1);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, SW_ERR_OK);
    assert_int_equal(answer.revision, 77);
    assert_int_equal(sw_core_leader(fake->core).value, 2);
    fake_free(fake);
}

static void deadline_tells_what_is_known(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer unsent = {0};
    struct fake_answer sent = {0};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &unsent);
    fake_turn(fake, 4999);
    assert_int_equal(unsent.calls, 0);
    fake_turn(fake, 1);
    assert_int_equal(unsent.calls, 1);
    assert_int_equal(unsent.err, SW_ERR_NO_LEADER); /* known not to have run */
    (void)fake_submit(fake, SW_OP_PUT, &sent);
    fake_turn(fake, 100);
    fake_open(fake);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 1);
    fake_turn(fake, 5000);
    assert_int_equal(sent.calls, 1);
    assert_int_equal(sent.err, SW_ERR_DEADLINE); /* it may have */
    assert_non_null(strstr(sent.detail, "node 1 was asked last"));
    fake_free(fake);
}

/* Its number is given, but the connection takes nothing; then it does, and no answer comes. */
static void what_no_connection_took_was_not_sent(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer first = {0}, unsent = {0}, sent = {0};
    struct sw_core_submission hurried;
    char why[SW_WHY_SIZE];

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &first);
    fake_open(fake);
    fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_OK, 1, 1);
    fake->refusal[1] = SW_ERR_BUSY;
    hurried = fake_submission(fake, SW_OP_PUT, &unsent);
    hurried.deadline_ms = fake->now_ms + 10;
    assert_int_equal(sw_core_submit(fake->core, &hurried, NULL, why), SW_ERR_OK);
    fake_turn(fake, 0);
    fake_turn(fake, 10);
    assert_int_equal(unsent.err, SW_ERR_NOT_SENT);
    fake->refusal[1] = SW_ERR_OK;
    (void)fake_submit(fake, SW_OP_PUT, &sent);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 2);
    fake->refusal[1] = SW_ERR_BUSY; /* for the second try */
    fake_turn(fake, 1000);
    fake_turn(fake, 4000);
    assert_int_equal(sent.err, SW_ERR_DEADLINE);
    assert_int_equal(sent.session, 500);
    assert_int_equal(sent.seq, 3);
    fake_free(fake);
}

/* SESSION_OPEN ended with an error that leaves open whether that ran. The write did not. */
static void a_write_does_not_inherit_the_doubts_of_its_session(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_elect(fake, 1, 1);
    fake_answer(fake, fake_last(fake, SW_OP_SESSION_OPEN), SW_ERR_IO, 1, 1);
    fake_turn(fake, 0);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, SW_ERR_NOT_SENT);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 0);
    fake_free(fake);
}

/* The one error that does not tell; the number does. */
static void a_cancelled_write_without_a_number_was_not_sent(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer unsent = {0}, sent = {0};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &unsent);
    sw_core_cancel_all(fake->core);
    fake_turn(fake, 0);
    assert_int_equal(unsent.err, SW_ERR_CANCELLED);
    assert_int_equal(unsent.session, 0);
    (void)fake_submit(fake, SW_OP_PUT, &sent);
    fake_open(fake);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 1);
    sw_core_cancel_all(fake->core);
    fake_turn(fake, 0);
    assert_int_equal(sent.err, SW_ERR_CANCELLED);
    assert_int_equal(sent.session, 500);
    assert_int_equal(sent.seq, 1);
    fake_free(fake);
}

static void cancelled_request_ends_at_the_next_tick(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answers[2] = {{0}, {0}};
    uint64_t token;

    (void)state;
    fake_start(fake, &config);
    token = fake_submit(fake, SW_OP_GET, &answers[0]);
    (void)fake_submit(fake, SW_OP_GET, &answers[1]);
    sw_core_cancel(fake->core, token);
    assert_int_equal(answers[0].calls, 0);
    fake_turn(fake, 0);
    assert_int_equal(answers[0].calls, 1);
    assert_int_equal(answers[0].err, SW_ERR_CANCELLED);
    sw_core_cancel(fake->core, token);
    fake_turn(fake, 0);
    assert_int_equal(answers[0].calls, 1);
    sw_core_cancel_all(fake->core);
    fake_turn(fake, 0);
    assert_int_equal(answers[1].err, SW_ERR_CANCELLED);
    fake_free(fake);
}

static void writes_share_one_session_with_ascending_seqs(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct fake_sent *put;

    (void)state;
    fake_start(fake, &config);
    for (int i = 0; i < 3; i++) {
        (void)fake_submit(fake, SW_OP_PUT, &answer);
    }
    fake_open(fake);
    assert_int_equal(fake_count(fake, SW_OP_SESSION_OPEN), 1);
    assert_int_equal(fake_last(fake, SW_OP_SESSION_OPEN)->request.value.size, 16);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 3);
    put = fake_last(fake, SW_OP_PUT);
    assert_int_equal(put->request.session.value, 500);
    assert_int_equal(put->request.seq, 3);
    assert_int_equal(put->request.acked, 0);
    fake_answer(fake, put - 1, SW_ERR_OK, 1, 1);
    fake_answer(fake, put - 2, SW_ERR_OK, 1, 1);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_turn(fake, 0);
    put = fake_last(fake, SW_OP_PUT);
    assert_int_equal(put->request.seq, 4);
    assert_int_equal(put->request.acked, 2);
    fake_free(fake);
}

static void without_session_nothing_is_opened(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    config.without_session = true;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_elect(fake, 1, 1);
    assert_int_equal(fake_count(fake, SW_OP_SESSION_OPEN), 0);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->request.seq, 0);
    fake_free(fake);
}

static void refused_session_fails_the_writes_that_wait(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_elect(fake, 1, 1);
    fake_answer(fake, fake_last(fake, SW_OP_SESSION_OPEN), SW_ERR_UNAUTHORIZED, 1, 1);
    fake_turn(fake, 0);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.err, SW_ERR_UNAUTHORIZED);
    assert_null(strstr(answer.detail, "deadline")); /* it was refused long before */
    fake_free(fake);
}

static void session_is_closed_on_request(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer put = {0};
    struct fake_answer closed = {0};

    (void)state;
    fake_start(fake, &config);
    sw_core_close_session(fake->core, fake->now_ms + 100, fake_done, &closed);
    assert_int_equal(closed.calls, 0);
    fake_turn(fake, 0);
    assert_int_equal(closed.calls, 1); /* there was none */
    (void)fake_submit(fake, SW_OP_PUT, &put);
    fake_open(fake);
    fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_OK, 1, 1);
    sw_core_close_session(fake->core, fake->now_ms + 100, fake_done, &closed);
    fake_turn(fake, 0);
    assert_int_equal(fake_last(fake, SW_OP_SESSION_CLOSE)->request.session.value, 500);
    fake_answer(fake, fake_last(fake, SW_OP_SESSION_CLOSE), SW_ERR_OK, 1, 1);
    assert_int_equal(closed.calls, 2);
    assert_int_equal(closed.err, SW_ERR_OK);
    fake_free(fake);
}

/* The write's deadline passes without an answer: its number is told, it is not acknowledged to the
 * node by later writes, and a question names it as it is. */
static void a_write_without_an_answer_can_be_asked_about(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct sw_core_submission question;
    struct fake_answer lost = {0};
    struct fake_answer later = {0};
    struct fake_answer told = {0};
    char why[SW_WHY_SIZE];

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &lost);
    fake_open(fake);
    fake_turn(fake, 5001);
    assert_int_equal(lost.err, SW_ERR_DEADLINE);
    assert_int_equal(lost.session, 500);
    assert_int_equal(lost.seq, 1);
    for (int i = 0; i < 2; i++) {
        (void)fake_submit(fake, SW_OP_PUT, &later);
        fake_elect(fake, 1, 1);
        fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_OK, 1, 1);
    }
    assert_int_equal(fake_last(fake, SW_OP_PUT)->request.seq, 3);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->request.acked, 0);
    question = (struct sw_core_submission){
        .request = {.op = SW_OP_OUTCOME, .session = {lost.session}, .seq = lost.seq},
        .deadline_ms = fake->now_ms + 5000,
        .done = fake_done,
        .arg = &told};
    assert_int_equal(sw_core_submit(fake->core, &question, NULL, why), SW_ERR_OK);
    fake_turn(fake, 0);
    assert_int_equal(fake_last(fake, SW_OP_OUTCOME)->request.session.value, 500);
    assert_int_equal(fake_last(fake, SW_OP_OUTCOME)->request.seq, 1);
    fake_answer(fake, fake_last(fake, SW_OP_OUTCOME), SW_ERR_NOT_COMMITTED, 1, 1);
    assert_int_equal(told.err, SW_ERR_NOT_COMMITTED);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(submit_refuses_what_can_never_work),
        cmocka_unit_test(submit_is_bounded),
        cmocka_unit_test(configuration_is_checked),
        cmocka_unit_test(read_is_answered_once),
        cmocka_unit_test(deadline_tells_what_is_known),
        cmocka_unit_test(what_no_connection_took_was_not_sent),
        cmocka_unit_test(a_write_does_not_inherit_the_doubts_of_its_session),
        cmocka_unit_test(a_cancelled_write_without_a_number_was_not_sent),
        cmocka_unit_test(cancelled_request_ends_at_the_next_tick),
        cmocka_unit_test(writes_share_one_session_with_ascending_seqs),
        cmocka_unit_test(without_session_nothing_is_opened),
        cmocka_unit_test(refused_session_fails_the_writes_that_wait),
        cmocka_unit_test(session_is_closed_on_request),
        cmocka_unit_test(a_write_without_an_answer_can_be_asked_about),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
