/* The runs that are recorded, one process each. */
#ifndef SW_TESTS_FAULT_POWER_SCRIPT_H
#define SW_TESTS_FAULT_POWER_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

struct power_script {
    const char *name;
    const char *claim;
    uint32_t node;  /* whose disk loses its power */
    bool alone;     /* a swarm of one: what was acknowledged must be on this disk */
    bool again;     /* begins in what a cut has left, with the promises from before it */
    bool by_marker; /* the first start is allowed by the marker, not by the flag */
    void (*run)(const char *root, uint64_t round); /* a round is an order of events */
};

/* How a recording ends whose script could not go on, as when its disk fails. */
enum { POWER_STOPPED = 3 };

/* NULL behind the last. */
const struct power_script *power_script_at(uint32_t index);
/* What a node does when it comes back after a power cut. Its past is in a file beside the root: the
 * marks of the recording that was cut, each behind its size (8 bytes). */
const struct power_script *power_script_again(void);
/* By name, that one too; NULL if there is none. */
const struct power_script *power_script_named(const char *name);
#define POWER_PAST_SUFFIX "-past"
/* The data directory of the node whose disk is cut, below `root`. */
#define POWER_DATA_DIR "data"

#endif
