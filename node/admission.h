/* Who may start work on this node now, and why not. Pure bookkeeping: every request is admitted
 * once and released once; over a bound is a typed refusal that says "not done", never a queue that
 * grows. Checks run from the cheapest to the most telling. */
#ifndef SW_NODE_ADMISSION_H
#define SW_NODE_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "node/node.h"
#include "storage/store.h"

enum { SW_ADMISSION_DEPTH_MAX = 10 }; /* a request that caused itself stops here */

struct sw_admission {
    struct sw_node_limits limits; /* no zeros: see sw_admission_init */
    uint32_t in_flight;           /* admitted and not released */
    uint32_t watching;            /* of these, watches: they stay for long, so others keep room */
    uint64_t queued_size;         /* bytes of admitted writes not proposed yet */
    uint64_t reading_size;        /* bytes of admitted requests that are no writes */
    bool stopping;
    struct sw_store_stats store;  /* as last heard of */
    uint64_t written_since_stats; /* bytes admitted since then: the store may be fuller by these */
};

void sw_admission_init(struct sw_admission *admission, struct sw_node_limits limits);
/* The store's figures, from time to time. */
void sw_admission_store(struct sw_admission *admission, const struct sw_store_stats *stats);
/* True while puts are refused. Deletes and reads go on: they are what makes room. */
bool sw_admission_disk_full(const struct sw_admission *admission);

struct sw_admission_request {
    enum sw_op op;
    uint16_t depth;
    size_t size;               /* bytes of the encoded command */
    uint32_t client_in_flight; /* of its connection */
    uint64_t applier_pending;  /* its jobs, and what waits to become one */
};

enum sw_err sw_admission_check(const struct sw_admission *admission,
                               const struct sw_admission_request *request,
                               char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_admission_enter(struct sw_admission *admission, enum sw_op op, size_t size);
/* The command left the queue: it was proposed, or answered before. */
void sw_admission_dequeue(struct sw_admission *admission, size_t size);
/* What is no write was forgotten, answered or not. */
void sw_admission_read_over(struct sw_admission *admission, size_t size);
void sw_admission_leave(struct sw_admission *admission, enum sw_op op);

#endif
