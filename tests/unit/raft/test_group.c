/* Goal: one group alone: it opens from nothing and from what it wrote, commits, reads, compacts,
 * stops; and it starts on nothing that is not whole. Many nodes together: tests/sim. */
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

static char text_new[] = "new";

struct bench {
    struct fake_world world;
    struct sw_group *group;
    char why[SW_WHY_SIZE];
    uint64_t committed; /* highest index */
    uint64_t commands;
    uint64_t room_to; /* 0, or the highest index that is taken */
    uint32_t snapshots_wanted;
    uint32_t installs_wanted;
    struct sw_group_snapshot install;
    enum sw_role role;
    uint32_t stopped;
};

static void on_committed(void *arg, uint64_t index, uint64_t term, struct sw_span body)
{
    struct bench *bench = arg;

    (void)term;
    assert_int_equal(index, bench->committed + 1);
    bench->committed = index;
    bench->commands += body.size > 0 ? 1 : 0;
}

static bool may_commit(void *arg)
{
    const struct bench *bench = arg;

    return bench->room_to == 0 || bench->committed < bench->room_to;
}

static void on_role(void *arg, enum sw_role role, uint64_t term, struct sw_node_id leader)
{
    (void)term;
    (void)leader;
    ((struct bench *)arg)->role = role;
}

static void on_snapshot_wanted(void *arg)
{
    ((struct bench *)arg)->snapshots_wanted++;
}

static void on_install_wanted(void *arg, struct sw_node_id from, struct sw_group_snapshot wanted)
{
    struct bench *bench = arg;

    assert_int_equal(from.value, 2);
    bench->installs_wanted++;
    bench->install = wanted;
}

static enum sw_err open_group(struct bench *bench, uint32_t members, uint64_t applied)
{
    static const struct sw_group_member all[] = {{{1}, "a:1"}, {{2}, "b:1"}, {{3}, "c:1"}};
    const struct sw_group_config config = {
        .id = {1},
        .self = {1},
        .members = all,
        .member_count = members,
        .tuning = {.election_timeout_ms = 300,
                   .heartbeat_ms = 50,
                   .snapshot_bytes = 1 << 20,
                   .snapshot_trailing = 2,
                   .install_timeout_ms = 1000},
        .applied = applied,
        .env = &bench->world.env,
        .wal = &bench->world.wal,
        .link = &bench->world.link,
        .handler = {.arg = bench,
                    .committed = on_committed,
                    .may_commit = may_commit,
                    .role_changed = on_role,
                    .snapshot_wanted = on_snapshot_wanted,
                    .install_wanted = on_install_wanted},
    };

    return sw_group_new(&config, &bench->group, bench->why);
}

static void settle(struct bench *bench)
{
    do {
        sw_group_turn_end(bench->group);
    } while (fake_wal_step(&bench->world));
    sw_group_turn_end(bench->group);
}

/* A group of one, which leads as soon as its first record is durable. */
static void open_alone(struct bench *bench)
{
    *bench = (struct bench){0};
    fake_init(&bench->world);
    assert_int_equal(open_group(bench, 1, 0), SW_ERR_OK);
    settle(bench);
    assert_int_equal(bench->role, SW_ROLE_LEADER);
}

static void on_stopped(void *arg)
{
    ((struct bench *)arg)->stopped++;
}

static void close_bench(struct bench *bench)
{
    sw_group_stop(bench->group, on_stopped, bench);
    while (fake_wal_step(&bench->world)) {
    }
    assert_int_equal(bench->stopped, 1);
    fake_release(&bench->world);
}

static void propose(struct bench *bench, const char *text)
{
    uint64_t index = 0;
    uint64_t term = 0;

    assert_int_equal(sw_group_propose(bench->group, sw_span_str(text), &index, &term), SW_ERR_OK);
    settle(bench);
    assert_true(bench->committed >= index);
}

static void commits_only_what_is_durable(void **state)
{
    struct bench bench;
    uint64_t index = 0;
    uint64_t term = 0;

    (void)state;
    open_alone(&bench);
    assert_int_equal(sw_group_propose(bench.group, sw_span_str("x"), &index, &term), SW_ERR_OK);
    sw_group_turn_end(bench.group);
    assert_true(bench.committed < index);
    settle(&bench);
    assert_int_equal(bench.committed, index);
    assert_int_equal(bench.commands, 1);
    close_bench(&bench);
}

static enum sw_err read_result;

static void read_ready(void *arg, enum sw_err err)
{
    (void)arg;
    read_result = err;
}

static void reads_after_its_own_term_committed(void **state)
{
    struct bench bench;

    (void)state;
    open_alone(&bench);
    read_result = SW_ERR_CANCELLED;
    sw_group_read(bench.group, read_ready, NULL);
    assert_int_equal(read_result, SW_ERR_CANCELLED); /* never inside the call */
    sw_group_turn_end(bench.group);
    assert_int_equal(read_result, SW_ERR_OK);
    close_bench(&bench);
}

static void starts_again_from_what_it_wrote(void **state)
{
    struct bench bench;

    (void)state;
    open_alone(&bench);
    propose(&bench, "one");
    propose(&bench, "two");
    sw_group_crash(bench.group);
    bench.world.op_count = 0;
    bench.committed = 0;
    bench.commands = 0;
    assert_int_equal(open_group(&bench, 1, 0), SW_ERR_OK);
    settle(&bench);
    assert_int_equal(bench.commands, 2);
    close_bench(&bench);
}

/* A stop waits for the log; a crash in between ends it without a word, and frees the group: the
 * leak check of this program says so. */
static void crashes_while_it_stops(void **state)
{
    struct bench bench;
    uint64_t index = 0;
    uint64_t term = 0;

    (void)state;
    open_alone(&bench);
    assert_int_equal(sw_group_propose(bench.group, sw_span_str("x"), &index, &term), SW_ERR_OK);
    sw_group_turn_end(bench.group);
    sw_group_stop(bench.group, on_stopped, &bench);
    assert_int_equal(bench.stopped, 0); /* the log has it under way */
    sw_group_crash(bench.group);
    assert_int_equal(bench.stopped, 0);
    bench.world.op_count = 0;
    fake_release(&bench.world);
}

static void compacts_only_behind_durable_state(void **state)
{
    struct bench bench;
    struct sw_group_status status;

    (void)state;
    open_alone(&bench);
    for (int i = 0; i < 6; i++) {
        propose(&bench, "entry");
    }
    sw_group_request_snapshot(bench.group);
    settle(&bench);
    assert_int_equal(bench.snapshots_wanted, 1);
    assert_false(bench.world.has_snapshot); /* the user's state is not durable yet */
    sw_group_snapshot_done(
        bench.group, SW_ERR_OK, (struct sw_group_snapshot){.index = bench.committed, .digest = 5});
    settle(&bench);
    assert_true(bench.world.has_snapshot);
    sw_group_status(bench.group, &status);
    assert_int_equal(status.snapshot_index, bench.world.snapshot_index);
    assert_int_equal(bench.world.first, bench.world.snapshot_index - 1); /* trailing 2 */
    sw_group_crash(bench.group);
    bench.world.op_count = 0;
    assert_int_equal(open_group(&bench, 1, status.snapshot_index - 1), SW_ERR_CORRUPT);
    bench.committed = status.snapshot_index;
    assert_int_equal(open_group(&bench, 1, status.snapshot_index), SW_ERR_OK);
    settle(&bench);
    close_bench(&bench);
}

static void propose_only(struct bench *bench, uint32_t count)
{
    uint64_t index = 0;
    uint64_t term = 0;

    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(sw_group_propose(bench->group, sw_span_str("entry"), &index, &term),
                         SW_ERR_OK);
        settle(bench);
    }
}

static void hands_over_only_what_its_user_takes(void **state)
{
    struct bench bench;
    struct sw_group_status status;
    uint64_t before;

    (void)state;
    open_alone(&bench);
    before = bench.committed;
    bench.room_to = before + 2;
    propose_only(&bench, 6);
    assert_int_equal(bench.committed, before + 2);
    sw_group_status(bench.group, &status);
    assert_int_equal(status.handed_index, before + 2);
    assert_int_equal(status.commit_index, before + 6);
    read_result = SW_ERR_CANCELLED;
    sw_group_read(bench.group, read_ready, NULL);
    settle(&bench);
    assert_int_equal(read_result, SW_ERR_CANCELLED); /* it would not see what is committed */
    bench.room_to = before + 3;
    sw_group_turn_end(bench.group); /* asks again by itself */
    assert_int_equal(bench.committed, before + 3);
    bench.room_to = 0;
    sw_group_turn_end(bench.group);
    assert_int_equal(bench.committed, before + 6);
    assert_int_equal(bench.commands, 6);
    assert_int_equal(read_result, SW_ERR_OK);
    close_bench(&bench);
}

/* Compacting drops entries from memory, also such that are not handed over yet. */
static void compacts_only_behind_what_is_handed_over(void **state)
{
    struct bench bench;
    uint64_t before;

    (void)state;
    open_alone(&bench);
    before = bench.committed;
    bench.room_to = before + 1;
    propose_only(&bench, 6);
    sw_group_request_snapshot(bench.group);
    settle(&bench);
    assert_int_equal(bench.snapshots_wanted, 0);
    bench.room_to = 0;
    settle(&bench);
    assert_true(bench.committed >= before + 6);
    assert_int_equal(bench.snapshots_wanted, 1);
    sw_group_snapshot_done(
        bench.group, SW_ERR_OK, (struct sw_group_snapshot){.index = bench.committed});
    settle(&bench);
    assert_true(bench.world.has_snapshot);
    close_bench(&bench);
}

static void receive(struct bench *bench, uint64_t from, struct raft_message *message)
{
    struct sw_buf bytes = {0};

    sw_wire_encode((struct sw_group_id){1}, message, &bytes);
    sw_group_receive(bench->group, (struct sw_node_id){from}, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
}

/* A follower of an idle group has nothing to apply: it asks its leader for something. */
static void an_idle_follower_asks_for_something_to_apply(void **state)
{
    struct raft_message heartbeat = {
        .type = RAFT_IO_APPEND_ENTRIES,
        .append_entries = {.term = 1, .prev_log_index = 1, .prev_log_term = 1}};
    struct bench bench = {0};

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, 0), SW_ERR_OK);
    settle(&bench);
    receive(&bench, 2, &heartbeat);
    settle(&bench);
    fake_forget_sent(&bench.world);
    sw_group_request_snapshot(bench.group);
    assert_int_equal(bench.world.sent_count, 1);
    assert_int_equal(bench.world.sent[0].to.value, 2);
    assert_int_equal(sw_wire_kind(sw_buf_span(&bench.world.sent[0].bytes)), SW_WIRE_NUDGE);
    sw_group_tick(bench.group);
    assert_int_equal(bench.world.sent_count, 1);
    bench.world.now_ms += 50; /* lost, perhaps */
    sw_group_tick(bench.group);
    assert_int_equal(bench.world.sent_count, 2);
    close_bench(&bench);
}

static void a_leader_appends_a_barrier_when_asked(void **state)
{
    struct sw_buf bytes = {0};
    struct bench bench;
    uint64_t before;

    (void)state;
    open_alone(&bench);
    before = bench.committed;
    sw_wire_encode_probe(
        (struct sw_group_id){1}, SW_WIRE_NUDGE, (struct sw_wire_probe){.term = 1}, &bytes);
    sw_group_receive(bench.group, (struct sw_node_id){1}, sw_buf_span(&bytes));
    settle(&bench);
    assert_int_equal(bench.committed, before + 1);
    sw_buf_release(&bytes);
    close_bench(&bench);
}

static void refuses_a_log_that_is_not_whole(void **state)
{
    struct bench bench;

    (void)state;
    open_alone(&bench);
    propose(&bench, "one");
    sw_group_crash(bench.group);
    bench.world.op_count = 0;
    bench.world.entries[1].term = 9; /* above the term on record: it was rolled back */
    assert_int_equal(open_group(&bench, 1, 0), SW_ERR_CORRUPT);
    bench.world.entries[1].term = 1;
    bench.world.entries[0].type = RAFT_COMMAND; /* a log begins with its configuration */
    assert_int_equal(open_group(&bench, 1, 0), SW_ERR_CORRUPT);
    assert_non_null(strstr(bench.why, "not whole"));
    fake_release(&bench.world);
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 1, 7), SW_ERR_CORRUPT); /* state without a log */
    fake_release(&bench.world);
}

static void refuses_members_that_share_an_id(void **state)
{
    static const struct sw_group_member twins[] = {{{1}, "a:1"}, {{1}, "b:1"}};
    struct bench bench = {0};
    struct sw_group_config config = {.id = {1}, .self = {1}, .members = twins, .member_count = 2};

    (void)state;
    fake_init(&bench.world);
    config.env = &bench.world.env;
    config.wal = &bench.world.wal;
    config.link = &bench.world.link;
    assert_int_equal(sw_group_new(&config, &bench.group, bench.why), SW_ERR_CONFIG);
    fake_release(&bench.world);
}

static void refuses_addresses_that_are_too_long(void **state)
{
    static char address[SW_ADDRESS_SIZE_MAX + 1];
    const struct sw_group_member member = {{1}, address};
    struct bench bench = {0};
    struct sw_group_config config = {.id = {1}, .self = {1}, .members = &member, .member_count = 1};

    (void)state;
    memset(address, 'a', SW_ADDRESS_SIZE_MAX);
    fake_init(&bench.world);
    config.env = &bench.world.env;
    config.wal = &bench.world.wal;
    config.link = &bench.world.link;
    assert_int_equal(sw_group_new(&config, &bench.group, bench.why), SW_ERR_CONFIG);
    address[0] = '\0';
    assert_int_equal(sw_group_new(&config, &bench.group, bench.why), SW_ERR_CONFIG);
    fake_release(&bench.world);
}

static void says_nothing_before_its_first_record_is_durable(void **state)
{
    struct bench bench = {0};

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, 0), SW_ERR_OK);
    for (int i = 0; i < 30; i++) {
        bench.world.now_ms += 50;
        sw_group_tick(bench.group);
        sw_group_turn_end(bench.group);
    }
    assert_int_equal(bench.world.sent_count, 0);
    while (fake_wal_step(&bench.world)) {
    }
    assert_true(bench.world.sent_count > 0); /* the pre-vote was only held */
    close_bench(&bench);
}

static void ignores_liars(void **state)
{
    struct raft_message vote = {
        .type = RAFT_IO_REQUEST_VOTE,
        .request_vote = {.term = 9, .candidate_id = 2, .last_log_index = 50, .last_log_term = 8}};
    struct bench bench = {0};
    struct sw_group_status status;

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, 0), SW_ERR_OK);
    settle(&bench);
    receive(&bench, 3, &vote); /* speaks for another */
    sw_group_status(bench.group, &status);
    assert_int_equal(status.term, 1);
    assert_int_equal(status.guard_drops, 1);
    receive(&bench, 2, &vote);
    sw_group_status(bench.group, &status);
    assert_int_equal(status.term, 9);
    close_bench(&bench);
}

static void shows_a_snapshot_to_libraft_only_once_its_state_is_here(void **state)
{
    uint8_t data[16] = {0};
    struct raft_message install = {.type = RAFT_IO_INSTALL_SNAPSHOT,
                                   .install_snapshot = {.term = 5,
                                                        .last_index = 40,
                                                        .last_term = 4,
                                                        .conf_index = 1,
                                                        .data = {.base = data, .len = 16}}};
    struct bench bench = {0};
    struct sw_group_status status;

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, 0), SW_ERR_OK);
    settle(&bench);
    raft_configuration_init(&install.install_snapshot.conf);
    assert_int_equal(raft_configuration_add(&install.install_snapshot.conf, 1, "a:1", RAFT_VOTER),
                     0);
    assert_int_equal(raft_configuration_add(&install.install_snapshot.conf, 2, "b:1", RAFT_VOTER),
                     0);
    receive(&bench, 2, &install);
    receive(&bench, 2, &install); /* the leader repeats itself: one transfer */
    settle(&bench);
    assert_int_equal(bench.installs_wanted, 1);
    assert_int_equal(bench.install.index, 40);
    assert_false(bench.world.has_snapshot);
    bench.committed = 40;
    sw_group_install_done(bench.group, SW_ERR_OK, (struct sw_group_snapshot){.index = 43});
    settle(&bench);
    assert_true(bench.world.has_snapshot);
    assert_int_equal(bench.world.first, 41);
    sw_group_status(bench.group, &status);
    assert_int_equal(status.handed_index, 40);
    raft_configuration_close(&install.install_snapshot.conf);
    close_bench(&bench);
}

/* Entries that wait for their user when a copy of the state comes are in that copy. */
static void a_copy_holds_what_was_not_handed_over(void **state)
{
    uint8_t data[16] = {0};
    uint8_t body[8] = "entry";
    struct raft_entry entries[3] = {
        {.term = 1, .type = RAFT_COMMAND, .buf = {.base = body, .len = 8}},
        {.term = 1, .type = RAFT_COMMAND, .buf = {.base = body, .len = 8}},
        {.term = 1, .type = RAFT_COMMAND, .buf = {.base = body, .len = 8}}};
    struct raft_message append = {.type = RAFT_IO_APPEND_ENTRIES,
                                  .append_entries = {.term = 1,
                                                     .prev_log_index = 1,
                                                     .prev_log_term = 1,
                                                     .leader_commit = 4,
                                                     .entries = entries,
                                                     .n_entries = 3}};
    struct raft_message install = {.type = RAFT_IO_INSTALL_SNAPSHOT,
                                   .install_snapshot = {.term = 1,
                                                        .last_index = 40,
                                                        .last_term = 1,
                                                        .conf_index = 1,
                                                        .data = {.base = data, .len = 16}}};
    struct bench bench = {.room_to = 2};
    struct sw_group_status status;

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, 0), SW_ERR_OK);
    settle(&bench);
    receive(&bench, 2, &append);
    settle(&bench);
    sw_group_status(bench.group, &status);
    assert_int_equal(status.commit_index, 4);
    assert_int_equal(status.handed_index, 2);
    raft_configuration_init(&install.install_snapshot.conf);
    assert_int_equal(raft_configuration_add(&install.install_snapshot.conf, 1, "a:1", RAFT_VOTER),
                     0);
    receive(&bench, 2, &install);
    settle(&bench);
    assert_int_equal(bench.installs_wanted, 1);
    sw_group_install_done(bench.group, SW_ERR_OK, (struct sw_group_snapshot){.index = 43});
    bench.room_to = 0; /* now that libraft has dropped them */
    settle(&bench);
    assert_int_equal(bench.committed, 2);
    sw_group_status(bench.group, &status);
    assert_int_equal(status.handed_index, 40);
    raft_configuration_close(&install.install_snapshot.conf);
    close_bench(&bench);
}

/* G10 end to end: the conflicting tail holds a configuration, so the group starts over before it.
 */
static void reopens_where_a_configuration_would_be_rolled_back(void **state)
{
    struct raft_entry entry = {.term = 2, .type = RAFT_COMMAND};
    struct raft_message append = {.type = RAFT_IO_APPEND_ENTRIES,
                                  .append_entries = {.term = 2,
                                                     .prev_log_index = 1,
                                                     .prev_log_term = 1,
                                                     .leader_commit = 1,
                                                     .entries = &entry,
                                                     .n_entries = 1}};
    struct bench bench = {0};
    struct raft_configuration configuration;
    struct raft_buffer encoded;

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, 0), SW_ERR_OK);
    settle(&bench);
    raft_configuration_init(&configuration);
    assert_int_equal(raft_configuration_add(&configuration, 1, "a:1", RAFT_VOTER), 0);
    assert_int_equal(raft_configuration_add(&configuration, 2, "b:1", RAFT_VOTER), 0);
    assert_int_equal(raft_configuration_encode(&configuration, &encoded), 0);
    entry.type = RAFT_CHANGE;
    entry.buf = encoded;
    receive(&bench, 2, &append); /* leader of term 2 changes the members, uncommitted */
    settle(&bench);
    assert_int_equal(bench.world.count, 2);
    entry =
        (struct raft_entry){.term = 3, .type = RAFT_COMMAND, .buf = {.base = text_new, .len = 3}};
    append.append_entries.term = 3;
    receive(&bench, 3, &append); /* the next leader never had it */
    settle(&bench);
    settle(&bench);
    assert_int_equal(bench.world.count, 1);
    assert_int_equal(bench.group->raft.configuration.n, 3);
    receive(&bench, 3, &append);
    settle(&bench);
    assert_int_equal(bench.world.count, 2);
    assert_int_equal(bench.world.entries[1].term, 3);
    raft_free(encoded.base);
    raft_configuration_close(&configuration);
    close_bench(&bench);
}

/* One turn may bring a completion of the log and the end of a copy: what the first one committed is
 * handed over before the second one replaces the log. */
/* libraft drops what it was installing and forgets an array: the leak check of this program sees
 * who frees it (node seed 152 of the simulator, when it was found). */
static void stops_while_it_installs(void **state)
{
    uint8_t data[16] = {0};
    struct raft_message install = {.type = RAFT_IO_INSTALL_SNAPSHOT,
                                   .install_snapshot = {.term = 5,
                                                        .last_index = 40,
                                                        .last_term = 4,
                                                        .conf_index = 1,
                                                        .data = {.base = data, .len = 16}}};
    struct bench bench = {0};

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, 0), SW_ERR_OK);
    settle(&bench);
    raft_configuration_init(&install.install_snapshot.conf);
    assert_int_equal(raft_configuration_add(&install.install_snapshot.conf, 1, "a:1", RAFT_VOTER),
                     0);
    assert_int_equal(raft_configuration_add(&install.install_snapshot.conf, 2, "b:1", RAFT_VOTER),
                     0);
    receive(&bench, 2, &install);
    settle(&bench);
    bench.committed = 40;
    sw_group_install_done(bench.group, SW_ERR_OK, (struct sw_group_snapshot){.index = 43});
    sw_group_turn_end(bench.group);
    assert_true(bench.world.op_count > 0); /* the log has the snapshot under way */
    raft_configuration_close(&install.install_snapshot.conf);
    close_bench(&bench);
}

static void hands_over_what_one_turn_committed_before_it_installs(void **state)
{
    uint8_t data[16] = {0};
    uint8_t nothing[8] = {0};
    struct raft_entry entry = {
        .term = 5, .type = RAFT_BARRIER, .buf = {.base = nothing, .len = sizeof nothing}};
    struct raft_message append = {.type = RAFT_IO_APPEND_ENTRIES,
                                  .append_entries = {.term = 5,
                                                     .prev_log_index = 1,
                                                     .prev_log_term = 1,
                                                     .leader_commit = 2,
                                                     .entries = &entry,
                                                     .n_entries = 1}};
    struct raft_message install = {.type = RAFT_IO_INSTALL_SNAPSHOT,
                                   .install_snapshot = {.term = 5,
                                                        .last_index = 40,
                                                        .last_term = 5,
                                                        .conf_index = 1,
                                                        .data = {.base = data, .len = 16}}};
    struct bench bench = {0};

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, 0), SW_ERR_OK);
    settle(&bench);
    raft_configuration_init(&install.install_snapshot.conf);
    assert_int_equal(raft_configuration_add(&install.install_snapshot.conf, 1, "a:1", RAFT_VOTER),
                     0);
    receive(&bench, 2, &append);
    receive(&bench, 2, &install);
    sw_group_turn_end(bench.group);
    assert_int_equal(bench.installs_wanted, 1);
    while (fake_wal_step(&bench.world)) {
    }
    sw_group_install_done(bench.group, SW_ERR_OK, (struct sw_group_snapshot){.index = 40});
    assert_int_equal(bench.committed, 2);
    settle(&bench);
    assert_true(bench.world.has_snapshot);
    raft_configuration_close(&install.install_snapshot.conf);
    close_bench(&bench);
}

static void ticks(struct bench *bench, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bench->world.now_ms += 50;
        sw_group_tick(bench->group);
        settle(bench);
    }
}

/* A node that handed leadership over in vain may be a leader again before libraft has given that
 * up; until then it takes no entries, not even the barrier of the new term. */
static void leads_again_while_an_old_transfer_is_pending(void **state)
{
    struct raft_message vote = {
        .type = RAFT_IO_REQUEST_VOTE_RESULT,
        .request_vote_result = {.term = 2, .vote_granted = true, .pre_vote = raft_tribool_true}};
    struct raft_message append = {
        .type = RAFT_IO_APPEND_ENTRIES,
        .append_entries = {.term = 3, .prev_log_index = 2, .prev_log_term = 2}};
    struct raft_message timeout = {
        .type = RAFT_IO_TIMEOUT_NOW,
        .timeout_now = {.term = 3, .last_log_index = 2, .last_log_term = 2}};
    struct bench bench = {0};

    (void)state;
    fake_init(&bench.world);
    assert_int_equal(open_group(&bench, 3, 0), SW_ERR_OK);
    settle(&bench);
    while (bench.role != SW_ROLE_CANDIDATE) {
        ticks(&bench, 1);
    }
    receive(&bench, 2, &vote);
    vote.request_vote_result.pre_vote = raft_tribool_false;
    receive(&bench, 2, &vote);
    settle(&bench);
    assert_int_equal(bench.role, SW_ROLE_LEADER);
    assert_int_equal(sw_group_transfer(bench.group, (struct sw_node_id){2}), SW_ERR_OK);
    bench.world.now_ms += 100;
    receive(&bench, 3, &append); /* node 2 failed; node 3 won term 3 */
    settle(&bench);
    assert_int_equal(bench.role, SW_ROLE_FOLLOWER);
    receive(&bench, 3, &timeout); /* and hands over to this one */
    vote.request_vote_result.term = 4;
    receive(&bench, 3, &vote);
    settle(&bench);
    assert_int_equal(bench.role, SW_ROLE_LEADER);
    assert_int_equal(bench.world.count, 2);
    ticks(&bench, 4);
    assert_int_equal(bench.world.count, 3); /* the barrier of term 4 */
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_only_what_is_durable),
        cmocka_unit_test(reads_after_its_own_term_committed),
        cmocka_unit_test(starts_again_from_what_it_wrote),
        cmocka_unit_test(crashes_while_it_stops),
        cmocka_unit_test(compacts_only_behind_durable_state),
        cmocka_unit_test(hands_over_only_what_its_user_takes),
        cmocka_unit_test(compacts_only_behind_what_is_handed_over),
        cmocka_unit_test(a_copy_holds_what_was_not_handed_over),
        cmocka_unit_test(an_idle_follower_asks_for_something_to_apply),
        cmocka_unit_test(a_leader_appends_a_barrier_when_asked),
        cmocka_unit_test(refuses_a_log_that_is_not_whole),
        cmocka_unit_test(refuses_members_that_share_an_id),
        cmocka_unit_test(refuses_addresses_that_are_too_long),
        cmocka_unit_test(says_nothing_before_its_first_record_is_durable),
        cmocka_unit_test(ignores_liars),
        cmocka_unit_test(shows_a_snapshot_to_libraft_only_once_its_state_is_here),
        cmocka_unit_test(reopens_where_a_configuration_would_be_rolled_back),
        cmocka_unit_test(stops_while_it_installs),
        cmocka_unit_test(hands_over_what_one_turn_committed_before_it_installs),
        cmocka_unit_test(leads_again_while_an_old_transfer_is_pending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
