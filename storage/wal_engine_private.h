/* What the engine's files share: its state, and the index of live entries of one group. */
#ifndef SW_STORAGE_WAL_ENGINE_PRIVATE_H
#define SW_STORAGE_WAL_ENGINE_PRIVATE_H

#include "storage/wal_engine.h"
#include "storage/wal_format.h"
#include "storage/wal_scan.h"

/* Entries from `index` on, up to the next run, lie in `segment`. */
struct sw__wal_run {
    uint64_t index;
    uint64_t segment;
};

/* Where an entry's body lies. Kept only between opening and the first commit, for load. */
struct sw__wal_place {
    uint64_t segment;
    uint64_t offset; /* of the body */
    uint64_t term;
    uint64_t body_sum;
    uint32_t size;
    uint8_t type;
};

/* Which entries of one group are live: [start, next). Entries of a group get later positions in
 * the log as their index grows, so the first one tells which segment the group still needs. */
struct sw__wal_log {
    uint64_t start;
    uint64_t next;
    struct sw__wal_run *runs; /* owned; ascending in index and in segment */
    size_t run_count;
    size_t run_capacity;
    bool placed;                  /* `places` has one item for each live entry */
    struct sw__wal_place *places; /* owned */
    size_t place_capacity;
};

void sw__wal_log_init(struct sw__wal_log *log, uint64_t next, bool placed);
void sw__wal_log_release(struct sw__wal_log *log);
bool sw__wal_log_validate(const struct sw__wal_log *log);
/* Entry `index` replaces all at or behind it. `place` counts only if the log is placed. An index
 * that does not join on starts the log anew: what lay before was superseded or is in a segment
 * that was recycled because later records replace it. */
void sw__wal_log_put(struct sw__wal_log *log, uint64_t index, const struct sw__wal_place *place);
void sw__wal_log_truncate(struct sw__wal_log *log, uint64_t from_index);
/* Drops entries < first_index; an empty log goes on there. */
void sw__wal_log_drop_below(struct sw__wal_log *log, uint64_t first_index);
void sw__wal_log_reset(struct sw__wal_log *log, uint64_t next);
void sw__wal_log_forget_places(struct sw__wal_log *log);
/* Applies a record that was read back: what the group's row says about first index and reset comes
 * before what the record says. */
void sw__wal_log_replay(struct sw__wal_log *log,
                        const struct sw_wal_state_group *row,
                        const struct sw_wal_segment_header *segment,
                        uint64_t offset,
                        const struct sw_wal_record *record);
/* Segment of the first live entry; UINT64_MAX if there is none. */
uint64_t sw__wal_log_first_segment(const struct sw__wal_log *log);

struct sw__wal_used {
    uint64_t sequence;
    uint64_t size;
};

struct sw_wal_engine {
    struct sw_wal_engine_config config;
    struct sw_wal_state state; /* as on disk, but for changes of the batch under way */
    bool state_dirty;
    struct sw__wal_log *logs; /* owned; one for each row of state.groups */
    struct sw_file *state_files[2];

    struct sw__wal_used *used; /* owned; segments in use, the last one is written to */
    size_t used_count;
    size_t used_capacity;
    uint64_t *spares; /* owned; sequences of files ready for use */
    size_t spare_count;
    size_t spare_capacity;
    uint64_t spare_next; /* sequence for the next file's spare name */

    struct sw_file *file; /* owned; the last segment */
    struct sw_wal_segment_header header;
    uint64_t offset;     /* where `batch` will be written */
    struct sw_buf batch; /* encoded, not written yet */
    bool unsynced;       /* something was written or waits in `batch` since the last sync */
    uint64_t next_lsn;
    uint64_t durable_lsn;

    struct sw_file *preparing; /* owned; a spare under way, or NULL */
    uint64_t preparing_sequence;
    uint64_t prepared_size;
    uint64_t growth;      /* bytes of log since the last slice */
    bool prepare_blocked; /* the disk was full; tried again with the next segment */

    enum sw_err failed; /* sticky */
    struct sw_buf scratch;
    struct sw_wal_stats stats;
};

/* All of these return the first error and make it sticky, with the reason in `why`. */
enum sw_err sw__wal_fail(struct sw_wal_engine *engine,
                         enum sw_err err,
                         char *why,
                         const char *what,
                         const char *name) SW_MUST_CHECK;
/* Writes and syncs both state copies, then recycles what the new state gave up. */
enum sw_err sw__wal_state_flush(struct sw_wal_engine *engine, char *why) SW_MUST_CHECK;
/* Writes one state copy and syncs it. */
enum sw_err sw__wal_state_write(struct sw_wal_engine *engine, int copy, char *why) SW_MUST_CHECK;
/* Pads, writes and syncs the records that wait. */
enum sw_err sw__wal_records_sync(struct sw_wal_engine *engine, char *why) SW_MUST_CHECK;
/* Begins a new segment that has room for a record of `record_size` bytes. */
enum sw_err sw__wal_segment_begin(struct sw_wal_engine *engine, uint64_t record_size, char *why)
    SW_MUST_CHECK;
/* Leaves a note behind the last batch that it is durable; not synced itself. */
enum sw_err sw__wal_mark_write(struct sw_wal_engine *engine, char *why) SW_MUST_CHECK;
/* Turns a segment file that is not needed any more into a spare, or removes it. */
enum sw_err
sw__wal_segment_recycle(struct sw_wal_engine *engine, uint64_t sequence, uint64_t size, char *why)
    SW_MUST_CHECK;
enum sw_err sw__wal_file_write(struct sw_wal_engine *engine,
                               struct sw_file *file,
                               uint64_t offset,
                               struct sw_span bytes) SW_MUST_CHECK;
enum sw_err sw__wal_file_sync(struct sw_wal_engine *engine, struct sw_file *file) SW_MUST_CHECK;
/* Writes zeros over [from, to). */
enum sw_err
sw__wal_file_zero(struct sw_wal_engine *engine, struct sw_file *file, uint64_t from, uint64_t to)
    SW_MUST_CHECK;
/* The row of `group`, made if there is none; its log is engine->logs at the same position. */
size_t sw__wal_group_row(struct sw_wal_engine *engine, struct sw_group_id group);
void sw__wal_used_add(struct sw_wal_engine *engine, uint64_t sequence, uint64_t size);

#endif
