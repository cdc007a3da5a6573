/* Rows of usage: their bytes, their keys, and many of them in one entry. */
#include <stdio.h>

#include "node/usage.h"
#include "tests/unit/node/state_kit.h"

static void a_row_reads_back(void **state)
{
    const struct sw_usage usage = {
        .keys = 1, .experiences = 2, .bytes = UINT64_MAX, .leases = UINT64_MAX - 1};
    struct sw_buf record = {0};
    struct sw_usage again;

    (void)state;
    sw_usage_encode(&usage, SW_USAGE_OF_ALL, &record);
    assert_int_equal(record.size, SW_USAGE_SIZE);
    assert_int_equal(sw_usage_decode(sw_buf_span(&record), &again), SW_ERR_OK);
    assert_memory_equal(&usage, &again, sizeof usage);
    record.size--;
    assert_int_equal(sw_usage_decode(sw_buf_span(&record), &again), SW_ERR_CORRUPT);
    record.size += 2;
    sw_buf_release(&record);
}

static void other_formats_are_no_rows(void **state)
{
    uint8_t record[SW_USAGE_SIZE + 1] = {0};
    struct sw_usage usage;

    (void)state;
    assert_int_equal(sw_usage_decode(sw_span_of(record, SW_USAGE_SIZE), &usage), SW_ERR_CORRUPT);
    record[0] = SW_USAGE_FORMAT + 1;
    assert_int_equal(sw_usage_decode(sw_span_of(record, SW_USAGE_SIZE), &usage),
                     SW_ERR_NEWER_FORMAT);
    record[0] = SW_USAGE_FORMAT;
    assert_int_equal(sw_usage_decode(sw_span_of(record, sizeof record), &usage), SW_ERR_CORRUPT);
    assert_int_equal(sw_usage_decode(sw_span_of(NULL, 0), &usage), SW_ERR_CORRUPT);
}

/* Rows of entries from before leases and indexes were counted. */
static void an_older_row_has_no_leases(void **state)
{
    const struct sw_usage usage = {.keys = 1, .experiences = 2, .bytes = 3};
    struct sw_usage again = {.leases = 9};
    struct sw_buf record = {0};

    (void)state;
    sw_usage_encode(&usage, SW_USAGE_OF_KEYS, &record);
    assert_int_equal(record.size, SW_USAGE_KEYS_SIZE);
    assert_int_equal(sw_usage_decode(sw_buf_span(&record), &again), SW_ERR_OK);
    assert_memory_equal(&usage, &again, sizeof usage);
    record.data[0] = SW_USAGE_FORMAT;
    assert_int_equal(sw_usage_decode(sw_buf_span(&record), &again), SW_ERR_CORRUPT);
    sw_buf_release(&record);
}

static void what_is_counted_is_one_of_two(void **state)
{
    static const enum sw_err expected[] = {
        SW_ERR_CORRUPT, SW_ERR_OK, SW_ERR_OK, SW_ERR_NEWER_FORMAT};
    enum sw_usage_scope scope;

    (void)state;
    for (uint8_t i = 0; i < 4; i++) {
        const uint8_t bytes[] = {i, 0};

        assert_int_equal(sw_usage_scope_decode(sw_span_of(bytes, 1), &scope), expected[i]);
        assert_int_equal(sw_usage_scope_decode(sw_span_of(bytes, 2), &scope),
                         i == 3 ? SW_ERR_NEWER_FORMAT : SW_ERR_CORRUPT);
        assert_true(expected[i] != SW_ERR_OK || scope == (enum sw_usage_scope)i);
    }
}

/* "ab" with "c" is not "a" with "bc", and a tenant is none of its namespaces. */
static void keys_of_rows_differ(void **state)
{
    static const char *const names[][2] = {
        {"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"a", ""}, {"a", "b"}};
    struct sw_key keys[5];
    struct sw_key begun;

    (void)state;
    sw_usage_scope_key(kit_group, &begun);
    for (int i = 0; i < 5; i++) {
        sw_usage_key(kit_group, sw_span_str(names[i][0]), sw_span_str(names[i][1]), &keys[i]);
        assert_int_equal(sw_key_check(SW_TABLE_META, sw_key_span(&keys[i])), SW_ERR_OK);
        assert_false(sw_span_equal(sw_key_span(&keys[i]), sw_key_span(&begun)));
        for (int j = 0; j < i; j++) {
            assert_false(sw_span_equal(sw_key_span(&keys[i]), sw_key_span(&keys[j])));
        }
    }
}

static void many_rows_are_found_again(void **state)
{
    struct kit kit = kit_open();
    struct sw_usages usages = {0};
    char name[16];

    (void)state;
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 1000; i++) {
            struct sw_usage_row *row;

            (void)snprintf(name, sizeof name, "n%d", (int)i);
            assert_int_equal(
                sw_usages_row(
                    &usages, kit.store, kit_group, sw_span_str("acme"), sw_span_str(name), &row),
                SW_ERR_OK);
            assert_int_equal(row->usage.keys, round * (i + 1));
            row->usage.keys = i + 1;
        }
    }
    assert_int_equal(usages.count, 1000);
    sw_usages_clear(&usages);
    assert_int_equal(usages.count, 0);
    sw_usages_release(&usages);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_reads_back),
        cmocka_unit_test(an_older_row_has_no_leases),
        cmocka_unit_test(what_is_counted_is_one_of_two),
        cmocka_unit_test(other_formats_are_no_rows),
        cmocka_unit_test(keys_of_rows_differ),
        cmocka_unit_test(many_rows_are_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
