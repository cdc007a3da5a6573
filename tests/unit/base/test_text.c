/* Goal: whole input or nothing, no overflow, no sign, no blanks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void numbers(void **state)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1x", "18446744073709551616"};
    uint64_t value = 7;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(sw_text_number(bad[i], &value));
        assert_int_equal(value, 7);
    }
    assert_true(sw_text_number("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    assert_true(sw_text_number("007", &value));
    assert_int_equal(value, 7);
}

static void digits_stop_at_what_follows(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_string_equal(sw_text_digits("15ms", &value), "ms");
    assert_int_equal(value, 15);
    assert_null(sw_text_digits("ms", &value));
    assert_null(sw_text_digits("99999999999999999999ms", &value));
}

static void hex(void **state)
{
    uint8_t out[2] = {0};

    (void)state;
    assert_true(sw_text_hex("0aFf", out, 2));
    assert_int_equal(out[0], 0x0a);
    assert_int_equal(out[1], 0xff);
    assert_false(sw_text_hex("0aF", out, 2));
    assert_false(sw_text_hex("0aFff", out, 2));
    assert_false(sw_text_hex("0aFg", out, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(digits_stop_at_what_follows),
        cmocka_unit_test(hex),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
