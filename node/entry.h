/* The body of a command entry: all proposals of one loop turn to one group.
 *
 * | offset | size | field                                          |
 * |--------|------|------------------------------------------------|
 * | 0      | 1    | format, 1 to 4                                 |
 * | 1      | 8    | leader time, ms since 1970, never going back   |
 * | 9      | 4    | command count, 1..SW_ENTRY_COMMAND_COUNT_MAX   |
 * | 13     | ...  | per command: its author, u32 size, command     |
 *
 * The author is 1 byte of flags (SW_AUTHOR_) and the 16 bytes of its identity; formats 1 and 2 have
 * none. In format 4 the upper 4 bits of that byte are the depth of the command's cascade, and where
 * bit 3 is set its address (u16 size, bytes) follows the identity. The command is the one of
 * transport/proto.h.
 *
 * The format says by which rules the entry is executed, so that an entry that an older program
 * proposed does the same on every node, whether it was applied before the upgrade or is replayed
 * after it: 2 begins to keep changes for watchers, 3 to name authors, to count what tenants use and
 * to keep what keys were; 4 to count vectors as what tenants use, to keep depths, and knows the
 * operations on memories, links and stored policies, which a program of before would not execute.
 */
#ifndef SW_NODE_ENTRY_H
#define SW_NODE_ENTRY_H

#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "base/span.h"

enum {
    SW_ENTRY_FORMAT = 4,
    SW_ENTRY_FORMAT_CHANGES = 2,  /* the first whose changes are kept */
    SW_ENTRY_FORMAT_AUTHORS = 3,  /* the first that names authors */
    SW_ENTRY_FORMAT_MEMORIES = 4, /* the first with memories, links and stored policies */
    SW_ENTRY_HEADER_SIZE = 13,
    SW_ENTRY_COMMAND_HEADER_SIZE = 21, /* author and size */
};

enum {
    SW_AUTHOR_ADMINISTRATOR = 1 << 0, /* the leader's own settings name its key: every right */
    SW_AUTHOR_NODE = 1 << 1,          /* the leader itself: no client */
    SW_AUTHOR_LISTED = 1 << 2,        /* they name its key for data, of all tenants */
    SW_AUTHOR_FLAGS_ALL = (1 << 3) - 1,
};

/* Who wants a command done, as the leader authenticated it. */
struct sw_author {
    uint8_t id[16]; /* of a client: BLAKE2b-128 of its public key; all zero = nobody */
    uint8_t flags;
    struct sw_span address; /* where it is, for the audit log; empty = not told. A view */
    uint8_t depth;          /* of the cascade that the command is a part of, below SW_DEPTH_MAX */
};

/* Starts an entry in `out` (cleared first); the count is patched by sw_entry_add. */
void sw_entry_begin(struct sw_buf *out, uint64_t time_ms);
void sw_entry_add(struct sw_buf *out, const struct sw_author *author, struct sw_span command);
/* What sw_entry_add appends. */
size_t sw_entry_size_of(const struct sw_author *author, size_t command_size);
uint32_t sw_entry_count(const struct sw_buf *out);

struct sw_entry_reader {
    struct sw_reader in;
    uint8_t format;
    uint64_t time_ms;
    uint32_t count; /* commands of the entry */
    uint32_t left;  /* of them not read yet; sw_entry_next asserts that there is one */
};

enum sw_err sw_entry_open(struct sw_span body, struct sw_entry_reader *ret_reader) SW_MUST_CHECK;
/* The next command; MALFORMED also when the last one is not the end of the body. In formats without
 * authors everybody is an administrator. */
enum sw_err sw_entry_next(struct sw_entry_reader *reader,
                          struct sw_author *ret_author,
                          struct sw_span *ret_command) SW_MUST_CHECK;

#endif
