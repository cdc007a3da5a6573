/* Watchers wait for news, hear of it at once, and are told before their deadline that there is
 * none. */
#include "tests/unit/node/node_kit.h"

static struct sw_request watch(uint64_t id, const char *key, uint64_t after)
{
    struct sw_request request = kit_named(SW_OP_WATCH, id, key);

    request.expected = after;
    request.timeout_ms = 4000;
    return request;
}

static struct kit *led(void)
{
    struct kit *kit = kit_new();

    kit_lead();
    return kit;
}

static void put(struct kit *kit, uint64_t id, const char *key)
{
    kit_send(kit, 7, kit_put(id, key, "v"));
    kit_settle(kit, kit_group_now.last_index + 1);
}

static void what_happened_is_told_at_once(void **state)
{
    struct kit *kit = led();

    (void)state;
    put(kit, 1, "a");
    kit_send(kit, 8, watch(2, "a", 0));
    kit_settle(kit, 2);
    assert_int_equal(kit_reply(kit, 2).record_count, 1);
    assert_int_equal(kit_reply(kit, 2).revision, 1);
    kit_free(kit);
}

static void what_is_to_come_is_waited_for(void **state)
{
    struct kit *kit = led();

    (void)state;
    put(kit, 1, "a");
    kit_send(kit, 8, watch(2, "b", 1));
    kit_settle(kit, 2);
    assert_int_equal(kit->reply_count, 1);
    put(kit, 3, "a"); /* none of its keys: it looks and waits on */
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 2);
    put(kit, 4, "b");
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OK);
    assert_int_equal(kit_reply(kit, 2).record_count, 1);
    assert_int_equal(kit_reply(kit, 2).revision, 3);
    kit_free(kit);
}

/* Before the client gives up it hears how far it is, so its next watch starts there. */
static void without_news_the_answer_says_how_far(void **state)
{
    struct kit *kit = led();

    (void)state;
    kit_send(kit, 8, watch(2, "b", 0));
    kit_settle(kit, 1);
    put(kit, 1, "a");
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 1);
    kit->now_ms += 2999;
    sw_node_tick(kit->node);
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 1);
    kit->now_ms += 1;
    sw_node_tick(kit->node);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OK);
    assert_int_equal(kit_reply(kit, 2).record_count, 0);
    assert_int_equal(kit_reply(kit, 2).revision, 1);
    kit_free(kit);
}

/* A watch of one key does not look when another was changed, and is as far as if it had. */
static void one_key_looks_only_when_it_may_be_its(void **state)
{
    struct kit *kit = led();
    struct sw_request alone = watch(2, "b", 0);

    (void)state;
    alone.end_key = sw_span_of("b", 2);
    kit_send(kit, 8, alone);
    kit_settle(kit, 1);
    put(kit, 1, "a");
    kit_turn(kit);
    assert_int_equal(kit->node->shards[0]->watching.count, 1); /* it is not looking */
    assert_int_equal(kit->node->shards[0]->watching.first->checked, 1);
    assert_int_equal(kit->node->shards[0]->watched_revision, 1);
    put(kit, 3, "b");
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).record_count, 1);
    assert_int_equal(kit_reply(kit, 2).revision, 2);
    kit_free(kit);
}

static void losing_the_lead_sends_watchers_on(void **state)
{
    struct kit *kit = led();

    (void)state;
    kit_send(kit, 8, watch(2, "b", 0));
    kit_settle(kit, 1);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NOT_LEADER);
    kit_free(kit);
}

static void a_stop_does_not_wait_for_watchers(void **state)
{
    struct kit *kit = led();

    (void)state;
    kit_send(kit, 8, watch(2, "b", 0));
    kit_settle(kit, 1);
    sw_node_stop(kit->node);
    kit_turn(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_SHUTTING_DOWN);
    kit_free(kit);
}

/* More than one turn wakes: all of them hear of it. */
static void many_watchers_hear_of_one_change(void **state)
{
    enum { COUNT = 600 };
    struct kit *kit = led();

    (void)state;
    for (uint64_t i = 0; i < COUNT; i++) {
        kit_send(kit, 8, watch(100 + i, "b", 0));
    }
    kit_settle(kit, 1);
    assert_int_equal(kit->reply_count, 0);
    put(kit, 1, "b");
    for (int i = 0; i < 4; i++) {
        kit_jobs(kit);
        kit_turn(kit);
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(kit_reply(kit, 100 + i).record_count, 1);
    }
    kit_free(kit);
}

/* Else who comes, watches and goes again and again fills the node for minutes. */
static void watches_of_a_client_that_left_hold_no_place(void **state)
{
    struct kit *kit = led();
    const struct sw_link_handler handler = sw_node_link_handler(kit->node);

    (void)state;
    kit_send(kit, 8, watch(2, "b", 0));
    kit_send(kit, 9, watch(3, "b", 0));
    kit_settle(kit, 1);
    assert_int_equal(kit->node->admission.in_flight, 2);
    handler.client_gone(handler.arg, 8);
    assert_int_equal(kit->node->admission.in_flight, 1);
    kit_send(kit, 8, watch(4, "b", 0));
    kit_turn(kit);
    handler.client_gone(handler.arg, 8); /* while it looks */
    kit_settle(kit, 1);
    assert_int_equal(kit->node->admission.in_flight, 1);
    put(kit, 1, "b");
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 3).record_count, 1);
    assert_int_equal(kit->node->admission.in_flight, 0);
    assert_int_equal(kit->node->admission.reading_size, 0);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happened_is_told_at_once),
        cmocka_unit_test(what_is_to_come_is_waited_for),
        cmocka_unit_test(without_news_the_answer_says_how_far),
        cmocka_unit_test(one_key_looks_only_when_it_may_be_its),
        cmocka_unit_test(losing_the_lead_sends_watchers_on),
        cmocka_unit_test(a_stop_does_not_wait_for_watchers),
        cmocka_unit_test(many_watchers_hear_of_one_change),
        cmocka_unit_test(watches_of_a_client_that_left_hold_no_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
