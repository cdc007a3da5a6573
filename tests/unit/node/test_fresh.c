/* A read of a replica that does not lead is no older than it may be, and says how old it is; a read
 * of a revision that is yet to come waits for it. */
#include "tests/unit/node/node_kit.h"

static struct sw_request get(uint64_t id, uint32_t max_age_ms, uint64_t min_revision)
{
    struct sw_request request = kit_named(SW_OP_GET, id, "k");

    request.timeout_ms = 4000;
    request.max_age_ms = max_age_ms;
    request.min_revision = min_revision;
    return request;
}

static struct kit *following(void)
{
    struct kit *kit = kit_new();

    kit_role(SW_ROLE_FOLLOWER, 1, 2);
    return kit;
}

/* Jobs and turns, so that what can be answered is. */
static void go(struct kit *kit)
{
    kit_turn(kit);
    kit_jobs(kit);
    kit_turn(kit);
}

static void without_an_age_the_leader_is_named(void **state)
{
    struct kit *kit = following();

    (void)state;
    kit_send(kit, 7, get(1, 0, 0));
    go(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_NOT_LEADER);
    assert_int_equal(kit_reply(kit, 1).leader, 2);
    kit_free(kit);
}

/* The age counts from the question, not from the answer; while it is young enough nobody asks. */
static void the_leader_is_asked_and_the_age_counts_from_there(void **state)
{
    struct kit *kit = following();

    (void)state;
    kit_send(kit, 7, get(1, 100, 0));
    go(kit);
    assert_int_equal(kit_group_now.read_count, 1);
    assert_int_equal(kit->reply_count, 0);
    kit->now_ms += 40;
    kit_reads_ready(SW_ERR_OK);
    go(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_NOT_FOUND);
    assert_in_range(kit_reply(kit, 1).age_ms, 40, 43);
    kit->now_ms += 40;
    kit_send(kit, 7, get(2, 100, 0));
    go(kit);
    assert_int_equal(kit_group_now.read_count, 0);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NOT_FOUND);
    assert_in_range(kit_reply(kit, 2).age_ms, 80, 84);
    kit->now_ms += 40;
    kit_send(kit, 7, get(3, 100, 0));
    go(kit);
    assert_int_equal(kit_group_now.read_count, 1); /* too old now: it asks again */
    kit_reads_ready(SW_ERR_OK);
    go(kit);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_NOT_FOUND);
    assert_in_range(kit_reply(kit, 3).age_ms, 1, 3);
    kit_free(kit);
}

static void an_answer_that_took_too_long_sends_the_reader_on(void **state)
{
    struct kit *kit = following();

    (void)state;
    kit_send(kit, 7, get(1, 10, 0));
    go(kit);
    kit->now_ms += 10;
    kit_reads_ready(SW_ERR_OK);
    go(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_NOT_LEADER);
    kit_send(kit, 7, get(2, 10, 0));
    go(kit);
    kit_reads_ready(SW_ERR_LEADERSHIP_LOST);
    go(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NOT_LEADER);
    kit_free(kit);
}

/* The applier may be slow: the age is the answer's, not the question's. */
static void a_slow_read_is_too_old_as_well(void **state)
{
    struct kit *kit = following();

    (void)state;
    kit_send(kit, 7, get(1, 20, 0));
    kit_turn(kit);
    kit_reads_ready(SW_ERR_OK);
    kit->now_ms += 30;
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_NOT_LEADER);
    kit_free(kit);
}

static void a_revision_that_is_to_come_is_waited_for(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, get(1, 0, 1));
    go(kit);
    assert_int_equal(kit_group_now.read_count, 0);
    kit_send(kit, 8, kit_put(2, "k", "v"));
    kit_settle(kit, kit_group_now.last_index + 1);
    go(kit);
    kit_reads_ready(SW_ERR_OK);
    go(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_OK);
    assert_int_equal(kit_reply(kit, 1).revision, 1);
    kit_free(kit);
}

static void it_is_not_waited_for_longer_than_the_deadline(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, get(1, 0, 9));
    go(kit);
    kit->now_ms += 4000;
    sw_node_tick(kit->node);
    go(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_DEADLINE);
    kit_send(kit, 7, get(2, 0, 9));
    go(kit);
    kit_role(SW_ROLE_FOLLOWER, 2, 2); /* the next leader may have it */
    go(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NOT_LEADER);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_age_the_leader_is_named),
        cmocka_unit_test(the_leader_is_asked_and_the_age_counts_from_there),
        cmocka_unit_test(an_answer_that_took_too_long_sends_the_reader_on),
        cmocka_unit_test(a_slow_read_is_too_old_as_well),
        cmocka_unit_test(a_revision_that_is_to_come_is_waited_for),
        cmocka_unit_test(it_is_not_waited_for_longer_than_the_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
