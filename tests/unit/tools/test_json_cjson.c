/* A member that is absent or of another kind is empty, zero or false. */
#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/json_cjson.h"

static const char json[] = "{\"text\":\"abc\",\"number\":\"18446744073709551615\",\"bool\":true,"
                           "\"bare\":7,\"over\":\"18446744073709551616\",\"no\":false}";

static void members_are_read_by_name_and_kind(void **state)
{
    cJSON *root = cJSON_Parse(json);
    char text[8];

    (void)state;
    sw_json_text(root, "text", text, sizeof text);
    assert_string_equal(text, "abc");
    sw_json_text(root, "text", text, 3);
    assert_string_equal(text, "ab");
    assert_true(sw_json_number(root, "number") == UINT64_MAX);
    assert_true(sw_json_bool(root, "bool"));
    assert_false(sw_json_bool(root, "no"));
    cJSON_Delete(root);
}

static void what_is_absent_or_another_kind_is_nothing(void **state)
{
    static const char *const others[] = {"absent", "bare", "bool", "Text"};
    cJSON *root = cJSON_Parse(json);
    char text[8];

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        sw_json_text(root, others[i], text, sizeof text);
        assert_string_equal(text, "");
        assert_int_equal(sw_json_number(root, others[i]), 0);
    }
    assert_int_equal(sw_json_number(root, "over"), 0);
    assert_int_equal(sw_json_number(root, "text"), 0);
    assert_false(sw_json_bool(root, "text"));
    assert_int_equal(sw_json_number(NULL, "number"), 0);
    cJSON_Delete(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_read_by_name_and_kind),
        cmocka_unit_test(what_is_absent_or_another_kind_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
