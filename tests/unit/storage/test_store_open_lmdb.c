/* Opening a store: its owner comes in, everybody else is refused and leaves no trace. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

#include "base/rw.h"
#include "storage/store_lmdb.h"
#include "storage/store_seal.h"
#include "tests/unit/storage/temp_dir.h"

static char dir[TEMP_DIR_SIZE];
static char why[SW_WHY_SIZE];

static int setup(void **state)
{
    (void)state;
    temp_dir_make(dir);
    why[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static struct sw_store_lmdb_config config_of(uint8_t swarm, uint64_t node)
{
    return (struct sw_store_lmdb_config){
        .path = dir, .swarm = {{swarm}}, .node = {node}, .map_size = 4 << 20};
}

static enum sw_err try(struct sw_store_lmdb_config config, struct sw_store **ret_store)
{
    return sw_store_lmdb_open(&config, ret_store, why);
}

/* A store of swarm 1, node 1 with one committed record. */
static void make(void)
{
    struct sw_store *store = NULL;

    assert_int_equal(try(config_of(1, 1), &store), SW_ERR_OK);
    assert_int_equal(store->ops->put(store, SW_TABLE_KV, sw_span_str("a"), sw_span_str("1")),
                     SW_ERR_OK);
    assert_int_equal(store->ops->commit(store), SW_ERR_OK);
    sw_store_lmdb_close(store);
}

/* The bytes of the data file; to be freed. */
static uint8_t *read_data(size_t *ret_size)
{
    char path[TEMP_DIR_SIZE + 16];
    uint8_t *bytes;
    FILE *file;
    long size;

    (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    assert_true(size >= 0);
    bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    rewind(file);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    (void)fclose(file);
    *ret_size = (size_t)size;
    return bytes;
}

/* Opening fails with `expected`, says `text`, and leaves the data file as it was. */
static void
assert_refused(struct sw_store_lmdb_config config, enum sw_err expected, const char *text)
{
    struct sw_store *store = NULL;
    size_t size_before;
    size_t size_after;
    uint8_t *before = read_data(&size_before);
    uint8_t *after;

    assert_int_equal(try(config, &store), expected);
    assert_null(store);
    assert_non_null(strstr(why, text));
    after = read_data(&size_after);
    assert_int_equal(size_after, size_before);
    assert_memory_equal(after, before, size_before);
    free(before);
    free(after);
}

/* Puts `value`, sealed, as the header of the store, as another version would. */
static void forge_header(struct sw_span value, bool seal)
{
    uint8_t sealed[SW_SEAL_SIZE + 64];
    char name[] = "swarmstore";
    MDB_val key = {.mv_size = sizeof(name) - 1, .mv_data = name};
    MDB_val data = {.mv_size = SW_SEAL_SIZE + value.size, .mv_data = sealed};
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    sw_seal_write(SW_SEAL_TABLE_HEADER, sw_span_of(name, sizeof(name) - 1), value, sealed);
    sealed[0] ^= seal ? 0 : 1;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "header", 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &data, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void the_owner_comes_in_again(void **state)
{
    struct sw_store *store = NULL;
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    struct sw_span value;

    (void)state;
    make();
    assert_int_equal(try(config_of(1, 1), &store), SW_ERR_OK);
    assert_int_equal(store->ops->get(store, SW_TABLE_KV, sw_span_str("a"), &value), SW_ERR_OK);
    sw_store_lmdb_owner(store, &swarm, &node);
    assert_int_equal(swarm.bytes[0], 1);
    assert_int_equal(node.value, 1);
    sw_store_lmdb_close(store);
}

/* Found by cutting the power at each write of a first start: LMDB's own beginning of a file is not
 * atomic, so half of one must never bear the store's name. */
static void a_store_that_was_never_finished_is_begun_anew(void **state)
{
    char path[TEMP_DIR_SIZE + 16];
    struct sw_store *store = NULL;
    FILE *file;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/data.new", dir);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(path, 1, sizeof(path), file), sizeof(path));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(try(config_of(1, 1), &store), SW_ERR_OK);
    sw_store_lmdb_close(store);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
    assert_int_equal(access(path, F_OK), 0);
}

static void the_directory_is_made(void **state)
{
    struct sw_store_lmdb_config config = config_of(1, 1);
    char path[TEMP_DIR_SIZE + 16];
    struct sw_store *store = NULL;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/store", dir);
    config.path = path;
    assert_int_equal(try(config, &store), SW_ERR_OK);
    sw_store_lmdb_close(store);
    assert_int_equal(access(path, F_OK), 0);
}

static void strangers_are_refused(void **state)
{
    (void)state;
    make();
    assert_refused(config_of(2, 1), SW_ERR_STRANGER, "another swarm");
    assert_refused(config_of(1, 2), SW_ERR_STRANGER, "belongs to node 1, this is node 2");
}

static void a_newer_format_is_refused(void **state)
{
    uint8_t header[40] = {0};

    (void)state;
    make();
    sw_store_u32(header, SW_STORE_FORMAT + 1);
    forge_header(sw_span_of(header, sizeof(header)), true);
    assert_refused(config_of(1, 1), SW_ERR_NEWER_FORMAT, "store format 5");
}

static void a_damaged_header_is_refused(void **state)
{
    uint8_t header[SW_STORE_HEADER_SIZE] = {1};

    (void)state;
    make();
    forge_header(sw_span_of(header, sizeof(header)), false);
    assert_refused(config_of(1, 1), SW_ERR_CORRUPT, "checksum");
    forge_header(sw_span_of(header, sizeof(header) - 1), true);
    assert_refused(config_of(1, 1), SW_ERR_CORRUPT, "malformed");
    forge_header(sw_span_of(header, 3), true);
    assert_refused(config_of(1, 1), SW_ERR_CORRUPT, "checksum");
}

/* An LMDB environment of some other program. */
static void a_foreign_environment_is_refused(void **state)
{
    char name[] = "x";
    MDB_val val = {.mv_size = 1, .mv_data = name};
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    (void)state;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &val, &val, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    assert_refused(config_of(1, 1), SW_ERR_STRANGER, "not a store");
}

static void garbage_is_refused(void **state)
{
    char path[TEMP_DIR_SIZE + 16];
    FILE *file;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
    file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 20000; i++) {
        assert_int_not_equal(fputc('x', file), EOF);
    }
    assert_int_equal(fclose(file), 0);
    assert_refused(config_of(1, 1), SW_ERR_CORRUPT, "opening");
}

static void a_file_in_the_place_of_the_directory_is_refused(void **state)
{
    struct sw_store_lmdb_config config = config_of(1, 1);
    char path[TEMP_DIR_SIZE + 16];
    struct sw_store *store = NULL;
    FILE *file;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/file", dir);
    file = fopen(path, "wb");
    assert_non_null(file);
    (void)fclose(file);
    config.path = path;
    assert_int_equal(try(config, &store), SW_ERR_IO);
    assert_non_null(strstr(why, "Not a directory"));
}

static void inspectors_read_any_store_and_change_none(void **state)
{
    struct sw_store_lmdb_config config = {.path = dir, .read_only = true};
    struct sw_store *store = NULL;
    struct sw_store *owner = NULL;
    struct sw_store_record record;
    struct sw_swarm_id swarm;
    struct sw_node_id node;

    (void)state;
    assert_int_equal(try(config, &store), SW_ERR_NOT_FOUND);
    make();
    assert_int_equal(try(config, &store), SW_ERR_OK);
    sw_store_lmdb_owner(store, &swarm, &node);
    assert_int_equal(node.value, 1);
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_of(NULL, 0), false, &record),
                     SW_ERR_OK);
    assert_true(sw_span_equal(record.value, sw_span_str("1")));
    sw_store_lmdb_close(store);
    assert_int_equal(try(config_of(1, 1), &owner), SW_ERR_OK);
    sw_store_lmdb_close(owner);
}

static void a_missing_table_is_corruption(void **state)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    (void)state;
    make();
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "session", 0, &dbi), 0);
    assert_int_equal(mdb_drop(txn, dbi, 1), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    assert_refused(config_of(1, 1), SW_ERR_CORRUPT, "a table is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_owner_comes_in_again, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_store_that_was_never_finished_is_begun_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(the_directory_is_made, setup, teardown),
        cmocka_unit_test_setup_teardown(strangers_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_format_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_header_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_foreign_environment_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(garbage_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_file_in_the_place_of_the_directory_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(inspectors_read_any_store_and_change_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_table_is_corruption, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
