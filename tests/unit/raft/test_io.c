/* Goal: our raft_io keeps libraft's contract, and adds the hold, the split and the quick failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "raft/io_private.h"
#include "raft/wire.h"
#include "tests/unit/raft/fake_world.h"

static char text_x[] = "x";

struct bench {
    struct fake_world world;
    struct sw__io io;
};

static void setup_bench(struct bench *bench, uint32_t append_size_max)
{
    struct sw_wal_group loaded = {.first_index = 1, .hard = {.term = 4}};
    struct sw__io_config config = {.group = {1}, .self = {1}, .append_size_max = append_size_max};

    fake_init(&bench->world);
    config.env = &bench->world.env;
    config.wal = &bench->world.wal;
    config.link = &bench->world.link;
    sw__io_init(&bench->io, &config, &loaded);
    bench->io.next_index = 1;
}

static void drop_bench(struct bench *bench)
{
    while (fake_wal_step(&bench->world) || sw__io_run_deferred(&bench->io)) {
    }
    sw__io_release(&bench->io);
    fake_release(&bench->world);
}

static int send_status;
static uint32_t send_calls;

static void sent_cb(struct raft_io_send *request, int status)
{
    (void)request;
    send_status = status;
    send_calls++;
}

static int send(struct bench *bench, struct raft_message *message)
{
    static struct raft_io_send request;

    message->server_id = 2;
    send_calls = 0;
    send_status = -1;
    return bench->io.base.send(&bench->io.base, &request, message, sent_cb);
}

static struct raft_message vote_message(void)
{
    return (struct raft_message){.type = RAFT_IO_REQUEST_VOTE,
                                 .request_vote = {.term = 5, .candidate_id = 1}};
}

static void nothing_leaves_before_the_term_and_vote_are_durable(void **state)
{
    struct raft_message message = vote_message();
    struct bench bench;

    (void)state;
    setup_bench(&bench, 1024);
    assert_int_equal(bench.io.base.set_term(&bench.io.base, 5), 0);
    assert_int_equal(bench.io.base.set_vote(&bench.io.base, 1), 0);
    assert_int_equal(send(&bench, &message), 0);
    assert_int_equal(bench.world.sent_count, 0);
    assert_true(fake_wal_step(&bench.world)); /* the term alone is not enough */
    assert_int_equal(bench.world.sent_count, 0);
    assert_true(fake_wal_step(&bench.world));
    assert_int_equal(bench.world.sent_count, 1);
    assert_int_equal(bench.world.hard.term, 5);
    assert_int_equal(bench.world.hard.vote.value, 1);
    drop_bench(&bench);
}

static void held_messages_keep_their_order(void **state)
{
    struct raft_message vote = vote_message();
    struct raft_message now = {.type = RAFT_IO_TIMEOUT_NOW};
    struct bench bench;

    (void)state;
    setup_bench(&bench, 1024);
    assert_int_equal(bench.io.base.set_term(&bench.io.base, 5), 0);
    assert_int_equal(send(&bench, &vote), 0);
    assert_int_equal(bench.io.base.set_term(&bench.io.base, 6), 0);
    assert_int_equal(send(&bench, &now), 0);
    assert_true(fake_wal_step(&bench.world));
    assert_int_equal(bench.world.sent_count, 1);
    assert_int_equal(sw_wire_kind(sw_buf_span(&bench.world.sent[0].bytes)), SW_WIRE_VOTE);
    assert_true(fake_wal_step(&bench.world));
    assert_int_equal(bench.world.sent_count, 2);
    drop_bench(&bench);
}

static void completions_never_come_inside_the_call(void **state)
{
    struct raft_message message = vote_message();
    struct bench bench;

    (void)state;
    setup_bench(&bench, 1024);
    assert_int_equal(send(&bench, &message), 0);
    assert_int_equal(send_calls, 0);
    assert_true(sw__io_run_deferred(&bench.io));
    assert_int_equal(send_calls, 1);
    assert_int_equal(send_status, 0);
    drop_bench(&bench);
}

static void a_dead_peer_fails_before_anything_is_serialised(void **state)
{
    struct raft_message message = vote_message();
    struct bench bench;

    (void)state;
    setup_bench(&bench, 1024);
    bench.world.peers_down = true;
    assert_int_equal(send(&bench, &message), 0); /* never an error to the caller */
    assert_int_equal(bench.io.scratch.size, 0);
    (void)sw__io_run_deferred(&bench.io);
    assert_int_equal(send_status, RAFT_NOCONNECTION);
    bench.world.peers_down = false;
    bench.world.link_busy = true;
    assert_int_equal(send(&bench, &message), 0);
    (void)sw__io_run_deferred(&bench.io);
    assert_int_equal(send_status, RAFT_NOCONNECTION);
    drop_bench(&bench);
}

/* Unclamped, a receiver would commit what the next part may still overwrite. */
static void appends_are_split_with_a_clamped_commit(void **state)
{
    static char body[400];
    struct raft_entry entries[5];
    struct raft_message message = {.type = RAFT_IO_APPEND_ENTRIES,
                                   .append_entries = {.term = 4,
                                                      .prev_log_index = 10,
                                                      .prev_log_term = 3,
                                                      .leader_commit = 14,
                                                      .entries = entries,
                                                      .n_entries = 5}};
    uint64_t next = 11;
    struct bench bench;

    (void)state;
    setup_bench(&bench, 1000);
    for (unsigned i = 0; i < 5; i++) {
        entries[i] = (struct raft_entry){
            .term = 4, .type = RAFT_COMMAND, .buf = {.base = body, .len = sizeof body}};
    }
    assert_int_equal(send(&bench, &message), 0);
    assert_int_equal(bench.world.sent_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct raft_message part;

        assert_int_equal(sw_wire_decode(sw_buf_span(&bench.world.sent[i].bytes), &part), SW_ERR_OK);
        assert_int_equal(part.append_entries.prev_log_index, next - 1);
        assert_int_equal(part.append_entries.prev_log_term, i == 0 ? 3 : 4);
        next += part.append_entries.n_entries;
        assert_true(part.append_entries.leader_commit <= next - 1);
        assert_int_equal(part.append_entries.leader_commit, next - 1 < 14 ? next - 1 : 14);
        sw_wire_free(&part);
    }
    assert_int_equal(next, 16);
    assert_int_equal(bench.io.stats.appends_split, 2);
    drop_bench(&bench);
}

static uint32_t appended;

static void append_cb(struct raft_io_append *request, int status)
{
    (void)request;
    assert_int_equal(status, 0);
    appended++;
}

static void appends_get_the_next_indexes(void **state)
{
    struct raft_entry entry = {.term = 4, .type = RAFT_COMMAND, .buf = {.base = text_x, .len = 1}};
    struct raft_io_append requests[3];
    struct bench bench;

    (void)state;
    appended = 0;
    setup_bench(&bench, 1024);
    assert_int_equal(bench.io.base.append(&bench.io.base, &requests[0], &entry, 1, append_cb), 0);
    assert_int_equal(bench.io.base.append(&bench.io.base, &requests[1], &entry, 1, append_cb), 0);
    assert_int_equal(appended, 0);
    assert_int_equal(bench.world.count, 2);
    assert_int_equal(bench.io.base.truncate(&bench.io.base, 2), 0);
    assert_int_equal(bench.io.base.append(&bench.io.base, &requests[2], &entry, 1, append_cb), 0);
    assert_int_equal(bench.world.count, 2);
    while (fake_wal_step(&bench.world)) {
    }
    assert_int_equal(appended, 3);
    drop_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leaves_before_the_term_and_vote_are_durable),
        cmocka_unit_test(held_messages_keep_their_order),
        cmocka_unit_test(completions_never_come_inside_the_call),
        cmocka_unit_test(a_dead_peer_fails_before_anything_is_serialised),
        cmocka_unit_test(appends_are_split_with_a_clamped_commit),
        cmocka_unit_test(appends_get_the_next_indexes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
