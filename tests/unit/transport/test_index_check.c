/* Where a check of an index stood comes back as it went; whatever else is said is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "transport/index_check.h"

static struct sw_index_check example(enum sw_index_check_stage stage, struct sw_span at)
{
    return (struct sw_index_check){.stage = stage,
                                   .still = true,
                                   .stamp = 11,
                                   .lanes = 12,
                                   .entries = 13,
                                   .places = 14,
                                   .keys = 15,
                                   .records = 16,
                                   .digest_low = 17,
                                   .digest_high = 18,
                                   .at = at};
}

static void a_check_comes_back(void **state)
{
    static const uint8_t key[SW_KEY_SIZE_MAX] = {1, 2, 0, 255};
    static const size_t sizes[SW_INDEX_CHECK_STAGE_COUNT] = {12, 8, SW_KEY_SIZE_MAX, 8};
    char why[SW_WHY_SIZE];

    (void)state;
    for (int stage = 0; stage < SW_INDEX_CHECK_STAGE_COUNT; stage++) {
        const struct sw_index_check check =
            example((enum sw_index_check_stage)stage, sw_span_of(key, sizes[stage]));
        struct sw_index_check back;
        struct sw_buf bytes = {0}, again = {0};

        sw_index_check_encode(&check, &bytes);
        assert_int_equal(bytes.size, SW_INDEX_CHECK_FIXED_SIZE + sizes[stage]);
        assert_int_equal(sw_index_check_decode(sw_buf_span(&bytes), &back), SW_ERR_OK);
        assert_int_equal(sw_index_check_validate(sw_buf_span(&bytes), why), SW_ERR_OK);
        assert_int_equal(back.stage, stage);
        assert_true(sw_span_equal(back.at, check.at));
        sw_index_check_encode(&back, &again);
        assert_true(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
        sw_buf_release(&bytes);
        sw_buf_release(&again);
    }
    assert_int_equal(sw_index_check_validate(sw_span_of(NULL, 0), why), SW_ERR_OK);
}

static void hostile_bytes(void **state)
{
    static const uint8_t stages[] = {SW_INDEX_CHECK_STAGE_COUNT, 255};
    const struct sw_index_check check = example(SW_INDEX_CHECK_CODES, sw_span_str("0123456789ab"));
    struct sw_buf bytes = {0};
    char why[SW_WHY_SIZE];

    (void)state;
    sw_index_check_encode(&check, &bytes);
    for (size_t size = 1; size < bytes.size; size++) {
        assert_int_equal(sw_index_check_validate(sw_span_of(bytes.data, size), why),
                         SW_ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof stages; i++) {
        bytes.data[1] = stages[i];
        assert_int_equal(sw_index_check_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    }
    bytes.data[1] = SW_INDEX_CHECK_RECORDS; /* which stands at 8 bytes, not at 12 */
    assert_int_equal(sw_index_check_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    bytes.data[1] = SW_INDEX_CHECK_CODES;
    bytes.data[2] = 2;
    assert_int_equal(sw_index_check_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    bytes.data[2] = 1;
    assert_int_equal(sw_index_check_validate(sw_buf_span(&bytes), why), SW_ERR_OK);
    sw_write_u8(&bytes, 0);
    assert_int_equal(sw_index_check_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "where a check"));
    sw_buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_comes_back),
        cmocka_unit_test(hostile_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
