/* The smallest of many, as a set that no order of arrival changes. Private to index/. */
#ifndef SW_INDEX_SELECT_H
#define SW_INDEX_SELECT_H

#include <stdint.h>

/* An entry on its way into an answer; ordered by (key, id), which no two entries share. */
struct sw__candidate {
    int64_t key;
    uint64_t id;
    const uint8_t *row; /* of the map */
    int64_t estimate;   /* of its distance */
    uint32_t row_size;
    uint32_t lane; /* of the listed blocks */
};

/* A threshold that at least `keep` of the values do not exceed, and at most keep + slack unless
 * many are equal; *ret_kept is how many. With no slack it is the keep-th smallest, or, if so many
 * are below it, less than the next. A function of the values alone, not of their order. */
int32_t sw__select_estimate(
    const int32_t *values, uint32_t count, uint32_t keep, uint32_t slack, uint32_t *ret_kept);
int64_t sw__select_key(const int64_t *values, uint32_t count, uint32_t keep, uint32_t *ret_kept);
/* Afterwards the `keep` smallest come first, in no order, and the last of them is at keep - 1. */
void sw__select_candidates(struct sw__candidate *candidates, uint32_t count, uint32_t keep);
void sw__sort_candidates(struct sw__candidate *candidates, uint32_t count);

#endif
