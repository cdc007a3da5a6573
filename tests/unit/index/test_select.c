/* The smallest come first, whatever the order and however many are equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "index/select.h"

enum { COUNT_MAX = 300, ROUNDS = 3000 };

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : (x > y ? 1 : 0);
}

static void numbers_are_parted(void **state)
{
    struct sw_prng prng = sw_prng_of(1);
    uint64_t numbers[COUNT_MAX];
    uint64_t sorted[COUNT_MAX];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        const uint32_t count = (uint32_t)sw_prng_range(&prng, 1, COUNT_MAX);
        const uint32_t keep = (uint32_t)sw_prng_range(&prng, 1, count);
        const uint64_t range = sw_prng_range(&prng, 1, 400);

        for (uint32_t i = 0; i < count; i++) {
            numbers[i] = sorted[i] = sw_prng_below(&prng, range);
        }
        qsort(sorted, count, sizeof(sorted[0]), compare_numbers);
        sw__select_numbers(numbers, count, keep);
        qsort(numbers, keep, sizeof(numbers[0]), compare_numbers);
        assert_memory_equal(numbers, sorted, keep * sizeof(numbers[0]));
    }
}

static void candidates_are_parted_by_key_and_id(void **state)
{
    struct sw_prng prng = sw_prng_of(2);
    struct sw__candidate candidates[COUNT_MAX];
    struct sw__candidate sorted[COUNT_MAX];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        const uint32_t count = (uint32_t)sw_prng_range(&prng, 1, COUNT_MAX);
        const uint32_t keep = (uint32_t)sw_prng_range(&prng, 1, count);
        const uint64_t range = sw_prng_range(&prng, 1, 40);

        for (uint32_t i = 0; i < count; i++) {
            candidates[i] = (struct sw__candidate){.key = (int64_t)sw_prng_below(&prng, range) - 20,
                                                   .id = 7919 * i % 1000003};
            sorted[i] = candidates[i];
        }
        sw__sort_candidates(sorted, count);
        for (uint32_t i = 1; i < count; i++) {
            assert_true(sorted[i - 1].key < sorted[i].key ||
                        (sorted[i - 1].key == sorted[i].key && sorted[i - 1].id < sorted[i].id));
        }
        sw__select_candidates(candidates, count, keep);
        assert_int_equal(candidates[keep - 1].key, sorted[keep - 1].key);
        assert_int_equal(candidates[keep - 1].id, sorted[keep - 1].id);
        sw__sort_candidates(candidates, keep);
        for (uint32_t i = 0; i < keep; i++) {
            assert_int_equal(candidates[i].id, sorted[i].id);
        }
    }
    sw__sort_candidates(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_parted),
        cmocka_unit_test(candidates_are_parted_by_key_and_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
