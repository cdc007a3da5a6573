/* Each merge operator: what it makes of a value, of no value, and of one that is not its own. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "transport/merge.h"

/* `stored` NULL: there is no such key. */
static void expect(enum sw_merge merge, const char *stored, const char *operand, const char *result)
{
    struct sw_buf out = {0};
    char why[SW_WHY_SIZE] = "";

    assert_int_equal(sw_merge_check(merge, sw_span_str(operand), why), SW_ERR_OK);
    sw_write_u8(&out, 'x'); /* what is there already stays */
    assert_int_equal(sw_merge_value(merge,
                                    stored != NULL,
                                    sw_span_str(stored != NULL ? stored : ""),
                                    sw_span_str(operand),
                                    &out),
                     SW_ERR_OK);
    assert_int_equal(out.size, 1 + strlen(result));
    assert_memory_equal(out.data + 1, result, strlen(result));
    sw_buf_release(&out);
}

static void
expect_err(enum sw_merge merge, const char *stored, const char *operand, enum sw_err err)
{
    struct sw_buf out = {0};

    assert_int_equal(sw_merge_value(merge, true, sw_span_str(stored), sw_span_str(operand), &out),
                     err);
    assert_int_equal(out.size, 0);
    sw_buf_release(&out);
}

static void expect_refused(enum sw_merge merge, const char *operand)
{
    char why[SW_WHY_SIZE] = "";

    assert_int_equal(sw_merge_check(merge, sw_span_str(operand), why), SW_ERR_INVALID);
    assert_true(strlen(why) > 10);
}

static void replace_and_append_take_any_bytes(void **state)
{
    (void)state;
    expect(SW_MERGE_REPLACE, NULL, "new", "new");
    expect(SW_MERGE_REPLACE, "old", "", "");
    expect(SW_MERGE_APPEND, NULL, "a", "a");
    expect(SW_MERGE_APPEND, "old", "", "old");
    expect(SW_MERGE_APPEND, "old", "new", "oldnew");
}

static void append_stops_at_the_limit_of_a_value(void **state)
{
    static uint8_t big[SW_VALUE_SIZE_MAX];
    struct sw_buf out = {0};
    const struct sw_span almost = sw_span_of(big, sizeof big - 1);

    (void)state;
    assert_int_equal(sw_merge_value(SW_MERGE_APPEND, true, almost, sw_span_str("ab"), &out),
                     SW_ERR_TOO_LARGE);
    assert_int_equal(out.size, 0);
    assert_int_equal(sw_merge_value(SW_MERGE_APPEND, true, almost, sw_span_str("a"), &out),
                     SW_ERR_OK);
    assert_int_equal(out.size, SW_VALUE_SIZE_MAX);
    sw_buf_release(&out);
}

static void numbers_are_added_and_compared(void **state)
{
    (void)state;
    expect(SW_MERGE_ADD, NULL, "5", "5");
    expect(SW_MERGE_ADD, NULL, "-5", "-5");
    expect(SW_MERGE_ADD, "10", "-15", "-5");
    expect(SW_MERGE_ADD, "-1", "1", "0");
    expect(SW_MERGE_ADD, "9223372036854775806", "1", "9223372036854775807");
    expect(SW_MERGE_ADD, "-9223372036854775807", "-1", "-9223372036854775808");
    expect(SW_MERGE_MAX, NULL, "-3", "-3");
    expect(SW_MERGE_MAX, "-4", "-3", "-3");
    expect(SW_MERGE_MAX, "7", "-3", "7");
    expect(SW_MERGE_MIN, NULL, "3", "3");
    expect(SW_MERGE_MIN, "7", "-9223372036854775808", "-9223372036854775808");
    expect(SW_MERGE_MIN, "-4", "-3", "-4");
}

static void sums_outside_64_bits_are_out_of_range(void **state)
{
    (void)state;
    expect_err(SW_MERGE_ADD, "9223372036854775807", "1", SW_ERR_OUT_OF_RANGE);
    expect_err(SW_MERGE_ADD, "-9223372036854775808", "-1", SW_ERR_OUT_OF_RANGE);
}

/* One form each: so equal numbers are equal bytes. */
static void numbers_have_one_form(void **state)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "01",
                                      "-0",
                                      "-01",
                                      "1 ",
                                      " 1",
                                      "1a",
                                      "0x1",
                                      "1.0",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "one"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_refused(SW_MERGE_ADD, bad[i]);
        expect_refused(SW_MERGE_MIN, bad[i]);
        expect_err(SW_MERGE_ADD, bad[i], "1", SW_ERR_WRONG_TYPE);
        expect_err(SW_MERGE_MAX, bad[i], "1", SW_ERR_WRONG_TYPE);
    }
}

static void sets_unite_in_one_order(void **state)
{
    (void)state;
    expect(SW_MERGE_SET_UNION, NULL, "b\na\n", "a\nb\n");
    expect(SW_MERGE_SET_UNION, "", "a", "a\n");
    expect(SW_MERGE_SET_UNION, "a\nc\n", "b", "a\nb\nc\n");
    expect(SW_MERGE_SET_UNION, "b\n", "a\nb\nc\nb", "a\nb\nc\n");
    expect(SW_MERGE_SET_UNION, "a\nb\n", "b\na\na", "a\nb\n");
    expect(SW_MERGE_SET_UNION, "a\nab\n", "aa", "a\naa\nab\n");
}

static void what_is_no_set_is_refused(void **state)
{
    (void)state;
    expect_refused(SW_MERGE_SET_UNION, "");
    expect_refused(SW_MERGE_SET_UNION, "\n");
    expect_refused(SW_MERGE_SET_UNION, "a\n\nb");
    expect_err(SW_MERGE_SET_UNION, "a", "b", SW_ERR_WRONG_TYPE);
    expect_err(SW_MERGE_SET_UNION, "b\na\n", "c", SW_ERR_WRONG_TYPE);
    expect_err(SW_MERGE_SET_UNION, "a\na\n", "c", SW_ERR_WRONG_TYPE);
    expect_err(SW_MERGE_SET_UNION, "a\n\n", "c", SW_ERR_WRONG_TYPE);
}

static void a_set_stops_at_the_limit_of_a_value(void **state)
{
    char *stored = malloc(SW_VALUE_SIZE_MAX);
    struct sw_buf out = {0};

    (void)state;
    memset(stored, 'x', SW_VALUE_SIZE_MAX);
    stored[SW_VALUE_SIZE_MAX - 1] = '\n';
    assert_int_equal(sw_merge_value(SW_MERGE_SET_UNION,
                                    true,
                                    sw_span_of(stored, SW_VALUE_SIZE_MAX),
                                    sw_span_str("y"),
                                    &out),
                     SW_ERR_TOO_LARGE);
    assert_int_equal(out.size, 0);
    sw_buf_release(&out);
    free(stored);
}

static void names_are_found_back(void **state)
{
    enum sw_merge merge = SW_MERGE_COUNT;

    (void)state;
    for (int i = 1; i < SW_MERGE_COUNT; i++) {
        assert_true(sw_merge_by_name(sw_merge_name((enum sw_merge)i), &merge));
        assert_int_equal(merge, i);
    }
    assert_false(sw_merge_by_name("xor", &merge));
    assert_string_equal(sw_merge_name(SW_MERGE_COUNT), "?");
    expect_refused(SW_MERGE_COUNT, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replace_and_append_take_any_bytes),
        cmocka_unit_test(append_stops_at_the_limit_of_a_value),
        cmocka_unit_test(numbers_are_added_and_compared),
        cmocka_unit_test(sums_outside_64_bits_are_out_of_range),
        cmocka_unit_test(numbers_have_one_form),
        cmocka_unit_test(sets_unite_in_one_order),
        cmocka_unit_test(what_is_no_set_is_refused),
        cmocka_unit_test(a_set_stops_at_the_limit_of_a_value),
        cmocka_unit_test(names_are_found_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
