/* Replay window over one 64-bit mask. */
#include "transport/replay.h"

#include "base/assert.h"

bool sw_replay_fresh(const struct sw_replay *replay, uint64_t sequence)
{
    uint64_t age;

    if (sequence == UINT64_MAX) {
        return false; /* reserved by Noise for REKEY */
    }
    if (sequence >= replay->next) {
        return true;
    }
    age = replay->next - 1 - sequence;
    return age < SW_REPLAY_WINDOW && (replay->seen >> age & 1) == 0;
}

void sw_replay_mark(struct sw_replay *replay, uint64_t sequence)
{
    SW_ASSERT(sw_replay_fresh(replay, sequence));
    if (sequence >= replay->next) {
        const uint64_t shift = sequence - replay->next + 1;

        replay->seen = shift >= SW_REPLAY_WINDOW ? 0 : replay->seen << shift;
        replay->seen |= 1;
        replay->next = sequence + 1;
    } else {
        replay->seen |= UINT64_C(1) << (replay->next - 1 - sequence);
    }
}
