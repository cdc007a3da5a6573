/* Records of changes: they survive the codec, and bad bytes are noticed. */
#include "node/change_log.h"
#include "tests/unit/node/state_kit.h"

static void bytes_are_as_documented(void **unused)
{
    static const uint8_t bytes[] = {
        1,  1, 0, 't', 1, 0, 'n', 1, 0, 'p', 2, 0, 'k', 0,       /* names */
        4,  0, 0, 0,   0, 0, 0,   0, 2, 0,   0, 0, 0,   0, 0, 0, /* created */
        9,  0, 0, 0,   0, 0, 0,   0, 7, 0,   0, 0, 0,   0, 0, 0, /* time, lease */
        'v'};
    const struct sw_change_record record = {.place = {.tenant = sw_span_str("t"),
                                                      .name_space = sw_span_str("n"),
                                                      .partition = sw_span_str("p")},
                                            .key = sw_span_of("k\0", 2),
                                            .create_revision = 4,
                                            .version = 2,
                                            .time_ms = 9,
                                            .lease = 7,
                                            .value = sw_span_str("v")};
    struct sw_change_record got;
    struct sw_buf out = {0};

    (void)unused;
    sw_change_record_encode(&record, &out);
    assert_int_equal(out.size, sizeof bytes);
    assert_memory_equal(out.data, bytes, sizeof bytes);
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_true(sw_span_equal(got.key, record.key));
    assert_true(sw_span_equal(got.value, record.value));
    assert_int_equal(got.create_revision, 4);
    assert_int_equal(got.version, 2);
    assert_int_equal(got.time_ms, 9);
    assert_int_equal(got.lease, 7);
    for (size_t size = 0; size + 1 < out.size; size++) {
        assert_int_equal(sw_change_record_decode(sw_span_of(bytes, size), &got), SW_ERR_CORRUPT);
    }
    out.data[0] = 2;
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_are_as_documented)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
