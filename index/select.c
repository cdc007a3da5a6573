/* Quickselect, whose cuts come from a seeded generator so that no input can make it slow on
 * purpose; see select.h. The outcome is a set, so the cuts do not show. */
#include "index/select.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/prng.h"

enum { CUT_SEED = 0x73656c, SAMPLE = 20, FEW = 40 };

/* Moves what is at most `cut` to the front; no branch depends on the data. */
static uint32_t keep_below(uint64_t *numbers, uint32_t count, uint64_t cut)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        const uint64_t number = numbers[i];

        numbers[i] = numbers[kept];
        numbers[kept] = number;
        kept += number <= cut;
    }
    return kept;
}

static void sort_few(uint64_t *numbers, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const uint64_t number = numbers[i];
        uint32_t at = i;

        for (; at > 0 && numbers[at - 1] > number; at--) {
            numbers[at] = numbers[at - 1];
        }
        numbers[at] = number;
    }
}

/* A number that somewhat more than `keep` of them are probably not greater than. */
static uint64_t guess(const uint64_t *numbers, uint32_t count, uint32_t keep, uint64_t *state)
{
    uint64_t sample[SAMPLE];
    const uint32_t rank = (uint32_t)((uint64_t)keep * SAMPLE / count);

    for (uint32_t i = 0; i < SAMPLE; i++) {
        *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
        sample[i] = numbers[(*state >> 32) * count >> 32];
    }
    sort_few(sample, SAMPLE);
    return sample[rank + 1 < SAMPLE ? rank + 1 : SAMPLE - 1];
}

void sw__select_numbers(uint64_t *numbers, uint32_t count, uint32_t keep)
{
    uint64_t state = CUT_SEED;
    uint32_t from = 0; /* numbers before it are kept; what is decided is numbers[from..count) */

    SW_ASSERT(keep >= 1 && keep <= count);
    while (count - from > FEW && from < keep) {
        const uint64_t cut = guess(numbers + from, count - from, keep - from, &state);
        const uint32_t kept = keep_below(numbers + from, count - from, cut);

        if (kept == count - from) {
            /* Many are equal: part below from equal, and be done or go on below. */
            const uint32_t low = cut == 0 ? 0 : keep_below(numbers + from, count - from, cut - 1);

            if (keep - from > low) {
                return;
            }
            count = from + low;
        } else if (kept >= keep - from) {
            count = from + kept;
        } else {
            from += kept;
        }
    }
    if (from < keep) {
        sort_few(numbers + from, count - from);
    }
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
