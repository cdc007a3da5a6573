/* Messages of one group between nodes: bytes to struct raft_message and back.
 *
 * All integers little-endian. Every message starts with kind u8 and group u32; the sender is known
 * from the link, never from the bytes. Kinds 1..63 belong to raft/, 64..127 to node/.
 *
 * | kind | message       | fields after the five bytes                                            |
 * |------|---------------|------------------------------------------------------------------------|
 * | 1    | AppendEntries | term u64, prev index u64, prev term u64, commit u64, count u32, then |
 * |      |               | per entry: term u64, type u8, size u32, bytes                          |
 * | 2    | its result    | term u64, rejected u64, last log index u64                             |
 * | 3    | RequestVote   | term u64, candidate u64, last index u64, last term u64,                |
 * |      |               | flags u8 (1 disrupt leader, 2 pre-vote)                                |
 * | 4    | its result    | term u64, granted u8, pre-vote u8 (0 unknown, 1 true, 2 false)         |
 * | 5    | Install       | term u64, last index u64, last term u64, descriptor (descriptor.h)     |
 * | 6    | TimeoutNow    | term u64, last index u64, last term u64                                |
 * | 7    | Probe         | term u64, sequence u64                                                 |
 * | 8    | ProbeAck      | term u64, sequence u64                                                 |
 * | 9    | Nudge         | term u64, zero u64: append something, so that I can take a snapshot    |
 * | 10   | AskPoint      | term u64, sequence u64: what must a read of mine include?              |
 * | 11   | Point         | index u64, sequence u64: what was committed when you asked             |
 *
 * libraft validates nothing that it receives, so everything is checked here: kinds, sizes, orders
 * of terms, entry types, configurations. Fuzzed: tests/fuzz/fuzz_raft_message.c. */
#ifndef SW_RAFT_WIRE_H
#define SW_RAFT_WIRE_H

#include <stdint.h>

#include <raft.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/rw.h"
#include "base/span.h"

enum sw_wire_kind {
    SW_WIRE_APPEND = 1,
    SW_WIRE_APPEND_RESULT = 2,
    SW_WIRE_VOTE = 3,
    SW_WIRE_VOTE_RESULT = 4,
    SW_WIRE_INSTALL = 5,
    SW_WIRE_TIMEOUT_NOW = 6,
    SW_WIRE_PROBE = 7,
    SW_WIRE_PROBE_ACK = 8,
    SW_WIRE_NUDGE = 9,
    SW_WIRE_ASK_POINT = 10,
    SW_WIRE_POINT = 11,
    SW_WIRE_KIND_MAX = 63,
};

enum { SW_WIRE_HEADER_SIZE = 5, SW_WIRE_APPEND_HEADER_SIZE = 41, SW_WIRE_ENTRY_HEADER_SIZE = 13 };

struct sw_wire_probe {
    uint64_t term; /* of a point: index */
    uint64_t seq;
};

/* Encodes one of libraft's messages into `out` (cleared first). */
void sw_wire_encode(struct sw_group_id group,
                    const struct raft_message *message,
                    struct sw_buf *out);
void sw_wire_encode_probe(struct sw_group_id group,
                          enum sw_wire_kind kind,
                          struct sw_wire_probe probe,
                          struct sw_buf *out);

/* 0 if the bytes are not a message of raft/. */
uint8_t sw_wire_kind(struct sw_span bytes);
struct sw_group_id sw_wire_group(struct sw_span bytes);

/* Decodes kinds 1..6. Memory inside comes from raft_malloc and belongs to the caller, in the form
 * in which libraft takes it over (one batch for all entries); server_id and server_address are
 * left for the caller. MALFORMED leaves nothing allocated. */
enum sw_err sw_wire_decode(struct sw_span bytes, struct raft_message *ret_message) SW_MUST_CHECK;
enum sw_err sw_wire_decode_probe(struct sw_span bytes, struct sw_wire_probe *ret_probe)
    SW_MUST_CHECK;
/* Frees what sw_wire_decode allocated, if libraft did not take it. */
void sw_wire_free(struct raft_message *message);

#endif
