/* A Bloom filter with two bits a key, both of one hash. */
#include "node/touched.h"

#include <stddef.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

uint64_t sw_touched_name(const struct sw_place *place, struct sw_span key)
{
    const struct sw_span parts[] = {place->tenant, place->name_space, place->partition, key};
    uint64_t name = 0;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        name = XXH3_64bits_withSeed(
            parts[i].size == 0 ? (const uint8_t *)"" : parts[i].data, parts[i].size, name);
    }
    return name | 1; /* the lowest bit chooses nothing */
}

static uint32_t bit_of(uint64_t name, uint32_t number)
{
    return (uint32_t)(name >> (16 + 16 * number)) % SW_TOUCHED_BIT_COUNT;
}

void sw_touched_add(struct sw_touched *touched, uint64_t name)
{
    SW_ASSERT(name != 0);
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t bit = bit_of(name, i);

        touched->bits[bit / 64] |= 1ULL << bit % 64;
    }
}

void sw_touched_merge(struct sw_touched *into, const struct sw_touched *from)
{
    for (size_t i = 0; i < sizeof into->bits / sizeof into->bits[0]; i++) {
        into->bits[i] |= from->bits[i];
    }
}

bool sw_touched_maybe(const struct sw_touched *touched, uint64_t name)
{
    const uint32_t first = bit_of(name, 0), second = bit_of(name, 1);

    SW_ASSERT(name != 0);
    return (touched->bits[first / 64] >> first % 64 & 1) != 0 &&
           (touched->bits[second / 64] >> second % 64 & 1) != 0;
}
