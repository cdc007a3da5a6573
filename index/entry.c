/* One entry: its row, its lane in the nearest bucket, and the record that says where both are.
 *
 * Blocks of a bucket and slice are kept full but for the last one: a hole is filled with the last
 * lane of the newest block, so that a search reads as few pages as the entries need. */
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "index/index_private.h"
#include "index/vector.h"

enum { DIGEST_SIZE = 32 };

/* --- rows ------------------------------------------------------------------------------------- */

static enum sw_err missing_row(struct sw_index *index, enum sw_err err)
{
    return err == SW_ERR_NOT_FOUND || err == SW_ERR_CORRUPT ? sw__corrupt(index, "a row") : err;
}

enum sw_err
sw__row_bytes(struct sw_index *index, uint32_t slice, uint32_t vector, struct sw_span *ret_bytes)
{
    const uint32_t rows = sw__rows_a_segment(index->dim);
    const struct sw__slice *of = sw__state_slice(&index->state, slice);
    struct sw_span value;
    struct sw__key key;
    enum sw_err err;

    if (of == NULL || vector >= of->vectors) {
        return sw__corrupt(index, "a row that was never written");
    }
    if (vector / rows < of->vectors / rows) {
        key = sw__key_2(&index->prefix, SW__KIND_SEGMENT, slice, vector / rows);
        err = sw__get(index, &key, &value);
        if (err == SW_ERR_OK) {
            err = sw__segment_row(value, index->dim, vector % rows, ret_bytes);
        }
    } else {
        key = sw__key_2(&index->prefix, SW__KIND_ROW, slice, vector);
        err = sw__get(index, &key, ret_bytes);
    }
    return missing_row(index, err);
}

enum sw_err
sw__row_get(struct sw_index *index, uint32_t slice, uint32_t vector, struct sw__row *ret_row)
{
    struct sw_span bytes;
    enum sw_err err = sw__row_bytes(index, slice, vector, &bytes);

    if (err == SW_ERR_OK) {
        err = missing_row(index, sw__row_view(bytes, index->dim, ret_row));
    }
    return err;
}

enum sw_err sw__row_load(struct sw_index *index, const struct sw__row *row, int32_t *ret_fixed)
{
    sw__row_restore(row, index->dim, ret_fixed);
    return sw__norm2(ret_fixed, index->dim) == row->norm2 ? SW_ERR_OK : sw__corrupt(index, "a row");
}

/* Rows of a segment without an entry; one more with `more`. */
static enum sw_err
count_dead(struct sw_index *index, uint32_t slice, uint32_t segment, bool more, uint32_t *ret_dead)
{
    const struct sw__key key = sw__key_2(&index->prefix, SW__KIND_DEAD, slice, segment);
    struct sw_span bytes;
    uint64_t dead = 0;
    enum sw_err err = sw__get(index, &key, &bytes);

    if (err == SW_ERR_OK) {
        err = sw__number_decode(bytes, 4, &dead);
    }
    if (err != SW_ERR_OK && err != SW_ERR_NOT_FOUND) {
        return sw__corrupt(index, "a count of dead rows");
    }
    *ret_dead = (uint32_t)dead + (more ? 1 : 0);
    if (!more) {
        return SW_ERR_OK;
    }
    sw_buf_clear(&index->scratch);
    sw__number_encode(*ret_dead, 4, &index->scratch);
    return sw__put(index, &key, sw_buf_span(&index->scratch));
}

/* A sealed segment that is more dead than alive is put on the list of those to be emptied. */
static enum sw_err
note_sparse(struct sw_index *index, uint32_t slice, uint32_t segment, uint32_t dead)
{
    static const uint8_t format = SW__RECORD_FORMAT;
    const struct sw__key key = sw__key_2(&index->prefix, SW__KIND_SPARSE, slice, segment);

    if (2 * dead <= sw__rows_a_segment(index->dim)) {
        return SW_ERR_OK;
    }
    index->state.sparse = true;
    index->state_changed = true;
    return sw__put(index, &key, sw_span_of(&format, sizeof(format)));
}

enum sw_err sw__row_forget(struct sw_index *index, uint32_t slice, uint32_t vector)
{
    const uint32_t rows = sw__rows_a_segment(index->dim);
    const struct sw__slice *of = sw__state_slice(&index->state, slice);
    uint32_t dead = 0;
    enum sw_err err = count_dead(index, slice, vector / rows, true, &dead);

    if (err == SW_ERR_OK && vector / rows < of->vectors / rows) {
        err = note_sparse(index, slice, vector / rows, dead);
    }
    return err;
}

/* Writes a row into the segment that is being made, at the precision of its slice. */
static enum sw_err seal_row(struct sw_index *index, struct sw__slice *slice, struct sw_span bytes)
{
    uint8_t lowered[SW__ROW_HEADER_SIZE + 2 * SW_SPACE_DIM_MAX];
    struct sw__row row;
    const enum sw_err err = sw__row_view(bytes, index->dim, &row);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (row.bits > slice->bits) {
        sw__slice_error(slice,
                        slice->before + sw__row_lower(&row, index->dim, slice->bits, lowered));
        bytes = sw_span_of(lowered, sw__row_size_of(index->dim, slice->bits));
    }
    sw_write_bytes(&index->scratch, bytes);
    return SW_ERR_OK;
}

static enum sw_err seal(struct sw_index *index, struct sw__slice *of, uint32_t segment)
{
    const uint32_t slice = of->slice;
    const uint32_t rows = sw__rows_a_segment(index->dim);
    struct sw__key key;
    struct sw_span row;
    uint32_t dead = 0;
    enum sw_err err = SW_ERR_OK;

    sw_buf_clear(&index->scratch);
    sw__segment_begin(rows, of->bits, &index->scratch);
    for (uint32_t i = 0; err == SW_ERR_OK && i < rows; i++) {
        key = sw__key_2(&index->prefix, SW__KIND_ROW, slice, segment * rows + i);
        err = sw__get(index, &key, &row);
        if (err == SW_ERR_OK) {
            err = seal_row(index, of, row);
        }
    }
    if (err == SW_ERR_OK) {
        key = sw__key_2(&index->prefix, SW__KIND_SEGMENT, slice, segment);
        err = sw__put(index, &key, sw_buf_span(&index->scratch));
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < rows; i++) {
        key = sw__key_2(&index->prefix, SW__KIND_ROW, slice, segment * rows + i);
        err = sw__del(index, &key);
    }
    if (err == SW_ERR_OK) {
        err = count_dead(index, slice, segment, false, &dead);
    }
    if (err == SW_ERR_OK) {
        err = note_sparse(index, slice, segment, dead);
    }
    return missing_row(index, err);
}

enum sw_err sw__row_append(struct sw_index *index,
                           struct sw__slice *slice,
                           struct sw_span row,
                           uint32_t *ret_vector)
{
    const uint32_t rows = sw__rows_a_segment(index->dim);
    const uint32_t vector = slice->vectors;
    const struct sw__key key = sw__key_2(&index->prefix, SW__KIND_ROW, slice->slice, vector);
    enum sw_err err = sw__put(index, &key, row);

    if (err != SW_ERR_OK) {
        return err;
    }
    slice->vectors++;
    index->state_changed = true;
    if (slice->vectors % rows == 0) {
        err = seal(index, slice, vector / rows);
    }
    if (err == SW_ERR_OK) {
        *ret_vector = vector;
    }
    return err;
}

/* --- lanes ------------------------------------------------------------------------------------ */

/* Copies the newest block of a bucket and slice; NOT_FOUND if there is none. */
static enum sw_err newest_block(
    struct sw_index *index, uint32_t bucket, uint32_t slice, uint8_t *bytes, uint32_t *ret_block)
{
    const struct sw__key start = sw__key_2(&index->prefix, SW__KIND_CODES, bucket, slice);
    struct sw_index_record record;
    struct sw__block block;
    uint32_t numbers[3];
    enum sw_err err = sw__first(index, &start, &record);

    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw__block_view(record.value, index->dim, &block);
    if (err != SW_ERR_OK || !sw__key_read(&index->prefix, SW__KIND_CODES, record.key, 3, numbers)) {
        return sw__corrupt(index, "a block of codes");
    }
    memcpy(bytes, record.value.data, record.value.size);
    *ret_block = ~numbers[2];
    return SW_ERR_OK;
}

static enum sw_err put_block(
    struct sw_index *index, uint32_t bucket, uint32_t slice, uint32_t block, const uint8_t *bytes)
{
    const struct sw__key key = sw__key_codes(&index->prefix, bucket, slice, block);
    struct sw__block view;

    if (sw__block_view(sw_span_of(bytes, sw__block_size(index->dim)), index->dim, &view) !=
        SW_ERR_OK) {
        return sw__del(index, &key); /* its last lane went */
    }
    return sw__put(index, &key, sw_span_of(bytes, sw__block_size(index->dim)));
}

static enum sw_err put_place(struct sw_index *index, uint64_t id, const struct sw__place *place)
{
    const struct sw__key key = sw__key_place(&index->prefix, id);

    sw_buf_clear(&index->scratch);
    sw__place_encode(place, &index->scratch);
    return sw__put(index, &key, sw_buf_span(&index->scratch));
}

static uint32_t lanes_of(const uint8_t *bytes)
{
    return bytes[2];
}

static enum sw_err add_lane(struct sw_index *index,
                            uint32_t bucket,
                            uint32_t slice,
                            const struct sw__lane *lane,
                            uint32_t *ret_block)
{
    uint32_t block = 0;
    enum sw_err err = newest_block(index, bucket, slice, index->block, &block);
    bool there = err == SW_ERR_OK && sw__block_set(index->block, lanes_of(index->block), lane);

    if (err != SW_ERR_OK && err != SW_ERR_NOT_FOUND) {
        return err;
    }
    if (!there) {
        block += err == SW_ERR_OK ? 1 : 0;
        sw__block_clear(index->block, index->dim);
        there = sw__block_set(index->block, 0, lane);
        SW_ASSERT(there);
    }
    *ret_block = block;
    return put_block(index, bucket, slice, block, index->block);
}

/* The nearest bucket that takes entries. At most one of its epoch does not: the one being split. */
static enum sw_err
choose(struct sw_index *index, const int32_t *fixed, struct sw__bucket_at **ret_bucket)
{
    struct sw__near near[2];
    uint32_t count;

    sw__pivots_look(index->now, index->kernel, fixed, index->look);
    count = sw__pivots_rank(index->now, index->kernel, index->look, false, 2, near);
    for (uint32_t i = 0; i < count; i++) {
        struct sw__bucket_at *at = sw__bucket_find(index, near[i].bucket);

        if (at == NULL) {
            return sw__corrupt(index, "a pivot without its bucket");
        }
        if (!sw__bucket_is_draining(index, &at->value)) {
            *ret_bucket = at;
            return SW_ERR_OK;
        }
    }
    return sw__corrupt(index, "an epoch without a bucket for new entries");
}

void sw__entry_code(const struct sw_index *index,
                    const struct sw__pivots *pivots,
                    uint32_t bucket,
                    struct sw__code *ret_code)
{
    int32_t residual[SW_SPACE_DIM_MAX];
    int32_t centre[SW_SPACE_DIM_MAX];

    sw__pivots_residual(pivots, bucket, index->look->centred, residual, centre);
    sw__code_make(index->space.metric, residual, centre, index->dim, ret_code);
}

enum sw_err
sw__entry_place(struct sw_index *index, const struct sw__entry *entry, const int32_t *fixed)
{
    struct sw__place place = {.slice = entry->slice, .vector = entry->vector};
    struct sw__lane lane = {
        .id = entry->id, .seq = entry->seq, .context = entry->context, .vector = entry->vector};
    struct sw__bucket_at *at = NULL;
    enum sw_err err = choose(index, fixed, &at);

    if (err != SW_ERR_OK) {
        return err;
    }
    sw__entry_code(index, index->now, at->bucket, &lane.code);
    place.bucket = at->bucket;
    err = add_lane(index, at->bucket, entry->slice, &lane, &place.block);
    if (err == SW_ERR_OK) {
        err = put_place(index, entry->id, &place);
    }
    if (err == SW_ERR_OK) {
        sw__bucket_count(index, at, 1);
    }
    return err;
}

enum sw_err sw__place_get(struct sw_index *index, uint64_t id, struct sw__place *ret_place)
{
    const struct sw__key key = sw__key_place(&index->prefix, id);
    const struct sw__slice *slice;
    struct sw__place place;
    struct sw_span bytes;
    enum sw_err err = sw__get(index, &key, &bytes);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw__place_decode(bytes, &place) != SW_ERR_OK) {
        return sw__corrupt(index, "a place");
    }
    slice = sw__state_slice(&index->state, place.slice);
    if (slice == NULL || slice->dropped) {
        return SW_ERR_NOT_FOUND;
    }
    *ret_place = place;
    return SW_ERR_OK;
}

/* Copies the block of a place, and finds the lane in it. */
static enum sw_err block_of(struct sw_index *index,
                            uint64_t id,
                            const struct sw__place *place,
                            uint8_t *bytes,
                            uint32_t *ret_lane)
{
    const struct sw__key key =
        sw__key_codes(&index->prefix, place->bucket, place->slice, place->block);
    struct sw_span value;
    struct sw__block block;
    enum sw_err err = sw__get(index, &key, &value);

    if (err == SW_ERR_OK) {
        err = sw__block_view(value, index->dim, &block);
    }
    if (err == SW_ERR_OK && !sw__block_find(&block, id, ret_lane)) {
        err = SW_ERR_NOT_FOUND;
    }
    if (err == SW_ERR_NOT_FOUND || err == SW_ERR_CORRUPT) {
        return sw__corrupt(index, "an entry that is not in its place");
    }
    if (err == SW_ERR_OK) {
        memcpy(bytes, value.data, value.size);
    }
    return err;
}

static void view_own(const struct sw_index *index, const uint8_t *bytes, struct sw__block *ret)
{
    const enum sw_err err =
        sw__block_view(sw_span_of(bytes, sw__block_size(index->dim)), index->dim, ret);

    SW_ASSERT(err == SW_ERR_OK);
}

enum sw_err sw__entry_read(struct sw_index *index,
                           uint64_t id,
                           const struct sw__place *place,
                           struct sw__lane *ret_lane)
{
    struct sw__block block;
    uint32_t lane = 0;
    const enum sw_err err = block_of(index, id, place, index->block, &lane);

    if (err == SW_ERR_OK) {
        view_own(index, index->block, &block);
        sw__block_lane(&block, lane, ret_lane);
    }
    return err;
}

enum sw_err sw__entry_set_vector(struct sw_index *index,
                                 uint64_t id,
                                 const struct sw__place *place,
                                 uint32_t vector)
{
    struct sw__place moved = *place;
    struct sw__block block;
    struct sw__lane lane;
    uint32_t at = 0;
    bool set;
    enum sw_err err = block_of(index, id, place, index->block, &at);

    if (err != SW_ERR_OK) {
        return err;
    }
    view_own(index, index->block, &block);
    sw__block_lane(&block, at, &lane);
    lane.vector = vector;
    moved.vector = vector;
    set = sw__block_set(index->block, at, &lane);
    SW_ASSERT(set);
    err = put_block(index, place->bucket, place->slice, place->block, index->block);
    return err == SW_ERR_OK ? put_place(index, id, &moved) : err;
}

/* The last lane of the newest block goes into the hole; its place follows it. */
static enum sw_err fill_hole(struct sw_index *index,
                             const struct sw__place *hole,
                             uint32_t newest,
                             const struct sw__lane *last)
{
    struct sw__place moved;
    enum sw_err err = put_block(index, hole->bucket, hole->slice, hole->block, index->block);

    if (err == SW_ERR_OK) {
        sw__block_shrink(index->tail);
        err = put_block(index, hole->bucket, hole->slice, newest, index->tail);
    }
    if (err == SW_ERR_OK) {
        err = sw__place_get(index, last->id, &moved);
    }
    if (err == SW_ERR_OK) {
        moved.block = hole->block;
        err = put_place(index, last->id, &moved);
    }
    return err;
}

enum sw_err sw__entry_unplace(struct sw_index *index, uint64_t id, const struct sw__place *place)
{
    struct sw__bucket_at *at = sw__bucket_find(index, place->bucket);
    struct sw__block block;
    struct sw__lane last;
    uint32_t newest = 0;
    uint32_t lane = 0;
    enum sw_err err = block_of(index, id, place, index->block, &lane);

    if (err == SW_ERR_OK) {
        err = newest_block(index, place->bucket, place->slice, index->tail, &newest);
    }
    if (err != SW_ERR_OK || at == NULL) {
        return err != SW_ERR_OK ? err : sw__corrupt(index, "an entry of no bucket");
    }
    if (newest != place->block) {
        view_own(index, index->tail, &block);
        sw__block_lane(&block, block.count - 1, &last);
        if (sw__block_set(index->block, lane, &last)) {
            err = fill_hole(index, place, newest, &last);
            if (err == SW_ERR_OK) {
                sw__bucket_count(index, at, -1);
            }
            return err;
        }
    }
    view_own(index, index->block, &block);
    sw__block_lane(&block, block.count - 1, &last);
    if (!sw__block_set(index->block, lane, &last)) {
        return sw__corrupt(index, "a block of codes");
    }
    sw__block_shrink(index->block);
    err = put_block(index, place->bucket, place->slice, place->block, index->block);
    if (err == SW_ERR_OK) {
        sw__bucket_count(index, at, -1);
    }
    return err;
}

/* --- digest ----------------------------------------------------------------------------------- */

void sw__digest_add(struct sw_index_digest *sum, struct sw_index_digest more)
{
    sum->low += more.low;
    sum->high += more.high + (sum->low < more.low ? 1 : 0);
}

void sw__digest_subtract(struct sw_index_digest *sum, struct sw_index_digest less)
{
    const uint64_t borrow = sum->low < less.low ? 1 : 0;

    sum->low -= less.low;
    sum->high -= less.high + borrow;
}

struct sw_index_digest
sw__entry_digest(const struct sw_index *index, const struct sw__entry *entry, uint64_t check)
{
    uint8_t bytes[DIGEST_SIZE];
    XXH128_hash_t hash;

    sw_store_u64(bytes, entry->id);
    sw_store_u64(bytes + 8, entry->seq);
    sw_store_u32(bytes + 16, entry->context);
    sw_store_u32(bytes + 20, entry->slice);
    sw_store_u64(bytes + 24, check);
    hash = XXH3_128bits_withSeed(bytes, sizeof(bytes), index->space.seed);
    return (struct sw_index_digest){.low = hash.low64, .high = hash.high64};
}
