/* Scans of what the store keeps about itself: tenant `~swarm`, namespaces `usage` and `audit`.
 *
 * These records are no keys, but are shown as if they were, so that whoever can scan can read them:
 * of usage the key is TENANT or TENANT NAMESPACE and the value lines of name=value; of the audit
 * log the key is the number in 8 bytes, big-endian, and the value the record of transport/audit.h.
 * The partition does not matter. Pages, limits, bounds and order are those of every scan. */
#ifndef SW_NODE_QUERY_SYSTEM_H
#define SW_NODE_QUERY_SYSTEM_H

#include <stdbool.h>

#include "base/err.h"
#include "node/apply.h"
#include "transport/proto.h"

/* The request is a scan of one of them. */
bool sw_query_is_system(const struct sw_request *request);
/* As sw_query. */
enum sw_err sw_query_system(const struct sw_state *state,
                            struct sw_store *store,
                            const struct sw_request *request,
                            struct sw_buf *records,
                            struct sw_reply *ret_reply) SW_MUST_CHECK;

#endif
