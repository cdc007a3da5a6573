/* Quotas that are the leader's own: operations a second and operations in flight, of a tenant and
 * of a namespace. Pure bookkeeping beside admission; nothing of it is replicated, so a new leader
 * begins with full buckets.
 *
 * Each operation on data counts once, whatever it is; a watch is none in flight while it waits.
 * Operations flow in evenly, and as many as a second brings may come at once after a pause. Who is
 * refused is told when to come again. Keys and bytes are judged in apply (node/apply_usage.c). */
#ifndef SW_NODE_QUOTA_H
#define SW_NODE_QUOTA_H

#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "node/settings.h"
#include "transport/proto.h"

struct sw_quota_gate; /* of one scope; opaque */

struct sw_quota_gates {
    struct sw_quota_gate **rows; /* owned; in the order of their names */
    uint32_t count;
};

/* The gates that a request went through and is still inside of. */
struct sw_quota_hold {
    struct sw_quota_gate *gates[2]; /* borrowed: a gate outlives whoever is inside; may be NULL */
};

/* As the settings say now. Gates that stay keep their level. */
void sw_quota_gates_set(struct sw_quota_gates *gates, const struct sw_settings *settings);
/* Nobody is inside any more. Accepts a zeroed one. */
void sw_quota_gates_release(struct sw_quota_gates *gates);

/* Lets a valid request in, or OVERLOADED with the reason, and with the time to wait in
 * `ret_retry_ms`; then it is inside of nothing. */
enum sw_err sw_quota_enter(struct sw_quota_gates *gates,
                           const struct sw_request *request,
                           uint64_t now_ns,
                           struct sw_quota_hold *ret_hold,
                           uint32_t *ret_retry_ms,
                           char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Leaves them. A second call does nothing. */
void sw_quota_leave(struct sw_quota_hold *hold);

/* A sentence for a reply with QUOTA, from its value: what is used, and the limit if it is known. */
void sw_quota_explain(const struct sw_settings *settings,
                      const struct sw_request *request,
                      uint64_t value,
                      char ret_why[SW_WHY_SIZE]);

#endif
