/* Messages of the state transfer: they read back, and nothing short, long or foreign does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/fetch.h"

static void a_fetch_reads_back(void **state)
{
    const struct sw_fetch fetch = {
        .group = {7}, .transfer = 1ULL << 40, .ended = true, .cursor = sw_span_str("cursor")};
    struct sw_fetch got = {0};
    struct sw_buf out = {0};

    (void)state;
    sw_fetch_encode(&fetch, &out);
    assert_int_equal(out.data[0], 64);
    assert_int_equal(out.data[13], 1);
    assert_int_equal(out.size, 14 + 4 + 6);
    assert_int_equal(sw_fetch_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_int_equal(got.group.value, 7);
    assert_int_equal(got.transfer, 1ULL << 40);
    assert_true(got.ended);
    assert_true(sw_span_equal(got.cursor, fetch.cursor));
    for (size_t size = 0; size < out.size; size++) {
        assert_int_equal(sw_fetch_decode(sw_span_of(out.data, size), &got), SW_ERR_MALFORMED);
    }
    out.data[13] = 2;
    assert_int_equal(sw_fetch_decode(sw_buf_span(&out), &got), SW_ERR_MALFORMED);
    out.data[13] = 0;
    sw_write_u8(&out, 0);
    assert_int_equal(sw_fetch_decode(sw_buf_span(&out), &got), SW_ERR_MALFORMED);
    sw_buf_release(&out);
}

static void a_chunk_reads_back(void **state)
{
    const struct sw_fetch_chunk chunk = {.group = {7},
                                         .transfer = 5,
                                         .err = SW_ERR_BUSY,
                                         .cursor = sw_span_str("c"),
                                         .chunk = sw_span_str("bytes")};
    struct sw_fetch_chunk got = {0};
    struct sw_fetch fetch = {0};
    struct sw_buf out = {0};

    (void)state;
    sw_fetch_chunk_encode(&chunk, &out);
    assert_int_equal(out.data[0], 65);
    assert_int_equal(sw_fetch_chunk_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_int_equal(got.group.value, 7);
    assert_int_equal(got.transfer, 5);
    assert_int_equal(got.err, SW_ERR_BUSY);
    assert_true(sw_span_equal(got.cursor, chunk.cursor));
    assert_true(sw_span_equal(got.chunk, chunk.chunk));
    assert_int_equal(sw_fetch_decode(sw_buf_span(&out), &fetch), SW_ERR_MALFORMED);
    for (size_t size = 0; size < out.size; size++) {
        assert_int_equal(sw_fetch_chunk_decode(sw_span_of(out.data, size), &got), SW_ERR_MALFORMED);
    }
    sw_buf_release(&out);
}

static void sizes_are_bounded(void **state)
{
    struct sw_buf out = {0};
    struct sw_fetch fetch = {0};
    struct sw_fetch_chunk chunk = {0};
    uint8_t *large = calloc(1, SW_FETCH_CHUNK_SIZE_MAX + 1);

    (void)state;
    assert_non_null(large);
    fetch.cursor = sw_span_of(large, SW_FETCH_CURSOR_SIZE_MAX);
    sw_fetch_encode(&fetch, &out);
    assert_int_equal(sw_fetch_decode(sw_buf_span(&out), &fetch), SW_ERR_OK);
    sw_store_u32(out.data + 14, SW_FETCH_CURSOR_SIZE_MAX + 1);
    sw_write_u8(&out, 0);
    assert_int_equal(sw_fetch_decode(sw_buf_span(&out), &fetch), SW_ERR_MALFORMED);
    chunk.chunk = sw_span_of(large, SW_FETCH_CHUNK_SIZE_MAX);
    sw_fetch_chunk_encode(&chunk, &out);
    assert_true(out.size <= SW_MESSAGE_SIZE_MAX);
    assert_int_equal(sw_fetch_chunk_decode(sw_buf_span(&out), &chunk), SW_ERR_OK);
    sw_store_u32(out.data + 21, SW_FETCH_CHUNK_SIZE_MAX + 1);
    sw_write_u8(&out, 0);
    assert_int_equal(sw_fetch_chunk_decode(sw_buf_span(&out), &chunk), SW_ERR_MALFORMED);
    free(large);
    sw_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fetch_reads_back),
        cmocka_unit_test(a_chunk_reads_back),
        cmocka_unit_test(sizes_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
