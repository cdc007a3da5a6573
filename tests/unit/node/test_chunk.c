/* Chunks and cursors: what is encoded decodes to the same, and every damage is noticed. */
#include "node/chunk.h"
#include "tests/unit/node/state_kit.h"

static void make_chunk(struct sw_buf *out)
{
    const struct sw_chunk_record records[] = {
        {SW_TABLE_META, sw_span_str("key"), 5, 0, sw_span_str("value")},
        {SW_TABLE_KV, sw_span_str("big"), 100, 40, sw_span_str("part")},
        {SW_TABLE_SESSION, sw_span_str("empty"), 0, 0, sw_span_of(NULL, 0)}};
    struct sw_buf bytes = {0};

    for (size_t i = 0; i < 3; i++) {
        sw_chunk_record_encode(&records[i], &bytes);
    }
    sw_chunk_encode(&(struct sw_chunk){.group = {3},
                                       .index = 77,
                                       .digest = 88,
                                       .cursor = sw_span_str("from here"),
                                       .record_count = 3,
                                       .records = sw_buf_span(&bytes),
                                       .next = sw_span_str("to there"),
                                       .running = 99},
                    out);
    sw_buf_release(&bytes);
}

static void a_chunk_comes_back_as_it_was(void **unused)
{
    struct sw_buf bytes = {0};
    struct sw_buf again = {0};
    struct sw_chunk_record record = {0};
    struct sw_chunk chunk;
    struct sw_reader in;

    (void)unused;
    make_chunk(&bytes);
    assert_int_equal(sw_chunk_decode(sw_buf_span(&bytes), &chunk), SW_ERR_OK);
    assert_int_equal(chunk.group.value, 3);
    assert_int_equal(chunk.index, 77);
    assert_int_equal(chunk.digest, 88);
    assert_int_equal(chunk.running, 99);
    assert_true(sw_span_equal(chunk.cursor, sw_span_str("from here")));
    assert_true(sw_span_equal(chunk.next, sw_span_str("to there")));
    assert_int_equal(chunk.record_count, 3);
    in = sw_reader_of(chunk.records);
    assert_int_equal(sw_chunk_record_decode(&in, &record), SW_ERR_OK);
    assert_int_equal(sw_chunk_record_decode(&in, &record), SW_ERR_OK);
    assert_int_equal(record.table, SW_TABLE_KV);
    assert_int_equal(record.total, 100);
    assert_int_equal(record.offset, 40);
    assert_true(sw_span_equal(record.bytes, sw_span_str("part")));
    sw_chunk_encode(&chunk, &again);
    assert_true(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
    sw_buf_release(&bytes);
    sw_buf_release(&again);
}

static void every_flipped_bit_is_malformed(void **unused)
{
    struct sw_buf bytes = {0};
    struct sw_chunk chunk;

    (void)unused;
    make_chunk(&bytes);
    for (size_t i = 0; i < bytes.size * 8; i++) {
        bytes.data[i / 8] ^= (uint8_t)(1 << (i % 8));
        assert_int_equal(sw_chunk_decode(sw_buf_span(&bytes), &chunk), SW_ERR_MALFORMED);
        bytes.data[i / 8] ^= (uint8_t)(1 << (i % 8));
    }
    assert_int_equal(sw_chunk_decode(sw_buf_span(&bytes), &chunk), SW_ERR_OK);
    sw_buf_release(&bytes);
}

static void every_truncation_is_malformed(void **unused)
{
    struct sw_buf bytes = {0};
    struct sw_chunk chunk;

    (void)unused;
    make_chunk(&bytes);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(sw_chunk_decode(sw_span_of(bytes.data, size), &chunk), SW_ERR_MALFORMED);
    }
    sw_buf_release(&bytes);
}

static void records_stay_inside_their_bounds(void **unused)
{
    static const struct sw_chunk_record bad[] = {
        {SW_TABLE_STAGE, {(const uint8_t *)"k", 1}, 1, 0, {(const uint8_t *)"v", 1}},
        {SW_TABLE_KV, {NULL, 0}, 1, 0, {(const uint8_t *)"v", 1}},
        {SW_TABLE_KV, {(const uint8_t *)"k", 1}, 3, 4, {NULL, 0}},
        {SW_TABLE_KV, {(const uint8_t *)"k", 1}, 3, 2, {(const uint8_t *)"vw", 2}},
        {SW_TABLE_KV, {(const uint8_t *)"k", 1}, UINT32_MAX, 0, {(const uint8_t *)"v", 1}}};

    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sw_chunk_record record = {0};
        struct sw_buf bytes = {0};
        struct sw_reader in;

        sw_chunk_record_encode(&bad[i], &bytes);
        in = sw_reader_of(sw_buf_span(&bytes));
        assert_int_equal(sw_chunk_record_decode(&in, &record), SW_ERR_MALFORMED);
        sw_buf_release(&bytes);
    }
}

static void a_cursor_comes_back_as_it_was(void **unused)
{
    struct sw_cursor cursor = {.index = 1,
                               .digest = 2,
                               .running = 3,
                               .table = SW_TABLE_EXPERIENCE,
                               .offset = 4,
                               .key = {.size = SW_STORE_KEY_SIZE_MAX}};
    struct sw_buf bytes = {0};
    struct sw_buf again = {0};
    struct sw_cursor other;

    (void)unused;
    memset(cursor.key.data, 'k', SW_STORE_KEY_SIZE_MAX);
    sw_cursor_encode(&cursor, &bytes);
    assert_int_equal(bytes.size, SW_CURSOR_SIZE_MAX);
    assert_int_equal(sw_cursor_decode(sw_buf_span(&bytes), &other), SW_ERR_OK);
    sw_cursor_encode(&other, &again);
    assert_true(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(sw_cursor_decode(sw_span_of(bytes.data, size), &other), SW_ERR_MALFORMED);
    }
    sw_buf_release(&bytes);
    sw_buf_release(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_comes_back_as_it_was),
        cmocka_unit_test(every_flipped_bit_is_malformed),
        cmocka_unit_test(every_truncation_is_malformed),
        cmocka_unit_test(records_stay_inside_their_bounds),
        cmocka_unit_test(a_cursor_comes_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
