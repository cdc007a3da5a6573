/* Recall that is measured, and what it says of an index's budget. Pure.
 *
 * A sample asks the index about one of its own entries, twice: as a search without a wish would,
 * and comparing everything; itself it leaves out. Ties count: whatever is as near as the last of
 * the true nearest is one of them. A third search, with the same buckets and four times the
 * candidates, tells whether buckets or candidates were lacking. The window has the newest samples
 * that were taken with the budget in force.
 *
 * The next budget is a step of a quarter, and only when the recall of a full enough window is
 * outside of a band around the target: below it, more of what was lacking; far above it, less of
 * both. So it rests inside the band, and is bounded at both ends. */
#ifndef SW_NODE_TUNE_H
#define SW_NODE_TUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "index/search.h"

enum {
    SW_TUNE_K = 10,
    SW_TUNE_WINDOW = 512,         /* samples that a recall is of */
    SW_TUNE_SAMPLES_MIN = 128,    /* a decision takes so many */
    SW_TUNE_ENTRIES_MIN = 4096,   /* smaller indexes are cheap as they are */
    SW_TUNE_PERMILLE_STEP = 5,    /* below the target by no more: inside the band */
    SW_TUNE_TARGET_DEFAULT = 950, /* what a search without a wish is told */
};

struct sw_tune_sample {
    uint8_t wanted; /* true neighbours */
    uint8_t found, found_wide;
    uint32_t scanned; /* entries whose codes the search looked at */
};

struct sw_tune_window {
    struct sw_index_budget budget; /* with which the samples were taken */
    struct sw_tune_sample samples[SW_TUNE_WINDOW];
    uint32_t count, next;
    uint32_t wanted, found, found_wide; /* sums */
    uint64_t scanned;
};

/* Asks about the entry `id`. NOT_FOUND if there is none. */
enum sw_err sw_tune_measure(struct sw_index_reader *reader,
                            uint64_t id,
                            struct sw_index_budget budget,
                            struct sw_tune_sample *ret_sample) SW_MUST_CHECK;
/* Samples of another budget are forgotten. */
void sw_tune_add(struct sw_tune_window *window,
                 struct sw_index_budget budget,
                 struct sw_tune_sample sample);
/* 1000 for an empty window. */
uint32_t sw_tune_recall(const struct sw_tune_window *window);
/* True if another budget is better for the target; then it is in `ret_budget`. */
bool sw_tune_next(const struct sw_tune_window *window,
                  uint32_t target_permille,
                  struct sw_index_budget *ret_budget);

#endif
