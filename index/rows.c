/* Rows and segments, made, read and lowered; see rows.h. */
#include "index/rows.h"

#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "index/bytes.h"
#include "index/vector.h"

enum {
    NORM_AT = 8,
    SCALE_AT = 16,
    FORMAT_AT = 20,
    BITS_AT = 21,
    CHECK_AT = 24,
    SEGMENT_BITS_AT = 1,
    ROWS_AT = 4,
    STEP_SHIFT = 10,
    MILLION = 1000000,
};

/* Steps in 2^-10 of the root mean square coordinate: least error for a normal distribution, which
 * the rotation makes of any. With one bit the sign is all there is. */
static const struct {
    uint32_t bits;
    uint32_t step;
} levels[] = {{1, 1024}, {2, 1020}, {4, 343}, {6, 107}, {8, 0}, {16, 0}};

bool sw__row_bits_valid(uint32_t bits)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (levels[i].bits == bits) {
            return true;
        }
    }
    return false;
}

size_t sw__row_size_of(uint32_t dim, uint32_t bits)
{
    return SW__ROW_HEADER_SIZE + (size_t)dim * bits / 8;
}

size_t sw__row_size(uint32_t dim)
{
    return sw__row_size_of(dim, SW__ROW_BITS_MAX);
}

uint32_t sw__rows_a_segment(uint32_t dim)
{
    return (uint32_t)((SW__SEGMENT_SIZE - SW__SEGMENT_HEADER_SIZE) / sw__row_size(dim));
}

static void set_header(
    uint8_t *bytes, uint64_t id, uint64_t norm2, uint32_t scale, uint32_t bits, uint64_t check)
{
    sw__set_u64(bytes, id);
    sw__set_u64(bytes + NORM_AT, norm2);
    sw__set_u32(bytes + SCALE_AT, scale);
    sw__set_u32(bytes + FORMAT_AT, SW__ROW_FORMAT | bits << 8);
    sw__set_u64(bytes + CHECK_AT, check);
}

uint64_t sw__row_check(struct sw_span row)
{
    SW_ASSERT(row.size >= SW__ROW_HEADER_SIZE);
    return XXH3_64bits_withSeed(row.data + SW__ROW_HEADER_SIZE,
                                row.size - SW__ROW_HEADER_SIZE,
                                sw__u32(row.data + SCALE_AT));
}

void sw__row_make(uint64_t id, int32_t *fixed, uint32_t dim, uint8_t *ret_bytes)
{
    int8_t *high = (int8_t *)ret_bytes + SW__ROW_HEADER_SIZE;
    int8_t *low = high + dim;
    const uint32_t scale = sw__vector_store(fixed, dim, high, low);
    const struct sw_span row = sw_span_of(ret_bytes, sw__row_size(dim));

    sw__vector_restore(high, low, scale, dim, fixed);
    sw__set_u32(ret_bytes + SCALE_AT, scale);
    set_header(ret_bytes, id, sw__norm2(fixed, dim), scale, SW__ROW_BITS_MAX, sw__row_check(row));
}

enum sw_err sw__row_view_at(const uint8_t *bytes, uint32_t dim, struct sw__row *ret_row)
{
    const uint64_t norm2_max = UINT64_C(1) << (2 * SW__FIXED_BITS + 1);
    const uint8_t *numbers = bytes + SW__ROW_HEADER_SIZE;
    const int8_t *planes = (const int8_t *)numbers;
    struct sw__row row = {.id = sw__u64(bytes),
                          .norm2 = sw__u64(bytes + NORM_AT),
                          .check = sw__u64(bytes + CHECK_AT),
                          .scale = sw__u32(bytes + SCALE_AT),
                          .bits = bytes[BITS_AT]};

    if (row.norm2 > norm2_max || row.scale > UINT32_C(1) << (SW__FIXED_BITS + 6)) {
        return SW_ERR_CORRUPT;
    }
    row.high = row.bits >= 8 ? planes : NULL;
    row.low = row.bits == SW__ROW_BITS_MAX ? planes + dim : NULL;
    row.packed = row.bits < 8 ? numbers : NULL;
    *ret_row = row;
    return SW_ERR_OK;
}

enum sw_err sw__row_view(struct sw_span bytes, uint32_t dim, struct sw__row *ret_row)
{
    if (bytes.size < SW__ROW_HEADER_SIZE || bytes.data[FORMAT_AT] == 0) {
        return SW_ERR_CORRUPT;
    }
    if (bytes.data[FORMAT_AT] > SW__ROW_FORMAT) {
        return SW_ERR_NEWER_FORMAT;
    }
    if (bytes.data[FORMAT_AT] != SW__ROW_FORMAT || !sw__row_bits_valid(bytes.data[BITS_AT]) ||
        bytes.data[BITS_AT + 1] != 0 || bytes.data[BITS_AT + 2] != 0 ||
        bytes.size != sw__row_size_of(dim, bytes.data[BITS_AT])) {
        return SW_ERR_CORRUPT;
    }
    return sw__row_view_at(bytes.data, dim, ret_row);
}

static int32_t packed_number(const uint8_t *packed, uint32_t bits, uint32_t i)
{
    const uint32_t at = i * bits;
    const uint32_t low = packed[at / 8] >> (at % 8);
    /* A number of six bits may go on in the next byte, which is there then. */
    const uint32_t high = at % 8 + bits > 8 ? (uint32_t)packed[at / 8 + 1] << (8 - at % 8) : 0;
    const uint32_t q = (low | high) & ((1U << bits) - 1);

    return (int32_t)(2 * q + 1) - (1 << bits);
}

void sw__row_unpack(struct sw__row *row, uint32_t dim, int8_t *scratch)
{
    if (row->packed == NULL) {
        return;
    }
    for (uint32_t i = 0; i < dim; i++) {
        scratch[i] = (int8_t)packed_number(row->packed, row->bits, i);
    }
    row->high = scratch;
}

void sw__row_restore(const struct sw__row *row, uint32_t dim, int32_t *ret_fixed)
{
    static const int8_t zeros[SW_SPACE_DIM_MAX];
    int8_t scratch[SW_SPACE_DIM_MAX];
    struct sw__row whole = *row;

    sw__row_unpack(&whole, dim, scratch);
    sw__vector_restore(
        whole.high, whole.low == NULL ? zeros : whole.low, whole.scale, dim, ret_fixed);
}

/* q of each coordinate, packed; returns sum of v z. */
static int64_t pack(const int32_t *fixed, uint32_t dim, uint32_t bits, uint32_t step, uint8_t *ret)
{
    const int32_t half = 1 << (bits - 1);
    int64_t product = 0;

    memset(ret, 0, (size_t)dim * bits / 8);
    for (uint32_t i = 0; i < dim; i++) {
        const int32_t whole = fixed[i] < 0 ? -(int32_t)(((uint32_t)-fixed[i] + step - 1) / step)
                                           : (int32_t)((uint32_t)fixed[i] / step);
        const int32_t low = whole < -half ? -half : whole;
        const int32_t q = (low >= half ? half - 1 : low) + half;
        const uint32_t at = i * bits;
        const uint32_t shifted = (uint32_t)q << (at % 8);

        ret[at / 8] |= (uint8_t)shifted;
        if (at % 8 + bits > 8) {
            ret[at / 8 + 1] |= (uint8_t)(shifted >> 8);
        }
        product += (int64_t)(2 * q + 1 - 2 * half) * fixed[i];
    }
    return product;
}

static uint32_t step_of(uint64_t norm2, uint32_t dim, uint32_t bits)
{
    uint64_t step = 0;

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (levels[i].bits == bits) {
            step = sw__isqrt(norm2 / dim) * levels[i].step >> STEP_SHIFT;
        }
    }
    return step == 0 ? 1 : (uint32_t)step;
}

/* |a - b| in millionths of |a|. */
static uint32_t error_of(const int32_t *a, int32_t *b, uint32_t dim)
{
    const uint64_t whole = sw__isqrt(sw__norm2(a, dim));
    uint64_t gap;

    for (uint32_t i = 0; i < dim; i++) {
        b[i] -= a[i];
    }
    gap = sw__isqrt(sw__norm2(b, dim)) + 1;
    return whole == 0 ? 0 : (uint32_t)((gap * MILLION + whole - 1) / whole);
}

uint32_t sw__row_lower(const struct sw__row *row, uint32_t dim, uint32_t bits, uint8_t *ret_bytes)
{
    uint8_t *numbers = ret_bytes + SW__ROW_HEADER_SIZE;
    uint32_t scale = row->scale;
    int32_t fixed[SW_SPACE_DIM_MAX];
    int32_t again[SW_SPACE_DIM_MAX];
    struct sw__row lowered;
    enum sw_err err;

    SW_ASSERT(bits < row->bits);
    sw__row_restore(row, dim, fixed);
    if (bits == 8) {
        memcpy(numbers, row->high, dim);
    } else {
        const uint64_t norm2 = sw__norm2(fixed, dim);
        const int64_t product = pack(fixed, dim, bits, step_of(norm2, dim, bits), numbers);

        scale = product <= 0 ? 0 : (uint32_t)((norm2 << 7) / (uint64_t)product);
    }
    set_header(ret_bytes, row->id, 0, scale, bits, row->check);
    err = sw__row_view_at(ret_bytes, dim, &lowered);
    SW_ASSERT(err == SW_ERR_OK);
    sw__row_restore(&lowered, dim, again);
    sw__set_u64(ret_bytes + NORM_AT, sw__norm2(again, dim));
    return error_of(fixed, again, dim);
}

void sw__segment_begin(uint32_t rows, uint32_t bits, struct sw_buf *buf)
{
    sw_write_u8(buf, SW__SEGMENT_FORMAT);
    sw_write_u8(buf, (uint8_t)bits);
    sw_write_u16(buf, 0);
    sw_write_u32(buf, rows);
}

enum sw_err
sw__segment_row(struct sw_span bytes, uint32_t dim, uint32_t number, struct sw_span *ret_row)
{
    size_t size;
    uint32_t rows;

    if (bytes.size < SW__SEGMENT_HEADER_SIZE || bytes.data[0] == 0) {
        return SW_ERR_CORRUPT;
    }
    if (bytes.data[0] > SW__SEGMENT_FORMAT) {
        return SW_ERR_NEWER_FORMAT;
    }
    if (bytes.data[0] != SW__SEGMENT_FORMAT || !sw__row_bits_valid(bytes.data[SEGMENT_BITS_AT])) {
        return SW_ERR_CORRUPT;
    }
    size = sw__row_size_of(dim, bytes.data[SEGMENT_BITS_AT]);
    rows = sw__u32(bytes.data + ROWS_AT);
    if (rows > sw__rows_a_segment(dim) || number >= rows ||
        bytes.size != SW__SEGMENT_HEADER_SIZE + size * rows) {
        return SW_ERR_CORRUPT;
    }
    *ret_row = sw_span_of(bytes.data + SW__SEGMENT_HEADER_SIZE + size * number, size);
    return SW_ERR_OK;
}
