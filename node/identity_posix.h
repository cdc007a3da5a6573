/* Whose data directory this is, that nobody else uses it, and that what it held is still there.
 *
 *     DIR/LOCK         held by flock while the process lives; contains its pid, for people
 *     DIR/identity     four lines of text: format, swarm, node, checksum; written once, never
 * changed DIR/first-start  only before the first start (base/first_start.h) DIR/wal/         the
 * log            (storage/wal_engine.h) DIR/state/       the state          (storage/store_lmdb.h)
 *
 * Opening checks before it touches: a directory of another swarm or node, of a newer format, or in
 * use stays exactly as it was.
 *
 * A node that lost its log has forgotten its votes and what it acknowledged: with its vote a leader
 * could be elected that lacks acknowledged writes. So a start without a log needs a permission that
 * is used up before the node can vote:
 *
 *     1  the marker is durable (swarmctl put it there, or --first-start does now)
 *     2  the identity is durable
 *     3  the log and the state are durable                     the caller, between open and settle
 *     4  the marker is durably gone                            sw_identity_settle
 *     5  the node may vote
 *
 * A crash before 4 leaves the marker, and nothing was promised yet: the next start goes on. From 4
 * on the log is there for good, and where it is not, DATA_MISSING. */
#ifndef SW_NODE_IDENTITY_POSIX_H
#define SW_NODE_IDENTITY_POSIX_H

#include <stdbool.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"

enum { SW_IDENTITY_FORMAT = 1 };

struct sw_identity; /* holds the lock */

struct sw_identity_config {
    const char *data_dir; /* borrowed during open */
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    bool first_start; /* the directory may be empty; refused (CONFIG) once the node has run */
};

/* Directories of the log and the state are made here at a first start. With `first_start` the data
 * directory too (not its parents), with mode 0700. LOCKED, STRANGER, NEWER_FORMAT, DATA_MISSING,
 * CORRUPT (the identity is damaged, or gone while data is there), PERMISSIONS, CONFIG (no such
 * parent, no directory, not the first start), DISK_FULL, IO; `ret_why` says what was found. */
enum sw_err sw_identity_open(const struct sw_identity_config *config,
                             struct sw_identity **ret_identity,
                             char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Uses up the permission of a first start; nothing to do at any other. The caller has made log and
 * state durable, and has not let the node vote yet. IO and the like: it must not vote. */
enum sw_err sw_identity_settle(struct sw_identity *identity, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
/* Whose directory it says it is, for one who opens what is there; sw_identity_open proves it.
 * Changes nothing. NOT_FOUND: no node was ever here. */
enum sw_err sw_identity_peek(const char *data_dir,
                             struct sw_swarm_id *ret_swarm,
                             struct sw_node_id *ret_node,
                             char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_identity_close(struct sw_identity *identity); /* gives the lock back; accepts NULL */

const char *sw_identity_wal_dir(const struct sw_identity *identity);
const char *sw_identity_state_dir(const struct sw_identity *identity);

#endif
