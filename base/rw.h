/* Sticky reader and writer: the only way bytes are decoded and encoded. All integers little-endian.
 *
 * A reader that ran short or met a value out of range answers zeros from then on, and
 * sw_reader_finish says MALFORMED; so a decoder reads straight through and checks once at the end.
 * A writer grows its buffer, up to a bound that the caller names. */
#ifndef SW_BASE_RW_H
#define SW_BASE_RW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct sw_reader {
    const uint8_t *data; /* borrowed */
    size_t size;
    size_t offset;
    bool failed;
};

struct sw_reader sw_reader_of(struct sw_span bytes);
uint8_t sw_read_u8(struct sw_reader *in);
uint16_t sw_read_u16(struct sw_reader *in);
uint32_t sw_read_u32(struct sw_reader *in);
uint64_t sw_read_u64(struct sw_reader *in);
/* Fails the reader when the value is over `max`. */
uint8_t sw_read_u8_max(struct sw_reader *in, uint8_t max);
uint32_t sw_read_u32_max(struct sw_reader *in, uint32_t max);
/* A view into the input; empty after a failure. */
struct sw_span sw_read_bytes(struct sw_reader *in, size_t size);
/* u32 length, then that many bytes; fails when the length is over `size_max`. */
struct sw_span sw_read_blob(struct sw_reader *in, uint32_t size_max);
/* u16 length, then that many bytes; who reads it knows a stricter bound. */
struct sw_span sw_read_short(struct sw_reader *in);
/* The format number that a record begins with, from 1 to `newest`. NEWER_FORMAT: a later version
 * wrote it, and may have meant anything by the rest; CORRUPT: no such number, or no byte at all. */
enum sw_err sw_read_format(struct sw_reader *in, uint8_t newest, uint8_t *ret_format) SW_MUST_CHECK;
/* Copies exactly `size` bytes; zeros after a failure. */
void sw_read_copy(struct sw_reader *in, void *out, size_t size);
size_t sw_reader_left(const struct sw_reader *in);
void sw_reader_fail(struct sw_reader *in);
/* MALFORMED if anything ran short, over or out of range, or if bytes are left. */
enum sw_err sw_reader_finish(const struct sw_reader *in) SW_MUST_CHECK;

/* A growing byte buffer. Zero-initialise; release with sw_buf_release. Aborts when out of memory:
 * sizes are bounded by base/limits.h before anything is written. */
struct sw_buf {
    uint8_t *data; /* owned */
    size_t size;
    size_t capacity;
};

void sw_buf_release(struct sw_buf *buf); /* accepts a zeroed one; leaves it zeroed */
void sw_buf_clear(struct sw_buf *buf);   /* keeps the memory */
/* Room for `size` more bytes; the pointer is valid until the next growth. */
uint8_t *sw_buf_extend(struct sw_buf *buf, size_t size);
struct sw_span sw_buf_span(const struct sw_buf *buf);
void sw_write_u8(struct sw_buf *buf, uint8_t value);
void sw_write_u16(struct sw_buf *buf, uint16_t value);
void sw_write_u32(struct sw_buf *buf, uint32_t value);
void sw_write_u64(struct sw_buf *buf, uint64_t value);
void sw_write_bytes(struct sw_buf *buf, struct sw_span bytes);
/* u32 length, then the bytes. */
void sw_write_blob(struct sw_buf *buf, struct sw_span bytes);
/* u16 length, then the bytes: names and keys, whose limits are below that. */
void sw_write_short(struct sw_buf *buf, struct sw_span bytes);

/* Fixed-place integers, for headers with a known layout. */
uint16_t sw_load_u16(const uint8_t *in);
uint32_t sw_load_u32(const uint8_t *in);
uint64_t sw_load_u64(const uint8_t *in);
void sw_store_u16(uint8_t *out, uint16_t value);
void sw_store_u32(uint8_t *out, uint32_t value);
void sw_store_u64(uint8_t *out, uint64_t value);
/* Big-endian, for keys that must sort by number. */
void sw_store_u64_be(uint8_t *out, uint64_t value);
uint64_t sw_load_u64_be(const uint8_t *in);

#endif
