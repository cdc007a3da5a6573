/* Goal: lines that Jepsen's readers take, and no line that is silently cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jepsen/workload/edn.h"

static void a_line(void **state)
{
    struct sw_edn edn = {0};

    (void)state;
    assert_string_equal(sw_edn_text(&edn), "");
    sw_edn_line(&edn,
                &(struct sw_edn_line){.process = 3,
                                      .type = "ok",
                                      .f = "write",
                                      .value = "[7 42]",
                                      .time_ns = 23456,
                                      .extra = ", :revision 17"});
    assert_string_equal(
        sw_edn_text(&edn),
        "{:process 3, :type :ok, :f :write, :value [7 42], :time 23456, :revision 17}\n");
    assert_int_equal(edn.size, strlen(edn.data));
    sw_edn_clear(&edn);
    assert_string_equal(sw_edn_text(&edn), "");
    sw_edn_release(&edn);
}

static void zero_is_nil(void **state)
{
    struct sw_edn edn = {0};

    (void)state;
    sw_edn_number(&edn, 0);
    sw_edn_add(&edn, " ");
    sw_edn_number(&edn, UINT64_MAX);
    assert_string_equal(sw_edn_text(&edn), "nil 18446744073709551615");
    sw_edn_release(&edn);
}

static void grows_to_its_bound_and_says_when_cut(void **state)
{
    static char block[(1 << 16) + 1];
    struct sw_edn edn = {0};
    size_t size = 0;

    (void)state;
    memset(block, 'x', sizeof block - 1);
    while (size + sizeof block - 1 < SW_EDN_SIZE_MAX) {
        sw_edn_add(&edn, "%s", block);
        size += sizeof block - 1;
        assert_false(edn.cut);
        assert_int_equal(edn.size, size);
    }
    sw_edn_add(&edn, "%s", block);
    assert_true(edn.cut);
    sw_edn_add(&edn, "x"); /* what comes after the cut does not make it whole */
    assert_true(edn.cut);
    assert_int_equal(edn.size, size);
    sw_edn_release(&edn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line),
        cmocka_unit_test(zero_is_nil),
        cmocka_unit_test(grows_to_its_bound_and_says_when_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
