/* Goal: what cannot be is found, what can be is not blamed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/chaos_check.h"

static struct sw_chaos_check check;

static int fresh(void **state)
{
    (void)state;
    memset(&check, 0, sizeof check);
    return 0;
}

static void an_honest_history(void **state)
{
    uint64_t floor;

    (void)state;
    sw_chaos_check_read(&check, 3, 0, 0, 0); /* nobody has written */
    sw_chaos_check_wrote(&check, 3, 0, 10, 5);
    floor = sw_chaos_check_floor(&check, 3);
    assert_int_equal(floor, 5);
    sw_chaos_check_read(&check, 3, floor, 10, 5);
    sw_chaos_check_read(&check, 3, floor, 20, 9); /* of a write whose answer is not here yet */
    sw_chaos_check_wrote(&check, 3, 0, 20, 9);
    sw_chaos_check_read(&check, 3, floor, 10, 5);  /* began before 9 was known */
    sw_chaos_check_wrote(&check, 3, floor, 30, 8); /* so did this one */
    assert_int_equal(sw_chaos_check_floor(&check, 3), 9);
    sw_chaos_check_wrote(&check, 4, 0, 40, 1); /* another key is another story */
    assert_true(sw_chaos_check_holds(&check));
    assert_string_equal(check.first, "");
}

static void a_lost_write(void **state)
{
    (void)state;
    sw_chaos_check_wrote(&check, 0, 0, 10, 5);
    sw_chaos_check_read(&check, 0, 5, 0, 0);
    assert_int_equal(check.lost, 1);
    assert_false(sw_chaos_check_holds(&check));
    assert_non_null(strstr(check.first, "is gone"));
}

static void a_stale_read(void **state)
{
    (void)state;
    sw_chaos_check_wrote(&check, 0, 0, 10, 5);
    sw_chaos_check_wrote(&check, 0, 5, 20, 6);
    sw_chaos_check_read(&check, 0, sw_chaos_check_floor(&check, 0), 10, 5);
    assert_int_equal(check.lost, 1);
    assert_non_null(strstr(check.first, "stale"));
}

/* What one read saw, no later one may miss. */
static void a_read_that_goes_back(void **state)
{
    (void)state;
    sw_chaos_check_read(&check, 0, 0, 20, 6);
    sw_chaos_check_read(&check, 0, sw_chaos_check_floor(&check, 0), 10, 5);
    assert_int_equal(check.lost, 1);
}

static void values_that_do_not_belong(void **state)
{
    (void)state;
    sw_chaos_check_wrote(&check, 0, 0, 10, 5);
    sw_chaos_check_read(&check, 0, 5, 11, 5);
    assert_int_equal(check.wrong, 1);
    sw_chaos_check_read(&check, 0, 5, 0, 7); /* bytes that nobody wrote */
    assert_int_equal(check.wrong, 2);
}

static void a_write_that_goes_back(void **state)
{
    (void)state;
    sw_chaos_check_wrote(&check, 0, 0, 10, 5);
    sw_chaos_check_wrote(&check, 0, sw_chaos_check_floor(&check, 0), 20, 5);
    assert_int_equal(check.back, 1);
    assert_false(sw_chaos_check_holds(&check));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_honest_history, fresh),
        cmocka_unit_test_setup(a_lost_write, fresh),
        cmocka_unit_test_setup(a_stale_read, fresh),
        cmocka_unit_test_setup(a_read_that_goes_back, fresh),
        cmocka_unit_test_setup(values_that_do_not_belong, fresh),
        cmocka_unit_test_setup(a_write_that_goes_back, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
