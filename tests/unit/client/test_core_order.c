/* Proves that an ordered core never lets a request be overtaken: one batch at a time, its rest
 * again in order, failures instead of a place too late; by cases, and by many random lives against
 * a node that refuses, loses messages and loses answers. */
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

enum { LIVES = 400, WRITES = 60, STEPS_MAX = 4000 };

static struct fake *ordered_fake(void)
{
    struct fake *fake = fake_new();
    struct sw_core_config config = fake_config(fake);

    config.ordered = true;
    fake_start(fake, &config);
    return fake;
}

/* The nth thing of that kind that was sent since the last fake_forget. */
static struct fake_sent *nth(struct fake *fake, enum sw_op op, uint32_t n)
{
    for (uint32_t i = 0; i < fake->sent_count; i++) {
        if (fake->sent[i].request.op == op) {
            if (n == 0) {
                return &fake->sent[i];
            }
            n--;
        }
    }
    fail_msg("not so many of op %d were sent", (int)op);
    return NULL;
}

/* Everything of `op` that was sent is `count` requests of one message with these first seqs. */
static void expect_batch(struct fake *fake, enum sw_op op, uint32_t count, uint64_t first_seq)
{
    assert_int_equal(fake_count(fake, op), count);
    for (uint32_t i = 0; i < count; i++) {
        const struct fake_sent *sent = nth(fake, op, i);

        assert_int_equal(sent->message, nth(fake, op, 0)->message);
        if (first_seq != 0) {
            assert_int_equal(sent->request.seq, first_seq + i);
            assert_true((sent->request.flags & SW_REQUEST_ORDERED) != 0);
        }
    }
}

static void the_next_waits_for_the_whole_batch(void **state)
{
    struct fake *fake = ordered_fake();
    struct fake_answer answers[5] = {{0}};

    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)fake_submit(fake, SW_OP_PUT, &answers[i]);
    }
    fake_open(fake);
    expect_batch(fake, SW_OP_PUT, 3, 1);
    (void)fake_submit(fake, SW_OP_PUT, &answers[3]);
    (void)fake_submit(fake, SW_OP_DELETE, &answers[4]);
    fake_turn(fake, 0);
    fake_answer(fake, nth(fake, SW_OP_PUT, 2), SW_ERR_OK, 1, 1);
    fake_answer(fake, nth(fake, SW_OP_PUT, 0), SW_ERR_OK, 1, 1);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_DELETE), 0);
    fake_answer(fake, nth(fake, SW_OP_PUT, 1), SW_ERR_OK, 1, 1);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 4);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->request.seq, 4);
    assert_int_equal(fake_last(fake, SW_OP_DELETE)->request.seq, 5);
    assert_int_equal(fake_last(fake, SW_OP_DELETE)->message, fake_last(fake, SW_OP_PUT)->message);
    fake_free(fake);
}

static void the_refused_rest_goes_again_together(void **state)
{
    struct fake *fake = ordered_fake();
    struct fake_answer answers[4] = {{0}};

    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)fake_submit(fake, SW_OP_PUT, &answers[i]);
    }
    fake_open(fake);
    fake_answer(fake, nth(fake, SW_OP_PUT, 0), SW_ERR_OK, 1, 1);
    fake_answer(fake, nth(fake, SW_OP_PUT, 2), SW_ERR_OVERLOADED, 1, 1);
    fake_turn(fake, 10); /* the last one's pause may be over, the one before it has no answer */
    fake_answer(fake, nth(fake, SW_OP_PUT, 1), SW_ERR_OVERLOADED, 1, 1);
    (void)fake_submit(fake, SW_OP_PUT, &answers[3]);
    fake_forget(fake);
    for (int i = 0; i < 200 && fake->sent_count == 0; i++) {
        fake_turn(fake, 1);
    }
    expect_batch(fake, SW_OP_PUT, 2, 2);
    assert_int_equal(answers[3].calls, 0);
    fake_free(fake);
}

static void a_write_that_was_passed_fails(void **state)
{
    struct fake *fake = ordered_fake();
    struct fake_answer answers[2] = {{0}};

    (void)state;
    (void)fake_submit(fake, SW_OP_PUT, &answers[0]);
    (void)fake_submit(fake, SW_OP_PUT, &answers[1]);
    fake_open(fake);
    fake_answer(fake, nth(fake, SW_OP_PUT, 0), SW_ERR_OVERLOADED, 1, 1);
    fake_answer(fake, nth(fake, SW_OP_PUT, 1), SW_ERR_OK, 1, 1);
    fake_forget(fake);
    for (int i = 0; i < 200; i++) {
        fake_turn(fake, 1);
    }
    assert_int_equal(fake_count(fake, SW_OP_PUT), 0);
    assert_int_equal(answers[0].err, SW_ERR_OVERLOADED);
    assert_int_equal(answers[1].err, SW_ERR_OK);
    fake_free(fake);
}

static void what_was_lost_goes_again_in_order(void **state)
{
    struct fake *fake = ordered_fake();
    struct fake_answer answers[6] = {{0}};

    (void)state;
    (void)fake_submit(fake, SW_OP_PUT, &answers[0]);
    (void)fake_submit(fake, SW_OP_PUT, &answers[1]);
    fake_open(fake);
    /* Slots are given out anew in another order than requests come. */
    fake_answer(fake, nth(fake, SW_OP_PUT, 1), SW_ERR_OK, 1, 1);
    fake_answer(fake, nth(fake, SW_OP_PUT, 0), SW_ERR_OK, 1, 1);
    fake_forget(fake);
    for (int i = 2; i < 6; i++) {
        (void)fake_submit(fake, SW_OP_PUT, &answers[i]);
    }
    fake_turn(fake, 0);
    expect_batch(fake, SW_OP_PUT, 4, 3);
    sw_core_node_state(fake->core, (struct sw_node_id){1}, false, SW_ERR_UNREACHABLE);
    fake_forget(fake);
    fake_elect(fake, 2, 2);
    expect_batch(fake, SW_OP_PUT, 4, 3);
    assert_int_equal(nth(fake, SW_OP_PUT, 0)->node, 2);
    fake_free(fake);
}

static void reads_and_writes_take_turns(void **state)
{
    struct fake *fake = ordered_fake();
    struct fake_answer answers[4] = {{0}};

    (void)state;
    (void)fake_submit(fake, SW_OP_PUT, &answers[0]);
    (void)fake_submit(fake, SW_OP_GET, &answers[1]);
    (void)fake_submit(fake, SW_OP_SCAN, &answers[2]);
    (void)fake_submit(fake, SW_OP_DELETE, &answers[3]);
    fake_open(fake);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 1);
    assert_int_equal(fake_count(fake, SW_OP_GET) + fake_count(fake, SW_OP_SCAN), 0);
    fake_answer(fake, fake_last(fake, SW_OP_PUT), SW_ERR_OK, 1, 1);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_GET), 1);
    assert_int_equal(fake_count(fake, SW_OP_SCAN), 1);
    assert_int_equal(fake_count(fake, SW_OP_DELETE), 0);
    fake_answer(fake, fake_last(fake, SW_OP_GET), SW_ERR_OK, 1, 1);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_DELETE), 0);
    fake_answer(fake, fake_last(fake, SW_OP_SCAN), SW_ERR_OK, 1, 1);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_DELETE), 1);
    fake_free(fake);
}

static void watches_and_status_stand_aside(void **state)
{
    struct fake *fake = ordered_fake();
    struct fake_answer answers[4] = {{0}};

    (void)state;
    (void)fake_submit(fake, SW_OP_WATCH, &answers[0]);
    (void)fake_submit(fake, SW_OP_PUT, &answers[1]);
    fake_open(fake);
    assert_int_equal(fake_count(fake, SW_OP_WATCH), 1);
    assert_int_equal(fake_count(fake, SW_OP_PUT), 1); /* the watch has no answer */
    fake_forget(fake);
    (void)fake_submit(fake, SW_OP_WATCH, &answers[2]);
    (void)fake_submit(fake, SW_OP_STATUS, &answers[3]);
    fake_turn(fake, 0);
    assert_int_equal(fake_count(fake, SW_OP_WATCH), 1); /* though the put has none */
    assert_int_equal(fake_count(fake, SW_OP_STATUS), 1);
    fake_free(fake);
}

static void a_lost_session_changes_no_order(void **state)
{
    struct fake *fake = ordered_fake();
    struct fake_answer answers[3] = {{0}};

    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)fake_submit(fake, SW_OP_PUT, &answers[i]);
    }
    fake_open(fake);
    for (uint32_t i = 3; i > 0; i--) {
        fake_answer(fake, nth(fake, SW_OP_PUT, i - 1), SW_ERR_SESSION_EXPIRED, 1, 1);
    }
    fake_forget(fake);
    fake_turn(fake, 0);
    fake_answer(fake, fake_last(fake, SW_OP_SESSION_OPEN), SW_ERR_OK, 1, 1);
    fake_turn(fake, 0);
    expect_batch(fake, SW_OP_PUT, 3, 1);
    fake_free(fake);
}

/* Its first copy may lie somewhere for long: the next write tells nodes to run it no more. */
static void what_ended_as_unknown_is_acknowledged(void **state)
{
    struct fake *fake = ordered_fake();
    struct fake_answer answers[2] = {{0}};

    (void)state;
    (void)fake_submit(fake, SW_OP_PUT, &answers[0]);
    fake_open(fake);
    fake_turn(fake, 5000);
    assert_int_equal(answers[0].err, SW_ERR_DEADLINE);
    (void)fake_submit(fake, SW_OP_PUT, &answers[1]);
    fake_turn(fake, 200); /* the node that was silent is asked no sooner */
    fake_elect(fake, 2, 2);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->request.seq, 2);
    assert_int_equal(fake_last(fake, SW_OP_PUT)->request.acked, 1);
    fake_free(fake);
}

/* ---- random lives ---------------------------------------------------------------------------- */

/* A node with one session: what ran, by seq, and in which order. */
struct model {
    struct fake *fake;
    struct fake_answer answers[WRITES];
    uint8_t keys[WRITES]; /* the number of a write is its key */
    uint32_t submitted;
    bool ran[WRITES];
    uint32_t last_run; /* 1 + the number of the write that ran last */
    uint32_t taken;    /* of fake->sent */
};

static uint64_t chance(struct model *model, uint64_t one_in)
{
    return sw_prng_next(&model->fake->prng) % one_in;
}

static void submit_some(struct model *model)
{
    uint32_t count = (uint32_t)chance(model, 6);

    while (count > 0 && model->submitted < WRITES) {
        const uint32_t i = model->submitted;
        struct sw_core_submission submission =
            fake_submission(model->fake, SW_OP_PUT, &model->answers[i]);
        char why[SW_WHY_SIZE];

        model->keys[i] = (uint8_t)(i + 1);
        submission.request.key = sw_span_of(&model->keys[i], 1);
        submission.deadline_ms = model->fake->now_ms + 2000 + chance(model, 20000);
        assert_int_equal(sw_core_submit(model->fake->core, &submission, NULL, why), SW_ERR_OK);
        model->submitted++;
        count--;
    }
}

static void run_write(struct model *model, const struct sw_request *request)
{
    const uint32_t number = request->key.data[0] - 1U;

    if (!model->ran[number]) { /* else its answer is stored */
        assert_true(number + 1 > model->last_run);
        model->ran[number] = true;
        model->last_run = number + 1;
    }
}

/* One message as node/intake.c takes it, after a refusal nothing more of it; or it never arrives.
 */
static void take_message(struct model *model)
{
    const uint32_t message = model->fake->sent[model->taken].message;
    const bool lost = chance(model, 10) == 0;
    const bool lose_answers = lost || chance(model, 6) == 0;
    bool refusing = false;

    while (model->taken < model->fake->sent_count &&
           model->fake->sent[model->taken].message == message) {
        const struct fake_sent *sent = &model->fake->sent[model->taken];
        enum sw_err err = SW_ERR_OK;

        refusing = refusing || (sent->request.op == SW_OP_PUT && chance(model, 8) == 0);
        if (sent->request.op == SW_OP_PUT && refusing) {
            err = SW_ERR_OVERLOADED;
        } else if (sent->request.op == SW_OP_PUT && !lost) {
            run_write(model, &sent->request);
        }
        if (!lose_answers) {
            fake_answer(model->fake, sent, err, 1, 1);
        }
        model->taken++;
    }
}

static void take_messages(struct model *model)
{
    while (model->taken < model->fake->sent_count) {
        take_message(model);
    }
    fake_forget(model->fake);
    model->taken = 0;
    if (chance(model, 10) == 0) {
        sw_core_node_state(model->fake->core, (struct sw_node_id){1}, false, SW_ERR_UNREACHABLE);
        sw_core_node_state(model->fake->core, (struct sw_node_id){1}, true, SW_ERR_OK);
    }
}

static bool all_ended(const struct model *model)
{
    for (uint32_t i = 0; i < WRITES; i++) {
        if (model->answers[i].calls == 0) {
            return false;
        }
    }
    return true;
}

/* Returns how many of its writes ended well. */
static uint32_t live(uint64_t seed)
{
    struct model model = {.fake = fake_new()};
    struct sw_core_config config = fake_config(model.fake);
    uint32_t well = 0;

    config.ordered = true;
    config.node_count = 1;
    config.policy.breaker_failures = 1000000;
    fake_start(model.fake, &config);
    model.fake->prng = sw_prng_of(seed);
    for (int i = 0; i < STEPS_MAX && !all_ended(&model); i++) {
        submit_some(&model);
        fake_turn(model.fake, chance(&model, 50));
        take_messages(&model);
    }
    for (uint32_t i = 0; i < WRITES; i++) {
        assert_int_equal(model.answers[i].calls, 1);
        well += model.answers[i].err == SW_ERR_OK;
        if (model.answers[i].err == SW_ERR_OK) {
            assert_true(model.ran[i]);
        } else if (sw_err_outcome(model.answers[i].err) == SW_OUTCOME_NOT_DONE) {
            assert_false(model.ran[i]);
        }
    }
    fake_free(model.fake);
    return well;
}

static void no_life_lets_a_write_be_overtaken(void **state)
{
    uint32_t well = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        well += live(seed);
    }
    assert_true(well > LIVES * WRITES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_waits_for_the_whole_batch),
        cmocka_unit_test(the_refused_rest_goes_again_together),
        cmocka_unit_test(a_write_that_was_passed_fails),
        cmocka_unit_test(what_was_lost_goes_again_in_order),
        cmocka_unit_test(reads_and_writes_take_turns),
        cmocka_unit_test(watches_and_status_stand_aside),
        cmocka_unit_test(a_lost_session_changes_no_order),
        cmocka_unit_test(what_ended_as_unknown_is_acknowledged),
        cmocka_unit_test(no_life_lets_a_write_be_overtaken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
