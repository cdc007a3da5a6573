/* A log port that marks the journal with everything that it is asked for, and everything it says is
 * durable, and passes it all on. */
#ifndef SW_TESTS_FAULT_POWER_WATCH_H
#define SW_TESTS_FAULT_POWER_WATCH_H

#include <stdint.h>

#include "storage/wal.h"

struct power_watch {
    struct sw_wal port;
    struct sw_wal *inner; /* borrowed */
    uint32_t node;
    struct power_request *requests; /* owned: under way */
};

struct sw_wal *power_watch_init(struct power_watch *watch, struct sw_wal *inner, uint32_t node);
/* Forgets what is under way: its completions never come. */
void power_watch_release(struct power_watch *watch);

#endif
