/* Vector indexes in the replicated state: what the log puts in is found, on every replica alike,
 * and what it takes out is gone. */
#include "tests/unit/node/vector_kit.h"

static void put(struct kit *kit, const char *key, uint64_t number)
{
    const struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_item item = kit_item("notes", &vector, "text");

    assert_int_equal(kit_run(kit, 1, kit_vector_put(key, &item)).err, SW_ERR_OK);
}

static struct kit with_index(void)
{
    struct kit kit = kit_open();

    kit_assert_result(kit_run(&kit, 1, kit_index_create("notes", KIT_DIM)), SW_ERR_OK, 1, 0);
    return kit;
}

static struct kit_hits nearest(struct kit *kit, uint64_t number)
{
    const struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_query query = kit_question("notes", &vector);

    return kit_search(kit, &query);
}

static void what_was_put_is_found(void **unused)
{
    struct kit kit = with_index();
    struct kit_hits found;
    char key[16];

    (void)unused;
    for (unsigned i = 0; i < 50; i++) {
        (void)snprintf(key, sizeof key, "key-%02u", i);
        put(&kit, key, i);
    }
    for (unsigned i = 0; i < 50; i++) {
        (void)snprintf(key, sizeof key, "key-%02u", i);
        found = nearest(&kit, i);
        assert_int_equal(found.err, SW_ERR_OK);
        assert_int_equal(found.count, 5);
        assert_string_equal(found.hits[0].key, key);
        assert_true(found.hits[0].distance < 0.01);
        assert_true(found.hits[1].distance > found.hits[0].distance);
        assert_non_null(strstr(found.detail, "\"scanned\":\"50\""));
    }
    kit_close(&kit);
}

static void a_put_of_the_same_key_takes_its_place(void **unused)
{
    struct kit kit = with_index();
    struct kit_hits found;

    (void)unused;
    put(&kit, "a", 1);
    put(&kit, "a", 2);
    found = nearest(&kit, 1);
    assert_int_equal(found.count, 1);
    assert_true(found.hits[0].distance > 0.05);
    (void)kit_run(&kit, 2, kit_put("a", "other text")); /* a plain put keeps the vector */
    found = nearest(&kit, 2);
    assert_int_equal(found.count, 1);
    assert_true(found.hits[0].distance < 0.01);
    kit_close(&kit);
}

static void a_deleted_key_is_not_found(void **unused)
{
    struct kit kit = with_index();

    (void)unused;
    put(&kit, "a", 1);
    put(&kit, "b", 2);
    (void)kit_run(&kit, 2, kit_delete("a"));
    assert_int_equal(nearest(&kit, 1).count, 1);
    assert_string_equal(nearest(&kit, 1).hits[0].key, "b");
    put(&kit, "a", 3);
    assert_int_equal(nearest(&kit, 1).count, 2);
    kit_close(&kit);
}

static void the_end_of_a_lease_takes_it_out(void **unused)
{
    struct kit kit = with_index();
    const struct kit_vector vector = kit_vector_of(4);
    const struct sw_vector_item item = kit_item("notes", &vector, "text");
    struct sw_request tick = {.op = SW_OP_TICK, .expected = 5000};
    struct sw_request grant = kit_request(SW_OP_LEASE_GRANT);
    struct sw_request request;
    uint64_t lease;

    (void)unused;
    grant.limit = 1000;
    lease = kit_run(&kit, 2, grant).value;
    request = kit_vector_put("leased", &item);
    request.lease = lease;
    assert_int_equal(kit_run(&kit, 3, request).err, SW_ERR_OK);
    assert_int_equal(nearest(&kit, 4).count, 1);
    (void)kit_run(&kit, 4, tick);
    assert_int_equal(nearest(&kit, 4).count, 0);
    request = kit_vector_put("leased", &item);
    request.lease = lease;
    assert_int_equal(kit_run(&kit, 5, request).err, SW_ERR_LEASE_GONE);
    kit_close(&kit);
}

static void what_does_not_fit_is_refused_and_changes_nothing(void **unused)
{
    struct kit kit = with_index();
    struct kit_vector vector = kit_vector_of(1);
    struct sw_vector_item item = kit_item("notes", &vector, "text");
    struct sw_vector_query query = kit_question("notes", &vector);
    struct sw_command_result result;
    struct kit_hits found;

    (void)unused;
    item.vector.size -= 4;
    result = kit_run(&kit, 2, kit_vector_put("a", &item));
    kit_assert_result(result, SW_ERR_DIMENSION, 1, (uint64_t)(KIT_DIM - 1) << 32 | KIT_DIM);
    query.vector.size -= 8;
    found = kit_search(&kit, &query);
    assert_int_equal(found.err, SW_ERR_DIMENSION);
    item = kit_item("nothing", &vector, "text");
    assert_int_equal(kit_run(&kit, 2, kit_vector_put("a", &item)).err, SW_ERR_NO_INDEX);
    query = kit_question("nothing", &vector);
    assert_int_equal(kit_search(&kit, &query).err, SW_ERR_NO_INDEX);
    memset(&vector, 0, sizeof vector);
    item = kit_item("notes", &vector, "text");
    assert_int_equal(kit_run(&kit, 2, kit_vector_put("a", &item)).err, SW_ERR_INVALID);
    vector.at[3] = (float)(0.0 / 0.0);
    assert_int_equal(kit_run(&kit, 2, kit_vector_put("a", &item)).err, SW_ERR_INVALID);
    assert_int_equal(kit_run(&kit, 2, kit_index_create("notes", KIT_DIM)).err, SW_ERR_CONFLICT);
    assert_int_equal(kit.state.revision, 1);
    assert_int_equal(nearest(&kit, 1).count, 0);
    kit_close(&kit);
}

static void only_what_is_new_is_put_if_asked_so(void **unused)
{
    struct kit kit = with_index();
    const struct kit_vector vector = kit_vector_of(1), other = kit_vector_of(2);
    struct sw_vector_item item = kit_item("notes", &vector, "once");
    struct sw_command_result result;
    struct sw_reader in;
    struct sw_record record;

    (void)unused;
    item.novel = true;
    item.distance_max = 0.01;
    assert_int_equal(kit_run(&kit, 2, kit_vector_put("first", &item)).err, SW_ERR_OK);
    result = kit_run(&kit, 3, kit_vector_put("second", &item));
    assert_int_equal(result.err, SW_ERR_EXISTS);
    assert_int_equal(result.record_count, 1);
    in = sw_reader_of(result.records);
    assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("first")));
    assert_true(sw_span_equal(record.value, sw_span_str("once")));
    item.vector = sw_span_of(&other, sizeof other);
    assert_int_equal(kit_run(&kit, 4, kit_vector_put("third", &item)).err, SW_ERR_OK);
    assert_int_equal(kit.state.revision, 3);
    assert_int_equal(nearest(&kit, 1).count, 2);
    kit_close(&kit);
}

static void conditions_choose(void **unused)
{
    struct kit kit = with_index();
    struct kit_vector vector;
    struct sw_vector_item item;
    struct sw_vector_query query;
    struct kit_hits found;
    char key[16];

    (void)unused;
    for (unsigned i = 0; i < 20; i++) {
        vector = kit_vector_of(i);
        item = kit_item("notes", &vector, "text");
        item.attribute_count = 1;
        item.attributes[0] = (struct sw_attribute){
            .kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("year"), .number = 2000 + i};
        (void)snprintf(key, sizeof key, "key-%02u", i);
        assert_int_equal(kit_run(&kit, 1, kit_vector_put(key, &item)).err, SW_ERR_OK);
    }
    vector = kit_vector_of(3);
    query = kit_question("notes", &vector);
    query.condition_count = 1;
    query.conditions[0] = (struct sw_condition){
        .kind = SW_CONDITION_RANGE,
        .attribute = {.kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("year")},
        .low = 2017,
        .high = 3000};
    query.k = 10;
    found = kit_search(&kit, &query);
    assert_int_equal(found.count, 3);
    for (uint32_t i = 0; i < found.count; i++) {
        assert_true(strcmp(found.hits[i].key, "key-17") >= 0);
    }
    kit_close(&kit);
}

static void a_restart_changes_no_answer(void **unused)
{
    struct kit kit = with_index();
    struct kit_hits before, after;
    char key[16];

    (void)unused;
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "key-%02u", i);
        put(&kit, key, i);
    }
    before = nearest(&kit, 1000);
    kit_commit(&kit);
    kit_restart(&kit);
    after = nearest(&kit, 1000);
    assert_memory_equal(&before, &after, sizeof before);
    put(&kit, "key-01", 5000);
    assert_string_equal(nearest(&kit, 5000).hits[0].key, "key-01");
    kit_close(&kit);
}

/* When a replica commits, searches or starts again is its own business. */
static void replicas_agree_whenever_they_commit(void **unused)
{
    struct kit one = with_index(), two = with_index();
    struct sw_prng prng = sw_prng_of(3);
    char key[16];

    (void)unused;
    for (unsigned i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "key-%02u", (unsigned)sw_prng_below(&prng, 60));
        if (sw_prng_below(&prng, 4) == 0) {
            (void)kit_run(&one, i, kit_delete(key));
            (void)kit_run(&two, i, kit_delete(key));
        } else {
            put(&one, key, i);
            put(&two, key, i);
        }
        if (i % 7 == 0) {
            kit_commit(&one);
        }
        if (i % 31 == 0) {
            kit_commit(&two);
            kit_restart(&two);
            (void)nearest(&one, i);
        }
        assert_int_equal(one.state.digest, two.state.digest);
    }
    kit_commit(&one);
    kit_commit(&two);
    kit_assert_equal_stores(one.store, two.store);
    kit_close(&one);
    kit_close(&two);
}

static uint64_t index_records(struct kit *kit)
{
    struct sw_store_stats stats;

    kit_commit(kit);
    kit->store->ops->stats(kit->store, &stats);
    return stats.record_count[SW_TABLE_INDEX];
}

/* What the library keeps in memory reaches the table when a replica commits; what a drop deletes
 * must not tell whether it had. */
static void a_drop_is_the_same_whenever_replicas_commit(void **unused)
{
    struct kit often = with_index();
    struct kit never = with_index();
    struct sw_request drop = kit_request(SW_OP_INDEX_DROP);
    char key[16];

    (void)unused;
    for (unsigned i = 0; i < 700; i++) { /* enough for another epoch, so for new buckets */
        (void)snprintf(key, sizeof key, "key-%03u", i);
        put(&often, key, i);
        put(&never, key, i);
        kit_commit(&often);
    }
    drop.key = sw_span_str("notes");
    (void)kit_run(&often, 2, drop);
    (void)kit_run(&never, 2, drop);
    for (unsigned i = 0; i < 100; i++) {
        (void)kit_run(&often, 3, kit_put("other", "text"));
        (void)kit_run(&never, 3, kit_put("other", "text"));
        assert_int_equal(often.state.vectors.count, never.state.vectors.count);
        assert_true(often.state.digest == never.state.digest);
    }
    assert_int_equal(often.state.vectors.count, 0);
    kit_commit(&often);
    kit_commit(&never);
    kit_assert_equal_stores(often.store, never.store);
    kit_close(&often);
    kit_close(&never);
}

static void a_dropped_index_goes_bit_by_bit(void **unused)
{
    struct kit kit = with_index();
    struct sw_request drop = kit_request(SW_OP_INDEX_DROP);
    unsigned entries = 0;
    char key[16];

    (void)unused;
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(key, sizeof key, "key-%03u", i);
        put(&kit, key, i);
    }
    drop.key = sw_span_str("notes");
    assert_int_equal(kit_run(&kit, 1, drop).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, drop).err, SW_ERR_NO_INDEX);
    assert_int_equal(nearest(&kit, 1).err, SW_ERR_NO_INDEX);
    assert_int_equal(kit_run(&kit, 1, kit_index_create("notes", 32)).err, SW_ERR_OK);
    kit_commit(&kit);
    kit_restart(&kit);
    while (kit.state.vectors.working) {
        (void)kit_run(&kit, 1, kit_put("other", "write"));
        assert_true(++entries < 100);
    }
    assert_true(entries > 2);
    assert_int_equal(kit.state.vectors.count, 1);
    assert_true(index_records(&kit) < 10); /* the new one's */
    assert_int_equal(kit_run(&kit, 1, drop).err, SW_ERR_OK);
    (void)kit_run(&kit, 1, kit_put("other", "write"));
    assert_int_equal(index_records(&kit), 0);
    kit_close(&kit);
}

/* Each index of a partition is asked at every delete, and a lease ends with a thousand of them. */
static void a_partition_has_few_indexes(void **unused)
{
    struct kit kit = kit_open();
    struct sw_request request;
    char name[16];

    (void)unused;
    for (unsigned i = 0; i < SW_VECTORS_PARTITION_COUNT_MAX; i++) {
        (void)snprintf(name, sizeof name, "index-%u", i);
        assert_int_equal(kit_run(&kit, 1, kit_index_create(name, KIT_DIM)).err, SW_ERR_OK);
    }
    assert_int_equal(kit_run(&kit, 1, kit_index_create("more", KIT_DIM)).err, SW_ERR_TOO_LARGE);
    request = kit_index_create("more", KIT_DIM);
    request.partition = sw_span_str("other");
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    request = kit_request(SW_OP_INDEX_DROP);
    request.key = sw_span_str("index-3");
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_index_create("more", KIT_DIM)).err, SW_ERR_OK);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(a_put_of_the_same_key_takes_its_place),
        cmocka_unit_test(a_deleted_key_is_not_found),
        cmocka_unit_test(the_end_of_a_lease_takes_it_out),
        cmocka_unit_test(what_does_not_fit_is_refused_and_changes_nothing),
        cmocka_unit_test(only_what_is_new_is_put_if_asked_so),
        cmocka_unit_test(conditions_choose),
        cmocka_unit_test(a_restart_changes_no_answer),
        cmocka_unit_test(replicas_agree_whenever_they_commit),
        cmocka_unit_test(a_drop_is_the_same_whenever_replicas_commit),
        cmocka_unit_test(a_dropped_index_goes_bit_by_bit),
        cmocka_unit_test(a_partition_has_few_indexes),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
