/* A node's circuit breaker: closed, open for a while after failures in a row, then half-open: one
 * request may try, and its fate closes or re-opens it. Pure; the caller brings the time. */
#ifndef SW_CLIENT_BREAKER_H
#define SW_CLIENT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* A trial without a fate counts as over after this. */
enum { SW_BREAKER_TRIAL_MS = 1000 };

enum sw_breaker_state { SW_BREAKER_CLOSED, SW_BREAKER_OPEN, SW_BREAKER_HALF_OPEN };

/* Zero-initialised = closed. */
struct sw_breaker {
    enum sw_breaker_state state;
    uint32_t failures;    /* in a row */
    uint64_t reopens_ms;  /* open: when one request may try */
    bool trial_under_way; /* half-open: that request is out */
    uint64_t trial_ms;    /* since when; its fate may never be told (cancelled, deadline) */
};

/* May a request go to this node now? A half-open breaker says yes once; then report its fate. */
bool sw_breaker_allow(struct sw_breaker *breaker, uint64_t now_ms);
/* The same question without taking the trial. */
bool sw_breaker_would_allow(const struct sw_breaker *breaker, uint64_t now_ms);
void sw_breaker_success(struct sw_breaker *breaker);
/* True if this failure opened it. */
bool sw_breaker_failure(struct sw_breaker *breaker,
                        uint64_t now_ms,
                        uint32_t failures_max,
                        uint32_t open_ms);
/* There is news that the node is back: an open breaker lets one request try at once. */
void sw_breaker_hint_up(struct sw_breaker *breaker);
/* When an open breaker lets a request try; `now_ms` if it does so now. */
uint64_t sw_breaker_opens_at(const struct sw_breaker *breaker, uint64_t now_ms);

#endif
