/* The writer's calls; see index.h. What they do to records is in entry.c, what waits in step.c. */
#include "index/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "index/index_private.h"
#include "index/vector.h"

enum { EVEN_BINS = 16, BIN_WIDTH = 32 }; /* of the histogram; beyond these bins double */

struct sw_index *sw__index_of(struct sw_index_map *map, struct sw_span prefix)
{
    struct sw_index *index = calloc(1, sizeof(*index));

    SW_ASSERT(index != NULL);
    index->map = map;
    index->prefix = sw__prefix_of(prefix);
    index->kernel = sw__kernel_best();
    return index;
}

struct sw_index *sw_index_new(struct sw_index_map *map, struct sw_span prefix)
{
    SW_ASSERT(map->ops->put != NULL);
    SW_ASSERT(map->ops->del != NULL);
    return sw__index_of(map, prefix);
}

void sw_index_free(struct sw_index *index)
{
    if (index == NULL) {
        return;
    }
    sw__forget(index);
    free(index->buckets);
    sw_buf_release(&index->scratch);
    free(index);
}

/* The first epoch knows nothing: one pivot in the middle of the space. */
static enum sw_err first_epoch(struct sw_index *index)
{
    static const int8_t zeros[SW_SPACE_DIM_MAX];
    struct sw__epoch *epoch = calloc(1, sizeof(*epoch));
    const struct sw__bucket bucket = {.epoch = 1, .split_at = UINT32_MAX};
    enum sw_err err;

    SW_ASSERT(epoch != NULL);
    epoch->epoch = 1;
    index->state = (struct sw__state){.epoch = 1, .buckets_made = 1};
    index->state_changed = true;
    index->now = sw__pivots_new(&index->space, index->dim, epoch);
    err = sw__epoch_put(index, epoch);
    free(epoch);
    if (err == SW_ERR_OK) {
        err = sw__pivot_put(index, index->now, 0, zeros);
    }
    if (err == SW_ERR_OK) {
        sw__bucket_add(index, 0, &bucket);
        err = sw_index_flush(index);
    }
    return err;
}

enum sw_err sw_index_create(struct sw_index *index, const struct sw_space *space)
{
    struct sw_span there;
    struct sw__key key;
    enum sw_err err = sw_space_check(space, index->why);

    if (err != SW_ERR_OK) {
        return err;
    }
    sw__key_begin(&index->prefix, SW__KIND_SPACE, &key);
    err = sw__get(index, &key, &there);
    if (err != SW_ERR_NOT_FOUND) {
        (void)snprintf(index->why, SW_WHY_SIZE, "the space exists already");
        return err == SW_ERR_OK ? SW_ERR_CONFLICT : err;
    }
    sw__forget(index);
    sw__space_set(index, space);
    sw_buf_clear(&index->scratch);
    sw_space_encode(space, &index->scratch);
    err = sw__put(index, &key, sw_buf_span(&index->scratch));
    return err == SW_ERR_OK ? first_epoch(index) : err;
}

const struct sw_space *sw_index_space(const struct sw_index *index)
{
    SW_ASSERT(index->open);
    return &index->space;
}

const char *sw_index_why(const struct sw_index *index)
{
    return index->why;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* The slice, made if need be. */
static enum sw_err slice_of(struct sw_index *index, uint32_t number, struct sw__slice **ret_slice)
{
    struct sw__state *state = &index->state;
    struct sw__slice *slice = sw__state_slice(state, number);
    uint32_t at = 0;

    if (slice != NULL && slice->dropped) {
        (void)snprintf(
            index->why, SW_WHY_SIZE, "slice %u was dropped and is not reclaimed yet", number);
        return SW_ERR_INVALID;
    }
    if (slice == NULL) {
        if (state->slice_count == SW_INDEX_SLICE_COUNT_MAX) {
            (void)snprintf(index->why,
                           SW_WHY_SIZE,
                           "the index has %d slices already; drop one first",
                           SW_INDEX_SLICE_COUNT_MAX);
            return SW_ERR_BUSY;
        }
        while (at < state->slice_count && state->slices[at].slice < number) {
            at++;
        }
        slice = &state->slices[at];
        memmove(slice + 1, slice, (state->slice_count - at) * sizeof(*slice));
        *slice = (struct sw__slice){.slice = number, .bits = SW__ROW_BITS_MAX};
        state->slice_count++;
        index->state_changed = true;
    }
    *ret_slice = slice;
    return SW_ERR_OK;
}

static enum sw_err remove_entry(struct sw_index *index, uint64_t id, const struct sw__place *place)
{
    struct sw__entry entry = {.id = id, .slice = place->slice, .vector = place->vector};
    struct sw__slice *slice = sw__state_slice(&index->state, place->slice);
    struct sw_index_digest digest;
    struct sw__lane lane;
    struct sw__row row;
    enum sw_err err = sw__entry_read(index, id, place, &lane);

    if (err == SW_ERR_OK) {
        err = sw__row_get(index, place->slice, place->vector, &row);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    entry.seq = lane.seq;
    entry.context = lane.context;
    digest = sw__entry_digest(index, &entry, row.check);
    err = sw__entry_unplace(index, id, place);
    if (err == SW_ERR_OK) {
        err = sw__row_forget(index, place->slice, place->vector);
    }
    if (err == SW_ERR_OK) {
        sw__digest_subtract(&slice->digest, digest);
        slice->entries--;
        index->state_changed = true;
    }
    return err;
}

/* `fixed` is what the row stands for. */
static enum sw_err add_entry(struct sw_index *index,
                             struct sw__slice *slice,
                             struct sw__entry *entry,
                             const uint8_t *row,
                             const int32_t *fixed)
{
    const struct sw_span bytes = sw_span_of(row, sw__row_size(index->dim));
    struct sw__row view;
    uint64_t check;
    enum sw_err err = sw__row_view_at(row, index->dim, &view);

    SW_ASSERT(err == SW_ERR_OK);
    check = view.check;
    err = sw__row_append(index, slice, bytes, &entry->vector);
    if (err == SW_ERR_OK) {
        err = sw__entry_place(index, entry, fixed);
    }
    if (err == SW_ERR_OK) {
        sw__digest_add(&slice->digest, sw__entry_digest(index, entry, check));
        slice->entries++;
    }
    return err;
}

static enum sw_err usable(struct sw_index *index)
{
    SW_ASSERT(index->open);
    if (index->broken) {
        return sw__corrupt(index, "load it again after an error");
    }
    index->why[0] = 0;
    return SW_ERR_OK;
}

/* The row of a new entry, or of one that takes the place of another with its id. */
static enum sw_err put_made(struct sw_index *index,
                            const struct sw_index_entry *entry,
                            const uint8_t *row,
                            const int32_t *fixed)
{
    struct sw__entry added = {
        .id = entry->id, .seq = entry->seq, .context = entry->context, .slice = entry->slice};
    struct sw__slice *slice = NULL;
    struct sw__place place;
    enum sw_err err = slice_of(index, entry->slice, &slice);

    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw__place_get(index, entry->id, &place);
    if (err == SW_ERR_OK) {
        err = remove_entry(index, entry->id, &place);
    }
    if (err == SW_ERR_OK || err == SW_ERR_NOT_FOUND) {
        err = add_entry(index, slice, &added, row, fixed);
    }
    return err;
}

enum sw_err sw_index_put(struct sw_index *index, const struct sw_index_entry *entry)
{
    uint8_t row[SW__ROW_HEADER_SIZE + 2 * SW_SPACE_DIM_MAX];
    int32_t fixed[SW_SPACE_DIM_MAX];
    enum sw_err err = usable(index);

    if (err == SW_ERR_OK) {
        err = sw__vector_fixed(&index->space, entry->vector, fixed, index->why);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    sw__rotate(index->rotation, fixed);
    sw__row_make(entry->id, fixed, index->dim, row);
    return put_made(index, entry, row, fixed);
}

/* No coordinate of a vector is longer than the longest vector, 2^24; so the sum of squares cannot
 * wrap around to the length that forged bytes claim. */
static bool load_row(const struct sw_index *index, struct sw_span row, int32_t *ret_fixed)
{
    struct sw__row view;

    if (sw__row_view(row, index->dim, &view) != SW_ERR_OK) {
        return false;
    }
    sw__row_restore(&view, index->dim, ret_fixed);
    for (uint32_t i = 0; i < index->dim; i++) {
        if (ret_fixed[i] > 1 << (SW__FIXED_BITS + 1) ||
            ret_fixed[i] < -(1 << (SW__FIXED_BITS + 1))) {
            return false;
        }
    }
    return sw__norm2(ret_fixed, index->dim) == view.norm2 &&
           (view.bits < SW__ROW_BITS_MAX || sw__row_check(row) == view.check);
}

bool sw_index_is_row(const struct sw_index *index, struct sw_span row)
{
    int32_t fixed[SW_SPACE_DIM_MAX];

    return load_row(index, row, fixed);
}

enum sw_err sw_index_put_row(struct sw_index *index, const struct sw_index_entry *entry)
{
    uint8_t row[SW__ROW_HEADER_SIZE + 2 * SW_SPACE_DIM_MAX];
    int32_t fixed[SW_SPACE_DIM_MAX];
    enum sw_err err = usable(index);

    if (err == SW_ERR_OK && !load_row(index, entry->vector, fixed)) {
        err = SW_ERR_INVALID;
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    if (entry->vector.size == sw__row_size(index->dim)) {
        memcpy(row, entry->vector.data, entry->vector.size); /* it may be the one that goes */
        sw_store_u64(row, entry->id);
    } else { /* fewer bits were kept: what is left of it is a vector like any other */
        sw__row_make(entry->id, fixed, index->dim, row);
    }
    return put_made(index, entry, row, fixed);
}

enum sw_err sw_index_delete(struct sw_index *index, uint64_t id)
{
    const struct sw__key key = sw__key_place(&index->prefix, id);
    struct sw__place place;
    enum sw_err err = usable(index);

    if (err == SW_ERR_OK) {
        err = sw__place_get(index, id, &place);
    }
    if (err == SW_ERR_OK) {
        err = remove_entry(index, id, &place);
    }
    return err == SW_ERR_OK ? sw__del(index, &key) : err;
}

enum sw_err sw_index_get(struct sw_index *index, uint64_t id, struct sw_index_entry *ret_entry)
{
    struct sw__place place;
    struct sw__lane lane;
    enum sw_err err = usable(index);

    if (err == SW_ERR_OK) {
        err = sw__place_get(index, id, &place);
    }
    if (err == SW_ERR_OK) {
        err = sw__entry_read(index, id, &place, &lane);
    }
    if (err == SW_ERR_OK) {
        *ret_entry = (struct sw_index_entry){
            .id = id, .seq = lane.seq, .context = lane.context, .slice = place.slice};
    }
    return err;
}

enum sw_err sw_index_row(struct sw_index *index, uint64_t id, struct sw_span *ret_row)
{
    struct sw__place place;
    enum sw_err err = usable(index);

    if (err == SW_ERR_OK) {
        err = sw__place_get(index, id, &place);
    }
    return err == SW_ERR_OK ? sw__row_bytes(index, place.slice, place.vector, ret_row) : err;
}

/* --- contexts and slices ---------------------------------------------------------------------- */

enum sw_err sw_index_watermark(struct sw_index *index, uint32_t context, uint64_t *ret_seq)
{
    const struct sw__key key = sw__key_1(&index->prefix, SW__KIND_WATERMARK, context);
    struct sw_span bytes;
    enum sw_err err = usable(index);

    *ret_seq = 0;
    if (err == SW_ERR_OK) {
        err = sw__get(index, &key, &bytes);
    }
    if (err == SW_ERR_OK && sw__number_decode(bytes, 8, ret_seq) != SW_ERR_OK) {
        return sw__corrupt(index, "a watermark");
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw_index_set_watermark(struct sw_index *index, uint32_t context, uint64_t seq)
{
    const struct sw__key key = sw__key_1(&index->prefix, SW__KIND_WATERMARK, context);
    uint64_t old = 0;
    const enum sw_err err = sw_index_watermark(index, context, &old);

    if (err != SW_ERR_OK || seq <= old) {
        return err;
    }
    sw_buf_clear(&index->scratch);
    sw__number_encode(seq, 8, &index->scratch);
    index->state.watermarks++;
    index->state_changed = true;
    return sw__put(index, &key, sw_buf_span(&index->scratch));
}

void sw_index_note_gone(struct sw_index *index)
{
    SW_ASSERT(index->open);
    index->state.watermarks++;
    index->state_changed = true;
}

enum sw_err sw_index_drop_slice(struct sw_index *index, uint32_t number)
{
    struct sw__slice *slice;
    const enum sw_err err = usable(index);

    if (err != SW_ERR_OK) {
        return err;
    }
    slice = sw__state_slice(&index->state, number);
    if (slice == NULL || slice->dropped) {
        return SW_ERR_NOT_FOUND;
    }
    slice->dropped = true;
    slice->stage = 0;
    slice->cursor = 0;
    slice->digest = (struct sw_index_digest){0};
    index->state_changed = true;
    return SW_ERR_OK;
}

/* --- what it is like -------------------------------------------------------------------------- */

struct sw_index_digest sw_index_digest(const struct sw_index *index)
{
    struct sw_index_digest sum = {0};

    for (uint32_t i = 0; i < index->state.slice_count; i++) {
        if (!index->state.slices[i].dropped) {
            sw__digest_add(&sum, index->state.slices[i].digest);
        }
    }
    return sum;
}

void sw_index_stats(const struct sw_index *index, struct sw_index_stats *ret_stats)
{
    sw__state_stats(&index->state, ret_stats);
    ret_stats->buckets = index->bucket_count;
    ret_stats->draining = index->draining;
    ret_stats->working = sw__working(index);
}

void sw__state_stats(const struct sw__state *state, struct sw_index_stats *ret_stats)
{
    *ret_stats = (struct sw_index_stats){.trained = state->trained,
                                         .epoch = state->epoch,
                                         .slices = state->slice_count,
                                         .splits = state->splits};
    for (uint32_t i = 0; i < state->slice_count; i++) {
        const struct sw__slice *slice = &state->slices[i];

        if (slice->dropped) {
            ret_stats->waiting += slice->entries;
        } else {
            ret_stats->entries += slice->entries;
        }
    }
}

uint32_t sw_index_histogram_from(uint32_t bin)
{
    SW_ASSERT(bin < SW_INDEX_BIN_COUNT);
    return bin <= EVEN_BINS ? BIN_WIDTH * bin
                            : (uint32_t)(BIN_WIDTH * EVEN_BINS) << (bin - EVEN_BINS);
}

void sw__histogram_add(struct sw_index_histogram *histogram, uint32_t entries)
{
    uint32_t bin = SW_INDEX_BIN_COUNT - 1;

    while (entries < sw_index_histogram_from(bin)) {
        bin--;
    }
    histogram->bins[bin]++;
    histogram->buckets++;
    histogram->entries += entries;
    histogram->largest = entries > histogram->largest ? entries : histogram->largest;
}

void sw_index_histogram(const struct sw_index *index, struct sw_index_histogram *ret_histogram)
{
    *ret_histogram = (struct sw_index_histogram){0};
    for (uint32_t i = 0; i < index->bucket_count; i++) {
        sw__histogram_add(ret_histogram, index->buckets[i].value.entries);
    }
}

enum sw_err sw_index_erase(struct sw_index *index, uint32_t count, bool *ret_done)
{
    struct sw__key start = {.size = index->prefix.size};
    uint32_t left = count;
    enum sw_err err;

    memcpy(start.data, index->prefix.data, index->prefix.size);
    err = sw__del_range(index, &start, &left);
    sw__forget(index);
    *ret_done = err == SW_ERR_OK && left > 0;
    return err;
}
