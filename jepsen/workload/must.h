/* What this program cannot go on without: it says so and ends with 1. A history that lies is worse
 * than none, so nothing here is survived. */
#ifndef SW_JEPSEN_WORKLOAD_MUST_H
#define SW_JEPSEN_WORKLOAD_MUST_H

#include <stdbool.h>

/* Ends the process with status 1 and this sentence. */
void sw_must_end(const char *what) __attribute__((noreturn));

/* The same unless `holds`. */
static inline void sw_must(bool holds, const char *what)
{
    if (!holds) {
        sw_must_end(what);
    }
}

#endif
