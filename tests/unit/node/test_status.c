/* What a node says about itself is true at one moment, and readable by machines. */
#include "tests/unit/node/node_kit.h"

static void status_waits_for_a_look_at_the_state(void **state)
{
    struct kit *kit = kit_new();
    char want[64];
    struct sw_node_status status;

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit_commit(1);
    kit_send(kit, 7, kit_request(SW_OP_STATUS, 2));
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 0);
    kit_jobs(kit);
    kit_turn(kit);
    sw_node_status(kit->node, &status);
    assert_int_equal(status.state_index, 1);
    (void)snprintf(want, sizeof want, "\"digest\":\"%016llx\"", (unsigned long long)status.digest);
    assert_non_null(strstr(kit_reply(kit, 2).detail, want));
    assert_non_null(strstr(kit_reply(kit, 2).detail, "\"digest_index\":\"1\""));
    assert_non_null(strstr(kit_reply(kit, 2).detail, "\"role\":\"leader\""));
    assert_non_null(strstr(kit_reply(kit, 2).detail, "\"applied_index\":\"1\""));
    assert_non_null(strstr(kit_reply(kit, 2).detail,
                           "{\"id\":\"1\",\"role\":\"voter\",\"peer\":\"h1:1\",\"client\":"
                           "\"h1:2\",\"up\":true},{\"id\":\"2\",\"role\":\"voter\",\"peer\":"
                           "\"h2:1\",\"client\":\"h2:2\",\"up\":false}"));
    kit_free(kit);
}

static void a_second_status_waits_for_its_own_look(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_request(SW_OP_STATUS, 1));
    kit_turn(kit);
    kit_send(kit, 7, kit_put(2, "a", "1"));
    kit_turn(kit);
    kit_commit(1);
    kit_send(kit, 7, kit_request(SW_OP_STATUS, 3)); /* while the first look is under way */
    kit_settle(kit, 99);
    kit_settle(kit, 99);
    assert_non_null(strstr(kit_reply(kit, 1).detail, "\"digest_index\":\"0\""));
    assert_non_null(strstr(kit_reply(kit, 3).detail, "\"digest_index\":\"1\""));
    kit_free(kit);
}

static void ready_means_a_leader_and_executed_entries(void **state)
{
    struct kit *kit = kit_new();
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_false(sw_node_ready(kit->node, why));
    assert_string_equal(why, "no leader is known");
    kit_role(SW_ROLE_FOLLOWER, 1, 2);
    assert_true(sw_node_ready(kit->node, why));
    kit_group_now.commit_index = 1025; /* handed over or not */
    kit_commit_other(1, 1);
    assert_false(sw_node_ready(kit->node, why));
    assert_non_null(strstr(why, "1025"));
    kit_jobs(kit);
    assert_true(sw_node_ready(kit->node, why));
    sw_node_stop(kit->node);
    assert_false(sw_node_ready(kit->node, why));
    kit_free(kit);
}

static void the_store_is_looked_at_once_a_second(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit->now_ms += 999;
    kit_turn(kit);
    assert_false(kit_job(kit));
    kit->now_ms += 1;
    kit_turn(kit);
    assert_true(kit_job(kit));
    assert_true(kit->node->admission.store.map_size > 0);
    kit_free(kit);
}

static void figures_come_from_all_ports(void **state)
{
    struct kit *kit = kit_new();
    const struct sw_metrics *metrics;

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_settle(kit, 1);
    metrics = sw_node_metrics(kit->node);
    assert_int_equal(metrics->values[SW_METRIC_HAS_LEADER], 1);
    assert_int_equal(metrics->values[SW_METRIC_APPLIED], 1);
    assert_int_equal(metrics->values[SW_METRIC_WAL_SYNCS], 3);
    assert_int_equal(metrics->values[SW_METRIC_BYTES_SENT], 77);
    assert_int_equal(metrics->requests[SW_OP_PUT][0], 1);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_waits_for_a_look_at_the_state),
        cmocka_unit_test(a_second_status_waits_for_its_own_look),
        cmocka_unit_test(ready_means_a_leader_and_executed_entries),
        cmocka_unit_test(the_store_is_looked_at_once_a_second),
        cmocka_unit_test(figures_come_from_all_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
