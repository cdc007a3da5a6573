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
    bool by_marker; /* the first start is allowed by the marker, not by the flag */
    void (*run)(const char *root, uint64_t round); /* a round is an order of events */
};

/* NULL behind the last. */
const struct power_script *power_script_at(uint32_t index);
/* The data directory of the node whose disk is cut, below `root`. */
#define POWER_DATA_DIR "data"

#endif
