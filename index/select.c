/* Quickselect, whose cuts come from a seeded generator so that no input can make it slow on
 * purpose; see select.h. The outcome is a set, so the cuts do not show. */
#include "index/select.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/prng.h"

enum { CUT_SEED = 0x73656c };

static void swap_numbers(uint64_t *a, uint64_t *b)
{
    const uint64_t kept = *a;

    *a = *b;
    *b = kept;
}

void sw__select_numbers(uint64_t *numbers, uint32_t count, uint32_t keep)
{
    struct sw_prng prng = sw_prng_of(CUT_SEED);
    uint32_t from = 0;
    uint32_t end = count;

    SW_ASSERT(keep >= 1 && keep <= count);
    while (end - from > 1) {
        const uint64_t cut = numbers[from + sw_prng_below(&prng, end - from)];
        uint32_t low = from; /* numbers[from..low) < cut, [low..i) == cut, [high..end) > cut */
        uint32_t high = end;

        for (uint32_t i = from; i < high;) {
            if (numbers[i] < cut) {
                swap_numbers(&numbers[i++], &numbers[low++]);
            } else if (numbers[i] > cut) {
                swap_numbers(&numbers[i], &numbers[--high]);
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
