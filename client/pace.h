/* How many requests a client keeps with a leader that is short of places.
 *
 * Until the leader refuses something there is no bound: its queue, where turns are fair, is the
 * best place to wait. A refusal says that it takes no more: what is sent anyway comes back, pauses
 * and is sent again, all at once, which costs both sides time that is others' too. So then as many
 * stay with the leader as it kept, and each answer lets one more follow. After SW_PACE_HOLD_MS
 * without a refusal the bound grows by an eighth every SW_PACE_GROW_MS, until it is none. Pure
 * bookkeeping. */
#ifndef SW_CLIENT_PACE_H
#define SW_CLIENT_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SW_PACE_BOUND_MIN = 4,
    SW_PACE_BOUND_MAX = 4096,
    SW_PACE_HOLD_MS = 500,
    SW_PACE_GROW_MS = 50,
};

/* Zeroed = nothing is with the leader, and no bound. */
struct sw_pace {
    uint32_t out;        /* requests that are with the leader */
    uint32_t bound;      /* 0 = none */
    uint64_t grows_ms;   /* when it does next */
    uint64_t answer_8ms; /* how long answers took, smoothed, in eighths of a millisecond */
};

/* How many more may go now. */
uint32_t sw_pace_room(struct sw_pace *pace, uint64_t now_ms);
/* A request with so much time left is likely to be answered before its deadline. Under a bound the
 * others are not worth a place: those behind them would be late as well. */
bool sw_pace_in_time(const struct sw_pace *pace, uint64_t left_ms);
void sw_pace_sent(struct sw_pace *pace);
/* What was sent is not with the leader any more, for whatever reason ... */
void sw_pace_back(struct sw_pace *pace);
/* ... such as an answer after `took_ms`, or a refusal for lack of places. */
void sw_pace_answered(struct sw_pace *pace, uint64_t took_ms);
void sw_pace_refused(struct sw_pace *pace, uint64_t now_ms);
/* Another leader has places of its own. */
void sw_pace_forget(struct sw_pace *pace);

#endif
