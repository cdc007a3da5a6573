/* Codec of the state transfer's messages. */
#include "node/fetch.h"

#include "base/assert.h"
#include "node/node.h"

static_assert((int)SW_FETCH_CHUNK_SIZE_MAX + (int)SW_FETCH_CURSOR_SIZE_MAX + 64 <=
                  (int)SW_MESSAGE_SIZE_MAX,
              "a chunk fits into one message");

void sw_fetch_encode(const struct sw_fetch *fetch, struct sw_buf *out)
{
    SW_ASSERT(fetch->cursor.size <= SW_FETCH_CURSOR_SIZE_MAX);
    sw_buf_clear(out);
    sw_write_u8(out, SW_NODE_STATE_FETCH);
    sw_write_u32(out, fetch->group.value);
    sw_write_u64(out, fetch->transfer);
    sw_write_u8(out, fetch->ended ? 1 : 0);
    sw_write_blob(out, fetch->cursor);
}

void sw_fetch_chunk_encode(const struct sw_fetch_chunk *chunk, struct sw_buf *out)
{
    SW_ASSERT(chunk->cursor.size <= SW_FETCH_CURSOR_SIZE_MAX);
    SW_ASSERT(chunk->chunk.size <= SW_FETCH_CHUNK_SIZE_MAX);
    sw_buf_clear(out);
    sw_write_u8(out, SW_NODE_STATE_CHUNK);
    sw_write_u32(out, chunk->group.value);
    sw_write_u64(out, chunk->transfer);
    sw_write_u32(out, (uint32_t)chunk->err);
    sw_write_blob(out, chunk->cursor);
    sw_write_blob(out, chunk->chunk);
}

enum sw_err sw_fetch_decode(struct sw_span message, struct sw_fetch *ret_fetch)
{
    struct sw_reader in = sw_reader_of(message);
    struct sw_fetch fetch = {0};

    if (sw_read_u8(&in) != SW_NODE_STATE_FETCH) {
        return SW_ERR_MALFORMED;
    }
    fetch.group.value = sw_read_u32(&in);
    fetch.transfer = sw_read_u64(&in);
    fetch.ended = sw_read_u8_max(&in, 1) == 1;
    fetch.cursor = sw_read_blob(&in, SW_FETCH_CURSOR_SIZE_MAX);
    if (sw_reader_finish(&in) != SW_ERR_OK) {
        return SW_ERR_MALFORMED;
    }
    *ret_fetch = fetch;
    return SW_ERR_OK;
}

enum sw_err sw_fetch_chunk_decode(struct sw_span message, struct sw_fetch_chunk *ret_chunk)
{
    struct sw_reader in = sw_reader_of(message);
    struct sw_fetch_chunk chunk = {0};

    if (sw_read_u8(&in) != SW_NODE_STATE_CHUNK) {
        return SW_ERR_MALFORMED;
    }
    chunk.group.value = sw_read_u32(&in);
    chunk.transfer = sw_read_u64(&in);
    chunk.err = (enum sw_err)sw_read_u32(&in); /* a newer peer's number is an error too */
    chunk.cursor = sw_read_blob(&in, SW_FETCH_CURSOR_SIZE_MAX);
    chunk.chunk = sw_read_blob(&in, SW_FETCH_CHUNK_SIZE_MAX);
    if (sw_reader_finish(&in) != SW_ERR_OK) {
        return SW_ERR_MALFORMED;
    }
    *ret_chunk = chunk;
    return SW_ERR_OK;
}
