/* Reading one segment: the window, the walk over good records, the look behind their end. */
#include "storage/wal_scan.h"

#include <string.h>

#include "base/assert.h"
#include "base/point.h"

enum { WINDOW_SIZE = 1 << 20, SCAN_SIZE = 64 << 10 };

static_assert((int)SCAN_SIZE % (int)SW_WAL_ALIGNMENT == 0,
              "a scan goes on where a record may begin");

enum sw_err
sw_wal_reader_open(struct sw_wal_reader *reader, struct sw_disk *disk, struct sw_file *file)
{
    SW_ASSERT(reader != NULL);
    SW_ASSERT(file != NULL);
    *reader = (struct sw_wal_reader){.disk = disk, .file = file};
    return disk->ops->size(disk, file, &reader->file_size);
}

void sw_wal_reader_release(struct sw_wal_reader *reader)
{
    SW_ASSERT(reader != NULL);
    sw_buf_release(&reader->window);
    *reader = (struct sw_wal_reader){0};
}

enum sw_err sw_wal_reader_view(struct sw_wal_reader *reader,
                               uint64_t offset,
                               uint64_t size,
                               struct sw_span *ret_bytes)
{
    SW_ASSERT(ret_bytes != NULL);
    if (size > reader->file_size || offset > reader->file_size - size) {
        return SW_ERR_CORRUPT;
    }
    if (offset < reader->window_offset ||
        offset + size > reader->window_offset + reader->window.size) {
        const uint64_t left = reader->file_size - offset;
        const uint64_t wanted = size > WINDOW_SIZE ? size : WINDOW_SIZE;
        const uint64_t take = wanted < left ? wanted : left;
        enum sw_err err;

        sw_buf_clear(&reader->window);
        reader->window_offset = offset;
        err = reader->disk->ops->read(
            reader->disk, reader->file, offset, sw_buf_extend(&reader->window, take), take);
        if (err != SW_ERR_OK) {
            sw_buf_clear(&reader->window);
            return err;
        }
    }
    SW_ASSERT(offset >= reader->window_offset);
    *ret_bytes = sw_span_of(reader->window.data + (offset - reader->window_offset), size);
    return SW_ERR_OK;
}

/* Reads the record at `offset`; `*ret_good` is false if there is none that is whole. */
static enum sw_err record_read(struct sw_wal_reader *reader,
                               const struct sw_wal_segment_header *segment,
                               uint64_t offset,
                               struct sw_wal_record *ret_record,
                               struct sw_span *ret_body,
                               bool *ret_good)
{
    struct sw_span bytes;
    enum sw_err err;

    *ret_good = false;
    if (offset + SW_WAL_RECORD_HEADER_SIZE > segment->size) {
        return SW_ERR_OK;
    }
    err = sw_wal_reader_view(reader, offset, SW_WAL_RECORD_HEADER_SIZE, &bytes);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw_wal_record_decode(bytes, segment->salt, offset, ret_record) != SW_ERR_OK) {
        return SW_ERR_OK;
    }
    if (ret_record->body_size > segment->size - offset - SW_WAL_RECORD_HEADER_SIZE) {
        return SW_ERR_OK;
    }
    err = sw_wal_reader_view(
        reader, offset + SW_WAL_RECORD_HEADER_SIZE, ret_record->body_size, ret_body);
    if (err != SW_ERR_OK) {
        return err;
    }
    *ret_good = sw_wal_body_sum(*ret_body, segment->salt) == ret_record->body_sum ||
                SW_PLANTED(TORN_TAIL_ACCEPTED);
    return SW_ERR_OK;
}

/* The record with LSN `end->lsn` is at end->offset, or, if a batch ended before, at the next block.
 * Leaves end->offset at the place where it was found. */
static enum sw_err record_next(struct sw_wal_reader *reader,
                               const struct sw_wal_segment_header *segment,
                               struct sw_wal_end *end,
                               struct sw_wal_record *ret_record,
                               struct sw_span *ret_body,
                               bool *ret_good)
{
    const uint64_t places[2] = {end->offset, sw_wal_align(end->offset, segment->block_size)};

    SW_ASSERT(end->offset % SW_WAL_ALIGNMENT == 0);
    for (int i = 0; i < 2; i++) {
        const enum sw_err err =
            record_read(reader, segment, places[i], ret_record, ret_body, ret_good);
        if (err != SW_ERR_OK) {
            return err;
        }
        if (*ret_good && ret_record->lsn == end->lsn && ret_record->kind != SW_WAL_KIND_MARK) {
            end->offset = places[i];
            return SW_ERR_OK;
        }
    }
    *ret_good = false;
    return SW_ERR_OK;
}

enum sw_err sw_wal_walk(struct sw_wal_reader *reader,
                        const struct sw_wal_segment_header *segment,
                        uint64_t stop_lsn,
                        sw_wal_visit_fn visit,
                        void *arg,
                        struct sw_wal_end *ret_end)
{
    struct sw_wal_end end = {.lsn = segment->first_lsn,
                             .offset = segment->block_size,
                             .batch_offset = segment->block_size,
                             .durable_lsn = segment->first_lsn - 1};

    SW_ASSERT(reader->file_size >= segment->size);
    while (end.lsn < stop_lsn) {
        struct sw_wal_record record;
        struct sw_span body;
        bool good;
        enum sw_err err = record_next(reader, segment, &end, &record, &body, &good);
        if (err != SW_ERR_OK) {
            return err;
        }
        if (!good) {
            break;
        }
        if (record.durable_lsn == record.lsn - 1) {
            end.batch_offset = end.offset;
        }
        err = visit == NULL ? SW_ERR_OK : visit(arg, segment, end.offset, &record, body);
        if (err != SW_ERR_OK) {
            return err;
        }
        end.durable_lsn =
            record.durable_lsn > end.durable_lsn ? record.durable_lsn : end.durable_lsn;
        end.offset += sw_wal_record_size(record.body_size);
        end.lsn++;
    }
    SW_ASSERT(end.durable_lsn < end.lsn);
    *ret_end = end;
    return SW_ERR_OK;
}

/* The next place in [at, end) where the magic of a record stands; `end` if there is none. */
static enum sw_err
magic_find(struct sw_wal_reader *reader, uint64_t at, uint64_t end, uint64_t *ret_at)
{
    SW_ASSERT(at % SW_WAL_ALIGNMENT == 0);
    while (at < end) {
        const uint64_t size = end - at < SCAN_SIZE ? end - at : SCAN_SIZE;
        struct sw_span bytes;
        const enum sw_err err = sw_wal_reader_view(reader, at, size, &bytes);
        if (err != SW_ERR_OK) {
            return err;
        }
        for (size_t i = 0; i + sizeof(uint32_t) <= size; i += SW_WAL_ALIGNMENT) {
            if (sw_load_u32(bytes.data + i) == SW_WAL_RECORD_MAGIC) {
                *ret_at = at + i;
                return SW_ERR_OK;
            }
        }
        at += size;
    }
    *ret_at = end;
    return SW_ERR_OK;
}

enum sw_err sw_wal_look_behind(struct sw_wal_reader *reader,
                               const struct sw_wal_segment_header *segment,
                               const struct sw_wal_end *end,
                               struct sw_wal_behind *ret_behind)
{
    struct sw_wal_behind behind = {0};
    uint64_t at = end->offset;

    SW_ASSERT(end->offset % SW_WAL_ALIGNMENT == 0);
    for (;;) {
        struct sw_wal_record record;
        struct sw_span bytes;
        enum sw_err err = magic_find(reader, at, segment->size, &at);

        if (err != SW_ERR_OK || at + SW_WAL_RECORD_HEADER_SIZE > segment->size) {
            *ret_behind = behind;
            return err;
        }
        err = sw_wal_reader_view(reader, at, SW_WAL_RECORD_HEADER_SIZE, &bytes);
        if (err != SW_ERR_OK) {
            return err;
        }
        if (sw_wal_record_decode(bytes, segment->salt, at, &record) == SW_ERR_OK &&
            record.lsn >= end->lsn) {
            behind.durable_lsn =
                record.durable_lsn > behind.durable_lsn ? record.durable_lsn : behind.durable_lsn;
            if (record.kind != SW_WAL_KIND_MARK) {
                behind.leftover_offset = at + SW_WAL_RECORD_HEADER_SIZE;
            }
        }
        at += SW_WAL_ALIGNMENT;
    }
}
