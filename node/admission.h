/* Who may start work on this node now, and why not. Pure bookkeeping: every request is admitted
 * once and released once; over a bound is a typed refusal that says "not done", never a queue that
 * grows, and says when to come again. Checks run from the cheapest to the most telling.
 *
 * Bulkheads: each class of work (node/fair.h) has a share of the places, so that a flood of one
 * leaves room for the others, and a sixteenth of all places and bytes is kept for leases and
 * administration. One identity, over all its connections, has at most as many places as are still
 * free, and few while others have work under way; its watches may be more. Who has a late lane is
 * refused more work of that class, leases and administration excepted. */
#ifndef SW_NODE_ADMISSION_H
#define SW_NODE_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "node/fair.h"
#include "node/node.h"
#include "storage/store.h"

struct sw_admission {
    struct sw_node_limits limits;           /* no zeros: see sw_admission_init */
    uint32_t in_flight;                     /* admitted and not released */
    uint32_t of_class[SW_FAIR_CLASS_COUNT]; /* of these */
    uint64_t queued_size;                   /* bytes of admitted writes not proposed yet */
    uint64_t reading_size;                  /* bytes of admitted requests that are no writes */
    bool stopping;
    struct sw_store_stats store;  /* as last heard of */
    uint64_t written_since_stats; /* bytes admitted since then: the store may be fuller by these */
    bool full;                    /* puts are refused: until there is clearly room again */
};

void sw_admission_init(struct sw_admission *admission, struct sw_node_limits limits);
/* The store's figures, from time to time. */
void sw_admission_store(struct sw_admission *admission, const struct sw_store_stats *stats);
/* True while puts are refused. Deletes and reads go on: they are what makes room. */
bool sw_admission_disk_full(const struct sw_admission *admission);

struct sw_admission_request {
    enum sw_op op;
    enum sw_fair_class of;
    uint16_t depth;
    size_t size;               /* bytes of the encoded command */
    uint32_t client_in_flight; /* of its connection */
    uint32_t identity_places;  /* of its identity, all connections, without watches */
    bool others;               /* other identities have work under way, too */
    bool late;                 /* its identity's lane is */
    uint64_t age_ns;           /* of the oldest that waits there */
    uint64_t applier_pending;  /* its jobs, and what waits to become one */
};

struct sw_admission_refusal {
    enum sw_admission_reason reason;
    uint32_t retry_after_ms;
    char why[SW_WHY_SIZE];
};

enum sw_err sw_admission_check(const struct sw_admission *admission,
                               const struct sw_admission_request *request,
                               struct sw_admission_refusal *ret_refusal) SW_MUST_CHECK;
void sw_admission_enter(struct sw_admission *admission,
                        enum sw_op op,
                        enum sw_fair_class of,
                        size_t size);
/* The command left the queue: it was proposed, or answered before. */
void sw_admission_dequeue(struct sw_admission *admission, size_t size);
/* What is no write was forgotten, answered or not. */
void sw_admission_read_over(struct sw_admission *admission, size_t size);
void sw_admission_leave(struct sw_admission *admission, enum sw_fair_class of);

#endif
