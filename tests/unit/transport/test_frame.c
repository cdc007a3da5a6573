/* Header layout, strict decoding, packing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/frame.h"

static const struct sw_frame_header example = {
    .kind = SW_FRAME_SEALED,
    .type = SW_FRAME_MESSAGES,
    .index = 0x04030201,
    .sender = {0x1122},
    .receiver = {0x3344},
    .epoch = 5,
    .size = 3,
    .sequence = 6,
    .position = 7,
};

static void layout_is_the_documented_one(void **state)
{
    uint8_t out[SW_FRAME_HEADER_SIZE];
    const uint8_t expected[SW_FRAME_HEADER_SIZE] = {
        1, 4, 1, 0, 1, 2, 3, 4, 0x22, 0x11, 0, 0, 0, 0, 0, 0, 0x44, 0x33, 0, 0, 0, 0, 0, 0,
        5, 0, 0, 0, 3, 0, 0, 0, 6,    0,    0, 0, 0, 0, 0, 0, 7,    0,    0, 0, 0, 0, 0, 0,
    };

    (void)state;
    sw_frame_encode(&example, out);
    assert_memory_equal(out, expected, sizeof(out));
}

static void decode_gives_back_what_was_encoded(void **state)
{
    uint8_t frame[SW_FRAME_OVERHEAD + 3] = {0};
    struct sw_frame_header header;

    (void)state;
    sw_frame_encode(&example, frame);
    assert_int_equal(sw_frame_decode(sw_span_of(frame, sizeof(frame)), &header), SW_ERR_OK);
    assert_int_equal(header.kind, example.kind);
    assert_int_equal(header.type, example.type);
    assert_int_equal(header.index, example.index);
    assert_int_equal(header.sender.value, example.sender.value);
    assert_int_equal(header.receiver.value, example.receiver.value);
    assert_int_equal(header.epoch, example.epoch);
    assert_int_equal(header.size, example.size);
    assert_int_equal(header.sequence, example.sequence);
    assert_int_equal(header.position, example.position);
}

static enum sw_err decode_with(size_t offset, uint8_t value)
{
    uint8_t frame[SW_FRAME_OVERHEAD + 3] = {0};
    struct sw_frame_header header;

    sw_frame_encode(&example, frame);
    frame[offset] = value;
    return sw_frame_decode(sw_span_of(frame, sizeof(frame)), &header);
}

static void bad_headers_are_refused(void **state)
{
    uint8_t frame[SW_FRAME_OVERHEAD + 3] = {0};
    struct sw_frame_header header;

    (void)state;
    assert_int_equal(decode_with(0, 2), SW_ERR_UNSUPPORTED);
    assert_int_equal(decode_with(1, 0), SW_ERR_MALFORMED);
    assert_int_equal(decode_with(1, 7), SW_ERR_MALFORMED);
    assert_int_equal(decode_with(2, 0), SW_ERR_MALFORMED);
    assert_int_equal(decode_with(2, 5), SW_ERR_MALFORMED);
    assert_int_equal(decode_with(2, SW_FRAME_PROBE), SW_ERR_MALFORMED); /* has a body */
    assert_int_equal(decode_with(3, 1), SW_ERR_MALFORMED);
    assert_int_equal(decode_with(28, 4), SW_ERR_MALFORMED);
    assert_int_equal(decode_with(31, 255), SW_ERR_MALFORMED);
    sw_frame_encode(&example, frame);
    for (size_t size = 0; size < sizeof(frame); size++) {
        assert_int_equal(sw_frame_decode(sw_span_of(frame, size), &header), SW_ERR_MALFORMED);
    }
}

static void associated_data_ends_with_the_swarm(void **state)
{
    const struct sw_swarm_id swarm = {{1, 2, 3}};
    uint8_t header[SW_FRAME_HEADER_SIZE];
    uint8_t associated[SW_FRAME_ASSOCIATED_SIZE];

    (void)state;
    sw_frame_encode(&example, header);
    sw_frame_associated(header, &swarm, associated);
    assert_memory_equal(associated, header, sizeof(header));
    assert_memory_equal(associated + sizeof(header), swarm.bytes, sizeof(swarm.bytes));
}

static void packed_messages_come_out_in_order(void **state)
{
    struct sw_buf body = {0};
    struct sw_span left, message;
    uint32_t count = 0;

    (void)state;
    sw_frame_pack(&body, sw_span_str("one"));
    sw_frame_pack(&body, sw_span_str("three"));
    assert_int_equal(sw_frame_check(sw_buf_span(&body), &count), SW_ERR_OK);
    assert_int_equal(count, 2);
    left = sw_buf_span(&body);
    assert_true(sw_frame_next(&left, &message));
    assert_true(sw_span_equal(message, sw_span_str("one")));
    assert_true(sw_frame_next(&left, &message));
    assert_true(sw_span_equal(message, sw_span_str("three")));
    assert_false(sw_frame_next(&left, &message));
    for (size_t size = 0; size < body.size; size++) {
        if (size != 7) { /* exactly the first message */
            assert_int_equal(sw_frame_check(sw_span_of(body.data, size), &count), SW_ERR_MALFORMED);
        }
    }
    sw_buf_release(&body);
}

static void empty_and_oversized_messages_are_malformed(void **state)
{
    const size_t size = SW_FRAME_MESSAGE_OVERHEAD + SW_MESSAGE_SIZE_MAX + 1;
    uint8_t *body = calloc(1, size);
    uint32_t count;

    (void)state;
    assert_non_null(body);
    assert_int_equal(sw_frame_check(sw_span_of(body, 4), &count), SW_ERR_MALFORMED);
    sw_store_u32(body, SW_MESSAGE_SIZE_MAX + 1);
    assert_int_equal(sw_frame_check(sw_span_of(body, size), &count), SW_ERR_MALFORMED);
    sw_store_u32(body, SW_MESSAGE_SIZE_MAX);
    assert_int_equal(sw_frame_check(sw_span_of(body, size - 1), &count), SW_ERR_OK);
    free(body);
}

static void fit_stops_before_the_message_that_is_too_much(void **state)
{
    struct sw_buf packed = {0};
    uint8_t *big = calloc(1, SW_MESSAGE_SIZE_MAX);
    uint32_t count = 0;
    size_t fit;

    (void)state;
    assert_non_null(big);
    sw_frame_pack(&packed, sw_span_str("small"));
    sw_frame_pack(&packed, sw_span_of(big, SW_MESSAGE_SIZE_MAX - 100));
    sw_frame_pack(&packed, sw_span_of(big, SW_MESSAGE_SIZE_MAX));
    fit = sw_frame_fit(sw_buf_span(&packed), UINT64_MAX, &count);
    assert_int_equal(count, 2);
    assert_int_equal(fit, 9 + 4 + SW_MESSAGE_SIZE_MAX - 100);
    assert_int_equal(
        sw_frame_fit(sw_span_of(packed.data + fit, packed.size - fit), UINT64_MAX, &count),
        packed.size - fit);
    assert_int_equal(count, 1);
    assert_int_equal(sw_frame_fit(sw_buf_span(&packed), 9, &count), 9);
    assert_int_equal(sw_frame_fit(sw_buf_span(&packed), 8, &count), 0);
    assert_int_equal(count, 0);
    free(big);
    sw_buf_release(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_the_documented_one),
        cmocka_unit_test(decode_gives_back_what_was_encoded),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(associated_data_ends_with_the_swarm),
        cmocka_unit_test(packed_messages_come_out_in_order),
        cmocka_unit_test(empty_and_oversized_messages_are_malformed),
        cmocka_unit_test(fit_stops_before_the_message_that_is_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
