/* The body of a command entry: all proposals of one loop turn to one group.
 *
 * | offset | size | field                                          |
 * |--------|------|------------------------------------------------|
 * | 0      | 1    | format, 1                                      |
 * | 1      | 8    | leader time, ms since 1970, never going back   |
 * | 9      | 4    | command count, 1..SW_ENTRY_COMMAND_COUNT_MAX   |
 * | 13     | ...  | per command: u32 size, command (proto.h)       |
 */
#ifndef SW_NODE_ENTRY_H
#define SW_NODE_ENTRY_H

#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "base/span.h"

enum { SW_ENTRY_FORMAT = 1, SW_ENTRY_HEADER_SIZE = 13 };

/* Starts an entry in `out` (cleared first); the count is patched by sw_entry_add. */
void sw_entry_begin(struct sw_buf *out, uint64_t time_ms);
void sw_entry_add(struct sw_buf *out, struct sw_span command);
uint32_t sw_entry_count(const struct sw_buf *out);

struct sw_entry_reader {
    struct sw_reader in;
    uint64_t time_ms;
    uint32_t count; /* commands of the entry */
    uint32_t left;  /* of them not read yet; sw_entry_next asserts that there is one */
};

enum sw_err sw_entry_open(struct sw_span body, struct sw_entry_reader *ret_reader) SW_MUST_CHECK;
/* The next command; MALFORMED also when the last one is not the end of the body. */
enum sw_err sw_entry_next(struct sw_entry_reader *reader, struct sw_span *ret_command)
    SW_MUST_CHECK;

#endif
