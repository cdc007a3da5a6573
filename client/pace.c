/* A bound that follows what the leader keeps. */
#include "client/pace.h"

#include "base/assert.h"

enum { SMOOTHING = 8, GROWTH = 8 };

uint32_t sw_pace_room(struct sw_pace *pace, uint64_t now_ms)
{
    while (pace->bound != 0 && now_ms >= pace->grows_ms) {
        pace->grows_ms += SW_PACE_GROW_MS;
        pace->bound += pace->bound / GROWTH + 1;
        if (pace->bound >= SW_PACE_BOUND_MAX) {
            pace->bound = 0;
        }
    }
    if (pace->bound == 0) {
        return UINT32_MAX;
    }
    return pace->out < pace->bound ? pace->bound - pace->out : 0;
}

bool sw_pace_in_time(const struct sw_pace *pace, uint64_t left_ms)
{
    return pace->bound == 0 || left_ms * SMOOTHING > 2 * pace->answer_8ms;
}

void sw_pace_sent(struct sw_pace *pace)
{
    pace->out++;
}

void sw_pace_back(struct sw_pace *pace)
{
    SW_ASSERT(pace->out > 0);
    pace->out--;
}

void sw_pace_answered(struct sw_pace *pace, uint64_t took_ms)
{
    pace->answer_8ms = pace->answer_8ms - pace->answer_8ms / SMOOTHING + took_ms;
}

void sw_pace_refused(struct sw_pace *pace, uint64_t now_ms)
{
    const uint32_t kept = pace->out > SW_PACE_BOUND_MIN ? pace->out : SW_PACE_BOUND_MIN;

    if (pace->bound == 0 || kept < pace->bound) {
        pace->bound = kept;
    }
    pace->grows_ms = now_ms + SW_PACE_HOLD_MS;
}

void sw_pace_forget(struct sw_pace *pace)
{
    pace->bound = 0;
}
