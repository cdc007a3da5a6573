/* A line stays one line, JSON stays JSON, and one incident does not fill the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"

static const char *text_of(struct sw_buf *buf)
{
    sw_write_u8(buf, 0);
    return (const char *)buf->data;
}

static void json_line(void **state)
{
    const struct sw_log_line line = {.wall_ms = 1769862896789,
                                     .level = SW_LOG_WARN,
                                     .event = "peer-down",
                                     .text = "node 2 is gone",
                                     .node = 7,
                                     .suppressed = 3};
    struct sw_buf out = {0};

    (void)state;
    sw_log_format_json(&line, &out);
    assert_string_equal(text_of(&out),
                        "{\"ts\":\"2026-01-31T12:34:56.789Z\",\"level\":\"warn\",\"event\":"
                        "\"peer-down\",\"node\":\"7\",\"suppressed\":3,\"msg\":\"node 2 is "
                        "gone\"}\n");
    sw_buf_release(&out);
}

static void date_is(uint64_t wall_ms, const char *want)
{
    const struct sw_log_line line = {.wall_ms = wall_ms, .event = "e", .text = "t"};
    struct sw_buf out = {0};

    sw_log_format_json(&line, &out);
    assert_non_null(strstr(text_of(&out), want));
    sw_buf_release(&out);
}

static void dates_of_leap_years(void **state)
{
    (void)state;
    date_is(0, "1970-01-01T00:00:00.000Z");
    date_is(951782400000, "2000-02-29T00:00:00.000Z");
    date_is(1709164800000, "2024-02-29T00:00:00.000Z");
    date_is(1709251199999, "2024-02-29T23:59:59.999Z");
    date_is(1735603200000, "2024-12-31T00:00:00.000Z");
    date_is(4107542400000, "2100-03-01T00:00:00.000Z");
}

static void json_is(struct sw_span text, const char *want)
{
    struct sw_buf out = {0};

    sw_json_string(&out, text);
    assert_string_equal(text_of(&out), want);
    sw_buf_release(&out);
}

static void json_strings_are_escaped(void **state)
{
    (void)state;
    json_is(sw_span_str("plain"), "\"plain\"");
    json_is(sw_span_str("a\"b\\c\nd\x7f"), "\"a\\\"b\\\\c\\u000ad\\u007f\"");
    json_is(sw_span_of("\0x", 2), "\"\\u0000x\"");
    json_is(sw_span_str("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9d"),
            "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9d\"");
    json_is(sw_span_str("\xff"), "\"\\ufffd\"");
    json_is(sw_span_str("\xc0\xaf"), "\"\\ufffd\\ufffd\"");            /* overlong */
    json_is(sw_span_str("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
    json_is(sw_span_str("\xe2\x82"), "\"\\ufffd\\ufffd\"");            /* cut short */
}

static void a_text_line_cannot_be_broken_from_outside(void **state)
{
    const struct sw_log_line line = {.wall_ms = 1769862896789,
                                     .level = SW_LOG_INFO,
                                     .event = "client",
                                     .text = "name \x1b[31m\nfake",
                                     .suppressed = 2};
    struct sw_buf out = {0};

    (void)state;
    sw_log_format_text(&line, &out);
    assert_string_equal(text_of(&out),
                        "12:34:56.789 info  client: name ?[31m?fake (2 like it left out)\n");
    sw_buf_release(&out);
}

static void repeats_are_limited_and_counted(void **state)
{
    struct sw_log_limit limit = {0};
    uint64_t suppressed = 9;

    (void)state;
    for (int i = 0; i < SW_LOG_BURST; i++) {
        assert_true(sw_log_limit_pass(&limit, SW_LOG_WARN, "a", 1000, &suppressed));
        assert_int_equal(suppressed, 0);
    }
    for (int i = 0; i < 7; i++) {
        assert_false(sw_log_limit_pass(&limit, SW_LOG_WARN, "a", 1500, &suppressed));
    }
    assert_true(sw_log_limit_pass(&limit, SW_LOG_WARN, "b", 1500, &suppressed));
    assert_true(sw_log_limit_pass(&limit, SW_LOG_WARN, "a", 2000, &suppressed));
    assert_int_equal(suppressed, 7);
    assert_true(sw_log_limit_pass(&limit, SW_LOG_WARN, "a", 2001, &suppressed));
    assert_int_equal(suppressed, 0);
}

static void errors_are_never_held_back(void **state)
{
    struct sw_log_limit limit = {0};
    uint64_t suppressed = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(sw_log_limit_pass(&limit, SW_LOG_ERROR, "disk", 5, &suppressed));
    }
}

static void more_events_than_slots_only_forget(void **state)
{
    struct sw_log_limit limit = {0};
    uint64_t suppressed = 0;
    char event[8] = "e000";

    (void)state;
    for (int i = 0; i < 1000; i++) {
        event[1] = (char)('0' + i / 100);
        event[2] = (char)('0' + i / 10 % 10);
        event[3] = (char)('0' + i % 10);
        assert_true(sw_log_limit_pass(&limit, SW_LOG_WARN, event, (uint64_t)i, &suppressed));
    }
}

static void levels_have_names(void **state)
{
    enum sw_log_level level = SW_LOG_DEBUG;

    (void)state;
    assert_true(sw_log_level_of("error", &level));
    assert_int_equal(level, SW_LOG_ERROR);
    assert_false(sw_log_level_of("loud", &level));
    assert_string_equal(sw_log_level_name(SW_LOG_INFO), "info");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_line),
        cmocka_unit_test(dates_of_leap_years),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(a_text_line_cannot_be_broken_from_outside),
        cmocka_unit_test(repeats_are_limited_and_counted),
        cmocka_unit_test(errors_are_never_held_back),
        cmocka_unit_test(more_events_than_slots_only_forget),
        cmocka_unit_test(levels_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
