/* The sequence numbers of one session: which are given out, and up to where all answers are in.
 *
 * A node keeps the answers of seqs above `acked` only, so `acked` is the highest contiguous
 * answered seq, and no seq may run more than SW_SESSION_REPLY_COUNT_MAX ahead of it. Pure. */
#ifndef SW_CLIENT_WINDOW_H
#define SW_CLIENT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

/* Writes that ended without a verdict are kept open for questions about their outcome, until so
 * many later ones were begun: the node keeps all answers from the oldest open one on. */
enum { SW_WINDOW_LOST_KEEP = 1024 };

/* Zero-initialised = a fresh session. */
struct sw_window {
    uint64_t last;  /* seq given out last; 0 = none */
    uint64_t acked; /* all seqs <= acked are answered or given up */
    uint8_t answered[SW_SESSION_REPLY_COUNT_MAX / 8]; /* bit seq % count, for acked < seq <= last */
    uint8_t lost[SW_SESSION_REPLY_COUNT_MAX / 8];     /* as well: ended without a verdict */
};

bool sw_window_open(const struct sw_window *window); /* is there room for one more? */
uint64_t sw_window_next(struct sw_window *window);   /* gives out a seq; the window must be open */
/* The answer to `seq` is in, or nobody waits for it any more. Moves `acked`. */
void sw_window_answered(struct sw_window *window, uint64_t seq);
/* Nobody waits for the answer to `seq` any more, but somebody may ask what has become of it. */
void sw_window_lost(struct sw_window *window, uint64_t seq);
/* Gives up all that were lost: the node is short of room for answers. */
void sw_window_forget_lost(struct sw_window *window);

#endif
