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

static int compare_keys(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;

    return x < y ? -1 : (x > y ? 1 : 0);
}

static uint32_t not_above(const int64_t *sorted, uint32_t count, int64_t limit)
{
    uint32_t kept = 0;

    while (kept < count && sorted[kept] <= limit) {
        kept++;
    }
    return kept;
}

/* Fewer than the next greater value would keep; no more than asked for, unless they are equal. */
static void assert_threshold(
    const int64_t *sorted, uint32_t count, uint32_t keep, uint32_t slack, int64_t limit)
{
    const uint32_t kept = not_above(sorted, count, limit);

    assert_true(kept >= keep);
    assert_true(kept <= keep + slack || sorted[kept - 1] == sorted[keep - 1]);
}

static void thresholds_keep_what_is_asked(void **state)
{
    struct sw_prng prng = sw_prng_of(1);
    int32_t estimates[COUNT_MAX];
    int64_t keys[COUNT_MAX];
    int64_t sorted[COUNT_MAX];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        const uint32_t count = (uint32_t)sw_prng_range(&prng, 1, COUNT_MAX);
        const uint32_t keep = (uint32_t)sw_prng_range(&prng, 1, count);
        const uint32_t slack = round % 2 == 0 ? 0 : (uint32_t)sw_prng_below(&prng, 40);
        const uint64_t range = sw_prng_range(&prng, 1, round % 3 == 0 ? UINT32_MAX : 400);
        uint32_t kept = 0;
        int64_t limit;

        for (uint32_t i = 0; i < count; i++) {
            estimates[i] = (int32_t)((int64_t)sw_prng_below(&prng, range) - (int64_t)(range / 2));
            keys[i] = round % 5 == 0 ? estimates[i] * (INT64_C(1) << 31) : estimates[i];
            sorted[i] = estimates[i];
        }
        qsort(sorted, count, sizeof(sorted[0]), compare_keys);
        limit = sw__select_estimate(estimates, count, keep, slack, &kept);
        assert_threshold(sorted, count, keep, slack, limit);
        assert_int_equal(kept, not_above(sorted, count, limit));
        for (uint32_t i = 0; round % 5 == 0 && i < count; i++) {
            sorted[i] *= INT64_C(1) << 31;
        }
        limit = sw__select_key(keys, count, keep, &kept);
        assert_threshold(sorted, count, keep, 0, limit);
        assert_int_equal(kept, not_above(sorted, count, limit));
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
        cmocka_unit_test(thresholds_keep_what_is_asked),
        cmocka_unit_test(candidates_are_parted_by_key_and_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
