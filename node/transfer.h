/* A copy of a group's state from one node to another, pulled chunk by chunk by the receiver.
 *
 * The exporter pins a view of its store at a commit and answers each cursor from it; it keeps
 * nothing else, so a lost chunk is asked for again. The importer stages records beside its state
 * and, with the last chunk, puts them in the state's place in one transaction: a crash at any point
 * leaves the old state or the new one. What was staged by an earlier run is dropped at start, and
 * the receiver starts over. Runs on the applier's worker only. */
#ifndef SW_NODE_TRANSFER_H
#define SW_NODE_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "base/span.h"
#include "node/apply.h"
#include "storage/keys.h"
#include "storage/store.h"

enum { SW_EXPORT_IDLE_MS = 30 * 1000 }; /* a view nobody asked for this long is let go */

/* One outgoing copy. Zeroed = none. */
struct sw_export {
    struct sw_store_reader *reader; /* owned; NULL = no view */
    uint64_t index, digest;         /* of the view */
    uint64_t used_ms;
};

/* One incoming copy. Zeroed = none. */
struct sw_import {
    bool active;
    uint64_t index, digest; /* of the view that is being copied */
    uint64_t running;       /* sum over all records so far */
    struct sw_buf cursor;   /* owned; what the next chunk must answer */
    enum sw_table last_table;
    struct sw_key last_key;         /* of the last staged record; size 0 = none yet */
    uint32_t last_size, last_total; /* bytes staged of its value, and all of them */
};

/* The state at the view; the store has no open transaction. Ends an earlier copy. */
enum sw_err sw_export_begin(struct sw_export *out,
                            const struct sw_state *state,
                            struct sw_store *store) SW_MUST_CHECK;
void sw_export_end(struct sw_export *out, struct sw_store *store);
/* The chunk at `cursor` (empty = the first), at most `size_max` bytes. CONFLICT: the cursor is of a
 * view that is gone, MALFORMED: it is none. Any other error is the store's own. */
enum sw_err sw_export_chunk(struct sw_export *out,
                            struct sw_store *store,
                            struct sw_group_id group,
                            struct sw_span cursor,
                            size_t size_max,
                            struct sw_buf *chunk) SW_MUST_CHECK;

/* How an import step ended. */
struct sw_import_result {
    enum sw_err err; /* OK, MALFORMED, CONFLICT (not the chunk that is next), DISK_FULL */
    bool complete;   /* the copy took the state's place, or was no newer than it */
};

/* Stages a chunk; with the last one replaces `state` and its tables. The store has no open
 * transaction before and after. The error returned is the store's own and fatal; everything that is
 * wrong with the chunk is in `ret_result`, and the state is then as before. */
enum sw_err sw_import_chunk(struct sw_import *in,
                            struct sw_state *state,
                            struct sw_store *store,
                            struct sw_span bytes,
                            struct sw_import_result *ret_result) SW_MUST_CHECK;
/* Forgets the copy; what is staged stays until the next one starts. */
void sw_import_release(struct sw_import *in);
/* Deletes what is staged, of all groups. */
enum sw_err sw_import_drop_leftovers(struct sw_store *store) SW_MUST_CHECK;

#endif
