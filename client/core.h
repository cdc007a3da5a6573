/* The client without its process: requests in, messages out, answers back, each exactly once.
 *
 * Pure over a small port, so the simulator runs the same client that libswarm runs. It finds the
 * leader (by asking nodes for their STATUS), packs all requests of a turn to one node into one
 * message, keeps deadlines, pauses and breakers, and opens one session for its writes, so that a
 * write whose answer was lost may be sent again and still runs at most once. A write outside a
 * session is never sent twice unless the first one is known not to have run.
 *
 * One owner thread. Callbacks come from sw_core_receive, sw_core_node_state, sw_core_set_nodes,
 * sw_core_tick and sw_core_flush, never from inside sw_core_submit, exactly one for each submitted
 * request. They may submit and cancel, but not free the core. Requests under way at one time have
 * no order among each other, unless the core is ordered: whoever needs one order waits for the
 * answer first. */
#ifndef SW_CLIENT_CORE_H
#define SW_CLIENT_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/span.h"
#include "client/retry.h"
#include "transport/proto.h"

struct sw_core; /* opaque, owned by the caller of sw_core_new */

struct sw_core_port {
    void *impl;                     /* borrowed: outlives the core */
    uint64_t (*now_ms)(void *impl); /* monotonic */
    uint64_t (*random)(void *impl); /* uniform over 64 bits; session nonces, jitter, ids */
    /* Copies `message` (1..n requests, at most SW_MESSAGE_SIZE_MAX) and sends it, or loses it.
     * UNREACHABLE, BUSY (the node gives no credit now): it was certainly not sent. */
    enum sw_err (*send)(void *impl, struct sw_node_id node, struct sw_span message);
    /* NULL: the nodes stay as they were given. Else an answer to MEMBER_LIST (see core_members.c);
     * what follows from it is for sw_core_set_nodes, which may not be called from here. */
    void (*members)(void *impl, const struct sw_reply *reply);
};

struct sw_core_config {
    struct sw_node_id nodes[SW_NODE_COUNT_MAX];
    /* Where each is, for sentences; borrowed, outlives the core. NULL: it is named by its id. */
    const char *addresses[SW_NODE_COUNT_MAX];
    uint32_t node_count; /* 1.. */
    struct sw_core_port port;
    struct sw_retry_policy policy; /* zeros = defaults */
    bool without_session;          /* writes are sent once, outside any session */
    bool ordered;                  /* see core_order.c; not with without_session */
    uint32_t session_ttl_ms;       /* 0 = the node's default */
    uint32_t in_flight_max;        /* 0 = SW_CORE_IN_FLIGHT_MAX */
    uint32_t batch_size_max;       /* bytes of one message; 0 = SW_ENTRY_BATCH_SIZE */
    bool nodes_start_down;         /* nodes come up through sw_core_node_state; else all are up */
    /* Requests fail with UNREACHABLE (or what the nodes gave as reason) as soon as every node was
     * reported down, or when none was up for dial_timeout_ms (0 = for ever): for command lines.
     * Without it they wait for their deadline. */
    bool fail_when_down;
    uint32_t dial_timeout_ms;
    /* An answer of any other is not taken, and its node counts as down: WRONG_SWARM. Zero: that of
     * the first answer. */
    struct sw_swarm_id swarm;
    uint32_t tag; /* below SW_CORE_TAG_COUNT; different for cores that share connections */
};

/* Ids of requests: the tag of the core stands in each, so that cores can share a connection. */
enum { SW_CORE_TAG_COUNT = 1 << 19 };
uint32_t sw_core_tag_of(uint64_t id);

/* Leaves room for the core's own requests below SW_CLIENT_IN_FLIGHT_MAX of the node. */
enum { SW_CORE_IN_FLIGHT_MAX = SW_CLIENT_IN_FLIGHT_MAX - 64 };

/* `reply->err` is the verdict; its detail says why. All spans are valid during the call only. */
typedef void (*sw_core_done_fn)(void *arg, const struct sw_reply *reply);

struct sw_core_submission {
    /* id, timeout_ms, session, seq and acked are the core's; everything else is copied. */
    struct sw_request request;
    uint64_t deadline_ms; /* on the port's clock */
    /* STATUS and SNAPSHOT: the node that is asked; 0 = the leader. Others: must be 0. */
    struct sw_node_id node;
    sw_core_done_fn done;
    void *arg; /* borrowed until `done` */
};

enum sw_err sw_core_new(const struct sw_core_config *config,
                        struct sw_core **ret_core,
                        char ret_why[SW_WHY_SIZE]);
/* Accepts NULL. Requests under way are dropped without a callback: cancel them first if it matters.
 */
void sw_core_free(struct sw_core *core);

/* On any error nothing was queued and `done` is never called: INVALID, TOO_LARGE (ret_why names the
 * field), NOT_SENT (the deadline is past), BUSY (in_flight_max). `ret_token` may be NULL. */
enum sw_err sw_core_submit(struct sw_core *core,
                           const struct sw_core_submission *submission,
                           uint64_t *ret_token,
                           char ret_why[SW_WHY_SIZE]);
/* Ends the request with CANCELLED at the next tick; no-op if it has ended. */
void sw_core_cancel(struct sw_core *core, uint64_t token);
void sw_core_cancel_all(struct sw_core *core);

/* A message (1..n replies) of a node. One that does not decode is dropped and counted. */
void sw_core_receive(struct sw_core *core, struct sw_node_id id, struct sw_span message);
/* The transport's view: down = whatever was sent and not answered will not be. `why` is the reason
 * for down (UNREACHABLE, UNAUTHENTICATED, WRONG_SWARM ...). */
void sw_core_node_state(struct sw_core *core, struct sw_node_id id, bool up, enum sw_err why);
/* Other nodes from now on. Those that stay keep all that is known of them; new ones are down; what
 * a node that goes has not answered is lost with it. `address` as in the config. */
struct sw_core_place {
    struct sw_node_id id;
    const char *address;
};
void sw_core_set_nodes(struct sw_core *core, const struct sw_core_place *places, uint32_t count);
/* Deadlines, pauses, lost answers. Call when sw_core_next_ms says so, or every few ms. */
void sw_core_tick(struct sw_core *core);
/* End of a turn: everything that may be sent goes out, one message a node (more if it is long). */
void sw_core_flush(struct sw_core *core);
/* When to tick next, on the port's clock; UINT64_MAX = not before something happens. */
uint64_t sw_core_next_ms(const struct sw_core *core);

/* Submits SESSION_CLOSE if a session is open; `done` is called in any case, at the earliest from
 * the next tick. For a tidy end: an abandoned session expires by itself. */
void sw_core_close_session(struct sw_core *core,
                           uint64_t deadline_ms,
                           sw_core_done_fn done,
                           void *arg);

struct sw_core_stats {
    uint64_t submitted, finished;
    uint64_t messages_sent, messages_received, malformed;
    uint64_t requests_sent; /* all tries */
    uint64_t retries;       /* tries after the first */
    uint64_t timeouts;      /* tries without an answer */
    uint64_t seeks;         /* rounds of asking for the leader */
    uint64_t breaker_opened;
    uint64_t sessions; /* opened */
    uint32_t in_flight;
};
void sw_core_stats(const struct sw_core *core, struct sw_core_stats *ret_stats);
struct sw_node_id sw_core_leader(const struct sw_core *core); /* 0 = unknown */

#endif
