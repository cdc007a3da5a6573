/* What the writer keeps in memory, and its records: read at the start, written when it changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "index/index_private.h"
#include "index/vector.h"

/* --- single records --------------------------------------------------------------------------- */

/* NOT_FOUND is an answer; anything else may have left the index half written. */
static enum sw_err seen(struct sw_index *index, enum sw_err err)
{
    if (err != SW_ERR_OK && err != SW_ERR_NOT_FOUND) {
        index->broken = true;
    }
    return err;
}

enum sw_err sw__put(struct sw_index *index, const struct sw__key *key, struct sw_span value)
{
    return seen(index, index->map->ops->put(index->map, sw__key_span(key), value));
}

enum sw_err sw__del(struct sw_index *index, const struct sw__key *key)
{
    return seen(index, index->map->ops->del(index->map, sw__key_span(key)));
}

enum sw_err sw__get(struct sw_index *index, const struct sw__key *key, struct sw_span *ret_value)
{
    return seen(index, index->map->ops->get(index->map, sw__key_span(key), ret_value));
}

enum sw_err
sw__first(struct sw_index *index, const struct sw__key *start, struct sw_index_record *ret_record)
{
    const enum sw_err err =
        seen(index, index->map->ops->seek(index->map, sw__key_span(start), ret_record));

    if (err == SW_ERR_OK && !sw__key_covers(start, ret_record->key)) {
        return SW_ERR_NOT_FOUND;
    }
    return err;
}

enum sw_err sw__del_range(struct sw_index *index, const struct sw__key *start, uint32_t *left)
{
    enum sw_err err = SW_ERR_OK;

    while (err == SW_ERR_OK && *left > 0) {
        struct sw_index_record record;
        struct sw__key key;

        err = sw__first(index, start, &record);
        if (err == SW_ERR_OK) {
            if (record.key.size > sizeof(key.data)) {
                return sw__corrupt(index, "a key that is not its own");
            }
            key.size = (uint8_t)record.key.size;
            memcpy(key.data, record.key.data, record.key.size);
            err = sw__del(index, &key);
            (*left)--;
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw__corrupt(struct sw_index *index, const char *what)
{
    (void)snprintf(index->why, SW_WHY_SIZE, "the index is damaged: %s", what);
    index->broken = true;
    return SW_ERR_CORRUPT;
}

/* --- buckets ---------------------------------------------------------------------------------- */

struct sw__bucket_at *sw__bucket_find(struct sw_index *index, uint32_t bucket)
{
    uint32_t from = 0;
    uint32_t count = index->bucket_count;

    while (from < count) {
        const uint32_t middle = from + (count - from) / 2;

        if (index->buckets[middle].bucket < bucket) {
            from = middle + 1;
        } else {
            count = middle;
        }
    }
    return from < index->bucket_count && index->buckets[from].bucket == bucket
               ? &index->buckets[from]
               : NULL;
}

bool sw__bucket_is_draining(const struct sw_index *index, const struct sw__bucket *bucket)
{
    return bucket->draining || bucket->epoch < index->state.epoch;
}

bool sw__bucket_is_overfull(const struct sw_index *index, const struct sw__bucket *bucket)
{
    return !sw__bucket_is_draining(index, bucket) && bucket->entries > bucket->split_at;
}

static void tally(struct sw_index *index, const struct sw__bucket *bucket, int32_t sign)
{
    index->draining += (uint32_t)(sw__bucket_is_draining(index, bucket) ? sign : 0);
    index->overfull += (uint32_t)(sw__bucket_is_overfull(index, bucket) ? sign : 0);
}

void sw__bucket_tally(struct sw_index *index)
{
    index->draining = 0;
    index->overfull = 0;
    for (uint32_t i = 0; i < index->bucket_count; i++) {
        tally(index, &index->buckets[i].value, 1);
    }
}

void sw__bucket_add(struct sw_index *index, uint32_t bucket, const struct sw__bucket *value)
{
    SW_ASSERT(index->bucket_count == 0 || index->buckets[index->bucket_count - 1].bucket < bucket);
    if (index->bucket_count == index->bucket_capacity) {
        index->bucket_capacity = index->bucket_capacity == 0 ? 64 : 2 * index->bucket_capacity;
        index->buckets = realloc(index->buckets, index->bucket_capacity * sizeof(*index->buckets));
        SW_ASSERT(index->buckets != NULL);
    }
    index->buckets[index->bucket_count++] =
        (struct sw__bucket_at){.bucket = bucket, .changed = true, .value = *value};
    tally(index, value, 1);
}

void sw__bucket_set(struct sw_index *index,
                    struct sw__bucket_at *at,
                    const struct sw__bucket *value)
{
    tally(index, &at->value, -1);
    at->value = *value;
    at->changed = true;
    tally(index, &at->value, 1);
}

void sw__bucket_count(struct sw_index *index, struct sw__bucket_at *at, int32_t more)
{
    struct sw__bucket value = at->value;

    SW_ASSERT(more >= 0 || value.entries >= (uint32_t)-more);
    value.entries += (uint32_t)more;
    sw__bucket_set(index, at, &value);
}

void sw__bucket_drain(struct sw_index *index, struct sw__bucket_at *at)
{
    struct sw__bucket value = at->value;

    value.draining = true;
    sw__bucket_set(index, at, &value);
}

struct sw__pivots *sw__pivots_of(struct sw_index *index, uint32_t epoch)
{
    if (index->now != NULL && sw__pivots_epoch(index->now)->epoch == epoch) {
        return index->now;
    }
    if (index->previous != NULL && sw__pivots_epoch(index->previous)->epoch == epoch) {
        return index->previous;
    }
    return index->next != NULL && sw__pivots_epoch(index->next)->epoch == epoch ? index->next
                                                                                : NULL;
}

enum sw_err sw__epoch_put(struct sw_index *index, const struct sw__epoch *epoch)
{
    const struct sw__key key = sw__key_1(&index->prefix, SW__KIND_EPOCH, epoch->epoch);

    sw_buf_clear(&index->scratch);
    sw__epoch_encode(epoch, index->dim, &index->scratch);
    return sw__put(index, &key, sw_buf_span(&index->scratch));
}

enum sw_err
sw__pivot_put(struct sw_index *index, struct sw__pivots *pivots, uint32_t bucket, const int8_t *row)
{
    const struct sw__key key = sw__key_1(&index->prefix, SW__KIND_PIVOT, bucket);

    if (!sw__pivots_add(pivots, bucket, row)) {
        return sw__corrupt(index, "a pivot outside its space");
    }
    sw_buf_clear(&index->scratch);
    sw__pivot_encode(sw__pivots_epoch(pivots)->epoch, row, index->dim, &index->scratch);
    return sw__put(index, &key, sw_buf_span(&index->scratch));
}

/* The last bucket of the previous epoch is empty: the epoch goes, with the list of its pivots. */
static enum sw_err end_previous(struct sw_index *index)
{
    const uint32_t epoch = index->state.previous;
    const uint32_t retired = sw__pivots_epoch(index->previous)->retired;
    const struct sw__key key = sw__key_1(&index->prefix, SW__KIND_EPOCH, epoch);
    enum sw_err err = sw__del(index, &key);

    for (uint32_t i = 0; err == SW_ERR_OK && i < retired; i++) {
        const struct sw__key gone = sw__key_2(&index->prefix, SW__KIND_RETIRED, epoch, i);

        err = sw__del(index, &gone);
    }
    sw__pivots_free(index->previous);
    index->previous = NULL;
    index->state.previous = 0;
    index->state_changed = true;
    return err;
}

static enum sw_err retire(struct sw_index *index, struct sw__pivots *pivots, uint32_t bucket)
{
    struct sw__epoch *epoch = sw__pivots_epoch_mutable(pivots);
    const struct sw__key key =
        sw__key_2(&index->prefix, SW__KIND_RETIRED, epoch->epoch, epoch->retired);
    enum sw_err err;

    sw_buf_clear(&index->scratch);
    sw__number_encode(bucket, 4, &index->scratch);
    err = sw__put(index, &key, sw_buf_span(&index->scratch));
    epoch->retired++;
    index->state.retired++;
    index->state_changed = true;
    return err == SW_ERR_OK ? sw__epoch_put(index, epoch) : err;
}

enum sw_err sw__bucket_remove(struct sw_index *index, uint32_t bucket)
{
    struct sw__bucket_at *at = sw__bucket_find(index, bucket);
    const struct sw__key pivot = sw__key_1(&index->prefix, SW__KIND_PIVOT, bucket);
    const struct sw__key record = sw__key_1(&index->prefix, SW__KIND_BUCKET, bucket);
    struct sw__pivots *pivots;
    size_t behind;
    enum sw_err err;

    SW_ASSERT(at != NULL);
    SW_ASSERT(at->value.entries == 0);
    pivots = sw__pivots_of(index, at->value.epoch);
    behind = index->bucket_count - (size_t)(at - index->buckets) - 1;
    tally(index, &at->value, -1);
    memmove(at, at + 1, behind * sizeof(*at));
    index->bucket_count--;
    if (!sw__pivots_remove(pivots, bucket)) {
        return sw__corrupt(index, "a bucket without its pivot");
    }
    err = sw__del(index, &pivot);
    if (err == SW_ERR_OK) {
        err = sw__del(index, &record);
        err = err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err; /* never flushed */
    }
    if (err == SW_ERR_OK) {
        err = retire(index, pivots, bucket);
    }
    if (err == SW_ERR_OK && pivots == index->previous && sw__pivots_count(pivots) == 0) {
        err = end_previous(index);
    }
    return err == SW_ERR_NOT_FOUND ? sw__corrupt(index, "a record of a bucket is missing") : err;
}

/* --- all of it -------------------------------------------------------------------------------- */

enum sw_err sw__load_epoch(struct sw_index *index, uint32_t number, struct sw__pivots **ret_pivots)
{
    const struct sw__key key = sw__key_1(&index->prefix, SW__KIND_EPOCH, number);
    struct sw_span bytes;
    enum sw_err err = sw__get(index, &key, &bytes);
    struct sw__epoch *epoch;

    if (err != SW_ERR_OK) {
        return err == SW_ERR_NOT_FOUND ? sw__corrupt(index, "an epoch is missing") : err;
    }
    epoch = malloc(sizeof(*epoch));
    SW_ASSERT(epoch != NULL);
    err = sw__epoch_decode(bytes, number, index->dim, epoch);
    if (err == SW_ERR_OK) {
        *ret_pivots = sw__pivots_new(&index->space, index->dim, epoch);
    }
    free(epoch);
    return err;
}

/* Every record of a kind whose key is one number, in order. */
static enum sw_err
walk(struct sw_index *index,
     enum sw__kind kind,
     enum sw_err (*take)(struct sw_index *index, uint32_t number, struct sw_span value))
{
    struct sw_index_record record;
    struct sw__key start;
    uint32_t number;
    enum sw_err err;

    sw__key_begin(&index->prefix, kind, &start);
    err = sw__first(index, &start, &record);
    while (err == SW_ERR_OK && sw__key_read(&index->prefix, kind, record.key, 1, &number)) {
        err = take(index, number, record.value);
        if (err == SW_ERR_OK) {
            err = index->map->ops->next(index->map, &record);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static enum sw_err take_pivot(struct sw_index *index, uint32_t number, struct sw_span value)
{
    const int8_t *row = NULL;
    uint32_t epoch = 0;
    struct sw__pivots *pivots;
    const enum sw_err err = sw__pivot_decode(value, index->dim, &epoch, &row);

    if (err != SW_ERR_OK) {
        return err;
    }
    pivots = sw__pivots_of(index, epoch);
    if (pivots == NULL || !sw__pivots_add(pivots, number, row)) {
        return sw__corrupt(index, "a pivot of no epoch");
    }
    return SW_ERR_OK;
}

static enum sw_err take_bucket(struct sw_index *index, uint32_t number, struct sw_span value)
{
    struct sw__bucket bucket;
    const enum sw_err err = sw__bucket_decode(value, &bucket);
    const struct sw__pivots *pivots;

    if (err != SW_ERR_OK) {
        return err;
    }
    pivots = sw__pivots_of(index, bucket.epoch);
    if (pivots == NULL || sw__pivots_row(pivots, number) == NULL ||
        index->bucket_count == 2 * SW_INDEX_BUCKET_COUNT_MAX) {
        return sw__corrupt(index, "a bucket without its pivot");
    }
    sw__bucket_add(index, number, &bucket);
    index->buckets[index->bucket_count - 1].changed = false;
    return SW_ERR_OK;
}

static enum sw_err load_state(struct sw_index *index)
{
    struct sw_span bytes;
    struct sw__key key;
    enum sw_err err;

    sw__key_begin(&index->prefix, SW__KIND_STATE, &key);
    err = sw__get(index, &key, &bytes);
    if (err == SW_ERR_OK) {
        err = sw__state_decode(bytes, &index->state);
    }
    return err == SW_ERR_NOT_FOUND ? sw__corrupt(index, "its state is missing") : err;
}

static void forget(struct sw_index *index)
{
    sw__pivots_free(index->now);
    sw__pivots_free(index->previous);
    sw__pivots_free(index->next);
    sw__rotation_free(index->rotation);
    free(index->block);
    free(index->tail);
    free(index->look);
    index->tail = NULL;
    index->look = NULL;
    index->now = NULL;
    index->previous = NULL;
    index->next = NULL;
    index->rotation = NULL;
    index->block = NULL;
    index->bucket_count = 0;
    index->draining = 0;
    index->overfull = 0;
    index->open = false;
    index->broken = false;
    index->state_changed = false;
    index->state = (struct sw__state){0};
}

void sw__forget(struct sw_index *index)
{
    forget(index);
}

void sw__space_set(struct sw_index *index, const struct sw_space *space)
{
    index->space = *space;
    index->dim = sw__dim_padded(space->dim);
    index->rotation = sw__rotation_new(index->dim, space->seed);
    index->block = malloc(sw__block_size(index->dim));
    index->tail = malloc(sw__block_size(index->dim));
    index->look = malloc(sizeof(*index->look));
    SW_ASSERT(index->block != NULL);
    SW_ASSERT(index->tail != NULL);
    SW_ASSERT(index->look != NULL);
    index->open = true;
}

static bool has_next(const struct sw__task *task)
{
    return task->phase >= SW__PHASE_PIVOTS;
}

enum sw_err sw_index_load(struct sw_index *index)
{
    struct sw_space space;
    struct sw_span bytes;
    struct sw__key key;
    enum sw_err err;

    forget(index);
    index->why[0] = 0;
    sw__key_begin(&index->prefix, SW__KIND_SPACE, &key);
    err = sw__get(index, &key, &bytes);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_space_decode(bytes, &space);
    if (err != SW_ERR_OK) {
        return err == SW_ERR_MALFORMED ? sw__corrupt(index, "its space") : err;
    }
    sw__space_set(index, &space);
    err = load_state(index);
    if (err == SW_ERR_OK) {
        err = sw__load_epoch(index, index->state.epoch, &index->now);
    }
    if (err == SW_ERR_OK && index->state.previous != 0) {
        err = sw__load_epoch(index, index->state.previous, &index->previous);
    }
    if (err == SW_ERR_OK && has_next(&index->state.task)) {
        err = sw__load_epoch(index, index->state.task.epoch, &index->next);
    }
    if (err == SW_ERR_OK) {
        err = walk(index, SW__KIND_PIVOT, take_pivot);
    }
    if (err == SW_ERR_OK) {
        err = walk(index, SW__KIND_BUCKET, take_bucket);
    }
    index->broken = err != SW_ERR_OK;
    return err;
}

enum sw_err sw_index_flush(struct sw_index *index)
{
    struct sw__key key;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(index->open);
    for (uint32_t i = 0; err == SW_ERR_OK && i < index->bucket_count; i++) {
        struct sw__bucket_at *at = &index->buckets[i];

        if (at->changed) {
            key = sw__key_1(&index->prefix, SW__KIND_BUCKET, at->bucket);
            sw_buf_clear(&index->scratch);
            sw__bucket_encode(&at->value, &index->scratch);
            err = sw__put(index, &key, sw_buf_span(&index->scratch));
            at->changed = false;
        }
    }
    if (err == SW_ERR_OK && index->state_changed) {
        sw__key_begin(&index->prefix, SW__KIND_STATE, &key);
        sw_buf_clear(&index->scratch);
        sw__state_encode(&index->state, &index->scratch);
        err = sw__put(index, &key, sw_buf_span(&index->scratch));
        index->state_changed = false;
    }
    return err;
}
