/* The writer of one vector index: entries in, packed records of a map out.
 *
 * Replicated: two writers that make the same calls in the same order hold the same bytes, on every
 * machine and with every kernel. Calls take bounded time; what takes longer (training of pivots,
 * splits of full buckets, reclaiming of dropped slices) is left to sw_index_step, which its owner
 * calls with a budget, at fixed points of the log: its state is stored, so it goes on where it was.
 *
 * One thread. The map is borrowed; writes reach it at once, but for counters and state, which
 * sw_index_flush writes: call it before each commit. After an aborted transaction: sw_index_load.
 * An error of the map (IO, DISK_FULL, CORRUPT) leaves the index unusable until sw_index_load. */
#ifndef SW_INDEX_INDEX_H
#define SW_INDEX_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"
#include "index/map.h"
#include "index/space.h"

struct sw_index;

struct sw_index_entry {
    uint64_t id;      /* of the caller; a put of a known id replaces it */
    uint64_t seq;     /* a place in time that watermarks and windows compare: the revision */
    uint32_t context; /* whose watermark hides it */
    uint32_t slice;   /* of time: all entries of a slice can be dropped at once */
    struct sw_span vector;
};

struct sw_index_digest {
    uint64_t low;
    uint64_t high;
};

struct sw_index_stats {
    uint64_t entries;  /* live, in slices that were not dropped */
    uint64_t waiting;  /* dropped ones that steps have still to reclaim */
    uint64_t trained;  /* epochs so far */
    uint32_t epoch;    /* of the pivots that inserts use */
    uint32_t buckets;  /* of both epochs */
    uint32_t draining; /* buckets that steps empty */
    uint32_t slices;
    uint64_t splits;
    bool working; /* sw_index_step has something to do */
};

/* Buckets by how many entries they have. Bin i counts those from sw_index_histogram_from(i) on, up
 * to where the next begins: steps of 32 up to 512, doubling from there; the last has no end. */
enum { SW_INDEX_BIN_COUNT = 24 };

struct sw_index_histogram {
    uint32_t bins[SW_INDEX_BIN_COUNT];
    uint32_t buckets; /* of both epochs */
    uint32_t largest;
    uint64_t entries; /* in all of them: those of dropped slices count until they are reclaimed */
};

/* The keys of this index start with `prefix` (copied); nobody else's may. */
struct sw_index *sw_index_new(struct sw_index_map *map, struct sw_span prefix);
void sw_index_free(struct sw_index *index); /* accepts NULL */

/* Writes the space's record. INVALID (see sw_space_check); CONFLICT if one exists already. */
enum sw_err sw_index_create(struct sw_index *index, const struct sw_space *space) SW_MUST_CHECK;
/* Reads what the map holds. NOT_FOUND if nothing was created, CORRUPT, NEWER_FORMAT. */
enum sw_err sw_index_load(struct sw_index *index) SW_MUST_CHECK;
const struct sw_space *sw_index_space(const struct sw_index *index);
/* The detail of the last error; "" if there is none. */
const char *sw_index_why(const struct sw_index *index);

/* INVALID: the vector (see sw_space_check_vector), or a slice that was dropped and is not reclaimed
 * yet. BUSY: SW_INDEX_SLICE_COUNT_MAX slices exist. Nothing is written then. */
enum sw_err sw_index_put(struct sw_index *index, const struct sw_index_entry *entry) SW_MUST_CHECK;
/* The same with the bytes of a row of this index in the place of a vector (see sw_index_row), whose
 * entry may be gone, or be the one that is replaced. INVALID unless they could be one. */
enum sw_err sw_index_put_row(struct sw_index *index, const struct sw_index_entry *entry)
    SW_MUST_CHECK;
bool sw_index_is_row(const struct sw_index *index, struct sw_span row);
/* NOT_FOUND if there is no such entry. */
enum sw_err sw_index_delete(struct sw_index *index, uint64_t id) SW_MUST_CHECK;
/* What was put, but for the vector. NOT_FOUND. */
enum sw_err sw_index_get(struct sw_index *index, uint64_t id, struct sw_index_entry *ret_entry)
    SW_MUST_CHECK;

/* What is kept of an entry's vector (index/measure.h compares with it); valid until the next write.
 * NOT_FOUND. */
enum sw_err sw_index_row(struct sw_index *index, uint64_t id, struct sw_span *ret_row)
    SW_MUST_CHECK;

/* Entries of the context with a smaller seq are stale from here on. Never goes back: a lower
 * watermark than the present one changes nothing. One small record, whatever it hides. */
enum sw_err sw_index_set_watermark(struct sw_index *index, uint32_t context, uint64_t seq)
    SW_MUST_CHECK;
/* Counts one more change of what searches may find, as each watermark does: whoever keeps answers
 * compares the count of a certificate. */
void sw_index_note_gone(struct sw_index *index);
/* All entries of the slice are gone at once; steps give the space back. NOT_FOUND. */
enum sw_err sw_index_drop_slice(struct sw_index *index, uint32_t slice) SW_MUST_CHECK;
/* Sealed vectors of the slice keep 8, 6, 4, 2 or 1 bits a coordinate from here on, instead of 16 or
 * what they kept; steps write them anew, and what is put later follows when it is sealed. Codes
 * stay as they are, and so does the digest, which says what was put. Downwards only, because the
 * originals are not kept: INVALID for more bits than there are, or for another number. NOT_FOUND.
 * At 2 bits and 1 distances are estimates from the codes. */
enum sw_err sw_index_lower(struct sw_index *index, uint32_t slice, uint32_t bits) SW_MUST_CHECK;

struct sw_index_precision {
    uint32_t bits;
    uint32_t segments; /* of sealed vectors */
    uint32_t left;     /* of them steps have still to write */
    /* The greatest distance between a vector and what is kept of it, in millionths of its length;
     * those of several lowerings are added up. 0: nothing was lowered. */
    uint32_t error_ppm;
};

/* NOT_FOUND. */
enum sw_err sw_index_precision(const struct sw_index *index,
                               uint32_t slice,
                               struct sw_index_precision *ret_precision) SW_MUST_CHECK;
/* Begins a new epoch: steps train about `buckets` pivots (0: as many as fit the count) and move all
 * entries. Done by itself when the index has grown enough. BUSY while one is under way. */
enum sw_err sw_index_train(struct sw_index *index, uint32_t buckets) SW_MUST_CHECK;

/* Does at most about `budget` units of waiting work, a unit being a kilobyte of vectors read (some
 * 20 ns); *ret_working is false once nothing is left. SW_INDEX_STEP_BUDGET is well below 1 ms. */
enum { SW_INDEX_STEP_BUDGET = 8192 };
enum sw_err sw_index_step(struct sw_index *index, uint32_t budget, bool *ret_working) SW_MUST_CHECK;
enum sw_err sw_index_flush(struct sw_index *index) SW_MUST_CHECK;

/* Of ids, seqs, contexts, slices and vectors of all entries; equal whatever the order of calls and
 * the arrangement of records. */
struct sw_index_digest sw_index_digest(const struct sw_index *index);
void sw_index_stats(const struct sw_index *index, struct sw_index_stats *ret_stats);
uint32_t sw_index_histogram_from(uint32_t bin);
void sw_index_histogram(const struct sw_index *index, struct sw_index_histogram *ret_histogram);
/* 0 if the context has none. */
enum sw_err sw_index_watermark(struct sw_index *index, uint32_t context, uint64_t *ret_seq)
    SW_MUST_CHECK;
/* Deletes up to `count` records of the whole index; *ret_done once none is left. Then the writer is
 * as new. */
enum sw_err sw_index_erase(struct sw_index *index, uint32_t count, bool *ret_done) SW_MUST_CHECK;

#endif
