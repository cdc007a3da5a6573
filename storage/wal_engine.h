/* The WAL itself, as plain synchronous code over the disk port: open and recover, commit a batch
 * of requests with one sync, recycle segments. No threads, no clock but for durations, so the same
 * code runs on a real disk behind wal_queue and in the simulator on disk_mem. One owner at a time.
 *
 * A batch is written in whole blocks from a block border on (default 4096 bytes) and padded with
 * zeros: a torn write can only harm blocks that hold nothing durable, and the kernel never has to
 * read a page of a recycled file in order to change a part of it. The price is space in the file,
 * not work for the disk, which writes whole pages anyway.
 *
 * Every error is final: after it each call answers the same error, because nobody knows what a
 * failed write or sync left behind. */
#ifndef SW_STORAGE_WAL_ENGINE_H
#define SW_STORAGE_WAL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "storage/disk.h"
#include "storage/wal.h"

#define SW_WAL_SEGMENT_SIZE_DEFAULT ((uint64_t)64 << 20)
#define SW_WAL_SEGMENT_SIZE_MIN     ((uint64_t)16 << 10)
#define SW_WAL_SEGMENT_SIZE_MAX     ((uint64_t)1 << 30)

struct sw_wal_engine; /* opaque */

struct sw_wal_engine_config {
    struct sw_disk *disk;     /* borrowed: outlives the engine */
    const struct sw_env *env; /* borrowed; for durations in the statistics; may be NULL */
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    uint64_t segment_size; /* bytes, a multiple of block_size; 0 = default */
    uint32_t block_size;  /* bytes, a power of two, 512..65536; 0 = 4096; at most the disk's page */
    uint32_t spare_count; /* freed segments kept for reuse at most; 0 = 2 */
    uint64_t room_min;    /* a segment is not prepared ahead if it leaves the disk less than this */
    uint64_t salt;        /* random, so that stored values cannot imitate records */
};

enum sw_wal_op_kind { SW_WAL_OP_APPEND, SW_WAL_OP_TRUNCATE, SW_WAL_OP_HARD, SW_WAL_OP_SNAPSHOT };

/* One request of the port. */
struct sw_wal_op {
    enum sw_wal_op_kind kind;
    struct sw_group_id group;
    const struct sw_wal_entry *entries; /* borrowed during commit; APPEND */
    size_t entry_count;
    uint64_t index; /* TRUNCATE: from; SNAPSHOT: first index to keep */
    struct sw_wal_hard hard;
    struct sw_wal_snapshot snapshot; /* descriptor borrowed during commit */
    bool reset;
    sw_wal_done_fn done; /* the engine does not look at these two */
    void *arg;
};

/* Recovers the directory or makes a fresh one. STRANGER, NEWER_FORMAT, CORRUPT (nothing changed in
 * these three), DISK_FULL, IO; `ret_why` names file and offset. */
enum sw_err sw_wal_engine_open(const struct sw_wal_engine_config *config,
                               struct sw_wal_engine **ret_engine,
                               char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Frees the engine; the disk keeps what was committed. Accepts NULL. */
void sw_wal_engine_close(struct sw_wal_engine *engine);

/* See sw_wal_ops.load. Verifies what it reads: CORRUPT, IO. */
enum sw_err sw_wal_engine_load(struct sw_wal_engine *engine,
                               struct sw_group_id group,
                               struct sw_wal_group *ret_group,
                               char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* Does the requests in order. On OK all of them are durable. IO, DISK_FULL: stop the process. */
enum sw_err sw_wal_engine_commit(struct sw_wal_engine *engine,
                                 const struct sw_wal_op *ops,
                                 size_t count,
                                 char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* True while no pre-written segment waits for the current one to fill up. */
bool sw_wal_engine_wants_spare(const struct sw_wal_engine *engine);
/* Writes the next slice of zeros of the coming segment: a little more than the log grew since the
 * last slice, so that the file is ready when it is needed and no batch waits for more than one
 * slice. A full disk is not an error here. */
enum sw_err sw_wal_engine_prepare_spare(struct sw_wal_engine *engine, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;

/* live_bytes is 0: the queue counts them. */
void sw_wal_engine_stats(const struct sw_wal_engine *engine, struct sw_wal_stats *ret_stats);

#endif
