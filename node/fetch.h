/* The two messages between nodes that copy state; install.c decides what is said.
 *
 * | FETCH offset | size | field                    | CHUNK offset | size | field                |
 * |--------------|------|--------------------------|--------------|------|----------------------|
 * | 0            | 1    | SW_NODE_STATE_FETCH      | 0            | 1    | SW_NODE_STATE_CHUNK  |
 * | 1            | 4    | group                    | 1            | 4    | group                |
 * | 5            | 8    | transfer                 | 5            | 8    | transfer             |
 * | 13           | 1    | 1 = the copy has ended   | 13           | 4    | error number         |
 * | 14           | ...  | blob: cursor, "" = start | 17           | ...  | blob: cursor, echoed |
 * |              |      |                          |              | ...  | blob: chunk          |
 *
 * Whatever decodes encodes to the same bytes. Pure. */
#ifndef SW_NODE_FETCH_H
#define SW_NODE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/rw.h"

enum {
    SW_FETCH_CURSOR_SIZE_MAX = 4 << 10,
    SW_FETCH_CHUNK_SIZE_MAX = SW_SNAPSHOT_CHUNK_SIZE_MAX + (64 << 10),
};

/* Spans are views into the message or the caller's memory. */
struct sw_fetch {
    struct sw_group_id group;
    uint64_t transfer; /* names the copy */
    bool ended;
    struct sw_span cursor;
};

struct sw_fetch_chunk {
    struct sw_group_id group;
    uint64_t transfer;
    enum sw_err err;
    struct sw_span cursor; /* of the FETCH that this answers */
    struct sw_span chunk;
};

/* `out` is cleared first. */
void sw_fetch_encode(const struct sw_fetch *fetch, struct sw_buf *out);
void sw_fetch_chunk_encode(const struct sw_fetch_chunk *chunk, struct sw_buf *out);
/* MALFORMED, also for a message of another kind. */
enum sw_err sw_fetch_decode(struct sw_span message, struct sw_fetch *ret_fetch) SW_MUST_CHECK;
enum sw_err sw_fetch_chunk_decode(struct sw_span message, struct sw_fetch_chunk *ret_chunk)
    SW_MUST_CHECK;

#endif
