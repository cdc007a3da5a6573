/* The error table is an interface: numbers stay, outcomes are what clients build retries on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void numbers_and_names_are_unique(void **state)
{
    uint32_t count = 0;
    const struct sw_err_info *all = sw_err_all(&count);

    (void)state;
    assert_true(count > 30);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = i + 1; j < count; j++) {
            assert_int_not_equal(all[i].err, all[j].err);
            assert_string_not_equal(all[i].name, all[j].name);
        }
    }
}

/* The numbers of the first release; a change here breaks clients in the field. */
static void numbers_never_change(void **state)
{
    (void)state;
    assert_int_equal(SW_ERR_OK, 0);
    assert_int_equal(SW_ERR_IO, 1001);
    assert_int_equal(SW_ERR_DISK_FULL, 1003);
    assert_int_equal(SW_ERR_CORRUPT, 1006);
    assert_int_equal(SW_ERR_OVERLOADED, 2004);
    assert_int_equal(SW_ERR_NOT_SENT, 2006);
    assert_int_equal(SW_ERR_CONFLICT, 3103);
    assert_int_equal(SW_ERR_UNAUTHENTICATED, 4101);
    assert_int_equal(SW_ERR_CONFIG, 5001);
    assert_int_equal(SW_ERR_NOT_LEADER, 6001);
    assert_int_equal(SW_ERR_UNKNOWN_OUTCOME, 6003);
    assert_int_equal(SW_ERR_CANCELLED, 6010);
}

/* "Not done" is a promise. Every error that may follow a proposal must not make it. */
static void what_may_have_happened_is_never_called_not_done(void **state)
{
    const enum sw_err after_proposal[] = {SW_ERR_IO,
                                          SW_ERR_UNKNOWN_OUTCOME,
                                          SW_ERR_LEADERSHIP_LOST,
                                          SW_ERR_DEADLINE,
                                          SW_ERR_CANCELLED,
                                          SW_ERR_SESSION_EXPIRED};

    (void)state;
    for (size_t i = 0; i < sizeof after_proposal / sizeof after_proposal[0]; i++) {
        assert_int_equal(sw_err_outcome(after_proposal[i]), SW_OUTCOME_UNKNOWN);
    }
    assert_int_equal(sw_err_outcome(SW_ERR_NOT_LEADER), SW_OUTCOME_NOT_DONE);
    assert_int_equal(sw_err_outcome(SW_ERR_OVERLOADED), SW_OUTCOME_NOT_DONE);
    assert_int_equal(sw_err_outcome(SW_ERR_OK), SW_OUTCOME_DONE);
}

/* An unknown outcome may be retried only where the session makes it run at most once. */
static void an_unknown_outcome_is_retried_in_its_session_or_not_at_all(void **state)
{
    uint32_t count = 0;
    const struct sw_err_info *all = sw_err_all(&count);

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].outcome == SW_OUTCOME_UNKNOWN) {
            assert_true(all[i].retry == SW_RETRY_NEVER || all[i].retry == SW_RETRY_SAME_SESSION);
        }
        assert_true(strlen(all[i].text) > 0);
    }
}

static void a_number_of_a_newer_version_reads_as_unknown_outcome(void **state)
{
    (void)state;
    assert_false(sw_err_known(99999));
    assert_true(sw_err_known(6001));
    assert_int_equal(sw_err_info((enum sw_err)99999)->err, SW_ERR_UNKNOWN_OUTCOME);
    assert_string_equal(sw_err_name(SW_ERR_NOT_LEADER), "NOT_LEADER");
    assert_string_equal(sw_err_text(SW_ERR_OK), "ok");
}

static void exit_codes_follow_the_published_table(void **state)
{
    (void)state;
    assert_int_equal(sw_err_info(SW_ERR_OK)->exit_code, 0);
    assert_int_equal(sw_err_info(SW_ERR_CONFIG)->exit_code, 2);
    assert_int_equal(sw_err_info(SW_ERR_NOT_FOUND)->exit_code, 3);
    assert_int_equal(sw_err_info(SW_ERR_CONFLICT)->exit_code, 4);
    assert_int_equal(sw_err_info(SW_ERR_NO_LEADER)->exit_code, 5);
    assert_int_equal(sw_err_info(SW_ERR_DEADLINE)->exit_code, 6);
    assert_int_equal(sw_err_info(SW_ERR_KEY_MISSING)->exit_code, 7);
    assert_int_equal(sw_err_info(SW_ERR_DISK_FULL)->exit_code, 8);
    assert_int_equal(sw_err_info(SW_ERR_STRANGER)->exit_code, 9);
    assert_int_equal(sw_err_info(SW_ERR_CORRUPT)->exit_code, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_names_are_unique),
        cmocka_unit_test(numbers_never_change),
        cmocka_unit_test(what_may_have_happened_is_never_called_not_done),
        cmocka_unit_test(an_unknown_outcome_is_retried_in_its_session_or_not_at_all),
        cmocka_unit_test(a_number_of_a_newer_version_reads_as_unknown_outcome),
        cmocka_unit_test(exit_codes_follow_the_published_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
