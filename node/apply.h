/* Apply: what a committed entry does to a group's state. The only writer of replicated state.
 *
 * A pure function of (state, entry): no clock, no randomness, no order of a hash table. The time
 * is the leader's, from the entry, and never goes back. So replicas that stand at the same index
 * are equal byte for byte, whatever their batching, commits and restarts, and the running digest
 * in `sw_state` says so: each index chains everything the entry changed and answered.
 *
 * An error from here means that this node's store cannot follow: bytes that fail their check, I/O,
 * or no space. No space is no answer to a committed command, because the other replicas may have
 * executed it: the caller aborts the transaction and stops; a restart with more space goes on from
 * the last commit. Refusing writes while space is left is the business of admission. */
#ifndef SW_NODE_APPLY_H
#define SW_NODE_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/rw.h"
#include "base/span.h"
#include "node/applier.h"
#include "node/change_log.h"
#include "node/session.h"
#include "node/settings.h"
#include "node/touched.h"
#include "node/usage.h"
#include "node/vectors.h"
#include "storage/keys.h"
#include "storage/store.h"

enum {
    SW_STATE_FORMAT = 4, /* older ones are read: docs/STORAGE_FORMAT.md */
    SW_STATE_RECORD_SIZE = 132,
    SW_KV_FORMAT = 1, /* without a lease */
    SW_KV_HEADER_SIZE = 33,
    SW_KV_LEASE_FORMAT = 2,   /* with one behind the header */
    SW_KV_HISTORY_FORMAT = 3, /* with one, or 0, and the way to what the key was */
    SW_EXPERIENCE_FORMAT = 1,
    SW_EXPERIENCE_HEADER_SIZE = 17,

    /* Sessions that one entry may expire, so that a jump of time costs each entry little. */
    SW_APPLY_EXPIRE_COUNT_MAX = 64,
    /* Keys that the end of leases deletes at one tick, at least one lease; then the next tick goes
     * on. */
    SW_APPLY_LEASE_KEY_COUNT = 1024,
    /* Old changes that a compaction or a tick deletes; then the next tick goes on. */
    SW_APPLY_SWEEP_COUNT = 1024,
};

/* The audit log's ends. */
struct sw_audit {
    uint64_t first, last; /* numbers of the records that are kept; 0 = there are none */
    uint8_t hash[32];     /* of the last one */
};

/* The state of one group beside its tables. Owned by the applier's worker. */
struct sw_state {
    struct sw_group_id group;
    uint64_t index;  /* of the last applied entry */
    uint64_t term;   /* of that entry */
    uint64_t digest; /* chained up to `index` */
    uint64_t revision;
    uint64_t time_ms;
    uint64_t clock_ms; /* leader's elapsed time, moved by ticks alone; leases end by it */
    uint64_t ticks;    /* of this node's memory: how often that was said since it was loaded */
    uint32_t lease_count;
    uint64_t leases_ended;              /* by their time, ever */
    uint64_t lease_due_ms;              /* when the next one ends; UINT64_MAX = there is none */
    uint64_t change_count, change_size; /* kept for watchers */
    uint64_t change_floor;              /* changes up to this revision are not kept any more */
    struct sw_change_at change_swept;   /* and their records are deleted up to here */
    uint64_t retention_count; /* namespaces that are counted by themselves: node/retention.h */
    uint64_t history_floor;   /* what keys were is kept from this revision on, if changes are */
    uint8_t rules; /* the highest format of an entry so far: changes are kept from 2 on */
    uint64_t change_count_max, change_size_max;
    uint64_t sessions_expired, sessions_evicted;
    struct sw_sessions sessions;
    struct sw_settings settings;
    struct sw_usages usages;
    struct sw_vectors vectors;
    struct sw_audit audit;
    bool changed; /* since the last save */

    uint64_t written;          /* bytes put into tables since whoever commits looked last */
    struct sw_touched touched; /* keys changed since whoever wakes watchers looked last */

    /* Scratch, owned: what the running entry did, for the digest; the record being written; the
     * records of the entry's answers, in the order of its commands. */
    struct sw_buf effects, record, answers;
    void *effects_hash; /* owned: of those before `effects`, if there are any; NULL until then */
    bool effects_cut;
};

/* Views into the stored bytes. */
struct sw_kv_record {
    uint64_t create_revision, mod_revision, version, time_ms;
    uint64_t lease; /* 0 = none */
    struct sw_history_head head;
    struct sw_span value;
    uint64_t seen; /* by apply: when it was read */
};

struct sw_experience_record {
    uint64_t time_ms;
    struct sw_session_id session;
    struct sw_span value;
};

void sw_state_init(struct sw_state *state, struct sw_group_id group);
void sw_state_release(struct sw_state *state);

/* A tick would find something to do whatever the time: what it began is not done. */
bool sw_state_is_due(const struct sw_state *state);

/* What the store holds of the group; an unknown group is at index 0. */
enum sw_err sw_state_load(struct sw_state *state, struct sw_store *store) SW_MUST_CHECK;
/* Writes sessions and the state record into the open transaction: the caller commits. */
enum sw_err sw_state_save(struct sw_state *state, struct sw_store *store) SW_MUST_CHECK;

/* What the log's records say. */
enum sw_err sw_audit_load(struct sw_audit *audit, struct sw_store *store, struct sw_group_id group)
    SW_MUST_CHECK;
/* What all keys of its records begin with, in SW_TABLE_META. */
void sw_audit_prefix(struct sw_group_id group, struct sw_key *ret_key);

/* In SW_TABLE_META. */
void sw_state_key(struct sw_group_id group, struct sw_key *ret_key);
void sw_state_encode(const struct sw_state *state, struct sw_buf *out);
/* Reads all but the sessions; `ret_session_count` is how many there must be. */
enum sw_err sw_state_decode(struct sw_state *state,
                            struct sw_span record,
                            uint32_t *ret_session_count) SW_MUST_CHECK;

/* A committed entry. An empty body counts its index and no more. */
struct sw_apply_entry {
    uint64_t index; /* state->index + 1 */
    uint64_t term;
    struct sw_span body;
};

/* `ret_results` is malloc'ed for the caller, one row a command and behind them the records that the
 * rows show, all in one block; NULL if there are no commands. */
enum sw_err sw_apply(struct sw_state *state,
                     struct sw_store *store,
                     const struct sw_apply_entry *entry,
                     struct sw_command_result **ret_results,
                     uint32_t *ret_count) SW_MUST_CHECK;

/* CORRUPT if the bytes are none of ours, NEWER_FORMAT if their format is. */
enum sw_err sw_kv_record_decode(struct sw_span bytes, struct sw_kv_record *ret_record)
    SW_MUST_CHECK;
enum sw_err sw_experience_record_decode(struct sw_span bytes,
                                        struct sw_experience_record *ret_record) SW_MUST_CHECK;

#endif
