/* Sketches: bytes that read back, keys that keep their order, and what two contents share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "node/sketch.h"

static struct sw_sketch sketch_of(const char *text)
{
    struct sw_sketch sketch;

    sw_sketch_of(sw_span_str(text), false, &sketch);
    return sketch;
}

static void bytes_read_back(void **unused)
{
    struct sw_sketch sketch = sketch_of("three words here"), read;
    struct sw_buf bytes = {0}, again = {0};

    (void)unused;
    sketch.domain = 5;
    sketch.id = 6;
    sw_sketch_encode(&sketch, &bytes);
    assert_int_equal(bytes.size, SW_SKETCH_SIZE);
    assert_int_equal(sw_sketch_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    sw_sketch_encode(&read, &again);
    assert_true(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_not_equal(sw_sketch_decode(sw_span_of(bytes.data, size), &read), SW_ERR_OK);
    }
    sw_write_u8(&bytes, 0);
    assert_int_equal(sw_sketch_decode(sw_buf_span(&bytes), &read), SW_ERR_CORRUPT);
    bytes.data[0] = SW_SKETCH_FORMAT + 1;
    assert_int_equal(sw_sketch_decode(sw_buf_span(&bytes), &read), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&bytes);
    sw_buf_release(&again);
}

static void likeness_stays_below_equality(void **unused)
{
    const struct sw_sketch a = sketch_of("one two three four five six seven");
    const struct sw_sketch spaced = sketch_of("one, two, three, four, five, six, seven!");
    const struct sw_sketch other = sketch_of("nothing of that is in here at all");

    (void)unused;
    assert_int_equal(sw_sketch_permille(&a, &a), 999);
    assert_int_equal(sw_sketch_permille(&a, &spaced), 999); /* the same tokens, other bytes */
    assert_memory_not_equal(a.name.bytes, spaced.name.bytes, SW_EXACT_NAME_SIZE);
    assert_true(sw_sketch_permille(&a, &other) < 200);
}

/* A code looks at the beginning alone, a name at everything. */
static void long_contents_are_cut(void **unused)
{
    const size_t size = SW_CONTEXT_SKETCH_SIZE_MAX + 400;
    char *text = malloc(size);
    struct sw_sketch a, b, ids;

    (void)unused;
    assert_non_null(text);
    for (size_t i = 0; i < size; i++) {
        text[i] = i % 5 == 4 ? ' ' : (char)('a' + (i * i + i / 7) % 26);
    }
    sw_sketch_of(sw_span_of(text, size), false, &a);
    text[size - 1] = '!';
    sw_sketch_of(sw_span_of(text, size), false, &b);
    assert_memory_equal(a.code.lanes, b.code.lanes, sizeof a.code.lanes);
    assert_memory_not_equal(a.name.bytes, b.name.bytes, SW_EXACT_NAME_SIZE);
    sw_sketch_of(sw_span_of(text, size), true, &ids);
    assert_memory_not_equal(ids.code.lanes, b.code.lanes, sizeof b.code.lanes);
    sw_sketch_of(sw_span_of(text, size - 1), true, &ids); /* no whole number of them: text */
    sw_sketch_of(sw_span_of(text, size - 1), false, &a);
    assert_memory_equal(ids.code.lanes, a.code.lanes, sizeof a.code.lanes);
    free(text);
}

static void keys_are_apart_and_in_order(void **unused)
{
    struct sw_key prefix, one, two, other;

    (void)unused;
    sw_sketch_band_key(7, 9, 11, 0, &prefix);
    sw_sketch_band_key(7, 9, 11, 255, &one);
    sw_sketch_band_key(7, 9, 11, 256, &two);
    sw_sketch_band_key(7, 9, 12, 1, &other);
    assert_true(sw_key_has_prefix(sw_key_span(&one), sw_key_span(&prefix)));
    assert_true(sw_span_compare(sw_key_span(&one), sw_key_span(&two)) < 0);
    assert_false(sw_key_has_prefix(sw_key_span(&other), sw_key_span(&prefix)));
    assert_int_equal(sw_key_check(SW_TABLE_INDEX, sw_key_span(&one)), SW_ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_read_back),
        cmocka_unit_test(likeness_stays_below_equality),
        cmocka_unit_test(long_contents_are_cut),
        cmocka_unit_test(keys_are_apart_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
