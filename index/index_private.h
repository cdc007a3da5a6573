/* The parts of the writer; for index/ files that work on struct sw_index only. */
#ifndef SW_INDEX_INDEX_PRIVATE_H
#define SW_INDEX_INDEX_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rw.h"
#include "index/block.h"
#include "index/index.h"
#include "index/layout.h"
#include "index/pivots.h"
#include "index/rotate.h"
#include "index/rows.h"

enum {
    SW__BUCKET_ENTRIES_MAX = 256,  /* more: the bucket is split */
    SW__TRAIN_MEAN_AT = 512,       /* entries from which the mean is worth having */
    SW__TRAIN_PIVOTS_AT = 1 << 15, /* entries from which buckets pay */
    SW__TRAIN_AGAIN_FACTOR = 2,
    SW__ENTRIES_A_PIVOT = 128,
    SW__LLOYD_ROUNDS = 3,
    SW__SAMPLES_A_PIVOT = 24,
    SW__TARGET_MAX = 1 << 14, /* pivots of one training; splits may add more */
};

struct sw__bucket_at {
    uint32_t bucket;
    bool changed; /* its record is written by the next flush */
    struct sw__bucket value;
};

struct sw_index {
    struct sw_index_map *map; /* borrowed */
    struct sw__prefix prefix;
    struct sw_space space;
    bool open;   /* there is a space */
    bool broken; /* an error of the map left it half done */
    const struct sw__kernel *kernel;
    uint32_t dim;                  /* padded */
    struct sw__rotation *rotation; /* owned, as are the pivots */
    struct sw__state state;
    bool state_changed;
    struct sw__pivots *now;        /* of state.epoch: entries go there */
    struct sw__pivots *previous;   /* of state.previous, or NULL */
    struct sw__pivots *next;       /* of the task's epoch, or NULL */
    struct sw__bucket_at *buckets; /* owned; ascending */
    uint32_t bucket_count;
    uint32_t bucket_capacity;
    uint32_t draining;     /* of them */
    uint32_t overfull;     /* not draining, with more entries than split_at */
    struct sw_buf scratch; /* of one record that is written */
    uint8_t *block;        /* owned: one block that is changed */
    uint8_t *tail;         /* owned: another one */
    struct sw__look *look; /* owned: one vector that is placed */
    char why[SW_WHY_SIZE];
};

/* A writer that only reads: its map may lack put and del. */
struct sw_index *sw__index_of(struct sw_index_map *map, struct sw_span prefix);

/* --- load.c: records of a few bytes, and everything kept in memory -----------------------------
 */

enum sw_err sw__put(struct sw_index *index, const struct sw__key *key, struct sw_span value)
    SW_MUST_CHECK;
enum sw_err sw__del(struct sw_index *index, const struct sw__key *key) SW_MUST_CHECK;
enum sw_err sw__get(struct sw_index *index, const struct sw__key *key, struct sw_span *ret_value)
    SW_MUST_CHECK;
/* The first record whose key starts with `start`; NOT_FOUND. */
enum sw_err sw__first(struct sw_index *index,
                      const struct sw__key *start,
                      struct sw_index_record *ret_record) SW_MUST_CHECK;
enum sw_err sw__corrupt(struct sw_index *index, const char *what) SW_MUST_CHECK;
void sw__forget(struct sw_index *index);
void sw__space_set(struct sw_index *index, const struct sw_space *space);
enum sw_err sw__load_epoch(struct sw_index *index, uint32_t number, struct sw__pivots **ret_pivots)
    SW_MUST_CHECK;
/* Deletes up to *left records whose keys start so, and counts *left down. */
enum sw_err sw__del_range(struct sw_index *index, const struct sw__key *start, uint32_t *left)
    SW_MUST_CHECK;
bool sw__bucket_is_draining(const struct sw_index *index, const struct sw__bucket *bucket);
bool sw__bucket_is_overfull(const struct sw_index *index, const struct sw__bucket *bucket);
/* Counts draining and overfull buckets anew, after a change of epochs. */
void sw__bucket_tally(struct sw_index *index);
struct sw__bucket_at *sw__bucket_find(struct sw_index *index, uint32_t bucket);
void sw__bucket_add(struct sw_index *index, uint32_t bucket, const struct sw__bucket *value);
void sw__bucket_set(struct sw_index *index,
                    struct sw__bucket_at *at,
                    const struct sw__bucket *value);
/* Counts entries in or out; keeps the sums of what is to be split. */
void sw__bucket_count(struct sw_index *index, struct sw__bucket_at *at, int32_t more);
void sw__bucket_drain(struct sw_index *index, struct sw__bucket_at *at);
/* The bucket, its pivot and what is left of its epoch. */
enum sw_err sw__bucket_remove(struct sw_index *index, uint32_t bucket) SW_MUST_CHECK;
/* One pivot: record and memory. */
enum sw_err
sw__pivot_put(struct sw_index *index, struct sw__pivots *pivots, uint32_t bucket, const int8_t *row)
    SW_MUST_CHECK;
enum sw_err sw__epoch_put(struct sw_index *index, const struct sw__epoch *epoch) SW_MUST_CHECK;
/* NULL, or the pivots of that epoch. */
struct sw__pivots *sw__pivots_of(struct sw_index *index, uint32_t epoch);

/* --- entry.c: one entry in its bucket -----------------------------------------------------------
 */

struct sw__entry {
    uint64_t id;
    uint64_t seq;
    uint32_t context;
    uint32_t slice;
    uint32_t vector;
};

/* The bytes of a row are valid until the next write. */
enum sw_err
sw__row_bytes(struct sw_index *index, uint32_t slice, uint32_t vector, struct sw_span *ret_bytes)
    SW_MUST_CHECK;
enum sw_err
sw__row_get(struct sw_index *index, uint32_t slice, uint32_t vector, struct sw__row *ret_row)
    SW_MUST_CHECK;
/* What the row stands for; CORRUPT if that is not of the length it says. */
enum sw_err sw__row_load(struct sw_index *index, const struct sw__row *row, int32_t *ret_fixed)
    SW_MUST_CHECK;
/* A row has no entry any more. */
enum sw_err sw__row_forget(struct sw_index *index, uint32_t slice, uint32_t vector) SW_MUST_CHECK;
/* The entry's row is another one from here on. */
enum sw_err sw__entry_set_vector(struct sw_index *index,
                                 uint64_t id,
                                 const struct sw__place *place,
                                 uint32_t vector) SW_MUST_CHECK;
enum sw_err sw__row_append(struct sw_index *index,
                           struct sw__slice *slice,
                           struct sw_span row,
                           uint32_t *ret_vector) SW_MUST_CHECK;
/* Chooses the bucket and writes lane and place. `fixed` is what the row stands for. */
enum sw_err sw__entry_place(struct sw_index *index,
                            const struct sw__entry *entry,
                            const int32_t *fixed) SW_MUST_CHECK;
/* The code of the vector that index->look has looked at, in a bucket of these pivots. */
void sw__entry_code(const struct sw_index *index,
                    const struct sw__pivots *pivots,
                    uint32_t bucket,
                    struct sw__code *ret_code);
/* NOT_FOUND also if the slice was dropped. */
enum sw_err sw__place_get(struct sw_index *index, uint64_t id, struct sw__place *ret_place)
    SW_MUST_CHECK;
/* The lane of an id at its place; CORRUPT if it is not there. */
enum sw_err sw__entry_read(struct sw_index *index,
                           uint64_t id,
                           const struct sw__place *place,
                           struct sw__lane *ret_lane) SW_MUST_CHECK;
/* Takes the lane out; the place stays for the caller to write or delete. */
enum sw_err sw__entry_unplace(struct sw_index *index, uint64_t id, const struct sw__place *place)
    SW_MUST_CHECK;
/* `check` is that of the row: what the entry is, whatever precision is left of it. */
struct sw_index_digest
sw__entry_digest(const struct sw_index *index, const struct sw__entry *entry, uint64_t check);
void sw__digest_add(struct sw_index_digest *sum, struct sw_index_digest more);
void sw__digest_subtract(struct sw_index_digest *sum, struct sw_index_digest less);

/* --- step.c, train.c, split.c, reclaim.c: one bounded piece of each kind of work -----------------
 */

bool sw__working(const struct sw_index *index);
/* What it costs to find the bucket of one vector and to put it there. */
uint32_t sw__place_cost(const struct sw_index *index, const struct sw__pivots *pivots);
/* A point of the centred space as a pivot's row. */
void sw__pivot_row(const int32_t *point, uint32_t unit, uint32_t dim, int8_t *ret_row);

/* Each adds what it cost to *cost, in units of sw_index_step. */
void sw__train_begin(struct sw_index *index, uint32_t target);
bool sw__train_due(const struct sw_index *index, uint32_t *ret_target);
enum sw_err sw__train_step(struct sw_index *index, uint32_t *cost) SW_MUST_CHECK;
enum sw_err sw__drain_step(struct sw_index *index, uint32_t *cost) SW_MUST_CHECK;
enum sw_err sw__split_step(struct sw_index *index, uint32_t *cost) SW_MUST_CHECK;
bool sw__lower_due(const struct sw_index *index);
enum sw_err sw__lower_step(struct sw_index *index, uint32_t *cost) SW_MUST_CHECK;
/* The slice has a row that was moved so far. */
void sw__slice_error(struct sw__slice *slice, uint32_t error);
bool sw__reclaim_due(const struct sw_index *index);
enum sw_err sw__reclaim_step(struct sw_index *index, uint32_t *cost) SW_MUST_CHECK;

#endif
