/* The insides of a node, shared by node.c, intake.c, shard.c, install.c and status.c only.
 *
 * A request lives from its admission to its answer, and a little longer where something still
 * points to it: while its entry flies, or while the applier reads for it. So `answered` and freed
 * are two moments; sw__request_answer does the first, whoever holds the list does the second. */
#ifndef SW_NODE_NODE_PRIVATE_H
#define SW_NODE_NODE_PRIVATE_H

#include "base/ring.h"
#include "base/timers.h"
#include "node/admission.h"
#include "node/applier.h"
#include "node/clients.h"
#include "node/denials.h"
#include "node/entry.h"
#include "node/fair.h"
#include "node/node.h"
#include "node/peer_text.h"
#include "node/quota.h"
#include "node/tick.h"
#include "node/touched.h"

struct sw__shard;

enum sw__place {
    SW__PLACE_QUEUED,  /* write, not proposed: can be refused as not done */
    SW__PLACE_FLYING,  /* write, proposed: its outcome is what happens at its index */
    SW__PLACE_READING, /* read, waits for its read point, then for its turn */
    SW__PLACE_RUNNING, /* read, in the applier */
    SW__PLACE_WAITING, /* status, snapshot or watch */
};

struct sw__request {
    struct sw_timer deadline; /* first: a timer is its request */
    struct sw__request *next;
    struct sw__request *previous;
    struct sw__list *list; /* where it stands; NULL while it waits for its turn, or is read */
    struct sw_fair_item turn;
    struct sw_fair_flow *flow; /* holds a place of its identity until it is freed */
    struct sw__shard *shard;
    struct sw_author author;
    struct sw_quota_hold quota; /* until it is answered */
    uint64_t conn;
    uint64_t id;
    uint64_t started_ns;
    enum sw_op op;
    enum sw__place place;
    bool answered;
    struct sw__request *guarded; /* AUDIT: owned; runs when this is committed */
    struct sw_node_id asked_by;  /* AUDIT: whom to tell; 0 = nobody */
    uint64_t note;               /* of that node: which question; of an action: this node's own */
    uint64_t min_revision;       /* reads: the state has this one at least */
    uint32_t max_age_ms;         /* reads: 0 = only the present state will do */
    uint64_t as_of_ns;           /* ... it was the present state then; 0 = it is */
    uint64_t checked;            /* WATCH: nothing up to this revision concerns it */
    uint64_t watched; /* WATCH of one key: its name in sw__shard.touched; 0 = any may concern it */
    uint32_t limit;   /* of the request: how much it may read; 0 = a page, or more */
    bool moved;       /* a search: where it is read it keeps no others waiting */
    bool ordered;     /* its session wants its writes in their order */
    uint32_t size;
    uint8_t command[]; /* as it enters the log; also what a read is kept as */
};

struct sw__list {
    struct sw__request *first;
    struct sw__request *last;
    uint32_t count;
};

/* One proposed entry: who waits for which of its commands, in order. */
struct sw__flight {
    struct sw__flight *next;
    uint64_t index;
    uint64_t term;
    uint64_t proposed_ns;
    uint64_t committed_ns; /* 0 = not yet */
    bool has_tick;         /* the entry has a command of our own, */
    uint32_t tick_row;     /* before this one of the requests' */
    struct sw__list requests;
};

/* The reads of one turn, which share a read point. */
struct sw__read_batch {
    uint64_t asked_ns; /* for the point */
    struct sw__read_batch *next;
    struct sw__read_batch *previous;
    struct sw__shard *shard;
    struct sw__list requests;
};

enum sw__flush { SW__FLUSH_SNAPSHOT = 1, SW__FLUSH_INSTALL, SW__FLUSH_STOP };

/* A copy of the state being fetched from a peer. */
struct sw__install {
    bool active;
    bool fetching;  /* false: waiting for the flush that says where the own state stands */
    bool importing; /* the applier has a chunk */
    bool flushing;  /* a flush of ours is under way */
    struct sw_node_id from;
    struct sw_group_snapshot wanted;
    uint64_t transfer; /* names this attempt: chunks of another one are dropped */
    uint64_t importing_transfer;
    struct sw_buf cursor;
    uint64_t progress_ms; /* when something last arrived */
    uint64_t sent_ms;     /* when we last asked */
    uint64_t asked_ms;    /* when we first asked for what we wait for */
    uint64_t retry_ms;    /* an answer is called lost after this */
};

/* A copy of the own state being given to a peer; one at a time. */
struct sw__export {
    bool active;
    bool running; /* the applier makes a chunk */
    struct sw_node_id to;
    uint64_t transfer;
    struct sw_buf cursor; /* of the running chunk; echoed */
    uint64_t used_ms;
    uint64_t generation; /* token of the running chunk; stale ones are dropped */
};

/* What was measured of an index here: see tune_node.c. */
struct sw__recall {
    uint64_t number; /* of the index */
    uint64_t asked_ms;
    uint32_t samples, permille;
    char label[SW_TENANT_SIZE_MAX + SW_NAMESPACE_SIZE_MAX + SW_PARTITION_SIZE_MAX +
               SW_SPACE_NAME_SIZE_MAX + 4];
};

enum { SW__RECALL_COUNT = 32 };

struct sw__shard {
    bool tuning;      /* a question about recall is under way */
    uint64_t tune_ms; /* not before */
    struct sw__recall recalls[SW__RECALL_COUNT];
    struct sw_node *node;
    struct sw_group_id id;
    struct sw_group *group;   /* owned; NULL once it is asked to stop */
    struct sw_group *closing; /* asked to stop; frees itself when it has, or is crashed */
    enum sw_role role;
    uint64_t term;
    struct sw_node_id leader;
    uint64_t time_ms; /* leader time never goes back */
    struct sw_tick tick;
    uint64_t applied_index;
    uint64_t applied_term;
    uint64_t revision;
    uint64_t compacted_revision; /* up to here a full disk made us ask that changes be let go */
    uint64_t durable_index;
    struct sw_applied state;     /* as of the last probe */
    struct sw_fair fair;         /* writes not proposed, reads that have their read point */
    uint64_t reading_cost;       /* of the reads that the applier has */
    struct sw__list reads;       /* reads of this turn */
    struct sw__list early_reads; /* of revisions that are yet to come here */
    struct sw__list aged_reads;  /* of this turn, that may see a state of some age */
    uint64_t as_of_ns; /* this replica's state was the present one then, or later; 0 = unknown */
    struct sw__list snapshot_waiting;
    struct sw__list asked;          /* actions whose note the leader is asked for */
    struct sw__list audited;        /* actions whose note is committed: this turn runs them */
    struct sw__list watching;       /* watches without news, the longest waiting first */
    uint64_t watched_revision;      /* all of them have looked at it, or need not */
    struct sw_touched touched;      /* keys changed since */
    uint64_t settings_version;      /* that the handler was told of */
    struct sw__list change_waiting; /* for the one change of members that is under way */
    struct sw__flight *flights;     /* owned; in order of proposal */
    struct sw__flight *flights_last;
    uint32_t answered_count;        /* writes of the last answered entry: as many may come again */
    uint64_t answered_ns;           /* when it was answered ... */
    uint64_t flight_ns;             /* ... and how long it took */
    struct sw__read_batch *batches; /* owned */
    struct sw_ring flushes;         /* reasons (sw__flush as pointers), oldest first */
    struct sw__install install;
    struct sw__export export;
};

struct sw__member {
    struct sw_node_id id;
    enum sw_member_role role;
    struct sw_peer_text text;
};

/* A job on the applier's thread that looks at the store, for STATUS and admission. */
struct sw__probe {
    struct sw_job job; /* first */
    struct sw_node *node;
    bool running;
    enum sw_err err;
    struct sw_applied applied;
    struct sw_store_stats store;
    uint64_t last_ms;
};

enum sw__phase {
    SW__PHASE_RUNNING,
    SW__PHASE_DRAINING, /* handing over; what is under way ends */
    SW__PHASE_FLUSHING, /* the applier makes everything durable */
    SW__PHASE_CLOSING,  /* the groups stop */
    SW__PHASE_STOPPED,
};

struct sw_node {
    struct sw_node_config config;               /* members: NULL, see below */
    struct sw__member known[SW_NODE_COUNT_MAX]; /* by the settings */
    uint32_t known_count;
    struct sw__member members[SW_NODE_COUNT_MAX]; /* by the log, once it says something */
    uint32_t member_count;
    uint64_t members_index; /* of that configuration; 0 = the log says nothing yet */
    uint64_t notes_asked;   /* of leaders, ever: see audit_ask.c */
    bool handling;          /* a client's message, right now */
    uint32_t notes_open;    /* that other nodes wait for */
    struct sw__member heard[SW_NODE_COUNT_MAX]; /* from peers, see hearsay.c */
    uint32_t heard_count;
    uint64_t heard_index;       /* counts while it is above members_index */
    uint64_t id_floor;          /* no id up to this may be given to a new node */
    struct sw_applier *applier; /* owned */
    struct sw__shard **shards;  /* owned; sorted by group id */
    uint32_t shard_count;
    struct sw_clients clients;
    struct sw_admission admission;
    struct sw_quota_gates quotas;
    struct sw_denials denials;
    struct sw_timers deadlines;
    struct sw_metrics metrics;
    struct sw__list status_waiting; /* for the next probe */
    struct sw__list status_probing; /* for the running one */
    struct sw__probe probe;
    struct sw_buf scratch; /* encoding of one reply, entry or message */
    enum sw__phase phase;
    uint64_t started_ms;
    uint64_t drain_until_ms;
    uint64_t applier_tick_ms;
    uint64_t evictions_told; /* of sessions, in the log */
    uint64_t transfer_count; /* names installs */
    uint32_t flushes_left;   /* of the stop */
    uint32_t groups_left;    /* of the stop */
    bool failed;
    bool crashed;
};

/* node.c */
struct sw__shard *sw__node_shard(const struct sw_node *node, struct sw_group_id id);
void sw__node_log(struct sw_node *node,
                  enum sw_log_level level,
                  const char *event,
                  const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
void sw__node_fail(struct sw_node *node, enum sw_err err, const char *why);
uint64_t sw__node_now_ms(const struct sw_node *node);
void sw__node_flush_done(struct sw_node *node); /* a SW__FLUSH_STOP ended */

/* intake.c */
void sw__list_add(struct sw__list *list, struct sw__request *request);
void sw__list_remove(struct sw__request *request);
void sw__list_move(struct sw__list *to, struct sw__list *from);
/* The first one, taken off; NULL when empty. */
struct sw__request *sw__list_take(struct sw__list *list);
void sw__client_message(void *arg, uint64_t conn, const uint8_t key[32], struct sw_span message);
void sw__client_gone(void *arg, uint64_t conn);
/* Sends the reply, once; fills id, node, leader, shard and term. Frees nothing. */
void sw__request_answer(struct sw_node *node, struct sw__request *request, struct sw_reply *reply);
void sw__request_refuse(struct sw_node *node,
                        struct sw__request *request,
                        enum sw_err err,
                        const char *detail);
void sw__request_free(struct sw__request *request); /* takes it off its list */
/* Answers all of them and frees them. */
void sw__list_refuse(struct sw_node *node,
                     struct sw__list *list,
                     enum sw_err err,
                     const char *detail);
void sw__deadlines_expire(struct sw_node *node, uint64_t now_ms);
/* NOT_LEADER or NO_LEADER, as far as this node knows. */
enum sw_err sw__shard_elsewhere(const struct sw__shard *shard);

/* Runs an action that was noted, or that needs no note. */
void sw__action_run(struct sw_node *node,
                    struct sw__request *admitted,
                    const struct sw_request *request);

/* intake_audit.c */
/* Of the client whose message is being handled; empty if it is not known, or none is. */
struct sw_span sw__client_address(const struct sw_node *node);
/* The action waits for its note in the audit log; it is not the caller's any more. */
void sw__audit_first(struct sw__request *admitted, const struct sw_request *request);
/* An AUDIT command of our own has an outcome. */
void sw__audit_answered(struct sw__request *own, const struct sw_reply *reply);
/* A client was refused for lack of rights. */
void sw__audit_denied(struct sw__shard *shard,
                      const struct sw_author *author,
                      const struct sw_request *request);
void sw__audit_turn_end(struct sw__shard *shard);

/* Queues a note that another node asked for. */
void sw__audit_propose_for(struct sw__shard *shard,
                           const struct sw_audit_note *note,
                           struct sw_node_id from,
                           uint64_t number);

/* audit_ask.c: the action is owned by the question from now on, or refused. */
void sw__audit_ask(struct sw__request *admitted, const struct sw_audit_note *note);
/* What another node asked for has an outcome. */
void sw__audit_tell(struct sw__request *own, enum sw_err outcome);
void sw__audit_message(struct sw_node *node, struct sw_node_id from, struct sw_span message);

/* intake_rights.c */
/* Who a client is for the log, and for reads. */
struct sw_author sw__rights_author(const struct sw_node *node, const struct sw_client *client);
/* May it do that, as far as this node knows? UNAUTHORIZED, or NO_LEADER while it may not know yet.
 */
enum sw_err sw__rights_check(const struct sw_node *node,
                             const struct sw_client *client,
                             const struct sw_request *request,
                             char ret_why[SW_WHY_SIZE]);
/* The settings as this node last heard of them; never NULL. */
const struct sw_settings *sw__settings_of(const struct sw__shard *shard);
/* Makes gates of new quotas, and tells the handler when other identities are known. */
void sw__rights_turn_end(struct sw__shard *shard);

/* queue.c */
enum sw_fair_class sw__class_of(enum sw_op op);
/* Writes, and reads with their read point: it waits for its turn. */
void sw__queue_push(struct sw__shard *shard, struct sw__request *request);

/* tune_node.c */
void sw__tune_tick(struct sw__shard *shard, uint64_t now_ms);
/* True if the read was one of ours. */
bool sw__tune_answered(struct sw_node *node, uint64_t token, const struct sw_reply *reply);
bool sw__wants_tick(enum sw_op op);
/* The next write, which stays; NULL: none may go. What wants a tick waits until there may be one.
 * Leases come first, but for an entry that is half full with `leases` of them. */
struct sw__request *sw__queue_next_write(struct sw__shard *shard, bool may_tick, uint32_t leases);
/* Takes off what sw__queue_next_write gave. */
void sw__queue_take_write(struct sw__shard *shard, struct sw__request *request);
struct sw__request *sw__queue_take_read(struct sw__shard *shard);
uint32_t sw__queue_writes(const struct sw__shard *shard);
/* Answers all writes, or all reads, that wait for their turn, and frees them. */
void sw__queue_refuse_writes(struct sw__shard *shard, enum sw_err err, const char *detail);
void sw__queue_refuse_reads(struct sw__shard *shard, enum sw_err err, const char *detail);
void sw__queue_drop(struct sw__shard *shard); /* frees all without an answer */
bool sw__reads_wait(const struct sw__shard *shard);

/* reads.c */
void sw__reads_start(struct sw__shard *shard);
/* Hands reads whose turn it is to the applier. */
void sw__reads_pump(struct sw__shard *shard);
void sw__read_done(void *arg, uint64_t token, const struct sw_reply *reply);
void sw__read_moved(void *arg, uint64_t token);

/* shard.c */
/* Queued writes wait for others to share an entry with. */
bool sw__shard_gathers(const struct sw__shard *shard);
enum sw_err sw__shard_new(struct sw_node *node,
                          struct sw_group_id id,
                          struct sw__shard **ret_shard,
                          char ret_why[SW_WHY_SIZE]);
void sw__shard_free(struct sw__shard *shard);
void sw__shard_turn_end(struct sw__shard *shard);
void sw__shard_flush(struct sw__shard *shard, enum sw__flush reason);
/* Entries up to `index` came as a copy: what was proposed there has an unknown outcome. */
void sw__shard_skip_to(struct sw__shard *shard, uint64_t index);
struct sw_applier_handler sw__applier_handler(struct sw_node *node);
/* Committed entries that are not executed yet, as far as the loop knows. */
uint64_t sw__shard_backlog(const struct sw__shard *shard);
/* Jobs of the applier, and entries that wait to become one. */
uint64_t sw__node_applier_load(const struct sw_node *node);
bool sw__shard_idle(const struct sw__shard *shard); /* nobody waits for an answer of it */

/* install.c */
void sw__install_wanted(void *arg, struct sw_node_id from, struct sw_group_snapshot wanted);
void sw__install_flushed(struct sw__shard *shard, enum sw_err err, uint64_t index, uint64_t digest);
void sw__install_message(struct sw_node *node, struct sw_node_id from, struct sw_span message);
void sw__install_imported(
    struct sw__shard *shard, enum sw_err err, bool complete, uint64_t index, struct sw_span cursor);
void sw__install_exported(struct sw__shard *shard,
                          uint64_t token,
                          enum sw_err err,
                          struct sw_span chunk);
void sw__install_tick(struct sw__shard *shard, uint64_t now_ms);
void sw__install_release(struct sw__shard *shard);

/* change.c */
void sw__members_changed(void *arg);
void sw__members_json(const struct sw_node *node, struct sw_buf *out); /* "members":[...] */
void sw__member_request(struct sw_node *node,
                        struct sw__request *admitted,
                        const struct sw_request *request);

/* hearsay.c */
void sw__hearsay_tell(struct sw_node *node, struct sw_node_id to);
void sw__hearsay_tell_all(struct sw_node *node);
void sw__hearsay_message(struct sw_node *node, struct sw_span message);

/* fresh.c */
void sw__fresh_add(struct sw__request *request, const struct sw_request *asked);
/* Says how old the state was at most; false if that is more than the request allows. */
bool sw__fresh_enough(const struct sw__request *request, struct sw_reply *reply);
void sw__fresh_turn_end(struct sw__shard *shard);

/* watch.c */
/* Notes where it stands and what it watches. */
void sw__watch_begin(struct sw__request *request, const struct sw_request *asked);
/* True if a watch that found nothing goes on; else its reply is to be sent. */
bool sw__watch_waits(struct sw__shard *shard,
                     struct sw__request *request,
                     const struct sw_reply *reply);
/* A client left: its watches that wait end. */
void sw__watch_forget(struct sw__shard *shard, uint64_t conn);
void sw__watch_turn_end(struct sw__shard *shard);

/* status.c */
void sw__probe_start(struct sw_node *node); /* no-op while one runs */
void sw__probe_init(struct sw_node *node);
void sw__status_wanted(struct sw_node *node, struct sw__request *request);
void sw__status_turn_end(struct sw_node *node);

#endif
