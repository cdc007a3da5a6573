/* Proves the JSON of rows and fields: 64-bit numbers as strings, bytes with their encoding. */
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

static void prints(const struct sw_output *out, const char *want)
{
    char *json = sw_output_json(out);

    assert_string_equal(json, want);
    free(json);
}

static void rows_and_fields(void **state)
{
    struct sw_output out = sample();

    (void)state;
    prints(&out,
           "{\"rows\":[{\"name\":\"a\",\"revision\":\"18446744073709551615\",\"count\":3,"
           "\"up\":true,\"raw\":{\"x\":1}},{\"name\":\"/wA=\",\"name_encoding\":\"base64\","
           "\"revision\":null,\"count\":null,\"up\":null,\"raw\":null}],\"last\":\"7\"}");
    sw_output_release(&out);
}

static void single_row_is_an_object_or_null(void **state)
{
    static const struct sw_column one[] = {{"value", SW_CELL_BYTES}};
    struct sw_output out;

    (void)state;
    sw_output_init(&out, "kv", one, 1);
    out.single = true;
    prints(&out, "{\"kv\":null}");
    sw_output_row(&out);
    sw_output_cell(&out, 0, sw_span_of("\xff", 1));
    prints(&out, "{\"kv\":{\"value\":\"/w==\",\"encoding\":\"base64\"}}");
    out.encoding = SW_ENCODING_HEX;
    prints(&out, "{\"kv\":{\"value\":\"ff\",\"encoding\":\"hex\"}}");
    out.encoding = SW_ENCODING_UTF8; /* JSON cannot carry that byte, so it is base64 all the same */
    prints(&out, "{\"kv\":{\"value\":\"/w==\",\"encoding\":\"base64\"}}");
    sw_output_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_fields),
        cmocka_unit_test(single_row_is_an_object_or_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
