/* Codec of chunks and cursors; byte tables in chunk.h. */
#include "node/chunk.h"

#include <xxhash.h>

#include "base/assert.h"
#include "storage/store_seal.h"

void sw_cursor_encode(const struct sw_cursor *cursor, struct sw_buf *out)
{
    const size_t start = out->size;

    sw_write_u8(out, SW_CHUNK_FORMAT);
    sw_write_u64(out, cursor->index);
    sw_write_u64(out, cursor->digest);
    sw_write_u64(out, cursor->running);
    sw_write_u8(out, (uint8_t)cursor->table);
    sw_write_u32(out, cursor->offset);
    sw_write_blob(out, sw_key_span(&cursor->key));
    SW_ASSERT(out->size - start == SW_CURSOR_HEADER_SIZE + cursor->key.size);
}

enum sw_err sw_cursor_decode(struct sw_span bytes, struct sw_cursor *ret_cursor)
{
    struct sw_reader in = sw_reader_of(bytes);
    const uint8_t format = sw_read_u8(&in);
    struct sw_cursor cursor;
    struct sw_span key;

    cursor.index = sw_read_u64(&in);
    cursor.digest = sw_read_u64(&in);
    cursor.running = sw_read_u64(&in);
    cursor.table = (enum sw_table)sw_read_u8_max(&in, SW_TABLE_STAGE - 1);
    cursor.offset = sw_read_u32(&in);
    key = sw_read_blob(&in, SW_STORE_KEY_SIZE_MAX);
    if (format != SW_CHUNK_FORMAT || sw_reader_finish(&in) != SW_ERR_OK) {
        return SW_ERR_MALFORMED;
    }
    cursor.key.size = key.size;
    if (key.size > 0) {
        memcpy(cursor.key.data, key.data, key.size);
    }
    *ret_cursor = cursor;
    return SW_ERR_OK;
}

void sw_chunk_record_encode(const struct sw_chunk_record *record, struct sw_buf *out)
{
    const size_t start = out->size;

    sw_write_u8(out, (uint8_t)record->table);
    sw_write_blob(out, record->key);
    sw_write_u32(out, record->total);
    sw_write_u32(out, record->offset);
    sw_write_blob(out, record->bytes);
    SW_ASSERT(out->size - start ==
              SW_CHUNK_RECORD_HEADER_SIZE + record->key.size + record->bytes.size);
}

enum sw_err sw_chunk_record_decode(struct sw_reader *in, struct sw_chunk_record *ret_record)
{
    struct sw_chunk_record record;

    record.table = (enum sw_table)sw_read_u8_max(in, SW_TABLE_STAGE - 1);
    record.key = sw_read_blob(in, SW_STORE_KEY_SIZE_MAX - SW_KEY_STAGE_HEADER_SIZE);
    record.total = sw_read_u32_max(in, SW_STORE_VALUE_SIZE_MAX);
    record.offset = sw_read_u32_max(in, record.total);
    record.bytes = sw_read_blob(in, record.total - record.offset);
    if (in->failed || record.key.size == 0) {
        sw_reader_fail(in);
        return SW_ERR_MALFORMED;
    }
    *ret_record = record;
    return SW_ERR_OK;
}

uint64_t sw_chunk_running(uint64_t before, struct sw_span records)
{
    return XXH3_64bits_withSeed(records.data, records.size, before);
}

void sw_chunk_encode(const struct sw_chunk *chunk, struct sw_buf *out)
{
    SW_ASSERT(out->size == 0);
    sw_write_u8(out, SW_CHUNK_FORMAT);
    sw_write_u32(out, chunk->group.value);
    sw_write_u64(out, chunk->index);
    sw_write_u64(out, chunk->digest);
    SW_ASSERT(out->size == SW_CHUNK_HEADER_SIZE);
    sw_write_blob(out, chunk->cursor);
    sw_write_u32(out, chunk->record_count);
    sw_write_bytes(out, chunk->records);
    sw_write_blob(out, chunk->next);
    sw_write_u64(out, chunk->running);
    sw_write_u64(out, XXH3_64bits(out->data, out->size));
}

/* Walks the records once, so that later readers may trust them. */
static struct sw_span read_records(struct sw_reader *in, uint32_t count)
{
    const uint8_t *start = in->data + in->offset;
    const size_t offset = in->offset;
    struct sw_chunk_record record;

    for (uint32_t i = 0; i < count; i++) {
        if (sw_chunk_record_decode(in, &record) != SW_ERR_OK) {
            return sw_span_of(NULL, 0);
        }
    }
    return sw_span_of(start, in->offset - offset);
}

enum sw_err sw_chunk_decode(struct sw_span bytes, struct sw_chunk *ret_chunk)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_chunk chunk;
    uint64_t sum;

    if (bytes.size > SW_SNAPSHOT_CHUNK_SIZE_MAX || sw_read_u8(&in) != SW_CHUNK_FORMAT) {
        return SW_ERR_MALFORMED;
    }
    chunk.group.value = sw_read_u32(&in);
    chunk.index = sw_read_u64(&in);
    chunk.digest = sw_read_u64(&in);
    chunk.cursor = sw_read_blob(&in, SW_CURSOR_SIZE_MAX);
    chunk.record_count = sw_read_u32(&in);
    if (in.failed) {
        return SW_ERR_MALFORMED;
    }
    chunk.records = read_records(&in, chunk.record_count);
    chunk.next = sw_read_blob(&in, SW_CURSOR_SIZE_MAX);
    chunk.running = sw_read_u64(&in);
    sum = sw_read_u64(&in);
    if (sw_reader_finish(&in) != SW_ERR_OK || chunk.group.value == 0 ||
        sum != XXH3_64bits(bytes.data, bytes.size - sizeof sum)) {
        return SW_ERR_MALFORMED;
    }
    *ret_chunk = chunk;
    return SW_ERR_OK;
}
