/* A new epoch, in small pieces: sample, mean, first pivots, rounds of Lloyd's algorithm,
 * change-over.
 *
 * What is sampled depends on keyed hashes of ids and on the entries there are, not on when they
 * came. Between pieces everything is in records: ids of the sample, which pivot is nearest to each,
 * the pivots. Sums of a round are not: a piece makes some pivots anew and reads for that the rows
 * of the sample that are nearest to them, and nothing but these. An id that is deleted meanwhile
 * drops out. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "index/bytes.h"
#include "index/index_private.h"
#include "index/vector.h"

enum {
    SALT_SAMPLE = 0x53,
    SALT_PIVOT = 0x50,
    WALK_COUNT = 256, /* places a piece looks at */
    MEAN_COUNT = 32,  /* rows a piece adds up */
    CENTRE_COUNT = 4, /* pivots a piece makes anew; fewer if they are long */
    CENTRE_DIMS = 3072,
    NEAREST_COUNT = 8, /* rows a piece finds the pivot of */
    CLEAN_COUNT = 64,
    MEAN_SAMPLES = 4096,
    SIGMAS = 6, /* pivots reach as far from the mean as that */
    ROW_COST = 50,
};

/* Of a training under way, kind TASK: u8 format · u64 rows · u64 sum of |z|^2 / 2^8 · i64 sums. */
enum { SQUARE_SHIFT = 8, SUMS_AT = 17 };

static uint64_t keyed(const struct sw_index *index, uint64_t id, uint32_t salt)
{
    uint8_t bytes[16];

    sw__set_u64(bytes, id);
    sw__set_u32(bytes + 8, index->state.task.epoch);
    sw__set_u32(bytes + 12, salt);
    return XXH3_64bits_withSeed(bytes, sizeof(bytes), index->space.seed);
}

/* Hashes up to this let `part` of `whole` through, on average. */
static uint64_t threshold_of(uint64_t part, uint64_t whole)
{
    return part >= whole ? UINT64_MAX : UINT64_MAX / whole * part;
}

static uint64_t live_entries(const struct sw_index *index)
{
    struct sw_index_stats stats;

    sw_index_stats(index, &stats);
    return stats.entries;
}

static uint32_t target_of(uint64_t entries)
{
    const uint64_t target = entries / SW__ENTRIES_A_PIVOT;

    if (entries < SW__TRAIN_PIVOTS_AT) {
        return 1;
    }
    return (uint32_t)(target < SW__TARGET_MAX ? target : SW__TARGET_MAX);
}

bool sw__train_due(const struct sw_index *index, uint32_t *ret_target)
{
    const struct sw__state *state = &index->state;
    uint64_t entries = 0;
    uint64_t due = SW__TRAIN_MEAN_AT;

    if (state->task.phase != SW__PHASE_IDLE || index->draining > 0) {
        return false;
    }
    if (state->trained > 0) {
        due = state->trained_at < SW__TRAIN_PIVOTS_AT ? SW__TRAIN_PIVOTS_AT
                                                      : SW__TRAIN_AGAIN_FACTOR * state->trained_at;
    }
    for (uint32_t i = 0; i < state->slice_count; i++) {
        entries += state->slices[i].dropped ? 0 : state->slices[i].entries;
    }
    *ret_target = target_of(entries);
    return entries >= due;
}

void sw__train_begin(struct sw_index *index, uint32_t target)
{
    const uint64_t entries = live_entries(index);
    const uint64_t wanted = target == 0 ? target_of(entries) : target;
    const uint64_t pivots = wanted < SW__TARGET_MAX ? wanted : SW__TARGET_MAX;

    index->state.task = (struct sw__task){
        .phase = SW__PHASE_SAMPLE,
        .epoch = index->state.epoch + 1,
        .target = (uint32_t)pivots,
        .entries = entries,
        .threshold =
            threshold_of(pivots == 1 ? MEAN_SAMPLES : pivots * SW__SAMPLES_A_PIVOT, entries),
    };
    index->state_changed = true;
}

/* --- lists in records ------------------------------------------------------------------------- */

/* Writes items from number `from` on; all belong to one record, and none before is missing. */
static enum sw_err list_set(struct sw_index *index,
                            enum sw__kind kind,
                            uint32_t from,
                            uint32_t size,
                            const uint8_t *items,
                            uint32_t count)
{
    const struct sw__key key = sw__key_1(&index->prefix, kind, from / SW__SAMPLES_A_RECORD);
    const size_t at = 1 + (size_t)(from % SW__SAMPLES_A_RECORD) * size;
    struct sw_span old;
    enum sw_err err = sw__get(index, &key, &old);

    sw_buf_clear(&index->scratch);
    if (err == SW_ERR_OK) {
        sw_write_bytes(&index->scratch, old);
    } else {
        sw_write_u8(&index->scratch, SW__RECORD_FORMAT);
    }
    if (err != SW_ERR_OK && err != SW_ERR_NOT_FOUND) {
        return err;
    }
    if (index->scratch.size < at + (size_t)size * count) {
        (void)sw_buf_extend(&index->scratch, at + (size_t)size * count - index->scratch.size);
    }
    memcpy(index->scratch.data + at, items, (size_t)size * count);
    return sw__put(index, &key, sw_buf_span(&index->scratch));
}

/* A view of the items of record `number` from item `from` on. */
static enum sw_err list_get(struct sw_index *index,
                            enum sw__kind kind,
                            uint32_t from,
                            uint32_t size,
                            uint32_t count,
                            const uint8_t **ret_items)
{
    const struct sw__key key = sw__key_1(&index->prefix, kind, from / SW__SAMPLES_A_RECORD);
    const size_t at = 1 + (size_t)(from % SW__SAMPLES_A_RECORD) * size;
    struct sw_span bytes;
    const enum sw_err err = sw__get(index, &key, &bytes);

    if (err == SW_ERR_NOT_FOUND || (err == SW_ERR_OK && bytes.size < at + (size_t)size * count)) {
        return sw__corrupt(index, "a list of the training");
    }
    if (err == SW_ERR_OK) {
        *ret_items = bytes.data + at;
    }
    return err;
}

/* How many items from `cursor` on one piece takes: they lie in one record. */
static uint32_t piece_of(const struct sw__task *task, uint32_t count)
{
    const uint32_t left = task->samples - (uint32_t)task->cursor;
    const uint32_t inside = SW__SAMPLES_A_RECORD - (uint32_t)task->cursor % SW__SAMPLES_A_RECORD;

    count = count < left ? count : left;
    return count < inside ? count : inside;
}

/* The centred vector of a sampled id; *ret_there is false if it is gone. */
static enum sw_err
sample_vector(struct sw_index *index, uint64_t id, int32_t *ret_fixed, bool *ret_there)
{
    struct sw__place place;
    struct sw__row row;
    enum sw_err err = sw__place_get(index, id, &place);

    *ret_there = err == SW_ERR_OK;
    if (err != SW_ERR_OK) {
        return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
    }
    err = sw__row_get(index, place.slice, place.vector, &row);
    return err == SW_ERR_OK ? sw__row_load(index, &row, ret_fixed) : err;
}

/* Ids of the sample from the cursor on, copied. */
static enum sw_err sample_ids(struct sw_index *index, uint32_t count, uint64_t *ret_ids)
{
    const uint8_t *items = NULL;
    const enum sw_err err =
        list_get(index, SW__KIND_SAMPLE, (uint32_t)index->state.task.cursor, 8, count, &items);

    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        ret_ids[i] = sw__u64(items + (size_t)8 * i);
    }
    return err;
}

/* --- the sample ------------------------------------------------------------------------------- */

static void next_phase(struct sw_index *index, enum sw__phase phase)
{
    index->state.task.phase = phase;
    index->state.task.cursor = 0;
    index->state_changed = true;
}

static bool is_live(struct sw_index *index, struct sw_span place_bytes)
{
    struct sw__place place;
    const struct sw__slice *slice;

    if (sw__place_decode(place_bytes, &place) != SW_ERR_OK) {
        return false;
    }
    slice = sw__state_slice(&index->state, place.slice);
    return slice != NULL && !slice->dropped;
}

static enum sw_err append_samples(struct sw_index *index, const uint8_t *items, uint32_t count)
{
    struct sw__task *task = &index->state.task;
    enum sw_err err = SW_ERR_OK;

    while (err == SW_ERR_OK && count > 0) {
        const uint32_t inside = SW__SAMPLES_A_RECORD - task->samples % SW__SAMPLES_A_RECORD;
        const uint32_t part = count < inside ? count : inside;

        err = list_set(index, SW__KIND_SAMPLE, task->samples, 8, items, part);
        task->samples += part;
        items += (size_t)8 * part;
        count -= part;
    }
    return err;
}

static enum sw_err sample_piece(struct sw_index *index, uint32_t *cost)
{
    struct sw__task *task = &index->state.task;
    const struct sw__key start = sw__key_place(&index->prefix, task->cursor);
    uint8_t items[8 * WALK_COUNT];
    struct sw_index_record record;
    uint32_t count = 0;
    uint32_t looked = 0;
    enum sw_err err = index->map->ops->seek(index->map, sw__key_span(&start), &record);

    while (err == SW_ERR_OK && looked < WALK_COUNT) {
        uint32_t parts[2];
        uint64_t id;

        if (!sw__key_read(&index->prefix, SW__KIND_PLACE, record.key, 2, parts)) {
            err = SW_ERR_NOT_FOUND;
            break;
        }
        id = (uint64_t)parts[0] << 32 | parts[1];
        if (keyed(index, id, SALT_SAMPLE) <= task->threshold && is_live(index, record.value)) {
            sw__set_u64(items + (size_t)8 * count++, id);
        }
        looked++;
        task->cursor = id + 1;
        err = id == UINT64_MAX ? SW_ERR_NOT_FOUND : index->map->ops->next(index->map, &record);
    }
    *cost += looked * 8;
    index->state_changed = true;
    if (err != SW_ERR_OK && err != SW_ERR_NOT_FOUND) {
        return err;
    }
    if (count > 0) {
        const enum sw_err put = append_samples(index, items, count);

        if (put != SW_ERR_OK) {
            return put;
        }
    }
    if (err == SW_ERR_NOT_FOUND) {
        next_phase(index, SW__PHASE_MEAN);
    }
    return SW_ERR_OK;
}

/* --- the mean --------------------------------------------------------------------------------- */

/* The record of sums, copied or begun, in memory of the caller. */
static enum sw_err sums_get(struct sw_index *index, uint8_t *bytes, size_t size)
{
    struct sw_span old;
    struct sw__key key;
    enum sw_err err;

    memset(bytes, 0, size);
    bytes[0] = SW__RECORD_FORMAT;
    sw__key_begin(&index->prefix, SW__KIND_TASK, &key);
    err = sw__get(index, &key, &old);
    if (err == SW_ERR_OK) {
        if (old.size != size) {
            return sw__corrupt(index, "sums of the training");
        }
        memcpy(bytes, old.data, size);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static void sums_add(uint8_t *bytes, const int32_t *fixed, uint32_t dim)
{
    sw__set_u64(bytes + 1, sw__u64(bytes + 1) + 1);
    sw__set_u64(bytes + 9, sw__u64(bytes + 9) + (sw__norm2(fixed, dim) >> SQUARE_SHIFT));
    for (uint32_t i = 0; i < dim; i++) {
        uint8_t *at = bytes + SUMS_AT + (size_t)8 * i;

        sw__set_u64(at, sw__u64(at) + (uint64_t)(int64_t)fixed[i]);
    }
}

static int64_t rounded(int64_t sum, int64_t count)
{
    return (sum < 0 ? sum - count / 2 : sum + count / 2) / count;
}

/* Mean and unit of the new epoch from the sums. */
static void epoch_of(const struct sw_index *index, const uint8_t *sums, struct sw__epoch *epoch)
{
    const uint64_t count = sw__u64(sums + 1);
    uint64_t mean2;
    uint64_t spread = 0;
    uint64_t sigma;

    epoch->epoch = index->state.task.epoch;
    for (uint32_t i = 0; count > 0 && i < index->dim; i++) {
        epoch->mean[i] =
            (int32_t)rounded((int64_t)sw__u64(sums + SUMS_AT + (size_t)8 * i), (int64_t)count);
    }
    mean2 = sw__norm2(epoch->mean, index->dim);
    if (count > 0) {
        spread = sw__u64(sums + 9) / count << SQUARE_SHIFT;
    }
    spread = spread > mean2 ? spread - mean2 : 0;
    sigma = sw__isqrt(spread / index->dim);
    epoch->unit = (uint32_t)((SIGMAS * sigma + 126) / 127);
    epoch->unit = epoch->unit < 1 ? 1 : epoch->unit;
    epoch->unit = epoch->unit > SW__UNIT_MAX ? SW__UNIT_MAX : epoch->unit;
}

static enum sw_err end_mean(struct sw_index *index, const uint8_t *sums)
{
    struct sw__epoch *epoch = calloc(1, sizeof(*epoch));
    enum sw_err err;

    SW_ASSERT(epoch != NULL);
    epoch_of(index, sums, epoch);
    err = sw__epoch_put(index, epoch);
    index->next = sw__pivots_new(&index->space, index->dim, epoch);
    free(epoch);
    index->state.task.first = index->state.buckets_made;
    next_phase(index, SW__PHASE_PIVOTS);
    return err;
}

static enum sw_err mean_piece(struct sw_index *index, uint32_t *cost)
{
    struct sw__task *task = &index->state.task;
    const size_t size = SUMS_AT + (size_t)8 * index->dim;
    const uint32_t count = piece_of(task, MEAN_COUNT);
    int32_t fixed[SW_SPACE_DIM_MAX];
    uint64_t ids[MEAN_COUNT];
    struct sw__key key;
    uint8_t *sums = malloc(size);
    bool there;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(sums != NULL);
    err = sums_get(index, sums, size);
    if (err == SW_ERR_OK && count > 0) {
        err = sample_ids(index, count, ids);
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        err = sample_vector(index, ids[i], fixed, &there);
        if (err == SW_ERR_OK && there) {
            sums_add(sums, fixed, index->dim);
        }
    }
    *cost += count * (ROW_COST + 2 * index->dim / 1024);
    task->cursor += count;
    index->state_changed = true;
    if (err == SW_ERR_OK && task->cursor >= task->samples) {
        err = end_mean(index, sums);
    } else if (err == SW_ERR_OK) {
        sw__key_begin(&index->prefix, SW__KIND_TASK, &key);
        err = sw__put(index, &key, sw_span_of(sums, size));
    }
    free(sums);
    return err;
}

/* --- pivots ----------------------------------------------------------------------------------- */

void sw__pivot_row(const int32_t *point, uint32_t unit, uint32_t dim, int8_t *ret_row)
{
    for (uint32_t i = 0; i < dim; i++) {
        const int64_t value = rounded(point[i], unit);

        ret_row[i] = (int8_t)(value > 127 ? 127 : (value < -127 ? -127 : value));
    }
}

static enum sw_err make_pivot(struct sw_index *index, const int8_t *row)
{
    struct sw__task *task = &index->state.task;
    const struct sw__bucket bucket = {
        .epoch = task->epoch, .split_at = task->target == 1 ? UINT32_MAX : SW__BUCKET_ENTRIES_MAX};
    const uint32_t number = index->state.buckets_made;
    const enum sw_err err = sw__pivot_put(index, index->next, number, row);

    if (err == SW_ERR_OK) {
        sw__bucket_add(index, number, &bucket);
        index->state.buckets_made++;
        task->made++;
        index->state_changed = true;
    }
    return err;
}

static void centre(const struct sw__epoch *epoch, uint32_t dim, int32_t *fixed)
{
    for (uint32_t i = 0; i < dim; i++) {
        fixed[i] -= epoch->mean[i];
    }
}

static enum sw_err pivot_of_sample(struct sw_index *index, uint64_t id)
{
    const struct sw__epoch *epoch = sw__pivots_epoch(index->next);
    int32_t fixed[SW_SPACE_DIM_MAX];
    int8_t row[SW_SPACE_DIM_MAX];
    bool there = false;
    enum sw_err err = sample_vector(index, id, fixed, &there);

    if (err == SW_ERR_OK && there) {
        centre(epoch, index->dim, fixed);
        sw__pivot_row(fixed, epoch->unit, index->dim, row);
        err = make_pivot(index, row);
    }
    return err;
}

static enum sw_err end_pivots(struct sw_index *index)
{
    static const int8_t zeros[SW_SPACE_DIM_MAX];
    struct sw__task *task = &index->state.task;
    enum sw_err err = SW_ERR_OK;

    if (task->made == 0) {
        task->target = 1; /* one bucket for everything, as before */
        err = make_pivot(index, zeros);
    }
    next_phase(index, task->target == 1 ? SW__PHASE_CLEAN : SW__PHASE_NEAREST);
    return err;
}

static enum sw_err pivots_piece(struct sw_index *index, uint32_t *cost)
{
    struct sw__task *task = &index->state.task;
    const uint64_t threshold = threshold_of(task->target, task->samples);
    const uint32_t count = task->target == 1 ? 0 : piece_of(task, MEAN_COUNT);
    uint64_t ids[MEAN_COUNT];
    enum sw_err err = count > 0 ? sample_ids(index, count, ids) : SW_ERR_OK;

    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        if (task->made < SW__TARGET_MAX && keyed(index, ids[i], SALT_PIVOT) <= threshold) {
            err = pivot_of_sample(index, ids[i]);
            *cost += 2 * ROW_COST;
        }
    }
    *cost += count;
    task->cursor += count;
    index->state_changed = true;
    if (err == SW_ERR_OK && (count == 0 || task->cursor >= task->samples)) {
        err = end_pivots(index);
    }
    return err;
}

static enum sw_err nearest_piece(struct sw_index *index, uint32_t *cost)
{
    struct sw__task *task = &index->state.task;
    const uint32_t count = piece_of(task, NEAREST_COUNT);
    int32_t fixed[SW_SPACE_DIM_MAX];
    uint8_t items[4 * NEAREST_COUNT];
    uint64_t ids[NEAREST_COUNT];
    enum sw_err err = count > 0 ? sample_ids(index, count, ids) : SW_ERR_OK;

    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        struct sw__near near = {.bucket = UINT32_MAX};
        bool there = false;

        err = sample_vector(index, ids[i], fixed, &there);
        if (there) {
            sw__pivots_look(index->next, index->kernel, fixed, index->look);
            (void)sw__pivots_rank(index->next, index->kernel, index->look, false, 1, &near);
        }
        sw__set_u32(items + (size_t)4 * i, near.bucket);
    }
    if (err == SW_ERR_OK && count > 0) {
        err = list_set(index, SW__KIND_NEAREST, (uint32_t)task->cursor, 4, items, count);
    }
    *cost += count * sw__place_cost(index, index->next);
    task->cursor += count;
    index->state_changed = true;
    if (task->cursor >= task->samples) {
        next_phase(index, SW__PHASE_CENTRES);
    }
    return err;
}

/* --- centres ---------------------------------------------------------------------------------- */

struct centre {
    int64_t count;
    int64_t sums[SW_SPACE_DIM_MAX];
};

static uint32_t centres_of(uint32_t dim)
{
    const uint32_t count = CENTRE_DIMS / dim;

    if (count > CENTRE_COUNT) {
        return CENTRE_COUNT;
    }
    return count == 0 ? 1 : count;
}

/* Adds the samples of one record whose pivot is one of those from `first` on. */
static enum sw_err gather(
    struct sw_index *index, uint32_t record, uint32_t first, struct centre *centres, uint32_t *cost)
{
    struct sw__task *task = &index->state.task;
    const uint32_t from = record * SW__SAMPLES_A_RECORD;
    const uint32_t left = task->samples - from;
    const uint32_t count = left < SW__SAMPLES_A_RECORD ? left : SW__SAMPLES_A_RECORD;
    const struct sw__epoch *epoch = sw__pivots_epoch(index->next);
    const uint8_t *buckets = NULL;
    const uint8_t *ids = NULL;
    enum sw_err err = list_get(index, SW__KIND_NEAREST, from, 4, count, &buckets);

    if (err == SW_ERR_OK) {
        err = list_get(index, SW__KIND_SAMPLE, from, 8, count, &ids);
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
        const uint32_t at = sw__u32(buckets + (size_t)4 * i) - first;
        int32_t fixed[SW_SPACE_DIM_MAX];
        bool there = false;

        if (at >= centres_of(index->dim)) {
            continue;
        }
        err = sample_vector(index, sw__u64(ids + (size_t)8 * i), fixed, &there);
        if (there) {
            centre(epoch, index->dim, fixed);
            centres[at].count++;
            for (uint32_t d = 0; d < index->dim; d++) {
                centres[at].sums[d] += fixed[d];
            }
            *cost += ROW_COST;
        }
    }
    return err;
}

static enum sw_err move_pivot(struct sw_index *index, uint32_t bucket, const struct centre *to)
{
    const struct sw__epoch *epoch = sw__pivots_epoch(index->next);
    int32_t point[SW_SPACE_DIM_MAX];
    int8_t row[SW_SPACE_DIM_MAX];
    bool there;

    if (to->count == 0) {
        return SW_ERR_OK; /* stays where it is */
    }
    for (uint32_t d = 0; d < index->dim; d++) {
        point[d] = (int32_t)rounded(to->sums[d], to->count);
    }
    sw__pivot_row(point, epoch->unit, index->dim, row);
    there = sw__pivots_remove(index->next, bucket);
    SW_ASSERT(there);
    return sw__pivot_put(index, index->next, bucket, row);
}

static enum sw_err centres_piece(struct sw_index *index, uint32_t *cost)
{
    struct sw__task *task = &index->state.task;
    const uint32_t records = (task->samples + SW__SAMPLES_A_RECORD - 1) / SW__SAMPLES_A_RECORD;
    const uint32_t first = task->first + (uint32_t)task->cursor;
    struct centre *centres = calloc(CENTRE_COUNT, sizeof(*centres));
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(centres != NULL);
    for (uint32_t i = 0; err == SW_ERR_OK && i < records; i++) {
        err = gather(index, i, first, centres, cost);
    }
    *cost += records * 10;
    for (uint32_t i = 0; err == SW_ERR_OK && i < centres_of(index->dim); i++) {
        if (first + i < task->first + task->made) {
            err = move_pivot(index, first + i, &centres[i]);
        }
    }
    free(centres);
    task->cursor += centres_of(index->dim);
    index->state_changed = true;
    if (task->cursor >= task->made) {
        task->round++;
        next_phase(index, task->round == SW__LLOYD_ROUNDS ? SW__PHASE_CLEAN : SW__PHASE_NEAREST);
    }
    return err;
}

/* --- change-over ------------------------------------------------------------------------------ */

/* From here on entries go to the new epoch; its predecessor is drained. */
static void install(struct sw_index *index)
{
    struct sw__state *state = &index->state;

    SW_ASSERT(index->previous == NULL);
    SW_ASSERT(sw__pivots_count(index->next) == state->task.made);
    index->previous = index->now;
    index->now = index->next;
    index->next = NULL;
    state->previous = state->epoch;
    state->epoch = state->task.epoch;
    state->trained++;
    state->trained_at = state->task.entries;
    state->task = (struct sw__task){.phase = SW__PHASE_IDLE};
    index->state_changed = true;
    sw__bucket_tally(index);
}

static enum sw_err clean_piece(struct sw_index *index, uint32_t *cost)
{
    static const enum sw__kind kinds[] = {SW__KIND_TASK, SW__KIND_SAMPLE, SW__KIND_NEAREST};
    uint32_t left = CLEAN_COUNT;
    enum sw_err err = SW_ERR_OK;

    for (size_t i = 0; err == SW_ERR_OK && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct sw__key start;

        sw__key_begin(&index->prefix, kinds[i], &start);
        err = sw__del_range(index, &start, &left);
    }
    *cost += (CLEAN_COUNT - left) * 20;
    if (err == SW_ERR_OK && left > 0) {
        install(index);
    }
    return err;
}

enum sw_err sw__train_step(struct sw_index *index, uint32_t *cost)
{
    switch (index->state.task.phase) {
    case SW__PHASE_SAMPLE:
        return sample_piece(index, cost);
    case SW__PHASE_MEAN:
        return mean_piece(index, cost);
    case SW__PHASE_PIVOTS:
        return pivots_piece(index, cost);
    case SW__PHASE_NEAREST:
        return nearest_piece(index, cost);
    case SW__PHASE_CENTRES:
        return centres_piece(index, cost);
    case SW__PHASE_CLEAN:
        return clean_piece(index, cost);
    case SW__PHASE_IDLE:
    case SW__PHASE_COUNT:
        break;
    }
    SW_ASSERT(false);
    return SW_ERR_OK;
}
