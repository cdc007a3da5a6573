/* What the calling thread does because of a change that a watch tells it just now. */
#ifndef SW_CLIENT_CAUSE_H
#define SW_CLIENT_CAUSE_H

#include <stdint.h>

/* The depth of a write that is submitted now; 0: no watch is calling on this thread. */
uint32_t sw_cause_depth(void);

#endif
