/* Keys and values of links: read as they were written, and nothing else is taken for one. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "base/prng.h"
#include "transport/relation.h"

static void keys_read_as_they_were_made(void **unused)
{
    const struct sw_link_hash a = sw_link_hash_of(sw_span_str("a"));
    const struct sw_link_hash b = sw_link_hash_of(sw_span_str("b"));
    struct sw_link_hash here, there;
    struct sw_link_key key, prefix;
    enum sw_link_side side;
    struct sw_span type;

    (void)unused;
    sw_link_key_of(SW_LINK_BACK, &a, sw_span_str("shows"), &b, &key);
    sw_link_prefix(SW_LINK_BACK, &a, sw_span_str("shows"), &prefix);
    assert_true(key.size == prefix.size + SW_LINK_HASH_SIZE);
    assert_memory_equal(key.data, prefix.data, prefix.size);
    assert_true(sw_link_key_read(sw_link_key_span(&key), &side, &here, &type, &there));
    assert_int_equal(side, SW_LINK_BACK);
    assert_memory_equal(&here, &a, sizeof a);
    assert_memory_equal(&there, &b, sizeof b);
    assert_true(sw_span_equal(type, sw_span_str("shows")));
    /* A prefix of the type "a" does not begin a key of the type "ab". */
    sw_link_prefix(SW_LINK_FORTH, &a, sw_span_str("sh"), &prefix);
    sw_link_key_of(SW_LINK_FORTH, &a, sw_span_str("shows"), &b, &key);
    assert_true(memcmp(key.data, prefix.data, prefix.size) != 0);
    assert_false(sw_link_key_read(sw_span_str("link/"), &side, &here, &type, &there));
    assert_false(sw_link_key_read(sw_span_of(key.data, key.size - 1), &side, &here, &type, &there));
    key.data[10] = 'G';
    assert_false(sw_link_key_read(sw_link_key_span(&key), &side, &here, &type, &there));
}

static void values_read_as_they_were_written(void **unused)
{
    static const char *const wrong[] = {"",
                                        "swarm-link 1 ",
                                        "swarm-link 1 1001 1\nab",
                                        "swarm-link 1 01 1\nab",
                                        "swarm-link 1 1 0\nab",
                                        "swarm-link 1 1 2\nab",
                                        "swarm-link 1 1 257\nab",
                                        "swarm-link 1 1 1 ab",
                                        "swarm-link 2 1 1\nab"};
    const struct sw_link_pair link = {
        .from = sw_span_of("a\0\n", 3), .to = sw_span_str("b"), .score = 1000};
    struct sw_buf bytes = {0};
    struct sw_link_pair read;

    (void)unused;
    sw_link_write(&link, &bytes);
    assert_true(sw_link_read(sw_buf_span(&bytes), &read));
    assert_true(sw_span_equal(read.from, link.from));
    assert_true(sw_span_equal(read.to, link.to));
    assert_int_equal(read.score, 1000);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(sw_link_read(sw_span_str(wrong[i]), &read));
    }
    sw_buf_release(&bytes);
}

static void hostile_bytes_are_read_in_bounds(void **unused)
{
    const struct sw_link_pair link = {
        .from = sw_span_str("from"), .to = sw_span_str("to"), .score = 7};
    struct sw_prng prng = sw_prng_of(22);
    struct sw_buf bytes = {0};
    struct sw_link_pair read;

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        sw_buf_clear(&bytes);
        sw_link_write(&link, &bytes);
        bytes.data[sw_prng_below(&prng, bytes.size)] = (uint8_t)sw_prng_below(&prng, 256);
        bytes.size = sw_prng_below(&prng, bytes.size + 1);
        if (sw_link_read(sw_buf_span(&bytes), &read)) {
            assert_true(read.from.size > 0 && read.to.size > 0);
            assert_true(read.from.size + read.to.size < bytes.size);
        }
    }
    sw_buf_release(&bytes);
}

static void types_are_words(void **unused)
{
    char why[SW_WHY_SIZE], large[SW_LINK_TYPE_SIZE_MAX + 1];

    (void)unused;
    memset(large, 'x', sizeof large);
    assert_int_equal(sw_link_type_validate(sw_span_str("derived_from"), why), SW_ERR_OK);
    assert_int_equal(sw_link_type_validate(sw_span_str("a/b"), why), SW_ERR_INVALID);
    assert_int_equal(sw_link_type_validate(sw_span_str(""), why), SW_ERR_INVALID);
    assert_int_equal(sw_link_type_validate(sw_span_of(large, sizeof large), why), SW_ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_read_as_they_were_made),
        cmocka_unit_test(values_read_as_they_were_written),
        cmocka_unit_test(hostile_bytes_are_read_in_bounds),
        cmocka_unit_test(types_are_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
