/* A packed block: the codes of up to 32 entries of one bucket and slice in one page. Private to
 * index/.
 *
 *   0  u8 format · u8 lanes it has room for · u8 entries · u8 0 · u32 dimension
 *   8  u64 lowest seq · u64 highest seq · u64 0
 *  32  by lane: i32 offset[] · i32 factor[] · codes[groups of 8 lanes][words][8] u64
 *      u64 id[] · u32 seq less the lowest[] · u32 context[] · u32 vector[]
 *
 * Little-endian. What a scan reads comes first and lies together; the rest is read only of lanes
 * that are worth it. Lanes are dense and in no order; who reads them must not care. A page of 4 KiB
 * holds 32 lanes up to 768 dimensions, fewer beyond: as many groups of eight as fit. */
#ifndef SW_INDEX_BLOCK_H
#define SW_INDEX_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "index/code.h"
#include "index/kernel.h"

enum {
    SW__BLOCK_FORMAT = 2,
    SW__BLOCK_HEADER_SIZE = 32,
    SW__BLOCK_LANE_SIZE = 28,        /* without its code */
    SW__BLOCK_PAGE_SIZE = 4096 - 16, /* what LMDB leaves of a page to one value */
    SW__BLOCK_SIZE_MAX = SW__BLOCK_HEADER_SIZE + 8 * (SW__BLOCK_LANE_SIZE + SW_SPACE_DIM_MAX / 8),
};

struct sw__lane {
    uint64_t id;
    uint64_t seq;
    uint32_t context;
    uint32_t vector; /* its place among the vectors of the slice */
    struct sw__code code;
};

/* Borrowed bytes, checked once. */
struct sw__block {
    const uint8_t *bytes;
    uint32_t capacity;
    uint32_t count; /* 1..capacity */
    uint32_t words;
    uint64_t seq_min;
    uint64_t seq_max;
};

uint32_t sw__block_capacity(uint32_t dim);
size_t sw__block_size(uint32_t dim);
/* CORRUPT, NEWER_FORMAT. */
enum sw_err sw__block_view(struct sw_span bytes, uint32_t dim, struct sw__block *ret_block)
    SW_MUST_CHECK;
uint64_t sw__block_id(const struct sw__block *block, uint32_t lane);
uint64_t sw__block_seq(const struct sw__block *block, uint32_t lane);
uint32_t sw__block_context(const struct sw__block *block, uint32_t lane);
uint32_t sw__block_vector(const struct sw__block *block, uint32_t lane);
struct sw__codes sw__block_codes(const struct sw__block *block);
void sw__block_lane(const struct sw__block *block, uint32_t lane, struct sw__lane *ret_lane);
/* Of a block that was looked at before: its codes, without a look at its header. */
struct sw__codes sw__block_codes_at(const uint8_t *bytes, uint32_t dim, uint32_t count);
/* The bytes of it that a scan reads, from its first one on. */
size_t sw__block_scan_size(uint32_t dim);
/* Of a block that was looked at before; its header, which is far from what is wanted, is not read,
 * so there are no lowest and highest seq. */
struct sw__block sw__block_known(const uint8_t *bytes, uint32_t dim, uint32_t count);
uint64_t sw__block_seq_min(const uint8_t *bytes);
uint64_t sw__block_seq_max(const uint8_t *bytes);
/* Of all its lanes; `ret_ids` has room for SW__BLOCK_LANES. */
void sw__block_ids(const struct sw__block *block, uint64_t *ret_ids);
/* Where the place of a lane's vector stands. */
const uint8_t *sw__block_vector_at(const uint8_t *bytes, uint32_t dim, uint32_t lane);
/* The lane of the id; false if it has none. */
bool sw__block_find(const struct sw__block *block, uint64_t id, uint32_t *ret_lane);

/* --- of sw__block_size bytes that the caller may write ---------------------------------------- */

void sw__block_clear(uint8_t *bytes, uint32_t dim);
/* Puts a lane into the place of another, or behind the last (lane == count). False, and nothing
 * changed, if there is no room or the seqs are too far apart for one block. */
bool sw__block_set(uint8_t *bytes, uint32_t lane, const struct sw__lane *from);
/* The last lane goes. */
void sw__block_shrink(uint8_t *bytes);

#endif
