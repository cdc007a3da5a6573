/* The applier: the only writer of replicated state, and the only reader of it.
 *
 * The loop submits jobs; they run in order on the worker's thread against the store; results come
 * back on the loop, in the same order. A read submitted after an entry sees that entry. What a job
 * does to the state depends on the state and the entry only (node/apply.h): never on a clock, a
 * random number, a pointer or the moment of a commit. The store's transaction is committed when it
 * has grown or aged enough, and for a snapshot; the log replays whatever a crash undoes.
 *
 * A search that would keep entries waiting for more than about a millisecond goes to a second
 * worker, if there is one: those that wait share a commit and a view of it (ADR 21). It sees all
 * that the first one would have shown it, and later answers may come before its own.
 *
 * One applier serves all groups of a node. Bodies and requests are copied at submission. */
#ifndef SW_NODE_APPLIER_H
#define SW_NODE_APPLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/rw.h"
#include "base/span.h"
#include "base/worker.h"
#include "node/entry.h"
#include "node/settings.h"
#include "node/touched.h"
#include "storage/store.h"
#include "transport/proto.h"

struct sw_applier;

/* Outcome of one command of an entry; what a session stores and a reply carries. */
struct sw_command_result {
    enum sw_err err;
    uint64_t revision;
    uint64_t value; /* see struct sw_reply */
    uint32_t record_count;
    struct sw_span records; /* encoded; borrowed from whoever gives the result */
};

struct sw_applier_handler {
    void *arg;
    /* Entry (group, index, term) is executed; `results` has one row a command, in order; none for
     * an entry that was empty or already in the store. Called once per submitted entry. */
    void (*entry_done)(void *arg,
                       struct sw_group_id group,
                       uint64_t index,
                       uint64_t term,
                       const struct sw_command_result *results,
                       uint32_t count);
    /* `reply` is complete but for id, node, leader and term; spans are valid during the call. */
    void (*read_done)(void *arg, uint64_t token, const struct sw_reply *reply);
    /* The read of this token keeps no others waiting any more; NULL: nobody wants to know. */
    void (*read_moved)(void *arg, uint64_t token);
    /* State up to `index` survives a power cut; `digest` is the running digest at `index`. */
    void (*flush_done)(
        void *arg, struct sw_group_id group, enum sw_err err, uint64_t index, uint64_t digest);
    /* A chunk of a consistent copy of the group's state; see sw_applier_export. Empty on error. */
    void (*export_done)(
        void *arg, struct sw_group_id group, uint64_t token, enum sw_err err, struct sw_span chunk);
    /* The chunk is staged; `complete` when it was the last one and the copy took the state's place:
     * then index and digest say what the state is now. `cursor` is what to ask for next. */
    void (*import_done)(void *arg,
                        struct sw_group_id group,
                        enum sw_err err,
                        bool complete,
                        uint64_t index,
                        uint64_t digest,
                        struct sw_span cursor);
    /* The state can not be trusted or written any more (checksum, I/O): the process must stop. */
    void (*fatal)(void *arg, enum sw_err err, const char *why);
};

/* All borrowed, outliving the applier. */
struct sw_applier_config {
    struct sw_store *store;
    struct sw_worker *worker;
    struct sw_worker *search_worker; /* NULL: `worker` does long searches too */
    const struct sw_env *env;        /* only for when to commit */
    struct sw_applier_handler handler;
    uint32_t commit_interval_ms; /* commit at the latest this long after a first write; 0 = 1000 */
    uint32_t commit_bytes;       /* or after this much; 0 = 64 MiB */
    uint32_t change_count_max;   /* see struct sw_node_config */
};

/* Where the store stands for a group. Synchronous, before the worker has any job. */
struct sw_applied {
    uint64_t index;
    uint64_t term;
    uint64_t digest;
    uint64_t revision;
    uint64_t time_ms;                /* highest leader time seen */
    uint64_t clock_ms, lease_due_ms; /* see struct sw_applier_clock */
};

enum sw_err sw_applier_new(const struct sw_applier_config *config,
                           struct sw_applier **ret_applier,
                           char ret_why[SW_WHY_SIZE]);
/* No job may be under way. What is not committed is dropped; where the worker is a thread, its last
 * job was a flush, since a transaction ends on the thread that it began on. Accepts NULL. */
void sw_applier_free(struct sw_applier *applier);
enum sw_err sw_applier_applied(struct sw_applier *applier,
                               struct sw_group_id group,
                               struct sw_applied *ret_applied);

/* The same for a job of the applier's own worker, in order with the applier's jobs: index and
 * digest are one consistent pair. Never from the loop. */
enum sw_err sw_applier_look(struct sw_applier *applier,
                            struct sw_group_id group,
                            struct sw_applied *ret_applied);

void sw_applier_entry(struct sw_applier *applier,
                      struct sw_group_id group,
                      uint64_t index,
                      uint64_t term,
                      struct sw_span body);
/* GET, MULTI_GET, SCAN, EXPERIENCE_SCAN, LEASE_LIST, if `author` may do that when it is done.
 * `request->timeout_ms`: not started later than this, but answered with DEADLINE; 0 = never. */
void sw_applier_read(struct sw_applier *applier,
                     struct sw_group_id group,
                     const struct sw_author *author,
                     const struct sw_request *request,
                     uint64_t token);
/* Commits and syncs everything submitted so far. */
void sw_applier_flush(struct sw_applier *applier, struct sw_group_id group);
/* Next chunk of a consistent copy: `cursor` empty starts one (and pins a view of the state until
 * the copy ends, another one of this group starts, or sw_applier_export_stop); then the cursor that
 * the receiver's import_done gave. */
void sw_applier_export(struct sw_applier *applier,
                       struct sw_group_id group,
                       struct sw_span cursor,
                       uint64_t token);
void sw_applier_export_stop(struct sw_applier *applier, struct sw_group_id group);
/* Stages a chunk; the first chunk of a copy discards what was staged before. A copy older than the
 * state in place completes without effect. */
void sw_applier_import(struct sw_applier *applier, struct sw_group_id group, struct sw_span chunk);
/* Commits if it is time to; call every ~100 ms when idle. */
void sw_applier_tick(struct sw_applier *applier);
/* Counted since start, as of the last job done. */
struct sw_applier_stats {
    uint64_t entries;  /* executed, empty ones too */
    uint64_t commands; /* of them */
    uint64_t skipped;  /* entries that the store held already */
    uint64_t reads;
    uint64_t commits;
    uint64_t sessions;         /* open now, all groups */
    uint64_t sessions_expired; /* ever, from the state itself */
    uint64_t sessions_evicted; /* ever: clients that lost their session to SW_SESSION_COUNT_MAX */
    uint64_t leases;           /* live now, all groups */
    uint64_t leases_ended;     /* ever, by their time */
};
void sw_applier_stats(const struct sw_applier *applier, struct sw_applier_stats *ret_stats);
/* The group's clock as of its last job done, and when the next tick has something to do by it: a
 * lease ends, or an index has work waiting (UINT64_MAX: nothing). */
struct sw_applier_clock {
    uint64_t revision;
    uint64_t clock_ms;
    uint64_t ticks; /* another number: the clock was told anew, maybe the same time again */
    uint64_t lease_due_ms;
};
struct sw_applier_clock sw_applier_clock(const struct sw_applier *applier,
                                         struct sw_group_id group);
/* Merges into `touched` the keys that entries done since the last call changed. */
void sw_applier_touched(struct sw_applier *applier,
                        struct sw_group_id group,
                        struct sw_touched *touched);
/* The group's settings as of its last job done, for the loop; NULL: it had no job yet. Borrowed
 * until the next job is done. `*ret_version` counts the tables so far (may be NULL). */
const struct sw_settings *sw_applier_settings(const struct sw_applier *applier,
                                              struct sw_group_id group,
                                              uint64_t *ret_version);
/* From here on a search that takes long is answered with SHUTTING_DOWN, but for those in the view
 * under way: sw_applier_searching tells whether there is one. */
void sw_applier_end_searches(struct sw_applier *applier);
bool sw_applier_searching(const struct sw_applier *applier);
/* Jobs submitted and not done yet: back-pressure for whoever reads clients. */
uint32_t sw_applier_pending(const struct sw_applier *applier);
/* The entries of them, and whether one more is within SW_APPLY_*: entries come as fast as a leader
 * sends, so whoever submits them asks first, and leaves the rest where it is. */
uint32_t sw_applier_entries(const struct sw_applier *applier);
bool sw_applier_has_room(const struct sw_applier *applier);

#endif
