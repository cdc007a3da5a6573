/* The sequence numbers of one session. */
#include "client/window.h"

#include <string.h>

#include "base/assert.h"

static void set_bit(uint8_t *bits, uint64_t seq, bool value)
{
    const uint64_t at = seq % SW_SESSION_REPLY_COUNT_MAX;
    const uint8_t mask = (uint8_t)(1U << (at % 8));

    bits[at / 8] = (uint8_t)(value ? bits[at / 8] | mask : bits[at / 8] & (uint8_t)~mask);
}

static bool get_bit(const uint8_t *bits, uint64_t seq)
{
    const uint64_t at = seq % SW_SESSION_REPLY_COUNT_MAX;

    return (bits[at / 8] & (1U << (at % 8))) != 0;
}

static bool is_over(const struct sw_window *window, uint64_t seq)
{
    return get_bit(window->answered, seq) ||
           (get_bit(window->lost, seq) && window->last - seq >= SW_WINDOW_LOST_KEEP);
}

static void advance(struct sw_window *window)
{
    while (window->acked < window->last && is_over(window, window->acked + 1)) {
        window->acked++;
    }
}

bool sw_window_open(const struct sw_window *window)
{
    SW_ASSERT(window->acked <= window->last);
    return window->last - window->acked < SW_SESSION_REPLY_COUNT_MAX;
}

uint64_t sw_window_next(struct sw_window *window)
{
    SW_ASSERT(sw_window_open(window));
    window->last++;
    set_bit(window->answered, window->last, false);
    set_bit(window->lost, window->last, false);
    advance(window);
    return window->last;
}

void sw_window_answered(struct sw_window *window, uint64_t seq)
{
    SW_ASSERT(seq > window->acked);
    SW_ASSERT(seq <= window->last);
    set_bit(window->answered, seq, true);
    advance(window);
}

void sw_window_lost(struct sw_window *window, uint64_t seq)
{
    SW_ASSERT(seq > window->acked);
    SW_ASSERT(seq <= window->last);
    set_bit(window->lost, seq, true);
    advance(window);
}

void sw_window_forget_lost(struct sw_window *window)
{
    for (size_t i = 0; i < sizeof window->lost; i++) {
        window->answered[i] |= window->lost[i];
    }
    memset(window->lost, 0, sizeof window->lost);
    advance(window);
}
