/* Snapshot descriptors, and the check of libraft's configuration encoding:
 * version u8 = 1, count u64, per server {id u64, address with NUL, role u8}, padding to 8 bytes.
 */
#include "raft/descriptor.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

/* Visits the servers of an encoded configuration; adds them to `into` unless that is NULL. */
static enum sw_err parse_configuration(struct sw_span bytes, struct raft_configuration *into)
{
    struct sw_reader in = sw_reader_of(bytes);
    uint64_t count;

    if (sw_read_u8(&in) != 1) {
        return SW_ERR_MALFORMED;
    }
    count = sw_read_u64(&in);
    if (in.failed || count > SW_NODE_COUNT_MAX) {
        return SW_ERR_MALFORMED;
    }
    for (uint64_t i = 0; i < count; i++) {
        const raft_id id = sw_read_u64(&in);
        const char *address = (const char *)in.data + in.offset;
        const size_t left = sw_reader_left(&in);
        const size_t size = left == 0 ? 0 : strnlen(address, left);
        uint8_t role;

        if (id == 0 || size == left || size == 0 || size >= SW_ADDRESS_SIZE_MAX) {
            return SW_ERR_MALFORMED;
        }
        (void)sw_read_bytes(&in, size + 1);
        role = sw_read_u8_max(&in, RAFT_SPARE);
        if (in.failed || (into != NULL && raft_configuration_add(into, id, address, role) != 0)) {
            return SW_ERR_MALFORMED; /* the add refuses an id or address that is there twice */
        }
    }
    if (sw_reader_left(&in) < 8) {
        /* The padding: libraft leaves it as malloc gave it, so its bytes mean nothing. */
        (void)sw_read_bytes(&in, sw_reader_left(&in));
    }
    return bytes.size % 8 == 0 ? sw_reader_finish(&in) : SW_ERR_MALFORMED;
}

enum sw_err sw_descriptor_configuration_decode(struct sw_span bytes,
                                               struct raft_configuration *ret_configuration)
{
    struct raft_configuration configuration;
    enum sw_err err;

    raft_configuration_init(&configuration);
    err = parse_configuration(bytes, &configuration);
    if (err != SW_ERR_OK) {
        raft_configuration_close(&configuration);
        return err;
    }
    *ret_configuration = configuration;
    return SW_ERR_OK;
}

bool sw_descriptor_configuration_valid(struct sw_span bytes)
{
    struct raft_configuration configuration;

    if (sw_descriptor_configuration_decode(bytes, &configuration) != SW_ERR_OK) {
        return false;
    }
    raft_configuration_close(&configuration);
    return true;
}

void sw_descriptor_encode(const struct raft_configuration *configuration,
                          raft_index configuration_index,
                          struct sw_span state,
                          struct sw_buf *out)
{
    struct raft_buffer encoded = {0};
    const int rv = raft_configuration_encode(configuration, &encoded);

    SW_ASSERT(rv == 0);
    SW_ASSERT(state.size == SW_DESCRIPTOR_STATE_SIZE);
    sw_write_u8(out, SW_DESCRIPTOR_FORMAT);
    sw_write_u64(out, configuration_index);
    sw_write_blob(out, sw_span_of(encoded.base, encoded.len));
    sw_write_blob(out, state);
    raft_free(encoded.base);
}

enum sw_err sw_descriptor_decode(struct sw_span bytes,
                                 struct raft_configuration *ret_configuration,
                                 raft_index *ret_configuration_index,
                                 struct raft_buffer *ret_state)
{
    struct sw_reader in = sw_reader_of(bytes);
    const uint8_t format = sw_read_u8(&in);
    const raft_index index = sw_read_u64(&in);
    const struct sw_span encoded = sw_read_blob(&in, SW_SNAPSHOT_DESCRIPTOR_SIZE_MAX);
    const struct sw_span state = sw_read_blob(&in, SW_DESCRIPTOR_STATE_SIZE);
    struct raft_configuration configuration;
    enum sw_err err = sw_reader_finish(&in);

    if (err != SW_ERR_OK || format != SW_DESCRIPTOR_FORMAT ||
        state.size != SW_DESCRIPTOR_STATE_SIZE) {
        return SW_ERR_MALFORMED;
    }
    raft_configuration_init(&configuration);
    err = parse_configuration(encoded, &configuration);
    if (err != SW_ERR_OK) {
        raft_configuration_close(&configuration);
        return err;
    }
    ret_state->base = raft_malloc(state.size);
    SW_ASSERT(ret_state->base != NULL);
    memcpy(ret_state->base, state.data, state.size);
    ret_state->len = state.size;
    *ret_configuration = configuration;
    *ret_configuration_index = index;
    return SW_ERR_OK;
}

void sw_descriptor_state_encode(uint64_t index,
                                uint64_t digest,
                                uint8_t out[SW_DESCRIPTOR_STATE_SIZE])
{
    SW_ASSERT(out != NULL);
    sw_store_u64(out, index);
    sw_store_u64(out + 8, digest);
}

void sw_descriptor_state_decode(const uint8_t in[SW_DESCRIPTOR_STATE_SIZE],
                                uint64_t *ret_index,
                                uint64_t *ret_digest)
{
    SW_ASSERT(in != NULL);
    *ret_index = sw_load_u64(in);
    *ret_digest = sw_load_u64(in + 8);
}
