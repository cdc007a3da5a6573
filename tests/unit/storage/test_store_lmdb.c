/* The LMDB store: transactions, readers, a full map, failed disks,and large values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/prng.h"
#include "storage/store_lmdb.h"
#include "tests/unit/storage/temp_dir.h"

#define MIB (UINT64_C(1) << 20)

struct fixture {
    char dir[TEMP_DIR_SIZE];
    struct sw_store *store;
};

static struct sw_store *open_store(const char *dir, uint64_t map_size, uint64_t reserve_size)
{
    const struct sw_store_lmdb_config config = {
        .path = dir, .node = {1}, .map_size = map_size, .reserve_size = reserve_size};
    struct sw_store *store = NULL;
    char why[SW_WHY_SIZE];

    assert_int_equal(sw_store_lmdb_open(&config, &store, why), SW_ERR_OK);
    return store;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    temp_dir_make(fixture->dir);
    fixture->store = open_store(fixture->dir, 16 * MIB, 4 * MIB);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    sw_store_lmdb_close(fixture->store);
    sw_store_lmdb_close(NULL);
    temp_dir_remove(fixture->dir);
    free(fixture);
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

static void assert_value(struct sw_store *store, const char *key, const char *expected)
{
    struct sw_span value;
    enum sw_err err = store->ops->get(store, SW_TABLE_KV, sw_span_str(key), &value);

    if (expected == NULL) {
        assert_int_equal(err, SW_ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(err, SW_ERR_OK);
    assert_true(sw_span_equal(value, sw_span_str(expected)));
}

static void commit(struct sw_store *store)
{
    assert_int_equal(store->ops->commit(store), SW_ERR_OK);
}

static void reads_see_the_open_transaction(void **state)
{
    struct sw_store *store = ((struct fixture *)*state)->store;

    assert_value(store, "a", NULL);
    assert_int_equal(del(store, "a"), SW_ERR_NOT_FOUND);
    assert_false(store->ops->dirty(store));
    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    assert_true(store->ops->dirty(store));
    assert_value(store, "a", "1");
    assert_int_equal(put(store, "a", "22"), SW_ERR_OK);
    assert_value(store, "a", "22");
    assert_int_equal(put(store, "e", ""), SW_ERR_OK);
    assert_value(store, "e", "");
    assert_int_equal(del(store, "a"), SW_ERR_OK);
    assert_value(store, "a", NULL);
}

static void commits_survive_and_the_rest_does_not(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(put(fixture->store, "a", "1"), SW_ERR_OK);
    commit(fixture->store);
    assert_false(fixture->store->ops->dirty(fixture->store));
    assert_int_equal(put(fixture->store, "a", "2"), SW_ERR_OK);
    fixture->store->ops->abort(fixture->store);
    assert_value(fixture->store, "a", "1");
    assert_int_equal(put(fixture->store, "b", "2"), SW_ERR_OK);
    sw_store_lmdb_close(fixture->store);
    fixture->store = open_store(fixture->dir, 16 * MIB, 4 * MIB);
    assert_value(fixture->store, "a", "1");
    assert_value(fixture->store, "b", NULL);
}

static void a_walk_goes_on_beside_gets(void **state)
{
    struct sw_store *store = ((struct fixture *)*state)->store;
    struct sw_store_record record;

    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    assert_int_equal(put(store, "b", "2"), SW_ERR_OK);
    assert_int_equal(put(store, "c", "3"), SW_ERR_OK);
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_str("a0"), false, &record),
                     SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("b")));
    assert_value(store, "a", "1");
    assert_int_equal(store->ops->next(store, SW_TABLE_KV, false, &record), SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("c")));
    assert_int_equal(store->ops->next(store, SW_TABLE_KV, false, &record), SW_ERR_NOT_FOUND);
    assert_int_equal(store->ops->next(store, SW_TABLE_KV, true, &record), SW_ERR_NOT_FOUND);
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_of(NULL, 0), true, &record),
                     SW_ERR_OK);
    assert_true(sw_span_equal(record.value, sw_span_str("3")));
}

static void readers_keep_the_last_commit(void **state)
{
    struct sw_store *store = ((struct fixture *)*state)->store;
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

/* Puts 3 KiB records until there is no room; gives their number. */
static unsigned fill(struct sw_store *store)
{
    static uint8_t value[3000];
    enum sw_err err = SW_ERR_OK;
    unsigned count = 0;

    for (; count < 10000; count++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "k%05u", count);
        err =
            store->ops->put(store, SW_TABLE_KV, sw_span_str(key), sw_span_of(value, sizeof(value)));
        if (err != SW_ERR_OK) {
            break;
        }
        if (count % 100 == 99) {
            commit(store);
        }
    }
    assert_int_equal(err, SW_ERR_DISK_FULL);
    return count;
}

static void a_full_store_reads_deletes_and_recovers(void **state)
{
    struct fixture *fixture = *state;
    struct sw_store *store = fixture->store;
    const unsigned count = fill(store);
    struct sw_store_stats stats;
    struct sw_span value;

    assert_non_null(strstr(store->why, "MiB"));
    /* The transaction goes on: what is in it can be read, committed and deleted. */
    assert_int_equal(store->ops->get(store, SW_TABLE_KV, sw_span_str("k00000"), &value), SW_ERR_OK);
    assert_int_equal(value.size, 3000);
    assert_int_equal(
        store->ops->put(store, SW_TABLE_META, sw_span_str("applied"), sw_span_str("12345678")),
        SW_ERR_OK);
    assert_int_equal(
        store->ops->put(store, SW_TABLE_SESSION, sw_span_str("reply"), sw_span_str("12345678")),
        SW_ERR_OK);
    commit(store);
    store->ops->stats(store, &stats);
    assert_true(stats.used_size > stats.map_size - stats.reserve_size); /* admission stops there */
    assert_true(stats.used_size <= stats.map_size - stats.reserve_size / 4);
    assert_true(stats.used_size > stats.map_size - stats.reserve_size / 4 - MIB);
    assert_int_equal(stats.record_count[SW_TABLE_KV], count);
    assert_int_equal(put(store, "x", "1"), SW_ERR_DISK_FULL);
    for (unsigned i = 0; i < count; i += 2) {
        char key[16];

        (void)snprintf(key, sizeof(key), "k%05u", i);
        assert_int_equal(del(store, key), SW_ERR_OK);
    }
    commit(store);
    assert_int_equal(put(store, "x", "1"), SW_ERR_OK);
    commit(store);
    assert_value(store, "x", "1");
}

/* Full again and again: the reserve and LMDB's larger map never run out under deletes. */
static void a_store_survives_being_full_many_times(void **state)
{
    struct sw_store *store = ((struct fixture *)*state)->store;

    for (unsigned round = 0; round < 10; round++) {
        const unsigned count = fill(store);

        for (unsigned i = 0; i < count; i++) {
            char key[16];

            (void)snprintf(key, sizeof(key), "k%05u", i);
            assert_int_equal(del(store, key), SW_ERR_OK);
        }
        commit(store);
    }
}

static void large_values_round_trip(void **state)
{
    struct sw_store *store = ((struct fixture *)*state)->store;
    uint8_t *bytes = malloc(SW_VALUE_SIZE_MAX);
    struct sw_span value;

    assert_non_null(bytes);
    for (size_t size = 1; size <= SW_VALUE_SIZE_MAX; size *= 2) {
        memset(bytes, (int)(size % 251) + 1, size);
        assert_int_equal(
            store->ops->put(store, SW_TABLE_KV, sw_span_str("big"), sw_span_of(bytes, size)),
            SW_ERR_OK);
        assert_int_equal(store->ops->get(store, SW_TABLE_KV, sw_span_str("big"), &value),
                         SW_ERR_OK);
        assert_true(sw_span_equal(value, sw_span_of(bytes, size)));
        commit(store);
        assert_int_equal(store->ops->get(store, SW_TABLE_KV, sw_span_str("big"), &value),
                         SW_ERR_OK);
        assert_true(sw_span_equal(value, sw_span_of(bytes, size)));
    }
    free(bytes);
}

static void stats_count_commits(void **state)
{
    struct sw_store *store = ((struct fixture *)*state)->store;
    struct sw_store_stats stats;

    commit(store); /* nothing to commit: not one */
    assert_int_equal(put(store, "a", "1"), SW_ERR_OK);
    commit(store);
    assert_int_equal(store->ops->sync(store), SW_ERR_OK);
    store->ops->stats(store, &stats);
    assert_int_equal(stats.commits, 1);
    assert_int_equal(stats.record_count[SW_TABLE_KV], 1);
    assert_int_equal(stats.map_size, 16 * MIB);
    assert_int_equal(stats.reserve_size, 4 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_see_the_open_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(commits_survive_and_the_rest_does_not, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walk_goes_on_beside_gets, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_keep_the_last_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_store_reads_deletes_and_recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_survives_being_full_many_times, setup, teardown),
        cmocka_unit_test_setup_teardown(large_values_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(stats_count_commits, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
