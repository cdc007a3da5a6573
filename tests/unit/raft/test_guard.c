/* Goal: each rule of the guard, by its name: with the rule libraft is kept from the fault, without
 * it (guard_off) the same steps show the fault. libraft itself is played by the test: its state is
 * a public struct, and what it would call is called from `played_recv`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "raft/guard.h"

enum { LOG_SIZE = 64, SENT_MAX = 16, APPEND_MAX = 16 };

struct world {
    struct raft raft;
    struct raft_io inner;
    struct sw_guard guard;
    struct raft_server servers[3];
    struct raft_entry log[LOG_SIZE];
    struct raft_message sent[SENT_MAX];
    uint32_t sent_count;
    struct raft_io_append *appends[APPEND_MAX]; /* asked of the inner io, not completed */
    uint32_t append_count;
    struct raft_io_append requests[APPEND_MAX];
    uint32_t request_count;
    uint32_t completed; /* completions that libraft saw */
    struct raft_message received[SENT_MAX];
    uint32_t received_count;
    uint32_t ticks;
    raft_index reopened_from;
    raft_io_tick_cb guard_tick;
    raft_io_recv_cb guard_recv;
    void (*play)(struct world *world, struct raft_message *message);
};

static struct world *world_of_outer(struct raft_io *io)
{
    struct sw_guard *guard = io->impl;

    return guard->reopen_arg;
}

static int inner_send(struct raft_io *io,
                      struct raft_io_send *request,
                      const struct raft_message *message,
                      raft_io_send_cb cb)
{
    struct world *world = io->impl;

    (void)request;
    (void)cb;
    assert_true(world->sent_count < SENT_MAX);
    world->sent[world->sent_count++] = *message;
    return 0;
}

static int inner_append(struct raft_io *io,
                        struct raft_io_append *request,
                        const struct raft_entry entries[],
                        unsigned n,
                        raft_io_append_cb cb)
{
    struct world *world = io->impl;

    (void)entries;
    (void)n;
    request->cb = cb;
    assert_true(world->append_count < APPEND_MAX);
    world->appends[world->append_count++] = request;
    return 0;
}

enum { PLAYED_NOW_MS = 100000 };

static raft_time inner_time(struct raft_io *io)
{
    (void)io;
    return PLAYED_NOW_MS;
}

static int inner_truncate(struct raft_io *io, raft_index index)
{
    (void)io;
    (void)index;
    return 0;
}

static int
inner_start(struct raft_io *io, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv)
{
    struct world *world = io->impl;

    (void)msecs;
    world->guard_tick = tick;
    world->guard_recv = recv;
    return 0;
}

static void played_tick(struct raft_io *io)
{
    world_of_outer(io)->ticks++;
}

static void played_recv(struct raft_io *io, struct raft_message *message)
{
    struct world *world = world_of_outer(io);

    assert_true(world->received_count < SENT_MAX);
    world->received[world->received_count++] = *message;
    if (world->play != NULL) {
        world->play(world, message);
    }
}

static void played_reopen(void *arg, raft_index from)
{
    ((struct world *)arg)->reopened_from = from;
}

static void append_seen(struct raft_io_append *request, int status)
{
    struct world *world = request->data;

    assert_int_equal(status, 0);
    world->completed++;
}

/* The library's log as of index 1..count, with the given terms; the first is a configuration. */
static void set_log(struct world *world, const raft_term *terms, size_t count)
{
    assert_true(count < LOG_SIZE);
    for (size_t i = 0; i < count; i++) {
        world->log[i] =
            (struct raft_entry){.term = terms[i], .type = i == 0 ? RAFT_CHANGE : RAFT_COMMAND};
    }
    world->raft.log.entries = world->log;
    world->raft.log.size = LOG_SIZE;
    world->raft.log.front = 0;
    world->raft.log.back = count;
    world->raft.last_stored = count;
    world->guard.next_index = count + 1;
}

static void setup_world(struct world *world, uint32_t off)
{
    memset(world, 0, sizeof *world);
    for (unsigned i = 0; i < 3; i++) {
        world->servers[i] = (struct raft_server){.id = i + 1, .role = RAFT_VOTER};
    }
    world->raft.id = 1;
    world->raft.configuration = (struct raft_configuration){.servers = world->servers, .n = 3};
    world->raft.state = RAFT_FOLLOWER;
    world->raft.current_term = 5;
    world->inner = (struct raft_io){.version = 2,
                                    .impl = world,
                                    .send = inner_send,
                                    .append = inner_append,
                                    .truncate = inner_truncate,
                                    .start = inner_start,
                                    .time = inner_time};
    sw_guard_init(&world->guard, &world->inner, &world->raft, off);
    world->guard.reopen = played_reopen;
    world->guard.reopen_arg = world;
    assert_int_equal(world->guard.outer.start(&world->guard.outer, 50, played_tick, played_recv),
                     0);
}

static void drop_world(struct world *world)
{
    for (uint32_t i = 0; i < world->append_count; i++) {
        world->appends[i]->cb(world->appends[i], 0);
    }
    world->append_count = 0;
    sw_guard_drain(&world->guard);
    sw_guard_release(&world->guard);
}

/* The guard's own receive and tick, as the inner io would call them. */
static void receive(struct world *world, struct raft_message message)
{
    world->guard_recv(&world->inner, &message);
}

static void tick(struct world *world)
{
    world->guard_tick(&world->inner);
}

static void append(struct world *world, unsigned n)
{
    struct raft_io_append *request = &world->requests[world->request_count++];
    struct raft_entry entries[8] = {0};

    assert_true(n <= 8);
    request->data = world;
    assert_int_equal(
        world->guard.outer.append(&world->guard.outer, request, entries, n, append_seen), 0);
}

static void store_oldest(struct world *world)
{
    struct raft_io_append *request = world->appends[0];

    assert_true(world->append_count > 0);
    world->append_count--;
    memmove(world->appends, world->appends + 1, world->append_count * sizeof world->appends[0]);
    request->cb(request, 0);
}

static struct raft_message append_entries(raft_term term, raft_index prev, raft_term prev_term)
{
    return (struct raft_message){
        .type = RAFT_IO_APPEND_ENTRIES,
        .server_id = 2,
        .server_address = "",
        .append_entries = {.term = term, .prev_log_index = prev, .prev_log_term = prev_term}};
}

static void reply(struct world *world, raft_index rejected, raft_index last)
{
    static struct raft_io_send request;
    const struct raft_message message = {.type = RAFT_IO_APPEND_ENTRIES_RESULT,
                                         .server_id = 2,
                                         .append_entries_result = {.term = world->raft.current_term,
                                                                   .rejected = rejected,
                                                                   .last_log_index = last}};

    assert_int_equal(world->guard.outer.send(&world->guard.outer, &request, &message, NULL), 0);
}

/* What 0.15.0 does with an empty AppendEntries whose previous entry matches: it acknowledges its
 * whole log and commits as far as the leader says. */
static void play_heartbeat(struct world *world, struct raft_message *message)
{
    const raft_index commit = message->append_entries.leader_commit;

    world->raft.commit_index = commit < world->raft.last_stored ? commit : world->raft.last_stored;
    reply(world, 0, world->raft.last_stored);
}

static void g1_run(uint32_t off, raft_index *ret_acked, raft_index *ret_commit)
{
    static const raft_term terms[] = {1, 1, 2, 2, 2}; /* 3..5: a stale tail of term 2 */
    struct raft_message message = append_entries(5, 2, 1);
    struct world world;

    setup_world(&world, off);
    set_log(&world, terms, 5);
    world.play = play_heartbeat;
    message.append_entries.leader_commit = 4;
    receive(&world, message);
    *ret_acked = world.sent[0].append_entries_result.last_log_index;
    *ret_commit = world.raft.commit_index;
    drop_world(&world);
}

static void g1_acknowledges_only_what_this_terms_leader_verified(void **state)
{
    raft_index acked = 0;
    raft_index commit = 0;

    (void)state;
    g1_run(0, &acked, &commit);
    assert_int_equal(acked, 2);
    assert_int_equal(commit, 2);
    g1_run(SW_GUARD_G1, &acked, &commit);
    assert_int_equal(acked, 5);  /* the fault: a stale tail counts as replicated ... */
    assert_int_equal(commit, 4); /* ... and is committed */
}

static struct raft_message result(raft_id from, raft_term term, raft_index last)
{
    return (struct raft_message){.type = RAFT_IO_APPEND_ENTRIES_RESULT,
                                 .server_id = from,
                                 .server_address = "",
                                 .append_entries_result = {.term = term, .last_log_index = last}};
}

/* A leader of term 5 over a log of old terms; its own first entry, index 6, is not stored yet. */
static void lead(struct world *world, uint32_t off)
{
    static const raft_term terms[] = {1, 1, 2, 2, 2};

    setup_world(world, off);
    set_log(world, terms, 5);
    world->raft.state = RAFT_LEADER;
    append(world, 1); /* the barrier */
}

static uint32_t g2_run(uint32_t off)
{
    struct world world;
    uint32_t early;

    lead(&world, off);
    receive(&world, result(2, 5, 5)); /* a quorum holds index 5, of term 2: may not count */
    early = world.received_count;
    world.raft.last_stored = 6;
    store_oldest(&world);
    sw_guard_after(&world.guard);
    assert_int_equal(world.received_count, 1); /* not lost: counted once the own entry is stored */
    drop_world(&world);
    return early;
}

static void g2_counts_nothing_before_an_entry_of_the_own_term_is_stored(void **state)
{
    (void)state;
    assert_int_equal(g2_run(0), 0);
    assert_int_equal(g2_run(SW_GUARD_G2), 1);
}

static uint32_t g3_run(uint32_t off, raft_id candidate)
{
    struct raft_message message = {.type = RAFT_IO_REQUEST_VOTE,
                                   .server_id = candidate,
                                   .server_address = "",
                                   .request_vote = {.term = 5, .candidate_id = candidate}};
    struct world world;
    uint32_t received;

    setup_world(&world, off);
    world.raft.voted_for = 1; /* itself: it led this term and handed leadership over */
    receive(&world, message);
    received = world.received_count;
    drop_world(&world);
    return received;
}

static void g3_votes_once_a_term(void **state)
{
    (void)state;
    assert_int_equal(g3_run(0, 2), 0);
    assert_int_equal(g3_run(0, 1), 1); /* the same candidate asking again is answered */
    assert_int_equal(g3_run(SW_GUARD_G3, 2), 1);
}

static void play_rejection(struct world *world, struct raft_message *message)
{
    reply(world, message->append_entries.prev_log_index, world->raft.last_stored);
}

static raft_index g4_run(uint32_t off)
{
    static const raft_term terms[] = {1, 1, 3, 3, 3, 3, 3, 3};
    struct world world;
    raft_index hint;

    setup_world(&world, off);
    set_log(&world, terms, 8);
    world.raft.commit_index = 1;
    world.play = play_rejection;
    receive(&world, append_entries(5, 7, 2));
    hint = world.sent[0].append_entries_result.last_log_index;
    drop_world(&world);
    return hint;
}

static void g4_skips_a_whole_conflicting_term(void **state)
{
    (void)state;
    assert_int_equal(g4_run(0), 2);
    assert_int_equal(g4_run(SW_GUARD_G4), 8); /* the fault: one entry per heartbeat */
}

static uint32_t g5_run(uint32_t off, uint32_t *ret_after)
{
    struct world world;
    uint32_t at_once;

    lead(&world, off);
    world.raft.last_stored = 6;
    store_oldest(&world); /* the own-term entry itself is never held back */
    assert_int_equal(world.completed, 1);
    append(&world, 2); /* 7, 8 */
    append(&world, 1); /* 9: nobody else holds it yet */
    store_oldest(&world);
    store_oldest(&world);
    at_once = world.completed;
    receive(&world, result(3, 5, 8));
    *ret_after = world.completed;
    world.raft.state = RAFT_FOLLOWER;
    sw_guard_after(&world.guard); /* stepping down lets all of them go */
    assert_int_equal(world.completed, 3);
    drop_world(&world);
    return at_once;
}

static void g5_paces_own_appends_by_the_quorum(void **state)
{
    uint32_t after = 0;

    (void)state;
    assert_int_equal(g5_run(0, &after), 1);
    assert_int_equal(after, 2);
    assert_int_equal(g5_run(SW_GUARD_G5, &after),
                     3); /* the fault: stored runs ahead of the quorum */
}

static void g6_run(uint32_t off, uint32_t *ret_received, uint32_t *ret_ticks)
{
    const struct raft_message vote = {.type = RAFT_IO_REQUEST_VOTE,
                                      .server_id = 2,
                                      .server_address = "",
                                      .request_vote = {.term = 6, .candidate_id = 2}};
    const struct raft_message now = {
        .type = RAFT_IO_TIMEOUT_NOW, .server_id = 2, .server_address = ""};
    struct world world;

    setup_world(&world, off);
    world.raft.snapshot.put.data = &world; /* an install is under way */
    world.raft.last_stored = 0;
    receive(&world, vote);
    receive(&world, now);
    tick(&world);
    *ret_received = world.received_count;
    *ret_ticks = world.ticks;
    drop_world(&world);
}

static void g6_keeps_out_of_elections_while_installing(void **state)
{
    uint32_t received = 0;
    uint32_t ticks = 0;

    (void)state;
    g6_run(0, &received, &ticks);
    assert_int_equal(received, 0);
    assert_int_equal(ticks, 0);
    g6_run(SW_GUARD_G6, &received, &ticks);
    assert_int_equal(received, 2);
    assert_int_equal(ticks, 1);
}

static void g7_run(uint32_t off, uint32_t *ret_received, uint32_t *ret_ticks)
{
    const struct raft_message now = {
        .type = RAFT_IO_TIMEOUT_NOW, .server_id = 2, .server_address = ""};
    struct world world;

    setup_world(&world, off);
    world.raft.election_timeout = 300;
    append(&world, 1); /* being persisted */
    receive(&world, now);
    tick(&world);
    sw_guard_after(&world.guard);
    *ret_received = world.received_count;
    *ret_ticks = world.ticks;
    store_oldest(&world);
    tick(&world);
    assert_int_equal(world.ticks, *ret_ticks + 1);
    sw_guard_after(&world.guard);
    sw_guard_after(&world.guard);
    assert_int_equal(world.received_count, 1); /* it only waited, and comes once */
    drop_world(&world);
}

static void g7_keeps_out_of_elections_while_persisting(void **state)
{
    uint32_t received = 0;
    uint32_t ticks = 0;

    (void)state;
    g7_run(0, &received, &ticks);
    assert_int_equal(received, 0);
    assert_int_equal(ticks, 0);
    g7_run(SW_GUARD_G7, &received, &ticks);
    assert_int_equal(received, 1);
    assert_int_equal(ticks, 1);
}

static void g7_forgets_a_hand_over_that_waited_too_long(void **state)
{
    const struct raft_message now = {
        .type = RAFT_IO_TIMEOUT_NOW, .server_id = 2, .server_address = ""};
    struct world world;

    (void)state;
    setup_world(&world, 0);
    world.raft.election_timeout = 300;
    append(&world, 1);
    receive(&world, now);
    world.guard.timeout_since -= 300; /* a slow disk */
    store_oldest(&world);
    sw_guard_after(&world.guard);
    assert_int_equal(world.received_count, 0);
    drop_world(&world);
}

static void g8_changes_members_only_after_the_own_term_committed(void **state)
{
    struct world world;

    (void)state;
    lead(&world, 0);
    world.raft.commit_index = 5;
    assert_false(sw_guard_change_allowed(&world.guard));
    world.raft.commit_index = 6;
    assert_true(sw_guard_change_allowed(&world.guard));
    drop_world(&world);
    lead(&world, SW_GUARD_G8);
    assert_true(sw_guard_change_allowed(&world.guard));
    drop_world(&world);
}

static void g9_takes_no_snapshot_with_an_unapplied_configuration(void **state)
{
    static const raft_term terms[] = {1, 1, 2};
    struct world world;

    (void)state;
    setup_world(&world, 0);
    set_log(&world, terms, 3);
    world.log[2].type = RAFT_CHANGE;
    world.raft.last_applied = 2;
    assert_false(sw_guard_snapshot_allowed(&world.guard));
    world.raft.last_applied = 3;
    assert_true(sw_guard_snapshot_allowed(&world.guard));
    world.raft.last_applied = 2;
    world.guard.off = SW_GUARD_G9;
    assert_true(sw_guard_snapshot_allowed(&world.guard));
    drop_world(&world);
}

/* A leader's entry of term 5 conflicts with our configuration entry at index 3. */
static raft_index g10_run(uint32_t off, uint32_t *ret_received)
{
    static const raft_term terms[] = {1, 1, 2, 2};
    struct raft_message message = append_entries(5, 2, 1);
    struct world world;
    raft_index from;

    setup_world(&world, off);
    set_log(&world, terms, 4);
    world.log[3].type = RAFT_CHANGE;
    message.append_entries.n_entries = 1;
    message.append_entries.entries = raft_calloc(1, sizeof(struct raft_entry));
    message.append_entries.entries[0].term = 5;
    message.append_entries.entries[0].batch = raft_malloc(8);
    receive(&world, message);
    *ret_received = world.received_count;
    if (world.received_count == 1) {
        raft_free(world.received[0].append_entries.entries[0].batch);
        raft_free(world.received[0].append_entries.entries);
    }
    from = world.reopened_from;
    drop_world(&world);
    return from;
}

static void g10_reopens_instead_of_rolling_a_configuration_back(void **state)
{
    uint32_t received = 0;

    (void)state;
    assert_int_equal(g10_run(0, &received), 3);
    assert_int_equal(received, 0);
    assert_int_equal(g10_run(SW_GUARD_G10, &received), 0);
    assert_int_equal(received, 1);
}

static raft_term g11_run(uint32_t off, bool granted)
{
    static struct raft_io_send request;
    const struct raft_message refusal = {
        .type = RAFT_IO_REQUEST_VOTE_RESULT,
        .server_id = 2,
        .request_vote_result = {.term = 3, .vote_granted = granted, .pre_vote = raft_tribool_true}};
    struct world world;
    raft_term term;

    setup_world(&world, off);
    assert_int_equal(world.guard.outer.send(&world.guard.outer, &request, &refusal, NULL), 0);
    term = world.sent[0].request_vote_result.term;
    drop_world(&world);
    return term;
}

static void g11_tells_the_higher_term_with_a_refusal(void **state)
{
    (void)state;
    assert_int_equal(g11_run(0, false), 5);
    assert_int_equal(g11_run(0, true), 3); /* a grant speaks of the term that was asked about */
    assert_int_equal(g11_run(SW_GUARD_G11, false), 3);
}

/* The log begins at 4; entries 1..5 arrive once more, late. */
static struct raft_append_entries g12_run(uint32_t off, unsigned count)
{
    static const raft_term terms[] = {2, 2, 2};
    struct raft_message message = append_entries(5, 0, 0);
    struct raft_append_entries seen;
    struct world world;

    setup_world(&world, off);
    set_log(&world, terms, 3);
    world.raft.log.offset = 3;
    world.raft.log.snapshot.last_index = 3;
    world.raft.log.snapshot.last_term = 1;
    message.append_entries.n_entries = count;
    message.append_entries.entries = raft_calloc(count, sizeof(struct raft_entry));
    message.append_entries.entries[0].batch = raft_malloc(8);
    for (unsigned i = 0; i < count; i++) {
        message.append_entries.entries[i].term = i < 3 ? 1 : 2;
        message.append_entries.entries[i].batch = message.append_entries.entries[0].batch;
    }
    receive(&world, message);
    seen = world.received[0].append_entries;
    if (seen.entries != NULL) {
        assert_int_equal(seen.entries[0].term, off == 0 ? 2 : 1);
        raft_free(seen.entries[0].batch);
        raft_free(seen.entries);
    }
    drop_world(&world);
    return seen;
}

static void g12_cuts_what_is_compacted_off_a_late_append(void **state)
{
    struct raft_append_entries seen = g12_run(0, 5);

    (void)state;
    assert_int_equal(seen.prev_log_index, 3);
    assert_int_equal(seen.prev_log_term, 1);
    assert_int_equal(seen.n_entries, 2);
    seen = g12_run(0, 2); /* nothing new in it */
    assert_int_equal(seen.prev_log_index, 3);
    assert_int_equal(seen.n_entries, 0);
    seen = g12_run(SW_GUARD_G12, 5); /* the fault: libraft would append all five behind index 6 */
    assert_int_equal(seen.prev_log_index, 0);
    assert_int_equal(seen.n_entries, 5);
}

/* Acknowledgements of one term say nothing in the next. */
static void g1_forgets_what_an_earlier_terms_leader_verified(void **state)
{
    static const raft_term terms[] = {1, 1, 2, 2, 2};
    struct world world;

    (void)state;
    setup_world(&world, 0);
    set_log(&world, terms, 5);
    world.play = play_heartbeat;
    receive(&world, append_entries(5, 5, 2));
    assert_int_equal(world.sent[0].append_entries_result.last_log_index, 5);
    world.raft.current_term = 6;
    receive(&world, append_entries(6, 2, 1));
    assert_int_equal(world.sent[1].append_entries_result.last_log_index, 2);
    drop_world(&world);
}

/* A success never names an entry that is not on this disk yet. */
static void g1_never_acknowledges_more_than_is_durable(void **state)
{
    static const raft_term terms[] = {1, 1, 2, 2, 2};
    struct world world;

    (void)state;
    setup_world(&world, 0);
    set_log(&world, terms, 5);
    world.raft.last_stored = 4;
    receive(&world, append_entries(5, 5, 2));
    world.guard.in_append = true;
    world.guard.append_last = 5;
    reply(&world, 0, 5);
    world.guard.in_append = false;
    assert_int_equal(world.sent[0].append_entries_result.last_log_index, 4);
    drop_world(&world);
}

static raft_id leader_seen;

static void note_leader(struct world *world, struct raft_message *message)
{
    (void)message;
    leader_seen = world->raft.follower_state.current_leader.id;
}

/* The leader that libraft remembers while it judges a vote, `silent_ms` after it was last heard. */
static int role_seen;

static raft_id g13_run(uint32_t off, raft_time silent_ms)
{
    struct raft_message message = {
        .type = RAFT_IO_REQUEST_VOTE,
        .server_id = 2,
        .server_address = "",
        .request_vote = {.term = 6, .candidate_id = 2, .pre_vote = true}};
    struct world world;

    setup_world(&world, off);
    world.raft.election_timeout = 300;
    world.raft.election_timer_start = PLAYED_NOW_MS - silent_ms;
    world.raft.follower_state.current_leader.id = 3;
    world.play = note_leader;
    receive(&world, message);
    assert_int_equal(world.received_count, 1);
    assert_int_equal(world.raft.follower_state.current_leader.id, 3); /* remembered afterwards */
    drop_world(&world);
    return leader_seen;
}

static void g13_votes_once_the_leader_is_silent(void **state)
{
    (void)state;
    assert_int_equal(g13_run(0, 299), 3);
    assert_int_equal(g13_run(0, 300), 0);
    assert_int_equal(g13_run(SW_GUARD_G13, 300), 3); /* the fault: the slowest timer decides */
}

static void note_role(struct world *world, struct raft_message *message)
{
    (void)message;
    role_seen = world->servers[0].role;
}

static int g14_run(uint32_t off, int role)
{
    struct raft_message message = {.type = RAFT_IO_REQUEST_VOTE,
                                   .server_id = 2,
                                   .server_address = "",
                                   .request_vote = {.term = 6, .candidate_id = 2}};
    struct world world;

    setup_world(&world, off);
    assert_int_equal(world.servers[0].id, world.raft.id);
    world.servers[0].role = role;
    world.play = note_role;
    receive(&world, message);
    assert_int_equal(world.servers[0].role, role); /* for this one call only */
    drop_world(&world);
    return role_seen;
}

static void g14_votes_before_it_knows_that_it_may(void **state)
{
    (void)state;
    assert_int_equal(g14_run(0, RAFT_STANDBY), RAFT_VOTER);
    assert_int_equal(g14_run(0, RAFT_VOTER), RAFT_VOTER);
    assert_int_equal(g14_run(SW_GUARD_G14, RAFT_STANDBY), RAFT_STANDBY); /* the fault */
}

/* A leader with entries 1..4, of which 2 are committed and the third is a configuration, sends to
 * `role` what follows `prev`: how many entries leave, and behind which. */
static unsigned g16_run(uint32_t off, int role, raft_index prev, raft_index *ret_prev)
{
    static struct raft_io_send request;
    static const raft_term terms[] = {1, 2, 2, 2};
    struct raft_message message = {.type = RAFT_IO_APPEND_ENTRIES, .server_id = 2};
    struct world world;

    setup_world(&world, off);
    set_log(&world, terms, 4);
    world.log[2].type = RAFT_CHANGE;
    world.raft.state = RAFT_LEADER;
    world.raft.commit_index = 2;
    world.servers[1].role = role;
    message.append_entries.prev_log_index = prev;
    message.append_entries.prev_log_term = terms[prev - 1];
    message.append_entries.entries = world.log + prev;
    message.append_entries.n_entries = (unsigned)(4 - prev);
    assert_int_equal(world.guard.outer.send(&world.guard.outer, &request, &message, NULL), 0);
    *ret_prev = world.sent[0].append_entries.prev_log_index;
    drop_world(&world);
    return world.sent[0].append_entries.n_entries;
}

static void g16_tells_learners_of_a_configuration_once_it_is_committed(void **state)
{
    raft_index prev;

    (void)state;
    assert_int_equal(g16_run(0, RAFT_STANDBY, 1, &prev), 1); /* entry 2 */
    assert_int_equal(prev, 1);
    assert_int_equal(g16_run(0, RAFT_STANDBY, 2, &prev), 0);
    assert_int_equal(g16_run(0, RAFT_STANDBY, 3, &prev), 0);
    assert_int_equal(prev, 2);
    assert_int_equal(g16_run(0, RAFT_VOTER, 2, &prev), 2);
    assert_int_equal(g16_run(SW_GUARD_G16, RAFT_STANDBY, 2, &prev), 2); /* the fault */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(g1_acknowledges_only_what_this_terms_leader_verified),
        cmocka_unit_test(g1_forgets_what_an_earlier_terms_leader_verified),
        cmocka_unit_test(g1_never_acknowledges_more_than_is_durable),
        cmocka_unit_test(g2_counts_nothing_before_an_entry_of_the_own_term_is_stored),
        cmocka_unit_test(g3_votes_once_a_term),
        cmocka_unit_test(g4_skips_a_whole_conflicting_term),
        cmocka_unit_test(g5_paces_own_appends_by_the_quorum),
        cmocka_unit_test(g6_keeps_out_of_elections_while_installing),
        cmocka_unit_test(g7_keeps_out_of_elections_while_persisting),
        cmocka_unit_test(g7_forgets_a_hand_over_that_waited_too_long),
        cmocka_unit_test(g8_changes_members_only_after_the_own_term_committed),
        cmocka_unit_test(g9_takes_no_snapshot_with_an_unapplied_configuration),
        cmocka_unit_test(g10_reopens_instead_of_rolling_a_configuration_back),
        cmocka_unit_test(g11_tells_the_higher_term_with_a_refusal),
        cmocka_unit_test(g12_cuts_what_is_compacted_off_a_late_append),
        cmocka_unit_test(g13_votes_once_the_leader_is_silent),
        cmocka_unit_test(g14_votes_before_it_knows_that_it_may),
        cmocka_unit_test(g16_tells_learners_of_a_configuration_once_it_is_committed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
