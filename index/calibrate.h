/* What a recall costs in one index: measured on it, not looked up in a table.
 *
 * Vectors like those that will be asked about (past queries are best) are searched for by codes of
 * everything; the cheapest budget of a ladder that finds enough of the same is the answer. Without
 * such vectors a sample of the entries stands in, each asked about as if it were not there; entries
 * are easier to find than strangers, so the recall is then somewhat lower than it says. The outcome
 * depends on records, vectors and seed alone, so it may be replicated. */
#ifndef SW_INDEX_CALIBRATE_H
#define SW_INDEX_CALIBRATE_H

#include <stdint.h>

#include "base/err.h"
#include "index/search.h"

enum { SW_CALIBRATE_SAMPLES_MAX = 256 };

struct sw_index_calibration {
    struct sw_index_budget budget; /* for sw_index_query.budget */
    uint32_t recall_permille;      /* of the sample, with this budget */
    uint32_t samples;              /* fewer than asked for if there are no more entries */
};

struct sw_index_sampling {
    const struct sw_span *vectors; /* as a query's; NULL: entries */
    uint32_t count;                /* of vectors, or of entries to draw */
    uint64_t seed;                 /* of the draw */
    uint32_t k;
};

/* Costs for each sample one search of all codes and a few by budget: some ms each for a million
 * entries. The last rung, which is all codes, is taken if none reaches the recall. INVALID with the
 * field in the reader's why: recall 500 to 999, count 1 to SW_CALIBRATE_SAMPLES_MAX, k, a vector.
 * NOT_FOUND: the index has too few entries to say. CORRUPT, errors of the map. */
enum sw_err sw_index_calibrate(struct sw_index_reader *reader,
                               uint32_t recall_permille,
                               const struct sw_index_sampling *sampling,
                               struct sw_index_calibration *ret_calibration) SW_MUST_CHECK;

#endif
