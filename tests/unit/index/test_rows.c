/* Rows and segments come back as they were made; what is no row is not read as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/prng.h"
#include "index/rows.h"
#include "index/vector.h"

enum { DIM = 128 };

static void a_row_stands_for_what_it_was_made_of(void **state)
{
    struct sw_prng prng = sw_prng_of(1);
    uint8_t bytes[SW__ROW_HEADER_SIZE + 2 * DIM];
    int32_t fixed[DIM];
    int32_t again[DIM];
    struct sw__row row;

    (void)state;
    for (int i = 0; i < DIM; i++) {
        fixed[i] = (int32_t)sw_prng_below(&prng, 1 << 20) - (1 << 19);
    }
    sw__row_make(42, fixed, DIM, bytes);
    assert_int_equal(sw__row_view(sw_span_of(bytes, sizeof(bytes)), DIM, &row), SW_ERR_OK);
    sw__row_restore(&row, DIM, again);
    assert_memory_equal(fixed, again, sizeof(fixed));
    assert_int_equal(row.id, 42);
    assert_int_equal(row.norm2, sw__norm2(fixed, DIM));
    /* Made again from what it stands for, it is the same row: codes do not depend on history. */
    sw__row_make(42, again, DIM, bytes);
    assert_memory_equal(fixed, again, sizeof(fixed));
}

static void what_is_no_row_is_not_read(void **state)
{
    uint8_t bytes[SW__ROW_HEADER_SIZE + 2 * DIM] = {0};
    int32_t fixed[DIM] = {1};
    struct sw__row row;

    (void)state;
    assert_int_equal(sw__row_view(sw_span_of(bytes, sizeof(bytes)), DIM, &row), SW_ERR_CORRUPT);
    sw__row_make(1, fixed, DIM, bytes);
    assert_int_equal(sw__row_view(sw_span_of(bytes, sizeof(bytes) - 1), DIM, &row), SW_ERR_CORRUPT);
    bytes[20] = SW__ROW_FORMAT + 1;
    assert_int_equal(sw__row_view(sw_span_of(bytes, sizeof(bytes)), DIM, &row),
                     SW_ERR_NEWER_FORMAT);
    bytes[20] = SW__ROW_FORMAT;
    bytes[21] = 3; /* bits */
    assert_int_equal(sw__row_view(sw_span_of(bytes, sizeof(bytes)), DIM, &row), SW_ERR_CORRUPT);
    bytes[21] = 16;
    bytes[15] = 0xff; /* a norm that no vector has */
    assert_int_equal(sw__row_view(sw_span_of(bytes, sizeof(bytes)), DIM, &row), SW_ERR_CORRUPT);
}

static void segments_give_their_rows(void **state)
{
    const uint32_t rows = sw__rows_a_segment(DIM);
    uint8_t bytes[SW__ROW_HEADER_SIZE + 2 * DIM];
    int32_t fixed[DIM] = {5};
    struct sw_buf buf = {0};
    struct sw_span found;
    struct sw__row row;

    (void)state;
    assert_true(sw__rows_a_segment(SW_SPACE_DIM_MAX) >= 2);
    sw__segment_begin(rows, 16, &buf);
    for (uint32_t i = 0; i < rows; i++) {
        sw__row_make(i, fixed, DIM, bytes);
        sw_write_bytes(&buf, sw_span_of(bytes, sizeof(bytes)));
    }
    assert_true(buf.size <= SW__SEGMENT_SIZE);
    for (uint32_t i = 0; i < rows; i++) {
        assert_int_equal(sw__segment_row(sw_buf_span(&buf), DIM, i, &found), SW_ERR_OK);
        assert_int_equal(sw__row_view(found, DIM, &row), SW_ERR_OK);
        assert_int_equal(row.id, i);
    }
    assert_int_equal(sw__segment_row(sw_buf_span(&buf), DIM, rows, &found), SW_ERR_CORRUPT);
    assert_int_equal(sw__segment_row(sw_span_of(buf.data, buf.size - 1), DIM, 0, &found),
                     SW_ERR_CORRUPT);
    assert_int_equal(sw__segment_row(sw_span_of(buf.data, 7), DIM, 0, &found), SW_ERR_CORRUPT);
    buf.data[0] = SW__SEGMENT_FORMAT + 1;
    assert_int_equal(sw__segment_row(sw_buf_span(&buf), DIM, 0, &found), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_stands_for_what_it_was_made_of),
        cmocka_unit_test(what_is_no_row_is_not_read),
        cmocka_unit_test(segments_give_their_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
