/* When to try again, as data and one decision: no clock, no state, no hidden re-execution. */
#ifndef SW_CLIENT_RETRY_H
#define SW_CLIENT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "transport/proto.h"

/* A zero stands for the default named beside it. */
struct sw_retry_policy {
    uint32_t base_ms;      /* 20: the first pause is uniform in [0, base] (full jitter) */
    uint32_t cap_ms;       /* 2000: no pause is longer */
    uint32_t seek_cap_ms;  /* 100: longest pause between two searches for a leader */
    uint32_t attempts_max; /* 8: tries of a request that nodes put off (OVERLOADED, BUSY...) */
    uint32_t attempt_timeout_ms; /* 1000: no answer for so long: the node counts as failed */
    uint32_t breaker_failures;   /* 5: failures in a row that open a node's breaker */
    uint32_t breaker_open_ms;    /* 3000: how long it stays open before one request may try */
};

/* Every zero replaced by its default. */
struct sw_retry_policy sw_retry_policy_fill(struct sw_retry_policy policy);

/* Upper bound of pause number `attempt` (0..): base * 2^attempt, at most `cap_ms`. */
uint32_t sw_retry_bound_ms(uint32_t base_ms, uint32_t cap_ms, uint32_t attempt);
/* Full jitter: uniform in [0, bound]. */
uint32_t sw_retry_pause_ms(uint32_t base_ms, uint32_t cap_ms, uint32_t attempt, uint64_t random);

enum sw_retry_step {
    SW_RETRY_STEP_FINISH, /* the answer stands */
    SW_RETRY_STEP_PAUSE,  /* the same node, after a pause */
    SW_RETRY_STEP_SEEK,   /* another node: find the leader first */
    SW_RETRY_STEP_REOPEN, /* never executed, and its session is gone: a new session, a new seq */
};

/* True if running the request twice is the same as once: reads, and writes inside a session. */
bool sw_request_repeatable(const struct sw_request *request);

/* What follows answer `err` to a request that was sent `sent` times and put off `put_off` times. */
enum sw_retry_step sw_retry_decide(const struct sw_retry_policy *policy,
                                   const struct sw_request *request,
                                   enum sw_err err,
                                   uint32_t sent,
                                   uint32_t put_off);

/* The error that the user gets. `maybe` = an earlier try may have taken effect: then a refusal
 * that says nothing about that try becomes UNKNOWN_OUTCOME. */
enum sw_err sw_retry_verdict(const struct sw_request *request, enum sw_err err, bool maybe);

#endif
