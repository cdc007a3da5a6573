/* Goal: members come, are promoted, demoted and go, one at a time, and only when that is safe; what
 * is refused says why. One group on a world that stands still; the others are played by messages.
 * Many nodes together: tests/sim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "raft/group_private.h"
#include "raft/wire.h"
#include "tests/unit/raft/fake_world.h"

struct bench {
    struct fake_world world;
    struct sw_group *group;
    char why[SW_WHY_SIZE];
    enum sw_role role;
    uint32_t told; /* members_changed */
    uint32_t done;
    enum sw_err err;
    uint32_t stopped;
};

static void on_committed(void *arg, uint64_t index, uint64_t term, struct sw_span body)
{
    (void)arg;
    (void)index;
    (void)term;
    (void)body;
}

static void on_role(void *arg, enum sw_role role, uint64_t term, struct sw_node_id leader)
{
    (void)term;
    (void)leader;
    ((struct bench *)arg)->role = role;
}

static void on_members(void *arg)
{
    ((struct bench *)arg)->told++;
}

static void on_done(void *arg, enum sw_err err)
{
    struct bench *bench = arg;

    bench->done++;
    bench->err = err;
}

static void on_stopped(void *arg)
{
    ((struct bench *)arg)->stopped++;
}

static enum sw_err open_group(struct bench *bench, uint32_t members, bool join)
{
    static const struct sw_group_member all[] = {{{1}, "a:1"}, {{2}, "b:1"}, {{3}, "c:1"}};
    const struct sw_group_config config = {.id = {1},
                                           .self = {1},
                                           .members = all,
                                           .member_count = members,
                                           .tuning = {.election_timeout_ms = 300,
                                                      .heartbeat_ms = 50,
                                                      .snapshot_bytes = 1 << 20,
                                                      .snapshot_trailing = 2,
                                                      .install_timeout_ms = 1000},
                                           .join = join,
                                           .env = &bench->world.env,
                                           .wal = &bench->world.wal,
                                           .link = &bench->world.link,
                                           .handler = {.arg = bench,
                                                       .committed = on_committed,
                                                       .role_changed = on_role,
                                                       .members_changed = on_members}};

    return sw_group_new(&config, &bench->group, bench->why);
}

static void settle(struct bench *bench)
{
    do {
        sw_group_turn_end(bench->group);
    } while (fake_wal_step(&bench->world));
    sw_group_turn_end(bench->group);
}

static void open_alone(struct bench *bench)
{
    *bench = (struct bench){0};
    fake_init(&bench->world);
    assert_int_equal(open_group(bench, 1, false), SW_ERR_OK);
    settle(bench);
    assert_int_equal(bench->role, SW_ROLE_LEADER);
}

static void close_bench(struct bench *bench)
{
    sw_group_stop(bench->group, on_stopped, bench);
    while (fake_wal_step(&bench->world)) {
    }
    assert_int_equal(bench->stopped, 1);
    fake_release(&bench->world);
}

static enum sw_err
change(struct bench *bench, enum sw_group_change_kind kind, uint64_t node, const char *address)
{
    const struct sw_group_change wanted = {.kind = kind,
                                           .node = {node},
                                           .address = kind == SW_GROUP_REMOVE ? NULL : address,
                                           .own_address = kind == SW_GROUP_REMOVE ? address : NULL};

    bench->done = 0;
    bench->why[0] = '\0';
    return sw_group_change(bench->group, &wanted, on_done, bench, bench->why);
}

/* -1: it is not a member. */
static int role_of(const struct bench *bench, uint64_t node)
{
    struct sw_group_peer peers[SW_NODE_COUNT_MAX];
    const uint32_t count = sw_group_members(bench->group, peers);

    for (uint32_t i = 0; i < count; i++) {
        if (peers[i].node.value == node) {
            return (int)peers[i].role;
        }
    }
    return -1;
}

/* Node `from` says that it holds the log up to its end. */
static void acknowledge(struct bench *bench, uint64_t from)
{
    struct sw_group_status status;
    struct raft_message result = {.type = RAFT_IO_APPEND_ENTRIES_RESULT};
    struct sw_buf bytes = {0};

    sw_group_status(bench->group, &status);
    result.append_entries_result.term = status.term;
    result.append_entries_result.last_log_index = status.last_index;
    sw_wire_encode((struct sw_group_id){1}, &result, &bytes);
    sw_group_receive(bench->group, (struct sw_node_id){from}, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
    settle(bench);
}

static void add(struct bench *bench, uint64_t node, const char *address)
{
    assert_int_equal(change(bench, SW_GROUP_ADD, node, address), SW_ERR_OK);
    settle(bench);
}

/* A group of 1 and 2, both voters. */
static void open_pair(struct bench *bench)
{
    open_alone(bench);
    add(bench, 2, "b:1");
    acknowledge(bench, 2);
    assert_int_equal(change(bench, SW_GROUP_PROMOTE, 2, NULL), SW_ERR_OK);
    settle(bench);
    assert_int_equal(bench->done, 0); /* two voters: the quorum needs node 2 */
    acknowledge(bench, 2);
    assert_int_equal(bench->done, 1);
    assert_int_equal(role_of(bench, 2), SW_MEMBER_VOTER);
}

static void a_member_is_added_as_a_learner(void **state)
{
    struct bench bench;

    (void)state;
    open_alone(&bench);
    bench.told = 0;
    assert_int_equal(change(&bench, SW_GROUP_ADD, 2, "b:1"), SW_ERR_OK);
    assert_int_equal(bench.done, 0); /* never inside the call */
    settle(&bench);
    assert_int_equal(bench.done, 1);
    assert_int_equal(bench.err, SW_ERR_OK);
    assert_int_equal(role_of(&bench, 2), SW_MEMBER_LEARNER);
    assert_true(bench.told >= 2);
    add(&bench, 2, "b:1"); /* again: it is there */
    assert_int_equal(bench.err, SW_ERR_OK);
    assert_int_equal(change(&bench, SW_GROUP_ADD, 2, "c:1"), SW_ERR_CONFLICT);
    assert_int_equal(change(&bench, SW_GROUP_ADD, 3, "b:1"), SW_ERR_CONFLICT);
    assert_int_equal(change(&bench, SW_GROUP_ADD, 3, ""), SW_ERR_INVALID);
    assert_int_equal(change(&bench, SW_GROUP_ADD, 0, "d:1"), SW_ERR_INVALID);
    close_bench(&bench);
}

static void one_change_at_a_time(void **state)
{
    struct bench bench;

    (void)state;
    open_alone(&bench);
    assert_int_equal(change(&bench, SW_GROUP_ADD, 2, "b:1"), SW_ERR_OK);
    assert_int_equal(change(&bench, SW_GROUP_ADD, 3, "c:1"), SW_ERR_BUSY);
    settle(&bench);
    add(&bench, 3, "c:1");
    assert_int_equal(role_of(&bench, 3), SW_MEMBER_LEARNER);
    close_bench(&bench);
}

static void a_learner_is_promoted_once_it_has_caught_up(void **state)
{
    struct bench bench;
    uint64_t index;
    uint64_t term;

    (void)state;
    open_alone(&bench);
    for (int i = 0; i < 140; i++) {
        assert_int_equal(sw_group_propose(bench.group, sw_span_str("x"), &index, &term), SW_ERR_OK);
        settle(&bench);
    }
    add(&bench, 2, "b:1");
    assert_int_equal(change(&bench, SW_GROUP_PROMOTE, 2, NULL), SW_ERR_BUSY);
    assert_non_null(strstr(bench.why, "caught up"));
    acknowledge(&bench, 2);
    bench.world.peers_down = true;
    assert_int_equal(change(&bench, SW_GROUP_PROMOTE, 2, NULL), SW_ERR_CONFLICT); /* no majority */
    bench.world.peers_down = false;
    assert_int_equal(change(&bench, SW_GROUP_PROMOTE, 2, NULL), SW_ERR_OK);
    assert_int_equal(change(&bench, SW_GROUP_PROMOTE, 9, NULL), SW_ERR_BUSY);
    close_bench(&bench);
    assert_int_equal(bench.done, 0); /* stopped: nobody is told any more */
}

static void a_voter_is_demoted_and_removed(void **state)
{
    struct bench bench;

    (void)state;
    open_pair(&bench);
    assert_int_equal(change(&bench, SW_GROUP_REMOVE, 9, NULL), SW_ERR_NOT_FOUND);
    assert_int_equal(change(&bench, SW_GROUP_DEMOTE, 2, NULL), SW_ERR_OK);
    settle(&bench);
    assert_int_equal(bench.done, 1); /* one voter is left, and it has the entry */
    assert_int_equal(role_of(&bench, 2), SW_MEMBER_LEARNER);
    assert_int_equal(change(&bench, SW_GROUP_REMOVE, 2, NULL), SW_ERR_OK);
    settle(&bench);
    assert_int_equal(bench.done, 1);
    assert_int_equal(role_of(&bench, 2), -1);
    close_bench(&bench);
}

static void who_removes_may_take_another_address_with_it(void **state)
{
    struct sw_group_peer peers[SW_NODE_COUNT_MAX];
    struct bench bench;

    (void)state;
    open_alone(&bench);
    add(&bench, 2, "b:1");
    assert_int_equal(change(&bench, SW_GROUP_REMOVE, 9, "a:1,9"), SW_ERR_NOT_FOUND);
    assert_int_equal(sw_group_members(bench.group, peers), 2);
    assert_string_equal(peers[0].address, "a:1");
    assert_int_equal(change(&bench, SW_GROUP_REMOVE, 2, "a:1,2"), SW_ERR_OK);
    settle(&bench);
    assert_int_equal(bench.done, 1);
    assert_int_equal(sw_group_members(bench.group, peers), 1);
    assert_string_equal(peers[0].address, "a:1,2");
    close_bench(&bench);
}

static void a_leader_hands_over_before_it_goes(void **state)
{
    struct bench bench;

    (void)state;
    open_alone(&bench);
    assert_int_equal(change(&bench, SW_GROUP_REMOVE, 1, NULL), SW_ERR_INVALID);
    assert_int_equal(change(&bench, SW_GROUP_DEMOTE, 1, NULL), SW_ERR_INVALID);
    close_bench(&bench);
    open_pair(&bench);
    fake_forget_sent(&bench.world);
    assert_int_equal(change(&bench, SW_GROUP_REMOVE, 1, NULL), SW_ERR_BUSY);
    assert_non_null(strstr(bench.why, "handed over"));
    assert_int_equal(bench.world.sent_count, 1);
    assert_int_equal(sw_wire_kind(sw_buf_span(&bench.world.sent[0].bytes)), SW_WIRE_TIMEOUT_NOW);
    close_bench(&bench);
}

static void no_change_leaves_a_group_without_a_majority_in_reach(void **state)
{
    struct bench bench;

    (void)state;
    open_pair(&bench);
    add(&bench, 3, "c:1");
    acknowledge(&bench, 2); /* added ... */
    acknowledge(&bench, 2); /* ... as a learner */
    acknowledge(&bench, 3);
    assert_int_equal(bench.done, 1);
    assert_int_equal(change(&bench, SW_GROUP_PROMOTE, 3, NULL), SW_ERR_OK);
    settle(&bench);
    acknowledge(&bench, 2);
    acknowledge(&bench, 3);
    assert_int_equal(bench.done, 1);
    bench.world.peers_down = true;
    assert_int_equal(change(&bench, SW_GROUP_REMOVE, 3, NULL), SW_ERR_CONFLICT);
    assert_non_null(strstr(bench.why, "no majority"));
    bench.world.peers_down = false;
    close_bench(&bench);
}

static void a_follower_changes_nothing(void **state)
{
    struct bench bench = {0};

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, false), SW_ERR_OK);
    settle(&bench);
    assert_int_equal(change(&bench, SW_GROUP_REMOVE, 2, NULL), SW_ERR_NOT_LEADER);
    assert_int_equal(change(&bench, SW_GROUP_ADD, 4, "d:1"), SW_ERR_NOT_LEADER);
    close_bench(&bench);
}

/* The other voter is gone while it is being removed: whoever asked hears that it is not known. */
static void a_change_that_is_cut_off_has_an_unknown_outcome(void **state)
{
    struct raft_message heartbeat = {.type = RAFT_IO_APPEND_ENTRIES};
    struct bench bench;
    struct sw_buf bytes = {0};

    (void)state;
    open_pair(&bench);
    assert_int_equal(change(&bench, SW_GROUP_ADD, 3, "c:1"), SW_ERR_OK);
    settle(&bench);
    assert_int_equal(bench.done, 0);
    heartbeat.append_entries.term = 9;
    sw_wire_encode((struct sw_group_id){1}, &heartbeat, &bytes);
    sw_group_receive(bench.group, (struct sw_node_id){2}, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
    settle(&bench);
    assert_int_equal(bench.done, 1);
    assert_int_equal(bench.err, SW_ERR_LEADERSHIP_LOST);
    close_bench(&bench);
}

/* Node 1 has never been a member: it founds nothing, votes nothing, waits; and so it does after a
 * restart with nothing but a term. */
static void a_node_that_joins_waits_to_be_taught(void **state)
{
    struct raft_message heartbeat = {
        .type = RAFT_IO_APPEND_ENTRIES,
        .append_entries = {.term = 7, .prev_log_index = 90, .prev_log_term = 6}};
    struct bench bench = {0};
    struct sw_group_status status;
    struct sw_buf bytes = {0};

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, true), SW_ERR_OK);
    for (int i = 0; i < 40; i++) {
        bench.world.now_ms += 50;
        sw_group_tick(bench.group);
        settle(&bench);
    }
    assert_int_equal(bench.world.sent_count, 0);
    assert_int_equal(bench.world.count, 0);
    assert_int_equal(role_of(&bench, 1), -1);
    sw_wire_encode((struct sw_group_id){1}, &heartbeat, &bytes);
    sw_group_receive(bench.group, (struct sw_node_id){2}, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
    settle(&bench);
    assert_int_equal(bench.world.hard.term, 7);
    sw_group_crash(bench.group);
    bench.world.op_count = 0;
    assert_int_equal(open_group(&bench, 3, true), SW_ERR_OK);
    sw_group_status(bench.group, &status);
    assert_int_equal(status.last_index, 0);
    assert_int_equal(status.term, 7);
    sw_group_crash(bench.group);
    assert_int_equal(open_group(&bench, 3, false), SW_ERR_CORRUPT); /* a founder lost its log */
    fake_release(&bench.world);
}

/* The term of a bootstrap without its entry: nobody ever voted in it. */
static void a_crash_between_the_two_records_of_a_bootstrap(void **state)
{
    struct bench bench = {0};

    (void)state;
    fake_init(&bench.world);
    bench.world.hard = (struct sw_wal_hard){.term = 1};
    assert_int_equal(open_group(&bench, 1, false), SW_ERR_OK);
    settle(&bench);
    assert_int_equal(bench.role, SW_ROLE_LEADER);
    close_bench(&bench);
}

/* G15: in the term before, entries may have reached learners that its own disk does not have. */
static void g15_a_lone_voter_begins_a_new_term(void **state)
{
    struct sw_group_status before;
    struct sw_group_status after;
    struct bench bench;

    (void)state;
    open_alone(&bench);
    add(&bench, 2, "b:1");
    sw_group_status(bench.group, &before);
    sw_group_crash(bench.group);
    bench.world.op_count = 0;
    fake_forget_sent(&bench.world);
    assert_int_equal(open_group(&bench, 1, false), SW_ERR_OK);
    sw_group_turn_end(bench.group);
    assert_int_equal(bench.world.sent_count, 0); /* not before the term is durable */
    settle(&bench);
    sw_group_status(bench.group, &after);
    assert_int_equal(after.role, SW_ROLE_LEADER);
    assert_int_equal(after.term, before.term + 1);
    assert_int_equal(bench.world.hard.term, after.term);
    assert_int_equal(bench.world.hard.vote.value, 1);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_added_as_a_learner),
        cmocka_unit_test(one_change_at_a_time),
        cmocka_unit_test(a_learner_is_promoted_once_it_has_caught_up),
        cmocka_unit_test(a_voter_is_demoted_and_removed),
        cmocka_unit_test(who_removes_may_take_another_address_with_it),
        cmocka_unit_test(a_leader_hands_over_before_it_goes),
        cmocka_unit_test(no_change_leaves_a_group_without_a_majority_in_reach),
        cmocka_unit_test(a_follower_changes_nothing),
        cmocka_unit_test(a_change_that_is_cut_off_has_an_unknown_outcome),
        cmocka_unit_test(a_node_that_joins_waits_to_be_taught),
        cmocka_unit_test(a_crash_between_the_two_records_of_a_bootstrap),
        cmocka_unit_test(g15_a_lone_voter_begins_a_new_term),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
