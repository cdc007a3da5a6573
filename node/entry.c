/* Frames the commands of one loop turn into one log entry, and takes them apart again. Knows
 * nothing of what a command means. */
#include "node/entry.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

enum { COUNT_OFFSET = 9 };

enum { HAS_ADDRESS = 1 << 3, DEPTH_SHIFT = 4, FLAGS_AND_DEPTH_MAX = UINT8_MAX };

static_assert((int)SW_AUTHOR_FLAGS_ALL < (int)HAS_ADDRESS, "flags and depth share a byte");
static_assert((int)SW_DEPTH_MAX <= 16, "flags and depth share a byte");
static_assert(COUNT_OFFSET + 4 == SW_ENTRY_HEADER_SIZE, "the count is the header's last field");

void sw_entry_begin(struct sw_buf *out, uint64_t time_ms)
{
    sw_buf_clear(out);
    sw_write_u8(out, SW_ENTRY_FORMAT);
    sw_write_u64(out, time_ms);
    sw_write_u32(out, 0);
    SW_ASSERT(out->size == SW_ENTRY_HEADER_SIZE);
}

size_t sw_entry_size_of(const struct sw_author *author, size_t command_size)
{
    const size_t address_size = author->address.size > 0 ? 2 + author->address.size : 0;

    return SW_ENTRY_COMMAND_HEADER_SIZE + address_size + command_size;
}

void sw_entry_add(struct sw_buf *out, const struct sw_author *author, struct sw_span command)
{
    const uint32_t count = sw_entry_count(out);

    SW_ASSERT(count < SW_ENTRY_COMMAND_COUNT_MAX);
    SW_ASSERT(command.size <= SW_COMMAND_SIZE_MAX);
    SW_ASSERT(out->size + sw_entry_size_of(author, command.size) <= SW_ENTRY_SIZE_MAX);
    SW_ASSERT(author->address.size <= SW_AUDIT_ADDRESS_SIZE_MAX);
    SW_ASSERT((author->flags & ~SW_AUTHOR_FLAGS_ALL) == 0);
    SW_ASSERT(author->depth < SW_DEPTH_MAX);
    sw_write_u8(out,
                (uint8_t)(author->flags | (author->address.size > 0 ? HAS_ADDRESS : 0) |
                          author->depth << DEPTH_SHIFT));
    sw_write_bytes(out, sw_span_of(author->id, sizeof author->id));
    if (author->address.size > 0) {
        sw_write_short(out, author->address);
    }
    sw_write_blob(out, command);
    sw_store_u32(out->data + COUNT_OFFSET, count + 1);
}

uint32_t sw_entry_count(const struct sw_buf *out)
{
    SW_ASSERT(out->size >= SW_ENTRY_HEADER_SIZE);
    return sw_load_u32(out->data + COUNT_OFFSET);
}

enum sw_err sw_entry_open(struct sw_span body, struct sw_entry_reader *ret_reader)
{
    struct sw_entry_reader reader = {.in = sw_reader_of(body)};

    if (body.size > SW_ENTRY_SIZE_MAX) {
        return SW_ERR_MALFORMED;
    }
    reader.format = sw_read_u8(&reader.in);
    if (reader.format == 0 || reader.format > SW_ENTRY_FORMAT) {
        return SW_ERR_MALFORMED;
    }
    reader.time_ms = sw_read_u64(&reader.in);
    reader.count = sw_read_u32_max(&reader.in, SW_ENTRY_COMMAND_COUNT_MAX);
    reader.left = reader.count;
    if (reader.in.failed || reader.count == 0) {
        return SW_ERR_MALFORMED;
    }
    *ret_reader = reader;
    return SW_ERR_OK;
}

/* True if an address follows. */
static bool read_flags(struct sw_entry_reader *reader, struct sw_author *author)
{
    const uint8_t byte = sw_read_u8_max(
        &reader->in,
        reader->format >= SW_ENTRY_FORMAT_MEMORIES ? FLAGS_AND_DEPTH_MAX : SW_AUTHOR_FLAGS_ALL);

    author->flags = byte & (HAS_ADDRESS - 1);
    author->depth = byte >> DEPTH_SHIFT;
    if (author->flags > SW_AUTHOR_FLAGS_ALL || author->depth >= SW_DEPTH_MAX) {
        sw_reader_fail(&reader->in);
    }
    return (byte & HAS_ADDRESS) != 0;
}

/* What an audit record may have. */
static struct sw_span read_address(struct sw_reader *in)
{
    const struct sw_span address = sw_read_short(in);

    for (size_t i = 0; i < address.size && !in->failed; i++) {
        if (address.data[i] < ' ' || address.data[i] > '~') {
            sw_reader_fail(in);
        }
    }
    if (address.size == 0 || address.size > SW_AUDIT_ADDRESS_SIZE_MAX) {
        sw_reader_fail(in);
    }
    return address;
}

static void read_author(struct sw_entry_reader *reader, struct sw_author *ret_author)
{
    struct sw_author author = {.flags = SW_AUTHOR_ADMINISTRATOR};
    bool has_address;
    struct sw_span id;

    if (reader->format >= SW_ENTRY_FORMAT_AUTHORS) {
        has_address = read_flags(reader, &author);
        id = sw_read_bytes(&reader->in, sizeof author.id);
        if (!reader->in.failed) {
            memcpy(author.id, id.data, sizeof author.id);
        }
        if (has_address) {
            author.address = read_address(&reader->in);
        }
    }
    *ret_author = author;
}

enum sw_err sw_entry_next(struct sw_entry_reader *reader,
                          struct sw_author *ret_author,
                          struct sw_span *ret_command)
{
    struct sw_author author;
    struct sw_span command;

    SW_ASSERT(reader->left > 0);
    reader->left--;
    read_author(reader, &author);
    command = sw_read_blob(&reader->in, SW_COMMAND_SIZE_MAX);
    if (reader->in.failed || (reader->left == 0 && sw_reader_left(&reader->in) > 0)) {
        sw_reader_fail(&reader->in);
        return SW_ERR_MALFORMED;
    }
    *ret_author = author;
    *ret_command = command;
    return SW_ERR_OK;
}
