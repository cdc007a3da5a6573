/* The pivots of one epoch in memory: which buckets are near. Private to index/.
 *
 * A pivot is a point of the centred space in bytes: p' = row * unit. Many of them are ranked like
 * entries, first by their codes and then, the best of these, exactly. The outcome depends on the
 * set of pivots only, never on their order here. */
#ifndef SW_INDEX_PIVOTS_H
#define SW_INDEX_PIVOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/kernel.h"
#include "index/layout.h"
#include "index/space.h"

struct sw__pivots;

struct sw__near {
    int64_t key; /* what it is ranked by, with the bucket; smaller is nearer */
    uint32_t bucket;
    int32_t base; /* of estimates in this bucket (code.h) */
};

/* A vector as pivots see it. */
struct sw__look {
    int32_t centred[SW_SPACE_DIM_MAX];
    int16_t query[SW_SPACE_DIM_MAX];
    uint64_t norm;
    int64_t constant; /* part of base that no pivot changes, units of 2^-48 */
    struct sw__query_code code;
};

struct sw__pivots *
sw__pivots_new(const struct sw_space *space, uint32_t dim, const struct sw__epoch *epoch);
void sw__pivots_free(struct sw__pivots *pivots); /* accepts NULL */
const struct sw__epoch *sw__pivots_epoch(const struct sw__pivots *pivots);
struct sw__epoch *sw__pivots_epoch_mutable(struct sw__pivots *pivots);
uint32_t sw__pivots_count(const struct sw__pivots *pivots);
/* False, and nothing added, for a row that no training makes: far outside the space. */
bool sw__pivots_add(struct sw__pivots *pivots, uint32_t bucket, const int8_t *row);
/* False if there is no such pivot. */
bool sw__pivots_remove(struct sw__pivots *pivots, uint32_t bucket);
/* NULL if there is none; until the next change. */
const int8_t *sw__pivots_row(const struct sw__pivots *pivots, uint32_t bucket);

/* `fixed` is a vector in fixed point, rotated. */
void sw__pivots_look(const struct sw__pivots *pivots,
                     const struct sw__kernel *kernel,
                     const int32_t *fixed,
                     struct sw__look *ret_look);
/* The code of the vector less the pivot, as estimates in the bucket take it. */
void sw__pivots_look_into(const struct sw__pivots *pivots,
                          const struct sw__kernel *kernel,
                          const struct sw__look *look,
                          uint32_t bucket,
                          struct sw__query_code *ret_code);
/* Up to `count` pivots, nearest first; returns how many. `by_metric` ranks as a search does; if
 * not, by plain distance, as entries are given to buckets. */
uint32_t sw__pivots_rank(const struct sw__pivots *pivots,
                         const struct sw__kernel *kernel,
                         const struct sw__look *look,
                         bool by_metric,
                         uint32_t count,
                         struct sw__near *ret_near);
/* All of them, in no order. */
uint32_t sw__pivots_all(const struct sw__pivots *pivots,
                        const struct sw__kernel *kernel,
                        const struct sw__look *look,
                        struct sw__near *ret_near);
/* The `wanted` nearest of some of them move to the front, in order. */
void sw__pivots_part(const struct sw__pivots *pivots,
                     struct sw__near *near,
                     uint32_t count,
                     uint32_t wanted);
/* c = centred - p' of the bucket, and the point itself: mean + p'. */
void sw__pivots_residual(const struct sw__pivots *pivots,
                         uint32_t bucket,
                         const int32_t *centred,
                         int32_t *ret_residual,
                         int32_t *ret_centre);

#endif
