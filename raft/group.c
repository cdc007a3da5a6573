/* One Raft group: the calls of raft/group.h, and what happens after each call into libraft. */
#include "raft/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "raft/group_private.h"
#include "raft/wire.h"

enum { TURN_PASSES_MAX = 16 };

static bool running(const struct sw_group *group)
{
    return !group->muted && !group->reopening;
}

/* ---- after every call into libraft ---- */

static void barrier_done(struct raft_barrier *barrier, int status)
{
    struct sw_group *group = barrier->data;

    (void)status; /* lost leadership: the next term asks for its own */
    group->barrier_busy = false;
}

/* G2: an entry of the own term, at once, so that nothing older is ever committed by counting. */
static void ask_barrier(struct sw_group *group)
{
    int rv;

    if (group->raft.state != RAFT_LEADER || group->barrier_busy ||
        group->barrier_term == group->raft.current_term ||
        (group->tuning.guard_off & SW_GUARD_G2) != 0) {
        return;
    }
    group->barrier.data = group;
    rv = raft_barrier(&group->raft, &group->barrier, barrier_done);
    SW_ASSERT(rv == 0 || rv == RAFT_NOTLEADER);
    /* Refused while a transfer of an earlier leadership is pending; libraft gives that up within an
     * election timeout, takes no entries before, and this is asked again after every call. */
    if (rv == 0) {
        group->barrier_term = group->raft.current_term;
        group->barrier_busy = true;
    }
}

static struct sw_node_id leader_of(const struct raft *raft)
{
    if (raft->state == RAFT_LEADER) {
        return (struct sw_node_id){raft->id};
    }
    if (raft->state == RAFT_FOLLOWER) {
        return (struct sw_node_id){raft->follower_state.current_leader.id};
    }
    return (struct sw_node_id){0};
}

static enum sw_role role_of(const struct raft *raft)
{
    switch (raft->state) {
    case RAFT_LEADER:
        return SW_ROLE_LEADER;
    case RAFT_CANDIDATE:
        return SW_ROLE_CANDIDATE;
    case RAFT_FOLLOWER:
        return SW_ROLE_FOLLOWER;
    default:
        return SW_ROLE_STOPPED;
    }
}

static void
set_role(struct sw_group *group, enum sw_role role, uint64_t term, struct sw_node_id leader)
{
    const bool led = group->role == SW_ROLE_LEADER;

    if (role == group->role && term == group->term && sw_node_id_equal(leader, group->leader)) {
        return;
    }
    if (leader.value != 0 && !sw_node_id_equal(leader, group->leader)) {
        group->counters.leader_changes++;
    }
    if (led && (role != SW_ROLE_LEADER || term != group->term)) {
        sw_readindex_fail(&group->reads, SW_ERR_LEADERSHIP_LOST);
    }
    sw_readindex_fail(&group->follows, SW_ERR_LEADERSHIP_LOST); /* the question was another's */
    group->role = role;
    group->term = term;
    group->leader = leader;
    group->handler.role_changed(group->handler.arg, role, term, leader);
}

/* The library has no state callback: changes are seen by comparing. */
static void report_role(struct sw_group *group)
{
    set_role(group, role_of(&group->raft), group->raft.current_term, leader_of(&group->raft));
}

/* libraft must not go on once it refuses to: every cause of that is prevented or a bug. */
static void check_available(const struct sw_group *group)
{
    SW_ASSERT(group->muted || group->reopening || group->raft.state != RAFT_UNAVAILABLE);
}

static void reopened(struct raft *raft)
{
    struct sw_group *group = raft->data;

    SW_ASSERT(group->reopening);
    group->reopen_ready = true;
}

/* G10: cut the log on disk, remember the rest, and let libraft start over on it. It may lead, in a
 * term that is over: what it is told to cut comes from the leader of a newer one, and what that one
 * does not have was never committed. To the user it looks like any end of a leadership. */
static void begin_reopen(struct sw_group *group)
{
    const raft_index from = group->reopen_from;

    SW_ASSERT(!group->reopening);
    SW_ASSERT(from > group->raft.commit_index);
    if (group->raft.state == RAFT_LEADER) {
        SW_MARK("raft.reopened_while_leading");
    }
    group->reopen_from = 0;
    group->reopening = true;
    group->counters.reopened++;
    sw__group_install_drop(group);
    sw__group_capture(group, from, &group->reopen_loaded);
    group->wal->ops->truncate(group->wal, group->id, from, NULL, NULL);
    sw_guard_drain(&group->guard);
    raft_close(&group->raft, reopened);
    group->snapshot_stale = group->snapshot_user;
    group->snapshot_asked = false;
    set_role(group, SW_ROLE_FOLLOWER, group->io.hard.term, (struct sw_node_id){0});
}

static void finish_reopen(struct sw_group *group)
{
    struct sw_wal_group loaded = group->reopen_loaded;

    SW_ASSERT(group->reopen_ready);
    group->reopen_loaded = (struct sw_wal_group){0};
    group->reopening = false;
    group->reopen_ready = false;
    group->members_known = false;
    sw_guard_release(&group->guard);
    sw__io_release(&group->io);
    sw__group_start(group, &loaded, false);
    group->restored = false; /* the user's state is where it was */
}

void sw__group_after(struct sw_group *group)
{
    SW_ASSERT(group != NULL);
    if (!running(group)) {
        return;
    }
    check_available(group);
    ask_barrier(group);
    sw_guard_after(&group->guard);
    if (group->reopen_from != 0) {
        begin_reopen(group);
        return;
    }
    sw__group_compact(group);
    report_role(group);
    sw__group_members_after(group);
}

/* ---- life ---- */

enum sw_err sw_group_new(const struct sw_group_config *config,
                         struct sw_group **ret_group,
                         char ret_why[SW_WHY_SIZE])
{
    struct sw_group *group = calloc(1, sizeof *group);
    struct sw_wal_group loaded = {0};
    bool bootstrap = false;
    enum sw_err err;

    SW_ASSERT(group != NULL);
    SW_ASSERT(config->id.value != 0 && config->self.value != 0);
    group->id = config->id;
    group->self = config->self;
    group->tuning = config->tuning;
    group->tuning.guard_off |= sw_guard_planted();
    if (group->tuning.append_size_max == 0) {
        group->tuning.append_size_max = SW_APPEND_SIZE_MAX;
    }
    group->env = config->env;
    group->wal = config->wal;
    group->link = config->link;
    group->handler = config->handler;
    group->role = SW_ROLE_STOPPED;
    group->follows.seq =
        sw_env_random(config->env); /* an answer to an earlier life fits no question */
    (void)snprintf(
        group->address, sizeof group->address, "node-%llu", (unsigned long long)config->self.value);
    for (uint32_t i = 0; i < config->member_count; i++) {
        if (sw_node_id_equal(config->members[i].node, config->self)) {
            (void)snprintf(group->address, sizeof group->address, "%s", config->members[i].address);
        }
    }
    err = sw__group_load(group, config, &loaded, &bootstrap, ret_why);
    if (err != SW_ERR_OK) {
        sw_wal_group_release(&loaded);
        free(group);
        return err;
    }
    group->muted = true; /* nobody has the handle yet: the first turn reports */
    group->handed = loaded.snapshot_index;
    sw__group_start(group, &loaded, bootstrap);
    group->restored = false;
    group->muted = false;
    *ret_group = group;
    return SW_ERR_OK;
}

static void group_free(struct sw_group *group)
{
    sw__group_install_drop(group);
    sw_guard_release(&group->guard);
    sw__io_release(&group->io);
    sw_readindex_release(&group->reads);
    sw_readindex_release(&group->follows);
    sw_wal_group_release(&group->reopen_loaded);
    free(group);
}

static void stop_closed(struct raft *raft)
{
    struct sw_group *group = raft->data;
    void (*stopped)(void *arg) = group->stopped;
    void *arg = group->stopped_arg;

    group_free(group);
    if (stopped != NULL) {
        stopped(arg);
    }
}

void sw_group_stop(struct sw_group *group, void (*done)(void *arg), void *arg)
{
    SW_ASSERT(!group->muted);
    group->stopped = done;
    group->stopped_arg = arg;
    sw_readindex_fail(&group->reads, SW_ERR_SHUTTING_DOWN);
    sw_readindex_fail(&group->follows, SW_ERR_SHUTTING_DOWN);
    group->muted = true;
    if (group->reopening) {
        if (!group->reopen_ready) {
            group->raft.close_cb = stop_closed; /* already closing: only who is told changes */
            return;
        }
        stop_closed(&group->raft);
        return;
    }
    sw_guard_drain(&group->guard);
    group->closing = true;
    raft_close(&group->raft, stop_closed);
}

void sw_group_crash(struct sw_group *group)
{
    SW_ASSERT(group != NULL);
    group->muted = true;
    group->stopped = NULL;
    group->io.dead = true;
    if (group->closing) {
        sw__io_abandon(&group->io); /* the close that is under way ends inside */
        return;
    }
    sw_guard_drain(&group->guard);
    if (group->reopening) {
        if (group->reopen_ready) {
            stop_closed(&group->raft);
            return;
        }
        group->raft.close_cb = stop_closed;
        sw__io_abandon(&group->io);
        return;
    }
    /* A dead io completes what is under way inside, and so the group is freed on return. */
    raft_close(&group->raft, stop_closed);
}

/* ---- messages and time ---- */

struct sw_group_id sw_group_of_message(struct sw_span message)
{
    return sw_wire_group(message);
}

void sw__group_send_probe(struct sw_group *group,
                          enum sw_wire_kind kind,
                          struct sw_node_id to,
                          struct sw_wire_probe probe)
{
    struct sw_buf bytes = {0};

    sw_wire_encode_probe(group->id, kind, probe, &bytes);
    sw__io_send_bytes(&group->io, to, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
}

static void send_probes(struct sw_group *group)
{
    const struct sw_wire_probe probe = {.term = group->reads.term, .seq = group->reads.seq};

    SW_ASSERT(probe.term != 0);
    group->probe_ms = sw_env_now_ms(group->env);
    for (unsigned i = 0; i < group->raft.configuration.n; i++) {
        const struct raft_server *server = &group->raft.configuration.servers[i];

        if (server->role == RAFT_VOTER && server->id != group->self.value) {
            sw__group_send_probe(group, SW_WIRE_PROBE, (struct sw_node_id){server->id}, probe);
        }
    }
}

static void settle_reads(struct sw_group *group)
{
    const struct raft_server *self = sw__group_server(group, group->self);

    if (group->raft.state != RAFT_LEADER || group->reads.term != group->raft.current_term) {
        return;
    }
    sw_readindex_settle(
        &group->reads, sw_guard_voters(&group->raft), self != NULL && self->role == RAFT_VOTER);
}

/* Something to apply, where nothing else comes: one at a time. */
static void append_barrier(struct sw_group *group)
{
    int rv;

    if (group->raft.state != RAFT_LEADER || group->barrier_busy) {
        return;
    }
    group->barrier_busy = true;
    group->barrier.data = group;
    rv = raft_barrier(&group->raft, &group->barrier, barrier_done);
    group->barrier_busy = rv == 0; /* not while leadership is handed over: asked again */
}

/* The library looks at its snapshot threshold only when it applies something, which on an idle
 * group is never: a leader appends a barrier, a follower asks its leader for one. */
static void nudge(struct sw_group *group)
{
    const uint64_t now_ms = sw_env_now_ms(group->env);

    if (!running(group) || !group->snapshot_requested || now_ms < group->nudge_ms) {
        return;
    }
    SW_MARK("raft.snapshot_nudged");
    group->nudge_ms = now_ms + group->tuning.heartbeat_ms;
    sw__group_compact(group); /* sets the threshold */
    if (group->raft.state == RAFT_LEADER) {
        append_barrier(group);
    } else if (leader_of(&group->raft).value != 0) {
        sw__group_send_probe(group,
                             SW_WIRE_NUDGE,
                             leader_of(&group->raft),
                             (struct sw_wire_probe){.term = group->raft.current_term});
    }
}

static void receive_probe(struct sw_group *group,
                          struct sw_node_id from,
                          const struct raft_server *server,
                          struct sw_span message)
{
    struct sw_wire_probe probe;

    if (sw_wire_decode_probe(message, &probe) != SW_ERR_OK) {
        group->counters.guard_drops++;
        return;
    }
    if (sw_wire_kind(message) == SW_WIRE_PROBE) {
        /* The answer goes behind the hold: a newer term that is not durable yet counts already. */
        if (probe.term == group->raft.current_term) {
            sw__group_send_probe(group, SW_WIRE_PROBE_ACK, from, probe);
        }
        return;
    }
    if (sw_wire_kind(message) == SW_WIRE_NUDGE) {
        append_barrier(group);
        return;
    }
    if (sw_wire_kind(message) == SW_WIRE_ASK_POINT || sw_wire_kind(message) == SW_WIRE_POINT) {
        sw__group_follow_receive(group, (enum sw_wire_kind)sw_wire_kind(message), from, probe);
        return;
    }
    if (sw_wire_kind(message) != SW_WIRE_PROBE_ACK) {
        return;
    }
    if (server->role == RAFT_VOTER) {
        sw_readindex_acked(&group->reads, probe.term, probe.seq, from);
        settle_reads(group);
    }
}

/* What a sender may not say: libraft would believe it. */
static bool message_credible(const struct raft_message *message)
{
    return message->type != RAFT_IO_REQUEST_VOTE ||
           message->request_vote.candidate_id == message->server_id;
}

void sw_group_receive(struct sw_group *group, struct sw_node_id from, struct sw_span message)
{
    const struct raft_server *server;
    struct raft_message decoded;

    SW_ASSERT(sw_wire_group(message).value == group->id.value);
    if (!running(group)) {
        return;
    }
    server = sw__group_server(group, from);
    /* A sender outside of the configuration is heard all the same (Raft paper, section 6): ours may
     * be one that never gets committed. Whose votes and results count, libraft looks up. */
    if (sw_wire_kind(message) >= SW_WIRE_PROBE) {
        if (server != NULL) {
            receive_probe(group, from, server, message);
        }
        return;
    }
    if (sw_wire_decode(message, &decoded) != SW_ERR_OK) {
        group->counters.guard_drops++;
        return;
    }
    decoded.server_id = from.value;
    decoded.server_address = server != NULL ? server->address : "";
    if (!message_credible(&decoded)) {
        sw_wire_free(&decoded);
        group->counters.guard_drops++;
        return;
    }
    if (decoded.type == RAFT_IO_INSTALL_SNAPSHOT) {
        sw__group_install(group, &decoded);
    } else {
        sw__io_receive(&group->io, &decoded);
    }
    sw__group_after(group);
}

void sw_group_tick(struct sw_group *group)
{
    SW_ASSERT(group != NULL);
    if (!running(group)) {
        return;
    }
    sw__io_tick(&group->io);
    sw__group_after(group);
    if (running(group) && sw_readindex_probing(&group->reads) &&
        sw_env_now_ms(group->env) >= group->probe_ms + group->tuning.heartbeat_ms) {
        SW_MARK("raft.probe_repeated");
        send_probes(group); /* lost, perhaps */
    }
    if (running(group) && sw_readindex_probing(&group->reads) &&
        SW_BUGGIFY("raft.probe_again", 300)) {
        send_probes(group);
    }
    if (running(group)) {
        sw__group_follow_tick(group);
    }
    nudge(group);
}

static void turn_reads(struct sw_group *group)
{
    if (group->raft.state != RAFT_LEADER) {
        if (sw_readindex_count(&group->reads) > 0) {
            SW_MARK("raft.reads_refused");
            sw_readindex_fail(&group->reads, SW_ERR_NOT_LEADER);
        }
        return;
    }
    if (sw_readindex_wants_probe(&group->reads) && !SW_BUGGIFY("raft.probe_later", 200) &&
        (sw_guard_own_term_committed(&group->guard) || SW_PLANTED(READ_BEFORE_OWN_TERM))) {
        (void)sw_readindex_begin(&group->reads, group->raft.current_term, group->raft.commit_index);
        send_probes(group);
    }
    settle_reads(group);
    sw_readindex_serve(&group->reads, group->handed);
}

void sw_group_turn_end(struct sw_group *group)
{
    uint32_t passes = 0;

    SW_ASSERT(group != NULL);
    if (group->reopen_ready && !group->muted) {
        finish_reopen(group);
    }
    while (passes++ < TURN_PASSES_MAX && sw__io_run_deferred(&group->io)) {
        sw__group_after(group);
    }
    sw__group_members_turn_end(group);
    if (!running(group)) {
        return;
    }
    sw__group_after(group); /* completions of the WAL came without a call of ours */
    if (!running(group)) {
        return;
    }
    turn_reads(group);
    sw__group_follow_turn_end(group);
    /* The log behind a snapshot goes once its user is done, so all of it is handed over before. */
    if (group->snapshot_asked && !group->snapshot_user &&
        group->handed >= group->raft.snapshot.pending.index) {
        group->snapshot_asked = false;
        group->snapshot_user = true;
        group->handler.snapshot_wanted(group->handler.arg);
    }
    if (group->install_asked) {
        group->install_asked = false;
        group->handler.install_wanted(
            group->handler.arg,
            (struct sw_node_id){group->install.server_id},
            (struct sw_group_snapshot){.index = group->install.install_snapshot.last_index});
    }
}

/* ---- proposals, reads, transfers ---- */

struct proposal {
    struct raft_apply request;
    struct sw_group *group;
};

/* May run while libraft still calls itself leader: only counts. */
static void proposal_done(struct raft_apply *request, int status, void *result)
{
    struct proposal *proposal = request->data;
    struct sw_group *group = proposal->group;

    (void)result;
    SW_ASSERT(group->in_flight > 0);
    group->in_flight--;
    if (status == 0) {
        group->counters.proposals_committed++;
    } else {
        group->counters.proposals_failed++;
    }
    free(proposal);
}

bool sw_group_can_propose(const struct sw_group *group)
{
    return running(group) && group->raft.state == RAFT_LEADER && group->raft.transfer == NULL &&
           group->in_flight < SW_ENTRY_IN_FLIGHT_MAX;
}

uint32_t sw_group_in_flight(const struct sw_group *group)
{
    SW_ASSERT(group->in_flight <= SW_ENTRY_IN_FLIGHT_MAX);
    return group->in_flight;
}

enum sw_err sw_group_propose(struct sw_group *group,
                             struct sw_span body,
                             uint64_t *ret_index,
                             uint64_t *ret_term)
{
    struct proposal *proposal;
    struct raft_buffer buffer;
    int rv;

    SW_ASSERT(body.size > 0);
    SW_ASSERT(body.size <= SW_ENTRY_SIZE_MAX);
    if (!running(group) || group->raft.state != RAFT_LEADER) {
        return SW_ERR_NOT_LEADER;
    }
    ask_barrier(group);
    if (!sw_group_can_propose(group) || SW_BUGGIFY("raft.propose_busy", 20)) {
        return SW_ERR_BUSY;
    }
    buffer.len = body.size;
    buffer.base = raft_malloc(body.size);
    SW_ASSERT(buffer.base != NULL);
    memcpy(buffer.base, body.data, body.size);
    proposal = calloc(1, sizeof *proposal);
    SW_ASSERT(proposal != NULL);
    proposal->group = group;
    proposal->request.data = proposal;
    group->in_flight++;
    rv = raft_apply(&group->raft, &proposal->request, &buffer, 1, proposal_done);
    if (rv != 0) {
        group->in_flight--;
        raft_free(buffer.base);
        free(proposal);
        return rv == RAFT_NOTLEADER ? SW_ERR_NOT_LEADER : SW_ERR_BUSY;
    }
    *ret_index = raft_last_index(&group->raft);
    *ret_term = group->raft.current_term;
    return SW_ERR_OK;
}

void sw_group_read(struct sw_group *group, sw_group_read_fn ready, void *arg)
{
    SW_ASSERT(ready != NULL);
    group->counters.reads++;
    sw_readindex_add(&group->reads, ready, arg); /* the end of the turn probes, or refuses */
}

static void transfer_done(struct raft_transfer *transfer)
{
    raft_free(transfer);
}

enum sw_err sw_group_transfer(struct sw_group *group, struct sw_node_id target)
{
    struct raft_transfer *transfer;
    int rv;

    SW_ASSERT(group != NULL);
    if (!running(group) || group->raft.state != RAFT_LEADER) {
        return SW_ERR_NOT_LEADER;
    }
    if (group->raft.transfer != NULL || SW_BUGGIFY("raft.transfer_busy", 200)) {
        SW_MARK("raft.transfer_under_way");
        return SW_ERR_BUSY;
    }
    transfer = raft_calloc(1, sizeof *transfer);
    SW_ASSERT(transfer != NULL);
    rv = raft_transfer(&group->raft, transfer, target.value, transfer_done);
    if (rv != 0) {
        raft_free(transfer);
        return rv == RAFT_NOTLEADER ? SW_ERR_NOT_LEADER : SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

void sw_group_request_snapshot(struct sw_group *group)
{
    SW_ASSERT(group != NULL);
    group->snapshot_requested = true;
    group->nudge_ms = 0;
    nudge(group);
}

void sw_group_status(const struct sw_group *group, struct sw_group_status *ret_status)
{
    struct sw_group_status status = group->counters;

    SW_ASSERT(ret_status != NULL);
    status.role = group->role;
    status.term = group->raft.current_term;
    status.leader = group->leader;
    /* A library that was reopened has to learn again what is committed. */
    status.commit_index =
        group->handed > group->raft.commit_index ? group->handed : group->raft.commit_index;
    status.handed_index = group->handed;
    status.snapshot_index = group->io.snapshot_index;
    status.in_flight = group->in_flight;
    status.read_probes = group->reads.probes;
    status.appends_split = group->io.stats.appends_split;
    status.installs_sent = group->io.stats.installs_sent;
    status.guard_drops += group->guard.drops;
    if (group->reopening) {
        status.last_index = status.commit_index; /* for now nothing is known of the rest */
    } else {
        status.first_index = group->raft.log.offset + 1;
        status.last_index = group->io.next_index - 1;
        status.voters = sw_guard_voters(&group->raft);
        status.members = group->raft.configuration.n;
        status.members_index = group->members_index;
        status.members_committed = group->members_committed;
    }
    *ret_status = status;
}
