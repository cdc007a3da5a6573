/* A node's life: start, stop in order, restart, crash at any moment. */
#include "tests/unit/node/node_kit.h"

static void finish_stop(struct kit *kit)
{
    assert_non_null(kit_group_now.stop_done);
    kit_group_now.stop_done(kit_group_now.stop_arg);
    kit_jobs(kit);
    assert_int_equal(kit->stopped, 1);
    assert_false(kit->store->ops->dirty(kit->store));
}

static void a_stop_hands_over_answers_and_flushes(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    sw_node_stop(kit->node);
    assert_int_equal(kit_group_now.transfers, 1);
    kit_send(kit, 7, kit_put(2, "b", "1"));
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_SHUTTING_DOWN);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    kit_turn(kit);
    assert_null(kit_group_now.stop_done); /* 1 is still under way */
    kit_commit(1);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_OK);
    kit_jobs(kit); /* the flush */
    kit_turn(kit);
    assert_false(kit->store->ops->dirty(kit->store));
    finish_stop(kit);
    kit_free(kit);
}

static void a_stop_that_cannot_drain_ends_in_time(void **state)
{
    struct kit *kit = kit_new_with((struct sw_node_limits){.drain_ms_max = 300});

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit_group_now.in_flight_max = 1;
    kit_send(kit, 7, kit_put(2, "a", "1"));
    kit_turn(kit);
    sw_node_stop(kit->node);
    kit_jobs(kit);
    kit_turn(kit);
    assert_null(kit_group_now.stop_done);
    kit->now_ms += 300;
    sw_node_tick(kit->node);
    kit_turn(kit);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_reply(kit, 1).err, SW_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(kit_reply(kit, 2).err, SW_ERR_SHUTTING_DOWN);
    finish_stop(kit);
    kit_free(kit);
}

/* A group commits until it has stopped; a transaction must not outlive the thread it began on. */
static void what_commits_during_a_stop_is_durable_too(void **state)
{
    struct kit *kit = kit_new_with((struct sw_node_limits){.drain_ms_max = 300});

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    sw_node_stop(kit->node);
    kit->now_ms += 300;
    kit_turn(kit); /* the first flush is on its way */
    kit_commit(1);
    kit_jobs(kit);
    assert_true(kit->store->ops->dirty(kit->store));
    kit_turn(kit);
    finish_stop(kit);
    kit_free(kit);
}

/* Its next start executes them from the log. */
static void a_stop_leaves_what_was_not_handed_over(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_role(SW_ROLE_FOLLOWER, 1, 2);
    kit_turn(kit);
    kit_group_now.commit_index = 1000;
    assert_true(kit_may_commit());
    sw_node_stop(kit->node);
    assert_true(kit_may_commit()); /* somebody may wait for its answer */
    kit_turn(kit);
    assert_false(kit_may_commit());
    kit_jobs(kit);
    kit_turn(kit);
    assert_false(kit_may_commit());
    finish_stop(kit);
    kit_free(kit);
}

/* Found by failing each sync of a node that stops: it said that its state was on disk. */
static void a_stop_whose_last_flush_fails_is_no_stop(void **state)
{
    struct kit *kit = kit_new_with((struct sw_node_limits){.drain_ms_max = 300});

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    sw_node_stop(kit->node);
    kit->now_ms += 300;
    kit_turn(kit);
    kit_commit(1);
    kit_jobs(kit);
    kit_turn(kit);
    assert_non_null(kit_group_now.stop_done);
    sw_store_mem_fail_next_commit(kit->store);
    kit_group_now.stop_done(kit_group_now.stop_arg);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit->fatal, SW_ERR_IO);
    assert_int_equal(kit->stopped, 0);
    kit_free(kit);
}

/* Found by node seed 802185: each STATUS started a look at the state, and a stop waits for the look
 * that is under way. */
static void a_stop_ends_whoever_asks_how_it_goes(void **state)
{
    enum { TURNS = 8 };
    struct kit *kit = kit_new();

    (void)state;
    kit_role(SW_ROLE_FOLLOWER, 1, 2);
    sw_node_stop(kit->node);
    for (uint64_t turn = 1; turn <= TURNS && kit_group_now.stop_done == NULL; turn++) {
        kit_jobs(kit);
        kit->now_ms += 1000; /* a look is due in each turn, too */
        kit_send(kit, 7, kit_request(SW_OP_STATUS, turn));
        kit_turn(kit);
        if (turn > 1) {
            assert_non_null(strstr(kit_reply(kit, turn).detail, "\"ready\":false"));
        }
    }
    assert_non_null(strstr(kit_reply(kit, 1).detail, "\"ready\":false"));
    finish_stop(kit);
    kit_free(kit);
}

static void leadership_that_comes_while_draining_is_handed_on(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit_role(SW_ROLE_FOLLOWER, 3, 2);
    sw_node_stop(kit->node);
    assert_int_equal(kit_group_now.transfers, 0);
    kit_role(SW_ROLE_LEADER, 4, 1);
    sw_node_tick(kit->node);
    assert_int_equal(kit_group_now.transfers, 1);
    kit_free(kit);
}

static void a_follower_stops_at_once(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_role(SW_ROLE_FOLLOWER, 1, 2);
    sw_node_stop(kit->node);
    sw_node_stop(kit->node); /* twice is once */
    kit_turn(kit);
    kit_jobs(kit);
    kit_turn(kit);
    assert_int_equal(kit_group_now.transfers, 0);
    finish_stop(kit);
    kit_free(kit);
}

/* Whatever is under way when a node dies, freeing it leaks nothing and touches nothing. */
static void a_crash_at_any_step_is_clean(void **state)
{
    (void)state;
    for (int step = 0; step < 8; step++) {
        struct kit *kit = kit_new();

        kit_lead();
        kit_send(kit, 7, kit_put(1, "a", "1"));
        kit_send(kit, 7, kit_named(SW_OP_GET, 2, "a"));
        kit_send(kit, 7, kit_request(SW_OP_STATUS, 3));
        kit_send(kit, 7, kit_request(SW_OP_SNAPSHOT, 4));
        for (int done = 0; done < step; done++) {
            switch (done) {
            case 0:
                kit_turn(kit);
                break;
            case 1:
                kit_commit(1);
                break;
            case 2:
                kit_reads_ready(SW_ERR_OK);
                break;
            case 3:
                kit_group_now.config.handler.snapshot_wanted(kit_group_now.config.handler.arg);
                break;
            default:
                (void)kit_job(kit);
                break;
            }
        }
        sw_node_crash(kit->node);
        kit->reply_count = 0;
        kit_jobs(kit);
        kit_turn(kit);
        sw_node_tick(kit->node);
        assert_int_equal(kit->reply_count, 0); /* the dead say nothing */
        kit_free(kit);
    }
}

static void a_restart_goes_on_from_the_store(void **state)
{
    struct kit *kit = kit_new();
    struct sw_node_status status;

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_settle(kit, 1);
    sw__shard_flush(kit->node->shards[0], SW__FLUSH_SNAPSHOT);
    kit_jobs(kit);
    sw_node_crash(kit->node);
    kit_jobs(kit);
    sw_node_free(kit->node);
    kit_group_release();
    kit_open_node(kit);
    assert_int_equal(kit_group_now.config.applied, 1);
    sw_node_status(kit->node, &status);
    assert_int_equal(status.applied_index, 1);
    assert_true(status.digest != 0);
    kit_free(kit);
}

static void fatal_is_told_once_and_ends_all_answers(void **state)
{
    struct kit *kit = kit_new();

    (void)state;
    kit_lead();
    kit_send(kit, 7, kit_put(1, "a", "1"));
    kit_turn(kit);
    kit_commit(1);
    sw_store_mem_fail_next_commit(kit->store);
    kit_group_now.config.handler.snapshot_wanted(kit_group_now.config.handler.arg);
    kit_jobs(kit);
    assert_int_equal(kit->fatal, SW_ERR_IO);
    kit->reply_count = 0;
    kit_send(kit, 7, kit_put(2, "a", "1"));
    kit_turn(kit);
    assert_int_equal(kit->reply_count, 0);
    kit_free(kit);
}

static void members_are_checked(void **state)
{
    struct kit *kit = kit_new();
    struct sw_node_config config = kit->node->config;
    const struct sw_node_member other = {.id = {9}, .peer_address = "x:1", .client_address = "x:2"};
    struct sw_node *node = NULL;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    config.members = &other;
    config.member_count = 1;
    assert_int_equal(sw_node_new(&config, &node, why), SW_ERR_CONFIG);
    assert_non_null(strstr(why, "not among"));
    config.member_count = 0;
    assert_int_equal(sw_node_new(&config, &node, why), SW_ERR_CONFIG);
    config.member_count = SW_NODE_COUNT_MAX + 1;
    assert_int_equal(sw_node_new(&config, &node, why), SW_ERR_CONFIG);
    assert_null(node);
    kit_free(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_hands_over_answers_and_flushes),
        cmocka_unit_test(a_stop_that_cannot_drain_ends_in_time),
        cmocka_unit_test(what_commits_during_a_stop_is_durable_too),
        cmocka_unit_test(a_stop_leaves_what_was_not_handed_over),
        cmocka_unit_test(a_stop_whose_last_flush_fails_is_no_stop),
        cmocka_unit_test(a_stop_ends_whoever_asks_how_it_goes),
        cmocka_unit_test(leadership_that_comes_while_draining_is_handed_on),
        cmocka_unit_test(a_follower_stops_at_once),
        cmocka_unit_test(a_crash_at_any_step_is_clean),
        cmocka_unit_test(a_restart_goes_on_from_the_store),
        cmocka_unit_test(fatal_is_told_once_and_ends_all_answers),
        cmocka_unit_test(members_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
