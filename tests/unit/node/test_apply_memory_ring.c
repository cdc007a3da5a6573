/* Rings: never more than a partition lets an agent have, and the least worth leave first. */
#include "node/memory_ring.h"
#include "tests/unit/node/memory_kit.h"

static const uint64_t day_ms = 24 * 3600 * 1000;

/* What the ring says of an agent, and what is there. */
static void expect_ring(struct kit *kit, const char *agent, uint64_t count)
{
    struct sw_request request = kit_request(SW_OP_MEMORY_AGENTS);
    struct sw_buf records = {0};
    struct sw_reply reply;
    struct sw_reader in;
    uint64_t told = 0;

    assert_int_equal(sw_query(&kit->state, kit->store, &request, &records, &reply), SW_ERR_OK);
    in = sw_reader_of(reply.records);
    for (uint32_t i = 0; i < reply.record_count; i++) {
        struct sw_record record;

        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        if (sw_span_equal(record.key, sw_span_str(agent))) {
            told = record.version;
            assert_true(record.lease > record.version * 40);
        }
    }
    assert_int_equal(told, count);
    sw_buf_release(&records);
}

static void a_full_ring_lets_the_least_worth_go(void **unused)
{
    struct kit kit = kit_open();
    struct sw_memory_put put = kit_memory("worthless");
    const struct sw_memory_key worthless = kit_key_of("a", "worthless");
    struct sw_memory_key first;

    (void)unused;
    kit_settings(&kit, (struct sw_memory_settings){.count_max = 3, .size_max = 1 << 20});
    first = kit_said(&kit, 1, "a", "one");
    put.utility = 1;
    (void)kit_run(&kit, 1, kit_say("a", &put));
    (void)kit_said(&kit, 1, "a", "two");
    (void)kit_said(&kit, 1, "b", "of another");
    expect_ring(&kit, "a", 3);
    put = kit_memory("three");
    put.success = false;
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).value, 1);
    assert_false(kit_has(&kit, &worthless));
    assert_true(kit_has(&kit, &first));
    expect_ring(&kit, "a", 3);
    expect_ring(&kit, "b", 1);
    /* "three" is a failure: 200. */
    (void)kit_said(&kit, 1, "a", "four");
    assert_true(kit_has(&kit, &first));
    /* Of equals the older one. */
    (void)kit_said(&kit, 1, "a", "five");
    assert_false(kit_has(&kit, &first));
    kit_close(&kit);
}

/* Deletes, leases and transactions count like everything else. */
static void every_way_a_key_goes_is_counted(void **unused)
{
    struct kit kit = kit_open();
    struct sw_memory_put put = kit_memory("leased");
    struct sw_request request;
    struct sw_memory_key key;
    uint64_t lease;

    (void)unused;
    key = kit_said(&kit, 1, "a", "one");
    (void)kit_said(&kit, 1, "a", "two");
    expect_ring(&kit, "a", 2);
    request = kit_request(SW_OP_DELETE);
    request.key = sw_memory_key_span(&key);
    assert_int_equal(kit_run(&kit, 1, request).value, 1);
    expect_ring(&kit, "a", 1);
    request = kit_request(SW_OP_LEASE_GRANT);
    request.limit = 1000;
    lease = kit_run(&kit, 1, request).value;
    request = kit_say("a", &put);
    request.lease = lease;
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    expect_ring(&kit, "a", 2);
    request = kit_request(SW_OP_LEASE_REVOKE);
    request.lease = lease;
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    expect_ring(&kit, "a", 1);
    assert_int_equal(kit_run(&kit, 1, kit_put("memory/a/0", "no memory's key")).err, SW_ERR_OK);
    expect_ring(&kit, "a", 1);
    kit_close(&kit);
}

static void bytes_are_a_bound_too(void **unused)
{
    static char large[7500];
    struct kit kit = kit_open();
    struct sw_memory_put put = kit_memory("");
    char text[16];

    (void)unused;
    memset(large, 'x', sizeof large);
    kit_settings(&kit, (struct sw_memory_settings){.count_max = 1000, .size_max = 8000});
    for (int i = 0; i < 20; i++) {
        (void)snprintf(text, sizeof text, "m%d", i);
        (void)kit_said(&kit, 1, "a", text);
    }
    /* More would have to leave than one write may let go: nothing happens. */
    put.content = sw_span_of(large, sizeof large);
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_RING_FULL);
    expect_ring(&kit, "a", 20);
    put.content.size = 5000;
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_OK);
    assert_true(kit.results[0].value > 0);
    put.content = sw_span_of(large, sizeof large);
    put.task = sw_span_str("u");
    kit_settings(&kit, (struct sw_memory_settings){.count_max = 1000, .size_max = 1});
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_RING_FULL);
    kit_close(&kit);
}

static void settings_that_are_none_refuse(void **unused)
{
    const struct sw_memory_put put = kit_memory("one");
    struct kit kit = kit_open();

    (void)unused;
    assert_int_equal(kit_run(&kit, 1, kit_put("memory-settings", "what")).err, SW_ERR_OK);
    assert_int_equal(kit_run(&kit, 1, kit_say("a", &put)).err, SW_ERR_WRONG_TYPE);
    kit_close(&kit);
}

/* Ten days leave half of 500 of a working one; a long one that is used stays. */
static void what_faded_below_the_floor_leaves(void **unused)
{
    struct kit kit = kit_open();
    struct sw_memory_put put = kit_memory("important");
    const struct sw_memory_key important = kit_key_of("a", "important");
    struct sw_memory_key faded;

    (void)unused;
    kit_settings(&kit,
                 (struct sw_memory_settings){.count_max = 9, .size_max = 1 << 20, .floor = 252});
    put.importance = 950;
    (void)kit_run(&kit, 1, kit_say("a", &put));
    faded = kit_said(&kit, 1, "a", "faded");
    assert_int_equal(kit_tend(&kit, 9 * day_ms), 0);
    assert_true(kit_has(&kit, &faded));
    assert_int_equal(kit_tend(&kit, 10 * day_ms), 1);
    assert_false(kit_has(&kit, &faded));
    assert_true(kit_has(&kit, &important));
    /* And without tending, when the agent says something. */
    faded = kit_said(&kit, 10 * day_ms, "a", "faded");
    (void)kit_said(&kit, 20 * day_ms, "a", "new");
    assert_false(kit_has(&kit, &faded));
    assert_true(kit_has(&kit, &important));
    expect_ring(&kit, "a", 2);
    kit_close(&kit);
}

static void a_smaller_ring_is_reached_in_steps(void **unused)
{
    struct kit kit = kit_open();
    char text[16];

    (void)unused;
    for (int i = 0; i < 700; i++) {
        (void)snprintf(text, sizeof text, "m%d", i);
        (void)kit_said(&kit, 1, i % 2 == 0 ? "a" : "b", text);
    }
    kit_settings(&kit, (struct sw_memory_settings){.count_max = 5, .size_max = 1 << 20});
    assert_int_equal(kit_run(&kit,
                             1,
                             kit_say("a",
                                     &(struct sw_memory_put){.utility = 1,
                                                             .importance = 1,
                                                             .task = sw_span_str("t"),
                                                             .content = sw_span_str("x")}))
                         .err,
                     SW_ERR_RING_FULL);
    assert_int_equal(kit_tend(&kit, 1), 690);
    expect_ring(&kit, "a", 5);
    expect_ring(&kit, "b", 5);
    kit_close(&kit);
}

static void rows_read_as_they_were_written(void **unused)
{
    const struct sw_memory_ring ring = {.count = 7, .size = 70};
    struct sw_memory_ring read;
    struct sw_buf bytes = {0};

    (void)unused;
    sw_memory_ring_encode(&ring, &bytes);
    assert_int_equal(sw_memory_ring_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    assert_int_equal(read.count, 7);
    assert_int_equal(read.size, 70);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_not_equal(sw_memory_ring_decode(sw_span_of(bytes.data, size), &read), SW_ERR_OK);
    }
    bytes.data[0] = SW_MEMORY_RING_FORMAT + 1;
    assert_int_not_equal(sw_memory_ring_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    sw_buf_release(&bytes);
}

static void indexes_are_found_by_name(void **unused)
{
    struct kit kit = kit_open();
    struct sw_request request = kit_index_create("notes", KIT_DIM);
    struct sw_buf records = {0};
    struct sw_reply reply;

    (void)unused;
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    request.partition = sw_span_str("others");
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    request.name_space = sw_span_str("elsewhere");
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    request = kit_request(SW_OP_INDEX_PLACES);
    request.partition = sw_span_of(NULL, 0);
    request.key = sw_span_str("notes");
    assert_int_equal(sw_query(&kit.state, kit.store, &request, &records, &reply), SW_ERR_OK);
    assert_int_equal(reply.err, SW_ERR_OK);
    assert_int_equal(reply.record_count, 2);
    sw_buf_release(&records);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_ring_lets_the_least_worth_go),
        cmocka_unit_test(every_way_a_key_goes_is_counted),
        cmocka_unit_test(bytes_are_a_bound_too),
        cmocka_unit_test(settings_that_are_none_refuse),
        cmocka_unit_test(what_faded_below_the_floor_leaves),
        cmocka_unit_test(a_smaller_ring_is_reached_in_steps),
        cmocka_unit_test(rows_read_as_they_were_written),
        cmocka_unit_test(indexes_are_found_by_name),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    sw_buf_release(&kit_value);
    return failed;
}
