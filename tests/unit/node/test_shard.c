/* One group's traffic: who is told what about a write, whatever happens to its entry. */
#include "tests/unit/node/node_kit.h"

static void writes_of_one_turn_are_one_entry_and_each_gets_its_own_answer(void **state)
{
    struct kit *kit = kit_new();
    struct sw_entry_reader entry;

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_send(kit, 7, kit_named(SW_OP_DELETE, 2, "missing"));
    kit_send(kit, 8, kit_put(3, "b", "2"));
    assert_int_equal(kit_group_now.last_index, 0); /* nothing before the end of the turn */
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 1);
    assert_int_equal(sw_entry_open(sw_buf_span(&kit_group_now.bodies[1]), &entry), SW_ERR_OK);
    assert_int_equal(entry.count, 3);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 0); /* not committed, not answered */
    kit_commit(1);
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 0); /* committed, not executed */
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_OK);
    assert_true(kit_reply(kit, 1).revision > 0);
    assert_int_equal(kit_reply(kit, 1).conn, 7);
    assert_int_equal(kit_reply(kit, 2).value, 0);
    assert_int_equal(kit_reply(kit, 3).conn, 8);
    assert_int_equal(kit_reply(kit, 3).term, 2);
    assert_int_equal(kit_reply(kit, 1).message, kit_reply(kit, 2).message); /* packed */
    kit_free(kit);
}

static void the_same_index_with_another_term_is_an_unknown_outcome(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 0); /* it may still commit: nobody knows yet */
    kit_commit_other(1, 3);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_LEADERSHIP_LOST);
    assert_int_equal(sw_err_outcome(kit_reply(kit, 1).err), SW_OUTCOME_UNKNOWN);
    kit_free(kit);
}

/* The entry that took its place looks just like it: a retry that another leader proposed. */
static void a_twin_of_the_entry_under_another_term_is_an_unknown_outcome(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_group_now.terms[1] = 3;
    kit_commit(1);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_LEADERSHIP_LOST);
    kit_free(kit);
}

static void an_entry_that_commits_after_leadership_was_lost_is_answered_ok(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_commit(1);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_OK);
    kit_free(kit);
}

static void what_was_not_proposed_is_refused_as_not_done(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_group_now.in_flight_max = 1;
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit_send(kit, 7, kit_put(2, "b", "1"));
    kit_turn(kit); /* the group is busy: 2 stays in the queue */
    assert_int_equal(kit_group_now.last_index, 1);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NOT_LEADER);
    assert_int_equal(kit_reply(kit, 2).leader, 2);
    assert_int_equal(kit->reply_count, 1);
    kit_free(kit);
}

static void a_busy_group_gets_the_next_entry_when_one_commits(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_group_now.in_flight_max = 1;
    for (uint64_t id = 1; id <= 4; id++) {
        kit_send(kit, 7, kit_put(id, "a", "1"));
        kit_turn(kit);
    }
    assert_int_equal(kit_group_now.last_index, 1);
    kit_commit(1);
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 2); /* the other three together */
    kit_commit(2);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 4);
    assert_true(kit_reply(kit, 4).revision >= kit_reply(kit, 1).revision);
    kit_free(kit);
}

/* Three clients were answered together, so three are awaited, but not for ever. */
static void writes_that_are_likely_are_awaited(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    for (uint64_t id = 1; id <= 3; id++) {
        kit_send(kit, 7, kit_put(id, "a", "1"));
    }
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 1);
    kit->now_ms += 10; /* the entry took 10 ms */
    kit_commit(1);
    kit_jobs(kit);
    kit_turn(kit);
    kit_send(kit, 7, kit_put(4, "a", "1"));
    kit_send(kit, 7, kit_put(5, "a", "1"));
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 1);
    assert_int_equal(sw_node_wait_ms(kit->node), 1);
    kit_send(kit, 7, kit_put(6, "a", "1"));
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 2); /* all three */
    kit->now_ms += 10;
    kit_commit(2);
    kit_jobs(kit);
    kit_turn(kit);
    kit_send(kit, 7, kit_put(7, "a", "1"));
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 2);
    kit->now_ms += 1; /* the other two do not come */
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 3);
    kit_free(kit);
}

static void a_refused_proposal_is_not_done(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_group_now.propose_err = SW_ERR_NOT_LEADER; /* it fell, and its callback is still to come */
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    assert_int_equal(sw_err_outcome(kit_reply(kit, 1).err), SW_OUTCOME_NOT_DONE);
    kit_free(kit);
}

static void large_writes_are_spread_over_entries(void **state)
{
    struct kit *kit = kit_new();
    char *value = calloc(1, 100001);

    (void)state;
    assert_non_null(value);
    memset(value, 'x', 100000);
    kit_lead();
    for (uint64_t id = 1; id <= 5; id++) {
        kit_send(kit, 7, kit_put(id, "a", value));
    }
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 3); /* 2 + 2 + 1 within SW_ENTRY_BATCH_SIZE */
    for (uint64_t i = 1; i <= 3; i++) {
        assert_true(kit_group_now.bodies[i].size <= SW_ENTRY_BATCH_SIZE);
    }
    free(value);
    kit_free(kit);
}

static uint64_t time_of(uint64_t index)
{
    struct sw_entry_reader entry;

    assert_int_equal(sw_entry_open(sw_buf_span(&kit_group_now.bodies[index]), &entry), SW_ERR_OK);
    return entry.time_ms;
}

static void leader_time_never_goes_back(void **state)
{
    struct kit *kit = kit_new();
    struct sw_buf other = {0};

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    assert_int_equal(time_of(1), 1700000000000);
    kit->wall_ms -= 50000;
    kit_commit(1);
    kit_send(kit, 7, kit_put(2, "a", "2"));
    kit_turn(kit);
    assert_int_equal(time_of(2), 1700000000000);
    /* An entry of a leader whose clock runs ahead. */
    kit_commit(2);
    sw_write_bytes(&other, sw_buf_span(&kit_group_now.bodies[1]));
    sw_store_u64(other.data + 1, 1700000900000); /* the time, see node/entry.h */
    kit_group_now.config.handler.committed(
        kit_group_now.config.handler.arg, 3, 2, sw_buf_span(&other));
    kit_group_now.last_index = 3;
    kit_send(kit, 7, kit_put(3, "a", "3"));
    kit_turn(kit);
    assert_int_equal(time_of(4), 1700000900000);
    sw_buf_release(&other);
    kit_free(kit);
}

static void reads_wait_for_their_read_point_and_share_it(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_settle(kit, 1);
    kit_send(kit, 7, kit_named(SW_OP_GET, 2, "a"));
    kit_send(kit, 8, kit_named(SW_OP_GET, 3, "none"));
    kit_turn(kit);
    assert_int_equal(kit_group_now.read_count, 1);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 1); /* no answer before the read point */
    kit_reads_ready(SW_ERR_OK);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OK);
    assert_int_equal(kit_reply(kit, 2).record_count, 1);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_NOT_FOUND);
    kit_free(kit);
}

static void a_read_point_that_fails_is_told(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_named(SW_OP_GET, 1, "a"));
    kit_turn(kit);
    kit_reads_ready(SW_ERR_LEADERSHIP_LOST);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_LEADERSHIP_LOST);
    kit_send(kit, 7, kit_named(SW_OP_GET, 2, "a"));
    kit_turn(kit);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_reads_ready(SW_ERR_NOT_LEADER);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_NOT_LEADER);
    kit_free(kit);
}

/* The leader has its note of what this node asked it for. */
static void hear_noted(struct kit *kit, uint64_t number)
{
    const struct sw_link_handler handler = sw_node_link_handler(kit->node);
    struct sw_buf message = {0};

    sw_write_u8(&message, SW_NODE_NOTED);
    sw_write_u32(&message, 1);
    sw_write_u64(&message, number);
    sw_write_u16(&message, SW_ERR_OK);
    handler.peer_message(handler.arg, (struct sw_node_id){2}, sw_buf_span(&message));
    sw_buf_release(&message);
}

static void a_snapshot_is_told_to_the_group_and_to_who_asked(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_settle(kit, 1);
    kit_send(kit, 7, kit_request(SW_OP_SNAPSHOT, 2));
    kit_note(kit);
    assert_int_equal(kit_group_now.snapshot_requests, 1);
    kit_group_now.config.handler.snapshot_wanted(kit_group_now.config.handler.arg);
    assert_int_equal(kit_group_now.snapshot_done, 0); /* never inside the call */
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_group_now.snapshot_done, 1);
    assert_int_equal(kit_group_now.snapshot_err, SW_ERR_OK);
    assert_int_equal(kit_group_now.snapshot.index, 2);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_OK);
    assert_int_equal(kit_reply(kit, 2).value, 2);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_send(kit, 7, kit_request(SW_OP_SNAPSHOT, 3)); /* nothing came since: it stands */
    hear_noted(kit, 1);
    kit_turn(kit);
    assert_int_equal(kit_group_now.snapshot_requests, 1);
    assert_int_equal(kit_reply(kit, 3).err, SW_ERR_OK);
    assert_int_equal(kit_reply(kit, 3).value, 2);
    kit_free(kit);
}

/* --- the clock of leases ---------------------------------------------------------------------- */

static struct sw_request lease_grant(uint64_t id, uint32_t ttl_ms)
{
    struct sw_request request = kit_named(SW_OP_LEASE_GRANT, id, "");

    request.limit = ttl_ms;
    return request;
}

/* The `number`-th command of the entry at `index`. */
static struct sw_request command_at(uint64_t index, uint32_t number)
{
    struct sw_entry_reader entry;
    struct sw_request command = {0};
    struct sw_author author;
    struct sw_span bytes;

    assert_int_equal(sw_entry_open(sw_buf_span(&kit_group_now.bodies[index]), &entry), SW_ERR_OK);
    assert_true(number < entry.count);
    for (uint32_t i = 0; i <= number; i++) {
        assert_int_equal(sw_entry_next(&entry, &author, &bytes), SW_ERR_OK);
    }
    assert_int_equal(sw_command_decode(bytes, &command), SW_ERR_OK);
    return command;
}

/* A new leader has executed an entry of its term. */
static struct kit *led_and_ready(void)
{
    struct kit *kit = kit_new();

    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_settle(kit, 1);
    return kit;
}

/* The tick stands before the first command that counts from it, and takes nobody's answer. Leases
 * have the first turn, whatever came before them. */
static void a_grant_is_executed_behind_a_tick(void **state)
{
    struct kit *kit = led_and_ready();

    (void)state;
    kit->now_ms += 5000;
    kit_send(kit, 7, kit_put(2, "a", "2"));
    kit_send(kit, 7, lease_grant(3, 500));
    kit_send(kit, 7, kit_put(4, "a", "3"));
    kit_settle(kit, 2);
    assert_int_equal(command_at(2, 0).op, SW_OP_TICK);
    assert_int_equal(command_at(2, 0).expected, 5000);
    assert_int_equal(command_at(2, 1).op, SW_OP_LEASE_GRANT);
    assert_int_equal(command_at(2, 2).op, SW_OP_PUT);
    assert_int_equal(kit_reply(kit, 2).revision, 3);
    assert_int_equal(kit_reply(kit, 3).value, 2);
    assert_int_equal(kit_reply(kit, 4).revision, 4);
    kit_free(kit);
}

static void an_idle_leader_ticks_when_a_lease_is_due(void **state)
{
    struct kit *kit = led_and_ready();

    (void)state;
    kit->now_ms += 10;
    kit_send(kit, 7, lease_grant(2, 500));
    kit_settle(kit, 2);
    kit->wall_ms += 3600000; /* changes nothing */
    kit->now_ms += 499;
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 2);
    kit->now_ms += 1;
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 3);
    assert_int_equal(command_at(3, 0).op, SW_OP_TICK);
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 3); /* one at a time */
    kit_commit(3);
    kit_jobs(kit);
    kit_turn(kit);
    kit->now_ms += 1000;
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 3); /* nothing is due any more */
    kit_free(kit);
}

/* Before that, ticks of earlier leaders may still be on their way. */
static void a_new_leader_does_not_tick_before_its_own_term_is_executed(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, lease_grant(1, 500));
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 0);
    kit_commit_other(1, 2); /* the barrier of its term */
    kit_group_now.last_index = 1;
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_group_now.last_index, 2);
    assert_int_equal(command_at(2, 0).op, SW_OP_TICK);
    kit_free(kit);
}

static void a_tick_of_a_client_is_refused(void **state)
{
    struct kit *kit = led_and_ready();
    struct sw_request tick = kit_request(SW_OP_TICK, 2);

    (void)state;
    tick.expected = 1;
    kit_send(kit, 7, tick);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_UNSUPPORTED);
    kit_free(kit);
}

/* A follower's entries come as fast as its leader sends; what the applier does not take stays in
 * the log. */
static void entries_are_taken_as_the_applier_gets_through_them(void **state)
{
    struct kit *kit = kit_new_with((struct sw_node_limits){.applier_pending_max = 20});
    struct sw_node_status status;
    char why[SW_WHY_SIZE];

    (void)state;
    kit_role(SW_ROLE_FOLLOWER, 2, 2);
    for (uint64_t i = 1; i <= SW_APPLY_ENTRY_COUNT_MAX; i++) {
        assert_true(kit_may_commit());
        kit_commit_other(i, 2);
    }
    assert_false(kit_may_commit());
    kit_group_now.commit_index = 2000;
    sw_node_status(kit->node, &status);
    assert_int_equal(status.apply_backlog, 2000);
    assert_false(sw_node_ready(kit->node, why));
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_OVERLOADED); /* what waits in the log counts */
    assert_true(kit_job(kit));
    assert_true(kit_may_commit());
    kit_jobs(kit);
    sw_node_status(kit->node, &status);
    assert_int_equal(status.apply_backlog, 2000 - SW_APPLY_ENTRY_COUNT_MAX);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_taken_as_the_applier_gets_through_them),
        cmocka_unit_test(writes_of_one_turn_are_one_entry_and_each_gets_its_own_answer),
        cmocka_unit_test(the_same_index_with_another_term_is_an_unknown_outcome),
        cmocka_unit_test(a_twin_of_the_entry_under_another_term_is_an_unknown_outcome),
        cmocka_unit_test(an_entry_that_commits_after_leadership_was_lost_is_answered_ok),
        cmocka_unit_test(what_was_not_proposed_is_refused_as_not_done),
        cmocka_unit_test(a_busy_group_gets_the_next_entry_when_one_commits),
        cmocka_unit_test(writes_that_are_likely_are_awaited),
        cmocka_unit_test(a_refused_proposal_is_not_done),
        cmocka_unit_test(large_writes_are_spread_over_entries),
        cmocka_unit_test(leader_time_never_goes_back),
        cmocka_unit_test(reads_wait_for_their_read_point_and_share_it),
        cmocka_unit_test(a_read_point_that_fails_is_told),
        cmocka_unit_test(a_snapshot_is_told_to_the_group_and_to_who_asked),
        cmocka_unit_test(a_grant_is_executed_behind_a_tick),
        cmocka_unit_test(an_idle_leader_ticks_when_a_lease_is_due),
        cmocka_unit_test(a_new_leader_does_not_tick_before_its_own_term_is_executed),
        cmocka_unit_test(a_tick_of_a_client_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
