/* How far the check of an index has come: what an INDEX_VERIFY goes on with, and answers.
 *
 * | size | field                                                                        |
 * |------|------------------------------------------------------------------------------|
 * | 1    | format, 1                                                                    |
 * | 1    | stage: 0 codes, 1 places, 2 keys, 3 records                                  |
 * | 1    | 1: the index did not change since the check began                            |
 * | 8    | stamp of the index when it began                                             |
 * | 4    | entries of the bucket where it stands, up to there                           |
 * | 8 x 4| entries, places, keys and records so far                                     |
 * | 16   | digest of the entries so far                                                 |
 * | 2, n | where it stands in the stage: the last key that was looked at; empty: before |
 *
 * The node keeps nothing of a check; who makes these bytes up deceives himself alone. */
#ifndef SW_TRANSPORT_INDEX_CHECK_H
#define SW_TRANSPORT_INDEX_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"
#include "base/span.h"

enum sw_index_check_stage {
    SW_INDEX_CHECK_CODES,
    SW_INDEX_CHECK_PLACES,
    SW_INDEX_CHECK_KEYS,
    SW_INDEX_CHECK_RECORDS,
    SW_INDEX_CHECK_STAGE_COUNT
};

enum { SW_INDEX_CHECK_FORMAT = 1, SW_INDEX_CHECK_FIXED_SIZE = 65, SW_INDEX_CHECK_AT_MAX = 12 };

struct sw_index_check {
    enum sw_index_check_stage stage;
    bool still;
    uint64_t stamp;
    uint32_t lanes;
    uint64_t entries;
    uint64_t places;
    uint64_t keys;
    uint64_t records;
    uint64_t digest_low;
    uint64_t digest_high;
    struct sw_span at; /* a view */
};

void sw_index_check_encode(const struct sw_index_check *check, struct sw_buf *out);
/* MALFORMED: also what no check gives. */
enum sw_err sw_index_check_decode(struct sw_span bytes, struct sw_index_check *ret_check)
    SW_MUST_CHECK;
enum sw_err sw_index_check_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

#endif
