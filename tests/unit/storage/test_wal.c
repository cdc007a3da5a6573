/* Releasing what load gave, whole, empty and twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/wal.h"

static void test_release(void **state)
{
    struct sw_wal_group group = {.descriptor = malloc(1),
                                 .entries = calloc(1, sizeof(struct sw_wal_entry)),
                                 .entry_count = 1,
                                 .blob = malloc(1)};

    (void)state;
    sw_wal_group_release(&group);
    assert_null(group.descriptor);
    assert_null(group.entries);
    assert_null(group.blob);
    assert_int_equal(group.entry_count, 0);
    sw_wal_group_release(&group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_release)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
