/* What was written reads back; what runs short is said once, at the end, and never read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rw.h"

static void write_all(struct sw_buf *out)
{
    sw_write_u8(out, 0x12);
    sw_write_u16(out, 0x3456);
    sw_write_u32(out, 0x789abcde);
    sw_write_u64(out, 0x1122334455667788);
    sw_write_blob(out, sw_span_str("blob"));
    sw_write_short(out, sw_span_str("ab"));
    sw_write_bytes(out, sw_span_str("raw"));
}

static void integers_are_little_endian(void **state)
{
    const uint8_t want[] = {0x12, 0x56, 0x34, 0xde, 0xbc, 0x9a, 0x78, 0x88, 0x77, 0x66,
                            0x55, 0x44, 0x33, 0x22, 0x11, 4,    0,    0,    0,    'b',
                            'l',  'o',  'b',  2,    0,    'a',  'b',  'r',  'a',  'w'};
    struct sw_buf out = {0};

    (void)state;
    write_all(&out);
    assert_int_equal(out.size, sizeof want);
    assert_memory_equal(out.data, want, sizeof want);
    sw_buf_release(&out);
}

static void read_all(struct sw_reader *in)
{
    (void)sw_read_u8(in);
    (void)sw_read_u16(in);
    (void)sw_read_u32(in);
    (void)sw_read_u64(in);
    (void)sw_read_blob(in, 4);
    (void)sw_read_short(in);
    (void)sw_read_bytes(in, 3);
}

static void values_read_back(void **state)
{
    struct sw_buf out = {0};
    struct sw_reader in;
    uint8_t raw[3];

    (void)state;
    write_all(&out);
    in = sw_reader_of(sw_buf_span(&out));
    assert_int_equal(sw_read_u8(&in), 0x12);
    assert_int_equal(sw_read_u16(&in), 0x3456);
    assert_int_equal(sw_read_u32(&in), 0x789abcde);
    assert_int_equal(sw_read_u64(&in), 0x1122334455667788);
    assert_true(sw_span_equal(sw_read_blob(&in, 4), sw_span_str("blob")));
    assert_true(sw_span_equal(sw_read_short(&in), sw_span_str("ab")));
    assert_int_equal(sw_reader_left(&in), 3);
    sw_read_copy(&in, raw, sizeof raw);
    assert_memory_equal(raw, "raw", 3);
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    sw_buf_release(&out);
}

static void every_truncation_and_every_tail_is_malformed(void **state)
{
    struct sw_buf out = {0};

    (void)state;
    write_all(&out);
    for (size_t size = 0; size < out.size; size++) {
        struct sw_reader in = sw_reader_of(sw_span_of(out.data, size));

        read_all(&in);
        assert_int_equal(sw_reader_finish(&in), SW_ERR_MALFORMED);
    }
    sw_write_u8(&out, 0);
    {
        struct sw_reader in = sw_reader_of(sw_buf_span(&out));

        read_all(&in);
        assert_int_equal(sw_reader_finish(&in), SW_ERR_MALFORMED);
    }
    sw_buf_release(&out);
}

static void a_failed_reader_answers_zeros_only(void **state)
{
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct sw_reader in = sw_reader_of(sw_span_of(bytes, sizeof bytes));
    uint8_t out[2] = {9, 9};

    (void)state;
    sw_reader_fail(&in);
    assert_int_equal(sw_read_u64(&in), 0);
    assert_int_equal(sw_read_bytes(&in, 1).size, 0);
    assert_int_equal(sw_reader_left(&in), 0);
    sw_read_copy(&in, out, 2);
    assert_int_equal(out[0], 0);
    assert_int_equal(out[1], 0);
}

static void values_over_their_bound_fail(void **state)
{
    const uint8_t bytes[] = {5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};
    struct sw_reader in = sw_reader_of(sw_span_of(bytes, sizeof bytes));

    (void)state;
    assert_int_equal(sw_read_blob(&in, 4).size, 0);
    assert_true(in.failed);
    in = sw_reader_of(sw_span_of(bytes, sizeof bytes));
    assert_int_equal(sw_read_u8_max(&in, 4), 0);
    assert_true(in.failed);
    in = sw_reader_of(sw_span_of(bytes, sizeof bytes));
    assert_int_equal(sw_read_u32_max(&in, 5), 5);
    assert_false(in.failed);
}

static void a_format_is_known_newer_or_none(void **state)
{
    const uint8_t bytes[] = {2};
    const uint8_t zero[] = {0};
    struct sw_reader in = sw_reader_of(sw_span_of(bytes, sizeof bytes));
    uint8_t format = 77;

    (void)state;
    assert_int_equal(sw_read_format(&in, 1, &format), SW_ERR_NEWER_FORMAT);
    assert_int_equal(sw_read_format(&in, 2, &format), SW_ERR_CORRUPT); /* nothing is left */
    in = sw_reader_of(sw_span_of(zero, sizeof zero));
    assert_int_equal(sw_read_format(&in, 2, &format), SW_ERR_CORRUPT);
    assert_int_equal(format, 77);
    in = sw_reader_of(sw_span_of(bytes, sizeof bytes));
    assert_int_equal(sw_read_format(&in, 2, &format), SW_ERR_OK);
    assert_int_equal(format, 2);
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
}

static void a_length_near_the_top_does_not_wrap(void **state)
{
    const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 1};
    struct sw_reader in = sw_reader_of(sw_span_of(bytes, sizeof bytes));

    (void)state;
    assert_int_equal(sw_read_blob(&in, UINT32_MAX).size, 0);
    assert_true(in.failed);
    in = sw_reader_of(sw_span_of(bytes, sizeof bytes));
    (void)sw_read_u8(&in);
    assert_int_equal(sw_read_bytes(&in, SIZE_MAX).size, 0);
    assert_true(in.failed);
}

static void a_buffer_keeps_its_memory_until_released(void **state)
{
    struct sw_buf buf = {0};
    size_t capacity;

    (void)state;
    memset(sw_buf_extend(&buf, 1000), 7, 1000);
    capacity = buf.capacity;
    sw_buf_clear(&buf);
    assert_int_equal(buf.size, 0);
    assert_int_equal(buf.capacity, capacity);
    sw_buf_release(&buf);
    assert_null(buf.data);
    sw_buf_release(&buf);
}

static void fixed_places(void **state)
{
    uint8_t bytes[8];

    (void)state;
    sw_store_u16(bytes, 0xabcd);
    assert_int_equal(sw_load_u16(bytes), 0xabcd);
    sw_store_u32(bytes, 0xabcdef01);
    assert_int_equal(sw_load_u32(bytes), 0xabcdef01);
    sw_store_u64(bytes, 0x1234567890abcdef);
    assert_int_equal(sw_load_u64(bytes), 0x1234567890abcdef);
    assert_int_equal(bytes[0], 0xef);
    sw_store_u64_be(bytes, 0x1234567890abcdef);
    assert_int_equal(bytes[0], 0x12);
    assert_int_equal(sw_load_u64_be(bytes), 0x1234567890abcdef);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(values_read_back),
        cmocka_unit_test(every_truncation_and_every_tail_is_malformed),
        cmocka_unit_test(a_failed_reader_answers_zeros_only),
        cmocka_unit_test(values_over_their_bound_fail),
        cmocka_unit_test(a_format_is_known_newer_or_none),
        cmocka_unit_test(a_length_near_the_top_does_not_wrap),
        cmocka_unit_test(a_buffer_keeps_its_memory_until_released),
        cmocka_unit_test(fixed_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
