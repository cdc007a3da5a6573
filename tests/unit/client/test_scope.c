/* A copied scope outlives what it was copied from, and absent names stay absent. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "client/scope.h"

static void names_are_copied(void **state)
{
    char tenant[] = "tenant";
    struct sw_scope scope = {0};

    (void)state;
    assert_int_equal(sw_scope_copy(&scope, (struct swarm_scope){.tenant = tenant}), SWARM_OK);
    memset(tenant, 'x', sizeof tenant - 1);
    assert_string_equal(scope.scope.tenant, "tenant");
    assert_null(scope.scope.name_space);
    assert_null(scope.scope.partition);
}

static void too_long_a_name_is_refused(void **state)
{
    char name[SW_SCOPE_NAME_SIZE + 1];
    struct sw_scope scope = {0};

    (void)state;
    memset(name, 'a', sizeof name);
    name[SW_SCOPE_NAME_SIZE] = '\0';
    assert_int_equal(sw_scope_copy(&scope, (struct swarm_scope){.partition = name}),
                     SWARM_TOO_LARGE);
    name[SW_SCOPE_NAME_SIZE - 1] = '\0';
    assert_int_equal(sw_scope_copy(&scope, (struct swarm_scope){.partition = name}), SWARM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_copied),
        cmocka_unit_test(too_long_a_name_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
