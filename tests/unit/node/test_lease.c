/* Records of leases: they survive the codec, and bad bytes are noticed. */
#include "node/lease.h"
#include "tests/unit/node/state_kit.h"

static struct sw_lease_record sample(void)
{
    return (struct sw_lease_record){.ttl_ms = 5000,
                                    .end_ms = 77,
                                    .key_count = 3,
                                    .place = {.tenant = sw_span_str("t"),
                                              .name_space = sw_span_str("ns"),
                                              .partition = sw_span_str("p")}};
}

static void bytes_are_as_documented(void **unused)
{
    static const uint8_t bytes[] = {1,  0x88, 0x13, 0, 0, /* format, ttl */
                                    77, 0,    0,    0, 0, 0,   0,   0, 3, 0,  0, 0, /* end, keys */
                                    1,  0,    't',  2, 0, 'n', 's', 1, 0, 'p'};
    const struct sw_lease_record record = sample();
    struct sw_lease_record got = {0};
    struct sw_buf out = {0};

    (void)unused;
    sw_lease_record_encode(&record, &out);
    assert_int_equal(out.size, sizeof bytes);
    assert_memory_equal(out.data, bytes, sizeof bytes);
    assert_int_equal(sw_lease_record_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_int_equal(got.ttl_ms, 5000);
    assert_int_equal(got.end_ms, 77);
    assert_int_equal(got.key_count, 3);
    assert_true(sw_place_equal(&got.place, &record.place));
    for (size_t size = 0; size < out.size; size++) {
        assert_int_equal(sw_lease_record_decode(sw_span_of(bytes, size), &got), SW_ERR_CORRUPT);
    }
    out.data[0] = 2;
    assert_int_equal(sw_lease_record_decode(sw_buf_span(&out), &got), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&out);
}

static void places_are_equal_in_all_three_names(void **unused)
{
    const struct sw_place a = sample().place;
    struct sw_place b = a;

    (void)unused;
    assert_true(sw_place_equal(&a, &b));
    b.partition = sw_span_str("q");
    assert_false(sw_place_equal(&a, &b));
    b = a;
    b.tenant = sw_span_str("u");
    assert_false(sw_place_equal(&a, &b));
    b = a;
    b.name_space = sw_span_str("n");
    assert_false(sw_place_equal(&a, &b));
}

/* What a node knows beside the table is found again after a restart. */
static void the_next_end_is_loaded(void **unused)
{
    struct sw_request grant = kit_request(SW_OP_LEASE_GRANT);
    struct kit kit = kit_open();

    (void)unused;
    assert_true(kit.state.lease_due_ms == UINT64_MAX);
    grant.limit = 9000;
    (void)kit_run(&kit, 1, grant);
    grant.limit = 500;
    (void)kit_run(&kit, 1, grant);
    assert_int_equal(kit.state.lease_due_ms, 500);
    kit_commit(&kit);
    kit_restart(&kit);
    assert_int_equal(kit.state.lease_due_ms, 500);
    assert_int_equal(kit.state.lease_count, 2);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_as_documented),
        cmocka_unit_test(places_are_equal_in_all_three_names),
        cmocka_unit_test(the_next_end_is_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
