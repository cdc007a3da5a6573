/* Thresholds by bisection, each step of which counts all values without a branch; and quickselect,
 * whose cuts come from a seeded generator so that no input can make it slow on purpose. The outcome
 * is a set, so neither cuts nor order show; see select.h. */
#include "index/select.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/prng.h"
#include "index/vector.h"

enum { CUT_SEED = 0x73656c };

SW__CLONES static uint32_t
count_estimates(const int32_t *restrict values, uint32_t count, int32_t limit)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        kept += values[i] <= limit;
    }
    return kept;
}

SW__CLONES static void range_of_estimates(const int32_t *restrict values,
                                          uint32_t count,
                                          int32_t *ret_low,
                                          int32_t *ret_high)
{
    int32_t low = INT32_MAX;
    int32_t high = INT32_MIN;

    for (uint32_t i = 0; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    *ret_low = low;
    *ret_high = high;
}

int32_t sw__select_estimate(
    const int32_t *values, uint32_t count, uint32_t keep, uint32_t slack, uint32_t *ret_kept)
{
    uint32_t kept = count; /* are not above `high`; fewer than `keep` are below `low` */
    int32_t low;
    int32_t high;

    SW_ASSERT(keep >= 1 && keep <= count);
    range_of_estimates(values, count, &low, &high);
    while (kept > keep + slack && low < high) {
        const int32_t middle = (int32_t)(((int64_t)low + high) >> 1);
        const uint32_t below = count_estimates(values, count, middle);

        if (below >= keep) {
            high = middle;
            kept = below;
        } else {
            low = middle + 1;
        }
    }
    *ret_kept = kept;
    return high;
}

SW__CLONES static uint32_t count_keys(const int64_t *restrict values, uint32_t count, int64_t limit)
{
    uint64_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        kept += values[i] <= limit;
    }
    return (uint32_t)kept;
}

int64_t sw__select_key(const int64_t *values, uint32_t count, uint32_t keep, uint32_t *ret_kept)
{
    uint32_t kept = count;
    int64_t low = INT64_MAX;
    int64_t high = INT64_MIN;

    SW_ASSERT(keep >= 1 && keep <= count);
    for (uint32_t i = 0; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    while (kept > keep && low < high) {
        const int64_t middle = low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2);
        const uint32_t below = count_keys(values, count, middle);

        if (below >= keep) {
            high = middle;
            kept = below;
        } else {
            low = middle + 1;
        }
    }
    *ret_kept = kept;
    return high;
}

static int order(const struct sw__candidate *a, const struct sw__candidate *b)
{
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->id < b->id ? -1 : (a->id > b->id ? 1 : 0);
}

static void swap_candidates(struct sw__candidate *a, struct sw__candidate *b)
{
    const struct sw__candidate kept = *a;

    *a = *b;
    *b = kept;
}

void sw__select_candidates(struct sw__candidate *candidates, uint32_t count, uint32_t keep)
{
    struct sw_prng prng = sw_prng_of(CUT_SEED);
    uint32_t from = 0;
    uint32_t end = count;

    SW_ASSERT(keep >= 1 && keep <= count);
    while (end - from > 1) {
        const struct sw__candidate cut = candidates[from + sw_prng_below(&prng, end - from)];
        uint32_t low = from;
        uint32_t high = end;

        for (uint32_t i = from; i < high;) {
            const int to_cut = order(&candidates[i], &cut);

            if (to_cut < 0) {
                swap_candidates(&candidates[i++], &candidates[low++]);
            } else if (to_cut > 0) {
                swap_candidates(&candidates[i], &candidates[--high]);
            } else {
                i++;
            }
        }
        if (keep <= low) {
            end = low;
        } else if (keep <= high) {
            return;
        } else {
            from = high;
        }
    }
}

static int compare(const void *a, const void *b)
{
    return order(a, b);
}

void sw__sort_candidates(struct sw__candidate *candidates, uint32_t count)
{
    if (count > 1) {
        qsort(candidates, count, sizeof(*candidates), compare);
    }
}
