/* Rows and segments, made and read; see rows.h. */
#include "index/rows.h"

#include "base/assert.h"
#include "index/bytes.h"
#include "index/vector.h"

enum { NORM_AT = 8, SCALE_AT = 16, FORMAT_AT = 20, ROWS_AT = 4 };

size_t sw__row_size(uint32_t dim)
{
    return SW__ROW_HEADER_SIZE + (size_t)2 * dim;
}

uint32_t sw__rows_a_segment(uint32_t dim)
{
    return (uint32_t)((SW__SEGMENT_SIZE - SW__SEGMENT_HEADER_SIZE) / sw__row_size(dim));
}

void sw__row_make(uint64_t id, int32_t *fixed, uint32_t dim, uint8_t *ret_bytes)
{
    int8_t *high = (int8_t *)ret_bytes + SW__ROW_HEADER_SIZE;
    int8_t *low = high + dim;
    const uint32_t scale = sw__vector_store(fixed, dim, high, low);

    sw__vector_restore(high, low, scale, dim, fixed);
    sw__set_u64(ret_bytes, id);
    sw__set_u64(ret_bytes + NORM_AT, sw__norm2(fixed, dim));
    sw__set_u32(ret_bytes + SCALE_AT, scale);
    sw__set_u32(ret_bytes + FORMAT_AT, SW__ROW_FORMAT);
}

enum sw_err sw__row_view(struct sw_span bytes, uint32_t dim, struct sw__row *ret_row)
{
    const uint64_t norm2_max = UINT64_C(1) << (2 * SW__FIXED_BITS + 1);
    struct sw__row row;

    if (bytes.size != sw__row_size(dim) || sw__u32(bytes.data + FORMAT_AT) == 0) {
        return SW_ERR_CORRUPT;
    }
    if (sw__u32(bytes.data + FORMAT_AT) > SW__ROW_FORMAT) {
        return SW_ERR_NEWER_FORMAT;
    }
    row.id = sw__u64(bytes.data);
    row.norm2 = sw__u64(bytes.data + NORM_AT);
    row.scale = sw__u32(bytes.data + SCALE_AT);
    row.high = (const int8_t *)bytes.data + SW__ROW_HEADER_SIZE;
    row.low = row.high + dim;
    if (row.norm2 > norm2_max || row.scale > UINT32_C(1) << (SW__FIXED_BITS + 2)) {
        return SW_ERR_CORRUPT;
    }
    *ret_row = row;
    return SW_ERR_OK;
}

void sw__row_restore(const struct sw__row *row, uint32_t dim, int32_t *ret_fixed)
{
    sw__vector_restore(row->high, row->low, row->scale, dim, ret_fixed);
}

void sw__segment_begin(uint32_t rows, struct sw_buf *buf)
{
    sw_write_u8(buf, SW__SEGMENT_FORMAT);
    sw_write_u8(buf, 0);
    sw_write_u16(buf, 0);
    sw_write_u32(buf, rows);
}

enum sw_err
sw__segment_row(struct sw_span bytes, uint32_t dim, uint32_t number, struct sw_span *ret_row)
{
    const size_t size = sw__row_size(dim);
    uint32_t rows;

    if (bytes.size < SW__SEGMENT_HEADER_SIZE || bytes.data[0] == 0) {
        return SW_ERR_CORRUPT;
    }
    if (bytes.data[0] > SW__SEGMENT_FORMAT) {
        return SW_ERR_NEWER_FORMAT;
    }
    rows = sw__u32(bytes.data + ROWS_AT);
    if (rows > sw__rows_a_segment(dim) || number >= rows ||
        bytes.size != SW__SEGMENT_HEADER_SIZE + size * rows) {
        return SW_ERR_CORRUPT;
    }
    *ret_row = sw_span_of(bytes.data + SW__SEGMENT_HEADER_SIZE + size * number, size);
    return SW_ERR_OK;
}
