/* Any bytes as a chunk of a copied state: what decodes re-encodes equal, and an import of it ends
 * in an answer. The sums are put right first, or else nothing would get past them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "node/chunk.h"
#include "node/transfer.h"
#include "storage/store_mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void import_once(const struct sw_chunk *chunk)
{
    const struct sw_group_id group = chunk->group;
    struct sw_store *store = sw_store_mem_new(0, 0);
    struct sw_import in = {0};
    struct sw_import_result result;
    struct sw_chunk right = *chunk;
    struct sw_buf bytes = {0};
    struct sw_state state;
    enum sw_err err;

    right.cursor = sw_span_of(NULL, 0);
    right.running = sw_chunk_running(0, chunk->records);
    sw_chunk_encode(&right, &bytes);
    sw_state_init(&state, group);
    err = sw_import_chunk(&in, &state, store, sw_buf_span(&bytes), &result);
    SW_ASSERT(err == SW_ERR_OK);
    SW_ASSERT(!store->ops->dirty(store));
    sw_import_release(&in);
    sw_state_release(&state);
    sw_store_mem_free(store);
    sw_buf_release(&bytes);
}

static void decode_cursor(struct sw_span bytes)
{
    struct sw_buf again = {0};
    struct sw_cursor cursor;

    if (sw_cursor_decode(bytes, &cursor) == SW_ERR_OK) {
        sw_cursor_encode(&cursor, &again);
        SW_ASSERT(sw_span_equal(bytes, sw_buf_span(&again)));
    }
    sw_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_buf bytes = {0};
    struct sw_buf again = {0};
    struct sw_chunk chunk;

    decode_cursor(sw_span_of(data, size));
    sw_write_bytes(&bytes, sw_span_of(data, size));
    if (size >= 8) {
        sw_store_u64(bytes.data + size - 8, XXH3_64bits(bytes.data, size - 8));
    }
    if (sw_chunk_decode(sw_buf_span(&bytes), &chunk) == SW_ERR_OK) {
        sw_chunk_encode(&chunk, &again);
        SW_ASSERT(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
        import_once(&chunk);
    }
    sw_buf_release(&bytes);
    sw_buf_release(&again);
    return 0;
}
