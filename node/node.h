/* One node of a swarm, without its process: requests in, consensus, execution, replies out.
 *
 * Pure: the world comes in through ports, so the simulator runs the same object that swarmd runs.
 * Loop thread only. The caller drives it: link messages go to sw_node_link_handler, time to
 * sw_node_tick, and after everything that one turn of the loop (or one simulated event) did comes
 * sw_node_turn_end. Callbacks to the handler come from inside those calls, or from a completion of
 * a port; none of them may free the node.
 *
 * A node serves a table of groups; one group exists today. Nothing here waits for a disk. */
#ifndef SW_NODE_NODE_H
#define SW_NODE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/worker.h"
#include "node/metrics.h"
#include "raft/group.h"
#include "storage/store.h"
#include "storage/wal.h"
#include "transport/link.h"
#include "transport/proto.h"

struct sw_node; /* opaque, owned by the caller of sw_node_new */

struct sw_node_member {
    struct sw_node_id id;
    const char *peer_address;   /* "host:port"; borrowed during sw_node_new */
    const char *client_address; /* told to clients in STATUS; borrowed during sw_node_new */
    const uint8_t *key; /* public, 32 bytes; borrowed during sw_node_new. NULL: the log of a swarm
                           that is founded so does not hold keys */
};

/* Another node that this one should have a session with. */
struct sw_node_peer {
    struct sw_node_id id;
    const char *address; /* borrowed until the next call into this module */
    uint8_t key[32];
};

struct sw_node_handler {
    void *arg;
    /* What sw_node_stop began has ended; sw_node_free may follow, from a later event. */
    void (*stopped)(void *arg);
    /* The state or the log can not be trusted or written any more. The node takes no work from
     * here on; the process must end without acknowledging anything else. */
    void (*fatal)(void *arg, enum sw_err err, const char *why);
    /* `event` is a stable id for alerts; `text` a sentence. NULL = nobody listens. */
    void (*log)(void *arg, enum sw_log_level level, const char *event, const char *text);
    /* Do this node's own settings let the holder of `key` do `op`? Whoever may write settings by
     * them is an administrator. NULL = whoever the link let in is one. */
    bool (*allowed)(void *arg, const uint8_t key[32], enum sw_op op);
    /* sw_node_peers has a new answer. Comes from inside any call. NULL = nobody cares. */
    void (*members_changed)(void *arg);
    /* sw_node_admits has new answers. Comes from inside any call. NULL = nobody cares. */
    void (*identities_changed)(void *arg);
    /* An administrator wants the process to stop in order and to start again. From inside a call:
     * sw_node_stop comes later. NULL = such requests are refused. */
    void (*restart)(void *arg);
};

/* Bounds of admission; a zero stands for the default named beside it. */
struct sw_node_limits {
    uint32_t client_in_flight_max; /* SW_CLIENT_IN_FLIGHT_MAX */
    uint32_t in_flight_max;        /* SW_NODE_IN_FLIGHT_MAX */
    uint32_t queue_size_max;       /* SW_NODE_QUEUE_SIZE_MAX */
    uint32_t applier_pending_max;  /* 65536: jobs that the applier may be behind */
    uint32_t timeout_ms_default;   /* 5000: for requests that name no deadline */
    uint32_t timeout_ms_max;       /* 600000 */
    uint32_t drain_ms_max;         /* 5000: how long a stop may take before it is forced */
};

/* All pointers are borrowed and outlive the node, except what is said to be copied. */
struct sw_node_config {
    struct sw_swarm_id swarm;
    struct sw_node_id self;
    /* Who founds the swarm, if its log is empty; after that the log says who is a member. */
    const struct sw_node_member *members; /* copied */
    uint32_t member_count;                /* 1..SW_NODE_COUNT_MAX, self included */
    bool join; /* founds nothing: with an empty log it waits to be added by others */
    struct sw_group_tuning tuning; /* zeros = defaults, see sw_node_tuning_default */
    struct sw_node_limits limits;
    uint32_t commit_interval_ms; /* of the applier; 0 = its default */
    uint32_t commit_bytes;       /* of the applier; 0 = its default */
    /* Changes kept for watchers: state, so the same on all nodes, for ever. For tests; 0 = all that
     * base/limits.h allows. */
    uint32_t change_count_max;
    struct sw_env *env;
    struct sw_wal *wal;
    struct sw_link *link;
    struct sw_store *store;           /* used by jobs of applier_worker only, once started */
    struct sw_worker *applier_worker; /* its done callbacks come on the loop */
    struct sw_worker *search_worker;  /* so do its; NULL = the applier's does long searches too */
    const char *version;              /* "0.1.0" */
    enum sw_durability durability;    /* told of what is answered; 0 = MAJORITY */
    struct sw_node_handler handler;   /* copied */
};

struct sw_group_tuning sw_node_tuning_default(void);

/* Reads what the store and the WAL hold. `ret_why` says what is wrong on failure. */
enum sw_err sw_node_new(const struct sw_node_config *config,
                        struct sw_node **ret_node,
                        char ret_why[SW_WHY_SIZE]);
/* Only after `stopped`, or after sw_node_crash; no job of the applier's worker may be under way. */
void sw_node_free(struct sw_node *node); /* accepts NULL */

/* What the link calls. Valid as soon as the node exists; the caller may also forward by hand. */
struct sw_link_handler sw_node_link_handler(struct sw_node *node);

/* Call every 10..20 ms: elections, heartbeats, deadlines. */
void sw_node_tick(struct sw_node *node);
/* End of a loop turn: proposals of the turn become entries, replies are packed, the link flushed.
 * Cheap when nothing happened. */
void sw_node_turn_end(struct sw_node *node);

/* How long the caller may sleep before the next turn if nothing happens; UINT64_MAX = for ever
 * (sw_node_tick has its own rhythm). */
uint64_t sw_node_wait_ms(const struct sw_node *node);

/* SIGTERM: hands leadership over, answers new work with SHUTTING_DOWN, lets what is under way end
 * (at most limits.drain_ms_max), executes what the applier has by then (SW_APPLY_*; the rest of
 * what is committed is the next start's), makes the state durable, then calls handler.stopped. */
void sw_node_stop(struct sw_node *node);
/* Simulated crash: no callback of this node has any effect from here on and nothing is written.
 * Then let (or make) the applier's worker run dry and call sw_node_free. */
void sw_node_crash(struct sw_node *node);

/* What people and tests want to know about one group of the node. */
struct sw_node_status {
    struct sw_group_status group;
    uint64_t applied_index; /* executed by the applier, reported back to the loop */
    uint64_t applied_term;
    uint64_t revision;      /* highest revision that an executed command got */
    uint64_t durable_index; /* state up to here survives a power cut */
    uint64_t state_index;   /* a consistent pair: the state after this entry ... */
    uint64_t digest;        /* ... has this running digest; as of the last look at the store */
    uint64_t uptime_ms;
    uint32_t in_flight;    /* admitted requests not answered yet */
    uint32_t queued_bytes; /* of requests not proposed yet */
    uint32_t applier_pending;
    uint64_t apply_backlog; /* committed entries not executed yet, handed to the applier or not */
    bool stopping;
    bool stopped;
    bool failed;     /* fatal was called */
    bool installing; /* fetching a snapshot from a peer */
    bool disk_full;  /* puts are refused, deletes and reads go on */
};
void sw_node_status(const struct sw_node *node, struct sw_node_status *ret_status);

/* With whom this node should have sessions: the members that the log knows, those of the settings
 * that are newer than any of them, and those that peers tell of who know more than the log. */
uint32_t sw_node_peers(const struct sw_node *node,
                       struct sw_node_peer ret_peers[SW_NODE_COUNT_MAX]);

/* Ready for clients: a leader is known and this node has executed what it knew as committed. A
 * reason for "no" goes to `ret_why`. */
bool sw_node_ready(const struct sw_node *node, char ret_why[SW_WHY_SIZE]);
/* One line a check, "[+]leader ok" or "[-]leader why"; true if all hold. */
bool sw_node_checks(const struct sw_node *node, struct sw_buf *out);

/* The JSON object that STATUS answers; appended to `out`. */
void sw_node_status_json(const struct sw_node *node, struct sw_buf *out);

/* May the holder of `key` have a session with this node, by an identity of the settings? For the
 * link, beside the keys of its own list. */
bool sw_node_admits(const struct sw_node *node, const uint8_t key[32]);
/* Counters of this node (node/metrics.h); for swarmd's /metrics and for tests. */
struct sw_metrics *sw_node_metrics(struct sw_node *node);
/* Measured recalls of indexes, in the form of sw_metrics_print. */
void sw_node_recalls_print(const struct sw_node *node, struct sw_buf *out);

/* First byte of a message between nodes: 1..63 belong to raft/, these to node/. */
enum sw_node_message {
    SW_NODE_STATE_FETCH = 64,
    SW_NODE_STATE_CHUNK = 65,
    SW_NODE_MEMBERS = 66,
    SW_NODE_NOTE = 67,
    SW_NODE_NOTED = 68,
};

#endif
