/* Sticky reader and growing writer. */
#include "base/rw.h"

#include <stdlib.h>

#include "base/assert.h"

static uint64_t load(const uint8_t *in, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        value |= (uint64_t)in[i] << (8 * i);
    }
    return value;
}

static void store(uint8_t *out, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

struct sw_reader sw_reader_of(struct sw_span bytes)
{
    return (struct sw_reader){.data = bytes.data, .size = bytes.size};
}

/* The next `size` bytes, or NULL and a failed reader. */
static const uint8_t *take(struct sw_reader *in, size_t size)
{
    const uint8_t *at;

    if (in->failed || size > in->size - in->offset) {
        in->failed = true;
        return NULL;
    }
    at = in->data + in->offset;
    in->offset += size;
    return at;
}

static uint64_t take_integer(struct sw_reader *in, size_t count)
{
    const uint8_t *at = take(in, count);

    return at == NULL ? 0 : load(at, count);
}

uint8_t sw_read_u8(struct sw_reader *in)
{
    return (uint8_t)take_integer(in, 1);
}

uint16_t sw_read_u16(struct sw_reader *in)
{
    return (uint16_t)take_integer(in, 2);
}

uint32_t sw_read_u32(struct sw_reader *in)
{
    return (uint32_t)take_integer(in, 4);
}

uint64_t sw_read_u64(struct sw_reader *in)
{
    return take_integer(in, 8);
}

uint8_t sw_read_u8_max(struct sw_reader *in, uint8_t max)
{
    const uint8_t value = sw_read_u8(in);

    if (value > max) {
        in->failed = true;
        return 0;
    }
    return value;
}

uint32_t sw_read_u32_max(struct sw_reader *in, uint32_t max)
{
    const uint32_t value = sw_read_u32(in);

    if (value > max) {
        in->failed = true;
        return 0;
    }
    return value;
}

struct sw_span sw_read_bytes(struct sw_reader *in, size_t size)
{
    const uint8_t *at = take(in, size);

    return at == NULL ? sw_span_of(NULL, 0) : sw_span_of(at, size);
}

struct sw_span sw_read_blob(struct sw_reader *in, uint32_t size_max)
{
    const uint32_t size = sw_read_u32_max(in, size_max);

    return sw_read_bytes(in, size);
}

struct sw_span sw_read_short(struct sw_reader *in)
{
    return sw_read_bytes(in, sw_read_u16(in));
}

enum sw_err sw_read_format(struct sw_reader *in, uint8_t newest, uint8_t *ret_format)
{
    const uint8_t format = sw_read_u8(in);

    SW_ASSERT(newest > 0);
    if (format == 0) { /* a failed reader answers zero, too */
        return SW_ERR_CORRUPT;
    }
    if (format > newest) {
        return SW_ERR_NEWER_FORMAT;
    }
    *ret_format = format;
    return SW_ERR_OK;
}

void sw_read_copy(struct sw_reader *in, void *out, size_t size)
{
    const uint8_t *at = take(in, size);

    if (at == NULL) {
        memset(out, 0, size);
        return;
    }
    memcpy(out, at, size);
}

size_t sw_reader_left(const struct sw_reader *in)
{
    return in->failed ? 0 : in->size - in->offset;
}

void sw_reader_fail(struct sw_reader *in)
{
    in->failed = true;
}

enum sw_err sw_reader_finish(const struct sw_reader *in)
{
    return in->failed || in->offset != in->size ? SW_ERR_MALFORMED : SW_ERR_OK;
}

void sw_buf_release(struct sw_buf *buf)
{
    free(buf->data);
    *buf = (struct sw_buf){0};
}

void sw_buf_clear(struct sw_buf *buf)
{
    buf->size = 0;
}

uint8_t *sw_buf_extend(struct sw_buf *buf, size_t size)
{
    uint8_t *at;

    SW_ASSERT(buf->size <= buf->capacity);
    SW_ASSERT(size <= SIZE_MAX / 4);
    if (size > buf->capacity - buf->size) {
        size_t capacity = buf->capacity == 0 ? 64 : buf->capacity;

        while (capacity < buf->size + size) {
            capacity *= 2;
        }
        buf->data = realloc(buf->data, capacity);
        SW_ASSERT(buf->data != NULL);
        buf->capacity = capacity;
    }
    at = buf->data + buf->size;
    buf->size += size;
    return at;
}

struct sw_span sw_buf_span(const struct sw_buf *buf)
{
    return sw_span_of(buf->data, buf->size);
}

void sw_write_u8(struct sw_buf *buf, uint8_t value)
{
    *sw_buf_extend(buf, 1) = value;
}

void sw_write_u16(struct sw_buf *buf, uint16_t value)
{
    store(sw_buf_extend(buf, 2), 2, value);
}

void sw_write_u32(struct sw_buf *buf, uint32_t value)
{
    store(sw_buf_extend(buf, 4), 4, value);
}

void sw_write_u64(struct sw_buf *buf, uint64_t value)
{
    store(sw_buf_extend(buf, 8), 8, value);
}

void sw_write_bytes(struct sw_buf *buf, struct sw_span bytes)
{
    if (bytes.size > 0) {
        memcpy(sw_buf_extend(buf, bytes.size), bytes.data, bytes.size);
    }
}

void sw_write_blob(struct sw_buf *buf, struct sw_span bytes)
{
    SW_ASSERT(bytes.size <= UINT32_MAX);
    sw_write_u32(buf, (uint32_t)bytes.size);
    sw_write_bytes(buf, bytes);
}

void sw_write_short(struct sw_buf *buf, struct sw_span bytes)
{
    SW_ASSERT(bytes.size <= UINT16_MAX);
    sw_write_u16(buf, (uint16_t)bytes.size);
    sw_write_bytes(buf, bytes);
}

uint16_t sw_load_u16(const uint8_t *in)
{
    return (uint16_t)load(in, 2);
}

uint32_t sw_load_u32(const uint8_t *in)
{
    return (uint32_t)load(in, 4);
}

uint64_t sw_load_u64(const uint8_t *in)
{
    return load(in, 8);
}

void sw_store_u16(uint8_t *out, uint16_t value)
{
    store(out, 2, value);
}

void sw_store_u32(uint8_t *out, uint32_t value)
{
    store(out, 4, value);
}

void sw_store_u64(uint8_t *out, uint64_t value)
{
    store(out, 8, value);
}

void sw_store_u64_be(uint8_t *out, uint64_t value)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(value >> (8 * (7 - i)));
    }
}

uint64_t sw_load_u64_be(const uint8_t *in)
{
    uint64_t value = 0;

    for (size_t i = 0; i < 8; i++) {
        value = value << 8 | in[i];
    }
    return value;
}
