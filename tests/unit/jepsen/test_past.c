/* Goal: final reads use fresh process numbers, come later, and miss no key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jepsen/workload/past.h"

static void processes_and_keys(void **state)
{
    struct sw_past past = {0};

    (void)state;
    assert_int_equal(past.free_from, 0);
    sw_past_line(&past, "{:process 3, :type :invoke, :f :add, :value [7 42], :time 1}\n");
    sw_past_line(&past, "{:process 1, :type :invoke, :f :add, :value [2 43], :time 5}\n");
    sw_past_line(&past, "{:process :nemesis, :type :info, :f :kill, :value [99 1], :time 3}\n");
    sw_past_line(&past, "{:proc"); /* cut by a kill */
    assert_int_equal(past.free_from, 4);
    assert_int_equal(past.last_ns, 5);
    assert_int_equal(sw_past_keys(&past, "set"), 8);
}

static void transactions(void **state)
{
    struct sw_past past = {0};

    (void)state;
    sw_past_line(
        &past,
        "{:process 0, :type :ok, :f :txn, :value [[:r 4 nil] [:append 9 1025] [:r 11 [1 30]]]}");
    assert_int_equal(sw_past_keys(&past, "list"), 12);
}

static void parts_of_a_mixed_history(void **state)
{
    struct sw_past past = {0};

    (void)state;
    sw_past_line(&past, "{:process 0, :type :ok, :f :add, :value [7 1], :workload :set}");
    sw_past_line(&past, "{:process 0, :type :ok, :f :read, :value [3 1], :workload :register}");
    assert_int_equal(sw_past_keys(&past, "set"), 8);
    assert_int_equal(sw_past_keys(&past, "register"), 4);
    assert_int_equal(sw_past_keys(&past, "bank"), 0);
    assert_int_equal(sw_past_keys(&past, NULL), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_and_keys),
        cmocka_unit_test(transactions),
        cmocka_unit_test(parts_of_a_mixed_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
