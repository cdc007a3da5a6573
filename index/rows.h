/* Vectors at rest: rows, and segments that seal many of them. Private to index/.
 *
 *   row      u64 id · u64 |z|^2 · u32 scale · u8 format · u8 bits · u16 0 · u64 check · numbers
 *   segment  u8 format · u8 bits · u16 0 · u32 rows · rows, one after the other
 *
 * Numbers of 16 bits a coordinate are two planes of bytes, high[dim] and low[dim]; of 8 bits the
 * high plane alone. Of 6, 4, 2 and 1 bits they are packed, the lowest bits of a byte first: q
 * stands for v = 2 q + 1 - 2^bits, and z for 256 v scale / 2^15, the scale being such that
 * <z', z> = |z|^2, so that products are right on average. The check is a hash of the row at 16
 * bits: of what the entry is, whatever is left of it.
 *
 * A row stands alone until the segment it belongs to is complete; then all of them become one
 * record, which is written again only when its precision is lowered, so that a reader may keep
 * pointers into it. */
#ifndef SW_INDEX_ROWS_H
#define SW_INDEX_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "base/span.h"

enum {
    SW__ROW_FORMAT = 2,
    SW__ROW_HEADER_SIZE = 32,
    SW__ROW_BITS_MAX = 16,
    SW__SEGMENT_FORMAT = 2,
    SW__SEGMENT_HEADER_SIZE = 8,
    SW__SEGMENT_SIZE = 64 * 1024,
};

/* Borrowed. */
struct sw__row {
    uint64_t id;
    uint64_t norm2; /* of what the numbers stand for, in fixed point */
    uint64_t check;
    uint32_t scale;
    uint32_t bits;
    const int8_t *high; /* NULL below 8 bits, until sw__row_unpack */
    const int8_t *low;  /* NULL below 16 bits */
    const uint8_t *packed;
};

bool sw__row_bits_valid(uint32_t bits);
/* Of a row at 16 bits, and at fewer. */
size_t sw__row_size(uint32_t dim);
size_t sw__row_size_of(uint32_t dim, uint32_t bits);
uint32_t sw__rows_a_segment(uint32_t dim);
/* `fixed` is rotated; replaced by what the row stands for. `ret_bytes` has sw__row_size bytes. */
void sw__row_make(uint64_t id, int32_t *fixed, uint32_t dim, uint8_t *ret_bytes);
/* CORRUPT, NEWER_FORMAT. */
enum sw_err sw__row_view(struct sw_span bytes, uint32_t dim, struct sw__row *ret_row) SW_MUST_CHECK;
/* The same for a row that lies in a segment which was looked at before. */
enum sw_err sw__row_view_at(const uint8_t *bytes, uint32_t dim, struct sw__row *ret_row)
    SW_MUST_CHECK;
/* Afterwards there is a high plane: in `scratch`, of dim bytes, if it was packed. */
void sw__row_unpack(struct sw__row *row, uint32_t dim, int8_t *scratch);
void sw__row_restore(const struct sw__row *row, uint32_t dim, int32_t *ret_fixed);
/* The check that a row of these numbers has at 16 bits. */
uint64_t sw__row_check(struct sw_span row);
/* Writes the row with fewer bits; returns how far what it stands for is from what it stood for, in
 * millionths of its length, rounded up. `bits` is valid and less than row->bits. */
uint32_t sw__row_lower(const struct sw__row *row, uint32_t dim, uint32_t bits, uint8_t *ret_bytes);

void sw__segment_begin(uint32_t rows, uint32_t bits, struct sw_buf *buf);
/* The bytes of one row; CORRUPT if the segment is not one, or has not so many. */
enum sw_err
sw__segment_row(struct sw_span bytes, uint32_t dim, uint32_t number, struct sw_span *ret_row)
    SW_MUST_CHECK;

#endif
