/* Every request gets one answer: the right refusal at once, or the outcome later. */
#include "tests/unit/node/node_kit.h"

static void a_follower_names_the_leader(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_NO_LEADER);
    kit_role(SW_ROLE_FOLLOWER, 4, 3);
    kit_send(kit, 7, kit_put(2, "a", "1"));
    kit_send(kit, 7, kit_named(SW_OP_GET, 3, "a"));
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NOT_LEADER);
    assert_int_equal(kit_reply(kit, 2).leader, 3);
    assert_int_equal(kit_reply(kit, 2).term, 4);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_NOT_LEADER);
    assert_int_equal(kit->node->admission.in_flight, 0);
    kit_free(kit);
}

static void garbage_is_answered_and_harms_nothing(void **state)
{
    struct kit *kit = kit_new();
    struct sw_buf out = {0};
    struct sw_request request = kit_put(5, "a", "1");

    (void)state;
    kit_lead();
    kit_bytes(kit, 7, sw_span_str("\xff\xff\xff\xff"));
    kit_bytes(kit, 7, sw_span_str("\x05"));
    kit_bytes(kit, 7, sw_span_of(NULL, 0));
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 2);
    assert_int_equal(kit->replies[0].err, SW_ERR_MALFORMED);
    /* A good request before a broken one is served. */
    sw_request_encode(&request, &out);
    sw_write_u8(&out, 0x77);
    kit_bytes(kit, 7, sw_buf_span(&out));
    sw_buf_release(&out);
    kit_settle(kit, 1);
    assert_int_equal(kit_reply(kit, 5).err, SW_ERR_OK);
    assert_int_equal(kit->reply_count, 4);
    kit_free(kit);
}

static void wrong_requests_say_what_is_wrong(void **state)
{
    struct kit *kit = kit_new();
    struct sw_request request = kit_put(1, "", "1");
    char *large = calloc(1, SW_VALUE_SIZE_MAX + 2);

    (void)state;
    assert_non_null(large);
    kit_lead();
    kit_send(kit, 7, request);
    memset(large, 'x', SW_VALUE_SIZE_MAX + 1);
    kit_send(kit, 7, kit_put(2, "a", large));
    request = kit_put(3, "a", "1");
    request.depth = SW_DEPTH_MAX;
    kit_send(kit, 7, request);
    request = kit_put(4, "a", "1");
    request.op = (enum sw_op)99;
    kit_send(kit, 7, request);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_INVALID);
    assert_non_null(strstr(kit_reply(kit, 1).detail, "key"));
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_TOO_LARGE);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_DEPTH);
    assert_int_equal(kit_reply(kit, 4).err, SW_ERR_UNSUPPORTED);
    assert_int_equal(kit_group_now.last_index, 0);
    free(large);
    kit_free(kit);
}

static void a_client_without_the_right_is_refused(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit->rights = KIT_ALLOW_READ;
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_send(kit, 7, kit_named(SW_OP_GET, 2, "a"));
    kit_settle(kit, 1);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NOT_FOUND);
    kit_free(kit);
}

static void over_a_bound_is_refused_and_under_it_served_again(void **state)
{
    struct kit *kit = kit_new_with((struct sw_node_limits){.client_in_flight_max = 2});

    (void)state;
    kit_lead();
    for (uint64_t id = 1; id <= 3; id++) {
        kit_send(kit, 7, kit_put(id, "a", "1"));
    }
    kit_send(kit, 8, kit_put(4, "a", "1")); /* another connection has its own bound */
    kit_settle(kit, 1);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_BUSY);
    assert_int_equal(kit_reply(kit, 3).durability, SW_DURABILITY_NONE);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OK);
    assert_int_equal(kit_reply(kit, 2).durability, SW_DURABILITY_MAJORITY);
    assert_int_equal(kit_reply(kit, 4).err, SW_ERR_OK);
    kit_send(kit, 7, kit_put(5, "a", "1"));
    kit_settle(kit, 2);
    assert_int_equal(kit_reply(kit, 5).err, SW_ERR_OK);
    assert_int_equal(kit->node->admission.queued_size, 0);
    kit_free(kit);
}

static void append(struct sw_buf *message, struct sw_request request, uint64_t session)
{
    request.session.value = session;
    request.seq = request.id;
    request.flags |= SW_REQUEST_ORDERED;
    sw_request_encode(&request, message);
}

/* client/core_order.c stands on this: a later write never runs before an earlier one that is sent
 * again. */
static void a_refused_ordered_write_holds_the_rest_of_its_message(void **state)
{
    struct kit *kit = kit_new_with((struct sw_node_limits){.queue_size_max = 4096});
    struct sw_buf message = {0};
    char large[4096];

    (void)state;
    kit_lead();
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    append(&message, kit_put(1, "a", "1"), 5);
    append(&message, kit_put(2, "b", large), 5);
    append(&message, kit_put(3, "c", "1"), 5);
    append(&message, kit_put(4, "c", "1"), 6); /* of another client */
    append(&message, kit_put(7, "d", "1"), 5);
    kit_bytes(kit, 7, sw_buf_span(&message));
    kit_send(kit, 7, kit_put(8, "e", "1")); /* another message begins anew */
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OVERLOADED);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_OVERLOADED);
    assert_non_null(strstr(kit_reply(kit, 3).detail, "before it"));
    assert_int_equal(kit_reply(kit, 7).err, SW_ERR_OVERLOADED);
    assert_int_equal(kit->reply_count, 3);
    sw_buf_release(&message);
    kit_free(kit);
}

static void a_deadline_that_passes_in_the_queue_means_not_done(void **state)
{
    struct kit *kit = kit_new();
    struct sw_request request = kit_put(2, "b", "1");

    (void)state;
    kit_lead();
    kit_group_now.in_flight_max = 1;
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    request.timeout_ms = 100;
    kit_send(kit, 7, request);
    kit_turn(kit);
    kit->now_ms += 99;
    sw_node_tick(kit->node);
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 0);
    kit->now_ms += 1;
    sw_node_tick(kit->node);
    kit_turn(kit);
    assert_int_equal(sw_err_outcome(kit_reply(kit, 2).err), SW_OUTCOME_NOT_DONE);
    kit_commit(1);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 1); /* and it is not proposed later */
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_OK);
    kit_free(kit);
}

static void a_deadline_that_passes_in_flight_means_unknown(void **state)
{
    struct kit *kit = kit_new();
    struct sw_request request = kit_put(1, "a", "1");

    (void)state;
    kit_lead();
    request.timeout_ms = 100;
    kit_send(kit, 7, request);
    kit_send(kit, 7, kit_put(2, "b", "1"));
    kit_turn(kit);
    kit->now_ms += 100;
    sw_node_tick(kit->node);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_DEADLINE);
    kit_commit(1);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_DEADLINE); /* once, and not again */
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OK);       /* its neighbour is in place */
    kit_free(kit);
}

static void a_read_whose_deadline_passes_is_answered_once(void **state)
{
    struct kit *kit = kit_new();
    struct sw_request request = kit_named(SW_OP_GET, 1, "a");

    (void)state;
    kit_lead();
    request.timeout_ms = 100;
    kit_send(kit, 7, request); /* expires while it waits for its read point */
    kit_turn(kit);
    kit->now_ms += 100;
    sw_node_tick(kit->node);
    kit_reads_ready(SW_ERR_OK);
    request.id = 2; /* expires inside the applier */
    kit_send(kit, 7, request);
    kit_turn(kit);
    kit_reads_ready(SW_ERR_OK);
    kit->now_ms += 100;
    sw_node_tick(kit->node);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_DEADLINE);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_DEADLINE);
    assert_int_equal(kit->node->admission.in_flight, 0);
    kit_free(kit);
}

static void requests_without_a_deadline_get_the_default(void **state)
{
    struct kit *kit = kit_new_with((struct sw_node_limits){.timeout_ms_default = 50});

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit->now_ms += 50;
    sw_node_tick(kit->node);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_DEADLINE);
    kit_free(kit);
}

static void a_client_that_leaves_takes_nothing_with_it(void **state)
{
    struct kit *kit = kit_new();
    const struct sw_link_handler handler = sw_node_link_handler(kit->node);

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_send(kit, 8, kit_put(2, "b", "1"));
    kit_turn(kit);
    handler.client_gone(handler.arg, 7);
    handler.client_gone(handler.arg, 99);
    kit_settle(kit, 1);
    assert_int_equal(kit->reply_count, 1);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OK);
    kit_send(kit, 8, kit_named(SW_OP_GET, 3, "a"));
    kit_settle(kit, 2);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_OK); /* the write went on without its client */
    kit_free(kit);
}

static void leadership_is_handed_over_on_request(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_request(SW_OP_TRANSFER, 1));
    kit_note(kit);
    assert_int_equal(kit_group_now.transfers, 1);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_OK);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_names_the_leader),
        cmocka_unit_test(garbage_is_answered_and_harms_nothing),
        cmocka_unit_test(wrong_requests_say_what_is_wrong),
        cmocka_unit_test(a_client_without_the_right_is_refused),
        cmocka_unit_test(over_a_bound_is_refused_and_under_it_served_again),
        cmocka_unit_test(a_refused_ordered_write_holds_the_rest_of_its_message),
        cmocka_unit_test(a_deadline_that_passes_in_the_queue_means_not_done),
        cmocka_unit_test(a_deadline_that_passes_in_flight_means_unknown),
        cmocka_unit_test(a_read_whose_deadline_passes_is_answered_once),
        cmocka_unit_test(requests_without_a_deadline_get_the_default),
        cmocka_unit_test(a_client_that_leaves_takes_nothing_with_it),
        cmocka_unit_test(leadership_is_handed_over_on_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
