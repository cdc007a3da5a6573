/* Near duplicates: how much two texts have in common, from 128 numbers each instead of the texts.
 *
 * A text is the set of its shingles, three tokens in a row; a token is a run of letters, digits,
 * underscores and bytes of UTF-8 beyond ASCII, so blanks and punctuation do not count. A sketch
 * keeps for each of 128 permutations the smallest hash of the set (Broder 1997): two sketches agree
 * in a lane with the probability that the sets' Jaccard coefficient gives, standard error
 * sqrt(J (1 - J) / 128) <= 0.045. One permutation with bins was measured and rejected: texts of a
 * hundred tokens leave bins empty, and filling them costs more than 128 minima with SIMD.
 *
 * A token's hash is XXH3-64 with its size as the seed, of its bytes, which zeros fill up to 16 if
 * they are fewer; a shingle's is the low half of XXH3-64 over the three, each big-endian; missing
 * tokens of a short text are zeros. Token numbers hash as four little-endian bytes without a seed.
 *
 * What is stored is a code: the low byte of each lane, 128 bytes. Unequal lanes then agree once in
 * 256 times, which the estimate takes out again. Band keys are made from the code alone, so that
 * whoever has the stored bytes can check the keys.
 *
 * Pure, no allocation, the same numbers on every machine and with every kernel. Work is linear in
 * the text; memory is a few KiB of stack. */
#ifndef SW_INDEX_MINHASH_H
#define SW_INDEX_MINHASH_H

#include <stdint.h>

#include "base/rw.h"
#include "base/span.h"

enum {
    SW_MINHASH_LANE_COUNT = 128,
    SW_MINHASH_SHINGLE_TOKENS = 3,
    SW_MINHASH_BAND_COUNT_MAX = 32,
    SW_MINHASH_FORMAT = 1,
    SW_MINHASH_STORED_SIZE = 1 + SW_MINHASH_LANE_COUNT, /* format u8, then the code */
};

/* How codes are cut into bands; two codes meet if one band agrees whole. The chance of that at
 * J = 0.8 and 0.5: 16 bands of 8 lanes .95 and .06, 32 of 4 lanes 1.00 and .87. */
enum sw_minhash_bands { SW_MINHASH_BANDS_16X8 = 8, SW_MINHASH_BANDS_32X4 = 4 };

struct sw_minhash {
    uint32_t lanes[SW_MINHASH_LANE_COUNT]; /* all UINT32_MAX: a text without a token */
};

struct sw_minhash_code {
    uint8_t lanes[SW_MINHASH_LANE_COUNT];
};

/* A text with fewer than three tokens has one shingle, of what there is. */
void sw_minhash_of_text(struct sw_span text, struct sw_minhash *ret_sketch);
/* The same for a text that comes as token numbers. Not comparable with a sketch of bytes. */
void sw_minhash_of_tokens(const uint32_t *tokens, size_t count, struct sw_minhash *ret_sketch);
struct sw_minhash_code sw_minhash_code_of(const struct sw_minhash *sketch);

/* Estimated Jaccard coefficient in millionths: an integer, so that replicas decide alike. Two texts
 * without tokens are equal. */
uint32_t sw_minhash_jaccard_ppm(const struct sw_minhash *a, const struct sw_minhash *b);
uint32_t sw_minhash_code_jaccard_ppm(const struct sw_minhash_code *a,
                                     const struct sw_minhash_code *b);

/* Writes the keys of all bands and returns how many; equal keys of one band: look closer. The
 * band's number is part of its key, so keys of all bands may share one table. */
uint32_t sw_minhash_band_keys(const struct sw_minhash_code *code,
                              enum sw_minhash_bands bands,
                              uint64_t ret_keys[SW_MINHASH_BAND_COUNT_MAX]);

void sw_minhash_code_write(struct sw_buf *out, const struct sw_minhash_code *code);
/* NEWER_FORMAT or CORRUPT by the format number; what is short fails the reader. */
enum sw_err sw_minhash_code_read(struct sw_reader *in, struct sw_minhash_code *ret_code)
    SW_MUST_CHECK;

#endif
