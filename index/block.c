/* Lanes of a packed block, read and written in place; see block.h. */
#include "index/block.h"

#include <string.h>

#include "base/assert.h"
#include "index/bytes.h"

static_assert(SW__BLOCK_HEADER_SIZE + SW__BLOCK_LANES * (SW__BLOCK_LANE_SIZE + 768 / 8) <=
                  SW__BLOCK_PAGE_SIZE,
              "768 dimensions fill one page");

enum { COUNT_AT = 2, DIM_AT = 4, SEQ_MIN_AT = 8, SEQ_MAX_AT = 16, ZERO_AT = 24 };

uint32_t sw__block_capacity(uint32_t dim)
{
    const uint32_t lane_size = SW__BLOCK_LANE_SIZE + dim / 8;
    const uint32_t fit =
        (SW__BLOCK_PAGE_SIZE - SW__BLOCK_HEADER_SIZE) / lane_size / SW__LANES * SW__LANES;

    SW_ASSERT(dim % 64 == 0);
    if (fit > SW__BLOCK_LANES) {
        return SW__BLOCK_LANES;
    }
    return fit == 0 ? SW__LANES : fit;
}

size_t sw__block_size(uint32_t dim)
{
    return SW__BLOCK_HEADER_SIZE +
           (size_t)sw__block_capacity(dim) * (SW__BLOCK_LANE_SIZE + dim / 8);
}

enum column { OFFSETS = 0, FACTORS = 4, CODES = 8 };           /* bytes a lane before it */
enum tail { IDS = 8, SEQS = 16, CONTEXTS = 20, VECTORS = 24 }; /* the same, codes not counted */

static size_t column(uint32_t capacity, enum column before)
{
    return SW__BLOCK_HEADER_SIZE + (size_t)capacity * before;
}

static size_t tail(uint32_t capacity, uint32_t words, enum tail before)
{
    return SW__BLOCK_HEADER_SIZE + (size_t)capacity * (before + words * sizeof(uint64_t));
}

static size_t word_at(uint32_t capacity, uint32_t words, uint32_t lane, uint32_t word)
{
    const size_t group = lane / SW__LANES;

    return column(capacity, CODES) +
           ((group * words + word) * SW__LANES + lane % SW__LANES) * sizeof(uint64_t);
}

enum sw_err sw__block_view(struct sw_span bytes, uint32_t dim, struct sw__block *ret_block)
{
    struct sw__block block = {.bytes = bytes.data, .words = dim / 64};

    if (bytes.size > 0 && bytes.data[0] > SW__BLOCK_FORMAT) {
        return SW_ERR_NEWER_FORMAT;
    }
    if (bytes.size != sw__block_size(dim) || bytes.data[0] == 0 ||
        bytes.data[1] != sw__block_capacity(dim) || bytes.data[3] != 0 ||
        sw__u32(bytes.data + DIM_AT) != dim || sw__u64(bytes.data + ZERO_AT) != 0) {
        return SW_ERR_CORRUPT;
    }
    block.capacity = bytes.data[1];
    block.count = bytes.data[COUNT_AT];
    block.seq_min = sw__u64(bytes.data + SEQ_MIN_AT);
    block.seq_max = sw__u64(bytes.data + SEQ_MAX_AT);
    if (block.count == 0 || block.count > block.capacity || block.seq_min > block.seq_max ||
        block.seq_max - block.seq_min > UINT32_MAX) {
        return SW_ERR_CORRUPT;
    }
    *ret_block = block;
    return SW_ERR_OK;
}

struct sw__block sw__block_known(const uint8_t *bytes, uint32_t dim, uint32_t count)
{
    return (struct sw__block){
        .bytes = bytes, .words = dim / 64, .capacity = sw__block_capacity(dim), .count = count};
}

uint64_t sw__block_seq_min(const uint8_t *bytes)
{
    return sw__u64(bytes + SEQ_MIN_AT);
}

uint64_t sw__block_seq_max(const uint8_t *bytes)
{
    return sw__u64(bytes + SEQ_MAX_AT);
}

void sw__block_ids(const struct sw__block *block, uint64_t *ret_ids)
{
    const uint8_t *ids = block->bytes + tail(block->capacity, block->words, IDS);

    for (uint32_t lane = 0; lane < block->count; lane++) {
        ret_ids[lane] = sw__u64(ids + (size_t)8 * lane);
    }
}

const uint8_t *sw__block_vector_at(const uint8_t *bytes, uint32_t dim, uint32_t lane)
{
    return bytes + tail(sw__block_capacity(dim), dim / 64, VECTORS) + (size_t)4 * lane;
}

uint64_t sw__block_id(const struct sw__block *block, uint32_t lane)
{
    return sw__u64(block->bytes + tail(block->capacity, block->words, IDS) + (size_t)8 * lane);
}

uint64_t sw__block_seq(const struct sw__block *block, uint32_t lane)
{
    return sw__block_seq_min(block->bytes) +
           sw__u32(block->bytes + tail(block->capacity, block->words, SEQS) + (size_t)4 * lane);
}

uint32_t sw__block_context(const struct sw__block *block, uint32_t lane)
{
    return sw__u32(block->bytes + tail(block->capacity, block->words, CONTEXTS) + (size_t)4 * lane);
}

uint32_t sw__block_vector(const struct sw__block *block, uint32_t lane)
{
    return sw__u32(block->bytes + tail(block->capacity, block->words, VECTORS) + (size_t)4 * lane);
}

struct sw__codes sw__block_codes_at(const uint8_t *bytes, uint32_t dim, uint32_t count)
{
    const uint32_t capacity = sw__block_capacity(dim);

    return (struct sw__codes){
        .groups = (count + SW__LANES - 1) / SW__LANES,
        .offsets = bytes + column(capacity, OFFSETS),
        .factors = bytes + column(capacity, FACTORS),
        .codes = bytes + column(capacity, CODES),
    };
}

size_t sw__block_scan_size(uint32_t dim)
{
    return tail(sw__block_capacity(dim), dim / 64, IDS);
}

struct sw__codes sw__block_codes(const struct sw__block *block)
{
    return sw__block_codes_at(block->bytes, block->words * 64, block->count);
}

void sw__block_lane(const struct sw__block *block, uint32_t lane, struct sw__lane *ret_lane)
{
    const struct sw__codes codes = sw__block_codes(block);

    SW_ASSERT(lane < block->count);
    ret_lane->id = sw__block_id(block, lane);
    ret_lane->seq = sw__block_seq(block, lane);
    ret_lane->context = sw__block_context(block, lane);
    ret_lane->vector = sw__block_vector(block, lane);
    ret_lane->code.offset = (int32_t)sw__u32(codes.offsets + (size_t)4 * lane);
    ret_lane->code.factor = (int32_t)sw__u32(codes.factors + (size_t)4 * lane);
    for (uint32_t w = 0; w < block->words; w++) {
        memcpy(&ret_lane->code.words[w],
               block->bytes + word_at(block->capacity, block->words, lane, w),
               sizeof(uint64_t));
    }
}

bool sw__block_find(const struct sw__block *block, uint64_t id, uint32_t *ret_lane)
{
    for (uint32_t lane = 0; lane < block->count; lane++) {
        if (sw__block_id(block, lane) == id) {
            *ret_lane = lane;
            return true;
        }
    }
    return false;
}

void sw__block_clear(uint8_t *bytes, uint32_t dim)
{
    memset(bytes, 0, sw__block_size(dim));
    bytes[0] = SW__BLOCK_FORMAT;
    bytes[1] = (uint8_t)sw__block_capacity(dim);
    sw__set_u32(bytes + DIM_AT, dim);
}

/* The lowest and highest seq there would be; false if one block cannot hold both. */
static bool widen(uint8_t *bytes, uint32_t count, uint64_t seq)
{
    const uint64_t old_min = sw__u64(bytes + SEQ_MIN_AT);
    const uint64_t old_max = sw__u64(bytes + SEQ_MAX_AT);
    const uint64_t min = count == 0 || seq < old_min ? seq : old_min;
    const uint64_t max = count == 0 || seq > old_max ? seq : old_max;
    uint8_t *seqs = bytes + tail(bytes[1], sw__u32(bytes + DIM_AT) / 64, SEQS);

    if (max - min > UINT32_MAX) {
        return false;
    }
    for (uint32_t lane = 0; lane < count && min != old_min; lane++) {
        uint8_t *at = seqs + (size_t)4 * lane;

        sw__set_u32(at, sw__u32(at) + (uint32_t)(old_min - min));
    }
    sw__set_u64(bytes + SEQ_MIN_AT, min);
    sw__set_u64(bytes + SEQ_MAX_AT, max);
    return true;
}

bool sw__block_set(uint8_t *bytes, uint32_t lane, const struct sw__lane *from)
{
    const uint32_t capacity = bytes[1];
    const uint32_t count = bytes[COUNT_AT];
    const uint32_t words = sw__u32(bytes + DIM_AT) / 64;

    SW_ASSERT(lane <= count);
    if (lane == capacity || !widen(bytes, count, from->seq)) {
        return false;
    }
    bytes[COUNT_AT] = (uint8_t)(lane == count ? count + 1 : count);
    sw__set_u64(bytes + tail(capacity, words, IDS) + (size_t)8 * lane, from->id);
    sw__set_u32(bytes + tail(capacity, words, SEQS) + (size_t)4 * lane,
                (uint32_t)(from->seq - sw__u64(bytes + SEQ_MIN_AT)));
    sw__set_u32(bytes + tail(capacity, words, CONTEXTS) + (size_t)4 * lane, from->context);
    sw__set_u32(bytes + tail(capacity, words, VECTORS) + (size_t)4 * lane, from->vector);
    sw__set_u32(bytes + column(capacity, OFFSETS) + (size_t)4 * lane, (uint32_t)from->code.offset);
    sw__set_u32(bytes + column(capacity, FACTORS) + (size_t)4 * lane, (uint32_t)from->code.factor);
    for (uint32_t w = 0; w < words; w++) {
        memcpy(bytes + word_at(capacity, words, lane, w), &from->code.words[w], sizeof(uint64_t));
    }
    return true;
}

void sw__block_shrink(uint8_t *bytes)
{
    SW_ASSERT(bytes[COUNT_AT] > 0);
    bytes[COUNT_AT]--;
}
