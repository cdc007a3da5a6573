/* Proves what counts as text, and base64 and hex against known answers. */
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

#include "tools/output.h"

static bool text(const char *bytes, size_t size)
{
    return sw_is_text(sw_span_of(bytes, size));
}

static void only_printable_utf8_is_text(void **state)
{
    (void)state;
    assert_true(text("plain\n\ttext", 11));
    assert_true(text("gr\xc3\xbc\xc3\x9f"
                     "e \xf0\x9f\x90\x9d",
                     12));
    assert_true(text("", 0));
    assert_false(text("a\0b", 3));
    assert_false(text("\x1b[31m", 5));
    assert_false(text("\x7f", 1));
    assert_false(text("\xc3", 1));         /* cut off */
    assert_false(text("\xc0\xaf", 2));     /* overlong */
    assert_false(text("\xed\xa0\x80", 3)); /* surrogate */
    assert_false(text("\xf5\x80\x80\x80", 4));
}

static void encodes(const char *bytes, size_t size, enum sw_encoding encoding, const char *want)
{
    char *got = sw_encode(sw_span_of(bytes, size), encoding);

    assert_string_equal(got, want);
    free(got);
}

static void known_answers(void **state)
{
    (void)state; /* base64: RFC 4648, section 10 */
    encodes("", 0, SW_ENCODING_BASE64, "");
    encodes("f", 1, SW_ENCODING_BASE64, "Zg==");
    encodes("fo", 2, SW_ENCODING_BASE64, "Zm8=");
    encodes("foobar", 6, SW_ENCODING_BASE64, "Zm9vYmFy");
    encodes("\xff\xfe\xfd", 3, SW_ENCODING_BASE64, "//79");
    encodes("\x00\xab", 2, SW_ENCODING_HEX, "00ab");
    encodes("text", 4, SW_ENCODING_AUTO, "text");
    encodes("\xff", 1, SW_ENCODING_AUTO, "/w==");
}

static void names_are_parsed(void **state)
{
    enum sw_encoding encoding = SW_ENCODING_AUTO;

    (void)state;
    assert_true(sw_encoding_parse("hex", &encoding));
    assert_int_equal(encoding, SW_ENCODING_HEX);
    assert_false(sw_encoding_parse("HEX", &encoding));
    assert_string_equal(sw_encoding_name(SW_ENCODING_BASE64), "base64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_printable_utf8_is_text),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(names_are_parsed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
