/* Space comes back: of dropped slices in three stages, and of segments with few live rows. */
#include <string.h>

#include "base/assert.h"
#include "index/index_private.h"

enum { STAGE_CODES, STAGE_ROWS, STAGE_PLACES, DELETE_COUNT = 64, WALK_COUNT = 256 };

static struct sw__slice *first_dropped(struct sw__state *state)
{
    for (uint32_t i = 0; i < state->slice_count; i++) {
        if (state->slices[i].dropped) {
            return &state->slices[i];
        }
    }
    return NULL;
}

bool sw__reclaim_due(const struct sw_index *index)
{
    for (uint32_t i = 0; i < index->state.slice_count; i++) {
        if (index->state.slices[i].dropped) {
            return true;
        }
    }
    return index->state.sparse;
}

/* --- codes: bucket by bucket ------------------------------------------------------------------ */

static struct sw__bucket_at *bucket_from(struct sw_index *index, uint64_t bucket)
{
    for (uint32_t i = 0; i < index->bucket_count; i++) {
        if (index->buckets[i].bucket >= bucket) {
            return &index->buckets[i];
        }
    }
    return NULL;
}

static enum sw_err codes_piece(struct sw_index *index, struct sw__slice *slice, uint32_t *cost)
{
    struct sw__bucket_at *at = bucket_from(index, slice->cursor);
    uint32_t left = DELETE_COUNT;
    enum sw_err err = SW_ERR_OK;

    while (at != NULL && err == SW_ERR_OK && left > 0) {
        const struct sw__key start =
            sw__key_2(&index->prefix, SW__KIND_CODES, at->bucket, slice->slice);
        struct sw_index_record record;

        err = sw__first(index, &start, &record);
        if (err == SW_ERR_OK) {
            struct sw__block block;
            uint32_t numbers[3];

            if (!sw__key_read(&index->prefix, SW__KIND_CODES, record.key, 3, numbers) ||
                sw__block_view(record.value, index->dim, &block) != SW_ERR_OK ||
                block.count > at->value.entries || block.count > slice->entries) {
                return sw__corrupt(index, "a block of codes");
            }
            {
                const uint32_t count = block.count;
                const struct sw__key key =
                    sw__key_codes(&index->prefix, at->bucket, slice->slice, ~numbers[2]);

                err = sw__del(index, &key);
                sw__bucket_count(index, at, -(int32_t)count);
                slice->entries -= count;
            }
        } else if (err == SW_ERR_NOT_FOUND) {
            slice->cursor = (uint64_t)at->bucket + 1;
            at = bucket_from(index, slice->cursor);
            err = SW_ERR_OK;
        }
        left--;
    }
    *cost += (DELETE_COUNT - left) * 40;
    if (err == SW_ERR_OK && at == NULL) {
        slice->stage = STAGE_ROWS;
        slice->cursor = 0;
    }
    return err;
}

/* --- rows: one range after the other ---------------------------------------------------------- */

static enum sw_err rows_piece(struct sw_index *index, struct sw__slice *slice, uint32_t *cost)
{
    static const enum sw__kind kinds[] = {
        SW__KIND_ROW, SW__KIND_SEGMENT, SW__KIND_DEAD, SW__KIND_SPARSE};
    uint32_t left = DELETE_COUNT;
    enum sw_err err = SW_ERR_OK;

    index->state.moved++;
    for (size_t i = 0; err == SW_ERR_OK && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct sw__key start = sw__key_1(&index->prefix, kinds[i], slice->slice);

        err = sw__del_range(index, &start, &left);
    }
    *cost += (DELETE_COUNT - left) * 40;
    if (err == SW_ERR_OK && left > 0) {
        slice->stage = STAGE_PLACES;
        slice->cursor = 0;
    }
    return err;
}

/* --- places: all ids are looked at ------------------------------------------------------------ */

static void forget_slice(struct sw_index *index, struct sw__slice *slice)
{
    struct sw__state *state = &index->state;
    const uint32_t at = (uint32_t)(slice - state->slices);

    SW_ASSERT(slice->entries == 0);
    state->slice_count--;
    for (uint32_t i = at; i < state->slice_count; i++) {
        state->slices[i] = state->slices[i + 1];
    }
}

static enum sw_err places_piece(struct sw_index *index, struct sw__slice *slice, uint32_t *cost)
{
    const struct sw__key start = sw__key_place(&index->prefix, slice->cursor);
    uint64_t ids[WALK_COUNT];
    struct sw_index_record record;
    uint32_t count = 0;
    uint32_t looked = 0;
    enum sw_err walked = index->map->ops->seek(index->map, sw__key_span(&start), &record);
    enum sw_err err = SW_ERR_OK;

    while (walked == SW_ERR_OK && looked < WALK_COUNT) {
        struct sw__place place;
        uint32_t parts[2];
        uint64_t id;

        if (!sw__key_read(&index->prefix, SW__KIND_PLACE, record.key, 2, parts)) {
            walked = SW_ERR_NOT_FOUND;
            break;
        }
        if (sw__place_decode(record.value, &place) != SW_ERR_OK) {
            return sw__corrupt(index, "a place");
        }
        id = (uint64_t)parts[0] << 32 | parts[1];
        if (place.slice == slice->slice) {
            ids[count++] = id;
        }
        looked++;
        slice->cursor = id + 1;
        walked = id == UINT64_MAX ? SW_ERR_NOT_FOUND : index->map->ops->next(index->map, &record);
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        const struct sw__key key = sw__key_place(&index->prefix, ids[i]);

        err = sw__del(index, &key);
    }
    *cost += looked * 4 + count * 20;
    if (err == SW_ERR_OK && walked == SW_ERR_NOT_FOUND) {
        forget_slice(index, slice);
    }
    return walked == SW_ERR_OK || walked == SW_ERR_NOT_FOUND ? err : walked;
}

/* --- sparse segments -------------------------------------------------------------------------- */

/* The row of an entry that is alive goes behind all others of its slice. */
static enum sw_err move_row(struct sw_index *index, uint32_t slice, uint32_t vector, uint32_t *cost)
{
    uint8_t bytes[SW__ROW_HEADER_SIZE + 2 * SW_SPACE_DIM_MAX];
    struct sw__place place;
    struct sw_span row;
    uint64_t id;
    uint32_t moved = 0;
    size_t size;
    enum sw_err err = sw__row_bytes(index, slice, vector, &row);

    if (err != SW_ERR_OK) {
        return err;
    }
    size = row.size;
    memcpy(bytes, row.data, size);
    id = sw_load_u64(bytes);
    err = sw__place_get(index, id, &place);
    if (err == SW_ERR_NOT_FOUND ||
        (err == SW_ERR_OK && (place.slice != slice || place.vector != vector))) {
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = sw__row_append(
            index, sw__state_slice(&index->state, slice), sw_span_of(bytes, size), &moved);
    }
    if (err == SW_ERR_OK) {
        err = sw__entry_set_vector(index, id, &place, moved);
        *cost += 150;
    }
    return err;
}

static enum sw_err sparse_piece(struct sw_index *index, uint32_t *cost)
{
    static const enum sw__kind kinds[] = {SW__KIND_SEGMENT, SW__KIND_DEAD, SW__KIND_SPARSE};
    const uint32_t rows = sw__rows_a_segment(index->dim);
    struct sw_index_record record;
    struct sw__key start;
    uint32_t numbers[2];
    enum sw_err err;

    sw__key_begin(&index->prefix, SW__KIND_SPARSE, &start);
    err = sw__first(index, &start, &record);
    if (err == SW_ERR_NOT_FOUND) {
        index->state.sparse = false;
        index->state_changed = true;
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK &&
        !sw__key_read(&index->prefix, SW__KIND_SPARSE, record.key, 2, numbers)) {
        return sw__corrupt(index, "the list of sparse segments");
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < rows; i++) {
        err = move_row(index, numbers[0], numbers[1] * rows + i, cost);
    }
    for (size_t i = 0; err == SW_ERR_OK && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct sw__key key = sw__key_2(&index->prefix, kinds[i], numbers[0], numbers[1]);

        err = sw__del(index, &key);
    }
    index->state.moved++;
    index->state_changed = true;
    *cost += rows * 5;
    return err;
}

enum sw_err sw__reclaim_step(struct sw_index *index, uint32_t *cost)
{
    struct sw__slice *slice = first_dropped(&index->state);

    if (slice == NULL) {
        return sparse_piece(index, cost);
    }
    index->state_changed = true;
    switch (slice->stage) {
    case STAGE_CODES:
        return codes_piece(index, slice, cost);
    case STAGE_ROWS:
        return rows_piece(index, slice, cost);
    default:
        return places_piece(index, slice, cost);
    }
}
