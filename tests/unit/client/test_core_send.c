/* Proves batching, the search for a leader and the breaker at work. */
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

static void requests_of_a_turn_leave_in_one_message(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    uint32_t before;

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_elect(fake, 1, 1);
    before = fake->messages;
    for (int i = 0; i < 50; i++) {
        (void)fake_submit(fake, SW_OP_GET, &answer);
    }
    sw_core_flush(fake->core);
    assert_int_equal(fake->messages, before + 1);
    assert_int_equal(fake_count(fake, SW_OP_GET), 51);
    fake_free(fake);
}

static void long_batches_are_split(void **state)
{
    static uint8_t value[100 << 10];
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    uint32_t before;

    (void)state;
    config.without_session = true;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_elect(fake, 1, 1);
    before = fake->messages;
    for (int i = 0; i < 6; i++) {
        struct sw_core_submission submission = fake_submission(fake, SW_OP_PUT, &answer);
        char why[SW_WHY_SIZE];

        submission.request.value = sw_span_of(value, sizeof value);
        assert_int_equal(sw_core_submit(fake->core, &submission, NULL, why), SW_ERR_OK);
    }
    sw_core_flush(fake->core);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 6);
    assert_int_equal(fake->messages, before + 2);
    fake_free(fake);
}

static void search_asks_all_nodes_and_pauses(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    fake_start(fake, &config);
    fake_turn(fake, 0);
    assert_int_equal(fake->sent_count, 0); /* nobody asks for anything */
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_STATUS), 3);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_STATUS), 3);
    for (uint32_t i = 0; i < 3; i++) {
        fake_answer(fake, &fake->sent[i], SW_ERR_OK, 0, 1);
    }
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_STATUS), 3);
    assert_true(sw_core_next_ms(fake->core) <= fake->now_ms + 21);
    fake_turn(fake, 21);
    assert_int_equal(fake_count(fake, SW_OP_STATUS), 6);
    fake_free(fake);
}

static void unreachable_leader_is_sought_elsewhere(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_elect(fake, 1, 1);
    fake_answer(fake, fake_last(fake, SW_OP_GET), SW_ERR_OK, 1, 1);
    fake->refusal[1] = SW_ERR_UNREACHABLE;
    fake_forget(fake);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_GET), 0);
    assert_int_equal(sw_core_leader(fake->core).value, 0);
    fake_turn(fake, 1);
    fake_answer(fake, fake_last(fake, SW_OP_STATUS), SW_ERR_OK, 3, 2);
    fake_turn(fake, 0);
    assert_int_equal(fake_last(fake, SW_OP_GET)->node, 3);
    fake_free(fake);
}

static void leader_without_credit_stays_leader(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_elect(fake, 1, 1);
    fake->refusal[1] = SW_ERR_BUSY;
    (void)fake_submit(fake, SW_OP_GET, &answer);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_GET), 1);
    assert_int_equal(sw_core_leader(fake->core).value, 1);
    assert_int_equal(sw_core_next_ms(fake->core), fake->now_ms + 5);
    fake->refusal[1] = SW_ERR_OK;
    fake_turn(fake, 5);
    assert_int_equal(fake_count(fake, SW_OP_GET), 2);
    fake_free(fake);
}

static uint32_t probes_to(const struct fake *fake, uint64_t node)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < fake->sent_count; i++) {
        count += fake->sent[i].node == node ? 1U : 0U;
    }
    return count;
}

/* Node 1 never answers, the others do but know no leader: after five silences in a row node 1 is
 * left alone for three seconds, then asked once. */
static void breaker_spares_a_silent_node(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};
    struct sw_core_submission submission;
    struct sw_core_stats stats;
    char why[SW_WHY_SIZE];
    uint64_t opened_ms = 0;

    (void)state;
    config.policy.attempt_timeout_ms = 200;
    fake_start(fake, &config);
    submission = fake_submission(fake, SW_OP_GET, &answer);
    submission.deadline_ms = fake->now_ms + 60000;
    assert_int_equal(sw_core_submit(fake->core, &submission, NULL, why), SW_ERR_OK);
    for (int i = 0; i < 1000 && opened_ms == 0; i++) {
        fake_turn(fake, 10);
        for (uint32_t j = 0; j < fake->sent_count; j++) {
            if (fake->sent[j].node != 1) {
                fake_answer(fake, &fake->sent[j], SW_ERR_OK, 0, 1);
            }
        }
        fake_forget(fake);
        sw_core_stats(fake->core, &stats);
        opened_ms = stats.breaker_opened > 0 ? fake->now_ms : 0;
    }
    assert_true(opened_ms != 0);
    for (int i = 0; i < 299; i++) {
        fake_turn(fake, 10);
        assert_int_equal(probes_to(fake, 1), 0);
        fake_forget(fake);
    }
    for (int i = 0; i < 19; i++) {
        fake_turn(fake, 10);
    }
    assert_int_equal(probes_to(fake, 1), 1);
    fake_free(fake);
}

static void seq_never_leaves_the_window(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer stuck = {0};
    struct fake_answer answer = {0}, late = {0};
    struct sw_core_submission hurried;
    struct fake_sent first;
    char why[SW_WHY_SIZE];

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_PUT, &stuck);
    fake_open(fake);
    first = *fake_last(fake, SW_OP_PUT);
    first.bytes = (struct sw_buf){0};
    for (uint32_t i = 2; i <= SW_SESSION_REPLY_COUNT_MAX; i++) {
        fake_forget(fake);
        (void)fake_submit(fake, SW_OP_PUT, &answer);
        fake_turn(fake, 0);
        assert_int_equal(fake_last(fake, SW_OP_PUT)->request.seq, i);
        fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_OK, 1, 1);
    }
    fake_forget(fake);
    (void)fake_submit(fake, SW_OP_PUT, &answer);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 0);
    hurried = fake_submission(fake, SW_OP_PUT, &late);
    hurried.deadline_ms = fake->now_ms + 10;
    assert_int_equal(sw_core_submit(fake->core, &hurried, NULL, why), SW_ERR_OK);
    fake_turn(fake, 10);
    assert_int_equal(late.err, SW_ERR_NOT_SENT);
    fake_answer(fake, &first, SW_ERR_OK, 1, 1);
    fake_turn(fake, 0);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->request.acked, SW_SESSION_REPLY_COUNT_MAX);
    fake_free(fake);
}

/* Submits so many gets and lets them go; then the leader has no place for the last `refused`. */
static void
send_and_refuse(struct fake *fake, struct fake_answer *answer, uint32_t count, uint32_t refused)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)fake_submit(fake, SW_OP_GET, answer);
    }
    sw_core_flush(fake->core);
    for (uint32_t i = 0; i < refused; i++) {
        const struct sw_reply reply = {.id = fake->sent[fake->sent_count - 1 - i].request.id,
                                       .err = SW_ERR_OVERLOADED,
                                       .retry_after_ms = 100,
                                       .leader = {1},
                                       .term = 1};

        fake_reply(fake, 1, &reply);
    }
}

static void what_the_leader_has_no_place_for_stays_here(void **state)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0}, late = {0};
    struct sw_core_submission keep = fake_submission(fake, SW_OP_LEASE_KEEP_ALIVE, &answer);
    char why[SW_WHY_SIZE];
    uint32_t first;

    (void)state;
    config.without_session = true;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_STATUS, &answer);
    fake_elect(fake, 1, 1);
    fake_forget(fake);
    send_and_refuse(fake, &answer, 30, 20);
    fake_turn(fake, 300); /* their pauses are over, but there are no places yet */
    assert_int_equal(fake_count(fake, SW_OP_GET), 30);
    (void)fake_submit(fake, SW_OP_GET, &late);
    keep.request.key = sw_span_of(NULL, 0);
    keep.request.lease = 7;
    assert_int_equal(sw_core_submit(fake->core, &keep, NULL, why), SW_ERR_OK);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_GET), 30);
    assert_int_equal(fake_count(fake, SW_OP_LEASE_KEEP_ALIVE), 1); /* it always has one for these */
    first = fake->sent_count;
    for (uint32_t i = 0; i < 5; i++) {
        fake_answer(fake, &fake->sent[i], SW_ERR_OK, 1, 1);
    }
    fake_turn(fake, 0);
    assert_int_equal(fake->sent_count, first + 5); /* those that had waited longest */
    for (uint32_t i = 5; i < 10; i++) {
        fake_answer(fake, &fake->sent[i], SW_ERR_OK, 1, 1);
    }
    for (uint32_t i = first; i < fake->sent_count; i++) {
        fake_answer(fake, &fake->sent[i], SW_ERR_OK, 1, 1);
    }
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_GET), 45);
    fake_turn(fake, 5000);
    assert_int_equal(late.calls, 1);
    assert_int_equal(late.err, SW_ERR_OVERLOADED); /* not done, and the reason */
    fake_free(fake);
}

static void another_leader_has_places_of_its_own(void **state)
{
    struct fake *fake = fake_new();
    const struct sw_core_config config = fake_config(fake);
    struct fake_answer answer = {0};

    (void)state;
    fake_start(fake, &config);
    (void)fake_submit(fake, SW_OP_STATUS, &answer);
    fake_elect(fake, 1, 1);
    fake_forget(fake);
    send_and_refuse(fake, &answer, 30, 20);
    fake_turn(fake, 300);
    assert_int_equal(fake_count(fake, SW_OP_GET), 30);
    fake_answer(fake, &fake->sent[0], SW_ERR_NOT_LEADER, 2, 2);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_GET), 60);
    assert_int_equal(fake_last(fake, SW_OP_GET)->node, 2);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_a_turn_leave_in_one_message),
        cmocka_unit_test(long_batches_are_split),
        cmocka_unit_test(search_asks_all_nodes_and_pauses),
        cmocka_unit_test(unreachable_leader_is_sought_elsewhere),
        cmocka_unit_test(leader_without_credit_stays_leader),
        cmocka_unit_test(breaker_spares_a_silent_node),
        cmocka_unit_test(seq_never_leaves_the_window),
        cmocka_unit_test(what_the_leader_has_no_place_for_stays_here),
        cmocka_unit_test(another_leader_has_places_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
