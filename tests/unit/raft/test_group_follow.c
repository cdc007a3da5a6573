/* A read of a node that does not lead is ready once the leader has named a point and this node has
 * handed over as much; a leader names one only after its voters confirmed that it still leads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "raft/group.h"
#include "raft/wire.h"
#include "tests/unit/raft/fake_world.h"

struct bench {
    struct fake_world world;
    struct sw_group *group;
    uint64_t committed;
};

static uint32_t ready_count;
static enum sw_err ready_err;

static void ready(void *arg, enum sw_err err)
{
    (void)arg;
    ready_count++;
    ready_err = err;
}

static void on_committed(void *arg, uint64_t index, uint64_t term, struct sw_span body)
{
    struct bench *bench = arg;

    (void)term;
    (void)body;
    bench->committed = index;
}

static void on_role(void *arg, enum sw_role role, uint64_t term, struct sw_node_id leader)
{
    (void)arg;
    (void)role;
    (void)term;
    (void)leader;
}

static void on_wanted(void *arg)
{
    (void)arg;
}

static void on_install(void *arg, struct sw_node_id from, struct sw_group_snapshot wanted)
{
    (void)arg;
    (void)from;
    (void)wanted;
}

static void settle(struct bench *bench)
{
    do {
        sw_group_turn_end(bench->group);
    } while (fake_wal_step(&bench->world));
    sw_group_turn_end(bench->group);
}

static void receive(struct bench *bench, uint64_t from, struct raft_message *message)
{
    struct sw_buf bytes = {0};

    sw_wire_encode((struct sw_group_id){1}, message, &bytes);
    sw_group_receive(bench->group, (struct sw_node_id){from}, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
    settle(bench);
}

static void
probe(struct bench *bench, uint64_t from, enum sw_wire_kind kind, struct sw_wire_probe p)
{
    struct sw_buf bytes = {0};

    sw_wire_encode_probe((struct sw_group_id){1}, kind, p, &bytes);
    sw_group_receive(bench->group, (struct sw_node_id){from}, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
    settle(bench);
}

/* A group of three, or one that waits to be added. */
static struct bench *open_with(bool join)
{
    static const struct sw_group_member all[] = {{{1}, "a:1"}, {{2}, "b:1"}, {{3}, "c:1"}};
    struct bench *bench = calloc(1, sizeof *bench);
    char why[SW_WHY_SIZE];

    assert_non_null(bench);
    ready_count = 0;
    fake_init(&bench->world);
    assert_int_equal(
        sw_group_new(&(struct sw_group_config){.id = {1},
                                               .self = {1},
                                               .members = all,
                                               .member_count = 3,
                                               .join = join,
                                               .tuning = {.election_timeout_ms = 300,
                                                          .heartbeat_ms = 50,
                                                          .snapshot_bytes = 1 << 20,
                                                          .snapshot_trailing = 2,
                                                          .install_timeout_ms = 1000},
                                               .env = &bench->world.env,
                                               .wal = &bench->world.wal,
                                               .link = &bench->world.link,
                                               .handler = {.arg = bench,
                                                           .committed = on_committed,
                                                           .role_changed = on_role,
                                                           .snapshot_wanted = on_wanted,
                                                           .install_wanted = on_install}},
                     &bench->group,
                     why),
        SW_ERR_OK);
    settle(bench);
    return bench;
}

/* A member of three that follows node 2 in term 1, with entry 1 committed. */
static struct bench *follower(void)
{
    struct raft_message heartbeat = {
        .type = RAFT_IO_APPEND_ENTRIES,
        .append_entries = {.term = 1, .prev_log_index = 1, .prev_log_term = 1, .leader_commit = 1}};
    struct bench *bench = open_with(false);

    receive(bench, 2, &heartbeat);
    fake_forget_sent(&bench->world);
    return bench;
}

static void close_bench(struct bench *bench)
{
    sw_group_crash(bench->group);
    fake_release(&bench->world);
    free(bench);
}

/* The question that was sent last. */
static struct sw_wire_probe question(const struct bench *bench)
{
    const struct fake_sent *sent = &bench->world.sent[bench->world.sent_count - 1];
    struct sw_wire_probe probe;

    assert_true(bench->world.sent_count > 0);
    assert_int_equal(sent->to.value, 2);
    assert_int_equal(sw_wire_kind(sw_buf_span(&sent->bytes)), SW_WIRE_ASK_POINT);
    assert_int_equal(sw_wire_decode_probe(sw_buf_span(&sent->bytes), &probe), SW_ERR_OK);
    return probe;
}

static void the_leader_is_asked_and_its_point_waited_for(void **state)
{
    struct bench *bench = follower();
    struct sw_wire_probe asked;

    (void)state;
    sw_group_read_anywhere(bench->group, ready, NULL);
    assert_int_equal(ready_count, 0);
    settle(bench);
    asked = question(bench);
    sw_group_tick(bench->group);
    assert_int_equal(bench->world.sent_count, 1);
    bench->world.now_ms += 50; /* lost, perhaps: the same question */
    sw_group_tick(bench->group);
    assert_int_equal(bench->world.sent_count, 2);
    assert_int_equal(question(bench).seq, asked.seq);
    probe(bench, 2, SW_WIRE_POINT, (struct sw_wire_probe){.term = 1, .seq = asked.seq});
    assert_int_equal(ready_count, 1);
    assert_int_equal(ready_err, SW_ERR_OK);
    close_bench(bench);
}

static void what_is_behind_is_waited_for(void **state)
{
    struct bench *bench = follower();

    (void)state;
    sw_group_read_anywhere(bench->group, ready, NULL);
    settle(bench);
    probe(bench, 2, SW_WIRE_POINT, (struct sw_wire_probe){.term = 2, .seq = question(bench).seq});
    assert_int_equal(ready_count, 0); /* entry 2 is not here */
    close_bench(bench);
}

/* An earlier life's answer, and one of a node that was not asked. */
static void answers_to_others_do_not_count(void **state)
{
    struct bench *bench = follower();
    uint64_t seq;

    (void)state;
    sw_group_read_anywhere(bench->group, ready, NULL);
    settle(bench);
    seq = question(bench).seq;
    probe(bench, 2, SW_WIRE_POINT, (struct sw_wire_probe){.term = 1, .seq = seq - 1});
    probe(bench, 3, SW_WIRE_POINT, (struct sw_wire_probe){.term = 1, .seq = seq});
    assert_int_equal(ready_count, 0);
    close_bench(bench);
}

static void another_leader_ends_the_question(void **state)
{
    struct raft_message heartbeat = {
        .type = RAFT_IO_APPEND_ENTRIES,
        .append_entries = {.term = 2, .prev_log_index = 1, .prev_log_term = 1}};
    struct bench *bench = follower();
    uint64_t seq;

    (void)state;
    sw_group_read_anywhere(bench->group, ready, NULL);
    settle(bench);
    seq = question(bench).seq;
    receive(bench, 3, &heartbeat);
    assert_int_equal(ready_count, 1);
    assert_int_equal(ready_err, SW_ERR_LEADERSHIP_LOST);
    probe(bench, 2, SW_WIRE_POINT, (struct sw_wire_probe){.term = 1, .seq = seq});
    assert_int_equal(ready_count, 1);
    close_bench(bench);
}

/* Also before there was any term. */
static void without_a_leader_nobody_is_asked(void **state)
{
    struct bench *bench = open_with(true);

    (void)state;
    sw_group_read_anywhere(bench->group, ready, NULL);
    settle(bench);
    assert_int_equal(ready_count, 1);
    assert_int_equal(ready_err, SW_ERR_NO_LEADER);
    close_bench(bench);
}

static void who_does_not_lead_names_no_point(void **state)
{
    struct bench *bench = follower();

    (void)state;
    probe(bench, 3, SW_WIRE_ASK_POINT, (struct sw_wire_probe){.term = 1, .seq = 7});
    assert_int_equal(bench->world.sent_count, 0);
    close_bench(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leader_is_asked_and_its_point_waited_for),
        cmocka_unit_test(what_is_behind_is_waited_for),
        cmocka_unit_test(answers_to_others_do_not_count),
        cmocka_unit_test(another_leader_ends_the_question),
        cmocka_unit_test(without_a_leader_nobody_is_asked),
        cmocka_unit_test(who_does_not_lead_names_no_point),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
