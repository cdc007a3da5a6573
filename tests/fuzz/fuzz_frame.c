/* Whatever decodes as a frame encodes to the same header, and its body to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "transport/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_frame_header header;
    struct sw_span body, message;
    struct sw_buf packed = {0};
    uint8_t out[SW_FRAME_HEADER_SIZE];
    uint32_t count = 0, seen = 0;

    if (sw_frame_decode(sw_span_of(data, size), &header) != SW_ERR_OK) {
        return 0;
    }
    sw_frame_encode(&header, out);
    SW_ASSERT(memcmp(out, data, sizeof(out)) == 0);
    body = sw_span_of(data + SW_FRAME_HEADER_SIZE, header.size);
    if (sw_frame_check(body, &count) != SW_ERR_OK) {
        return 0;
    }
    for (struct sw_span left = body; sw_frame_next(&left, &message);) {
        sw_frame_pack(&packed, message);
        seen++;
    }
    SW_ASSERT(seen == count);
    SW_ASSERT(sw_span_equal(sw_buf_span(&packed), body));
    sw_buf_release(&packed);
    return 0;
}
