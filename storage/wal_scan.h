/* Reading a WAL directory: which files there are, where the log ends, and whether what is missing
 * there was torn by a crash or damaged later. Reads only; recovery and the inspector share it.
 *
 * The rule. Every record carries the LSN up to which everything had been synced when it was
 * written; segment headers, the mark behind the last batch and the state file say the same. The
 * log ends at the first LSN without a good record. If anything found says that this LSN was synced
 * once, the record was damaged after it was durable: CORRUPT. If nothing says so, it belongs to
 * the last write before the crash, which nobody was told of: torn, and cut.
 * What the rule cannot see: damage in the very last batch when the power fails before the mark
 * behind it (written, not synced, after each batch) reached the disk. It looks exactly like a torn
 * write, and the other replicas have to make up for it. */
#ifndef SW_STORAGE_WAL_SCAN_H
#define SW_STORAGE_WAL_SCAN_H

#include "base/err.h"
#include "base/limits.h"
#include "storage/disk.h"
#include "storage/wal_format.h"

/* A window over one file, so that small records do not cost a read each. */
struct sw_wal_reader {
    struct sw_disk *disk; /* borrowed */
    struct sw_file *file; /* borrowed */
    uint64_t file_size;
    uint64_t window_offset;
    struct sw_buf window; /* owned */
};

enum sw_err sw_wal_reader_open(struct sw_wal_reader *reader,
                               struct sw_disk *disk,
                               struct sw_file *file) SW_MUST_CHECK;
void sw_wal_reader_release(struct sw_wal_reader *reader);
/* Bytes [offset, offset + size); valid until the next call. CORRUPT behind the end of the file. */
enum sw_err sw_wal_reader_view(struct sw_wal_reader *reader,
                               uint64_t offset,
                               uint64_t size,
                               struct sw_span *ret_bytes) SW_MUST_CHECK;

/* Where a walk came to its end. */
struct sw_wal_end {
    uint64_t lsn;          /* of the record that is not there */
    uint64_t offset;       /* where it should have begun */
    uint64_t batch_offset; /* where the batch of the last good record begins */
    uint64_t durable_lsn;  /* highest claim seen in a record */
};

/* What lies behind the end of a walk. */
struct sw_wal_behind {
    uint64_t durable_lsn;     /* highest claim seen, marks included */
    uint64_t leftover_offset; /* end of the last record that must be overwritten; 0 = none */
};

/* Both, of the last segment of a log. */
struct sw_wal_tail {
    struct sw_wal_end end;
    struct sw_wal_behind behind;
};

typedef enum sw_err (*sw_wal_visit_fn)(void *arg,
                                       const struct sw_wal_segment_header *segment,
                                       uint64_t offset,
                                       const struct sw_wal_record *record,
                                       struct sw_span body);

/* Visits the good records of a segment in order, up to (not including) `stop_lsn` or the first one
 * that is missing. Fails only if the disk or the visitor does. */
enum sw_err sw_wal_walk(struct sw_wal_reader *reader,
                        const struct sw_wal_segment_header *segment,
                        uint64_t stop_lsn,
                        sw_wal_visit_fn visit,
                        void *arg,
                        struct sw_wal_end *ret_end) SW_MUST_CHECK;
/* Searches everything behind `end` for headers of this segment with an LSN >= end->lsn. */
enum sw_err sw_wal_look_behind(struct sw_wal_reader *reader,
                               const struct sw_wal_segment_header *segment,
                               const struct sw_wal_end *end,
                               struct sw_wal_behind *ret_behind) SW_MUST_CHECK;

/* All that a directory holds, before any record is read. */
struct sw_wal_catalog {
    bool fresh; /* nothing but leftovers of an unfinished first start */
    struct sw_wal_state state;
    bool state_bad[2];                      /* copy a, b: absent or unreadable */
    bool state_behind[2];                   /* not the newest, or bad */
    struct sw_wal_segment_header *segments; /* owned; contiguous sequences, in order */
    size_t segment_count;
    uint64_t *leftovers; /* owned; sequences of segments that the state has given up */
    size_t leftover_count;
    size_t leftover_capacity;
    uint64_t *spares; /* owned; sequences of the spare files */
    size_t spare_count;
    size_t spare_capacity;
    uint64_t *unfinished; /* owned; sequences of files that were to become spares */
    size_t unfinished_count;
    size_t unfinished_capacity;
};

/* Verifies identity, state and segment headers. STRANGER, NEWER_FORMAT, CORRUPT, IO. Changes
 * nothing. Release the catalog whatever the outcome. */
enum sw_err sw_wal_catalog_read(struct sw_disk *disk,
                                struct sw_swarm_id swarm,
                                struct sw_node_id node,
                                struct sw_wal_catalog *ret_catalog,
                                char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_wal_catalog_release(struct sw_wal_catalog *catalog);
/* Walks all segments, proves that nothing durable is missing, and tells where the log ends in the
 * last one. CORRUPT names file and offset. */
enum sw_err sw_wal_catalog_walk(struct sw_disk *disk,
                                const struct sw_wal_catalog *catalog,
                                sw_wal_visit_fn visit,
                                void *arg,
                                struct sw_wal_tail *ret_tail,
                                char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* Reads one state copy (0 = a, 1 = b). NOT_FOUND, CORRUPT, NEWER_FORMAT, IO. */
enum sw_err sw_wal_state_read(struct sw_disk *disk, int copy, struct sw_wal_state *ret_state)
    SW_MUST_CHECK;
const char *sw_wal_state_name(int copy);
/* Reads the header of a segment file. NOT_FOUND, CORRUPT, NEWER_FORMAT, IO. */
enum sw_err sw_wal_segment_read(struct sw_disk *disk,
                                uint64_t sequence,
                                struct sw_wal_segment_header *ret_header) SW_MUST_CHECK;
/* Appends to a growing array of numbers. */
void sw_wal_numbers_add(uint64_t **numbers, size_t *count, size_t *capacity, uint64_t number);

#endif
