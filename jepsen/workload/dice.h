/* A seeded generator of choices: same seed and worker, same choices. */
#ifndef SW_JEPSEN_WORKLOAD_DICE_H
#define SW_JEPSEN_WORKLOAD_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct sw_dice {
    uint64_t state;
};

struct sw_dice sw_dice_of(uint64_t seed, uint64_t worker);
uint64_t sw_dice_next(struct sw_dice *dice);
/* Uniform in 0..bound-1; 0 for the bound 0. */
uint64_t sw_dice_below(struct sw_dice *dice, uint64_t bound);
bool sw_dice_percent(struct sw_dice *dice, unsigned percent);
/* A fixed scramble of one number, without state. */
uint64_t sw_dice_mix(uint64_t number);

#endif
