/* The reader of one vector index: the k nearest entries, and a certificate of how they were found.
 *
 * The answer is a function of the records and the query alone: not of kernels, of the order of
 * records in blocks, of what was asked before, or of how many threads ask. A reader belongs to one
 * thread at a time and keeps pivots and places between searches; each search runs on the snapshot
 * that the last sw_index_reader_open named, and reads nothing else. */
#ifndef SW_INDEX_SEARCH_H
#define SW_INDEX_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"
#include "index/index.h"
#include "index/map.h"
#include "index/space.h"

/* Which of up to 32 entries count: bit i of the answer for ids[i]. Called for whole blocks, before
 * anything else is decided; must answer alike for an id during one search. */
struct sw_index_filter {
    uint32_t (*mask)(void *context, const uint64_t ids[], uint32_t count);
    void *context;
};

/* What a search may cost, whatever the size of the index. */
struct sw_index_budget {
    uint32_t probe_percent; /* buckets, of the root of their number */
    uint32_t rerank_tenths; /* candidates compared exactly, of k */
};

struct sw_index_query {
    struct sw_span vector;
    struct sw_span row;       /* instead of it: the bytes of a row of this space */
    uint32_t k;               /* 1..SW_SEARCH_COUNT_MAX */
    uint32_t probe;           /* buckets to look into; 0: what recall_permille asks for */
    uint32_t rerank;          /* candidates to compare exactly; 0: what recall_permille asks for */
    uint32_t recall_permille; /* 500..999; 0: 950. 1000: everything is compared exactly */
    struct sw_index_budget budget; /* in the place of recall_permille 0, unless it is zero */
    /* Looks at no more blocks than hold so many entries when full; 0: no limit. An answer that this
     * cut off may depend on how entries lie in blocks; no other does. */
    uint64_t scan_max;
    const struct sw_index_filter *filter; /* or NULL */
    /* With one: buckets are probed until so many entries have passed; 0: SW_SEARCH_PASS_DEFAULT * k
     */
    uint32_t filter_pass_min;
    bool bounded;         /* only hits with distance <= distance_max */
    int64_t distance_max; /* see sw_space_distance_of */
    uint64_t seq_min;
    uint64_t seq_max; /* 0: no limit */
    bool one_context; /* only entries of `context` */
    uint32_t context;
    bool include_stale; /* also entries below their watermark; marked */
};

enum { SW_SEARCH_PASS_DEFAULT = 200 };

struct sw_index_hit {
    uint64_t id;
    int64_t distance; /* smaller is nearer; see sw_space_distance */
    uint64_t seq;
    uint32_t context;
    uint32_t slice;
    bool stale;
};

/* How far the answer can be trusted. */
struct sw_index_certificate {
    uint32_t epoch;
    uint32_t probed;  /* buckets */
    uint32_t buckets; /* in all */
    uint64_t scanned; /* entries whose codes were looked at */
    uint64_t passed;  /* of these: let through by filter, window and context, if there are any */
    uint32_t reranked;
    bool terminated_early; /* scan_max ended it before the budget did */
    /* The estimate of the last candidate less that of the k-th hit, in units of distance: what an
     * estimate would have to be wrong by for a scanned entry to be missing; INT64_MAX if all that
     * was scanned was compared exactly. */
    int64_t margin;
    uint32_t windows; /* counts moves of watermarks, and whatever else took entries out of sight */
};

/* What a search by this recall is given. */
struct sw_index_budget sw_index_budget_of(uint32_t recall_permille);

struct sw_index_reader;

struct sw_index_reader *sw_index_reader_new(struct sw_span prefix);
void sw_index_reader_free(struct sw_index_reader *reader); /* accepts NULL */
/* Searches run on this map from here on, which stays as it is until they are done. `kept` says that
 * values of the last one that exist unchanged in this one are still at the same address (LMDB: the
 * environment was not remapped); then places of sealed vectors need not be looked up again.
 * NOT_FOUND, CORRUPT, NEWER_FORMAT. */
enum sw_err sw_index_reader_open(struct sw_index_reader *reader,
                                 struct sw_index_map *map,
                                 bool kept) SW_MUST_CHECK;
const struct sw_space *sw_index_reader_space(const struct sw_index_reader *reader);
const char *sw_index_reader_why(const struct sw_index_reader *reader);

/* Of the snapshot, but for `draining` and `working`, which only the writer knows. One record read a
 * bucket. CORRUPT. */
enum sw_err sw_index_reader_stats(struct sw_index_reader *reader,
                                  struct sw_index_stats *ret_stats,
                                  struct sw_index_histogram *ret_histogram) SW_MUST_CHECK;
/* The bytes of an entry's row, which are the map's. NOT_FOUND, CORRUPT. */
enum sw_err sw_index_reader_row(struct sw_index_reader *reader,
                                uint64_t id,
                                struct sw_span *ret_row) SW_MUST_CHECK;

/* Writes up to query->k hits, nearest first, ties by id. INVALID with the field in the reader's
 * why: the vector, k, or a budget over its limit. `ret_certificate` may be NULL. */
enum sw_err sw_index_search(struct sw_index_reader *reader,
                            const struct sw_index_query *query,
                            struct sw_index_hit *ret_hits,
                            uint32_t *ret_count,
                            struct sw_index_certificate *ret_certificate) SW_MUST_CHECK;

#endif
