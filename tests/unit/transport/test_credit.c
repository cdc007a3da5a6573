/* Grants, overruns, and that lost frames do not leak credit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transport/credit.h"

static void nothing_is_sent_without_a_grant(void **state)
{
    struct sw_credit credit;

    (void)state;
    sw_credit_init(&credit, 100);
    assert_false(sw_credit_may_send(&credit, 1));
    sw_credit_allow(&credit, 10);
    assert_true(sw_credit_may_send(&credit, 10));
    assert_false(sw_credit_may_send(&credit, 11));
    sw_credit_charge(&credit, 10);
    assert_false(sw_credit_may_send(&credit, 1));
    sw_credit_allow(&credit, 5); /* an old grant takes nothing away */
    sw_credit_refund(&credit, 10);
    assert_true(sw_credit_may_send(&credit, 10));
}

static void an_overrun_is_noticed(void **state)
{
    struct sw_credit credit;

    (void)state;
    sw_credit_init(&credit, 100);
    assert_int_equal(sw_credit_receive(&credit, 0, 100), SW_ERR_OK);
    assert_int_equal(sw_credit_receive(&credit, 100, 1), SW_ERR_BUSY);
    assert_int_equal(sw_credit_receive(&credit, UINT64_MAX, 1), SW_ERR_BUSY);
    assert_int_equal(sw_credit_receive(&credit, 99, 1), SW_ERR_MALFORMED);
    assert_int_equal(sw_credit_grant(&credit), 200);
    assert_int_equal(sw_credit_receive(&credit, 100, 100), SW_ERR_OK);
}

static void a_grant_is_due_at_half_of_the_window(void **state)
{
    struct sw_credit credit;

    (void)state;
    sw_credit_init(&credit, 100);
    assert_int_equal(sw_credit_receive(&credit, 0, 49), SW_ERR_OK);
    assert_false(sw_credit_grant_due(&credit));
    assert_int_equal(sw_credit_receive(&credit, 49, 1), SW_ERR_OK);
    assert_true(sw_credit_grant_due(&credit));
    (void)sw_credit_grant(&credit);
    assert_false(sw_credit_grant_due(&credit));
}

static void lost_frames_do_not_leak_credit(void **state)
{
    struct sw_credit sender, receiver;

    (void)state;
    sw_credit_init(&sender, 1);
    sw_credit_init(&receiver, 100);
    sw_credit_allow(&sender, 100);
    for (int round = 0; round < 50; round++) {
        /* All of the window is sent and lost; a probe states the position. */
        sw_credit_charge(&sender, 100);
        assert_false(sw_credit_may_send(&sender, 1));
        assert_int_equal(sw_credit_receive(&receiver, sender.sent, 0), SW_ERR_OK);
        sw_credit_allow(&sender, sw_credit_grant(&receiver));
        assert_true(sw_credit_may_send(&sender, 100));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent_without_a_grant),
        cmocka_unit_test(an_overrun_is_noticed),
        cmocka_unit_test(a_grant_is_due_at_half_of_the_window),
        cmocka_unit_test(lost_frames_do_not_leak_credit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
