/* Bytes of live entries follow the requests, whatever their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "storage/wal_sizes.h"

static uint8_t body[4096];

static struct sw_wal_entry entry_of(uint64_t index, size_t size)
{
    return (struct sw_wal_entry){.index = index, .term = 1, .body = sw_span_of(body, size)};
}

static void test_append_truncate_drop(void **state)
{
    const struct sw_group_id group = {3};
    const struct sw_wal_entry entries[3] = {entry_of(1, 0), entry_of(2, 1), entry_of(3, 8)};
    struct sw_wal_sizes sizes = {0};

    (void)state;
    sw_wal_sizes_append(&sizes, group, entries, 3);
    assert_int_equal(sw_wal_sizes_group(&sizes, group), 64 + 72 + 72);
    sw_wal_sizes_append(&sizes, (struct sw_group_id){1}, entries, 1);
    assert_int_equal(sizes.bytes, 64 + 72 + 72 + 64);
    sw_wal_sizes_drop_below(&sizes, group, 2, false);
    assert_int_equal(sw_wal_sizes_group(&sizes, group), 72 + 72);
    sw_wal_sizes_truncate(&sizes, group, 3);
    assert_int_equal(sw_wal_sizes_group(&sizes, group), 72);
    sw_wal_sizes_drop_below(&sizes, group, 100, true);
    assert_int_equal(sw_wal_sizes_group(&sizes, group), 0);
    assert_int_equal(sw_wal_sizes_group(&sizes, (struct sw_group_id){2}), 0);
    assert_int_equal(sizes.bytes, 64);
    sw_wal_sizes_release(&sizes);
}

/* Against the plainest count: sizes by index in an array. */
static void test_long_life(void **state)
{
    const struct sw_group_id group = {1};
    static uint64_t model[6000];
    struct sw_wal_sizes sizes = {0};
    struct sw_prng prng = sw_prng_of(4);
    uint64_t first = 1;
    uint64_t next = 1;

    (void)state;
    while (next < 5000) {
        uint64_t sum = 0;
        if (sw_prng_chance(&prng, 1, 10)) {
            next = sw_prng_range(&prng, next - first > 9 ? next - 9 : first, next);
            sw_wal_sizes_truncate(&sizes, group, next);
        } else if (sw_prng_chance(&prng, 1, 30)) {
            first = sw_prng_range(&prng, first, next);
            sw_wal_sizes_drop_below(&sizes, group, first, false);
        } else {
            const size_t size = (size_t)sw_prng_below(&prng, 100);
            const struct sw_wal_entry entry = entry_of(next, size);
            model[next] = 64 + (size + 7) / 8 * 8;
            next++;
            sw_wal_sizes_append(&sizes, group, &entry, 1);
        }
        for (uint64_t i = first; i < next; i++) {
            sum += model[i];
        }
        assert_int_equal(sw_wal_sizes_group(&sizes, group), sum);
    }
    sw_wal_sizes_release(&sizes);
}

static void test_load_replaces(void **state)
{
    const struct sw_group_id group = {1};
    struct sw_wal_entry entries[2] = {entry_of(7, 8), entry_of(8, 8)};
    const struct sw_wal_group loaded = {.first_index = 7, .entries = entries, .entry_count = 2};
    struct sw_wal_sizes sizes = {0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        sw_wal_sizes_load(&sizes, group, &loaded);
        assert_int_equal(sw_wal_sizes_group(&sizes, group), 144);
    }
    sw_wal_sizes_release(&sizes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_truncate_drop),
        cmocka_unit_test(test_long_life),
        cmocka_unit_test(test_load_replaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
