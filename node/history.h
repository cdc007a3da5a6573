/* What a key was at a past revision.
 *
 * The changes of a key that are kept form a chain, from the newest back. Where it begins is in the
 * key's record in SW_TABLE_KV while the key exists, else in a record of its own in
 * SW_TABLE_HISTORY, which has the same key: so a scan of the past is a walk of both tables at once,
 * and the second is about deleted keys only.
 *
 * Changes of a key are numbered (serial 1, 2, ...). The change with serial s knows, for each power
 * 2^k that divides s, the last change before it whose serial is a multiple of 2^k; the head knows
 * the last of each power. So the oldest change above a revision is found in logarithmic time, and
 * nothing is written anew when the oldest changes go: who looks for a revision above the floor
 * never follows a way to what is gone.
 *
 * The record of a deleted key: 1 byte format, 1; then its head (node/change_log.h). It goes with
 * the change that deleted the key. */
#ifndef SW_NODE_HISTORY_H
#define SW_NODE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "node/apply.h"
#include "node/change_log.h"
#include "storage/store.h"

enum { SW_HISTORY_FORMAT = 1 };

void sw_history_record_encode(const struct sw_history_head *head, struct sw_buf *out);
enum sw_err sw_history_record_decode(struct sw_span bytes, struct sw_history_head *ret_head)
    SW_MUST_CHECK;
/* The head of a deleted key; serial 0 if nothing is known of `key`, which is one of SW_TABLE_KV. */
enum sw_err sw_history_deleted(struct sw_store *store,
                               const struct sw_key *key,
                               struct sw_history_head *ret_head) SW_MUST_CHECK;
/* Forgets the ways to what is gone. */
void sw_history_head_prune(struct sw_history_head *head, uint64_t floor);
/* The head with one more change, at `at`; fills serial and ways back of `change`. */
void sw_history_head_add(struct sw_history_head *head,
                         struct sw_change_at at,
                         struct sw_change_record *change);

/* The present record of a key and its head; version 0 if there is none. */
enum sw_err sw_history_present(struct sw_store *store,
                               const struct sw_key *key,
                               struct sw_version *ret_version,
                               struct sw_history_head *ret_head) SW_MUST_CHECK;
/* The record of a change; NOT_FOUND if it is gone. */
enum sw_err sw_history_change(struct sw_store *store,
                              struct sw_group_id group,
                              struct sw_change_at at,
                              struct sw_change_record *ret_change) SW_MUST_CHECK;

/* The name of a key. */
struct sw_history_name {
    struct sw_place place;
    struct sw_span key;
};

/* The oldest kept change of the key above `revision`, from its head; `ret_at` is nowhere if there
 * is none. Views are valid until the next write. */
enum sw_err sw_history_find(struct sw_store *store,
                            struct sw_group_id group,
                            const struct sw_history_name *name,
                            const struct sw_history_head *head,
                            uint64_t revision,
                            struct sw_change_at *ret_at,
                            struct sw_change_record *ret_change) SW_MUST_CHECK;

/* Down to this revision all changes of a place are kept, and everything that it was (`before`). */
enum sw_err sw_history_floor(const struct sw_state *state,
                             struct sw_store *store,
                             const struct sw_place *place,
                             bool before,
                             uint64_t *ret_floor) SW_MUST_CHECK;

/* What the key was at `revision`, which has been reached; version 0: it did not exist. `ret_answer`
 * is COMPACTED if that is not kept any more. Below the floor there is an answer where the record
 * that held then is there all the same. */
enum sw_err sw_history_version(const struct sw_state *state,
                               struct sw_store *store,
                               const struct sw_history_name *name,
                               uint64_t revision,
                               struct sw_version *ret_version,
                               enum sw_err *ret_answer) SW_MUST_CHECK;

#endif
