/* Reads of a group's state: get, multi-get, scan, experience scan, leases. Changes nothing.
 *
 * A scan walks one partition from `key` (included; "" = from its first key, or its last when
 * reverse) towards `end_key` (excluded; "" = as far as the partition goes). A page ends at the
 * request's limit, SW_SCAN_COUNT_MAX records or SW_SCAN_SIZE_MAX bytes, and says `more` if another
 * record follows; it always has at least one record if there is one. To go on: key = last key and
 * one 0x00 byte; reverse: key = last key, whose record then comes again as the first.
 *
 * An experience scan gives revisions above `expected`; reverse, from the newest down, those below
 * `expected` unless that is 0. So to go on is to name the last revision seen, both ways.
 *
 * A multi-get gives a record for each key, in the order of the request. If the page is full before
 * the last key, `more` is set, and the keys behind the last record are to be asked for again.
 *
 * A watch gives the changes of the keys from `key` to `end_key` with a revision above `expected`,
 * in that order: a record for each put, one with version 0 for each delete; all of one revision are
 * in one page. The reply's revision is up to where everything was told, also if that was nothing.
 * RESYNC if changes after `expected` are not kept any more, or if that revision is yet to come; the
 * reply's revision is then the present one. With SW_REQUEST_PREVIOUS each change is followed by a
 * record of the key before it (version 0: it did not exist); TOO_LARGE if those of one revision do
 * not fit into a message, which can then be watched without.
 *
 * A watch with a question gives the puts of vectors into the index that it names, in the same order
 * and under the same rules, if the vector lies within the question's distance and the attributes
 * that were put with it meet its conditions: a record of the key as that put left it, its distance
 * in the place of a lease. What became of key, vector and context since does not matter. RESYNC
 * also if the index is younger than `expected`. NO_INDEX, DIMENSION, INVALID as a search.
 *
 * GET, MULTI_GET and SCAN read the state as it was at revision `expected` unless that is 0, and
 * their reply has that revision. FUTURE_REVISION if it is yet to come; COMPACTED if what was then
 * is not kept any more, the reply's value being the oldest revision of which everything is.
 *
 * A history gives what `key` was, newest first, below revision `expected` unless that is 0: a
 * record for each version that is kept, and one of version 0 for each deletion. To go on is to name
 * the last mod_revision seen.
 *
 * A list of leases gives those of the partition with an id above `lease`; `expected` is the time on
 * the group's clock that their remaining time is told against, set by the leader. */
#ifndef SW_NODE_QUERY_H
#define SW_NODE_QUERY_H

#include "base/err.h"
#include "base/rw.h"
#include "node/apply.h"
#include "storage/store.h"
#include "transport/proto.h"

/* What the request asks for goes to `ret_reply` (its err says how it went), with records encoded
 * into `records` (cleared first, borrowed by the reply). An error returned is the store's own: its
 * bytes must not be trusted any more. */
enum sw_err sw_query(const struct sw_state *state,
                     struct sw_store *store,
                     const struct sw_request *request,
                     struct sw_buf *records,
                     struct sw_reply *ret_reply) SW_MUST_CHECK;

/* The same for a VECTOR_SEARCH, INDEX_VERIFY or INDEX_LIST alone, of indexes in whatever view of
 * the store they follow; the reply names neither shard nor revision. `ret_unfinished`: BRIEF was
 * not enough, and there is no reply. */
enum sw_err sw_query_vectors(const struct sw_vectors *vectors,
                             struct sw_store *store,
                             const struct sw_request *request,
                             enum sw_vectors_effort effort,
                             struct sw_buf *records,
                             struct sw_reply *ret_reply,
                             bool *ret_unfinished) SW_MUST_CHECK;

#endif
