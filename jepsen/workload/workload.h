/* A workload: what its clients do, and the claim that this puts to the test. README.md is its
 * contract with the checkers. */
#ifndef SW_JEPSEN_WORKLOAD_WORKLOAD_H
#define SW_JEPSEN_WORKLOAD_WORKLOAD_H

#include "jepsen/workload/worker.h"

struct sw_workload {
    const char *name;
    const char *claim;
    struct sw_manner manner;
    size_t state_size; /* of what each worker keeps; zeroed before its first step */
    /* One operation, seldom more. */
    void (*step)(struct sw_worker *worker, void *state);
    /* The final read of key `key`; false if it did not succeed: it is tried again. */
    bool (*last)(struct sw_worker *worker, void *state, uint64_t key);
    void (*release)(void *state); /* NULL: nothing in it is owned */
};

extern const struct sw_workload sw_workload_register, sw_workload_set, sw_workload_counter,
    sw_workload_list, sw_workload_bank, sw_workload_session, sw_workload_watch, sw_workload_lock,
    sw_workload_lease, sw_workload_follow, sw_workload_scan, sw_workload_queue,
    sw_workload_election, sw_workload_mixed;

/* NULL for an unknown name. */
const struct sw_workload *sw_workload_find(const char *name);
/* The workload at `index`; NULL at the end. */
const struct sw_workload *sw_workload_at(size_t index);

#endif
