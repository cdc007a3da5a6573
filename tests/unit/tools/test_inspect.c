/* Where swarm-inspect looks, and the exit code of what stops it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/inspect.h"

static void the_part_of_a_data_directory_is_found(void **state)
{
    char root[] = "/tmp/swarm-inspect-XXXXXX";
    char place[64];
    char expected[64];

    (void)state;
    assert_non_null(mkdtemp(root));
    assert_ptr_equal(sw_inspect_dir(root, "wal", place, sizeof(place)), root);
    (void)snprintf(expected, sizeof(expected), "%s/wal", root);
    assert_int_equal(mkdir(expected, 0700), 0);
    assert_string_equal(sw_inspect_dir(root, "wal", place, sizeof(place)), expected);
    assert_ptr_equal(sw_inspect_dir(root, "state", place, sizeof(place)), root);
    /* What does not fit is taken as it was given. */
    assert_ptr_equal(sw_inspect_dir(root, "wal", place, strlen(expected)), root);
    assert_int_equal(rmdir(expected), 0);
    assert_int_equal(rmdir(root), 0);
}

static void exit_codes_are_the_table_s(void **state)
{
    (void)state;
    assert_int_equal(sw_inspect_fail(SW_ERR_NOT_FOUND, "no such directory"), 3);
    assert_int_equal(sw_inspect_fail(SW_ERR_CORRUPT, "a sum"), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_part_of_a_data_directory_is_found),
        cmocka_unit_test(exit_codes_are_the_table_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
