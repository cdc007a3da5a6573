/* Whatever decodes as a record, a segment header or a state file encodes to the same bytes. The
 * first byte says which; odd: the sums are made right first, so that the fields behind are
 * reached, which random bytes never would. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "storage/wal_format.h"

enum { SALT = 77, OFFSET = 4096, SUM_OFFSET = 88 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_record(uint8_t *bytes, size_t size, bool seal)
{
    struct sw_wal_record record;
    uint8_t out[SW_WAL_RECORD_HEADER_SIZE];

    if (seal && size >= SW_WAL_RECORD_HEADER_SIZE) {
        sw_store_u64(bytes + 56, XXH3_64bits_withSeed(bytes, 56, SALT + OFFSET));
    }
    if (sw_wal_record_decode(sw_span_of(bytes, size), SALT, OFFSET, &record) == SW_ERR_OK) {
        sw_wal_record_encode(&record, SALT, OFFSET, out);
        SW_ASSERT(memcmp(out, bytes, sizeof(out)) == 0);
    }
}

static void fuzz_segment(uint8_t *bytes, size_t size, bool seal)
{
    struct sw_wal_segment_header header;
    uint8_t out[SW_WAL_SEGMENT_HEADER_SIZE];

    if (seal && size >= SW_WAL_SEGMENT_HEADER_SIZE) {
        sw_store_u64(bytes + SUM_OFFSET, XXH3_64bits(bytes, SUM_OFFSET));
    }
    if (sw_wal_segment_header_decode(sw_span_of(bytes, size), &header) == SW_ERR_OK) {
        sw_wal_segment_header_encode(&header, out);
        SW_ASSERT(memcmp(out, bytes, sizeof(out)) == 0);
    }
}

static void fuzz_state(uint8_t *bytes, size_t size, bool seal)
{
    struct sw_wal_state state = {0};
    struct sw_buf out = {0};

    if (seal && size >= SW_WAL_STATE_HEADER_SIZE) {
        const size_t body_size = size - SW_WAL_STATE_HEADER_SIZE;
        sw_store_u64(bytes + 72, body_size);
        sw_store_u64(bytes + 80, XXH3_64bits(bytes + SW_WAL_STATE_HEADER_SIZE, body_size));
        sw_store_u64(bytes + SUM_OFFSET, XXH3_64bits(bytes, SUM_OFFSET));
    }
    if (sw_wal_state_decode(sw_span_of(bytes, size), &state) == SW_ERR_OK) {
        sw_wal_state_encode(&state, &out);
        SW_ASSERT(out.size <= size);
        SW_ASSERT(memcmp(out.data, bytes, out.size) == 0);
        sw_wal_state_release(&state);
    }
    sw_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;

    if (size == 0) {
        return 0;
    }
    bytes = malloc(size);
    SW_ASSERT(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    switch (data[0] / 2 % 3) {
    case 0:
        fuzz_record(bytes, size - 1, data[0] % 2 == 1);
        break;
    case 1:
        fuzz_segment(bytes, size - 1, data[0] % 2 == 1);
        break;
    default:
        fuzz_state(bytes, size - 1, data[0] % 2 == 1);
        break;
    }
    free(bytes);
    return 0;
}
