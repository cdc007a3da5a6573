/* A full check of one vector index against itself, in bounded steps.
 *
 * At once, on one snapshot, or in parts, each on the snapshot that there is then: whoever has no
 * snapshot for long takes a mark from one part to the next. A part looks at its records and all
 * that they lead to; what is counted over all of them is compared if nothing moved in between.
 *
 * Reads everything on one snapshot: every entry has one place and one lane, in the bucket that its
 * place names, with the code that its vector gives there; buckets and slices are as full as they
 * say; the digest is that of the entries. Writes nothing. */
#ifndef SW_INDEX_VERIFY_H
#define SW_INDEX_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "index/index.h"
#include "index/map.h"

struct sw_index_verify;

enum sw_index_verify_phase {
    SW_INDEX_VERIFY_BLOCKS,
    SW_INDEX_VERIFY_PLACES,
    SW_INDEX_VERIFY_DONE,
};

enum { SW_INDEX_VERIFY_AT_MAX = 12 };

/* How far a check in parts has come; zeros: it begins. Whoever makes one up is told of faults that
 * are none. */
struct sw_index_verify_mark {
    uint64_t stamp; /* of the index when it began */
    bool still;     /* it is the same since: then all counts are compared */
    uint8_t phase;
    uint8_t at_size;                    /* 0: at the beginning of the phase */
    uint8_t at[SW_INDEX_VERIFY_AT_MAX]; /* the last record's key, behind its kind */
    uint32_t lanes;                     /* of its bucket, up to there */
    uint64_t entries;
    uint64_t places;
    struct sw_index_digest digest;
};

/* Says whether somebody knows the entry; errors of the store. */
struct sw_index_verify_owner {
    void *arg;
    enum sw_err (*knows)(void *arg, uint64_t id, bool *ret_known);
};

/* How far a check has come; all of the index once it is done. */
struct sw_index_verify_report {
    uint64_t entries; /* live ones whose lane, place, code and vector agree */
    uint64_t lowered; /* of these, whose vectors keep fewer bits than their codes were made of */
    uint64_t waiting; /* lanes of dropped slices, which are only counted */
    uint64_t blocks;
    uint64_t places;
    uint32_t buckets;
    struct sw_index_digest digest; /* of the entries so far */
};

/* The map, borrowed, must stay as it is until the check is over (LMDB: one read transaction); it
 * needs neither put nor del. */
struct sw_index_verify *sw_index_verify_new(struct sw_index_map *map, struct sw_span prefix);
void sw_index_verify_free(struct sw_index_verify *verify); /* accepts NULL */
/* Looks at up to `records` more records; a block of 32 entries costs about 0.2 ms. *ret_done once
 * all of it agrees. CORRUPT with the first thing that does not in `why`, after which there is
 * nothing more to do; NOT_FOUND if there is no index; NEWER_FORMAT; errors of the map. */
enum sw_err sw_index_verify_step(struct sw_index_verify *verify, uint32_t records, bool *ret_done)
    SW_MUST_CHECK;
/* A check in parts. First, once for each part, the index is looked at as it is now, and *mark is
 * told whether it moved. Errors as above. */
enum sw_err sw_index_verify_open(struct sw_index_verify *verify, struct sw_index_verify_mark *mark)
    SW_MUST_CHECK;
uint32_t sw_index_verify_dim(const struct sw_index_verify *verify);
/* Then about `entries` of them, at least a record. `owner`, which may be NULL, is asked about each
 * entry. *mark moves on; its phase is DONE after the last part. Errors as above. */
enum sw_err sw_index_verify_part(struct sw_index_verify *verify,
                                 const struct sw_index_verify_owner *owner,
                                 uint32_t entries,
                                 struct sw_index_verify_mark *mark) SW_MUST_CHECK;
/* Or whether the index has this entry. */
enum sw_err sw_index_verify_has(struct sw_index_verify *verify, uint64_t id, bool *ret_has)
    SW_MUST_CHECK;
const char *sw_index_verify_why(const struct sw_index_verify *verify);
void sw_index_verify_report(const struct sw_index_verify *verify,
                            struct sw_index_verify_report *ret_report);

#endif
