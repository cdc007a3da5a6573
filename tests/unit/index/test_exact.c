/* Goal: equal bytes are found, unequal ones never pass, not even under one name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "index/exact.h"

static void the_name_is_xxh3_128_in_canonical_order(void **state)
{
    /* The published digest of no bytes, as `xxhsum -H2` prints it. */
    static const uint8_t empty[] = {0x99,
                                    0xaa,
                                    0x06,
                                    0xd3,
                                    0x01,
                                    0x47,
                                    0x98,
                                    0xd8,
                                    0x60,
                                    0x01,
                                    0xc3,
                                    0x24,
                                    0x46,
                                    0x8d,
                                    0x49,
                                    0x7f};
    const struct sw_exact_name name = sw_exact_name_of(sw_span_of(NULL, 0));

    (void)state;
    assert_memory_equal(name.bytes, empty, sizeof empty);
}

static void equal_bytes_are_the_same(void **state)
{
    const struct sw_span a = sw_span_str("one chunk"), b = sw_span_str("one chunk");
    const struct sw_exact_name name_a = sw_exact_name_of(a), name_b = sw_exact_name_of(b);

    (void)state;
    assert_true(sw_exact_same(&name_a, a, &name_b, b));
}

static void one_changed_bit_or_byte_more_is_another(void **state)
{
    uint8_t text[300] = {0}, other[300];
    const struct sw_span a = sw_span_of(text, sizeof text - 1);
    const struct sw_exact_name name = sw_exact_name_of(a);

    (void)state;
    for (size_t bit = 0; bit < 8 * a.size; bit++) {
        const struct sw_span b = sw_span_of(other, a.size);
        struct sw_exact_name name_b;

        memcpy(other, text, sizeof other);
        other[bit / 8] ^= (uint8_t)(1U << bit % 8);
        name_b = sw_exact_name_of(b);
        assert_false(sw_exact_same(&name, a, &name_b, b));
        assert_memory_not_equal(name.bytes, name_b.bytes, sizeof name.bytes);
    }
    {
        const struct sw_span longer = sw_span_of(text, sizeof text);
        const struct sw_exact_name name_longer = sw_exact_name_of(longer);

        assert_false(sw_exact_same(&name, a, &name_longer, longer));
    }
}

/* What an attacker who can make collisions would send. */
static void one_name_does_not_make_contents_equal(void **state)
{
    const struct sw_span a = sw_span_str("mine"), b = sw_span_str("your");
    const struct sw_exact_name name = sw_exact_name_of(a);

    (void)state;
    assert_false(sw_exact_same(&name, a, &name, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_is_xxh3_128_in_canonical_order),
        cmocka_unit_test(equal_bytes_are_the_same),
        cmocka_unit_test(one_changed_bit_or_byte_more_is_another),
        cmocka_unit_test(one_name_does_not_make_contents_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
