/* A namespace keeps what its own setting says, and leaves what others keep alone. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/history.h"
#include "node/query.h"
#include "storage/store_lmdb.h"
#include "tests/unit/node/state_kit.h"

static struct kit kit_with(uint64_t keep_last, uint64_t max_age_ms, uint64_t max_bytes)
{
    struct sw_setting setting = {.kind = SW_SETTING_RETENTION, .name = "acme prod"};
    struct kit kit = kit_open();

    setting.retention = (struct sw_retention){
        .keep_last = keep_last, .max_age_ms = max_age_ms, .max_bytes = max_bytes};
    sw_settings_set(&kit.state.settings, &setting);
    return kit;
}

/* How many versions of the key are known, the present one too. */
static uint32_t versions(struct kit *kit, const char *key)
{
    struct sw_request request = kit_request(SW_OP_HISTORY);
    struct sw_buf records = {0};
    struct sw_reply reply;

    request.key = sw_span_str(key);
    assert_int_equal(sw_query(&kit->state, kit->store, &request, &records, &reply), SW_ERR_OK);
    assert_int_equal(reply.err, SW_ERR_OK);
    sw_buf_release(&records);
    return reply.record_count;
}

static enum sw_err read_at(struct kit *kit, const char *key, uint64_t revision)
{
    struct sw_request request = kit_request(SW_OP_GET);
    struct sw_buf records = {0};
    struct sw_reply reply;

    request.key = sw_span_str(key);
    request.expected = revision;
    assert_int_equal(sw_query(&kit->state, kit->store, &request, &records, &reply), SW_ERR_OK);
    sw_buf_release(&records);
    return reply.err;
}

static void so_many_changes_of_each_key_are_kept(void **unused)
{
    struct kit kit = kit_with(3, 0, 0);

    (void)unused;
    (void)kit_run(&kit, 1, kit_put("rare", "v")); /* 1 */
    for (int i = 0; i < 50; i++) {
        (void)kit_run(&kit, 1, kit_put("often", "v")); /* 2 to 51 */
    }
    (void)kit_run(&kit, 1, kit_put("rare", "v")); /* 52 */
    assert_int_equal(versions(&kit, "often"), 4); /* what it is, and before each of three changes */
    assert_int_equal(versions(&kit, "rare"), 2);
    assert_int_equal(read_at(&kit, "often", 48), SW_ERR_OK);
    assert_int_equal(read_at(&kit, "often", 47), SW_ERR_COMPACTED);
    assert_int_equal(read_at(&kit, "rare", 20), SW_ERR_OK); /* known all the same */
    assert_int_equal(kit.state.change_count, 0);
    kit_close(&kit);
}

static void old_ones_go_with_the_next_change(void **unused)
{
    struct kit kit = kit_with(0, 1000, 0);

    (void)unused;
    for (uint64_t i = 0; i < 20; i++) {
        (void)kit_run(&kit, 1000 + 100 * i, kit_put("k", "v"));
    }
    assert_int_equal(versions(&kit, "k"), 12); /* those of the last second, and what was before */
    (void)kit_run(&kit, 9000, kit_put("k", "v"));
    assert_int_equal(versions(&kit, "k"), 2);
    kit_close(&kit);
}

static void bytes_are_bounded_and_others_left_alone(void **unused)
{
    struct sw_request other = kit_put("k", "v");
    struct kit kit = kit_with(0, 0, 1000);
    uint32_t kept;

    (void)unused;
    other.name_space = sw_span_str("else");
    for (int i = 0; i < 100; i++) {
        (void)kit_run(&kit, 1, kit_put("k", "value"));
        (void)kit_run(&kit, 1, other);
    }
    kept = versions(&kit, "k");
    assert_in_range(kept, 5, 15);
    assert_int_equal(kit.state.change_count, 100);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit.state.retention_count, 1);
    kit_close(&kit);
}

/* Without its setting it is kept like all others, and what was counted goes with what they let go.
 */
static void a_setting_that_is_gone_counts_no_more(void **unused)
{
    const struct sw_request compact = {.op = SW_OP_COMPACT, .expected = 10};
    struct kit kit = kit_with(0, 0, 100000);

    (void)unused;
    for (int i = 0; i < 10; i++) {
        (void)kit_run(&kit, 1, kit_put("k", "v"));
    }
    assert_int_equal(versions(&kit, "k"), 10);
    (void)kit_run(&kit, 1, compact);
    assert_int_equal(versions(&kit, "k"), 10); /* it says itself what it keeps */
    assert_int_equal(read_at(&kit, "k", 3), SW_ERR_OK);
    sw_settings_unset(&kit.state.settings, SW_SETTING_RETENTION, sw_span_str("acme prod"));
    (void)kit_run(&kit, 1, kit_put("k", "v"));
    assert_int_equal(versions(&kit, "k"), 2);
    assert_int_equal(kit.state.change_count, 1);
    assert_int_equal(read_at(&kit, "k", 3), SW_ERR_COMPACTED);
    kit_close(&kit);
}

/* Pages of what went are used again: the file of a store that is written over and over stays as
 * large as what is kept needs it to be. */
static void space_comes_back(void **unused)
{
    char path[] = "/tmp/swarm-retention-XXXXXX";
    const struct sw_store_lmdb_config config = {
        .path = path, .swarm = {{1}}, .node = {1}, .map_size = 1 << 28};
    char file[sizeof path + 16];
    char why[SW_WHY_SIZE];
    struct kit kit = {0};
    off_t sizes[2] = {0};
    struct stat found;

    (void)unused;
    assert_non_null(mkdtemp(path));
    (void)snprintf(file, sizeof file, "%s/data.mdb", path);
    assert_int_equal(sw_store_lmdb_open(&config, &kit.store, why), SW_ERR_OK);
    kit_load(&kit);
    kit.state.change_count_max = 200;
    for (int i = 0; i < 6000; i++) {
        char key[16];

        (void)snprintf(key, sizeof key, "%d", i * 7 % 50);
        (void)kit_run(&kit, 1, kit_put(key, "a value of some bytes, many times over"));
        if (i % 100 == 99) {
            kit_commit(&kit);
        }
        if (i == 1999 || i == 5999) {
            assert_int_equal(stat(file, &found), 0);
            sizes[i == 5999 ? 1 : 0] = found.st_size;
        }
    }
    assert_int_equal(kit.state.change_count, 200);
    assert_true(sizes[1] <= sizes[0]);
    sw_state_release(&kit.state);
    sw_store_lmdb_close(kit.store);
    sw_buf_release(&kit.entry);
    free(kit.results);
    assert_int_equal(unlink(file), 0);
    (void)snprintf(file, sizeof file, "%s/lock.mdb", path);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_changes_of_each_key_are_kept),
        cmocka_unit_test(old_ones_go_with_the_next_change),
        cmocka_unit_test(bytes_are_bounded_and_others_left_alone),
        cmocka_unit_test(a_setting_that_is_gone_counts_no_more),
        cmocka_unit_test(space_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
