/* What apply.c and its parts share: the entry under way, and the tables as the digest sees them. */
#ifndef SW_NODE_APPLY_PRIVATE_H
#define SW_NODE_APPLY_PRIVATE_H

#include "node/apply.h"
#include "node/entry.h"
#include "node/retention.h"
#include "transport/audit.h"
#include "transport/proto.h"

/* One entry under way. */
struct sw__apply {
    struct sw_state *state;
    struct sw_store *store;
    struct sw_author author;  /* of the running command */
    uint8_t format;           /* of the entry: the rules that it is executed by */
    uint64_t change_revision; /* of the last change, and how many there were at that revision */
    uint16_t change_number;
    uint64_t writes; /* to tables, from 1: a record that was read before the last is out of date */
};

struct sw_place sw__place_of(const struct sw_request *request);
/* The record of `key`, all zero (version 0) if there is none. Its value is valid until the next
 * write. */
enum sw_err
sw__kv_get(struct sw__apply *apply, const struct sw_key *key, struct sw_kv_record *ret_record);
/* The record that a write at `revision` makes of `old`. */
struct sw_kv_record sw__kv_next(const struct sw_state *state,
                                const struct sw_kv_record *old,
                                uint64_t revision,
                                struct sw_span value,
                                uint64_t lease);
/* Writes or deletes the record of `name`, which is `old` now, and sees to the leases of both. The
 * lease of `record` was found good with sw__lease_check. */
enum sw_err sw__kv_put(struct sw__apply *apply,
                       const struct sw_place *place,
                       struct sw_span name,
                       const struct sw_kv_record *old,
                       const struct sw_kv_record *record);
enum sw_err sw__kv_del(struct sw__apply *apply,
                       const struct sw_place *place,
                       struct sw_span name,
                       const struct sw_kv_record *old);
enum sw_err sw__table_put(struct sw__apply *apply,
                          enum sw_table table,
                          const struct sw_key *key,
                          struct sw_span value);
enum sw_err sw__table_del(struct sw__apply *apply, enum sw_table table, const struct sw_key *key);
/* Adds a record to the answer of the running command. */
void sw__answer_record(struct sw_state *state,
                       struct sw_span key,
                       const struct sw_kv_record *record,
                       struct sw_command_result *result);

/* apply_lease.c. All answers go to the result; the errors returned are the store's. */
enum sw_err sw__lease_grant(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result);
enum sw_err sw__lease_keep_alive(struct sw__apply *apply,
                                 const struct sw_request *request,
                                 struct sw_command_result *result);
enum sw_err sw__lease_revoke(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result);
/* Moves the clock, and ends leases that are due. */
enum sw_err sw__lease_tick(struct sw__apply *apply,
                           const struct sw_request *request,
                           struct sw_command_result *result);
/* May a key of `place` be given to `lease`, beside `more` others? OK, LEASE_GONE or TOO_LARGE goes
 * to `ret_answer`. Lease 0 always may. */
enum sw_err sw__lease_check(struct sw__apply *apply,
                            const struct sw_place *place,
                            uint64_t lease,
                            uint32_t more,
                            enum sw_err *ret_answer);
/* Counts those that are there as what their tenants use. */
enum sw_err sw__leases_count(struct sw__apply *apply);
/* The key of `name` moves from one lease to another; 0 = none. */
enum sw_err
sw__lease_move(struct sw__apply *apply, struct sw_span name, uint64_t from, uint64_t to);

/* apply_change.c: keeps the change that the running command makes of `name`, at the present
 * revision, for watchers and readers of the past. Called before the key's record, which is `old`,
 * changes; gives the head that the new record has. */
enum sw_err sw__change_keep(struct sw__apply *apply,
                            const struct sw_place *place,
                            struct sw_span name,
                            const struct sw_kv_record *old,
                            bool deletes,
                            struct sw_history_head *ret_head);
/* What entries of format 2 did instead, after the change; `record` NULL = it was deleted. */
enum sw_err sw__change_note(struct sw__apply *apply,
                            const struct sw_place *place,
                            struct sw_span name,
                            const struct sw_kv_record *record);
/* The change's record is about to go: so does what is there because of it. */
enum sw_err sw__change_gone(struct sw__apply *apply,
                            const struct sw_change_record *change,
                            struct sw_change_at at);
/* Deletes records that are to go, so many at most. */
enum sw_err sw__change_sweep(struct sw__apply *apply, uint64_t drops);
enum sw_err sw__change_compact(struct sw__apply *apply,
                               const struct sw_request *request,
                               struct sw_command_result *result);

/* apply_setting.c */
enum sw_err sw__apply_setting(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result);
/* apply_session.c */
/* Expires the first few sessions that are overdue; the others stay and are refused when used. */
void sw__sessions_sweep(struct sw_state *state);
/* The session that a write names; NULL if it is gone, and then the answer says so. */
struct sw_session *sw__session_enter(struct sw__apply *apply,
                                     const struct sw_request *request,
                                     enum sw_err *ret_answer);
/* True if the command is one that is about a session, and then it is done. */
bool sw__session_command(struct sw__apply *apply,
                         const struct sw_request *request,
                         struct sw_command_result *result);

/* apply_audit.c */
enum sw_err sw__audit_add(struct sw__apply *apply, const struct sw_audit_note *note);
enum sw_err sw__apply_audit(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result);
/* Notes the running command, which writes a setting, before it does. Of a redeemed token the target
 * is the token. */
enum sw_err
sw__audit_setting(struct sw__apply *apply, const struct sw_request *request, enum sw_err outcome);

/* apply_usage.c */
/* What a write changes of what its tenant uses. */
struct sw__usage_change {
    int64_t keys, experiences, bytes, leases;
};
struct sw__usage_change sw__usage_of_put(struct sw_span key,
                                         const struct sw_kv_record *old,
                                         const struct sw_kv_record *record);
struct sw__usage_change sw__usage_of_del(struct sw_span key, const struct sw_kv_record *old);
/* Counts it. sw__kv_put and sw__kv_del do so themselves. */
enum sw_err sw__usage_add(struct sw__apply *apply,
                          const struct sw_place *place,
                          const struct sw__usage_change *change);
/* Sets QUOTA in the result, with its value, if the change is over a quota of its place. */
enum sw_err sw__quota_check(struct sw__apply *apply,
                            const struct sw_place *place,
                            const struct sw__usage_change *change,
                            struct sw_command_result *result);
/* How many leases a tenant has; 0 as long as they are not counted. */
enum sw_err sw__usage_leases(struct sw__apply *apply, struct sw_span tenant, uint64_t *ret_leases);
/* Before the first command of an entry, and behind the last one. */
enum sw_err sw__usage_begin(struct sw__apply *apply);
enum sw_err sw__usage_flush(struct sw__apply *apply);

/* apply_vector.c */
enum sw_err sw__index_create(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result);
enum sw_err sw__index_drop(struct sw__apply *apply,
                           const struct sw_request *request,
                           struct sw_command_result *result);
enum sw_err sw__vector_put(struct sw__apply *apply,
                           const struct sw_request *request,
                           struct sw_command_result *result);
/* Counts what is there as what its tenants use. */
enum sw_err sw__vectors_count(struct sw__apply *apply);
/* Adds what sw__vector_set of the item will change of what the index's tenant uses. */
enum sw_err sw__vector_usage(struct sw__apply *apply,
                             const struct sw_vectors_index *index,
                             struct sw_span name,
                             const struct sw_vector_item *item,
                             struct sw__usage_change *change);
/* The key is deleted: no index finds it any more. */
enum sw_err
sw__vectors_forget(struct sw__apply *apply, const struct sw_place *place, struct sw_span name);
/* A step of the work that indexes have waiting; there is some. */
enum sw_err sw__vectors_work(struct sw__apply *apply);

/* Is the vector one of the index? If not, DIMENSION (then `ret_value` tells both lengths) or what
 * is wrong with its numbers. */
enum sw_err sw__vector_check(const struct sw_vectors_index *index,
                             struct sw_span vector,
                             uint64_t *ret_value) SW_MUST_CHECK;
/* From the present revision on the index finds the key, which was just put, by this vector. */
enum sw_err sw__vector_set(struct sw__apply *apply,
                           struct sw_vectors_index *index,
                           struct sw_span name,
                           const struct sw_vector_item *item);
/* The same with the bytes of a row (sw__vector_row) in the place of the item's vector, and at its
 * old place in time. Nothing happens if the key has a vector, or the row is none of the index. */
enum sw_err sw__vector_return(struct sw__apply *apply,
                              struct sw_vectors_index *index,
                              struct sw_span name,
                              const struct sw_vector_item *item,
                              uint64_t seq);
/* Entries of the context that were put at lower revisions are stale. */
enum sw_err sw__vector_watermark(struct sw__apply *apply,
                                 struct sw_vectors_index *index,
                                 uint32_t context,
                                 uint64_t revision);

/* apply_tune.c */
enum sw_err sw__index_tune(struct sw__apply *apply,
                           const struct sw_request *request,
                           struct sw_command_result *result);
/* CONFLICT, with the bits that there are as the value, unless the request wants fewer; NOT_FOUND if
 * nothing was ever put. Steps at the end of entries do the rest. */
enum sw_err sw__index_lower(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result);
/* apply_near.c: vectors that an index loses stay with the change that took them away. */
/* Adds what the index has at `id` to `lost`, before it is deleted there. */
enum sw_err sw__lost_add(struct sw__apply *apply,
                         struct sw_vectors_index *index,
                         uint64_t id,
                         struct sw_buf *lost);
/* Files what was added with the newest change of the key, which is of the present revision. */
enum sw_err sw__lost_keep(struct sw__apply *apply,
                          const struct sw_place *place,
                          struct sw_span name,
                          const struct sw_buf *lost);
/* Which entries a change took away. */
struct sw__lost_names {
    uint32_t count;
    uint64_t numbers[SW_VECTORS_PARTITION_COUNT_MAX], ids[SW_VECTORS_PARTITION_COUNT_MAX];
};
enum sw_err sw__lost_names(const struct sw_change_record *change, struct sw__lost_names *ret_names);
/* The change goes, and with it the ways to it. */
enum sw_err sw__lost_drop(struct sw__apply *apply, const struct sw__lost_names *names);
/* The first entry whose vectors are kept when they go: from here on whoever watches misses none. */
enum sw_err sw__lost_begin(struct sw__apply *apply);
/* Writes what is said of the index beside its space. */
enum sw_err sw__profile_put(struct sw__apply *apply, struct sw_vectors_index *index);

/* vectors_row.c: the row that the index has of the key's vector, a view until the next write; empty
 * if it has none. */
enum sw_err sw__vector_row(const struct sw__apply *apply,
                           const struct sw_vectors_index *index,
                           struct sw_span name,
                           struct sw_span *ret_row);
/* The same as sw_alike_of makes it; `ret_id` is 0 if there is none, or it is hidden. */
struct sw_alike;
enum sw_err sw__vector_alike(const struct sw__apply *apply,
                             const struct sw_vectors_index *index,
                             struct sw_span name,
                             struct sw_alike *ret_alike,
                             uint64_t *ret_id);
/* The entry is stale from here on, wherever the watermark of its context is. */
enum sw_err sw__vector_hide(struct sw__apply *apply, struct sw_vectors_index *index, uint64_t id);
/* Searches lost entries, or got some back: see sw_index_note_gone. */
void sw__vectors_note_gone(struct sw__apply *apply, struct sw_vectors_index *index);

/* apply_dedupe.c: a key was deleted: what is known of its content, if it is a block's, goes too. */
enum sw_err
sw__dedupe_forget(struct sw__apply *apply, const struct sw_place *place, struct sw_span name);

/* apply_context.c */
enum sw_err sw__apply_context(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result);

/* Is there an entry within the item's distance? It becomes the answer, EXISTS; if there is none,
 * value 1 says that not all were looked at that the recall asks for. */
enum sw_err sw__vector_find_near(struct sw__apply *apply,
                                 struct sw_vectors_index *index,
                                 const struct sw_vector_item *item,
                                 struct sw_command_result *result);

/* apply_memory.c */
enum sw_err sw__apply_memory(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result);
/* apply_memory_ring.c: a key changes from `old` to `record`, or (NULL) goes; if it is a memory's,
 * its agent's ring is counted anew. */
enum sw_err sw__memory_count(struct sw__apply *apply,
                             const struct sw_place *place,
                             struct sw_span name,
                             const struct sw_kv_record *old,
                             const struct sw_kv_record *record);

/* apply_redeem.c: the author's key is a token, which becomes an identity of another key. */
enum sw_err sw__apply_redeem(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result);

/* apply_retention.c: NULL if the namespace has no setting of its own. */
const struct sw_retention *sw__retention_of(const struct sw__apply *apply,
                                            const struct sw_place *place);
enum sw_err sw__retention_get(struct sw__apply *apply,
                              const struct sw_place *place,
                              struct sw_retention_row *ret_row);
/* One more change, of that size. */
void sw__retention_count(struct sw__apply *apply,
                         struct sw_change_at at,
                         size_t size,
                         struct sw_retention_row *row);
/* Lets go what need not be kept, and writes the row. `head` is that of the key that changed. */
enum sw_err sw__retention_keep(struct sw__apply *apply,
                               const struct sw_place *place,
                               const struct sw_history_head *head,
                               struct sw_retention_row *row);

/* apply_txn.c */
enum sw_err sw__apply_txn(struct sw__apply *apply,
                          const struct sw_request *request,
                          struct sw_command_result *result);

#endif
