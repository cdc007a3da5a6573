/* Verified reads: a damaged value, key or order is CORRUPT; absence is believed only when proven.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <lmdb.h>

#include "storage/store_seal.h"
#include "storage/walk_lmdb.h"
#include "tests/unit/storage/temp_dir.h"

struct fixture {
    char dir[TEMP_DIR_SIZE];
    struct sw_store store;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    struct sw_walk walk;
};

/* Puts `value` under `key`, sealed as if the key were `sealed_key`. */
static void put(struct fixture *fixture, const char *key, const char *sealed_key, const char *value)
{
    uint8_t sealed[SW_SEAL_SIZE + 16];
    char name[16];
    MDB_val mdb_key = {.mv_size = strlen(key), .mv_data = name};
    MDB_val mdb_value = {.mv_size = SW_SEAL_SIZE + strlen(value), .mv_data = sealed};

    memcpy(name, key, strlen(key));
    sw_seal_write(SW_TABLE_KV, sw_span_str(sealed_key), sw_span_str(value), sealed);
    assert_int_equal(mdb_put(fixture->txn, fixture->dbi, &mdb_key, &mdb_value, 0), 0);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    temp_dir_make(fixture->dir);
    assert_int_equal(mdb_env_create(&fixture->env), 0);
    assert_int_equal(mdb_env_open(fixture->env, fixture->dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(fixture->env, NULL, 0, &fixture->txn), 0);
    assert_int_equal(mdb_dbi_open(fixture->txn, NULL, 0, &fixture->dbi), 0);
    assert_int_equal(
        sw_walk_open(&fixture->walk, &fixture->store, fixture->txn, fixture->dbi, SW_TABLE_KV),
        SW_ERR_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    sw_walk_close(&fixture->walk);
    sw_walk_close(&fixture->walk);
    mdb_txn_abort(fixture->txn);
    mdb_env_close(fixture->env);
    temp_dir_remove(fixture->dir);
    free(fixture);
    return 0;
}

static enum sw_err get(struct fixture *fixture, const char *key)
{
    struct sw_span value;

    return sw_walk_get(&fixture->walk, sw_span_str(key), &value);
}

static enum sw_err seek(struct fixture *fixture, const char *from, bool reverse)
{
    struct sw_store_record record;

    return sw_walk_seek(&fixture->walk, sw_span_str(from), reverse, &record);
}

static void absence_is_proven_by_whole_neighbours(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(get(fixture, "d"), SW_ERR_NOT_FOUND); /* an empty table */
    put(fixture, "c", "c", "1");
    put(fixture, "e", "e", "2");
    assert_int_equal(get(fixture, "a"), SW_ERR_NOT_FOUND);
    assert_int_equal(get(fixture, "d"), SW_ERR_NOT_FOUND);
    assert_int_equal(get(fixture, "f"), SW_ERR_NOT_FOUND);
    assert_int_equal(get(fixture, "c"), SW_ERR_OK);
}

/* The key that is asked for may be the one that the damage changed: into a larger or smaller one.
 */
static void a_damaged_key_beside_it_is_no_absence(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "c", "c", "1");
    put(fixture, "f", "d", "2"); /* was d */
    put(fixture, "x", "x", "3");
    assert_int_equal(get(fixture, "d"), SW_ERR_CORRUPT);
    assert_non_null(strstr(fixture->store.why, "table kv, key f"));
    assert_int_equal(get(fixture, "g"), SW_ERR_CORRUPT);
    assert_int_equal(get(fixture, "c"), SW_ERR_OK);
    assert_int_equal(get(fixture, "y"), SW_ERR_NOT_FOUND);
}

static void a_damaged_last_key_is_no_absence(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "c", "d", "1"); /* was d */
    assert_int_equal(get(fixture, "d"), SW_ERR_CORRUPT);
    assert_int_equal(seek(fixture, "d", false), SW_ERR_CORRUPT);
    assert_int_equal(seek(fixture, "d", true), SW_ERR_CORRUPT);
}

static void seeks_prove_that_nothing_lies_between(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a", "a", "1");
    put(fixture, "c", "d", "2"); /* was d */
    put(fixture, "f", "f", "3");
    assert_int_equal(seek(fixture, "d", false), SW_ERR_CORRUPT);
    assert_int_equal(seek(fixture, "b", true), SW_ERR_CORRUPT);
    assert_int_equal(seek(fixture, "f", false), SW_ERR_OK);
    assert_int_equal(seek(fixture, "a", true), SW_ERR_OK);
    assert_int_equal(seek(fixture, "", false), SW_ERR_OK);
    assert_int_equal(seek(fixture, "", true), SW_ERR_OK);
}

/* An inspector goes on behind a damaged record. */
static void a_walk_goes_on_behind_damage(void **state)
{
    struct fixture *fixture = *state;
    struct sw_store_record record;

    put(fixture, "a", "a", "1");
    put(fixture, "b", "x", "2");
    put(fixture, "c", "c", "3");
    assert_int_equal(sw_walk_seek(&fixture->walk, sw_span_of(NULL, 0), false, &record), SW_ERR_OK);
    assert_int_equal(sw_walk_next(&fixture->walk, false, &record), SW_ERR_CORRUPT);
    assert_int_equal(sw_walk_next(&fixture->walk, false, &record), SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("c")));
    assert_int_equal(sw_walk_next(&fixture->walk, false, &record), SW_ERR_NOT_FOUND);
    assert_int_equal(sw_walk_next(&fixture->walk, false, &record), SW_ERR_NOT_FOUND);
}

/* Order as after damage to keys inside a page: LMDB is told to compare backwards when writing. */
static int compare_backwards(const MDB_val *a, const MDB_val *b)
{
    return -sw_span_compare(sw_span_of(a->mv_data, a->mv_size), sw_span_of(b->mv_data, b->mv_size));
}

static void keys_out_of_order_are_corruption(void **state)
{
    struct fixture *fixture = *state;
    struct sw_store_record record;

    assert_int_equal(mdb_set_compare(fixture->txn, fixture->dbi, compare_backwards), 0);
    put(fixture, "a", "a", "1");
    put(fixture, "b", "b", "2");
    put(fixture, "c", "c", "3");
    assert_int_equal(sw_walk_seek(&fixture->walk, sw_span_of(NULL, 0), false, &record), SW_ERR_OK);
    assert_int_equal(sw_walk_next(&fixture->walk, false, &record), SW_ERR_CORRUPT);
    assert_non_null(strstr(fixture->store.why, "out of order"));
    assert_int_equal(get(fixture, "aa"), SW_ERR_CORRUPT);
    assert_int_equal(seek(fixture, "aa", false), SW_ERR_CORRUPT);
    assert_int_equal(seek(fixture, "aa", true), SW_ERR_CORRUPT);
}

/* While set, LMDB takes this one stored key for a very small one, as if a bit of it had flipped. */
static struct sw_span lowered;

static int compare_lowered(const MDB_val *a, const MDB_val *b)
{
    const struct sw_span stored = sw_span_of(b->mv_data, b->mv_size);

    if (lowered.size > 0 && sw_span_equal(stored, lowered)) {
        return 1;
    }
    return sw_span_compare(sw_span_of(a->mv_data, a->mv_size), stored);
}

/* Damage to the keys that lead the search (in branch pages too, that no walk reads) makes it miss a
 * record that is there: found by the order of the neighbours. */
static void a_misled_search_is_no_absence(void **state)
{
    enum { COUNT = 500 };
    struct fixture *fixture = *state;
    char key[16];
    char next[16];
    int misled = 0;

    lowered = sw_span_of(NULL, 0);
    assert_int_equal(mdb_set_compare(fixture->txn, fixture->dbi, compare_lowered), 0);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(key, sizeof(key), "key-%03d", i);
        put(fixture, key, key, "some value");
    }
    for (int i = 0; i + 1 < COUNT; i++) {
        enum sw_err err;

        (void)snprintf(key, sizeof(key), "key-%03d", i);
        (void)snprintf(next, sizeof(next), "key-%03d", i + 1);
        lowered = sw_span_str(next);
        err = get(fixture, key);
        assert_true(err == SW_ERR_OK || err == SW_ERR_CORRUPT);
        misled += err == SW_ERR_CORRUPT;
    }
    lowered = sw_span_of(NULL, 0);
    assert_true(misled > 0);
}

static void codes_of_lmdb_become_errors_of_ours(void **state)
{
    struct fixture *fixture = *state;
    struct sw_store *store = &fixture->store;

    assert_int_equal(sw_walk_failure(store, SW_TABLE_KV, MDB_NOTFOUND), SW_ERR_NOT_FOUND);
    assert_int_equal(sw_walk_failure(store, SW_TABLE_KV, MDB_CORRUPTED), SW_ERR_CORRUPT);
    assert_int_equal(sw_walk_failure(store, SW_TABLE_KV, MDB_PAGE_NOTFOUND), SW_ERR_CORRUPT);
    assert_int_equal(sw_walk_failure(store, SW_TABLE_KV, MDB_PANIC), SW_ERR_IO);
    assert_int_equal(sw_walk_failure(store, SW_TABLE_KV, 5), SW_ERR_IO);
    assert_int_equal(sw_walk_failure(store, SW_TABLE_KV, 12), SW_ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(absence_is_proven_by_whole_neighbours, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_key_beside_it_is_no_absence, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_last_key_is_no_absence, setup, teardown),
        cmocka_unit_test_setup_teardown(seeks_prove_that_nothing_lies_between, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walk_goes_on_behind_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_out_of_order_are_corruption, setup, teardown),
        cmocka_unit_test_setup_teardown(a_misled_search_is_no_absence, setup, teardown),
        cmocka_unit_test_setup_teardown(codes_of_lmdb_become_errors_of_ours, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
