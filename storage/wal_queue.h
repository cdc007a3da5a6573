/* The WAL port for a running node: requests of the loop gather while the disk is busy, and each
 * job of the worker carries all that gathered, of all groups, into one group commit.
 *
 * With one job in flight a batch holds everything that came during the last sync, which is the
 * fewest syncs; with two the worker never waits for the loop between them, at the price of smaller
 * batches. No locks: a job is owned by the worker between submit and done, and the engine belongs
 * to whoever holds a job, else to the loop. */
#ifndef SW_STORAGE_WAL_QUEUE_H
#define SW_STORAGE_WAL_QUEUE_H

#include "base/err.h"
#include "base/limits.h"
#include "base/worker.h"
#include "storage/wal.h"
#include "storage/wal_engine.h"

struct sw_wal_queue; /* opaque */

/* Called on the loop, once. No completion follows: the process has to stop. */
typedef void (*sw_wal_fatal_fn)(void *arg, enum sw_err err, const char *why);

struct sw_wal_queue_config {
    struct sw_wal_engine *engine; /* borrowed: outlives the queue */
    struct sw_worker *worker;     /* borrowed */
    uint32_t in_flight_max;       /* jobs handed to the worker at once, 1 or 2; 0 = 1 */
    sw_wal_fatal_fn fatal;
    void *arg;
};

struct sw_wal_queue *sw_wal_queue_new(const struct sw_wal_queue_config *config);
/* Owned by the queue. A group is loaded before anything is asked for it, also when it is new. load
 * answers BUSY while a request is under way. */
struct sw_wal *sw_wal_queue_port(struct sw_wal_queue *queue);
/* True while a request has not been completed or a job is with the worker. */
bool sw_wal_queue_busy(const struct sw_wal_queue *queue);
/* Why the last load failed; "" if it did not. */
const char *sw_wal_queue_why(const struct sw_wal_queue *queue);
/* Jobs that the worker still holds are abandoned to it: their completions are not called, and the
 * last of them frees what is left. To stop: free the queue, stop the worker, close the engine.
 * Accepts NULL. */
void sw_wal_queue_free(struct sw_wal_queue *queue);

#endif
