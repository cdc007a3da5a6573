/* Refusals: the first at once, the others by the minute, and never more than there are rows. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "node/denials.h"

static struct sw_author author_of(uint8_t number)
{
    return (struct sw_author){.id = {number, 1}};
}

static bool
add(struct sw_denials *denials, uint8_t number, uint64_t now_ms, struct sw_audit_note *note)
{
    const struct sw_author author = author_of(number);
    const struct sw_request request = {.op = SW_OP_GET,
                                       .tenant = sw_span_str("acme"),
                                       .name_space = sw_span_str("n"),
                                       .partition = sw_span_str("p")};

    return sw_denials_add(denials, &author, &request, now_ms, note);
}

static void the_first_is_noted_and_the_rest_is_counted(void **state)
{
    static struct sw_denials denials;
    struct sw_audit_note note;

    (void)state;
    assert_true(add(&denials, 1, 1000, &note));
    assert_int_equal(note.count, 1);
    assert_int_equal(note.outcome, SW_ERR_UNAUTHORIZED);
    assert_int_equal(note.author[0], 1);
    assert_true(sw_span_equal(note.action, sw_span_str("get")));
    assert_true(sw_span_equal(note.target, sw_span_str("acme/n/p")));
    for (int i = 0; i < 5; i++) {
        assert_false(add(&denials, 1, 2000, &note));
    }
    assert_false(sw_denials_due(&denials, 1000 + SW_DENIAL_WINDOW_MS - 1, &note));
    assert_true(sw_denials_due(&denials, 1000 + SW_DENIAL_WINDOW_MS, &note));
    assert_int_equal(note.count, 5);
    assert_false(sw_denials_due(&denials, 1000 + SW_DENIAL_WINDOW_MS, &note));
}

static void who_is_quiet_for_a_minute_is_forgotten(void **state)
{
    static struct sw_denials denials;
    struct sw_audit_note note;

    (void)state;
    assert_true(add(&denials, 1, 0, &note));
    assert_true(add(&denials, 2, 0, &note));
    assert_false(sw_denials_due(&denials, SW_DENIAL_WINDOW_MS, &note));
    assert_int_equal(denials.count, 0);
    assert_true(add(&denials, 1, SW_DENIAL_WINDOW_MS, &note));
}

static void a_crowd_shares_the_last_row(void **state)
{
    static struct sw_denials denials;
    struct sw_audit_note note;
    uint32_t notes = 0;

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 1; i <= 200; i++) {
            notes += add(&denials, (uint8_t)i, 0, &note) ? 1 : 0;
        }
    }
    assert_int_equal(notes, SW_DENIAL_COUNT_MAX);
    assert_int_equal(denials.count, SW_DENIAL_COUNT_MAX);
    notes = 0;
    while (sw_denials_due(&denials, SW_DENIAL_WINDOW_MS, &note)) {
        notes += note.count;
    }
    assert_int_equal(notes, 600 - SW_DENIAL_COUNT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_noted_and_the_rest_is_counted),
        cmocka_unit_test(who_is_quiet_for_a_minute_is_forgotten),
        cmocka_unit_test(a_crowd_shares_the_last_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
