/* Goal: a list of members reads as the node printed it; what is none is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/members.h"

static void reads_who_is_who(void **state)
{
    struct sw_members members;
    const struct sw_member_row *row;

    (void)state;
    assert_true(sw_members_parse(
        "{\"index\":\"7\",\"committed\":true,\"leading\":true,\"next_id\":\"5\",\"members\":["
        "{\"id\":\"1\",\"role\":\"voter\",\"leader\":true,\"up\":true,\"acked_index\":\"9\","
        "\"lag\":\"0\",\"peer\":\"h:1\",\"client\":\"h:2\",\"key\":\"ab\"},"
        "{\"id\":\"4\",\"role\":\"learner\",\"leader\":false,\"up\":false,\"lag\":\"12\"}]}",
        &members));
    assert_int_equal(members.count, 2);
    assert_int_equal(members.next_id, 5);
    assert_true(members.committed);
    assert_true(members.leading);
    row = sw_members_find(&members, 1);
    assert_non_null(row);
    assert_true(row->leader);
    assert_string_equal(row->peer, "h:1");
    assert_string_equal(row->client, "h:2");
    assert_string_equal(row->key, "ab");
    row = sw_members_find(&members, 4);
    assert_non_null(row);
    assert_string_equal(row->role, "learner");
    assert_int_equal(row->lag, 12);
    assert_false(row->up);
    assert_string_equal(row->key, "");
    assert_null(sw_members_find(&members, 2));
}

static void refuses_what_is_none(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"members\":{}}",
                                        "{\"members\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}"};
    struct sw_members members;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(sw_members_parse(texts[i], &members));
    }
    assert_true(sw_members_parse("{\"members\":[]}", &members));
    assert_int_equal(members.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_who_is_who),
        cmocka_unit_test(refuses_what_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
