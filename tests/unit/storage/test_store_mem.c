/* The twin of the store: transactions, readers, walks, crashes and injected faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/store_mem.h"

static int setup(void **state)
{
    *state = sw_store_mem_new(0, 0);
    return 0;
}

static int teardown(void **state)
{
    sw_store_mem_free(*state);
    sw_store_mem_free(NULL);
    return 0;
}

static enum sw_err put(struct sw_store *store, const char *key, const char *value)
{
    return store->ops->put(store, SW_TABLE_KV, sw_span_str(key), sw_span_str(value));
}

static enum sw_err del(struct sw_store *store, const char *key)
{
    return store->ops->del(store, SW_TABLE_KV, sw_span_str(key));
}

/* The value, or NULL if absent. */
static const char *get(struct sw_store *store, const char *key)
{
    static char text[64];
    struct sw_span value;
    enum sw_err err = store->ops->get(store, SW_TABLE_KV, sw_span_str(key), &value);

    if (err == SW_ERR_NOT_FOUND) {
        return NULL;
    }
    assert_int_equal(err, SW_ERR_OK);
    assert_true(value.size < sizeof(text));
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    return text;
}

static void commit(struct sw_store *store)
{
    assert_int_equal(store->ops->commit(store), SW_ERR_OK);
}

static void reads_see_the_open_transaction(void **state)
{
    struct sw_store *store = *state;

    assert_null(get(store, "a"));
    assert_false(store->ops->dirty(store));
    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    assert_true(store->ops->dirty(store));
    assert_string_equal(get(store, "a"), "1");
    assert_int_equal(put(store, "a", "2"), SW_ERR_OK);
    assert_string_equal(get(store, "a"), "2");
    assert_int_equal(del(store, "a"), SW_ERR_OK);
    assert_int_equal(del(store, "a"), SW_ERR_NOT_FOUND);
    assert_null(get(store, "a"));
}

static void tables_are_apart(void **state)
{
    struct sw_store *store = *state;
    struct sw_span value;

    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    assert_int_equal(store->ops->get(store, SW_TABLE_META, sw_span_str("a"), &value),
                     SW_ERR_NOT_FOUND);
}

static void abort_goes_back_to_the_commit(void **state)
{
    struct sw_store *store = *state;

    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    commit(store);
    assert_false(store->ops->dirty(store));
    assert_int_equal(put(store, "a", "2"), SW_ERR_OK);
    assert_int_equal(put(store, "b", "2"), SW_ERR_OK);
    store->ops->abort(store);
    assert_false(store->ops->dirty(store));
    assert_string_equal(get(store, "a"), "1");
    assert_null(get(store, "b"));
}

static void walks_go_both_ways(void **state)
{
    struct sw_store *store = *state;
    struct sw_store_record record;

    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    assert_int_equal(put(store, "c", "3"), SW_ERR_OK);
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_str("b"), false, &record),
                     SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("c")));
    assert_int_equal(store->ops->next(store, SW_TABLE_KV, true, &record), SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("a")));
    assert_true(sw_span_equal(record.value, sw_span_str("1")));
    assert_int_equal(store->ops->next(store, SW_TABLE_KV, true, &record), SW_ERR_NOT_FOUND);
    assert_int_equal(store->ops->next(store, SW_TABLE_KV, false, &record), SW_ERR_NOT_FOUND);
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_str("b"), true, &record),
                     SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("a")));
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_of(NULL, 0), true, &record),
                     SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("c")));
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_str("d"), false, &record),
                     SW_ERR_NOT_FOUND);
}

static void readers_keep_the_last_commit(void **state)
{
    struct sw_store *store = *state;
    struct sw_store_reader *readers[4];
    struct sw_store_reader *fifth;
    struct sw_store_record record;

    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    commit(store);
    assert_int_equal(put(store, "a", "2"), SW_ERR_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(store->ops->reader_open(store, &readers[i]), SW_ERR_OK);
    }
    assert_int_equal(store->ops->reader_open(store, &fifth), SW_ERR_BUSY);
    commit(store);
    assert_int_equal(del(store, "a"), SW_ERR_OK);
    commit(store);
    assert_int_equal(store->ops->reader_seek(readers[0], SW_TABLE_KV, sw_span_of(NULL, 0), &record),
                     SW_ERR_OK);
    assert_true(sw_span_equal(record.value, sw_span_str("1")));
    assert_int_equal(store->ops->reader_next(readers[0], SW_TABLE_KV, &record), SW_ERR_NOT_FOUND);
    store->ops->reader_close(readers[0]);
    store->ops->reader_close(NULL);
    assert_int_equal(store->ops->reader_open(store, &readers[0]), SW_ERR_OK);
    assert_int_equal(store->ops->reader_seek(readers[0], SW_TABLE_KV, sw_span_of(NULL, 0), &record),
                     SW_ERR_NOT_FOUND);
}

static void a_power_cut_undoes_at_most_one_unsynced_commit(void **state)
{
    struct sw_store *store = *state;

    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    commit(store);
    assert_int_equal(put(store, "a", "2"), SW_ERR_OK);
    commit(store);
    assert_int_equal(put(store, "a", "3"), SW_ERR_OK);
    sw_store_mem_crash(store, false);
    assert_string_equal(get(store, "a"), "2");
    sw_store_mem_crash(store, true);
    assert_string_equal(get(store, "a"), "1");
    sw_store_mem_crash(store, true);
    assert_string_equal(get(store, "a"), "1");
    assert_int_equal(put(store, "a", "4"), SW_ERR_OK);
    commit(store);
    assert_int_equal(store->ops->sync(store), SW_ERR_OK);
    sw_store_mem_crash(store, true);
    assert_string_equal(get(store, "a"), "4");
}

static void a_full_store_reads_and_deletes(void **state)
{
    struct sw_store *store = *state;

    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    sw_store_mem_set_full(store, true);
    assert_int_equal(put(store, "b", "1"), SW_ERR_DISK_FULL);
    assert_string_equal(get(store, "a"), "1");
    assert_int_equal(del(store, "a"), SW_ERR_OK);
    commit(store);
    sw_store_mem_set_full(store, false);
    assert_int_equal(put(store, "b", "1"), SW_ERR_OK);
}

static void the_reserve_is_not_for_puts(void **state)
{
    struct sw_store *store = sw_store_mem_new(1000, 800);
    struct sw_store_stats stats;

    (void)state;
    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    assert_int_equal(put(store, "b", "1"), SW_ERR_OK);
    assert_int_equal(put(store, "c", "1"), SW_ERR_OK);
    assert_int_equal(put(store, "d", "1"), SW_ERR_DISK_FULL);
    assert_int_equal(put(store, "a", "2"), SW_ERR_OK); /* takes the place of the old one */
    assert_int_equal(del(store, "a"), SW_ERR_OK);
    assert_int_equal(put(store, "d", "1"), SW_ERR_OK);
    store->ops->stats(store, &stats);
    assert_int_equal(stats.record_count[SW_TABLE_KV], 3);
    assert_int_equal(stats.record_count[SW_TABLE_META], 0);
    assert_int_equal(stats.used_size, 3 * 66);
    assert_int_equal(stats.map_size, 1000);
    sw_store_mem_free(store);
}

static void a_failed_commit_ends_the_store_until_a_restart(void **state)
{
    struct sw_store *store = *state;
    struct sw_span value;
    struct sw_store_record record;
    struct sw_store_reader *reader;

    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    commit(store);
    assert_int_equal(put(store, "a", "2"), SW_ERR_OK);
    sw_store_mem_fail_next_commit(store);
    assert_int_equal(store->ops->commit(store), SW_ERR_IO);
    assert_int_equal(store->ops->commit(store), SW_ERR_IO);
    assert_int_equal(store->ops->sync(store), SW_ERR_IO);
    assert_int_equal(put(store, "a", "3"), SW_ERR_IO);
    assert_int_equal(del(store, "a"), SW_ERR_IO);
    assert_int_equal(store->ops->get(store, SW_TABLE_KV, sw_span_str("a"), &value), SW_ERR_IO);
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_str("a"), false, &record),
                     SW_ERR_IO);
    assert_int_equal(store->ops->next(store, SW_TABLE_KV, false, &record), SW_ERR_IO);
    assert_int_equal(store->ops->reader_open(store, &reader), SW_ERR_IO);
    sw_store_mem_crash(store, false);
    assert_string_equal(get(store, "a"), "1");
}

static void a_flipped_bit_is_noticed(void **state)
{
    struct sw_store *store = *state;
    struct sw_span value;
    struct sw_store_record record;
    struct sw_store_reader *reader;

    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    assert_int_equal(put(store, "b", ""), SW_ERR_OK);
    commit(store);
    assert_true(sw_store_mem_flip(store, SW_TABLE_KV, sw_span_str("a"), 1234567));
    assert_true(sw_store_mem_flip(store, SW_TABLE_KV, sw_span_str("b"), 3));
    assert_false(sw_store_mem_flip(store, SW_TABLE_KV, sw_span_str("c"), 3));
    assert_int_equal(store->ops->get(store, SW_TABLE_KV, sw_span_str("a"), &value), SW_ERR_CORRUPT);
    assert_non_null(strstr(store->why, "table kv, key a:"));
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_str("a"), false, &record),
                     SW_ERR_CORRUPT);
    assert_int_equal(store->ops->next(store, SW_TABLE_KV, false, &record), SW_ERR_CORRUPT);
    assert_int_equal(store->ops->reader_open(store, &reader), SW_ERR_OK);
    assert_int_equal(store->ops->reader_seek(reader, SW_TABLE_KV, sw_span_str("a"), &record),
                     SW_ERR_CORRUPT);
    sw_store_mem_crash(store, false);
    assert_int_equal(store->ops->get(store, SW_TABLE_KV, sw_span_str("b"), &value), SW_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_see_the_open_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(tables_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(abort_goes_back_to_the_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(walks_go_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_keep_the_last_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_power_cut_undoes_at_most_one_unsynced_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_store_reads_and_deletes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_reserve_is_not_for_puts, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_failed_commit_ends_the_store_until_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flipped_bit_is_noticed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
