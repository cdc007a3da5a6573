/* What a reader keeps between searches: pivots, places of segments, watermarks. All of it follows
 * the snapshot that was opened last; nothing kept can be older than what the state record says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "index/reader_private.h"
#include "index/vector.h"

struct sw_index_reader *sw_index_reader_new(struct sw_span prefix)
{
    struct sw_index_reader *reader = calloc(1, sizeof(*reader));

    SW_ASSERT(reader != NULL);
    reader->prefix = sw__prefix_of(prefix);
    reader->kernel = sw__kernel_best();
    for (int i = 0; i < 2; i++) {
        reader->looks[i] = malloc(sizeof(*reader->looks[i]));
        SW_ASSERT(reader->looks[i] != NULL);
    }
    return reader;
}

static void forget_segments(struct sw_index_reader *reader)
{
    for (uint32_t i = 0; i < SW_INDEX_SLICE_COUNT_MAX; i++) {
        free(reader->segments[i].values);
        free(reader->segments[i].bits);
        reader->segments[i] = (struct sw__segments){0};
    }
}

static void forget_marks(struct sw_index_reader *reader)
{
    free(reader->marks);
    reader->marks = NULL;
    reader->mark_count = 0;
    reader->mark_capacity = 0;
}

static void forget(struct sw_index_reader *reader)
{
    forget_segments(reader);
    forget_marks(reader);
    sw__lists_clear(&reader->lists);
    sw__pivots_free(reader->now);
    sw__pivots_free(reader->previous);
    sw__rotation_free(reader->rotation);
    reader->now = NULL;
    reader->previous = NULL;
    reader->rotation = NULL;
    reader->open = false;
    reader->state = (struct sw__state){0};
}

void sw_index_reader_free(struct sw_index_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    forget(reader);
    sw__lists_release(&reader->lists);
    free(reader->looks[0]);
    free(reader->looks[1]);
    free(reader->picks.estimates);
    free(reader->picks.lanes);
    free(reader->picks.candidates);
    free(reader->near);
    free(reader);
}

enum sw_err sw__reader_corrupt(struct sw_index_reader *reader, const char *what)
{
    (void)snprintf(reader->why, SW_WHY_SIZE, "the index is damaged: %s", what);
    return SW_ERR_CORRUPT;
}

static enum sw_err
get(struct sw_index_reader *reader, const struct sw__key *key, struct sw_span *ret_value)
{
    return reader->map->ops->get(reader->map, sw__key_span(key), ret_value);
}

/* --- pivots ----------------------------------------------------------------------------------- */

static enum sw_err
read_epoch(struct sw_index_reader *reader, uint32_t number, struct sw__epoch *ret_epoch)
{
    const struct sw__key key = sw__key_1(&reader->prefix, SW__KIND_EPOCH, number);
    struct sw_span bytes;
    enum sw_err err = get(reader, &key, &bytes);

    if (err == SW_ERR_OK) {
        err = sw__epoch_decode(bytes, number, reader->dim, ret_epoch);
    }
    return err == SW_ERR_NOT_FOUND ? sw__reader_corrupt(reader, "an epoch is missing") : err;
}

static struct sw__pivots *pivots_of(struct sw_index_reader *reader, uint32_t epoch)
{
    if (sw__pivots_epoch(reader->now)->epoch == epoch) {
        return reader->now;
    }
    return reader->previous != NULL && sw__pivots_epoch(reader->previous)->epoch == epoch
               ? reader->previous
               : NULL;
}

/* Pivots with a number from `first` on. */
static enum sw_err load_pivots(struct sw_index_reader *reader, uint32_t first)
{
    const struct sw__key start = sw__key_1(&reader->prefix, SW__KIND_PIVOT, first);
    struct sw_index_record record;
    uint32_t number;
    enum sw_err err = reader->map->ops->seek(reader->map, sw__key_span(&start), &record);

    while (err == SW_ERR_OK &&
           sw__key_read(&reader->prefix, SW__KIND_PIVOT, record.key, 1, &number)) {
        struct sw__pivots *pivots;
        const int8_t *row = NULL;
        uint32_t epoch = 0;

        err = sw__pivot_decode(record.value, reader->dim, &epoch, &row);
        pivots = err == SW_ERR_OK ? pivots_of(reader, epoch) : NULL;
        if (pivots != NULL && !sw__pivots_add(pivots, number, row)) {
            err = sw__reader_corrupt(reader, "a pivot outside its space");
        }
        if (err == SW_ERR_OK) {
            err = reader->map->ops->next(reader->map, &record);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* Takes out the pivots of one epoch that went since `kept` was read. */
static enum sw_err retire(struct sw_index_reader *reader, struct sw__pivots *pivots)
{
    struct sw__epoch *kept = sw__pivots_epoch_mutable(pivots);
    struct sw__epoch *present = malloc(sizeof(*present));
    enum sw_err err;

    SW_ASSERT(present != NULL);
    err = read_epoch(reader, kept->epoch, present);
    while (err == SW_ERR_OK && kept->retired < present->retired) {
        const struct sw__key key =
            sw__key_2(&reader->prefix, SW__KIND_RETIRED, kept->epoch, kept->retired);
        struct sw_span bytes;
        uint64_t bucket = 0;

        err = get(reader, &key, &bytes);
        if (err == SW_ERR_OK) {
            err = sw__number_decode(bytes, 4, &bucket);
        }
        if (err == SW_ERR_OK) {
            (void)sw__pivots_remove(pivots, (uint32_t)bucket); /* or it came and went unseen */
            kept->retired++;
        }
    }
    free(present);
    return err == SW_ERR_NOT_FOUND ? sw__reader_corrupt(reader, "a list of pivots") : err;
}

static enum sw_err
load_epoch(struct sw_index_reader *reader, uint32_t number, struct sw__pivots **ret_pivots)
{
    struct sw__epoch *epoch = malloc(sizeof(*epoch));
    enum sw_err err;

    SW_ASSERT(epoch != NULL);
    err = read_epoch(reader, number, epoch);
    if (err == SW_ERR_OK) {
        *ret_pivots = sw__pivots_new(&reader->space, reader->dim, epoch);
    }
    free(epoch);
    return err;
}

static enum sw_err load_epochs(struct sw_index_reader *reader, const struct sw__state *state)
{
    enum sw_err err;

    sw__pivots_free(reader->now);
    sw__pivots_free(reader->previous);
    reader->now = NULL;
    reader->previous = NULL;
    err = load_epoch(reader, state->epoch, &reader->now);
    if (err == SW_ERR_OK && state->previous != 0) {
        err = load_epoch(reader, state->previous, &reader->previous);
    }
    return err == SW_ERR_OK ? load_pivots(reader, 0) : err;
}

static enum sw_err follow_pivots(struct sw_index_reader *reader, const struct sw__state *state)
{
    enum sw_err err = SW_ERR_OK;

    if (!reader->open || reader->state.epoch != state->epoch) {
        return load_epochs(reader, state);
    }
    if (reader->state.previous != state->previous) {
        sw__pivots_free(reader->previous); /* an epoch that was drained does not come back */
        reader->previous = NULL;
    }
    if (reader->state.buckets_made != state->buckets_made) {
        err = load_pivots(reader, reader->state.buckets_made);
    }
    if (err == SW_ERR_OK && reader->state.retired != state->retired) {
        err = retire(reader, reader->now);
        if (err == SW_ERR_OK && reader->previous != NULL) {
            err = retire(reader, reader->previous);
        }
    }
    return err;
}

/* --- segments --------------------------------------------------------------------------------- */

/* The list follows the state's slices; what was known of a slice stays known. */
static void follow_slices(struct sw_index_reader *reader, const struct sw__state *state, bool kept)
{
    struct sw__segments old[SW_INDEX_SLICE_COUNT_MAX];
    const uint32_t rows = sw__rows_a_segment(reader->dim);

    if (!kept || reader->state.moved != state->moved) {
        forget_segments(reader);
    }
    memcpy(old, reader->segments, sizeof(old));
    memset(reader->segments, 0, sizeof(reader->segments));
    for (uint32_t i = 0; i < state->slice_count; i++) {
        struct sw__segments *to = &reader->segments[i];
        const uint32_t count = state->slices[i].vectors / rows;

        for (uint32_t j = 0; j < SW_INDEX_SLICE_COUNT_MAX; j++) {
            if (old[j].values != NULL && old[j].slice == state->slices[i].slice) {
                *to = old[j];
                old[j].values = NULL;
            }
        }
        to->slice = state->slices[i].slice;
        if (count > to->count) {
            to->values = realloc(to->values, count * sizeof(*to->values));
            to->bits = realloc(to->bits, count);
            SW_ASSERT(to->values != NULL);
            SW_ASSERT(to->bits != NULL);
            memset(&to->values[to->count], 0, (count - to->count) * sizeof(*to->values));
            to->count = count;
        }
    }
    for (uint32_t j = 0; j < SW_INDEX_SLICE_COUNT_MAX; j++) {
        if (old[j].values != NULL) { /* of a slice that is gone; what moved on has none */
            free(old[j].values);
            free(old[j].bits);
        }
    }
}

static enum sw_err
find_segment(struct sw_index_reader *reader, struct sw__segments *segments, uint32_t segment)
{
    const uint32_t rows = sw__rows_a_segment(reader->dim);
    const struct sw__key key =
        sw__key_2(&reader->prefix, SW__KIND_SEGMENT, segments->slice, segment);
    struct sw_span value;
    struct sw_span row;
    enum sw_err err = get(reader, &key, &value);

    if (err == SW_ERR_OK) {
        err = sw__segment_row(value, reader->dim, rows - 1, &row); /* all of them are there */
    }
    if (err == SW_ERR_OK) {
        segments->values[segment] = value.data;
        segments->bits[segment] = value.data[1];
    }
    return err;
}

enum sw_err sw__reader_row(struct sw_index_reader *reader,
                           uint32_t slice_at,
                           uint32_t vector,
                           struct sw_span *ret_bytes)
{
    const uint32_t rows = sw__rows_a_segment(reader->dim);
    struct sw__segments *segments = &reader->segments[slice_at];
    const uint32_t segment = vector / rows;
    enum sw_err err = SW_ERR_OK;

    if (segment < segments->count) {
        if (segments->values[segment] == NULL) {
            err = find_segment(reader, segments, segment);
        }
        if (err == SW_ERR_OK) {
            const size_t size = sw__row_size_of(reader->dim, segments->bits[segment]);

            *ret_bytes = sw_span_of(
                segments->values[segment] + SW__SEGMENT_HEADER_SIZE + size * (vector % rows), size);
        }
    } else {
        const struct sw__key key =
            sw__key_2(&reader->prefix, SW__KIND_ROW, segments->slice, vector);

        err = get(reader, &key, ret_bytes);
    }
    return err == SW_ERR_NOT_FOUND || err == SW_ERR_CORRUPT ? sw__reader_corrupt(reader, "a row")
                                                            : err;
}

enum sw_err
sw_index_reader_row(struct sw_index_reader *reader, uint64_t id, struct sw_span *ret_row)
{
    const struct sw__key key = sw__key_place(&reader->prefix, id);
    struct sw__place place;
    struct sw_span bytes;
    enum sw_err err;

    SW_ASSERT(reader->open);
    err = get(reader, &key, &bytes);
    if (err == SW_ERR_OK && sw__place_decode(bytes, &place) != SW_ERR_OK) {
        return sw__reader_corrupt(reader, "a place");
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < reader->state.slice_count; i++) {
        if (reader->state.slices[i].slice == place.slice) {
            return reader->state.slices[i].dropped
                       ? SW_ERR_NOT_FOUND
                       : sw__reader_row(reader, i, place.vector, ret_row);
        }
    }
    return SW_ERR_NOT_FOUND;
}

/* --- watermarks ------------------------------------------------------------------------------- */

static struct sw__mark *mark_slot(struct sw_index_reader *reader, uint32_t context)
{
    uint32_t at = context * UINT32_C(2654435761) & (reader->mark_capacity - 1);

    while (reader->marks[at].used && reader->marks[at].context != context) {
        at = (at + 1) & (reader->mark_capacity - 1);
    }
    return &reader->marks[at];
}

static void grow_marks(struct sw_index_reader *reader)
{
    struct sw__mark *old = reader->marks;
    const uint32_t old_capacity = reader->mark_capacity;

    if (2 * reader->mark_count < old_capacity) {
        return;
    }
    reader->mark_capacity = old_capacity == 0 ? 64 : 2 * old_capacity;
    reader->marks = calloc(reader->mark_capacity, sizeof(*reader->marks));
    SW_ASSERT(reader->marks != NULL);
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i].used) {
            *mark_slot(reader, old[i].context) = old[i];
        }
    }
    free(old);
}

enum sw_err
sw__reader_watermark(struct sw_index_reader *reader, uint32_t context, uint64_t *ret_seq)
{
    struct sw__mark *mark;
    struct sw__key key;
    struct sw_span bytes;
    uint64_t seq = 0;
    enum sw_err err;

    if (reader->state.watermarks == 0) {
        *ret_seq = 0;
        return SW_ERR_OK;
    }
    grow_marks(reader);
    mark = mark_slot(reader, context);
    if (!mark->used) {
        key = sw__key_1(&reader->prefix, SW__KIND_WATERMARK, context);
        err = get(reader, &key, &bytes);
        if (err == SW_ERR_OK) {
            err = sw__number_decode(bytes, 8, &seq);
        }
        if (err != SW_ERR_OK && err != SW_ERR_NOT_FOUND) {
            return sw__reader_corrupt(reader, "a watermark");
        }
        *mark = (struct sw__mark){.used = true, .context = context, .seq = seq};
        reader->mark_count++;
    }
    *ret_seq = mark->seq;
    return SW_ERR_OK;
}

/* --- open ------------------------------------------------------------------------------------- */

static enum sw_err read_space(struct sw_index_reader *reader, struct sw_space *ret_space)
{
    struct sw_span bytes;
    struct sw__key key;
    enum sw_err err;

    sw__key_begin(&reader->prefix, SW__KIND_SPACE, &key);
    err = get(reader, &key, &bytes);
    if (err == SW_ERR_OK) {
        err = sw_space_decode(bytes, ret_space);
    }
    return err == SW_ERR_MALFORMED ? sw__reader_corrupt(reader, "its space") : err;
}

static enum sw_err read_state(struct sw_index_reader *reader, struct sw__state *ret_state)
{
    struct sw_span bytes;
    struct sw__key key;
    enum sw_err err;

    sw__key_begin(&reader->prefix, SW__KIND_STATE, &key);
    err = get(reader, &key, &bytes);
    if (err == SW_ERR_OK) {
        err = sw__state_decode(bytes, ret_state);
    }
    return err == SW_ERR_NOT_FOUND ? sw__reader_corrupt(reader, "its state is missing") : err;
}

static void take_space(struct sw_index_reader *reader, const struct sw_space *space)
{
    if (reader->open && sw_space_equal(&reader->space, space)) {
        return;
    }
    forget(reader);
    reader->space = *space;
    reader->dim = sw__dim_padded(space->dim);
    reader->rotation = sw__rotation_new(reader->dim, space->seed);
}

enum sw_err
sw_index_reader_open(struct sw_index_reader *reader, struct sw_index_map *map, bool kept)
{
    struct sw__state *state = malloc(sizeof(*state));
    struct sw_space space;
    enum sw_err err;

    SW_ASSERT(state != NULL);
    reader->map = map;
    reader->why[0] = 0;
    sw__lists_clear(&reader->lists);
    err = read_space(reader, &space);
    if (err == SW_ERR_OK) {
        take_space(reader, &space);
        err = read_state(reader, state);
    }
    if (err == SW_ERR_OK) {
        err = follow_pivots(reader, state);
    }
    if (err != SW_ERR_OK) {
        forget(reader);
        free(state);
        return err;
    }
    if (!reader->open || reader->state.watermarks != state->watermarks) {
        forget_marks(reader);
    }
    follow_slices(reader, state, kept && reader->open);
    reader->state = *state;
    reader->open = true;
    free(state);
    return SW_ERR_OK;
}

enum sw_err sw_index_reader_stats(struct sw_index_reader *reader,
                                  struct sw_index_stats *ret_stats,
                                  struct sw_index_histogram *ret_histogram)
{
    struct sw_index_histogram histogram = {0};
    struct sw_index_record record;
    struct sw__key start;
    enum sw_err err;

    SW_ASSERT(reader->open);
    sw__key_begin(&reader->prefix, SW__KIND_BUCKET, &start);
    err = reader->map->ops->seek(reader->map, sw__key_span(&start), &record);
    while (err == SW_ERR_OK && sw__key_covers(&start, record.key)) {
        struct sw__bucket bucket;

        if (sw__bucket_decode(record.value, &bucket) != SW_ERR_OK) {
            return sw__reader_corrupt(reader, "a bucket");
        }
        sw__histogram_add(&histogram, bucket.entries);
        err = reader->map->ops->next(reader->map, &record);
    }
    if (err == SW_ERR_OK || err == SW_ERR_NOT_FOUND) {
        sw__state_stats(&reader->state, ret_stats);
        ret_stats->buckets = histogram.buckets;
        *ret_histogram = histogram;
        return SW_ERR_OK;
    }
    return err;
}

const struct sw_space *sw_index_reader_space(const struct sw_index_reader *reader)
{
    SW_ASSERT(reader->open);
    return &reader->space;
}

const char *sw_index_reader_why(const struct sw_index_reader *reader)
{
    return reader->why;
}
