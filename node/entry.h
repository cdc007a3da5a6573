/* The body of a command entry: all proposals of one loop turn to one group.
 *
 * | offset | size | field                                          |
 * |--------|------|------------------------------------------------|
 * | 0      | 1    | format, 1 or 2                                 |
 * | 1      | 8    | leader time, ms since 1970, never going back   |
 * | 9      | 4    | command count, 1..SW_ENTRY_COMMAND_COUNT_MAX   |
 * | 13     | ...  | per command: u32 size, command (proto.h)       |
 *
 * The bytes are the same in both formats. The format says by which rules the entry is executed, so
 * that an entry that an older program proposed does the same on every node, whether it was applied
 * before the upgrade or is replayed after it: 2 begins to keep changes for watchers.
 */
#ifndef SW_NODE_ENTRY_H
#define SW_NODE_ENTRY_H

#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "base/span.h"

enum {
    SW_ENTRY_FORMAT = 2,
    SW_ENTRY_FORMAT_CHANGES = 2, /* the first whose changes are kept */
    SW_ENTRY_HEADER_SIZE = 13,
};

/* Starts an entry in `out` (cleared first); the count is patched by sw_entry_add. */
void sw_entry_begin(struct sw_buf *out, uint64_t time_ms);
void sw_entry_add(struct sw_buf *out, struct sw_span command);
uint32_t sw_entry_count(const struct sw_buf *out);

struct sw_entry_reader {
    struct sw_reader in;
    uint8_t format;
    uint64_t time_ms;
    uint32_t count; /* commands of the entry */
    uint32_t left;  /* of them not read yet; sw_entry_next asserts that there is one */
};

enum sw_err sw_entry_open(struct sw_span body, struct sw_entry_reader *ret_reader) SW_MUST_CHECK;
/* The next command; MALFORMED also when the last one is not the end of the body. */
enum sw_err sw_entry_next(struct sw_entry_reader *reader, struct sw_span *ret_command)
    SW_MUST_CHECK;

#endif
