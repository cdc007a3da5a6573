/* Replay window: remembers which of the last 64 sequence numbers were seen.
 *
 * Two steps, so that a forged frame cannot move the window: ask before the frame is opened, mark
 * after it proved genuine (RFC 6479 tells why in its section 2). */
#ifndef SW_TRANSPORT_REPLAY_H
#define SW_TRANSPORT_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum { SW_REPLAY_WINDOW = 64 };

/* Zero-initialise. */
struct sw_replay {
    uint64_t next; /* one past the highest sequence seen */
    uint64_t seen; /* bit i: next - 1 - i was seen */
};

/* False if `sequence` was seen, or is too old to tell. */
bool sw_replay_fresh(const struct sw_replay *replay, uint64_t sequence);
void sw_replay_mark(struct sw_replay *replay, uint64_t sequence);

#endif
