/* Seals: every flipped bit, every wrong table or key and every cut is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "storage/store_seal.h"

static void sealed_values_open_again(void **state)
{
    struct sw_prng prng = sw_prng_of(1);
    uint8_t value[600];
    uint8_t sealed[SW_SEAL_SIZE + sizeof(value)];
    struct sw_span opened;

    (void)state;
    for (size_t size = 0; size <= sizeof(value); size++) {
        for (size_t i = 0; i < size; i++) {
            value[i] = (uint8_t)sw_prng_next(&prng);
        }
        sw_seal_write(SW_TABLE_KV, sw_span_str("key"), sw_span_of(value, size), sealed);
        assert_int_equal(
            sw_seal_open(
                SW_TABLE_KV, sw_span_str("key"), sw_span_of(sealed, SW_SEAL_SIZE + size), &opened),
            SW_ERR_OK);
        assert_true(sw_span_equal(opened, sw_span_of(value, size)));
    }
}

static void every_flipped_bit_is_noticed(void **state)
{
    static const size_t sizes[] = {0, 1, 3, 8, 16, 17, 128, 129, 240, 241, 300};
    uint8_t value[300];
    uint8_t sealed[SW_SEAL_SIZE + sizeof(value)];
    struct sw_span opened = sw_span_str("untouched");

    (void)state;
    memset(value, 7, sizeof(value));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct sw_span all = sw_span_of(sealed, SW_SEAL_SIZE + sizes[i]);

        sw_seal_write(SW_TABLE_KV, sw_span_str("key"), sw_span_of(value, sizes[i]), sealed);
        for (size_t bit = 0; bit < all.size * 8; bit++) {
            sealed[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            assert_int_equal(sw_seal_open(SW_TABLE_KV, sw_span_str("key"), all, &opened),
                             SW_ERR_CORRUPT);
            sealed[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        for (size_t size = 0; size < all.size; size++) {
            assert_int_equal(
                sw_seal_open(SW_TABLE_KV, sw_span_str("key"), sw_span_of(sealed, size), &opened),
                SW_ERR_CORRUPT);
        }
    }
    assert_true(sw_span_equal(opened, sw_span_str("untouched")));
}

static void a_value_belongs_to_its_table_and_key(void **state)
{
    uint8_t sealed[SW_SEAL_SIZE + 5];
    struct sw_span opened;

    (void)state;
    sw_seal_write(SW_TABLE_KV, sw_span_str("key"), sw_span_str("value"), sealed);
    assert_int_equal(
        sw_seal_open(SW_TABLE_META, sw_span_str("key"), sw_span_of(sealed, 13), &opened),
        SW_ERR_CORRUPT);
    assert_int_equal(sw_seal_open(SW_TABLE_KV, sw_span_str("kez"), sw_span_of(sealed, 13), &opened),
                     SW_ERR_CORRUPT);
    assert_int_equal(sw_seal_open(SW_TABLE_KV, sw_span_str("ke"), sw_span_of(sealed, 13), &opened),
                     SW_ERR_CORRUPT);
}

/* A format on disk: this number may never change. */
static void the_seal_is_this_number(void **state)
{
    (void)state;
    assert_true(sw_seal_of(SW_TABLE_KV, sw_span_str("key"), sw_span_str("value")) ==
                UINT64_C(0x699eaec4c6a8fa2a));
}

static void keys_print_bounded_and_escaped(void **state)
{
    char text[16];
    uint8_t long_key[100];

    (void)state;
    sw_key_print(sw_span_of("a\0b", 3), text, sizeof(text));
    assert_string_equal(text, "a\\x00b");
    memset(long_key, 'x', sizeof(long_key));
    sw_key_print(sw_span_of(long_key, sizeof(long_key)), text, sizeof(text));
    assert_string_equal(text, "xxxxxxxxx...");
    memset(long_key, 0, sizeof(long_key));
    for (size_t size = 8; size <= sizeof(text); size++) {
        sw_key_print(sw_span_of(long_key, sizeof(long_key)), text, size);
        assert_true(strlen(text) < size);
    }
}

static void corruption_says_where_and_what_to_do(void **state)
{
    struct sw_store store = {0};

    (void)state;
    assert_int_equal(
        sw_store_corrupt(&store, SW_TABLE_SESSION, sw_span_str("k\n"), "the value is torn"),
        SW_ERR_CORRUPT);
    assert_string_equal(
        store.why, "table session, key k\\x0a: the value is torn; the other nodes hold the data");
    assert_string_equal(sw_table_name(SW_SEAL_TABLE_HEADER), "header");
    assert_string_equal(sw_table_name(SW_TABLE_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_values_open_again),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(a_value_belongs_to_its_table_and_key),
        cmocka_unit_test(the_seal_is_this_number),
        cmocka_unit_test(keys_print_bounded_and_escaped),
        cmocka_unit_test(corruption_says_where_and_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
