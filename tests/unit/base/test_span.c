/* Spans compare as keys do in the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

static int order(const char *a, size_t a_size, const char *b, size_t b_size)
{
    const int result = sw_span_compare(sw_span_of(a, a_size), sw_span_of(b, b_size));

    return result < 0 ? -1 : (result > 0 ? 1 : 0);
}

static void order_is_bytewise_and_prefix_first(void **state)
{
    (void)state;
    assert_int_equal(order("a", 1, "b", 1), -1);
    assert_int_equal(order("b", 1, "a", 1), 1);
    assert_int_equal(order("a", 1, "ab", 2), -1);
    assert_int_equal(order("ab", 2, "a", 1), 1);
    assert_int_equal(order("\xff", 1, "a", 1), 1); /* unsigned */
    assert_int_equal(order(NULL, 0, "", 0), 0);
    assert_int_equal(order(NULL, 0, "\0", 1), -1);
    assert_int_equal(order("a\0b", 3, "a\0c", 3), -1);
}

static void equality_looks_at_size_and_bytes(void **state)
{
    (void)state;
    assert_true(sw_span_equal(sw_span_str("x"), sw_span_of("xy", 1)));
    assert_false(sw_span_equal(sw_span_str("x"), sw_span_str("xy")));
    assert_false(sw_span_equal(sw_span_str("x"), sw_span_str("y")));
    assert_true(sw_span_equal(sw_span_of(NULL, 0), sw_span_str("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_bytewise_and_prefix_first),
        cmocka_unit_test(equality_looks_at_size_and_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
