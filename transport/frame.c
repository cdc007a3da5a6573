/* The wire frame: header and packed messages. */
#include "transport/frame.h"

#include <string.h>

#include "base/assert.h"

void sw_frame_encode(const struct sw_frame_header *header, uint8_t out[SW_FRAME_HEADER_SIZE])
{
    out[0] = SW_FRAME_VERSION;
    out[1] = (uint8_t)header->kind;
    out[2] = header->type;
    out[3] = 0;
    sw_store_u32(out + 4, header->index);
    sw_store_u64(out + 8, header->sender.value);
    sw_store_u64(out + 16, header->receiver.value);
    sw_store_u32(out + 24, header->epoch);
    sw_store_u32(out + 28, header->size);
    sw_store_u64(out + 32, header->sequence);
    sw_store_u64(out + 40, header->position);
}

static bool type_valid(const struct sw_frame_header *header)
{
    switch (header->kind) {
    case SW_FRAME_SEALED:
        return header->type >= SW_FRAME_MESSAGES && header->type <= SW_FRAME_CLOSE &&
               (header->type == SW_FRAME_MESSAGES) == (header->size > 0);
    case SW_FRAME_NO_SESSION:
        return header->type == 0 && header->size == 0;
    case SW_FRAME_REFUSED:
        return header->type >= SW_FRAME_REFUSAL_UNAUTHENTICATED &&
               header->type <= SW_FRAME_REFUSAL_OVERLOADED && header->size == 0;
    case SW_FRAME_HELLO:
    case SW_FRAME_ANSWER:
    case SW_FRAME_FINISH:
        return header->epoch == 0 && header->sequence == 0 && header->position == 0;
    default:
        return false;
    }
}

enum sw_err sw_frame_decode(struct sw_span frame, struct sw_frame_header *ret_header)
{
    struct sw_frame_header header = {0};
    const uint8_t *in = frame.data;
    size_t tag;

    if (frame.size < SW_FRAME_HEADER_SIZE || frame.size > SW_FRAME_WIRE_SIZE_MAX) {
        return SW_ERR_MALFORMED;
    }
    if (in[0] != SW_FRAME_VERSION) {
        return SW_ERR_UNSUPPORTED;
    }
    if (in[1] < SW_FRAME_HELLO || in[1] > SW_FRAME_REFUSED || in[3] != 0) {
        return SW_ERR_MALFORMED;
    }
    header.kind = (enum sw_frame_kind)in[1];
    header.type = in[2];
    header.index = sw_load_u32(in + 4);
    header.sender.value = sw_load_u64(in + 8);
    header.receiver.value = sw_load_u64(in + 16);
    header.epoch = sw_load_u32(in + 24);
    header.size = sw_load_u32(in + 28);
    header.sequence = sw_load_u64(in + 32);
    header.position = sw_load_u64(in + 40);
    tag = header.kind == SW_FRAME_SEALED ? SW_FRAME_TAG_SIZE : 0;
    if (header.size != frame.size - SW_FRAME_HEADER_SIZE - tag || !type_valid(&header)) {
        return SW_ERR_MALFORMED;
    }
    *ret_header = header;
    return SW_ERR_OK;
}

void sw_frame_associated(const uint8_t header[SW_FRAME_HEADER_SIZE],
                         const struct sw_swarm_id *swarm,
                         uint8_t ret_associated[SW_FRAME_ASSOCIATED_SIZE])
{
    memcpy(ret_associated, header, SW_FRAME_HEADER_SIZE);
    memcpy(ret_associated + SW_FRAME_HEADER_SIZE, swarm->bytes, sizeof(swarm->bytes));
}

void sw_frame_pack(struct sw_buf *body, struct sw_span message)
{
    SW_ASSERT(message.size > 0);
    SW_ASSERT(message.size <= SW_MESSAGE_SIZE_MAX);
    sw_write_blob(body, message);
}

size_t sw_frame_fit(struct sw_span packed, uint64_t size_max, uint32_t *ret_count)
{
    size_t fit = 0;
    uint32_t count = 0;

    while (fit < packed.size) {
        const size_t size = SW_FRAME_MESSAGE_OVERHEAD + sw_load_u32(packed.data + fit);

        if (fit + size > SW_FRAME_SIZE_MAX || fit + size > size_max) {
            break;
        }
        fit += size;
        count++;
    }
    SW_ASSERT(fit <= packed.size);
    *ret_count = count;
    return fit;
}

enum sw_err sw_frame_check(struct sw_span body, uint32_t *ret_count)
{
    struct sw_reader in = sw_reader_of(body);
    uint32_t count = 0;

    while (!in.failed && sw_reader_left(&in) > 0) {
        if (sw_read_blob(&in, SW_MESSAGE_SIZE_MAX).size == 0) {
            sw_reader_fail(&in);
        }
        count++;
    }
    if (count == 0) {
        sw_reader_fail(&in);
    }
    if (!in.failed) {
        *ret_count = count;
    }
    return sw_reader_finish(&in);
}

bool sw_frame_next(struct sw_span *body, struct sw_span *ret_message)
{
    size_t size;

    if (body->size == 0) {
        return false;
    }
    SW_ASSERT(body->size > SW_FRAME_MESSAGE_OVERHEAD);
    size = sw_load_u32(body->data);
    SW_ASSERT(size <= body->size - SW_FRAME_MESSAGE_OVERHEAD);
    *ret_message = sw_span_of(body->data + SW_FRAME_MESSAGE_OVERHEAD, size);
    body->data += SW_FRAME_MESSAGE_OVERHEAD + size;
    body->size -= SW_FRAME_MESSAGE_OVERHEAD + size;
    return true;
}
