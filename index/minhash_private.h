/* The inner loop of MinHash in its several forms, all with the same result. */
#ifndef SW_INDEX_MINHASH_PRIVATE_H
#define SW_INDEX_MINHASH_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/minhash.h"

enum { SW__MINHASH_BLOCK = 64 }; /* bytes whose classes are found at once */

enum sw__minhash_kernel {
    SW__MINHASH_SCALAR,
    SW__MINHASH_AVX2,
    SW__MINHASH_AVX512,
    SW__MINHASH_KERNEL_COUNT,
};

/* Permutation i of the hashes is x -> factor[i] * x + term[i] modulo 2^32, factors odd. Part of the
 * stored format: they never change. Drawn from SplitMix64, seed 0x53574d48, factor in the high
 * half. */
extern const uint32_t sw__minhash_factor[SW_MINHASH_LANE_COUNT];
extern const uint32_t sw__minhash_term[SW_MINHASH_LANE_COUNT];

/* Whether this processor has the instructions. */
bool sw__minhash_kernel_runs(enum sw__minhash_kernel kernel);
enum sw__minhash_kernel sw__minhash_kernel_best(void);
/* lanes[i] = min(lanes[i], permutation i of each hash). */
void sw__minhash_fold(enum sw__minhash_kernel kernel,
                      uint32_t lanes[SW_MINHASH_LANE_COUNT],
                      const uint32_t *hashes,
                      size_t count);

/* Bit i: byte i of the block belongs to a token. */
uint64_t sw__minhash_token_mask(enum sw__minhash_kernel kernel,
                                const uint8_t block[SW__MINHASH_BLOCK]);

#endif
