/* SplitMix64. */
#include "base/prng.h"

#include "base/assert.h"

struct sw_prng sw_prng_of(uint64_t seed)
{
    return (struct sw_prng){.state = seed};
}

uint64_t sw_prng_next(struct sw_prng *prng)
{
    uint64_t z;

    prng->state += 0x9e3779b97f4a7c15U;
    z = prng->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint64_t sw_prng_below(struct sw_prng *prng, uint64_t bound)
{
    SW_ASSERT(bound > 0);
    return sw_prng_next(prng) % bound; /* the bias is below 2^-40 for every bound used here */
}

uint64_t sw_prng_range(struct sw_prng *prng, uint64_t min, uint64_t max)
{
    SW_ASSERT(min <= max);
    return min + sw_prng_below(prng, max - min + 1);
}

bool sw_prng_chance(struct sw_prng *prng, uint32_t numerator, uint32_t denominator)
{
    return sw_prng_below(prng, denominator) < numerator;
}
