/* The smallest of many, as a set that no order of arrival changes. Private to index/. */
#ifndef SW_INDEX_SELECT_H
#define SW_INDEX_SELECT_H

#include <stdbool.h>
#include <stdint.h>

/* An entry on its way into an answer; ordered by (key, id), which no two entries share. */
struct sw__candidate {
    int64_t key;
    uint64_t id;
    uint64_t seq;
    uint32_t context;
    uint32_t vector;
    uint16_t slice_at; /* in the state's list */
    bool stale;
};

/* Afterwards the `keep` smallest come first, in no order. */
void sw__select_numbers(uint64_t *numbers, uint32_t count, uint32_t keep);
/* The same, and the last of them is at keep - 1. */
void sw__select_candidates(struct sw__candidate *candidates, uint32_t count, uint32_t keep);
void sw__sort_candidates(struct sw__candidate *candidates, uint32_t count);

#endif
