/* Seeded pseudo-random numbers for tests, simulation and jitter; never for keys.
 * Algorithm: SplitMix64 (Steele, Lea, Flood 2014). */
#ifndef SW_BASE_PRNG_H
#define SW_BASE_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct sw_prng {
    uint64_t state;
};

struct sw_prng sw_prng_of(uint64_t seed);
uint64_t sw_prng_next(struct sw_prng *prng);
/* Uniform in [0, bound); bound > 0. */
uint64_t sw_prng_below(struct sw_prng *prng, uint64_t bound);
/* Uniform in [min, max], both included. */
uint64_t sw_prng_range(struct sw_prng *prng, uint64_t min, uint64_t max);
/* True with probability numerator/denominator. */
bool sw_prng_chance(struct sw_prng *prng, uint32_t numerator, uint32_t denominator);

#endif
