/* Port: the ordered bytes that an index lives in.
 *
 * The library holds no files and no pages: whoever uses it gives a map from keys to values, ordered
 * as memcmp orders keys. The node adapts its store, tests and benchmarks use index/map_mem.h.
 *
 * A writer has `put` and `del`; they may be NULL in a map that is only searched. Spans that `get`,
 * `seek` and `next` give are valid until the next put or del of the same map, and in a map that is
 * only searched for as long as the map stands (an LMDB read transaction gives just that). */
#ifndef SW_INDEX_MAP_H
#define SW_INDEX_MAP_H

#include "base/err.h"
#include "base/span.h"

struct sw_index_map {
    void *impl;
    const struct sw_index_map_ops *ops;
};

struct sw_index_record {
    struct sw_span key;
    struct sw_span value;
};

struct sw_index_map_ops {
    /* NOT_FOUND if absent. */
    enum sw_err (*get)(struct sw_index_map *map, struct sw_span key, struct sw_span *ret_value);
    /* Copies both. Neither points into the map. */
    enum sw_err (*put)(struct sw_index_map *map, struct sw_span key, struct sw_span value);
    /* NOT_FOUND if absent. */
    enum sw_err (*del)(struct sw_index_map *map, struct sw_span key);
    /* The first record with key >= `from`; NOT_FOUND at the end. It may belong to somebody else:
     * the library looks at the key before it takes it. */
    enum sw_err (*seek)(struct sw_index_map *map,
                        struct sw_span from,
                        struct sw_index_record *ret_record);
    /* The one after what the last seek or next gave; never called after a put or del in between. */
    enum sw_err (*next)(struct sw_index_map *map, struct sw_index_record *ret_record);
};

#endif
