/* Any bytes as a message between nodes about state: whatever decodes encodes to the same bytes. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "node/fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sw_span message = sw_span_of(data, size);
    struct sw_fetch fetch;
    struct sw_fetch_chunk chunk;
    struct sw_buf out = {0};

    if (sw_fetch_decode(message, &fetch) == SW_ERR_OK) {
        sw_fetch_encode(&fetch, &out);
        SW_ASSERT(sw_span_equal(sw_buf_span(&out), message));
    } else if (sw_fetch_chunk_decode(message, &chunk) == SW_ERR_OK) {
        sw_fetch_chunk_encode(&chunk, &out);
        SW_ASSERT(sw_span_equal(sw_buf_span(&out), message));
    }
    sw_buf_release(&out);
    return 0;
}
