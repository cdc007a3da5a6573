/* Vectors at rest: rows, and segments that seal many of them. Private to index/.
 *
 *   row      u64 id · u64 |z|^2 · u32 scale · u32 format · high plane[dim] · low plane[dim]
 *   segment  u8 format · 3 x 0 · u32 rows · rows, one after the other
 *
 * A row stands alone until the segment it belongs to is complete; then all of them become one
 * record that is never written again, so that a reader may keep pointers into it. */
#ifndef SW_INDEX_ROWS_H
#define SW_INDEX_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "base/span.h"

enum {
    SW__ROW_FORMAT = 1,
    SW__ROW_HEADER_SIZE = 24,
    SW__SEGMENT_FORMAT = 1,
    SW__SEGMENT_HEADER_SIZE = 8,
    SW__SEGMENT_SIZE = 64 * 1024,
};

/* Borrowed. */
struct sw__row {
    uint64_t id;
    uint64_t norm2; /* of what the planes stand for, in fixed point */
    uint32_t scale;
    const int8_t *high;
    const int8_t *low;
};

size_t sw__row_size(uint32_t dim);
uint32_t sw__rows_a_segment(uint32_t dim);
/* `fixed` is rotated; replaced by what the row stands for. `ret_bytes` has sw__row_size bytes. */
void sw__row_make(uint64_t id, int32_t *fixed, uint32_t dim, uint8_t *ret_bytes);
/* CORRUPT, NEWER_FORMAT. */
enum sw_err sw__row_view(struct sw_span bytes, uint32_t dim, struct sw__row *ret_row) SW_MUST_CHECK;
void sw__row_restore(const struct sw__row *row, uint32_t dim, int32_t *ret_fixed);

void sw__segment_begin(uint32_t rows, struct sw_buf *buf);
/* The bytes of one row; CORRUPT if the segment is not one, or has not so many. */
enum sw_err
sw__segment_row(struct sw_span bytes, uint32_t dim, uint32_t number, struct sw_span *ret_row)
    SW_MUST_CHECK;

#endif
