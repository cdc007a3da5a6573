/* The WAL's bytes: segment header, record header, state file. Encoding and decoding only.
 *
 * All integers are little-endian; every sum is XXH3-64. Sums catch accidents, not attackers: the
 * data directory is trusted as far as the machine is. docs/STORAGE_FORMAT.md has the same tables.
 *
 * Segment file `wal-<sequence, 16 hex digits>`: one block with the segment header, then records.
 *
 *   segment header (96 bytes, rest of the block zero)      record header (64 bytes)
 *    0  8 magic "swarmwal"                                   0  4 magic
 *    8  4 format version                                     4  4 body size
 *   12  4 block size                                         8  8 LSN, +1 from record to record
 *   16 16 swarm id                                          16  8 durable LSN when it was written
 *   32  8 node id                                           24  8 index
 *   40  8 segment sequence                                  32  8 term
 *   48  8 first LSN                                         40  4 group
 *   56  8 file size                                         44  1 kind
 *   64  8 salt                                              45  1 type
 *   72  8 state sequence when it was made                   46  2 zero
 *   80  8 zero                                              48  8 sum of the body, seed = salt
 *   88  8 sum of bytes 0..87                                56  8 sum of bytes 0..55,
 *                                                                 seed = salt + file offset
 * The salt is new each time a file is put to use, so bytes left over from its former life never
 * parse, and a record is good only at the offset that it was written to. Header and body are
 * summed apart, so a damaged length is noticed before it is followed.
 *
 * State file `state-a`, `state-b`:
 *    0  8 magic "swarmsta"       48  8 durable LSN         80  8 sum of the body
 *    8  4 format version         56  8 first segment       88  8 sum of bytes 0..87
 *   12  4 group count            64  8 last segment        96    body
 *   16 16 swarm id, 32 8 node    72  8 body size
 *   40  8 sequence
 *   body, for each group in ascending order:
 *    4 group, 4 flags (1 = has a snapshot), 8 term, 8 vote, 8 first index, 8 reset LSN,
 *    8 snapshot index, 8 snapshot term, 4 descriptor size, descriptor
 *
 * All later formats keep magic, version and the sum of bytes 0..87 where they are, so that an old
 * build can tell "newer" from "damaged". */
#ifndef SW_STORAGE_WAL_FORMAT_H
#define SW_STORAGE_WAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/rw.h"
#include "base/span.h"
#include "storage/wal.h"

enum {
    SW_WAL_FORMAT_VERSION = 1,
    SW_WAL_SEGMENT_HEADER_SIZE = 96,
    SW_WAL_RECORD_HEADER_SIZE = 64,
    SW_WAL_STATE_HEADER_SIZE = 96,
    SW_WAL_STATE_GROUP_SIZE = 60, /* without the descriptor */
    SW_WAL_ALIGNMENT = 8,         /* of every record */
    SW_WAL_BLOCK_SIZE_MIN = 512,
    SW_WAL_BLOCK_SIZE_MAX = 65536,
    SW_WAL_NAME_SIZE = 32,
    SW_WAL_STATE_SIZE_MAX =
        SW_WAL_STATE_HEADER_SIZE +
        SW_GROUP_COUNT_MAX * (SW_WAL_STATE_GROUP_SIZE + SW_SNAPSHOT_DESCRIPTOR_SIZE_MAX),
};

/* The first four bytes of every record. */
#define SW_WAL_RECORD_MAGIC 0x52573153u

enum sw_wal_kind {
    SW_WAL_KIND_ENTRY = 1,
    SW_WAL_KIND_TRUNCATE = 2, /* drops the group's entries >= index */
    SW_WAL_KIND_MARK = 3,     /* says only what is durable; takes no LSN and is overwritten */
};

struct sw_wal_segment_header {
    uint32_t block_size;
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    uint64_t sequence;
    uint64_t first_lsn;
    uint64_t size;
    uint64_t salt;
    uint64_t state_sequence;
};

struct sw_wal_record {
    uint32_t body_size;
    uint64_t lsn;
    uint64_t durable_lsn; /* everything up to here was synced before this record was written */
    uint64_t index;
    uint64_t term;
    struct sw_group_id group;
    uint8_t kind;
    uint8_t type;
    uint64_t body_sum;
};

struct sw_wal_state_group {
    struct sw_group_id group;
    struct sw_wal_hard hard;
    bool has_snapshot;
    uint64_t snapshot_index;
    uint64_t snapshot_term;
    struct sw_buf descriptor; /* owned */
    uint64_t first_index;     /* smaller entries are dropped */
    uint64_t reset_lsn;       /* entries with a smaller LSN are dropped */
};

struct sw_wal_state {
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    uint64_t sequence;
    uint64_t durable_lsn;
    uint64_t first_segment;
    uint64_t last_segment;             /* 0 = none yet */
    struct sw_wal_state_group *groups; /* owned, ascending by id */
    size_t group_count;
};

/* `out` has SW_WAL_SEGMENT_HEADER_SIZE bytes. */
void sw_wal_segment_header_encode(const struct sw_wal_segment_header *header, uint8_t *out);
/* CORRUPT when the sum or a field is wrong, NEWER_FORMAT when only the version is. */
enum sw_err sw_wal_segment_header_decode(struct sw_span bytes,
                                         struct sw_wal_segment_header *ret_header) SW_MUST_CHECK;

uint64_t sw_wal_body_sum(struct sw_span body, uint64_t salt);
/* `out` has SW_WAL_RECORD_HEADER_SIZE bytes; `offset` is the record's place in its file. */
void sw_wal_record_encode(const struct sw_wal_record *record,
                          uint64_t salt,
                          uint64_t offset,
                          uint8_t *out);
/* MALFORMED if `bytes` do not begin with the header of a record written at `offset`. */
enum sw_err sw_wal_record_decode(struct sw_span bytes,
                                 uint64_t salt,
                                 uint64_t offset,
                                 struct sw_wal_record *ret_record) SW_MUST_CHECK;
/* Bytes of header and body in the file. */
uint64_t sw_wal_record_size(uint64_t body_size);

void sw_wal_state_encode(const struct sw_wal_state *state, struct sw_buf *out);
/* Fills a zeroed `ret_state`; release it with sw_wal_state_release. Bytes behind the body are left
 * over from a longer state and do not matter. CORRUPT, NEWER_FORMAT. */
enum sw_err sw_wal_state_decode(struct sw_span bytes, struct sw_wal_state *ret_state) SW_MUST_CHECK;
void sw_wal_state_release(struct sw_wal_state *state); /* accepts a zeroed one; zeroes it */
/* The group's row, or NULL. */
struct sw_wal_state_group *sw_wal_state_find(const struct sw_wal_state *state,
                                             struct sw_group_id group);
/* Position of the first row whose id is >= `group`. */
size_t sw_wal_state_position(const struct sw_wal_state *state, struct sw_group_id group);

void sw_wal_segment_name(uint64_t sequence, char ret_name[SW_WAL_NAME_SIZE]);
void sw_wal_spare_name(uint64_t sequence, char ret_name[SW_WAL_NAME_SIZE]);
/* A file that is being filled with zeros; unlike a spare its size may not be durable yet. */
void sw_wal_unfinished_name(uint64_t sequence, char ret_name[SW_WAL_NAME_SIZE]);
/* True if `name` is `prefix` and 16 hex digits. */
bool sw_wal_name_parse(const char *name, const char *prefix, uint64_t *ret_sequence);

uint64_t sw_wal_align(uint64_t value, uint64_t alignment); /* up; a power of two */

#endif
