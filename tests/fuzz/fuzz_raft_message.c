/* Property: a message of raft/ that decodes encodes to the same bytes, and decoding never reads or
 * keeps anything else. Configurations are left out of the comparison: their padding is free. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "raft/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sw_span bytes = sw_span_of(data, size);
    struct raft_message message;
    struct sw_wire_probe probe;
    struct sw_buf again = {0};

    if (sw_wire_decode(bytes, &message) == SW_ERR_OK) {
        sw_wire_encode(sw_wire_group(bytes), &message, &again);
        SW_ASSERT(message.type == RAFT_IO_INSTALL_SNAPSHOT ||
                  sw_span_equal(sw_buf_span(&again), bytes));
        sw_wire_free(&message);
    }
    if (sw_wire_decode_probe(bytes, &probe) == SW_ERR_OK && sw_wire_group(bytes).value != 0) {
        sw_wire_encode_probe(
            sw_wire_group(bytes), (enum sw_wire_kind)sw_wire_kind(bytes), probe, &again);
        SW_ASSERT(sw_span_equal(sw_buf_span(&again), bytes));
    }
    sw_buf_release(&again);
    return 0;
}
