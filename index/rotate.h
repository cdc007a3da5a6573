/* The seeded rotation that makes every direction look alike. Private to index/.
 *
 * Rounds of sign flip, permutation and Walsh-Hadamard transform over blocks, in 32-bit integers:
 * a 1-bit code per coordinate is good only if no coordinate matters more than another. Blocks are
 * the greatest power of two that divides the padded dimension; three rounds mix several blocks, two
 * one block. Every two stages halve the values, halves up; a last odd one takes 1/sqrt(2). */
#ifndef SW_INDEX_ROTATE_H
#define SW_INDEX_ROTATE_H

#include <stdint.h>

struct sw__rotation;

struct sw__rotation *sw__rotation_new(uint32_t dim_padded, uint64_t seed);
void sw__rotation_free(struct sw__rotation *rotation); /* accepts NULL */
/* In place; lengths are kept to about 2^-20 of 2^24. */
void sw__rotate(const struct sw__rotation *rotation, int32_t *fixed);

#endif
