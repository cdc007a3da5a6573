/* Proves that a node's status is read, whatever is missing or wrong. */
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

#include "tools/status.h"

static void members_are_read(void **state)
{
    struct sw_status status;

    (void)state;
    assert_true(sw_status_parse("{\"role\":\"leader\",\"term\":\"18446744073709551615\","
                                "\"digest\":\"ab\",\"ready\":true,\"leader\":\"3\",\"new\":[1]}",
                                &status));
    assert_string_equal(status.role, "leader");
    assert_true(status.term == UINT64_MAX);
    assert_string_equal(status.digest, "ab");
    assert_true(status.ready);
    assert_false(status.disk_full);
    assert_int_equal(status.leader, 3);
    assert_int_equal(status.revision, 0);
}

static void nonsense_is_refused_or_zero(void **state)
{
    struct sw_status status = {.term = 9};

    (void)state;
    assert_false(sw_status_parse("", &status));
    assert_false(sw_status_parse("[1]", &status));
    assert_false(sw_status_parse("{\"role\":", &status));
    assert_int_equal(status.term, 9);
    assert_true(sw_status_parse("{\"term\":\"x\",\"role\":5,\"ready\":\"yes\"}", &status));
    assert_int_equal(status.term, 0);
    assert_string_equal(status.role, "");
    assert_false(status.ready);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_read),
        cmocka_unit_test(nonsense_is_refused_or_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
