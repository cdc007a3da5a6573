/* The sequence numbers of one session. */
#include "client/window.h"

#include "base/assert.h"

static void set_bit(struct sw_window *window, uint64_t seq, bool value)
{
    const uint64_t at = seq % SW_SESSION_REPLY_COUNT_MAX;
    const uint8_t mask = (uint8_t)(1U << (at % 8));

    if (value) {
        window->answered[at / 8] = (uint8_t)(window->answered[at / 8] | mask);
    } else {
        window->answered[at / 8] = (uint8_t)(window->answered[at / 8] & (uint8_t)~mask);
    }
}

static bool get_bit(const struct sw_window *window, uint64_t seq)
{
    const uint64_t at = seq % SW_SESSION_REPLY_COUNT_MAX;

    return (window->answered[at / 8] & (1U << (at % 8))) != 0;
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
    set_bit(window, window->last, false);
    return window->last;
}

void sw_window_answered(struct sw_window *window, uint64_t seq)
{
    SW_ASSERT(seq > window->acked);
    SW_ASSERT(seq <= window->last);
    set_bit(window, seq, true);
    while (window->acked < window->last && get_bit(window, window->acked + 1)) {
        window->acked++;
    }
}
