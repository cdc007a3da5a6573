/* The persistent tree against a sorted array, with old versions that must not change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "storage/tree.h"

enum { KEY_COUNT = 64, VERSION_COUNT = 4, ROUNDS = 40000 };

/* Model: value of each one-byte key, 0 = absent. */
struct version {
    struct sw_tree *root;
    uint8_t values[KEY_COUNT];
};

static void set(struct version *version, uint8_t key, uint8_t value)
{
    struct sw_tree_record *record =
        sw_tree_record_new(sw_span_of(&key, 1), sw_span_of(&value, 1), value);

    assert_int_equal(sw_tree_set(&version->root, record), version->values[key] != 0);
    sw_tree_record_unref(record);
    version->values[key] = value;
}

static int model_seek(const struct version *version, int key, enum sw_tree_mode mode)
{
    const int step = mode == SW_TREE_GE || mode == SW_TREE_GT ? 1 : -1;

    if (mode == SW_TREE_GT || mode == SW_TREE_LT) {
        key += step;
    }
    while (key >= 0 && key < KEY_COUNT) {
        if (version->values[key] != 0) {
            return key;
        }
        key += step;
    }
    return -1;
}

static int found_key(const struct sw_tree_record *record)
{
    return record == NULL ? -1 : record->bytes[0];
}

static void check(const struct version *version)
{
    assert_true(sw_tree_validate(version->root));
    assert_int_equal(found_key(sw_tree_edge(version->root, false)),
                     model_seek(version, 0, SW_TREE_GE));
    assert_int_equal(found_key(sw_tree_edge(version->root, true)),
                     model_seek(version, KEY_COUNT - 1, SW_TREE_LE));
    for (uint8_t key = 0; key < KEY_COUNT; key++) {
        const struct sw_tree_record *record = sw_tree_find(version->root, sw_span_of(&key, 1));

        assert_int_equal(record == NULL ? 0 : record->bytes[1], version->values[key]);
        for (int mode = SW_TREE_GE; mode <= SW_TREE_LT; mode++) {
            assert_int_equal(found_key(sw_tree_seek(
                                 version->root, sw_span_of(&key, 1), (enum sw_tree_mode)mode)),
                             model_seek(version, key, (enum sw_tree_mode)mode));
        }
    }
}

static void versions_change_independently(void **state)
{
    struct sw_prng prng = sw_prng_of(1);
    struct version versions[VERSION_COUNT] = {0};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct version *version = &versions[sw_prng_below(&prng, VERSION_COUNT)];
        const uint8_t key = (uint8_t)sw_prng_below(&prng, KEY_COUNT);

        if (sw_prng_chance(&prng, 1, 50)) {
            const struct version *from = &versions[sw_prng_below(&prng, VERSION_COUNT)];
            struct sw_tree *root = sw_tree_ref(from->root);

            sw_tree_unref(version->root);
            *version = *from;
            version->root = root;
        } else if (sw_prng_chance(&prng, 1, 2)) {
            set(version, key, (uint8_t)sw_prng_range(&prng, 1, 255));
        } else {
            assert_int_equal(sw_tree_delete(&version->root, sw_span_of(&key, 1)),
                             version->values[key] != 0);
            version->values[key] = 0;
        }
        if (round % 64 == 0) {
            for (int i = 0; i < VERSION_COUNT; i++) {
                check(&versions[i]);
            }
        }
    }
    for (int i = 0; i < VERSION_COUNT; i++) {
        check(&versions[i]);
        sw_tree_unref(versions[i].root);
    }
}

static void records_outlive_their_tree(void **state)
{
    struct sw_tree *root = NULL;
    struct sw_tree_record *record =
        sw_tree_record_new(sw_span_str("key"), sw_span_str("value"), 42);

    (void)state;
    assert_false(sw_tree_set(&root, record));
    assert_ptr_equal(sw_tree_find(root, sw_span_str("key")), record);
    sw_tree_unref(root);
    assert_int_equal(record->refs, 1);
    assert_true(sw_span_equal(sw_tree_record_key(record), sw_span_str("key")));
    assert_true(sw_span_equal(sw_tree_record_value(record), sw_span_str("value")));
    assert_true(record->seal == 42);
    sw_tree_record_unref(record);
    sw_tree_record_unref(NULL);
    sw_tree_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_change_independently),
        cmocka_unit_test(records_outlive_their_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
