/* Proves the retry rules: jitter bounds, what is repeatable, and which error the user may be told.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "base/prng.h"
#include "client/retry.h"

static const struct sw_retry_policy no_policy;

static void zeros_become_the_published_defaults(void **state)
{
    const struct sw_retry_policy policy = sw_retry_policy_fill(no_policy);
    const struct sw_retry_policy mine =
        sw_retry_policy_fill((struct sw_retry_policy){.base_ms = 1, .breaker_open_ms = 7});

    (void)state;
    assert_int_equal(policy.base_ms, 20);
    assert_int_equal(policy.cap_ms, 2000);
    assert_int_equal(policy.breaker_failures, 5);
    assert_int_equal(policy.breaker_open_ms, 3000);
    assert_int_equal(mine.base_ms, 1);
    assert_int_equal(mine.breaker_open_ms, 7);
    assert_int_equal(mine.cap_ms, 2000);
}

static void pause_doubles_up_to_the_cap(void **state)
{
    (void)state;
    assert_int_equal(sw_retry_bound_ms(20, 2000, 0), 20);
    assert_int_equal(sw_retry_bound_ms(20, 2000, 1), 40);
    assert_int_equal(sw_retry_bound_ms(20, 2000, 6), 1280);
    assert_int_equal(sw_retry_bound_ms(20, 2000, 7), 2000);
    assert_int_equal(sw_retry_bound_ms(20, 2000, 4000000000U), 2000);
}

static void jitter_is_full(void **state)
{
    struct sw_prng prng = sw_prng_of(3);
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        const uint32_t pause = sw_retry_pause_ms(20, 2000, 2, sw_prng_next(&prng));

        low = pause < low ? pause : low;
        high = pause > high ? pause : high;
    }
    assert_int_equal(low, 0);
    assert_int_equal(high, 80);
}

static enum sw_retry_step decide(const struct sw_request *request, enum sw_err err, uint32_t sent)
{
    const struct sw_retry_policy policy = sw_retry_policy_fill(no_policy);

    return sw_retry_decide(&policy, request, err, sent, 0);
}

static void write_outside_a_session_is_not_repeated_after_unknown(void **state)
{
    const struct sw_request bare = {.op = SW_OP_PUT};
    const struct sw_request once = {.op = SW_OP_PUT, .session = {1}, .seq = 1};
    const struct sw_request read = {.op = SW_OP_GET};

    (void)state;
    assert_int_equal(decide(&bare, SW_ERR_LEADERSHIP_LOST, 1), SW_RETRY_STEP_FINISH);
    assert_int_equal(decide(&once, SW_ERR_LEADERSHIP_LOST, 1), SW_RETRY_STEP_SEEK);
    assert_int_equal(decide(&read, SW_ERR_LEADERSHIP_LOST, 1), SW_RETRY_STEP_SEEK);
    assert_int_equal(decide(&bare, SW_ERR_NOT_LEADER, 1), SW_RETRY_STEP_SEEK);
    assert_int_equal(decide(&bare, SW_ERR_CONFLICT, 1), SW_RETRY_STEP_FINISH);
    assert_false(sw_request_repeatable(&(struct sw_request){.op = SW_OP_TRANSFER}));
    assert_false(sw_request_repeatable(&(struct sw_request){.op = SW_OP_SNAPSHOT}));
    assert_true(sw_request_repeatable(&(struct sw_request){.op = SW_OP_SESSION_OPEN}));
}

static void put_off_requests_end_after_attempts_max(void **state)
{
    const struct sw_retry_policy policy = sw_retry_policy_fill(no_policy);
    const struct sw_request bare = {.op = SW_OP_PUT};

    (void)state;
    assert_int_equal(sw_retry_decide(&policy, &bare, SW_ERR_OVERLOADED, 1, 0), SW_RETRY_STEP_PAUSE);
    assert_int_equal(sw_retry_decide(&policy, &bare, SW_ERR_DISK_FULL, 7, 6), SW_RETRY_STEP_PAUSE);
    assert_int_equal(sw_retry_decide(&policy, &bare, SW_ERR_DISK_FULL, 8, 7), SW_RETRY_STEP_FINISH);
}

static void expired_session_is_reopened_for_a_first_try_only(void **state)
{
    const struct sw_request question = {.op = SW_OP_OUTCOME, .session = {1}, .seq = 1};
    const struct sw_request once = {.op = SW_OP_PUT, .session = {1}, .seq = 1};

    (void)state;
    assert_int_equal(decide(&once, SW_ERR_SESSION_EXPIRED, 1), SW_RETRY_STEP_REOPEN);
    assert_int_equal(decide(&once, SW_ERR_SESSION_EXPIRED, 2), SW_RETRY_STEP_FINISH);
    assert_int_equal(decide(&question, SW_ERR_SESSION_EXPIRED, 1), SW_RETRY_STEP_FINISH);
}

static void verdict_is_unknown_when_an_earlier_try_may_have_run(void **state)
{
    const struct sw_request bare = {.op = SW_OP_CAS};
    const struct sw_request once = {.op = SW_OP_CAS, .session = {1}, .seq = 1};
    const struct sw_request question = {.op = SW_OP_OUTCOME, .session = {1}, .seq = 1};
    const struct sw_request read = {.op = SW_OP_GET};

    (void)state;
    assert_int_equal(sw_retry_verdict(&bare, SW_ERR_NO_LEADER, false), SW_ERR_NO_LEADER);
    assert_int_equal(sw_retry_verdict(&bare, SW_ERR_NO_LEADER, true), SW_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(sw_retry_verdict(&once, SW_ERR_NO_LEADER, true), SW_ERR_UNKNOWN_OUTCOME);
    /* The question is as good as new each time, and its answer is true of the write. */
    assert_true(sw_request_repeatable(&question));
    assert_int_equal(sw_retry_verdict(&question, SW_ERR_NOT_COMMITTED, true), SW_ERR_NOT_COMMITTED);
    assert_int_equal(sw_retry_verdict(&once, SW_ERR_NOT_COMMITTED, true), SW_ERR_NOT_COMMITTED);
    assert_int_equal(sw_retry_verdict(&once, SW_ERR_CONFLICT, true), SW_ERR_CONFLICT);
    assert_int_equal(sw_retry_verdict(&once, SW_ERR_OK, true), SW_ERR_OK);
    assert_int_equal(sw_retry_verdict(&read, SW_ERR_NO_LEADER, true), SW_ERR_NO_LEADER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_become_the_published_defaults),
        cmocka_unit_test(pause_doubles_up_to_the_cap),
        cmocka_unit_test(jitter_is_full),
        cmocka_unit_test(write_outside_a_session_is_not_repeated_after_unknown),
        cmocka_unit_test(put_off_requests_end_after_attempts_max),
        cmocka_unit_test(expired_session_is_reopened_for_a_first_try_only),
        cmocka_unit_test(verdict_is_unknown_when_an_earlier_try_may_have_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
