/* The parts of the reader; for index/reader.c and index/search.c only. */
#ifndef SW_INDEX_READER_PRIVATE_H
#define SW_INDEX_READER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "index/block.h"
#include "index/distance.h"
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
    uint8_t *bits;          /* owned: a coordinate, of each */
};

struct sw__mark {
    bool used;
    uint32_t context;
    uint64_t seq;
};

/* A block of codes, where the map has it. */
struct sw__listed {
    const uint8_t *bytes;
    uint16_t slice_at; /* in the state's list */
    uint8_t count;     /* of its entries; the header was checked */
};

/* The blocks of a bucket, side by side in the array. */
struct sw__list {
    uint64_t snapshot; /* known if it is the present one */
    uint32_t bucket;
    uint32_t first;
    uint32_t count;
    bool complete; /* these are all of it */
};

/* Places in the array of lists. */
struct sw__some_blocks {
    uint32_t first;
    uint32_t count;
    bool complete;
};

struct sw__lists {
    struct sw__listed *blocks; /* owned */
    uint32_t block_count;
    uint32_t block_capacity;
    struct sw__list *table; /* owned: open addressing by bucket */
    uint32_t list_count;
    uint32_t table_capacity;
    uint64_t snapshot; /* counts opens, from 1 */
};

/* What is worth a closer look: a lane is 32 times the place of its block, plus its own. */
struct sw__picks {
    int32_t *estimates; /* owned, as is the rest */
    uint32_t *lanes;
    struct sw__candidate *candidates;
    uint32_t count;
    uint32_t capacity;
    uint32_t candidate_capacity;
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
    struct sw__lists lists;    /* of this snapshot */
    struct sw__look *looks[2]; /* owned: scratch of a search, as is what follows */
    struct sw__exact exact;
    int8_t unpacked[SW_SPACE_DIM_MAX];
    struct sw__query_code code;
    struct sw__picks picks;
    struct sw__near *near; /* owned */
    uint32_t near_capacity;
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
/* The first blocks of a bucket, at most `count_max`, but for those of dropped slices; and whether
 * these are all. Places in reader->lists.blocks, whose address the next call may change. */
enum sw_err sw__reader_list(struct sw_index_reader *reader,
                            uint32_t bucket,
                            uint32_t count_max,
                            struct sw__some_blocks *ret_blocks) SW_MUST_CHECK;
/* The next snapshot: nothing is known of it; memory is kept. */
void sw__lists_clear(struct sw__lists *lists);
void sw__lists_release(struct sw__lists *lists);
enum sw_err sw__reader_corrupt(struct sw_index_reader *reader, const char *what) SW_MUST_CHECK;

#endif
