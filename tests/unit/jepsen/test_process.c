/* Goal: no two workers ever use one process number, not even after retirements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jepsen/workload/process.h"

static void first_numbers(void **state)
{
    (void)state;
    assert_int_equal(sw_process_first(0, 8, 0), 0);
    assert_int_equal(sw_process_first(7, 8, 0), 7);
    assert_int_equal(sw_process_first(0, 8, 1), 8); /* 0 was used */
    assert_int_equal(sw_process_first(3, 8, 16), 19);
    assert_int_equal(sw_process_first(3, 8, 17), 27);
}

static void numbers_stay_the_workers_own(void **state)
{
    static uint8_t used[64 * 5];

    (void)state;
    memset(used, 0, sizeof used);
    for (uint32_t worker = 0; worker < 5; worker++) {
        uint64_t process = sw_process_first(worker, 5, 0);

        for (int i = 0; i < 64; i++) {
            assert_int_equal(process % 5, worker);
            assert_int_equal(used[process], 0);
            used[process] = 1;
            process = sw_process_after_info(process, 5);
        }
    }
}

static void unique_numbers(void **state)
{
    (void)state;
    assert_int_not_equal(sw_process_unique(1, 0), 0); /* 0 stands for "no value" */
    assert_int_equal(sw_process_unique(1, SW_WORKERS_MAX - 1), 2 * SW_WORKERS_MAX - 1);
    assert_int_equal(sw_process_unique(2, 0), 2 * SW_WORKERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_numbers),
        cmocka_unit_test(numbers_stay_the_workers_own),
        cmocka_unit_test(unique_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
