/* Buckets that are too full are split in two; buckets that are given up are drained.
 *
 * A split makes two pivots and gives up the old one. Its entries then go, block by block, to the
 * pivot that is nearest to each, be it one of the two or a neighbour. Whoever fills one bucket on
 * purpose gets more buckets: what a split cannot divide evenly enough is left alone until it has
 * doubled, so that no insert makes the same entries move again and again. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "index/bytes.h"
#include "index/index_private.h"
#include "index/vector.h"

enum {
    POINT_COUNT_MAX = 256, /* of a bucket are divided; the rest follows them */
    POINT_COUNT_MIN = 48,
    POINT_DIMS = 1 << 16, /* of all of them */
    ROUNDS = 4,
    ATTEMPTS = 3,
    SIDE_MIN = 8, /* a side has at least one in so many */
    SALT = 0x32,
};

/* --- draining --------------------------------------------------------------------------------- */

static struct sw__bucket_at *first_draining(struct sw_index *index)
{
    for (uint32_t i = 0; i < index->bucket_count; i++) {
        if (sw__bucket_is_draining(index, &index->buckets[i].value)) {
            return &index->buckets[i];
        }
    }
    return NULL;
}

static enum sw_err replace_lane(struct sw_index *index, uint32_t slice, const struct sw__lane *lane)
{
    const struct sw__entry entry = {.id = lane->id,
                                    .seq = lane->seq,
                                    .context = lane->context,
                                    .slice = slice,
                                    .vector = lane->vector};
    int32_t fixed[SW_SPACE_DIM_MAX];
    struct sw__row row;
    enum sw_err err = sw__row_get(index, slice, lane->vector, &row);

    if (err == SW_ERR_OK && row.id != lane->id) {
        err = sw__corrupt(index, "a row of another entry");
    }
    if (err == SW_ERR_OK) {
        err = sw__row_load(index, &row, fixed);
    }
    return err == SW_ERR_OK ? sw__entry_place(index, &entry, fixed) : err;
}

/* Moves the entries of one block; NOT_FOUND if the bucket has none left. */
static enum sw_err drain_block(struct sw_index *index, uint32_t bucket, uint32_t *cost)
{
    const struct sw__key start = sw__key_1(&index->prefix, SW__KIND_CODES, bucket);
    uint8_t bytes[SW__BLOCK_SIZE_MAX];
    struct sw_index_record record;
    struct sw__block block;
    struct sw__lane lane;
    struct sw__key key;
    uint32_t numbers[3];
    enum sw_err err = sw__first(index, &start, &record);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (!sw__key_read(&index->prefix, SW__KIND_CODES, record.key, 3, numbers) ||
        record.value.size > sizeof(bytes)) {
        return sw__corrupt(index, "a block of codes");
    }
    memcpy(bytes, record.value.data, record.value.size);
    err = sw__block_view(sw_span_of(bytes, record.value.size), index->dim, &block);
    if (err != SW_ERR_OK) {
        return err;
    }
    for (uint32_t i = 0; err == SW_ERR_OK && i < block.count; i++) {
        sw__block_lane(&block, i, &lane);
        err = replace_lane(index, numbers[1], &lane);
    }
    if (err == SW_ERR_OK) {
        key = sw__key_codes(&index->prefix, bucket, numbers[1], ~numbers[2]);
        err = sw__del(index, &key);
    }
    if (err == SW_ERR_OK) {
        sw__bucket_count(index, sw__bucket_find(index, bucket), -(int32_t)block.count);
        *cost += block.count * sw__place_cost(index, index->now);
    }
    return err;
}

enum sw_err sw__drain_step(struct sw_index *index, uint32_t *cost)
{
    const struct sw__bucket_at *at = first_draining(index);
    uint32_t bucket;
    enum sw_err err;

    SW_ASSERT(at != NULL);
    bucket = at->bucket;
    err = drain_block(index, bucket, cost);
    if (err == SW_ERR_NOT_FOUND) {
        *cost += 50;
        return sw__bucket_remove(index, bucket);
    }
    return err;
}

/* --- splitting -------------------------------------------------------------------------------- */

struct point {
    uint64_t norm;
    int32_t *centred; /* owned */
    int16_t *query;   /* owned */
    bool second;      /* which side it is on */
    bool out;         /* far from the others: looked past when these are divided */
};

struct points {
    uint32_t count;
    uint32_t dim;
    struct point *points; /* owned */
};

static void points_release(struct points *points)
{
    for (uint32_t i = 0; i < points->count; i++) {
        free(points->points[i].centred);
        free(points->points[i].query);
    }
    free(points->points);
}

static uint64_t hash_of(const struct sw_index *index, uint64_t id)
{
    uint8_t bytes[12];

    sw__set_u64(bytes, id);
    sw__set_u32(bytes + 8, SALT);
    return XXH3_64bits_withSeed(bytes, sizeof(bytes), index->space.seed);
}

struct member {
    uint64_t hash;
    uint64_t id;
    uint32_t slice;
    uint32_t vector;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;

    return x->hash < y->hash ? -1 : (x->hash > y->hash ? 1 : (x->id < y->id ? -1 : 1));
}

/* All entries of the bucket, in the order of its records. */
static enum sw_err list_bucket(struct sw_index *index,
                               uint32_t bucket,
                               struct member *ret_list,
                               uint32_t room,
                               uint32_t *ret_count)
{
    const struct sw__key start = sw__key_1(&index->prefix, SW__KIND_CODES, bucket);
    struct sw_index_record record;
    struct sw__block block;
    uint32_t numbers[3];
    uint32_t count = 0;
    enum sw_err err = sw__first(index, &start, &record);

    while (err == SW_ERR_OK && sw__key_covers(&start, record.key)) {
        err = sw__block_view(record.value, index->dim, &block);
        if (err != SW_ERR_OK || count + block.count > room ||
            !sw__key_read(&index->prefix, SW__KIND_CODES, record.key, 3, numbers)) {
            return sw__corrupt(index, "a bucket that is not as full as it says");
        }
        for (uint32_t lane = 0; lane < block.count; lane++) {
            const uint64_t id = sw__block_id(&block, lane);

            ret_list[count++] = (struct member){.hash = hash_of(index, id),
                                                .id = id,
                                                .slice = numbers[1],
                                                .vector = sw__block_vector(&block, lane)};
        }
        err = index->map->ops->next(index->map, &record);
    }
    *ret_count = count;
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static enum sw_err
load_point(struct sw_index *index, const struct member *from, struct point *ret_point)
{
    const struct sw__epoch *epoch = sw__pivots_epoch(index->now);
    struct sw__row row;
    enum sw_err err = sw__row_get(index, from->slice, from->vector, &row);

    ret_point->centred = malloc(index->dim * sizeof(int32_t));
    ret_point->query = malloc(index->dim * sizeof(int16_t));
    SW_ASSERT(ret_point->centred != NULL);
    SW_ASSERT(ret_point->query != NULL);
    if (err == SW_ERR_OK) {
        err = sw__row_load(index, &row, ret_point->centred);
    }
    if (err == SW_ERR_OK) {
        for (uint32_t i = 0; i < index->dim; i++) {
            ret_point->centred[i] -= epoch->mean[i];
        }
        ret_point->norm = sw__vector_query(ret_point->centred, index->dim, ret_point->query);
    }
    return err;
}

static uint32_t points_of(uint32_t dim)
{
    const uint32_t count = POINT_DIMS / dim;

    if (count > POINT_COUNT_MAX) {
        return POINT_COUNT_MAX;
    }
    return count < POINT_COUNT_MIN ? POINT_COUNT_MIN : count;
}

static enum sw_err
load_points(struct sw_index *index, const struct sw__bucket_at *at, struct points *ret_points)
{
    const uint32_t room = at->value.entries;
    struct member *list = malloc(room * sizeof(*list));
    uint32_t count = 0;
    enum sw_err err;

    SW_ASSERT(list != NULL);
    err = list_bucket(index, at->bucket, list, room, &count);
    if (err == SW_ERR_OK) {
        qsort(list, count, sizeof(*list), compare_members);
        count = count < points_of(index->dim) ? count : points_of(index->dim);
        ret_points->dim = index->dim;
        ret_points->points = calloc(count, sizeof(*ret_points->points));
        SW_ASSERT(ret_points->points != NULL);
        for (uint32_t i = 0; err == SW_ERR_OK && i < count; i++) {
            err = load_point(index, &list[i], &ret_points->points[i]);
            ret_points->count = i + 1;
        }
    }
    free(list);
    return err;
}

/* The mean of one side. */
static void side_mean(const struct points *points, bool second, int32_t *ret_mean)
{
    int64_t *sums = calloc(points->dim, sizeof(*sums));
    int64_t count = 0;

    SW_ASSERT(sums != NULL);
    for (uint32_t i = 0; i < points->count; i++) {
        const struct point *point = &points->points[i];

        if (point->second == second && !point->out) {
            count++;
            for (uint32_t d = 0; d < points->dim; d++) {
                sums[d] += point->centred[d];
            }
        }
    }
    for (uint32_t d = 0; d < points->dim; d++) {
        ret_mean[d] = count == 0 ? 0 : (int32_t)(sums[d] / count);
    }
    free(sums);
}

/* The direction between the two centres in bytes; false if they are the same. */
static bool direction(const int32_t *a, const int32_t *b, uint32_t dim, int8_t *ret_row)
{
    int64_t max = 0;

    for (uint32_t d = 0; d < dim; d++) {
        const int64_t gap = a[d] < b[d] ? (int64_t)b[d] - a[d] : (int64_t)a[d] - b[d];

        max = gap > max ? gap : max;
    }
    for (uint32_t d = 0; max > 0 && d < dim; d++) {
        ret_row[d] = (int8_t)(((int64_t)b[d] - a[d]) * 127 / max);
    }
    return max > 0;
}

/* Each point goes to the side whose centre is nearer; returns how many are on the second. */
static uint32_t divide(const struct sw__kernel *kernel,
                       const struct points *points,
                       const int32_t *a,
                       const int32_t *b,
                       const int8_t *row)
{
    int64_t middle = 0;
    uint32_t second = 0;

    for (uint32_t d = 0; d < points->dim; d++) {
        middle += ((int64_t)a[d] + b[d]) * row[d];
    }
    for (uint32_t i = 0; i < points->count; i++) {
        struct point *point = &points->points[i];
        const int64_t along = kernel->dot(point->query, row, points->dim) * (int64_t)point->norm;

        point->second = sw__round_shift(along, SW__QUERY_BITS - 1) > middle;
        second += point->second && !point->out;
    }
    return second;
}

static uint32_t inside(const struct points *points)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < points->count; i++) {
        count += !points->points[i].out;
    }
    return count;
}

/* The first one that is not looked past. */
static const struct point *middle_point(const struct points *points)
{
    uint32_t at = 0;

    while (at + 1 < points->count && points->points[at].out) {
        at++;
    }
    return &points->points[at];
}

/* The point that is farthest from `from`. */
static const struct point *farthest(const struct points *points, const int32_t *from)
{
    const struct point *best = middle_point(points);
    uint64_t best_gap = 0;

    for (uint32_t i = 0; i < points->count; i++) {
        uint64_t gap = 0;

        for (uint32_t d = 0; d < points->dim; d++) {
            const int64_t part = (int64_t)points->points[i].centred[d] - from[d];

            gap += (uint64_t)(part * part) >> 8;
        }
        if (gap > best_gap && !points->points[i].out) {
            best_gap = gap;
            best = &points->points[i];
        }
    }
    return best;
}

static void
round_to_row(const struct sw__epoch *epoch, uint32_t dim, const int32_t *point, int32_t *ret_pivot)
{
    int8_t row[SW_SPACE_DIM_MAX];

    sw__pivot_row(point, epoch->unit, dim, row);
    for (uint32_t d = 0; d < dim; d++) {
        ret_pivot[d] = row[d] * (int32_t)epoch->unit;
    }
}

/* Whether the two centres, as the pivots they would become, leave a part of some size on either
 * side, of all points. Points that are closer together than a pivot can tell are not worth two
 * buckets. */
static bool divides(const struct sw_index *index,
                    const struct points *points,
                    const int32_t *a,
                    const int32_t *b)
{
    const struct sw__epoch *epoch = sw__pivots_epoch(index->now);
    const uint32_t part = (points->count + SIDE_MIN - 1) / SIDE_MIN;
    int32_t pivots[2][SW_SPACE_DIM_MAX];
    int8_t row[SW_SPACE_DIM_MAX];
    uint32_t second = 0;

    round_to_row(epoch, points->dim, a, pivots[0]);
    round_to_row(epoch, points->dim, b, pivots[1]);
    if (!direction(pivots[0], pivots[1], points->dim, row)) {
        return false;
    }
    (void)divide(index->kernel, points, pivots[0], pivots[1], row);
    for (uint32_t i = 0; i < points->count; i++) {
        second += points->points[i].second;
    }
    return second >= part && points->count - second >= part;
}

/* Lloyd's algorithm for two centres, from two points that are far apart; false if there are none.
 */
static bool lloyd(const struct sw_index *index, const struct points *points, int32_t *a, int32_t *b)
{
    const uint32_t dim = points->dim;
    int8_t row[SW_SPACE_DIM_MAX];

    memcpy(a, farthest(points, middle_point(points)->centred)->centred, dim * sizeof(*a));
    memcpy(b, farthest(points, a)->centred, dim * sizeof(*b));
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t second;

        if (!direction(a, b, dim, row)) {
            return false;
        }
        second = divide(index->kernel, points, a, b, row);
        if (second == 0 || second == inside(points)) {
            return false;
        }
        side_mean(points, false, a);
        side_mean(points, true, b);
    }
    return true;
}

/* Looks past the smaller side from here on. */
static void look_past(struct points *points)
{
    uint32_t second = 0;
    uint32_t first = 0;

    for (uint32_t i = 0; i < points->count; i++) {
        second += !points->points[i].out && points->points[i].second;
        first += !points->points[i].out && !points->points[i].second;
    }
    for (uint32_t i = 0; i < points->count; i++) {
        struct point *point = &points->points[i];

        point->out = point->out || point->second == (second < first);
    }
}

/* Two centres; false if the points do not fall into two parts of some size. A few that are far from
 * a crowd would be all that is split off: they are looked past until the crowd itself is divided.
 */
static bool two_means(const struct sw_index *index, struct points *points, int32_t *a, int32_t *b)
{
    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (!lloyd(index, points, a, b)) {
            return false;
        }
        if (divides(index, points, a, b)) {
            return true;
        }
        look_past(points);
    }
    return false;
}

static enum sw_err add_bucket(struct sw_index *index, const int32_t *point)
{
    const struct sw__bucket value = {.epoch = index->state.epoch,
                                     .split_at = SW__BUCKET_ENTRIES_MAX};
    const uint32_t number = index->state.buckets_made;
    int8_t row[SW_SPACE_DIM_MAX];
    enum sw_err err;

    sw__pivot_row(point, sw__pivots_epoch(index->now)->unit, index->dim, row);
    err = sw__pivot_put(index, index->now, number, row);
    if (err == SW_ERR_OK) {
        sw__bucket_add(index, number, &value);
        index->state.buckets_made++;
        index->state_changed = true;
    }
    return err;
}

static enum sw_err
split(struct sw_index *index, uint32_t bucket, const int32_t *a, const int32_t *b)
{
    enum sw_err err = add_bucket(index, a);

    if (err == SW_ERR_OK) {
        err = add_bucket(index, b);
    }
    if (err == SW_ERR_OK) {
        index->state.splits++;
        sw__bucket_drain(index, sw__bucket_find(index, bucket));
    }
    return err;
}

static struct sw__bucket_at *first_overfull(struct sw_index *index)
{
    for (uint32_t i = 0; i < index->bucket_count; i++) {
        if (sw__bucket_is_overfull(index, &index->buckets[i].value)) {
            return &index->buckets[i];
        }
    }
    return NULL;
}

static void leave_alone(struct sw_index *index, struct sw__bucket_at *at)
{
    struct sw__bucket value = at->value;

    value.split_at = value.entries > UINT32_MAX / 2 ? UINT32_MAX : 2 * value.entries;
    sw__bucket_set(index, at, &value);
}

enum sw_err sw__split_step(struct sw_index *index, uint32_t *cost)
{
    struct sw__bucket_at *at = first_overfull(index);
    uint32_t bucket;
    uint32_t entries;
    int32_t a[SW_SPACE_DIM_MAX];
    int32_t b[SW_SPACE_DIM_MAX];
    struct points points = {0};
    enum sw_err err;

    SW_ASSERT(at != NULL);
    bucket = at->bucket;
    entries = at->value.entries;
    if (index->bucket_count >= SW_INDEX_BUCKET_COUNT_MAX) {
        leave_alone(index, at);
        return SW_ERR_OK;
    }
    err = load_points(index, at, &points);
    if (err == SW_ERR_OK && points.count >= 2 && two_means(index, &points, a, b)) {
        err = split(index, bucket, a, b);
    } else if (err == SW_ERR_OK) {
        leave_alone(index, at);
    }
    *cost += entries / 8 + points.count * (100 + 10 * index->dim / 256);
    points_release(&points);
    return err;
}
