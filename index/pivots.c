/* Pivots in memory, and which of them are near; see pivots.h. */
#include "index/pivots.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/rw.h"
#include "index/code.h"
#include "index/select.h"
#include "index/vector.h"

enum {
    EXACT_COUNT = 128, /* up to so many pivots are all compared exactly */
    SHORTLIST_MIN = 64,
    SHORTLIST_FACTOR = 4,
    SLACK_PART = 4, /* of a shortlist may come on top: cheaper than to part it exactly */
    INSERT_MAX = 4, /* so many nearest are found by putting each in its place */
};

#define ABSENT UINT32_MAX

struct sw__pivots {
    enum sw_metric metric;
    uint32_t dim;
    struct sw__epoch epoch;
    uint32_t count;
    uint32_t capacity; /* whole blocks */
    uint32_t *buckets; /* owned, as are the rest */
    uint32_t *places;  /* of bucket first + i, or ABSENT */
    uint32_t first;
    uint32_t span;
    int8_t *rows;
    int64_t *half_norms; /* |p'|^2 / 2 */
    int64_t *means;      /* <p', mean> */
    /* Codes for the first look, laid out as in a block, offsets and factors little-endian. */
    uint8_t *offsets[2]; /* by plain distance, by metric */
    uint8_t *factors;
    uint8_t *codes;
    /* Scratch of one look; a table belongs to one thread. */
    int32_t *estimates;
    int32_t *picked;
    uint32_t *shortlist;
    int64_t *keys;
    struct sw__near *near;
};

struct sw__pivots *
sw__pivots_new(const struct sw_space *space, uint32_t dim, const struct sw__epoch *epoch)
{
    struct sw__pivots *pivots = calloc(1, sizeof(*pivots));

    SW_ASSERT(pivots != NULL);
    pivots->metric = space->metric;
    pivots->dim = dim;
    pivots->epoch = *epoch;
    return pivots;
}

void sw__pivots_free(struct sw__pivots *pivots)
{
    if (pivots == NULL) {
        return;
    }
    free(pivots->buckets);
    free(pivots->rows);
    free(pivots->half_norms);
    free(pivots->means);
    free(pivots->places);
    free(pivots->offsets[0]);
    free(pivots->offsets[1]);
    free(pivots->factors);
    free(pivots->codes);
    free(pivots->estimates);
    free(pivots->picked);
    free(pivots->shortlist);
    free(pivots->keys);
    free(pivots->near);
    free(pivots);
}

const struct sw__epoch *sw__pivots_epoch(const struct sw__pivots *pivots)
{
    return &pivots->epoch;
}

struct sw__epoch *sw__pivots_epoch_mutable(struct sw__pivots *pivots)
{
    return &pivots->epoch;
}

uint32_t sw__pivots_count(const struct sw__pivots *pivots)
{
    return pivots->count;
}

static void *grown(void *old, size_t size)
{
    void *memory = realloc(old, size);

    SW_ASSERT(memory != NULL);
    return memory;
}

static void make_room(struct sw__pivots *pivots)
{
    const size_t capacity = pivots->capacity == 0 ? SW__BLOCK_LANES : (size_t)2 * pivots->capacity;

    if (pivots->count < pivots->capacity) {
        return;
    }
    pivots->buckets = grown(pivots->buckets, capacity * sizeof(*pivots->buckets));
    pivots->rows = grown(pivots->rows, capacity * pivots->dim);
    pivots->half_norms = grown(pivots->half_norms, capacity * sizeof(*pivots->half_norms));
    pivots->means = grown(pivots->means, capacity * sizeof(*pivots->means));
    pivots->offsets[0] = grown(pivots->offsets[0], capacity * 4);
    pivots->offsets[1] = grown(pivots->offsets[1], capacity * 4);
    pivots->factors = grown(pivots->factors, capacity * 4);
    pivots->estimates = grown(pivots->estimates, capacity * sizeof(*pivots->estimates));
    pivots->picked = grown(pivots->picked, (capacity + SW__BLOCK_LANES) * sizeof(*pivots->picked));
    pivots->shortlist =
        grown(pivots->shortlist, (capacity + SW__BLOCK_LANES) * sizeof(*pivots->shortlist));
    pivots->keys = grown(pivots->keys, capacity * sizeof(*pivots->keys));
    pivots->near = grown(pivots->near, capacity * sizeof(*pivots->near));
    pivots->codes = grown(pivots->codes, capacity * pivots->dim / 8);
    memset(pivots->offsets[0] + (size_t)4 * pivots->count, 0, (capacity - pivots->count) * 4);
    memset(pivots->offsets[1] + (size_t)4 * pivots->count, 0, (capacity - pivots->count) * 4);
    memset(pivots->factors + (size_t)4 * pivots->count, 0, (capacity - pivots->count) * 4);
    memset(pivots->codes + (size_t)pivots->count * pivots->dim / 8,
           0,
           (capacity - pivots->count) * pivots->dim / 8);
    pivots->capacity = (uint32_t)capacity;
}

static uint8_t *word_at(const struct sw__pivots *pivots, uint32_t lane, uint32_t word)
{
    const size_t words = pivots->dim / 64;
    const size_t group = lane / SW__LANES;

    return pivots->codes +
           ((group * words + word) * SW__LANES + lane % SW__LANES) * sizeof(uint64_t);
}

static void set_code(struct sw__pivots *pivots, uint32_t at, const int32_t *point)
{
    struct sw__code code;

    sw__code_make(SW_METRIC_COSINE, point, pivots->epoch.mean, pivots->dim, &code);
    /* The code of a point in its own right: what it is ranked by takes the place of the offset. */
    sw_store_u32(pivots->offsets[0] + (size_t)4 * at,
                 (uint32_t)sw__estimate_of(pivots->half_norms[at]));
    sw_store_u32(pivots->offsets[1] + (size_t)4 * at,
                 (uint32_t)sw__estimate_of(pivots->metric == SW_METRIC_INNER_PRODUCT
                                               ? -pivots->means[at]
                                               : pivots->half_norms[at]));
    sw_store_u32(pivots->factors + (size_t)4 * at, (uint32_t)code.factor);
    for (uint32_t w = 0; w < pivots->dim / 64; w++) {
        memcpy(word_at(pivots, at, w), &code.words[w], sizeof(uint64_t));
    }
}

static void point_of(const struct sw__pivots *pivots, const int8_t *row, int32_t *ret_point)
{
    for (uint32_t i = 0; i < pivots->dim; i++) {
        ret_point[i] = row[i] * (int32_t)pivots->epoch.unit;
    }
}

static bool find(const struct sw__pivots *pivots, uint32_t bucket, uint32_t *ret_at)
{
    if (bucket - pivots->first >= pivots->span ||
        pivots->places[bucket - pivots->first] == ABSENT) {
        return false;
    }
    *ret_at = pivots->places[bucket - pivots->first];
    return true;
}

/* Buckets of an epoch have numbers one after the other, so a plain table finds them. */
static void set_place(struct sw__pivots *pivots, uint32_t bucket, uint32_t at)
{
    if (pivots->span == 0) {
        pivots->first = bucket;
    }
    SW_ASSERT(bucket >= pivots->first);
    if (bucket - pivots->first >= pivots->span) {
        const uint32_t span = 2 * (bucket - pivots->first) + SW__BLOCK_LANES;

        pivots->places = grown(pivots->places, (size_t)span * sizeof(*pivots->places));
        memset(pivots->places + pivots->span,
               0xff,
               (size_t)(span - pivots->span) * sizeof(*pivots->places));
        pivots->span = span;
    }
    pivots->places[bucket - pivots->first] = at;
}

bool sw__pivots_add(struct sw__pivots *pivots, uint32_t bucket, const int8_t *row)
{
    int32_t point[SW_SPACE_DIM_MAX];
    uint64_t norm2;
    uint32_t at;

    point_of(pivots, row, point);
    norm2 = sw__norm2(point, pivots->dim);
    if (norm2 > UINT64_C(1) << (2 * SW__FIXED_BITS + 4)) {
        return false;
    }
    make_room(pivots);
    at = pivots->count++;
    pivots->buckets[at] = bucket;
    set_place(pivots, bucket, at);
    memcpy(pivots->rows + (size_t)at * pivots->dim, row, pivots->dim);
    pivots->half_norms[at] = (int64_t)(norm2 / 2);
    pivots->means[at] = sw__dot_fixed(point, pivots->epoch.mean, pivots->dim);
    set_code(pivots, at, point);
    return true;
}

bool sw__pivots_remove(struct sw__pivots *pivots, uint32_t bucket)
{
    int8_t row[SW_SPACE_DIM_MAX];
    uint32_t last_bucket;
    uint32_t at;
    bool added;

    if (!find(pivots, bucket, &at)) {
        return false;
    }
    pivots->count--;
    set_place(pivots, bucket, ABSENT);
    if (at < pivots->count) {
        /* Made anew in the hole: rare, and one way to make a lane is enough. */
        const uint32_t count = pivots->count;

        last_bucket = pivots->buckets[count];
        memcpy(row, pivots->rows + (size_t)count * pivots->dim, pivots->dim);
        pivots->count = at;
        added = sw__pivots_add(pivots, last_bucket, row);
        SW_ASSERT(added);
        pivots->count = count;
    }
    return true;
}

const int8_t *sw__pivots_row(const struct sw__pivots *pivots, uint32_t bucket)
{
    uint32_t at;

    return find(pivots, bucket, &at) ? pivots->rows + (size_t)at * pivots->dim : NULL;
}

void sw__pivots_look(const struct sw__pivots *pivots,
                     const struct sw__kernel *kernel,
                     const int32_t *fixed,
                     struct sw__look *ret_look)
{
    static const int8_t nothing[SW_SPACE_DIM_MAX];

    for (uint32_t i = 0; i < pivots->dim; i++) {
        ret_look->centred[i] = fixed[i] - pivots->epoch.mean[i];
    }
    ret_look->norm = sw__vector_query(ret_look->centred, pivots->dim, ret_look->query);
    ret_look->constant = pivots->metric == SW_METRIC_L2
                             ? (int64_t)(sw__norm2(ret_look->centred, pivots->dim) / 2)
                             : -sw__dot_fixed(fixed, pivots->epoch.mean, pivots->dim);
    kernel->look(ret_look->centred, nothing, 0, pivots->dim, &ret_look->code);
}

void sw__pivots_look_into(const struct sw__pivots *pivots,
                          const struct sw__kernel *kernel,
                          const struct sw__look *look,
                          uint32_t bucket,
                          struct sw__query_code *ret_code)
{
    const int8_t *row = sw__pivots_row(pivots, bucket);

    SW_ASSERT(row != NULL);
    kernel->look(look->centred, row, (int32_t)pivots->epoch.unit, pivots->dim, ret_code);
}

/* <p', q'> of the pivot at `at`. */
static int64_t product(const struct sw__pivots *pivots,
                       const struct sw__kernel *kernel,
                       const struct sw__look *look,
                       uint32_t at)
{
    const int64_t dot =
        kernel->dot(look->query, pivots->rows + (size_t)at * pivots->dim, pivots->dim);

    /* Two shifts, because the full product does not fit 64 bits. */
    return sw__round_shift(sw__round_shift(dot * pivots->epoch.unit, 8) * (int64_t)look->norm,
                           SW__QUERY_BITS - 8);
}

static struct sw__near near_of(const struct sw__pivots *pivots,
                               const struct sw__kernel *kernel,
                               const struct sw__look *look,
                               bool by_metric,
                               uint32_t at)
{
    const int64_t dot = product(pivots, kernel, look, at);
    const bool inner = pivots->metric == SW_METRIC_INNER_PRODUCT;
    const int64_t half = pivots->half_norms[at];
    const int64_t mean = -pivots->means[at];

    return (struct sw__near){
        .key = (by_metric && inner ? mean : half) - dot,
        .bucket = pivots->buckets[at],
        .base =
            sw__estimate_of(look->constant + (pivots->metric == SW_METRIC_L2 ? half : mean) - dot),
    };
}

static bool is_nearer(const struct sw__near *a, const struct sw__near *b)
{
    return a->key < b->key || (a->key == b->key && a->bucket < b->bucket);
}

/* Merges near[from..middle) and near[middle..end) into the same places of `to`. */
static void merge(
    const struct sw__near *near, uint32_t from, uint32_t middle, uint32_t end, struct sw__near *to)
{
    uint32_t low = from;
    uint32_t high = middle;

    for (uint32_t i = from; i < end; i++) {
        if (low < middle && (high == end || is_nearer(&near[low], &near[high]))) {
            to[i] = near[low++];
        } else {
            to[i] = near[high++];
        }
    }
}

/* qsort calls a function for each comparison, which for all pivots is most of a filtered search. */
static void sort_near(struct sw__near *near, uint32_t count)
{
    struct sw__near *other = malloc(((size_t)count + 1) * sizeof(*other));
    struct sw__near *from = near;
    struct sw__near *to = other;

    SW_ASSERT(other != NULL);
    for (uint32_t run = 1; run < count; run *= 2) {
        struct sw__near *kept = from;

        for (uint32_t at = 0; at < count; at += 2 * run) {
            const uint32_t middle = at + run < count ? at + run : count;
            const uint32_t end = middle + run < count ? middle + run : count;

            merge(from, at, middle, end, to);
        }
        from = to;
        to = kept;
    }
    if (from != near) {
        memcpy(near, from, count * sizeof(*near));
    }
    free(other);
}

/* Puts one more into a sorted list that has room for `room`; returns how long the list is then. */
static uint32_t
insert(struct sw__near *list, uint32_t count, uint32_t room, const struct sw__near *one)
{
    uint32_t at = count < room ? count : room - 1;

    if (count == room && !is_nearer(one, &list[at])) {
        return count;
    }
    for (; at > 0 && is_nearer(one, &list[at - 1]); at--) {
        list[at] = list[at - 1];
    }
    list[at] = *one;
    return count < room ? count + 1 : room;
}

/* Places of at least `keep` pivots with the smallest estimates, and how many; a set that does not
 * depend on places. */
static uint32_t shortlist(const struct sw__pivots *pivots,
                          const struct sw__kernel *kernel,
                          const struct sw__look *look,
                          bool by_metric,
                          uint32_t keep)
{
    const struct sw__codes codes = {.groups = (pivots->count + SW__LANES - 1) / SW__LANES,
                                    .offsets = pivots->offsets[by_metric],
                                    .factors = pivots->factors,
                                    .codes = pivots->codes};
    uint32_t found = 0;
    uint32_t kept;
    int32_t threshold;

    kernel->estimate(&look->code, &codes, 0, pivots->estimates);
    threshold =
        sw__select_estimate(pivots->estimates, pivots->count, keep, keep / SLACK_PART, &kept);
    for (uint32_t from = 0; from < pivots->count; from += SW__BLOCK_LANES) {
        const uint32_t left = pivots->count - from;
        const uint32_t there = left < SW__BLOCK_LANES ? (UINT32_C(1) << left) - 1 : UINT32_MAX;
        const uint32_t mask = kernel->below(pivots->estimates + from, threshold) & there;

        found += kernel->pick(pivots->estimates + from,
                              mask,
                              from,
                              pivots->picked + found,
                              pivots->shortlist + found);
    }
    SW_ASSERT(found == kept);
    return found;
}

static uint32_t shortlist_size(const struct sw__pivots *pivots, uint32_t count)
{
    const uint64_t keep = (uint64_t)SHORTLIST_FACTOR * count;

    if (pivots->count <= EXACT_COUNT || keep >= pivots->count) {
        return pivots->count;
    }
    return keep < SHORTLIST_MIN ? SHORTLIST_MIN : (uint32_t)keep;
}

static void swap(struct sw__near *a, struct sw__near *b)
{
    const struct sw__near kept = *a;

    *a = *b;
    *b = kept;
}

void sw__pivots_part(const struct sw__pivots *pivots,
                     struct sw__near *near,
                     uint32_t count,
                     uint32_t wanted)
{
    uint32_t found = 0;
    uint32_t ties;
    uint32_t kept;
    int64_t key;

    SW_ASSERT(count <= pivots->count);
    for (uint32_t i = 0; i < count; i++) {
        pivots->keys[i] = near[i].key;
    }
    key = sw__select_key(pivots->keys, count, wanted, &kept);
    for (uint32_t i = 0; i < count; i++) {
        if (near[i].key < key) {
            swap(&near[i], &near[found++]);
        }
    }
    ties = found;
    for (uint32_t i = found; i < count; i++) {
        if (near[i].key == key) {
            swap(&near[i], &near[ties++]);
        }
    }
    SW_ASSERT(ties == kept && ties >= wanted);
    sort_near(near, ties);
}

uint32_t sw__pivots_rank(const struct sw__pivots *pivots,
                         const struct sw__kernel *kernel,
                         const struct sw__look *look,
                         bool by_metric,
                         uint32_t count,
                         struct sw__near *ret_near)
{
    uint32_t keep = shortlist_size(pivots, count);
    const bool shortened = keep < pivots->count;
    const uint32_t wanted = count < pivots->count ? count : pivots->count;

    if (shortened) {
        keep = shortlist(pivots, kernel, look, by_metric, keep);
    }
    for (uint32_t i = 0; i < keep; i++) {
        const uint32_t at = shortened ? pivots->shortlist[i] : i;

        pivots->near[i] = near_of(pivots, kernel, look, by_metric, at);
    }
    if (wanted <= INSERT_MAX) {
        uint32_t found = 0;

        for (uint32_t i = 0; i < keep && wanted > 0; i++) {
            found = insert(ret_near, found, wanted, &pivots->near[i]);
        }
    } else {
        sw__pivots_part(pivots, pivots->near, keep, wanted);
        memcpy(ret_near, pivots->near, wanted * sizeof(*ret_near));
    }
    return wanted;
}

uint32_t sw__pivots_all(const struct sw__pivots *pivots,
                        const struct sw__kernel *kernel,
                        const struct sw__look *look,
                        struct sw__near *ret_near)
{
    for (uint32_t at = 0; at < pivots->count; at++) {
        ret_near[at] = near_of(pivots, kernel, look, true, at);
    }
    return pivots->count;
}

void sw__pivots_residual(const struct sw__pivots *pivots,
                         uint32_t bucket,
                         const int32_t *centred,
                         int32_t *ret_residual,
                         int32_t *ret_centre)
{
    int32_t point[SW_SPACE_DIM_MAX];
    const int8_t *row = sw__pivots_row(pivots, bucket);

    SW_ASSERT(row != NULL);
    point_of(pivots, row, point);
    for (uint32_t i = 0; i < pivots->dim; i++) {
        ret_residual[i] = centred[i] - point[i];
        ret_centre[i] = pivots->epoch.mean[i] + point[i];
    }
}
