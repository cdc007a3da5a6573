/* Property: a message of raft/ that decodes encodes to the same bytes, and decoding never reads or
 * keeps anything else. So do configurations, alone (first byte 0xff) or in a snapshot's descriptor
 * (0xfe), but for their padding, which is free; and each address fits where addresses go. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "raft/descriptor.h"
#include "raft/wire.h"

enum { DESCRIPTOR = 0xfe, CONFIGURATION = 0xff };
enum { DESCRIPTOR_AT = SW_WIRE_HEADER_SIZE + 24, CONFIGURATION_AT = 1 + 8 + 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes of an encoded configuration before its padding. */
static size_t used_size(const struct raft_configuration *configuration)
{
    size_t size = 1 + 8;

    for (unsigned i = 0; i < configuration->n; i++) {
        const struct raft_server *server = &configuration->servers[i];

        SW_ASSERT(strlen(server->address) < SW_ADDRESS_SIZE_MAX);
        size += 8 + strlen(server->address) + 1 + 1;
    }
    return size;
}

/* Equal but for the padding of the configuration that begins at `at`. */
static void check_but_padding(struct sw_span a,
                              struct sw_span b,
                              size_t at,
                              const struct raft_configuration *configuration)
{
    const size_t end = at + used_size(configuration);
    const size_t padded = at + ((end - at + 7) & ~(size_t)7);

    SW_ASSERT(a.size == b.size);
    SW_ASSERT(a.size >= padded);
    SW_ASSERT(memcmp(a.data, b.data, end) == 0);
    SW_ASSERT(memcmp(a.data + padded, b.data + padded, a.size - padded) == 0);
}

static void fuzz_configuration(struct sw_span bytes)
{
    struct raft_configuration configuration;
    struct raft_buffer encoded = {0};
    int rv;

    if (sw_descriptor_configuration_decode(bytes, &configuration) != SW_ERR_OK) {
        SW_ASSERT(!sw_descriptor_configuration_valid(bytes));
        return;
    }
    SW_ASSERT(sw_descriptor_configuration_valid(bytes));
    rv = raft_configuration_encode(&configuration, &encoded);
    SW_ASSERT(rv == 0);
    check_but_padding(sw_span_of(encoded.base, encoded.len), bytes, 0, &configuration);
    raft_free(encoded.base);
    raft_configuration_close(&configuration);
}

static void fuzz_descriptor(struct sw_span bytes)
{
    struct raft_configuration configuration;
    struct raft_buffer state = {0};
    struct sw_buf again = {0};
    raft_index index = 0;

    if (sw_descriptor_decode(bytes, &configuration, &index, &state) != SW_ERR_OK) {
        return;
    }
    sw_descriptor_encode(&configuration, index, sw_span_of(state.base, state.len), &again);
    check_but_padding(sw_buf_span(&again), bytes, CONFIGURATION_AT, &configuration);
    raft_free(state.base);
    raft_configuration_close(&configuration);
    sw_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sw_span bytes = sw_span_of(data, size);
    struct raft_message message;
    struct sw_wire_probe probe;
    struct sw_buf again = {0};

    if (size > 0 && data[0] == CONFIGURATION) {
        fuzz_configuration(sw_span_of(data + 1, size - 1));
    }
    if (size > 0 && data[0] == DESCRIPTOR) {
        fuzz_descriptor(sw_span_of(data + 1, size - 1));
    }
    if (sw_wire_decode(bytes, &message) == SW_ERR_OK) {
        sw_wire_encode(sw_wire_group(bytes), &message, &again);
        if (message.type == RAFT_IO_INSTALL_SNAPSHOT) {
            check_but_padding(sw_buf_span(&again),
                              bytes,
                              DESCRIPTOR_AT + CONFIGURATION_AT,
                              &message.install_snapshot.conf);
        } else {
            SW_ASSERT(sw_span_equal(sw_buf_span(&again), bytes));
        }
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
