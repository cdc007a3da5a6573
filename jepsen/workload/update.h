/* Read, change, write back if nobody was faster: inside one operation. */
#ifndef SW_JEPSEN_WORKLOAD_UPDATE_H
#define SW_JEPSEN_WORKLOAD_UPDATE_H

#include "jepsen/workload/worker.h"

enum sw_change {
    SW_CHANGE_WRITE,   /* `new_value` was printed */
    SW_CHANGE_NOTHING, /* what was read is all there is to do */
    SW_CHANGE_REFUSED, /* the state does not allow it */
    SW_CHANGE_CORRUPT, /* the stored bytes are none that we write */
};

/* Called once for each try; `old` is NULL if there is no such key. */
typedef enum sw_change (*sw_changer)(void *arg,
                                     const struct swarm_record *old,
                                     struct sw_edn *new_value);

struct sw_updated {
    enum sw_change change;    /* of the last try */
    enum swarm_status status; /* of the write, or of the read if there was none */
    uint32_t tries;
    uint64_t replaced; /* mod revision that the write replaced */
};

/* Works on the worker's partition and key; tries again on a conflict until the deadline. The status
 * is SWARM_OK only if the change is on record or nothing had to be written. An ambiguous write is
 * never tried again: its status says so. */
struct sw_updated sw_update(struct sw_worker *worker, sw_changer change, void *arg);

/* Ends the operation as the update ended, if it did not succeed; false then. `refused` is the
 * keyword for SW_CHANGE_REFUSED. */
bool sw_update_succeeded(struct sw_worker *worker,
                         const struct sw_updated *updated,
                         const char *refused);

#endif
