/* Proves that the public questions about a status agree with the error table. */
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

#include "base/err.h"
#include "client/include/swarm.h"

static void every_row_is_public(void **state)
{
    uint32_t count = 0;
    const struct sw_err_info *rows = sw_err_all(&count);

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        const enum swarm_status status = (enum swarm_status)rows[i].err;

        assert_string_equal(swarm_status_name(status), rows[i].name);
        assert_string_equal(swarm_strerror(status), rows[i].text);
        assert_string_equal(swarm_hint(status), rows[i].hint);
        assert_int_equal(swarm_maybe_committed(status), rows[i].outcome == SW_OUTCOME_UNKNOWN);
    }
}

static void questions_of_programs_are_answered(void **state)
{
    (void)state;
    assert_int_equal(swarm_outcome(SWARM_OK), SWARM_DONE);
    assert_int_equal(swarm_outcome(SWARM_CONFLICT), SWARM_NOT_DONE);
    assert_int_equal(swarm_outcome(SWARM_DEADLINE), SWARM_UNKNOWN);
    assert_int_equal(swarm_outcome((enum swarm_status)9999), SWARM_UNKNOWN);
    assert_true(swarm_retryable(SWARM_OVERLOADED));
    assert_false(swarm_retryable(SWARM_INVALID));
    assert_true(swarm_retryable_not_committed(SWARM_NOT_LEADER));
    assert_false(swarm_retryable_not_committed(SWARM_LEADERSHIP_LOST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_public),
        cmocka_unit_test(questions_of_programs_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
