/* The parts of one search; for index/search.c, scan.c and refine.c only. */
#ifndef SW_INDEX_SEARCH_PRIVATE_H
#define SW_INDEX_SEARCH_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/reader_private.h"

#define SW__RERANK_ALL UINT32_MAX

struct sw__search {
    struct sw_index_reader *reader; /* borrowed, with its scratch */
    const struct sw_index_query *query;
    uint32_t rerank;      /* SW__RERANK_ALL: everything */
    uint32_t blocks_left; /* of scan_max */
    bool narrow;       /* only some entries count: buckets are probed until enough of them passed */
    bool looking;      /* a lane's seq and context matter */
    int32_t threshold; /* entries with a greater estimate are none of the best */
    uint32_t hit_count; /* with SW__RERANK_ALL: candidates compared already, before all others */
    bool cut_off;       /* some were put aside by their estimates */
    uint64_t passed;
    struct sw_index_certificate certificate;
};

/* To gcc, fetching ahead is no effect, and it leaves out calls of functions without one; hence the
 * statement that is. */
static inline void sw__prefetch(const uint8_t *bytes, size_t size)
{
    __asm__ volatile("");
    for (size_t at = 0; at < size; at += 64) {
        __builtin_prefetch(bytes + at, 0, 3);
    }
}

/* An estimate as a distance. */
int64_t sw__estimate_distance(const struct sw__search *search, int64_t estimate);

/* --- scan.c: codes ---------------------------------------------------------------------------- */

/* Looks into these buckets, nearest first. `look` says which epoch's they are. */
enum sw_err sw__scan(struct sw__search *search,
                     const struct sw__pivots *pivots,
                     const struct sw__look *look,
                     const struct sw__near *near,
                     uint32_t count) SW_MUST_CHECK;
/* Only the best (estimate, id) stay among the picks. */
void sw__scan_finish(struct sw__search *search);
/* The greatest estimate of the picks; a threshold may lie anywhere above it. */
int32_t sw__scan_last(const struct sw__search *search);
/* The block of a pick, and its lane in it. */
uint32_t sw__scan_lane(const struct sw__search *search, uint32_t pick, struct sw__block *ret_block);

/* --- refine.c: vectors ------------------------------------------------------------------------ */

/* Compares all picks exactly and keeps the k best; then there are none. */
enum sw_err sw__refine_absorb(struct sw__search *search) SW_MUST_CHECK;
/* The k nearest of the picks come first among the candidates, sorted, with their distances as keys.
 */
enum sw_err sw__refine(struct sw__search *search, uint32_t *ret_count) SW_MUST_CHECK;

#endif
