/* Leases in apply: they end by ticks alone, all of their keys at once, and the same everywhere. */
#include <stdio.h>

#include "node/apply.h"
#include "tests/unit/node/state_kit.h"
#include "transport/txn.h"

static struct sw_request grant(uint32_t ttl_ms)
{
    struct sw_request request = kit_request(SW_OP_LEASE_GRANT);

    request.limit = ttl_ms;
    return request;
}

static struct sw_request of_lease(enum sw_op op, uint64_t lease)
{
    struct sw_request request = kit_request(op);

    request.lease = lease;
    return request;
}

static struct sw_request put_with(const char *key, uint64_t lease)
{
    struct sw_request request = kit_put(key, "v");

    request.lease = lease;
    return request;
}

static struct sw_command_result tick(struct kit *kit, uint64_t clock_ms)
{
    const struct sw_request request = {.op = SW_OP_TICK, .expected = clock_ms};

    return kit_run(kit, 1, request);
}

static bool is_there(struct kit *kit, const char *name, uint64_t *ret_lease)
{
    const struct sw_request request = kit_put(name, "");
    const struct sw_place place = {
        .tenant = request.tenant, .name_space = request.name_space, .partition = request.partition};
    struct sw_kv_record record;
    struct sw_span bytes;
    struct sw_key key;

    sw_key_kv(&place, request.key, &key);
    if (kit->store->ops->get(kit->store, SW_TABLE_KV, sw_key_span(&key), &bytes) != SW_ERR_OK) {
        return false;
    }
    assert_int_equal(sw_kv_record_decode(bytes, &record), SW_ERR_OK);
    *ret_lease = record.lease;
    return true;
}

static uint64_t records_of_leases(const struct kit *kit)
{
    struct sw_store_stats stats;

    kit->store->ops->stats(kit->store, &stats);
    return stats.record_count[SW_TABLE_LEASE];
}

/* The clock is the ticks' alone: leader time may jump as it likes. */
static void a_lease_ends_by_the_clock_with_all_its_keys(void **unused)
{
    struct kit kit = kit_open();
    uint64_t lease = 0;

    (void)unused;
    kit_assert_result(tick(&kit, 1000), SW_ERR_OK, 0, 1000);
    kit_assert_result(kit_run(&kit, 1, grant(500)), SW_ERR_OK, 1, 1);
    kit_assert_result(kit_run(&kit, 1, put_with("a", 1)), SW_ERR_OK, 2, 0);
    kit_assert_result(kit_run(&kit, 1, put_with("b", 1)), SW_ERR_OK, 3, 0);
    (void)kit_run(&kit, 1, kit_put("c", "stays"));
    assert_true(is_there(&kit, "a", &lease));
    assert_int_equal(lease, 1);
    (void)kit_run(&kit, 3600000, kit_put("c", "stays")); /* an hour on somebody's wall */
    kit_assert_result(tick(&kit, 1499), SW_ERR_OK, 5, 1499);
    assert_true(is_there(&kit, "a", &lease));
    kit_assert_result(tick(&kit, 1500), SW_ERR_OK, 6, 1500);
    assert_false(is_there(&kit, "a", &lease));
    assert_false(is_there(&kit, "b", &lease));
    assert_true(is_there(&kit, "c", &lease));
    assert_int_equal(lease, 0);
    assert_int_equal(records_of_leases(&kit), 0);
    assert_int_equal(kit.state.lease_count, 0);
    assert_int_equal(kit.state.leases_ended, 1);
    assert_true(kit.state.lease_due_ms == UINT64_MAX);
    kit_close(&kit);
}

static void the_clock_never_goes_back(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    (void)tick(&kit, 1000);
    kit_assert_result(tick(&kit, 400), SW_ERR_OK, 0, 1000);
    kit_close(&kit);
}

/* Found by the fuzzer: a clock at its end made "no lease" look like one that is due. */
static void a_clock_beyond_63_bits_is_refused(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, grant(500));
    assert_int_equal(tick(&kit, UINT64_MAX).err, SW_ERR_INVALID);
    kit_assert_result(tick(&kit, INT64_MAX), SW_ERR_OK, 2, INT64_MAX);
    assert_int_equal(kit.state.lease_count, 0);
    assert_int_equal(kit_run(&kit, 1, grant(SW_LEASE_TTL_MS_MAX)).err, SW_ERR_OK);
    kit_assert_result(tick(&kit, INT64_MAX), SW_ERR_OK, 3, INT64_MAX);
    assert_int_equal(kit.state.lease_count, 1);
    kit_close(&kit);
}

static void keep_alive_gives_the_whole_time_again(void **unused)
{
    struct kit kit = kit_open();
    uint64_t lease;

    (void)unused;
    (void)kit_run(&kit, 1, grant(500));
    (void)kit_run(&kit, 1, put_with("a", 1));
    (void)tick(&kit, 400);
    kit_assert_result(kit_run(&kit, 1, of_lease(SW_OP_LEASE_KEEP_ALIVE, 1)), SW_ERR_OK, 2, 500);
    (void)tick(&kit, 899);
    assert_true(is_there(&kit, "a", &lease));
    (void)tick(&kit, 900);
    assert_false(is_there(&kit, "a", &lease));
    kit_assert_result(
        kit_run(&kit, 1, of_lease(SW_OP_LEASE_KEEP_ALIVE, 1)), SW_ERR_LEASE_GONE, 3, 0);
    kit_close(&kit);
}

static void revoking_deletes_at_one_revision(void **unused)
{
    struct kit kit = kit_open();
    uint64_t lease;

    (void)unused;
    (void)kit_run(&kit, 1, grant(500));
    (void)kit_run(&kit, 1, put_with("a", 1));
    (void)kit_run(&kit, 1, put_with("b", 1));
    kit_assert_result(kit_run(&kit, 1, of_lease(SW_OP_LEASE_REVOKE, 1)), SW_ERR_OK, 4, 2);
    assert_false(is_there(&kit, "a", &lease));
    kit_assert_result(kit_run(&kit, 1, of_lease(SW_OP_LEASE_REVOKE, 1)), SW_ERR_LEASE_GONE, 4, 0);
    kit_assert_result(kit_run(&kit, 1, put_with("a", 1)), SW_ERR_LEASE_GONE, 4, 0);
    assert_int_equal(records_of_leases(&kit), 0);
    kit_close(&kit);
}

/* A write says anew with what the key ends; a merge does not. */
static void keys_change_their_lease(void **unused)
{
    struct kit kit = kit_open();
    struct sw_request merge = kit_request(SW_OP_TXN);
    struct sw_buf value = {0};
    uint64_t lease = 9;

    (void)unused;
    (void)kit_run(&kit, 1, grant(500));  /* 1 */
    (void)kit_run(&kit, 1, grant(1000)); /* 2 */
    (void)kit_run(&kit, 1, put_with("moves", 1));
    (void)kit_run(&kit, 1, put_with("moves", 2));
    (void)kit_run(&kit, 1, put_with("freed", 1));
    (void)kit_run(&kit, 1, kit_put("freed", "v"));
    (void)kit_run(&kit, 1, put_with("merged", 1));
    (void)kit_run(&kit, 1, put_with("deleted", 1));
    (void)kit_run(&kit, 1, kit_delete("deleted"));
    sw_txn_header_encode(0, 1, 0, &value);
    sw_txn_op_encode(&(struct sw_txn_op){.kind = SW_TXN_MERGE,
                                         .merge = SW_MERGE_APPEND,
                                         .key = sw_span_str("merged"),
                                         .value = sw_span_str("x")},
                     &value);
    merge.value = sw_buf_span(&value);
    assert_int_equal(kit_run(&kit, 1, merge).err, SW_ERR_OK);
    (void)tick(&kit, 500);
    assert_true(is_there(&kit, "moves", &lease));
    assert_int_equal(lease, 2);
    assert_true(is_there(&kit, "freed", &lease));
    assert_int_equal(lease, 0);
    assert_false(is_there(&kit, "merged", &lease));
    (void)tick(&kit, 1000);
    assert_false(is_there(&kit, "moves", &lease));
    assert_int_equal(records_of_leases(&kit), 0);
    sw_buf_release(&value);
    kit_close(&kit);
}

/* The fencing token: whoever lost the lease cannot write behind it. */
static void a_transaction_compares_and_gives_leases(void **unused)
{
    struct sw_request request = kit_request(SW_OP_TXN);
    struct kit kit = kit_open();
    struct sw_buf value = {0};
    uint64_t lease = 0;

    (void)unused;
    (void)kit_run(&kit, 1, grant(500)); /* 1 */
    sw_txn_header_encode(1, 1, 0, &value);
    sw_compare_encode(&(struct sw_compare){.target = SW_COMPARE_LEASE,
                                           .relation = SW_RELATION_EQUAL,
                                           .key = sw_span_str("lock"),
                                           .number = 1},
                      &value);
    sw_txn_op_encode(
        &(struct sw_txn_op){
            .kind = SW_TXN_PUT, .flags = SW_TXN_LEASE, .key = sw_span_str("guarded"), .lease = 1},
        &value);
    request.value = sw_buf_span(&value);
    kit_assert_result(kit_run(&kit, 1, request), SW_ERR_OK, 1, 1); /* nobody holds it */
    (void)kit_run(&kit, 1, put_with("lock", 1));
    kit_assert_result(kit_run(&kit, 1, request), SW_ERR_OK, 3, 0);
    assert_true(is_there(&kit, "guarded", &lease));
    assert_int_equal(lease, 1);
    (void)tick(&kit, 500);
    kit_assert_result(kit_run(&kit, 1, request), SW_ERR_OK, 4, 1);
    assert_false(is_there(&kit, "guarded", &lease));
    sw_buf_release(&value);
    kit_close(&kit);
}

/* All or nothing, also where the lease is what is wrong. */
static void a_transaction_with_a_lease_that_is_gone_does_nothing(void **unused)
{
    struct sw_request request = kit_request(SW_OP_TXN);
    struct kit kit = kit_open();
    struct sw_buf value = {0};
    uint64_t lease;

    (void)unused;
    sw_txn_header_encode(0, 2, 0, &value);
    sw_txn_op_encode(&(struct sw_txn_op){.kind = SW_TXN_PUT, .key = sw_span_str("a")}, &value);
    sw_txn_op_encode(
        &(struct sw_txn_op){
            .kind = SW_TXN_PUT, .flags = SW_TXN_LEASE, .key = sw_span_str("b"), .lease = 7},
        &value);
    request.value = sw_buf_span(&value);
    kit_assert_result(kit_run(&kit, 1, request), SW_ERR_LEASE_GONE, 0, 2);
    assert_false(is_there(&kit, "a", &lease));
    sw_buf_release(&value);
    kit_close(&kit);
}

static void a_lease_is_of_its_partition(void **unused)
{
    struct sw_request elsewhere = put_with("a", 1);
    struct sw_request keep = of_lease(SW_OP_LEASE_KEEP_ALIVE, 1);
    struct kit kit = kit_open();

    (void)unused;
    (void)kit_run(&kit, 1, grant(500));
    elsewhere.partition = sw_span_str("other");
    keep.partition = sw_span_str("other");
    assert_int_equal(kit_run(&kit, 1, elsewhere).err, SW_ERR_LEASE_GONE);
    assert_int_equal(kit_run(&kit, 1, keep).err, SW_ERR_LEASE_GONE);
    kit_close(&kit);
}

/* The work of a tick is bounded; the next one goes on, and until then what is due is gone. */
static void many_ends_take_several_ticks(void **unused)
{
    enum { COUNT = SW_APPLY_EXPIRE_COUNT_MAX + 10 };
    struct kit kit = kit_open();

    (void)unused;
    for (int i = 0; i < COUNT; i++) {
        (void)kit_run(&kit, 1, grant(500));
    }
    (void)tick(&kit, 500);
    assert_int_equal(kit.state.lease_count, 10);
    assert_int_equal(kit.state.lease_due_ms, 500);
    assert_int_equal(kit_run(&kit, 1, of_lease(SW_OP_LEASE_KEEP_ALIVE, COUNT)).err,
                     SW_ERR_LEASE_GONE);
    (void)tick(&kit, 500);
    assert_int_equal(kit.state.lease_count, 0);
    kit_close(&kit);
}

static void keys_of_a_lease_are_bounded(void **unused)
{
    struct kit kit = kit_open();
    struct sw_request *requests = calloc(SW_LEASE_KEY_COUNT_MAX + 1, sizeof *requests);
    static char names[SW_LEASE_KEY_COUNT_MAX + 1][16];

    (void)unused;
    (void)kit_run(&kit, 1, grant(500));
    for (int i = 0; i <= SW_LEASE_KEY_COUNT_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "k%d", i);
        requests[i] = put_with(names[i], 1);
    }
    kit_apply(&kit, 1, requests, SW_LEASE_KEY_COUNT_MAX + 1);
    assert_int_equal(kit.results[SW_LEASE_KEY_COUNT_MAX - 1].err, SW_ERR_OK);
    assert_int_equal(kit.results[SW_LEASE_KEY_COUNT_MAX].err, SW_ERR_TOO_LARGE);
    kit_assert_result(kit_run(&kit, 1, of_lease(SW_OP_LEASE_REVOKE, 1)),
                      SW_ERR_OK,
                      2 + SW_LEASE_KEY_COUNT_MAX,
                      SW_LEASE_KEY_COUNT_MAX);
    free(requests);
    kit_close(&kit);
}

/* Two replicas, one of which restarts after each entry, agree in every byte. */
static void replicas_agree_whatever_their_restarts(void **unused)
{
    const struct sw_request script[] = {grant(300),
                                        put_with("a", 1),
                                        grant(400),
                                        put_with("b", 3),
                                        put_with("a", 3),
                                        {.op = SW_OP_TICK, .expected = 299},
                                        of_lease(SW_OP_LEASE_KEEP_ALIVE, 1),
                                        {.op = SW_OP_TICK, .expected = 400},
                                        put_with("c", 1),
                                        {.op = SW_OP_TICK, .expected = 600}};
    struct kit a = kit_open();
    struct kit b = kit_open();

    (void)unused;
    for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
        (void)kit_run(&a, 1, script[i]);
        (void)kit_run(&b, 1, script[i]);
        kit_commit(&a);
        kit_commit(&b);
        kit_restart(&b);
        assert_int_equal(a.state.digest, b.state.digest);
        kit_assert_equal_stores(a.store, b.store);
    }
    assert_int_equal(a.state.lease_count, 0);
    kit_close(&a);
    kit_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_ends_by_the_clock_with_all_its_keys),
        cmocka_unit_test(the_clock_never_goes_back),
        cmocka_unit_test(a_clock_beyond_63_bits_is_refused),
        cmocka_unit_test(keep_alive_gives_the_whole_time_again),
        cmocka_unit_test(revoking_deletes_at_one_revision),
        cmocka_unit_test(keys_change_their_lease),
        cmocka_unit_test(a_transaction_compares_and_gives_leases),
        cmocka_unit_test(a_transaction_with_a_lease_that_is_gone_does_nothing),
        cmocka_unit_test(a_lease_is_of_its_partition),
        cmocka_unit_test(many_ends_take_several_ticks),
        cmocka_unit_test(keys_of_a_lease_are_bounded),
        cmocka_unit_test(replicas_agree_whatever_their_restarts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
