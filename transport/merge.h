/* Merge: values that change by what they are, so that concurrent writers need not read first.
 *
 * | operator  | stored value                         | missing key | result               |
 * |-----------|--------------------------------------|-------------|----------------------|
 * | replace   | any                                  | as put      | the operand          |
 * | append    | any                                  | empty       | stored, then operand |
 * | set union | lines, each ended by 0x0a, ascending | empty       | the union            |
 * | add       | a decimal number                     | 0           | the sum              |
 * | max, min  | a decimal number                     | none        | the larger, smaller  |
 *
 * A number is a signed 64-bit integer in decimal, written the one way: no plus sign, no leading
 * zero, no "-0". The lines of a set are not empty; those of an operand may come in any order, more
 * than once, and the last one may lack its 0x0a; the stored set has the one form. A stored value of
 * another form is WRONG_TYPE, a sum that is no 64-bit number OUT_OF_RANGE, a result over
 * SW_VALUE_SIZE_MAX TOO_LARGE; then nothing changes. Pure. */
#ifndef SW_TRANSPORT_MERGE_H
#define SW_TRANSPORT_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"
#include "base/span.h"

/* Numbers are forever. */
enum sw_merge {
    SW_MERGE_REPLACE = 1,
    SW_MERGE_APPEND = 2,
    SW_MERGE_SET_UNION = 3,
    SW_MERGE_ADD = 4,
    SW_MERGE_MAX = 5,
    SW_MERGE_MIN = 6,
    SW_MERGE_COUNT
};

const char *sw_merge_name(enum sw_merge merge); /* "set-union"; "?" for none of ours */
bool sw_merge_by_name(const char *name, enum sw_merge *ret_merge);

/* INVALID, with the reason, unless `operand` is one for `merge`. */
enum sw_err sw_merge_check(enum sw_merge merge, struct sw_span operand, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
/* The merged value is appended to `out`; on an error nothing is. `operand` was checked. */
enum sw_err sw_merge_value(enum sw_merge merge,
                           bool exists,
                           struct sw_span stored,
                           struct sw_span operand,
                           struct sw_buf *out) SW_MUST_CHECK;

#endif
