/* Keys sort by their numbers; records decode to what was encoded, and nothing else decodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/layout.h"

static void keys_sort_by_their_numbers(void **state)
{
    const struct sw__prefix prefix = sw__prefix_of(sw_span_str("pre"));
    const struct sw__key a = sw__key_2(&prefix, SW__KIND_SEGMENT, 1, 0x10000);
    const struct sw__key b = sw__key_2(&prefix, SW__KIND_SEGMENT, 1, 0x10001);
    const struct sw__key c = sw__key_2(&prefix, SW__KIND_SEGMENT, 2, 0);
    const struct sw__key newer = sw__key_codes(&prefix, 1, 2, 4);
    const struct sw__key older = sw__key_codes(&prefix, 1, 2, 3);
    uint32_t numbers[3];

    (void)state;
    assert_true(sw_span_compare(sw__key_span(&a), sw__key_span(&b)) < 0);
    assert_true(sw_span_compare(sw__key_span(&b), sw__key_span(&c)) < 0);
    assert_true(sw_span_compare(sw__key_span(&newer), sw__key_span(&older)) < 0);
    assert_true(sw__key_read(&prefix, SW__KIND_CODES, sw__key_span(&newer), 3, numbers));
    assert_int_equal(numbers[0], 1);
    assert_int_equal(numbers[1], 2);
    assert_int_equal(~numbers[2], 4);
    assert_false(sw__key_read(&prefix, SW__KIND_ROW, sw__key_span(&newer), 3, numbers));
    assert_false(sw__key_read(&prefix, SW__KIND_CODES, sw__key_span(&newer), 2, numbers));
}

static void small_records_are_kept(void **state)
{
    const struct sw__place place = {1, 2, 3, UINT32_MAX};
    const struct sw__bucket bucket = {7, 8, 9, true};
    struct sw__place place_again;
    struct sw__bucket bucket_again;
    uint64_t number;
    struct sw_buf buf = {0};

    (void)state;
    sw__place_encode(&place, &buf);
    assert_int_equal(sw__place_decode(sw_buf_span(&buf), &place_again), SW_ERR_OK);
    assert_memory_equal(&place, &place_again, sizeof(place));
    buf.data[0] = 9;
    assert_int_equal(sw__place_decode(sw_buf_span(&buf), &place_again), SW_ERR_NEWER_FORMAT);
    sw_buf_clear(&buf);
    sw__bucket_encode(&bucket, &buf);
    assert_int_equal(sw__bucket_decode(sw_buf_span(&buf), &bucket_again), SW_ERR_OK);
    assert_int_equal(bucket_again.split_at, 9);
    assert_true(bucket_again.draining);
    buf.data[buf.size - 1] = 2;
    assert_int_equal(sw__bucket_decode(sw_buf_span(&buf), &bucket_again), SW_ERR_CORRUPT);
    sw_buf_clear(&buf);
    sw__number_encode(UINT64_MAX, 8, &buf);
    assert_int_equal(sw__number_decode(sw_buf_span(&buf), 8, &number), SW_ERR_OK);
    assert_int_equal(number, UINT64_MAX);
    assert_int_equal(sw__number_decode(sw_buf_span(&buf), 4, &number), SW_ERR_CORRUPT);
    sw_buf_release(&buf);
}

static void the_state_is_kept(void **state)
{
    struct sw__state *from = calloc(1, sizeof(*from));
    struct sw__state *to = calloc(1, sizeof(*to));
    struct sw_buf buf = {0};
    struct sw_buf again = {0};

    (void)state;
    *from = (struct sw__state){.epoch = 3, .previous = 2, .buckets_made = 9, .moved = 4};
    from->task.phase = SW__PHASE_CENTRES;
    from->task.cursor = UINT64_MAX;
    from->slice_count = SW_INDEX_SLICE_COUNT_MAX;
    for (uint32_t i = 0; i < from->slice_count; i++) {
        from->slices[i].slice = 5 * i;
        from->slices[i].dropped = i % 2 == 1;
        from->slices[i].bits = i % 3 == 0 ? 16 : 4;
        from->slices[i].digest.high = i;
    }
    sw__state_encode(from, &buf);
    assert_int_equal(sw__state_decode(sw_buf_span(&buf), to), SW_ERR_OK);
    sw__state_encode(to, &again);
    assert_true(sw_span_equal(sw_buf_span(&buf), sw_buf_span(&again)));
    assert_int_equal(sw__state_slice(to, 10)->slice, 10);
    assert_null(sw__state_slice(to, 11));
    for (size_t size = 0; size < buf.size; size += 7) {
        assert_int_equal(sw__state_decode(sw_span_of(buf.data, size), to), SW_ERR_CORRUPT);
    }
    from->slices[3].bits = 5; /* no level */
    sw_buf_clear(&buf);
    sw__state_encode(from, &buf);
    assert_int_equal(sw__state_decode(sw_buf_span(&buf), to), SW_ERR_CORRUPT);
    from->slices[3].bits = 6;
    from->slices[3].slice = 0; /* not in order */
    sw_buf_clear(&buf);
    sw__state_encode(from, &buf);
    assert_int_equal(sw__state_decode(sw_buf_span(&buf), to), SW_ERR_CORRUPT);
    sw_buf_release(&buf);
    sw_buf_release(&again);
    free(from);
    free(to);
}

static void epochs_and_pivots_are_kept(void **state)
{
    struct sw__epoch *from = calloc(1, sizeof(*from));
    struct sw__epoch *to = calloc(1, sizeof(*to));
    const int8_t row[64] = {-3, 4};
    const int8_t *found = NULL;
    uint32_t epoch = 0;
    struct sw_buf buf = {0};

    (void)state;
    *from = (struct sw__epoch){.epoch = 6, .unit = 77, .retired = 3};
    from->mean[63] = -5000;
    sw__epoch_encode(from, 64, &buf);
    assert_int_equal(sw__epoch_decode(sw_buf_span(&buf), 6, 64, to), SW_ERR_OK);
    assert_memory_equal(from, to, sizeof(*to));
    assert_int_equal(sw__epoch_decode(sw_buf_span(&buf), 6, 128, to), SW_ERR_CORRUPT);
    from->mean[2] = 1 << 26;
    sw_buf_clear(&buf);
    sw__epoch_encode(from, 64, &buf);
    assert_int_equal(sw__epoch_decode(sw_buf_span(&buf), 6, 64, to), SW_ERR_CORRUPT);
    sw_buf_clear(&buf);
    sw__pivot_encode(9, row, 64, &buf);
    assert_int_equal(sw__pivot_decode(sw_buf_span(&buf), 64, &epoch, &found), SW_ERR_OK);
    assert_int_equal(epoch, 9);
    assert_memory_equal(found, row, 64);
    assert_int_equal(sw__pivot_decode(sw_buf_span(&buf), 128, &epoch, &found), SW_ERR_CORRUPT);
    sw_buf_release(&buf);
    free(from);
    free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_sort_by_their_numbers),
        cmocka_unit_test(small_records_are_kept),
        cmocka_unit_test(the_state_is_kept),
        cmocka_unit_test(epochs_and_pivots_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
