/* What is kept of a block's content, so that others can be told to be like it: part of the
 * replicated state, in SW_TABLE_INDEX, for blocks of contexts whose policy asks for duplicates.
 *
 * | kind | key behind slot ‖ kind                                | value                          |
 * |------|-------------------------------------------------------|--------------------------------|
 * | 6    | 0 (8) ‖ the block's key as in SW_TABLE_KV, its slot   | a sketch                       |
 * |      | left out                                              |                                |
 * | 7    | domain (8, BE) ‖ band (8, BE) ‖ id (8, BE)            | the block's name               |
 *
 * A sketch: format 1 (1), domain (8), id (8), XXH3-128 of the content (16), its MinHash code (129,
 * index/minhash.h). The id is the revision that wrote it. The domain says whose blocks are compared
 * with one another: the revision that made the context, or the policy of the partition. A block has
 * a record of kind 7 for each of sixteen bands of its code and one for its name, so those that are
 * like it, or equal, are in a few short ranges. */
#ifndef SW_NODE_SKETCH_H
#define SW_NODE_SKETCH_H

#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "index/exact.h"
#include "index/minhash.h"
#include "storage/keys.h"

enum {
    SW_SKETCH_FORMAT = 1,
    SW_SKETCH_SIZE = 1 + 8 + 8 + SW_EXACT_NAME_SIZE + SW_MINHASH_STORED_SIZE,
    SW_SKETCH_BAND_COUNT = 16 + 1,
};

struct sw_sketch {
    uint64_t domain;
    uint64_t id;
    struct sw_exact_name name;
    struct sw_minhash_code code;
};

/* Of a content; `ids`: it is token numbers of four bytes, if its size allows that. Looks at the
 * first SW_CONTEXT_SKETCH_SIZE_MAX bytes for the code, at all for the name. */
void sw_sketch_of(struct sw_span content, bool ids, struct sw_sketch *ret_sketch);
void sw_sketch_encode(const struct sw_sketch *sketch, struct sw_buf *out);
/* CORRUPT, NEWER_FORMAT. */
enum sw_err sw_sketch_decode(struct sw_span bytes, struct sw_sketch *ret_sketch) SW_MUST_CHECK;

/* The first is that of the name, so equal contents are met first. */
void sw_sketch_bands(const struct sw_sketch *sketch, uint64_t ret_bands[SW_SKETCH_BAND_COUNT]);
/* How much two contents have in common by their sketches, in permille; at most 999. */
uint32_t sw_sketch_permille(const struct sw_sketch *a, const struct sw_sketch *b);

void sw_sketch_key(const struct sw_key *block, struct sw_key *ret_key);
/* Id 0 gives the prefix of all of the band. */
void sw_sketch_band_key(
    uint16_t slot, uint64_t domain, uint64_t band, uint64_t id, struct sw_key *ret_key);

#endif
