/* SplitMix64: one addition and one scramble a number; any state is a good state. */
#include "jepsen/workload/dice.h"

static const uint64_t golden = 0x9e3779b97f4a7c15U;

uint64_t sw_dice_mix(uint64_t number)
{
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
    return number ^ (number >> 31);
}

struct sw_dice sw_dice_of(uint64_t seed, uint64_t worker)
{
    /* Scrambled, so that worker 1 of seed 1 is not worker 0 of seed 2. */
    return (struct sw_dice){sw_dice_mix(sw_dice_mix(seed + golden) ^ (worker + 1) * golden)};
}

uint64_t sw_dice_next(struct sw_dice *dice)
{
    dice->state += golden;
    return sw_dice_mix(dice->state);
}

uint64_t sw_dice_below(struct sw_dice *dice, uint64_t bound)
{
    /* The bias of the remainder is below 2^-32 for all bounds in use. */
    return bound == 0 ? 0 : sw_dice_next(dice) % bound;
}

bool sw_dice_percent(struct sw_dice *dice, unsigned percent)
{
    return sw_dice_below(dice, 100) < percent;
}
