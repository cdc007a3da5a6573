/* Who a client is for the leader: by its node's own settings, by an identity, or nobody. */
#include <stdio.h>

#include "tests/unit/node/node_kit.h"
#include "transport/crypto_sodium.h"
#include "transport/setting.h"

static const uint8_t kit_key[32] = {9}; /* of every client of the kit */

static struct sw_request identity(enum sw_op op, uint64_t id, const char *name)
{
    struct sw_request request = kit_request(op, id);

    request.partition = sw_span_str("identity");
    request.key = sw_span_str(name);
    return request;
}

/* An administrator gives the kit's key the rights of `line`. */
static void give(struct kit *kit, uint64_t index, const char *line)
{
    struct sw_request put = identity(SW_OP_SETTING_PUT, 100 + index, "alice");
    uint8_t id[SW_IDENTITY_ID_SIZE];
    char text[128] = "id=";

    sw_crypto_digest(sw_span_of(kit_key, sizeof kit_key), sw_span_of(NULL, 0), id, sizeof id);
    for (size_t i = 0; i < sizeof id; i++) {
        (void)snprintf(text + 3 + 2 * i, 3, "%02x", (unsigned)id[i]);
    }
    (void)snprintf(text + 35, sizeof text - 35, "\n%s\n", line);
    put.value = sw_span_str(text);
    kit->rights = KIT_ALLOW_ALL;
    kit_send(kit, 7, put);
    kit_settle(kit, index);
    assert_int_equal(kit_reply(kit, 100 + index).err, SW_ERR_OK);
    kit->rights = KIT_ALLOW_NOTHING;
}

static void an_identity_may_what_its_rights_say(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    assert_false(sw_node_admits(kit->node, kit_key));
    give(kit, 1, "right=rw t n");
    assert_true(sw_node_admits(kit->node, kit_key));
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_settle(kit, 2);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_OK);
    kit_send(kit, 7, kit_named(SW_OP_GET, 2, "a"));
    kit_settle(kit, 3);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OK);
    kit_send(kit, 7, identity(SW_OP_SETTING_DELETE, 3, "alice"));
    kit_send(kit, 7, kit_request(SW_OP_TRANSFER, 4));
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_reply(kit, 4).err, SW_ERR_UNAUTHORIZED);
    kit_free(kit);
}

static void nobody_is_refused_before_the_log(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_settle(kit, 1);
    kit->rights = KIT_ALLOW_NOTHING;
    kit_send(kit, 7, kit_put(2, "a", "2"));
    kit_send(kit, 7, kit_named(SW_OP_GET, 3, "a"));
    kit_send(kit, 7, kit_request(SW_OP_STATUS, 4));
    kit_turn(kit);
    for (uint64_t id = 2; id <= 4; id++) {
        assert_int_equal(kit_reply(kit, id).err, SW_ERR_UNAUTHORIZED);
    }
    assert_int_equal(kit_group_now.last_index, 2); /* the note that says so */
    kit_free(kit);
}

/* Its identity may stand in the part of the log that is not executed yet. */
static void a_leader_that_may_not_know_yet_says_so(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit->rights = KIT_ALLOW_NOTHING;
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_NO_LEADER);
    kit_free(kit);
}

/* The read was taken while it had the right; what counts is the moment of the read. */
static void a_right_that_is_gone_at_the_read_point_is_gone(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    give(kit, 1, "right=r t");
    kit_send(kit, 7, kit_named(SW_OP_GET, 1, "a"));
    kit->rights = KIT_ALLOW_ALL;
    kit_send(kit, 8, identity(SW_OP_SETTING_DELETE, 2, "alice"));
    kit->rights = KIT_ALLOW_NOTHING;
    kit_settle(kit, 2);
    assert_int_equal(kit_reply(kit, 2).value, 1);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_UNAUTHORIZED);
    assert_false(sw_node_admits(kit->node, kit_key));
    kit_free(kit);
}

static void a_watch_that_waits_ends_with_the_right(void **state)
{
    struct kit *kit = kit_new();
    struct sw_request watch = kit_named(SW_OP_WATCH, 1, "a");

    (void)state;
    kit_lead();
    give(kit, 1, "right=r t");
    watch.expected = 1;
    kit_send(kit, 7, watch);
    kit_settle(kit, 2);
    assert_int_equal(kit->reply_count, 1); /* the administrator's: the watch waits */
    kit->rights = KIT_ALLOW_ALL;
    kit_send(kit, 8, identity(SW_OP_SETTING_DELETE, 2, "alice"));
    kit_settle(kit, 2);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_UNAUTHORIZED);
    kit_free(kit);
}

static void a_key_that_the_file_lets_read_reads_data_alone(void **state)
{
    struct kit *kit = kit_new();
    struct sw_request scan = kit_named(SW_OP_SCAN, 3, "");

    (void)state;
    kit_lead();
    give(kit, 1, "right=rwa *");
    kit->rights = KIT_ALLOW_READ;
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_send(kit, 7, kit_named(SW_OP_GET, 2, "a"));
    scan.tenant = sw_span_str(SW_SYSTEM_TENANT);
    kit_send(kit, 7, scan);
    kit_settle(kit, 2);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_UNAUTHORIZED);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NOT_FOUND);
    kit_free(kit);
}

static struct sw_request quota(uint64_t id, const char *text)
{
    struct sw_request put = kit_request(SW_OP_SETTING_PUT, id);

    put.partition = sw_span_str("quota");
    put.key = sw_span_str("t");
    put.value = sw_span_str(text);
    return put;
}

static void a_quota_of_rate_is_refused_before_the_log(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, quota(1, "ops_per_second=1"));
    kit_settle(kit, 1);
    kit_send(kit, 7, kit_put(2, "a", "1"));
    kit_send(kit, 7, kit_put(3, "a", "2"));
    kit_settle(kit, 2);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OK);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_OVERLOADED);
    kit->now_ms += 1000;
    kit_send(kit, 7, kit_put(4, "a", "3"));
    kit_settle(kit, 3);
    assert_int_equal(kit_reply(kit, 4).err, SW_ERR_OK);
    kit_free(kit);
}

static void who_is_answered_is_not_in_flight(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, quota(1, "in_flight=1"));
    kit_settle(kit, 1);
    kit_send(kit, 7, kit_put(2, "a", "1"));
    kit_send(kit, 7, kit_put(3, "a", "2"));
    kit_settle(kit, 2);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_OVERLOADED);
    kit_send(kit, 7, kit_put(4, "a", "3"));
    kit_settle(kit, 3);
    assert_int_equal(kit_reply(kit, 4).err, SW_ERR_OK);
    kit_send(kit, 7, kit_put(5, "a", "4"));
    kit_turn(kit);
    kit_free(kit); /* with one inside */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_may_what_its_rights_say),
        cmocka_unit_test(nobody_is_refused_before_the_log),
        cmocka_unit_test(a_leader_that_may_not_know_yet_says_so),
        cmocka_unit_test(a_right_that_is_gone_at_the_read_point_is_gone),
        cmocka_unit_test(a_watch_that_waits_ends_with_the_right),
        cmocka_unit_test(a_key_that_the_file_lets_read_reads_data_alone),
        cmocka_unit_test(a_quota_of_rate_is_refused_before_the_log),
        cmocka_unit_test(who_is_answered_is_not_in_flight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
