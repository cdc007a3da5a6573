/* Proves the plain and table forms of rows and fields. */
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

static const struct sw_column columns[] = {{"name", SW_CELL_BYTES},
                                           {"revision", SW_CELL_TEXT},
                                           {"count", SW_CELL_SMALL},
                                           {"up", SW_CELL_BOOL},
                                           {"raw", SW_CELL_JSON}};

static struct sw_output sample(void)
{
    struct sw_output out;

    sw_output_init(&out, "rows", columns, 5);
    sw_output_row(&out);
    sw_output_text(&out, 0, "a");
    sw_output_number(&out, 1, UINT64_MAX);
    sw_output_number(&out, 2, 3);
    sw_output_text(&out, 3, "true");
    sw_output_text(&out, 4, "{\"x\":1}");
    sw_output_row(&out);
    sw_output_cell(&out, 0, sw_span_of("\xff\0", 2));
    sw_output_field_number(&out, "last", 7);
    return out;
}

static void
prints(const struct sw_output *out, enum sw_format format, const char *want, size_t size)
{
    char *text = NULL;
    size_t got = 0;
    FILE *file = open_memstream(&text, &got);

    assert_non_null(file);
    assert_true(sw_output_print(out, format, file));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(got, size);
    assert_int_equal(memcmp(text, want, size), 0);
    free(text);
}

static void plain_is_tabs_and_bytes_as_they_are(void **state)
{
    static const char want[] = "a\t18446744073709551615\t3\ttrue\n\xff\0\t\t\t\n";
    struct sw_output out = sample();

    (void)state;
    prints(&out, SW_FORMAT_PLAIN, want, sizeof want - 1);
    sw_output_release(&out);
}

static void fields_alone_are_lines(void **state)
{
    struct sw_output out;

    (void)state;
    sw_output_init(&out, "", NULL, 0);
    sw_output_field(&out, "version", SW_CELL_TEXT, "1");
    prints(&out, SW_FORMAT_PLAIN, "1\n", 2);
    prints(&out, SW_FORMAT_TABLE, "version: 1\n", 11);
    sw_output_release(&out);
}

static void many_rows_are_kept(void **state)
{
    struct sw_output out;

    (void)state;
    sw_output_init(&out, "rows", columns, 5);
    for (uint64_t i = 0; i < 1000; i++) {
        sw_output_row(&out);
        sw_output_number(&out, 2, i);
    }
    for (size_t i = 0; i < 1000; i++) {
        char want[8];

        (void)snprintf(want, sizeof want, "%zu", i);
        assert_string_equal(sw_output_at(&out, i, 2)->text, want);
        assert_null(sw_output_at(&out, i, 0)->text);
    }
    sw_output_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_is_tabs_and_bytes_as_they_are),
        cmocka_unit_test(fields_alone_are_lines),
        cmocka_unit_test(many_rows_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
