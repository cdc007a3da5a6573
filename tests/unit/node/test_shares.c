/* Leases and vector indexes as what tenants use: counted from the first entry of format 4 on,
 * judged by quotas, and shared fairly between tenants. */
#include <stdio.h>

#include "node/usage.h"
#include "tests/unit/node/vector_kit.h"

/* What an entry without attributes counts as beside its key and the key of the record. */
enum { ENTRY_SIZE = KIT_DIM * 4 + 8 + (1 + 2 + 1), INDEX_SIZE = 18 + 4 + 4 + 6 };

static struct sw_usage usage_of(struct kit *kit, const char *tenant)
{
    struct sw_usage usage = {0};
    struct sw_span bytes;
    struct sw_key key;

    sw_usage_key(kit_group, sw_span_str(tenant), sw_span_of(NULL, 0), &key);
    if (kit->store->ops->get(kit->store, SW_TABLE_META, sw_key_span(&key), &bytes) == SW_ERR_OK) {
        assert_int_equal(sw_usage_decode(bytes, &usage), SW_ERR_OK);
    }
    return usage;
}

static void set_quota(struct kit *kit, const char *text)
{
    const struct sw_request request = {.op = SW_OP_SETTING_PUT,
                                       .partition = sw_span_str("quota"),
                                       .key = sw_span_str("acme"),
                                       .value = sw_span_str(text)};

    assert_int_equal(kit_run(kit, 5, request).err, SW_ERR_OK);
}

static enum sw_err put_vector(struct kit *kit, const char *key, uint64_t number)
{
    const struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_item item = kit_item("i", &vector, "");

    return kit_run(kit, 5, kit_vector_put(key, &item)).err;
}

static struct sw_request drop(void)
{
    struct sw_request request = kit_request(SW_OP_INDEX_DROP);

    request.key = sw_span_str("i");
    return request;
}

static struct sw_request grant(const char *tenant, uint32_t ttl_ms)
{
    struct sw_request request = kit_request(SW_OP_LEASE_GRANT);

    request.tenant = sw_span_str(tenant);
    request.limit = ttl_ms;
    return request;
}

/* An entry as a program of format 3 proposed it. */
static struct sw_command_result run_old(struct kit *kit, struct sw_request request)
{
    struct sw_command_result result;

    kit->format = SW_ENTRY_FORMAT_MEMORIES - 1;
    result = kit_run(kit, 5, request);
    kit->format = 0;
    return result;
}

static void vectors_are_counted_as_long_as_they_are_there(void **unused)
{
    struct kit kit = kit_open();
    const uint64_t index_size = INDEX_SIZE + 1;

    (void)unused;
    assert_int_equal(kit_run(&kit, 5, kit_index_create("i", KIT_DIM)).err, SW_ERR_OK);
    assert_int_equal(usage_of(&kit, "acme").bytes, index_size);
    assert_int_equal(put_vector(&kit, "aa", 1), SW_ERR_OK);
    assert_int_equal(usage_of(&kit, "acme").bytes, index_size + ENTRY_SIZE + 3 * 2);
    assert_int_equal(put_vector(&kit, "aa", 2), SW_ERR_OK); /* in its place */
    assert_int_equal(usage_of(&kit, "acme").bytes, index_size + ENTRY_SIZE + 3 * 2);
    kit_commit(&kit);
    kit_restart(&kit);
    (void)kit_run(&kit, 5, kit_delete("aa"));
    assert_int_equal(usage_of(&kit, "acme").bytes, index_size);
    assert_int_equal(usage_of(&kit, "acme").keys, 0);
    kit_close(&kit);
}

static void a_dropped_index_counts_until_its_records_are_gone(void **unused)
{
    struct kit kit = kit_open();
    uint64_t before;

    (void)unused;
    (void)kit_run(&kit, 5, kit_index_create("i", KIT_DIM));
    for (uint64_t i = 0; i < 300; i++) {
        char key[8];

        (void)snprintf(key, sizeof key, "%03d", (int)i);
        assert_int_equal(put_vector(&kit, key, i), SW_ERR_OK);
    }
    before = usage_of(&kit, "acme").bytes;
    (void)kit_run(&kit, 5, drop());
    assert_int_equal(usage_of(&kit, "acme").bytes, before);
    kit_commit(&kit);
    kit_restart(&kit); /* what it counts as is in its record */
    while (kit.state.vectors.count > 0) {
        assert_int_equal(usage_of(&kit, "acme").bytes, before);
        (void)kit_run(&kit, 5, kit_delete("none"));
        (void)kit_run(&kit, 5, kit_delete("none"));
    }
    (void)kit_run(&kit, 5, kit_delete("none"));
    assert_int_equal(usage_of(&kit, "acme").bytes, 300 * 3); /* the keys stay */
    kit_close(&kit);
}

static void a_quota_of_bytes_is_one_of_vectors(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    set_quota(&kit, "bytes=200");
    assert_int_equal(kit_run(&kit, 5, kit_index_create("i", KIT_DIM)).err, SW_ERR_OK);
    assert_int_equal(put_vector(&kit, "a", 1), SW_ERR_OK);
    assert_int_equal(put_vector(&kit, "b", 2), SW_ERR_OK);
    assert_int_equal(put_vector(&kit, "c", 3), SW_ERR_QUOTA);
    assert_int_equal(usage_of(&kit, "acme").keys, 2);
    assert_int_equal(put_vector(&kit, "b", 4), SW_ERR_OK); /* as much as before */
    (void)kit_run(&kit, 5, kit_delete("a"));
    assert_int_equal(put_vector(&kit, "c", 3), SW_ERR_OK);
    set_quota(&kit, "bytes=1");
    assert_int_equal(kit_run(&kit, 5, kit_index_create("j", KIT_DIM)).err, SW_ERR_QUOTA);
    kit_close(&kit);
}

/* Two replicas at the upgrade: one committed and restarted in between. */
static void the_first_entry_of_format_4_counts_what_is_there(void **unused)
{
    struct kit kits[2] = {kit_open(), kit_open()};
    struct sw_buf dumps[2] = {{0}, {0}};

    (void)unused;
    for (int i = 0; i < 2; i++) {
        const struct kit_vector vector = kit_vector_of(1);
        const struct sw_vector_item item = kit_item("i", &vector, "");

        assert_int_equal(run_old(&kits[i], kit_index_create("i", KIT_DIM)).err, SW_ERR_OK);
        assert_int_equal(run_old(&kits[i], kit_vector_put("a", &item)).err, SW_ERR_OK);
        assert_int_equal(run_old(&kits[i], grant("acme", 1000)).err, SW_ERR_OK);
        assert_int_equal(usage_of(&kits[i], "acme").bytes, 1);
        assert_int_equal(usage_of(&kits[i], "acme").leases, 0);
        if (i == 1) {
            kit_commit(&kits[i]);
            kit_restart(&kits[i]);
        }
        (void)kit_run(&kits[i], 5, kit_delete("none"));
        assert_int_equal(usage_of(&kits[i], "acme").bytes, INDEX_SIZE + 1 + ENTRY_SIZE + 3);
        assert_int_equal(usage_of(&kits[i], "acme").leases, 1);
        kit_commit(&kits[i]);
        kit_restart(&kits[i]);
        (void)kit_run(&kits[i], 5, drop());
        for (int step = 0; step < 3; step++) {
            (void)kit_run(&kits[i], 5, (struct sw_request){.op = SW_OP_TICK, .expected = 5000});
        }
        assert_int_equal(usage_of(&kits[i], "acme").bytes, 1);
        assert_int_equal(usage_of(&kits[i], "acme").leases, 0);
        kit_commit(&kits[i]);
        kit_dump(kits[i].store, &dumps[i]);
    }
    assert_int_equal(kits[0].state.digest, kits[1].state.digest);
    assert_true(sw_span_equal(sw_buf_span(&dumps[0]), sw_buf_span(&dumps[1])));
    for (int i = 0; i < 2; i++) {
        sw_buf_release(&dumps[i]);
        kit_close(&kits[i]);
    }
}

/* Grants until one is refused; how many were not. */
static uint32_t grant_all(struct kit *kit, const char *tenant)
{
    struct sw_request requests[256];
    uint32_t count = 0;

    for (int i = 0; i < 256; i++) {
        requests[i] = grant(tenant, 1000);
    }
    for (;;) {
        kit_apply(kit, 5, requests, 256);
        for (int i = 0; i < 256; i++) {
            if (kit->results[i].err != SW_ERR_OK) {
                assert_int_equal(kit->results[i].err, SW_ERR_BUSY);
                return count;
            }
            count++;
        }
    }
}

static void a_tenant_leaves_leases_for_others(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    assert_int_equal(grant_all(&kit, "acme"), SW_LEASE_COUNT_MAX / 2);
    assert_int_equal(grant_all(&kit, "bolt"), SW_LEASE_COUNT_MAX / 4);
    assert_int_equal(usage_of(&kit, "acme").leases, SW_LEASE_COUNT_MAX / 2);
    assert_int_equal(kit_run(&kit, 5, grant("acme", 1000)).err, SW_ERR_BUSY);
    assert_int_equal(kit_run(&kit, 5, grant("crux", 1000)).err, SW_ERR_OK);
    /* Older entries know no shares. */
    assert_int_equal(run_old(&kit, grant("acme", 1000)).err, SW_ERR_OK);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit_run(&kit, 5, grant("acme", 1000)).err, SW_ERR_BUSY);
    (void)kit_run(&kit, 5, (struct sw_request){.op = SW_OP_TICK, .expected = 5000});
    assert_int_equal(kit_run(&kit, 5, grant("bolt", 1000)).err, SW_ERR_OK);
    kit_close(&kit);
}

static uint32_t create_all(struct kit *kit, const char *tenant)
{
    for (uint32_t count = 0;; count++) {
        struct sw_request request = kit_index_create("i", KIT_DIM);
        char partition[16];
        enum sw_err err;

        (void)snprintf(partition, sizeof partition, "p%u", (unsigned)count);
        request.tenant = sw_span_str(tenant);
        request.partition = sw_span_str(partition);
        err = kit_run(kit, 5, request).err;
        if (err != SW_ERR_OK) {
            assert_int_equal(err, SW_ERR_TOO_LARGE);
            return count;
        }
    }
}

static void a_tenant_leaves_indexes_for_others(void **unused)
{
    struct kit kit = kit_open();

    (void)unused;
    assert_int_equal(create_all(&kit, "acme"), SW_VECTORS_COUNT_MAX / 2);
    assert_int_equal(create_all(&kit, "bolt"), SW_VECTORS_COUNT_MAX / 4);
    assert_int_equal(kit_run(&kit, 5, kit_index_create("more", KIT_DIM)).err, SW_ERR_TOO_LARGE);
    assert_int_equal(run_old(&kit, kit_index_create("more", KIT_DIM)).err, SW_ERR_OK);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_counted_as_long_as_they_are_there),
        cmocka_unit_test(a_dropped_index_counts_until_its_records_are_gone),
        cmocka_unit_test(a_quota_of_bytes_is_one_of_vectors),
        cmocka_unit_test(the_first_entry_of_format_4_counts_what_is_there),
        cmocka_unit_test(a_tenant_leaves_leases_for_others),
        cmocka_unit_test(a_tenant_leaves_indexes_for_others),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
