/* Keys and records of an index: what lies where. Private to index/.
 *
 * key = prefix, kind(1), then numbers, big-endian so that they sort:
 *
 *   SPACE                              the space (space.h)
 *   STATE                              epochs, counters, task, slices: struct sw__state
 *   TASK                               sums of a training under way
 *   EPOCH      epoch(4)                format(1) dim(4) unit(4) buckets-made(4) mean(4 * dim)
 *   PIVOT      bucket(4)               format(1) epoch(4) row(dim): the pivot less the mean, in
 * units BUCKET     bucket(4)               format(1) epoch(4) entries(4) split-at(4) draining(1)
 *   RETIRED    epoch(4) number(4)      format(1) bucket(4): the pivots that are gone, in order
 *   WATERMARK  context(4)              format(1) seq(8)
 *   PLACE      id(8)                   format(1) slice(4) bucket(4) block(4) vector(4)
 *   CODES      bucket(4) slice(4) ~block(4)   a packed block (block.h); the newest comes first
 *   ROW        slice(4) vector(4)      one vector that no segment has yet (rows.h)
 *   SEGMENT    slice(4) segment(4)     sealed rows
 *   DEAD       slice(4) segment(4)     format(1) count(4): rows of a segment without an entry
 *   SPARSE     slice(4) segment(4)     format(1): more of its rows are dead than alive
 *   SAMPLE     number(4)               format(1) ids(8 each) of a training under way
 *   NEAREST    number(4)               format(1) buckets(4 each) of these
 *
 * All of an index is one range of keys; all vectors of a slice are one range in it. */
#ifndef SW_INDEX_LAYOUT_H
#define SW_INDEX_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/rw.h"
#include "index/index.h"
#include "index/map.h"

enum sw__kind {
    SW__KIND_SPACE = 1,
    SW__KIND_STATE = 2,
    SW__KIND_TASK = 3,
    SW__KIND_EPOCH = 4,
    SW__KIND_PIVOT = 5,
    SW__KIND_BUCKET = 6,
    SW__KIND_RETIRED = 7,
    SW__KIND_WATERMARK = 8,
    SW__KIND_PLACE = 9,
    SW__KIND_CODES = 10,
    SW__KIND_ROW = 11,
    SW__KIND_SEGMENT = 12,
    SW__KIND_DEAD = 13,
    SW__KIND_SAMPLE = 14,
    SW__KIND_NEAREST = 15,
    SW__KIND_SPARSE = 16,
};

enum {
    SW__RECORD_FORMAT = 2,
    SW__KEY_TAIL_MAX = 13,
    SW__SAMPLES_A_RECORD = 256,
    SW__UNIT_MAX = 1 << 18
};

struct sw__key {
    uint8_t size;
    uint8_t data[SW_INDEX_PREFIX_SIZE_MAX + SW__KEY_TAIL_MAX];
};

struct sw__prefix {
    uint8_t size;
    uint8_t data[SW_INDEX_PREFIX_SIZE_MAX];
};

struct sw__prefix sw__prefix_of(struct sw_span bytes);
struct sw_span sw__key_span(const struct sw__key *key);
void sw__key_begin(const struct sw__prefix *prefix, enum sw__kind kind, struct sw__key *ret_key);
void sw__key_u32(struct sw__key *key, uint32_t value);
void sw__key_u64(struct sw__key *key, uint64_t value);
struct sw__key sw__key_1(const struct sw__prefix *prefix, enum sw__kind kind, uint32_t a);
struct sw__key
sw__key_2(const struct sw__prefix *prefix, enum sw__kind kind, uint32_t a, uint32_t b);
struct sw__key sw__key_place(const struct sw__prefix *prefix, uint64_t id);
struct sw__key
sw__key_codes(const struct sw__prefix *prefix, uint32_t bucket, uint32_t slice, uint32_t block);
/* True if `bytes` starts as `key` does. */
bool sw__key_covers(const struct sw__key *key, struct sw_span bytes);
/* What follows the kind; fails for a key of another index or kind, or of another size. */
bool sw__key_read(const struct sw__prefix *prefix,
                  enum sw__kind kind,
                  struct sw_span bytes,
                  uint32_t count,
                  uint32_t *ret_numbers);

/* --- records ---------------------------------------------------------------------------------- */

struct sw__place {
    uint32_t slice;
    uint32_t bucket;
    uint32_t block;
    uint32_t vector;
};

struct sw__bucket {
    uint32_t epoch;
    uint32_t entries;
    uint32_t split_at; /* more than so many entries: split it */
    bool draining;
};

enum sw__phase {
    SW__PHASE_IDLE,
    SW__PHASE_SAMPLE,  /* ids whose keyed hash is small */
    SW__PHASE_MEAN,    /* sums over the sample */
    SW__PHASE_PIVOTS,  /* the ids with the smallest hashes become pivots */
    SW__PHASE_NEAREST, /* of each id of the sample */
    SW__PHASE_CENTRES, /* each pivot moves to the mean of those nearest to it */
    SW__PHASE_CLEAN,   /* lists of the training go; then the epoch is in force */
    SW__PHASE_COUNT
};

struct sw__task {
    enum sw__phase phase;
    uint32_t epoch;     /* being made */
    uint32_t target;    /* pivots wished for */
    uint32_t first;     /* its first bucket; the others follow */
    uint32_t made;      /* pivots */
    uint32_t samples;   /* ids */
    uint32_t round;     /* of NEAREST and CENTRES */
    uint64_t cursor;    /* of the phase */
    uint64_t threshold; /* hashes up to here are sampled */
    uint64_t entries;   /* when it began */
};

struct sw__slice {
    uint32_t slice;
    bool dropped;
    uint64_t entries;
    uint32_t vectors; /* places given out */
    uint64_t cursor;  /* of reclaiming, of a dropped one */
    uint8_t stage;
    uint8_t bits;     /* a coordinate that its sealed rows keep, or will */
    uint32_t before;  /* error when this lowering was decided on */
    uint32_t error;   /* the greatest of lowering a row so far, in millionths of its length */
    uint32_t lowered; /* segments that are known to keep no more bits than that */
    struct sw_index_digest digest;
};

struct sw__state {
    uint32_t epoch;
    uint32_t previous; /* still draining; 0: none */
    uint32_t buckets_made;
    uint64_t trained_at; /* entries when it began */
    uint64_t trained;
    uint64_t splits;
    uint32_t moved;      /* times that a sealed segment went away */
    uint32_t watermarks; /* times that one rose */
    uint32_t retired;    /* pivots that were given up */
    bool sparse;         /* there may be sparse segments */
    struct sw__task task;
    uint32_t slice_count;
    struct sw__slice slices[SW_INDEX_SLICE_COUNT_MAX]; /* ascending */
};

void sw__place_encode(const struct sw__place *place, struct sw_buf *buf);
enum sw_err sw__place_decode(struct sw_span bytes, struct sw__place *ret_place) SW_MUST_CHECK;
void sw__bucket_encode(const struct sw__bucket *bucket, struct sw_buf *buf);
enum sw_err sw__bucket_decode(struct sw_span bytes, struct sw__bucket *ret_bucket) SW_MUST_CHECK;
void sw__state_encode(const struct sw__state *state, struct sw_buf *buf);
enum sw_err sw__state_decode(struct sw_span bytes, struct sw__state *ret_state) SW_MUST_CHECK;
/* A record that is one number of 32 or 64 bits. */
void sw__number_encode(uint64_t number, uint32_t size, struct sw_buf *buf);
enum sw_err sw__number_decode(struct sw_span bytes, uint32_t size, uint64_t *ret_number)
    SW_MUST_CHECK;

void sw__state_stats(const struct sw__state *state, struct sw_index_stats *ret_stats);
void sw__histogram_add(struct sw_index_histogram *histogram, uint32_t entries);
/* NULL if the state has no such slice. */
struct sw__slice *sw__state_slice(struct sw__state *state, uint32_t slice);

struct sw__epoch {
    uint32_t epoch;
    uint32_t unit;    /* of the pivots' rows, in fixed point */
    uint32_t retired; /* records of that kind */
    int32_t mean[SW_SPACE_DIM_MAX];
};

void sw__epoch_encode(const struct sw__epoch *epoch, uint32_t dim, struct sw_buf *buf);
enum sw_err
sw__epoch_decode(struct sw_span bytes, uint32_t number, uint32_t dim, struct sw__epoch *ret_epoch)
    SW_MUST_CHECK;
void sw__pivot_encode(uint32_t epoch, const int8_t *row, uint32_t dim, struct sw_buf *buf);
/* `ret_row` points into `bytes`. */
enum sw_err
sw__pivot_decode(struct sw_span bytes, uint32_t dim, uint32_t *ret_epoch, const int8_t **ret_row)
    SW_MUST_CHECK;

#endif
