/* A full check of one vector index against itself, in bounded steps.
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
const char *sw_index_verify_why(const struct sw_index_verify *verify);
void sw_index_verify_report(const struct sw_index_verify *verify,
                            struct sw_index_verify_report *ret_report);

#endif
