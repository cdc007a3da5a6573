/* Rows of namespaces survive the codec, and bad bytes are noticed. */
#include "node/retention.h"
#include "tests/unit/node/state_kit.h"

static const struct sw_place place = {
    .tenant = {(const uint8_t *)"acme", 4},
    .name_space = {(const uint8_t *)"prod", 4},
    .partition = {(const uint8_t *)"agents", 6},
};

static void rows_survive_the_codec(void **unused)
{
    const struct sw_retention_row row = {
        .begun = 3, .floor = 5, .count = 2, .size = 70, .swept = {.revision = 6, .number = 1}};
    struct sw_retention_row got;
    struct sw_buf out = {0};

    (void)unused;
    sw_retention_row_encode(&row, &out);
    assert_int_equal(sw_retention_row_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_int_equal(got.begun, 3);
    assert_int_equal(got.floor, 5);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.size, 70);
    assert_int_equal(got.swept.revision, 6);
    assert_int_equal(got.swept.number, 1);
    for (size_t size = 0; size < out.size; size++) {
        assert_int_equal(sw_retention_row_decode(sw_span_of(out.data, size), &got), SW_ERR_CORRUPT);
    }
    out.data[0] = SW_RETENTION_FORMAT + 1;
    assert_int_equal(sw_retention_row_decode(sw_buf_span(&out), &got), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&out);
}

static void a_namespace_without_a_row_has_none(void **unused)
{
    struct sw_retention_row row;
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("k", "v"));
    assert_int_equal(sw_retention_row_get(kit.store, kit_group, &place, &row), SW_ERR_OK);
    assert_int_equal(row.begun, 0);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_survive_the_codec),
        cmocka_unit_test(a_namespace_without_a_row_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
