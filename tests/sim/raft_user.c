/* The user of a group: a state that chains all entries, snapshots and installs of it, proposals and
 * reads; each answer of the group is checked here. */
#include <inttypes.h>

#include "base/assert.h"
#include "base/rw.h"
#include "tests/sim/net.h"
#include "tests/sim/raft_mode.h"

/* --- what the group tells its user ------------------------------------------------------------ */

static void
resolve_pending(struct sim_raft_group *slot, uint64_t index, uint64_t term, uint64_t value)
{
    struct sim_world *world = slot->host->world;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < slot->pending_count; i++) {
        const struct sim_pending *pending = &slot->pending[i];

        if (pending->index != index) {
            slot->pending[kept++] = *pending;
        } else if (pending->term == term) {
            world->stats.acked++;
            if (pending->value != value) {
                sim_fail(world,
                         "node %u proposed value %" PRIu64 " as index %" PRIu64 " term %" PRIu64
                         " and got value %" PRIu64 " back",
                         slot->host->number,
                         pending->value,
                         index,
                         term,
                         value);
            }
            if (world->calm && value > sim_raft_of(world)->calm_value[slot->id.value - 1]) {
                sim_raft_of(world)->calm_acked[slot->id.value - 1]++;
            }
        } else {
            world->stats.unknown++;
        }
    }
    slot->pending_count = kept;
}

static void on_committed(void *arg, uint64_t index, uint64_t term, struct sw_span body)
{
    struct sim_raft_group *slot = arg;
    const uint64_t value = sim_log_value(body);

    sim_trace3(slot->host->world, slot->host->number, SIM_TRACE_COMMIT, index, term, value);
    sim_log_committed(slot->log, slot->host->number, index, term, body, &slot->state);
    resolve_pending(slot, index, term, value);
}

static void on_role_changed(void *arg, enum sw_role role, uint64_t term, struct sw_node_id leader)
{
    struct sim_raft_group *slot = arg;
    struct sim_world *world = slot->host->world;

    sim_trace3(world, slot->host->number, SIM_TRACE_ROLE, role, term, leader.value);
    if (term < slot->term) {
        sim_fail(world,
                 "node %u goes back from term %" PRIu64 " to %" PRIu64,
                 slot->host->number,
                 slot->term,
                 term);
    }
    if (role == SW_ROLE_LEADER) {
        sim_log_leader(slot->log, slot->host->number, term);
        if (slot->commit_checked < slot->log->last) {
            slot->commit_checked = slot->log->last; /* others did, and by other voters perhaps */
        }
    } else if (slot->role == SW_ROLE_LEADER) {
        world->stats.unknown += slot->pending_count;
        slot->pending_count = 0;
    }
    slot->role = role;
    slot->term = term;
    slot->leader = leader;
}

static void snapshot_finish(void *arg)
{
    struct sim_raft_group *slot = arg;

    slot->snapshotting = false;
    slot->durable[0] = slot->state;
    slot->durable[1] = slot->state;
    slot->host->world->stats.snapshots++;
    sim_trace3(slot->host->world, slot->host->number, SIM_TRACE_SNAPSHOT, slot->state.index, 0, 0);
    sw_group_snapshot_done(
        slot->group,
        SW_ERR_OK,
        (struct sw_group_snapshot){.index = slot->snapshot.index, .digest = slot->snapshot.digest});
}

static void on_snapshot_wanted(void *arg)
{
    struct sim_raft_group *slot = arg;

    if (slot->snapshotting) {
        sim_fail(slot->host->world,
                 "node %u asks for a snapshot while one is under way",
                 slot->host->number);
        return;
    }
    slot->snapshotting = true;
    slot->snapshot = slot->state;
    sim_after(slot->host->world,
              slot->host->number,
              3 * sim_disk_delay(slot->host),
              snapshot_finish,
              NULL,
              slot);
}

static void install_try(void *arg);

static void install_again(struct sim_raft_group *slot)
{
    struct sim_world *world = slot->host->world;

    sim_after(world,
              slot->host->number,
              sw_prng_range(&world->prng, 5000, 100000),
              install_try,
              NULL,
              slot);
}

/* The data comes from any node that has it, at an index of its choice; a few tries in vain are
 * reported, so that the group can name another source. */
static void install_try(void *arg)
{
    struct sim_raft_group *slot = arg;
    struct sim_world *world = slot->host->world;
    const uint32_t from = (uint32_t)slot->install_from.value;
    const struct sim_raft_group *source = sim_raft_slot(world, from, slot->id.value);
    enum sw_err err = SW_ERR_OK;

    if (!source->host->alive || sim_net_is_cut(world, from, slot->host->number) ||
        source->state.index < slot->install_wanted.index) {
        if (sw_prng_chance(&world->prng, 3, 4)) {
            install_again(slot);
            return;
        }
        err = SW_ERR_UNREACHABLE;
    } else if (source->state.index > slot->state.index) {
        slot->state = source->state;
        slot->durable[0] = slot->state;
        slot->durable[1] = slot->state;
    }
    slot->installing = false;
    world->stats.installs += err == SW_ERR_OK ? 1 : 0;
    sim_trace3(world, slot->host->number, SIM_TRACE_INSTALL_DONE, slot->state.index, err, 0);
    sw_group_install_done(
        slot->group,
        err,
        (struct sw_group_snapshot){.index = slot->state.index, .digest = slot->state.digest});
}

static void on_install_wanted(void *arg, struct sw_node_id from, struct sw_group_snapshot wanted)
{
    struct sim_raft_group *slot = arg;

    sim_trace3(
        slot->host->world, slot->host->number, SIM_TRACE_INSTALL, from.value, wanted.index, 0);
    slot->install_from = from;
    slot->install_wanted = wanted;
    if (!slot->installing) {
        slot->installing = true;
        install_again(slot);
    }
}

/* --- calls from the world --------------------------------------------------------------------- */

uint64_t sim_raft_propose(struct sim_raft_group *slot)
{
    struct sim_world *world = slot->host->world;
    struct sim_raft_world *raft = sim_raft_of(world);
    uint8_t body[4096] = {0};
    const uint64_t value = raft->next_value[slot->id.value - 1];
    const size_t size = 8 + (size_t)sw_prng_below(&world->prng, world->plan.value_size_max + 1);
    struct sim_pending pending = {.value = value};
    enum sw_err err;

    SW_ASSERT(size <= sizeof(body));
    if (slot->pending_count == SIM_PENDING_MAX) {
        return 0;
    }
    sw_store_u64(body, value);
    err = sw_group_propose(slot->group, sw_span_of(body, size), &pending.index, &pending.term);
    if (err != SW_ERR_OK) {
        return 0;
    }
    raft->next_value[slot->id.value - 1]++;
    world->stats.proposed++;
    slot->pending[slot->pending_count++] = pending;
    sim_trace3(world, slot->host->number, SIM_TRACE_PROPOSE, pending.index, pending.term, value);
    return value;
}

static void on_read(void *arg, enum sw_err err)
{
    struct sim_read *read = arg;
    struct sim_raft_group *slot = read->slot;
    struct sim_world *world = slot->host->world;

    SW_ASSERT(read->used);
    read->used = false;
    slot->reads_open--;
    sim_trace3(
        world, slot->host->number, SIM_TRACE_READ_DONE, read->number, err, slot->state.index);
    if (err != SW_ERR_OK) {
        return;
    }
    world->stats.reads_ok++;
    if (slot->state.index < read->needs) {
        sim_fail(world,
                 "stale read: node %u answers read %" PRIu64 " of group %u at index %" PRIu64
                 ", but index %" PRIu64 " was committed before it was asked",
                 slot->host->number,
                 read->number,
                 slot->id.value,
                 slot->state.index,
                 read->needs);
    }
}

bool sim_raft_read(struct sim_raft_group *slot)
{
    struct sim_world *world = slot->host->world;

    for (uint32_t i = 0; i < SIM_READ_MAX; i++) {
        struct sim_read *read = &slot->read[i];

        if (!read->used) {
            *read = (struct sim_read){.slot = slot,
                                      .number = ++sim_raft_of(world)->next_read,
                                      .needs = slot->log->last,
                                      .used = true};
            slot->reads_open++;
            world->stats.reads++;
            sim_trace3(world, slot->host->number, SIM_TRACE_READ, read->number, read->needs, 0);
            sw_group_read(slot->group, on_read, read);
            return true;
        }
    }
    return false;
}

uint32_t sim_raft_leader(struct sim_world *world, uint32_t group)
{
    uint32_t leader = 0;
    uint64_t term = 0;

    for (uint32_t i = 1; i <= world->plan.nodes; i++) {
        const struct sim_raft_group *slot = sim_raft_slot(world, i, group);

        if (slot->host->alive && slot->role == SW_ROLE_LEADER && slot->term >= term) {
            leader = i;
            term = slot->term;
        }
    }
    return leader;
}

struct sw_group_handler sim_raft_handler(struct sim_raft_group *slot)
{
    return (struct sw_group_handler){.arg = slot,
                                     .committed = on_committed,
                                     .role_changed = on_role_changed,
                                     .snapshot_wanted = on_snapshot_wanted,
                                     .install_wanted = on_install_wanted,
                                     .members_changed = sim_members_changed};
}
