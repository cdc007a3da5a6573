/* The ladder of bits: sealed vectors of a slice written anew with fewer of them.
 *
 * A lowering is a decision, one small change of the state; a piece of work then rewrites one
 * segment. What it cannot do is go back. */
#include <stdio.h>

#include "base/assert.h"
#include "index/index_private.h"

enum { COST_LOOK = 20, COST_REWRITE = 6000 /* some 250 us */ };

void sw__slice_error(struct sw__slice *slice, uint32_t error)
{
    slice->error = error > slice->error ? error : slice->error;
}

static uint32_t segments_of(const struct sw_index *index, const struct sw__slice *slice)
{
    return slice->vectors / sw__rows_a_segment(index->dim);
}

static struct sw__slice *first_high(struct sw_index *index)
{
    for (uint32_t i = 0; i < index->state.slice_count; i++) {
        struct sw__slice *slice = &index->state.slices[i];

        if (!slice->dropped && slice->bits < SW__ROW_BITS_MAX &&
            slice->lowered < segments_of(index, slice)) {
            return slice;
        }
    }
    return NULL;
}

bool sw__lower_due(const struct sw_index *index)
{
    for (uint32_t i = 0; i < index->state.slice_count; i++) {
        const struct sw__slice *slice = &index->state.slices[i];

        if (!slice->dropped && slice->bits < SW__ROW_BITS_MAX &&
            slice->lowered < segments_of(index, slice)) {
            return true;
        }
    }
    return false;
}

/* All rows of the segment with fewer bits, into the scratch; *ret_worse is false if it has no more
 * than the slice wants already. */
static enum sw_err
rewrite(struct sw_index *index, struct sw__slice *slice, struct sw_span value, bool *ret_worse)
{
    const uint32_t rows = sw__rows_a_segment(index->dim);
    uint8_t lowered[SW__ROW_HEADER_SIZE + 2 * SW_SPACE_DIM_MAX];
    enum sw_err err = SW_ERR_OK;

    *ret_worse = false;
    sw_buf_clear(&index->scratch);
    sw__segment_begin(rows, slice->bits, &index->scratch);
    for (uint32_t i = 0; err == SW_ERR_OK && i < rows; i++) {
        struct sw_span bytes;
        struct sw__row row;

        err = sw__segment_row(value, index->dim, i, &bytes);
        if (err == SW_ERR_OK) {
            err = sw__row_view(bytes, index->dim, &row);
        }
        if (err == SW_ERR_OK && row.bits <= slice->bits) {
            return SW_ERR_OK;
        }
        if (err == SW_ERR_OK) {
            const uint32_t error = sw__row_lower(&row, index->dim, slice->bits, lowered);

            sw__slice_error(slice, slice->before + error);
            sw_write_bytes(&index->scratch,
                           sw_span_of(lowered, sw__row_size_of(index->dim, slice->bits)));
        }
    }
    *ret_worse = err == SW_ERR_OK;
    return err == SW_ERR_CORRUPT ? sw__corrupt(index, "a segment") : err;
}

enum sw_err sw__lower_step(struct sw_index *index, uint32_t *cost)
{
    struct sw__slice *slice = first_high(index);
    struct sw_span value;
    bool worse = false;
    struct sw__key key;
    enum sw_err err;

    SW_ASSERT(slice != NULL);
    key = sw__key_2(&index->prefix, SW__KIND_SEGMENT, slice->slice, slice->lowered);
    err = sw__get(index, &key, &value);
    slice->lowered++;
    index->state_changed = true;
    *cost += COST_LOOK;
    if (err == SW_ERR_NOT_FOUND) {
        return SW_ERR_OK; /* emptied, because few of its rows were alive */
    }
    if (err == SW_ERR_OK) {
        err = rewrite(index, slice, value, &worse);
    }
    if (err == SW_ERR_OK && worse) {
        index->state.moved++;
        *cost += COST_REWRITE;
        err = sw__put(index, &key, sw_buf_span(&index->scratch));
    }
    return err;
}

enum sw_err sw_index_lower(struct sw_index *index, uint32_t number, uint32_t bits)
{
    struct sw__slice *slice = sw__state_slice(&index->state, number);

    SW_ASSERT(index->open);
    if (index->broken) {
        return sw__corrupt(index, "load it again after an error");
    }
    if (slice == NULL || slice->dropped) {
        return SW_ERR_NOT_FOUND;
    }
    if (!sw__row_bits_valid(bits) || bits >= slice->bits) {
        (void)snprintf(index->why,
                       SW_WHY_SIZE,
                       "bits: 8, 6, 4, 2 or 1, fewer than the %u that slice %u has; originals are "
                       "not kept",
                       slice->bits,
                       number);
        return SW_ERR_INVALID;
    }
    slice->bits = (uint8_t)bits;
    slice->before = slice->error;
    slice->lowered = 0;
    index->state_changed = true;
    return SW_ERR_OK;
}

enum sw_err sw_index_precision(const struct sw_index *index,
                               uint32_t number,
                               struct sw_index_precision *ret_precision)
{
    for (uint32_t i = 0; i < index->state.slice_count; i++) {
        const struct sw__slice *slice = &index->state.slices[i];
        const uint32_t segments = segments_of(index, slice);

        if (slice->slice == number && !slice->dropped) {
            *ret_precision = (struct sw_index_precision){
                .bits = slice->bits,
                .segments = segments,
                .left = slice->bits < SW__ROW_BITS_MAX ? segments - slice->lowered : 0,
                .error_ppm = slice->error};
            return SW_ERR_OK;
        }
    }
    return SW_ERR_NOT_FOUND;
}
