/* Whose write comes into the log next, and who is refused: by identity, by age, leases first. */
#include "tests/unit/node/node_kit.h"

static void send_as(struct kit *kit, uint8_t who, struct sw_request request)
{
    const struct sw_link_handler handler = sw_node_link_handler(kit->node);
    const uint8_t key[32] = {who};
    struct sw_buf out = {0};

    sw_request_encode(&request, &out);
    handler.client_message(handler.arg, who, key, sw_buf_span(&out));
    sw_buf_release(&out);
}

static bool answered(const struct kit *kit, uint64_t id)
{
    for (uint32_t i = 0; i < kit->reply_count; i++) {
        if (kit->replies[i].id == id) {
            return true;
        }
    }
    return false;
}

/* A leader whose log takes no entry. */
static struct kit *stuck(void)
{
    struct kit *kit = kit_new();

    kit_lead();
    send_as(kit, 1, kit_put(1, "a", "1"));
    kit_settle(kit, 1);
    kit_group_now.in_flight = kit_group_now.in_flight_max;
    return kit;
}

/* A thousand writes of one, then one of the other: it is in the first entry, which is short. */
static void a_modest_client_does_not_wait_for_a_flood(void **state)
{
    struct kit *kit = stuck();
    struct sw_entry_reader entry;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        send_as(kit, 1, kit_put(100 + i, "a", "flood"));
    }
    send_as(kit, 2, kit_put(7, "b", "modest"));
    kit_turn(kit);
    kit_group_now.in_flight = 0;
    kit_turn(kit);
    assert_int_equal(sw_entry_open(sw_buf_span(&kit_group_now.bodies[2]), &entry), SW_ERR_OK);
    assert_in_range(entry.count, 100, 256);
    kit_commit(2);
    kit_jobs(kit);
    kit_turn(kit);
    assert_true(answered(kit, 7));
    kit_free(kit);
}

static void who_is_late_is_refused_and_others_are_not(void **state)
{
    struct kit *kit = stuck();
    struct sw_request lease = kit_named(SW_OP_LEASE_GRANT, 5, "");

    (void)state;
    lease.limit = 1000;
    send_as(kit, 1, kit_put(2, "a", "waits"));
    kit->now_ms += 60;
    send_as(kit, 1, kit_put(3, "a", "a burst, perhaps"));
    kit->now_ms += 100;
    send_as(kit, 1, kit_put(4, "a", "refused"));
    send_as(kit, 1, lease);
    send_as(kit, 2, kit_put(6, "a", "another's"));
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 2); /* 1 and 4 */
    assert_int_equal(kit_reply(kit, 4).err, SW_ERR_OVERLOADED);
    assert_non_null(strstr(kit_reply(kit, 4).detail, "160 ms"));
    assert_int_equal(sw_node_metrics(kit->node)->refused[SW_ADMISSION_AGE], 1);
    assert_true(sw_node_metrics(kit->node)->values[SW_METRIC_WRITE_AGE] == 160000000);
    kit_group_now.in_flight = 0;
    kit_turn(kit);
    kit_settle(kit, 2);
    for (uint64_t id = 2; id <= 6; id++) {
        assert_int_equal(kit_reply(kit, id).err, id == 4 ? SW_ERR_OVERLOADED : SW_ERR_OK);
    }
    send_as(kit, 1, kit_put(8, "a", "it has caught up"));
    kit_settle(kit, 3);
    assert_int_equal(kit_reply(kit, 8).err, SW_ERR_OK);
    kit_free(kit);
}

/* What is refused is in no entry, and what is past its deadline is proposed no more. */
static void nothing_past_its_deadline_is_proposed(void **state)
{
    struct kit *kit = stuck();
    struct sw_request put = kit_put(2, "a", "too late");

    (void)state;
    put.timeout_ms = 100;
    send_as(kit, 1, put);
    kit_turn(kit);
    kit->now_ms += 101;
    sw_node_tick(kit->node);
    kit_group_now.in_flight = 0;
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OVERLOADED);
    assert_int_equal(kit_group_now.last_index, 1);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_modest_client_does_not_wait_for_a_flood),
        cmocka_unit_test(who_is_late_is_refused_and_others_are_not),
        cmocka_unit_test(nothing_past_its_deadline_is_proposed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
