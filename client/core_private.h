/* What core.c, core_send.c and core_receive.c share: the life of a request.
 *
 *     submit ──► QUEUED ──flush──► SENT ──final answer──► finish (callback, once)
 *                  ▲  ▲              │
 *                  │  └── leader ────┤ NOT_LEADER, no answer, link down (if repeatable)
 *               PAUSED ◄── put off ──┘ OVERLOADED, BUSY, DISK_FULL
 *
 * A request is in exactly one list (queued, or held while the leader is short of places) or none
 * (paused, sent); its timer is always set, at the latest to its deadline, so that none can be
 * forgotten. */
#ifndef SW_CLIENT_CORE_PRIVATE_H
#define SW_CLIENT_CORE_PRIVATE_H

#include "base/timers.h"
#include "client/breaker.h"
#include "client/core.h"
#include "client/leader.h"
#include "client/pace.h"
#include "client/window.h"

enum { SW_CORE_SLOT_COUNT = SW_CLIENT_IN_FLIGHT_MAX, SW_CORE_SLOT_BITS = 12 };

static_assert(SW_CORE_SLOT_COUNT == 1 << SW_CORE_SLOT_BITS, "an id holds its slot");

/* An id: | probe 1 | tag 19 | serial 32 | slot 12 |. Of the core's own leader probes the low bits
 * are the node's place in the list. */
enum { SW_CORE_TAG_SHIFT = 44 };
#define SW_CORE_PROBE_BIT   (1ULL << 63)
#define SW_CORE_SERIAL_MASK ((1ULL << (SW_CORE_TAG_SHIFT - SW_CORE_SLOT_BITS)) - 1)

static_assert((uint64_t)SW_CORE_TAG_COUNT << SW_CORE_TAG_SHIFT == SW_CORE_PROBE_BIT,
              "probe, tag, serial and slot fill an id");

enum sw_core_state { SW_CORE_QUEUED, SW_CORE_PAUSED, SW_CORE_SENT };

struct sw_core_request {
    struct sw_timer timer;                   /* first: sw_timers gives it back */
    struct sw_core_request *next, *previous; /* in core->queue, core->held or core->batch */
    enum sw_core_state state;
    struct sw_request request; /* spans point behind this struct */
    uint64_t deadline_ms;
    uint64_t sent_ms;         /* of the last try */
    struct sw_node_id target; /* 0 = the leader */
    struct sw_node_id node;   /* of the last try */
    uint32_t sent;            /* tries that left */
    uint32_t put_off;         /* answers that asked for a pause */
    bool maybe;               /* an earlier try may have taken effect */
    bool strays;              /* any replica may answer, until one could not */
    bool internal;            /* the core's own: SESSION_OPEN, SESSION_CLOSE, MEMBER_LIST */
    bool forced;              /* ends at the next tick with `last_err`, whatever happens */
    uint64_t order;           /* of submission, in ordered mode; 0 = goes its own way */
    bool joined;              /* the ordered batch */
    bool held;                /* queued, in core->held */
    bool paced;               /* core->pace counts it as being with the leader */
    enum sw_err last_err;     /* the last refusal, told at the deadline; OK = none yet */
    sw_core_done_fn done;
    void *arg;
    uint8_t bytes[]; /* names, key, value */
};

struct sw_core_list {
    struct sw_core_request *head, *tail;
};

struct sw_core_node {
    struct sw_node_id id;
    struct sw_breaker breaker;
    bool up;
    bool reported_down; /* since it was last up */
    enum sw_err why;    /* of down */
    uint64_t failed_ms; /* when the last failure was counted */
    bool probing;
    uint64_t probe_sent_ms;
};

enum sw_core_session { SW_CORE_SESSION_NONE, SW_CORE_SESSION_OPENING, SW_CORE_SESSION_OPEN };

struct sw_core {
    struct sw_core_config config;
    struct sw_core_node nodes[SW_NODE_COUNT_MAX];
    struct sw_core_request *slots[SW_CORE_SLOT_COUNT]; /* owned */
    uint32_t free_slots[SW_CORE_SLOT_COUNT];           /* a stack */
    uint32_t free_count;
    uint64_t serial; /* of the next id */
    struct sw_timers timers;
    struct sw_core_list queue;
    struct sw_core_list held;  /* queued, first in, first out, until core->pace has room */
    struct sw_core_list batch; /* encoded in batch_bytes, not handed to the port yet */
    struct sw_buf batch_bytes;
    struct sw_leader view;
    struct sw_pace pace;
    bool port_busy; /* the last batch found no credit: try again soon */
    uint64_t seek_due_ms;
    uint32_t seek_attempt;
    uint32_t stray_next;   /* the node that a read of any replica is sent to next */
    bool members_asked;     /* an answer to MEMBER_LIST is awaited */
    bool members_hurried;   /* the next question is earlier than usual */
    uint32_t members_pause_ms; /* between two that are in a hurry */
    uint32_t members_next; /* whom to ask next */
    uint64_t members_asked_ms, members_due_ms;
    uint64_t seen_revision; /* the highest that an answer about data had */
    uint64_t started_ms;
    bool ever_up;
    enum sw_core_session session_state;
    struct sw_session_id session;
    struct sw_window window;
    uint64_t order_last;   /* given out */
    uint32_t joined_count; /* of the ordered batch, not ended */
    uint64_t order_passed; /* highest order of its writes that may have run, of those that ended */
    uint8_t nonce[16];
    struct sw_core_stats stats;
};

/* Its session is the one that the caller asks about, not the core's own. */
bool sw__core_names_session(enum sw_op op);
uint64_t sw__core_now(const struct sw_core *core);
struct sw_core_node *sw__core_node(struct sw_core *core, struct sw_node_id id); /* NULL: stranger */
bool sw__core_any_up(const struct sw_core *core);
void sw__core_list_push(struct sw_core_list *list, struct sw_core_request *request);
void sw__core_list_remove(struct sw_core_list *list, struct sw_core_request *request);

/* Queues a request that is in no list; its timer becomes its deadline. */
void sw__core_queue(struct sw_core *core, struct sw_core_request *request);
void sw__core_pause(struct sw_core *core, struct sw_core_request *request, uint32_t pause_ms);
/* Puts all that is held back into the queue. */
void sw__core_release_held(struct sw_core *core);
/* It is not with the leader any more. No-op if it was not counted. */
void sw__core_unpace(struct sw_core *core, struct sw_core_request *request);
/* Takes the request out of everything, calls back, frees it. */
void sw__core_finish(struct sw_core *core,
                     struct sw_core_request *request,
                     const struct sw_reply *reply);
/* The same, with an error that no node sent. */
void sw__core_fail(struct sw_core *core,
                   struct sw_core_request *request,
                   enum sw_err err,
                   const char *why);
/* Ends the request with `err` at the next tick, whatever happens until then. */
void sw__core_force(struct sw_core *core, struct sw_core_request *request, enum sw_err err);
/* Puts a queued request into the message that is being made; false: not now, or it does not fit. */
bool sw__core_join_batch(struct sw_core *core, struct sw_core_request *request);
void sw__core_send_batch(struct sw_core *core);
/* core_order.c: of each request when it is submitted, queued, sent and finished; and what goes out.
 */
void sw__order_enter(struct sw_core *core, struct sw_core_request *request);
void sw__order_queue(struct sw_core *core, struct sw_core_request *request);
void sw__order_sent(struct sw_core *core, struct sw_core_request *request);
void sw__order_ended(struct sw_core *core, struct sw_core_request *request, enum sw_err err);
void sw__order_send(struct sw_core *core);
/* A try to node `id` failed: counts for its breaker, and the leader is sought anew. */
void sw__core_node_failed(struct sw_core *core, struct sw_node_id id, uint64_t sent_ms);
/* True while requests for the leader have nowhere to go. */
bool sw__core_leaderless(const struct sw_core *core);
/* core_members.c */
void sw__members_start(struct sw_core *core);
void sw__members_tick(struct sw_core *core);
uint64_t sw__members_next_ms(const struct sw_core *core); /* when to tick; UINT64_MAX = never */
/* There is reason to ask at once: an unknown leader, or a node that was lost. */
void sw__members_hurry(struct sw_core *core);
/* A request of the core's own; node 0: to the leader. There is a free slot. */
void sw__core_submit_internal(struct sw_core *core,
                              const struct sw_request *request,
                              struct sw_node_id node,
                              uint64_t deadline_ms,
                              sw_core_done_fn done,
                              void *arg);
/* Opens a session if none is open or being opened. */
void sw__core_open_session(struct sw_core *core);
void sw__core_forget_session(struct sw_core *core);
/* Each node with its address and what is known against it fits. */
enum { SW_CORE_WHY_SIZE = SW_NODE_COUNT_MAX * (SW_ADDRESS_SIZE_MAX + 64) };

/* Why nothing can be sent at this moment: the text goes to `ret_why`. */
enum sw_err sw__core_blocked(const struct sw_core *core, char ret_why[SW_CORE_WHY_SIZE]);

#endif
