/* A node's circuit breaker. */
#include "client/breaker.h"

#include "base/assert.h"

bool sw_breaker_would_allow(const struct sw_breaker *breaker, uint64_t now_ms)
{
    switch (breaker->state) {
    case SW_BREAKER_CLOSED:
        return true;
    case SW_BREAKER_OPEN:
        return now_ms >= breaker->reopens_ms;
    case SW_BREAKER_HALF_OPEN:
        return !breaker->trial_under_way || now_ms >= breaker->trial_ms + SW_BREAKER_TRIAL_MS;
    }
    return false;
}

bool sw_breaker_allow(struct sw_breaker *breaker, uint64_t now_ms)
{
    if (!sw_breaker_would_allow(breaker, now_ms)) {
        return false;
    }
    if (breaker->state != SW_BREAKER_CLOSED) {
        breaker->state = SW_BREAKER_HALF_OPEN;
        breaker->trial_under_way = true;
        breaker->trial_ms = now_ms;
    }
    return true;
}

void sw_breaker_success(struct sw_breaker *breaker)
{
    *breaker = (struct sw_breaker){.state = SW_BREAKER_CLOSED};
}

bool sw_breaker_failure(struct sw_breaker *breaker,
                        uint64_t now_ms,
                        uint32_t failures_max,
                        uint32_t open_ms)
{
    SW_ASSERT(failures_max > 0);
    breaker->failures++;
    if (breaker->state == SW_BREAKER_OPEN) {
        return false; /* what was sent before it opened */
    }
    if (breaker->state == SW_BREAKER_CLOSED && breaker->failures < failures_max) {
        return false;
    }
    breaker->state = SW_BREAKER_OPEN;
    breaker->trial_under_way = false;
    breaker->reopens_ms = now_ms + open_ms;
    return true;
}

void sw_breaker_hint_up(struct sw_breaker *breaker)
{
    if (breaker->state == SW_BREAKER_OPEN) {
        breaker->state = SW_BREAKER_HALF_OPEN;
        breaker->trial_under_way = false;
    }
}

uint64_t sw_breaker_opens_at(const struct sw_breaker *breaker, uint64_t now_ms)
{
    return breaker->state == SW_BREAKER_OPEN && breaker->reopens_ms > now_ms ? breaker->reopens_ms
                                                                             : now_ms;
}
