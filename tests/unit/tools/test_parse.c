/* Proves that numbers and times are taken whole or not at all. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "base/text.h"
#include "tools/parse.h"

static void times_need_a_unit(void **state)
{
    uint64_t ms = 0;

    (void)state;
    assert_true(sw_parse_duration("100ms", &ms));
    assert_int_equal(ms, 100);
    assert_true(sw_parse_duration("2m", &ms));
    assert_int_equal(ms, 120000);
    assert_false(sw_parse_duration("5", &ms));
    assert_false(sw_parse_duration("s", &ms));
    assert_false(sw_parse_duration("5 s", &ms));
    assert_false(sw_parse_duration("99999999999999999999s", &ms));
    assert_false(sw_parse_duration("18446744073709551615h", &ms));
}

static void numbers_do_not_overflow(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_true(sw_text_number("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    assert_false(sw_text_number("18446744073709551616", &value));
    assert_false(sw_text_number("+1", &value));
    assert_false(sw_text_number("", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_need_a_unit),
        cmocka_unit_test(numbers_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
