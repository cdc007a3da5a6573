/* The parts of the reader; for index/reader.c and index/search.c only. */
#ifndef SW_INDEX_READER_PRIVATE_H
#define SW_INDEX_READER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "index/block.h"
#include "index/layout.h"
#include "index/pivots.h"
#include "index/rotate.h"
#include "index/rows.h"
#include "index/search.h"
#include "index/select.h"

/* Where the sealed segments of a slice are; NULL: not looked up yet. */
struct sw__segments {
    uint32_t slice;
    uint32_t count;
    const uint8_t **values; /* owned; what they point to is the map's */
};

struct sw__mark {
    bool used;
    uint32_t context;
    uint64_t seq;
};

struct sw_index_reader {
    struct sw__prefix prefix;
    struct sw_index_map *map; /* borrowed: stands until the next open */
    struct sw_space space;
    bool open;
    const struct sw__kernel *kernel;
    uint32_t dim;
    struct sw__rotation *rotation; /* owned */
    struct sw__state state;
    struct sw__pivots *now;                                 /* owned */
    struct sw__pivots *previous;                            /* owned; NULL if none */
    struct sw__segments segments[SW_INDEX_SLICE_COUNT_MAX]; /* as state.slices */
    struct sw__mark *marks; /* owned: watermarks met so far; open addressing */
    uint32_t mark_count;
    uint32_t mark_capacity;
    struct sw__look *looks[2]; /* owned: scratch of a search */
    char why[SW_WHY_SIZE];
};

/* The watermark of a context; 0 if it has none. */
enum sw_err sw__reader_watermark(struct sw_index_reader *reader,
                                 uint32_t context,
                                 uint64_t *ret_seq) SW_MUST_CHECK;
/* The bytes of a row, which are the map's; not looked at yet. */
enum sw_err sw__reader_row(struct sw_index_reader *reader,
                           uint32_t slice_at,
                           uint32_t vector,
                           struct sw_span *ret_bytes) SW_MUST_CHECK;
enum sw_err sw__reader_corrupt(struct sw_index_reader *reader, const char *what) SW_MUST_CHECK;

#endif
