/* One chunk of a copied state, as it travels between nodes: self-describing, and summed twice.
 *
 * | offset | size | field                                                                      |
 * |--------|------|----------------------------------------------------------------------------|
 * | 0      | 1    | format, 1                                                                  |
 * | 1      | 4    | group                                                                      |
 * | 5      | 8    | view: applied index of the copied state                                    |
 * | 13     | 8    | view: running digest at that index                                         |
 * | 21     | 4+n  | the cursor that this chunk answers; empty = the first chunk                |
 * | ...    | 4    | record count                                                               |
 * | ...    |      | per record: u8 table, blob key, u32 size of the whole value, u32 offset in |
 * |        |      | it, blob bytes of the value from there                                     |
 * | ...    | 4+n  | the cursor to ask for next; empty = this was the last chunk                |
 * | ...    | 8    | running sum: XXH3-64 of all records so far, seeded with the one before     |
 * | ...    | 8    | XXH3-64 of all bytes before                                                |
 *
 * A value larger than what is left of a chunk goes on in the next one. A cursor belongs to the
 * exporter; the receiver hands it back as it came:
 *
 * | 0      | 1    | format, 1                                                                  |
 * | 1      | 8    | view index                                                                 |
 * | 9      | 8    | view digest                                                                |
 * | 17     | 8    | running sum before the chunk                                               |
 * | 25     | 1    | table                                                                      |
 * | 26     | 4    | offset in the value of `key`                                               |
 * | 30     | 4+n  | key of the first record, or where to look for it                           |
 *
 * Pure. Decoders take bytes from peers: bounded, and MALFORMED rather than wrong. */
#ifndef SW_NODE_CHUNK_H
#define SW_NODE_CHUNK_H

#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/rw.h"
#include "base/span.h"
#include "storage/keys.h"
#include "storage/store.h"

enum {
    SW_CHUNK_FORMAT = 1,
    SW_CURSOR_HEADER_SIZE = 34,
    SW_CURSOR_SIZE_MAX = SW_CURSOR_HEADER_SIZE + SW_STORE_KEY_SIZE_MAX,
    SW_CHUNK_HEADER_SIZE = 21,
    SW_CHUNK_RECORD_HEADER_SIZE = 17,
    SW_CHUNK_TRAILER_SIZE_MAX = 4 + SW_CURSOR_SIZE_MAX + 16,
    /* Two cursors, and one record with its longest key and a single byte. */
    SW_CHUNK_SIZE_MIN = SW_CHUNK_HEADER_SIZE + 4 + SW_CURSOR_SIZE_MAX + 4 +
                        SW_CHUNK_RECORD_HEADER_SIZE + SW_STORE_KEY_SIZE_MAX + 1 +
                        SW_CHUNK_TRAILER_SIZE_MAX,
};

struct sw_cursor {
    uint64_t index, digest; /* of the view */
    uint64_t running;
    enum sw_table table;
    uint32_t offset;
    struct sw_key key;
};

struct sw_chunk_record {
    enum sw_table table;
    struct sw_span key;
    uint32_t total;
    uint32_t offset;
    struct sw_span bytes;
};

/* Views into the decoded bytes. */
struct sw_chunk {
    struct sw_group_id group;
    uint64_t index, digest;
    struct sw_span cursor;
    uint32_t record_count;
    struct sw_span records; /* encoded: sw_chunk_record_decode */
    struct sw_span next;
    uint64_t running;
};

void sw_cursor_encode(const struct sw_cursor *cursor, struct sw_buf *out);
enum sw_err sw_cursor_decode(struct sw_span bytes, struct sw_cursor *ret_cursor) SW_MUST_CHECK;

void sw_chunk_record_encode(const struct sw_chunk_record *record, struct sw_buf *out);
enum sw_err sw_chunk_record_decode(struct sw_reader *in, struct sw_chunk_record *ret_record)
    SW_MUST_CHECK;

/* The running sum after `records`. */
uint64_t sw_chunk_running(uint64_t before, struct sw_span records);
/* Appends the whole chunk with its sum; `out` was cleared. */
void sw_chunk_encode(const struct sw_chunk *chunk, struct sw_buf *out);
/* MALFORMED if the sum is wrong or anything is out of bounds; on OK every record decodes. */
enum sw_err sw_chunk_decode(struct sw_span bytes, struct sw_chunk *ret_chunk) SW_MUST_CHECK;

#endif
