/* Usage and quotas in apply: exact after any commands, refused only where there would be more. */
#include <stdio.h>

#include "base/prng.h"
#include "node/usage.h"
#include "tests/unit/node/state_kit.h"
#include "transport/txn.h"

static struct sw_usage usage_of(struct kit *kit, const char *tenant, const char *name_space)
{
    struct sw_usage usage = {0};
    struct sw_span bytes;
    struct sw_key key;

    sw_usage_key(kit_group, sw_span_str(tenant), sw_span_str(name_space), &key);
    if (kit->store->ops->get(kit->store, SW_TABLE_META, sw_key_span(&key), &bytes) == SW_ERR_OK) {
        assert_int_equal(sw_usage_decode(bytes, &usage), SW_ERR_OK);
        assert_true(usage.keys + usage.experiences > 0); /* no rows of nothing */
    }
    return usage;
}

static void assert_usage(struct kit *kit, uint64_t keys, uint64_t experiences, uint64_t bytes)
{
    static const char *const spaces[] = {"", "prod"};

    for (int i = 0; i < 2; i++) {
        const struct sw_usage usage = usage_of(kit, "acme", spaces[i]);

        assert_int_equal(usage.keys, keys);
        assert_int_equal(usage.experiences, experiences);
        assert_int_equal(usage.bytes, bytes);
    }
}

static struct sw_request quota(const char *scope, const char *text)
{
    return (struct sw_request){.op = SW_OP_SETTING_PUT,
                               .partition = sw_span_str("quota"),
                               .key = sw_span_str(scope),
                               .value = sw_span_str(text)};
}

static void writes_and_deletes_are_counted(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    (void)kit_run(&kit, 5, kit_put("key", "four"));
    assert_usage(&kit, 1, 0, 7);
    (void)kit_run(&kit, 5, kit_put("key", "1"));
    assert_usage(&kit, 1, 0, 4);
    (void)kit_run(&kit, 5, kit_cas("key", "12", 99));
    assert_usage(&kit, 1, 0, 4);
    (void)kit_run(&kit, 5, kit_append("12345"));
    assert_usage(&kit, 1, 1, 9);
    (void)kit_run(&kit, 5, kit_delete("none"));
    (void)kit_run(&kit, 5, kit_delete("key"));
    assert_usage(&kit, 0, 1, 5);
    kit_close(&kit);
}

static void settings_are_not_counted(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    (void)kit_run(&kit, 5, quota("acme", "keys=3"));
    assert_int_equal(usage_of(&kit, SW_SYSTEM_TENANT, "").keys, 0);
    kit_close(&kit);
}

static void what_is_over_a_quota_is_refused_and_changes_nothing(void **state)
{
    struct kit kit = kit_open();
    struct sw_request previous = kit_put("b", "");

    (void)state;
    (void)kit_run(&kit, 5, quota("acme", "keys=1\nbytes=10"));
    assert_int_equal(kit_run(&kit, 5, kit_put("a", "1")).err, SW_ERR_OK);
    kit_assert_result(kit_run(&kit, 5, kit_put("b", "")), SW_ERR_QUOTA, 2, 1 << 2);
    previous.flags = SW_REQUEST_PREVIOUS;
    kit_assert_result(kit_run(&kit, 5, previous), SW_ERR_QUOTA, 2, 1 << 2);
    assert_int_equal(kit.results[0].record_count, 0);
    kit_assert_result(
        kit_run(&kit, 5, kit_put("a", "1234567890")), SW_ERR_QUOTA, 2, 2 << 2 | SW_QUOTA_OF_BYTES);
    assert_int_equal(kit_run(&kit, 5, kit_put("a", "123456789")).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 5, kit_append("x")).err, SW_ERR_QUOTA);
    assert_usage(&kit, 1, 0, 10);
    kit_close(&kit);
}

static void what_makes_less_is_never_refused(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    (void)kit_run(&kit, 5, kit_put("a", "123456789"));
    (void)kit_run(&kit, 5, kit_put("b", "123456789"));
    (void)kit_run(&kit, 5, quota("acme prod", "keys=1\nbytes=1"));
    assert_int_equal(kit_run(&kit, 5, kit_put("a", "123456789")).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 5, kit_put("a", "1")).err, SW_ERR_OK);
    kit_assert_result(kit_run(&kit, 5, kit_put("a", "12")),
                      SW_ERR_QUOTA,
                      5,
                      12 << 2 | SW_QUOTA_OF_BYTES | SW_QUOTA_OF_NAMESPACE);
    assert_int_equal(kit_run(&kit, 5, kit_delete("b")).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 5, kit_delete("a")).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 5, kit_put("a", "")).err, SW_ERR_OK);
    kit_close(&kit);
}

/* A transaction of `count` puts of "v" to keys a, b, ... and a delete of `gone` unless it is NULL.
 */
static struct sw_command_result run_txn(struct kit *kit, uint32_t count, const char *gone)
{
    struct sw_request request = kit_request(SW_OP_TXN);
    struct sw_buf body = {0};
    struct sw_command_result result;

    sw_txn_header_encode(0, count + (gone != NULL ? 1 : 0), 0, &body);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t name = (uint8_t)('a' + i);
        const struct sw_txn_op op = {
            .kind = SW_TXN_PUT, .key = sw_span_of(&name, 1), .value = sw_span_str("v")};

        sw_txn_op_encode(&op, &body);
    }
    if (gone != NULL) {
        const struct sw_txn_op op = {.kind = SW_TXN_DELETE, .key = sw_span_str(gone)};

        sw_txn_op_encode(&op, &body);
    }
    request.value = sw_buf_span(&body);
    result = kit_run(kit, 5, request);
    sw_buf_release(&body);
    return result;
}

static void a_transaction_is_judged_by_all_that_it_writes(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    (void)kit_run(&kit, 5, quota("acme", "keys=3"));
    kit_assert_result(run_txn(&kit, 4, NULL), SW_ERR_QUOTA, 1, 0);
    assert_int_equal(kit.results[0].record_count, 0);
    assert_usage(&kit, 0, 0, 0);
    assert_int_equal(run_txn(&kit, 3, NULL).err, SW_ERR_OK);
    assert_usage(&kit, 3, 0, 6);
    assert_int_equal(run_txn(&kit, 0, "b").err, SW_ERR_OK);
    assert_int_equal(run_txn(&kit, 2, "c").err, SW_ERR_OK); /* b again, c goes */
    assert_usage(&kit, 2, 0, 4);
    kit_close(&kit);
}

static void the_end_of_a_lease_is_counted(void **state)
{
    struct kit kit = kit_open();
    struct sw_request grant = kit_request(SW_OP_LEASE_GRANT);
    struct sw_request put = kit_put("a", "1");
    const struct sw_request tick = {.op = SW_OP_TICK, .expected = 5000};

    (void)state;
    grant.limit = 1000;
    put.lease = kit_run(&kit, 5, grant).value;
    assert_int_equal(kit_run(&kit, 5, put).err, SW_ERR_OK);
    assert_usage(&kit, 1, 0, 2);
    assert_int_equal(kit_run(&kit, 5, tick).err, SW_ERR_OK);
    assert_usage(&kit, 0, 0, 0);
    kit_close(&kit);
}

/* --- the beginning ---------------------------------------------------------------------------- */

/* An entry as a program before format 3 made it: without authors. */
static void apply_old(struct kit *kit, struct sw_request request)
{
    struct sw_buf command = {0};
    struct sw_buf entry = {0};

    sw_command_encode(&request, &command);
    sw_write_u8(&entry, SW_ENTRY_FORMAT_AUTHORS - 1);
    sw_write_u64(&entry, 5);
    sw_write_u32(&entry, 1);
    sw_write_blob(&entry, sw_buf_span(&command));
    assert_int_equal(kit_apply_body(kit, sw_buf_span(&entry)), SW_ERR_OK);
    assert_int_equal(kit->results[0].err, SW_ERR_OK);
    sw_buf_release(&command);
    sw_buf_release(&entry);
}

static void the_first_entry_of_format_3_counts_what_is_there(void **state)
{
    struct kit kit = kit_open();
    struct sw_request forged = kit_put("mallory", "id=0000000000000000000000000000000a\nright=a *");

    (void)state;
    forged.tenant = sw_span_str(SW_SYSTEM_TENANT);
    forged.name_space = sw_span_str(SW_SYSTEM_SETTINGS);
    forged.partition = sw_span_str("identity");
    apply_old(&kit, kit_put("key", "four"));
    apply_old(&kit, kit_append("12"));
    apply_old(&kit, forged);
    assert_usage(&kit, 0, 0, 0);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit.state.settings.count, 0);
    (void)kit_run(&kit, 5, kit_put("more", "1"));
    assert_usage(&kit, 2, 1, 14);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit.state.settings.count, 0); /* it was deleted */
    apply_old(&kit, kit_delete("key"));            /* what has begun goes on */
    assert_usage(&kit, 1, 1, 7);
    kit_close(&kit);
}

/* --- any commands ----------------------------------------------------------------------------- */

static const char *const names[] = {"a", "bb", "ccc"};

static struct sw_request random_request(struct sw_prng *prng, char *value)
{
    struct sw_request request;
    const uint64_t size = sw_prng_below(prng, 8);

    memset(value, 'v', size);
    value[size] = '\0';
    switch (sw_prng_below(prng, 4)) {
    case 0:
        request = kit_delete(names[sw_prng_below(prng, 3)]);
        break;
    case 1:
        request = kit_append(value);
        break;
    default:
        request = kit_put(names[sw_prng_below(prng, 3)], value);
    }
    request.tenant = sw_span_str(names[sw_prng_below(prng, 2)]);
    request.name_space = sw_span_str(names[sw_prng_below(prng, 3)]);
    request.partition = sw_span_str(names[sw_prng_below(prng, 2)]);
    return request;
}

static size_t value_size(struct sw_span bytes)
{
    struct sw_kv_record record;

    assert_int_equal(sw_kv_record_decode(bytes, &record), SW_ERR_OK);
    return record.value.size;
}

/* Adds a record's place to the recount if it is in the wanted one. */
static void recount(struct kit *kit, const char *tenant, const char *space, struct sw_usage *ret)
{
    static const enum sw_table tables[] = {SW_TABLE_KV, SW_TABLE_EXPERIENCE};
    struct sw_store_record stored;

    *ret = (struct sw_usage){0};
    for (int i = 0; i < 2; i++) {
        enum sw_err err =
            kit->store->ops->seek(kit->store, tables[i], sw_span_of(NULL, 0), false, &stored);

        for (; err == SW_ERR_OK;
             err = kit->store->ops->next(kit->store, tables[i], false, &stored)) {
            struct sw_experience_key experience;
            struct sw_kv_key kv;
            struct sw_place place;

            if (tables[i] == SW_TABLE_KV) {
                assert_int_equal(sw_key_kv_decode(stored.key, &kv), SW_ERR_OK);
                place = kv.place;
            } else {
                assert_int_equal(sw_key_experience_decode(stored.key, &experience), SW_ERR_OK);
                place = experience.place;
            }
            if (!sw_span_equal(place.tenant, sw_span_str(tenant)) ||
                (space[0] != '\0' && !sw_span_equal(place.name_space, sw_span_str(space)))) {
                continue;
            }
            ret->keys += tables[i] == SW_TABLE_KV ? 1 : 0;
            ret->experiences += tables[i] == SW_TABLE_KV ? 0 : 1;
            ret->bytes += tables[i] == SW_TABLE_KV
                              ? kv.key.size + value_size(stored.value)
                              : stored.value.size - SW_EXPERIENCE_HEADER_SIZE;
        }
    }
}

static void counts_equal_a_recount_after_any_commands(void **state)
{
    struct sw_prng prng = sw_prng_of(2005);
    struct kit kit = kit_open();

    (void)state;
    (void)kit_run(&kit, 5, quota("a", "bytes=60\nkeys=9"));
    (void)kit_run(&kit, 5, quota("a bb", "bytes=20"));
    for (int round = 0; round < 300; round++) {
        struct sw_request requests[8];
        char values[8][8];

        for (int i = 0; i < 8; i++) {
            requests[i] = random_request(&prng, values[i]);
        }
        kit_apply(&kit, 5, requests, 8);
        for (int i = 0; i < 8; i++) {
            const char *tenant = names[i / 4];
            const char *space = i % 4 == 3 ? "" : names[i % 4];
            const struct sw_usage kept = usage_of(&kit, tenant, space);
            struct sw_usage counted;

            recount(&kit, tenant, space, &counted);
            assert_memory_equal(&kept, &counted, sizeof kept);
            assert_true(tenant[1] != '\0' || counted.bytes <= 60);
        }
    }
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_deletes_are_counted),
        cmocka_unit_test(settings_are_not_counted),
        cmocka_unit_test(what_is_over_a_quota_is_refused_and_changes_nothing),
        cmocka_unit_test(what_makes_less_is_never_refused),
        cmocka_unit_test(a_transaction_is_judged_by_all_that_it_writes),
        cmocka_unit_test(the_end_of_a_lease_is_counted),
        cmocka_unit_test(the_first_entry_of_format_3_counts_what_is_there),
        cmocka_unit_test(counts_equal_a_recount_after_any_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
