/* Whose data directory this is, and that nobody else uses it.
 *
 *     DIR/LOCK      held by flock while the process lives; contains its pid, for people
 *     DIR/identity  four lines of text: format, swarm, node, checksum; written once, never changed
 *     DIR/wal/      the log            (storage/wal_engine.h)
 *     DIR/state/    the state          (storage/store_lmdb.h)
 *
 * Opening checks before it touches: a directory of another swarm or node, of a newer format, or in
 * use stays exactly as it was. */
#ifndef SW_NODE_IDENTITY_POSIX_H
#define SW_NODE_IDENTITY_POSIX_H

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"

enum { SW_IDENTITY_FORMAT = 1 };

struct sw_identity; /* holds the lock */

/* Makes the directory (not its parents) if it is absent, with mode 0700. LOCKED, STRANGER,
 * NEWER_FORMAT, CORRUPT (the identity is damaged, or gone while data is there), PERMISSIONS,
 * CONFIG (no such parent, no directory), DISK_FULL, IO; `ret_why` says what was found. */
enum sw_err sw_identity_open(const char *data_dir,
                             struct sw_swarm_id swarm,
                             struct sw_node_id node,
                             struct sw_identity **ret_identity,
                             char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_identity_close(struct sw_identity *identity); /* gives the lock back; accepts NULL */

/* Directories of the log and the state; made by open. */
const char *sw_identity_wal_dir(const struct sw_identity *identity);
const char *sw_identity_state_dir(const struct sw_identity *identity);

#endif
