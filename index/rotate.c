/* Sign flips, permutations and Walsh-Hadamard transforms of integers; see rotate.h. */
#include "index/rotate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/prng.h"
#include "index/vector.h"

enum { ROUNDS_MAX = 3, HALF_ROOT = 46341 /* 2^16 / sqrt(2) */ };

struct sw__rotation {
    uint32_t dim;
    uint32_t block; /* a power of two that divides dim */
    uint32_t rounds;
    uint16_t *from[ROUNDS_MAX]; /* owned: where coordinate i of the round comes from */
    int32_t *sign[ROUNDS_MAX];  /* owned: 0 or -1, of what comes from there */
};

static void make_round(struct sw__rotation *rotation, uint32_t round, struct sw_prng *prng)
{
    uint16_t *from = calloc(rotation->dim, sizeof(*from));
    int32_t *sign = calloc(rotation->dim, sizeof(*sign));

    SW_ASSERT(from != NULL);
    SW_ASSERT(sign != NULL);
    for (uint32_t i = 0; i < rotation->dim; i++) {
        const uint32_t j = (uint32_t)sw_prng_below(prng, i + 1);

        from[i] = from[j];
        from[j] = (uint16_t)i;
        sign[i] = sw_prng_chance(prng, 1, 2) ? -1 : 0;
    }
    rotation->from[round] = from;
    rotation->sign[round] = sign;
}

struct sw__rotation *sw__rotation_new(uint32_t dim_padded, uint64_t seed)
{
    struct sw__rotation *rotation = calloc(1, sizeof(*rotation));
    struct sw_prng prng = sw_prng_of(seed);

    SW_ASSERT(rotation != NULL);
    SW_ASSERT(dim_padded % 64 == 0 && dim_padded > 0 && dim_padded <= SW_SPACE_DIM_MAX);
    rotation->dim = dim_padded;
    rotation->block = dim_padded & (~dim_padded + 1);
    rotation->rounds = rotation->block == dim_padded ? 2 : 3;
    for (uint32_t round = 0; round < rotation->rounds; round++) {
        make_round(rotation, round, &prng);
    }
    return rotation;
}

void sw__rotation_free(struct sw__rotation *rotation)
{
    if (rotation == NULL) {
        return;
    }
    for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
        free(rotation->from[round]);
        free(rotation->sign[round]);
    }
    free(rotation);
}

SW__INLINE void stage(int32_t *restrict values, uint32_t size, uint32_t half)
{
    for (uint32_t start = 0; start < size; start += 2 * half) {
        int32_t *restrict low = values + start;
        int32_t *restrict high = low + half;

        for (uint32_t i = 0; i < half; i++) {
            const int32_t a = low[i];
            const int32_t b = high[i];

            low[i] = a + b;
            high[i] = a - b;
        }
    }
}

SW__INLINE void halve(int32_t *values, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        values[i] = (values[i] + 1) >> 1;
    }
}

SW__INLINE void transform(int32_t *values, uint32_t size)
{
    bool whole = true;

    for (uint32_t half = 1; half < size; half *= 2) {
        stage(values, size, half);
        whole = !whole;
        if (whole) {
            halve(values, size);
        }
    }
    for (uint32_t i = 0; !whole && i < size; i++) {
        values[i] = (int32_t)(((int64_t)values[i] * HALF_ROOT + (1 << 15)) >> 16);
    }
}

SW__CLONES void sw__rotate(const struct sw__rotation *rotation, int32_t *fixed)
{
    int32_t turned[SW_SPACE_DIM_MAX];

    for (uint32_t round = 0; round < rotation->rounds; round++) {
        const uint16_t *from = rotation->from[round];
        const int32_t *sign = rotation->sign[round];

        for (uint32_t i = 0; i < rotation->dim; i++) {
            turned[i] = (fixed[from[i]] ^ sign[i]) - sign[i];
        }
        for (uint32_t start = 0; start < rotation->dim; start += rotation->block) {
            transform(turned + start, rotation->block);
        }
        memcpy(fixed, turned, rotation->dim * sizeof(fixed[0]));
    }
}
