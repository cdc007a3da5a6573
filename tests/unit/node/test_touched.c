/* What was changed is never denied, and little else is said to be. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
/* clang-format on */

#include "node/touched.h"

static uint64_t name_of(const char *partition, uint32_t number)
{
    const struct sw_place place = {.tenant = sw_span_str("t"),
                                   .name_space = sw_span_str("n"),
                                   .partition = sw_span_str(partition)};
    char key[16];
    const int size = snprintf(key, sizeof key, "k%u", number);

    return sw_touched_name(&place, sw_span_of(key, (size_t)size));
}

static void what_was_changed_is_never_denied(void **state)
{
    struct sw_touched touched = {0}, more = {0};

    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        sw_touched_add(i % 2 == 0 ? &touched : &more, name_of("p", i));
    }
    sw_touched_merge(&touched, &more);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_true(sw_touched_maybe(&touched, name_of("p", i)));
    }
}

static void few_others_are_woken(void **state)
{
    struct sw_touched touched = {0};
    uint32_t woken = 0;

    (void)state;
    for (uint32_t i = 0; i < 60; i++) {
        sw_touched_add(&touched, name_of("p", i));
    }
    for (uint32_t i = 0; i < 10000; i++) {
        woken += sw_touched_maybe(&touched, name_of("other", i)) ? 1 : 0;
    }
    assert_in_range(woken, 1, 250);
}

/* The parts of a name do not run into each other. */
static void names_are_of_their_parts(void **state)
{
    const struct sw_place one = {.tenant = sw_span_str("ab"), .name_space = sw_span_str("c")};
    const struct sw_place other = {.tenant = sw_span_str("a"), .name_space = sw_span_str("bc")};

    (void)state;
    assert_true(sw_touched_name(&one, sw_span_str("k")) !=
                sw_touched_name(&other, sw_span_str("k")));
    assert_true(sw_touched_name(&one, sw_span_of(NULL, 0)) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_changed_is_never_denied),
        cmocka_unit_test(few_others_are_woken),
        cmocka_unit_test(names_are_of_their_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
