/* Raft groups as inhabitants of a world. */
#include "tests/sim/raft_mode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/rw.h"
#include "tests/sim/net.h"

enum { CALM_ACKS = 5, CALM_LAG_US = 50000 };

struct sim_raft_world *sim_raft_of(struct sim_world *world)
{
    return world->user;
}

struct sim_raft_group *sim_raft_slot(struct sim_world *world, uint32_t node, uint32_t group)
{
    SW_ASSERT(node >= 1 && node <= world->plan.nodes);
    SW_ASSERT(group >= 1 && group <= world->plan.groups);
    return &sim_raft_of(world)->slot[node - 1][group - 1];
}

/* Load: whoever believes that it leads gets proposals, and any node gets reads. */
static void load(void *arg)
{
    struct sim_world *world = arg;
    struct sim_raft_world *raft = sim_raft_of(world);
    const uint32_t group = 1 + (uint32_t)sw_prng_below(&world->prng, world->plan.groups);
    const bool enough = raft->scripted || (world->calm && raft->calm_acked[group - 1] >= CALM_ACKS);

    for (uint32_t i = 1; i <= world->plan.nodes; i++) {
        struct sim_raft_group *slot = sim_raft_slot(world, i, group);

        if (!slot->host->alive || slot->host->paused_until_us > world->now_us) {
            continue;
        }
        if (!enough && (slot->role == SW_ROLE_LEADER || sw_prng_chance(&world->prng, 1, 20))) {
            (void)sim_raft_propose(slot);
        }
        if (!enough && sw_prng_chance(&world->prng, 1, 4)) {
            (void)sim_raft_read(slot);
        }
        sim_host_turn_end(slot->host);
    }
    sim_after(
        world,
        0,
        1 + sw_prng_below(&world->prng, 2 * (uint64_t)world->plan.propose_us / world->plan.groups),
        load,
        NULL,
        world);
}

/* --- the mode --------------------------------------------------------------------------------- */

static void tick(void *arg)
{
    struct sim_host *host = arg;
    struct sim_world *world = host->world;

    for (uint32_t g = 1; g <= world->plan.groups; g++) {
        struct sim_raft_group *slot = sim_raft_slot(world, host->number, g);

        sw_group_tick(slot->group);
        if (sw_prng_chance(&world->prng, 1, 10)) {
            slot->durable[1] = slot->durable[0];
            slot->durable[0] = slot->state;
        }
    }
    sim_after(world, host->number, (uint64_t)world->plan.heartbeat_ms * 1000 / 2, tick, NULL, host);
}

static void on_message(void *arg, struct sw_node_id from, struct sw_span message)
{
    struct sim_host *host = arg;
    const struct sw_group_id id = sw_group_of_message(message);

    if (id.value == 0 || id.value > host->world->plan.groups) {
        sim_fail(host->world, "node %u got a message that is of no group", host->number);
        return;
    }
    sw_group_receive(sim_raft_slot(host->world, host->number, id.value)->group, from, message);
}

static void group_start(struct sim_raft_group *slot)
{
    struct sim_host *host = slot->host;
    const struct sim_plan *plan = &host->world->plan;
    struct sim_raft_world *raft = sim_raft_of(host->world);
    struct sw_group_member members[SIM_HOST_COUNT_MAX];
    char address[SIM_HOST_COUNT_MAX][16];
    char why[SW_WHY_SIZE] = "";
    struct sw_group_config config = {
        .id = slot->id,
        .self = {host->number},
        .members = members,
        .member_count = plan->founders != 0 ? plan->founders : plan->nodes,
        .tuning = {.election_timeout_ms = plan->election_timeout_ms,
                   .heartbeat_ms = plan->heartbeat_ms,
                   .snapshot_bytes = plan->snapshot_bytes,
                   .snapshot_trailing = plan->snapshot_trailing,
                   .install_timeout_ms = plan->install_timeout_ms,
                   .append_size_max = plan->append_size_max,
                   .guard_off = plan->guard_off},
        .applied = slot->state.index,
        .join = plan->founders != 0 && host->number > plan->founders,
        .env = &host->env,
        .wal = sim_wal_watch_port(raft->watch[host->number - 1],
                                  sim_wal_port(raft->wal[host->number - 1])),
        .link = &host->link,
        .handler = sim_raft_handler(slot)};
    enum sw_err err;

    for (uint32_t i = 0; i < plan->nodes; i++) {
        (void)snprintf(address[i], sizeof(address[i]), "n%u", i + 1);
        members[i] = (struct sw_group_member){.node = {i + 1}, .address = address[i]};
    }
    err = sw_group_new(&config, &slot->group, why);
    if (err != SW_ERR_OK) {
        slot->group = NULL;
        sim_fail(host->world,
                 "node %u cannot start group %u: %s, %s",
                 host->number,
                 slot->id.value,
                 sw_err_name(err),
                 why);
    }
    if (sim_wal_watch_why(raft->watch[host->number - 1]) != NULL) {
        sim_fail(host->world,
                 "durability: the log of node %u: %s",
                 host->number,
                 sim_wal_watch_why(raft->watch[host->number - 1]));
    }
}

static void mode_host_start(struct sim_host *host)
{
    struct sim_world *world = host->world;

    host->link_handler = (struct sw_link_handler){.arg = host, .peer_message = on_message};
    for (uint32_t g = 1; g <= world->plan.groups; g++) {
        struct sim_raft_group *slot = sim_raft_slot(world, host->number, g);

        slot->role = SW_ROLE_FOLLOWER;
        slot->term = 0; /* a term that was never durable may be forgotten */
        slot->pending_count = 0;
        slot->reads_open = 0;
        slot->commit_checked = 0;
        slot->members = (struct sim_members){0};
        slot->snapshotting = false;
        slot->installing = false;
        memset(slot->read, 0, sizeof(slot->read));
        sim_trace3(world, host->number, SIM_TRACE_START, host->life, slot->state.index, 0);
        group_start(slot);
    }
    if (!world->failed) {
        sim_after(world,
                  host->number,
                  sw_prng_below(&world->prng, (uint64_t)world->plan.heartbeat_ms * 500),
                  tick,
                  NULL,
                  host);
    }
}

static void count_status(struct sim_raft_group *slot)
{
    struct sim_stats *stats = &slot->host->world->stats;
    struct sw_group_status status;

    sw_group_status(slot->group, &status);
    stats->splits += status.appends_split;
    stats->guard_drops += status.guard_drops;
    stats->installs_sent += status.installs_sent;
    stats->reopened += status.reopened;
}

static void mode_host_crash(struct sim_host *host, enum sim_cut cut)
{
    struct sim_world *world = host->world;

    sim_wal_crash(sim_raft_of(world)->wal[host->number - 1], cut);
    for (uint32_t g = 1; g <= world->plan.groups; g++) {
        struct sim_raft_group *slot = sim_raft_slot(world, host->number, g);

        if (slot->group != NULL) {
            count_status(slot);
            sw_group_crash(slot->group);
            slot->group = NULL;
        }
        slot->durable[0] = slot->durable[sw_prng_chance(&world->prng, 1, 2) ? 0 : 1];
        slot->durable[1] = slot->durable[0];
        slot->state = slot->durable[0];
        slot->role = SW_ROLE_STOPPED;
        world->stats.unknown += slot->pending_count;
    }
    sim_wal_watch_crash(sim_raft_of(world)->watch[host->number - 1]);
}

/* Whoever commits an entry needs it on the disks of a quorum, under the same term. */
static void check_commit(struct sim_raft_group *slot, uint64_t index)
{
    struct sim_world *world = slot->host->world;
    struct sim_raft_world *raft = sim_raft_of(world);
    const struct sim_watched own =
        sim_wal_watch_entry(raft->watch[slot->host->number - 1], slot->id, index);
    uint32_t holders = 0;

    if (own.term == 0) {
        return; /* compacted here already: it was checked when it was new */
    }
    if ((world->plan.nodes == 1 || world->plan.founders == 1) && index == 1) {
        return; /* its own configuration: lost, it is written again; all else is behind it */
    }
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        const struct sim_watched other = sim_wal_watch_entry(raft->watch[i], slot->id, index);

        if (sim_wal_watch_snapshot(raft->watch[i], slot->id) >= index ||
            (other.term == own.term && other.durable)) {
            holders |= 1U << (i + 1);
        }
    }
    if (!sim_members_quorum(slot, holders)) {
        sim_fail(world,
                 "durability: node %u leads term %" PRIu64 " and commits index %" PRIu64
                 " of term %" PRIu64 " of group %u, which only nodes 0x%x hold on disk",
                 slot->host->number,
                 slot->term,
                 index,
                 own.term,
                 slot->id.value,
                 holders);
    }
}

static void check_status(struct sim_raft_group *slot)
{
    struct sim_world *world = slot->host->world;
    struct sw_group_status status;

    sw_group_status(slot->group, &status);
    if (status.role == SW_ROLE_LEADER) {
        sim_log_leader(slot->log, slot->host->number, status.term);
        while (slot->commit_checked < status.commit_index) {
            check_commit(slot, ++slot->commit_checked);
        }
    }
    sim_members_looked(slot);
    if (status.commit_index > status.last_index || status.handed_index > status.commit_index) {
        sim_fail(world,
                 "node %u: handed %" PRIu64 ", commit %" PRIu64 " and last index %" PRIu64
                 " are out of order",
                 slot->host->number,
                 status.handed_index,
                 status.commit_index,
                 status.last_index);
    }
    if (status.in_flight > SW_ENTRY_IN_FLIGHT_MAX) {
        sim_fail(world,
                 "node %u has %u proposals in flight, over the bound",
                 slot->host->number,
                 status.in_flight);
    }
}

static void mode_host_turn_end(struct sim_host *host)
{
    for (uint32_t g = 1; g <= host->world->plan.groups; g++) {
        struct sim_raft_group *slot = sim_raft_slot(host->world, host->number, g);

        if (slot->group != NULL) {
            sw_group_turn_end(slot->group);
            check_status(slot);
        }
    }
}

static void mode_transfer(struct sim_host *host, struct sw_node_id target)
{
    for (uint32_t g = 1; g <= host->world->plan.groups; g++) {
        struct sim_raft_group *slot = sim_raft_slot(host->world, host->number, g);

        if (slot->role == SW_ROLE_LEADER && target.value != host->number) {
            const enum sw_err err = sw_group_transfer(slot->group, target);

            host->world->stats.transfers += err == SW_ERR_OK ? 1 : 0;
            sim_trace3(host->world, host->number, SIM_TRACE_TRANSFER, target.value, err, 0);
        }
    }
}

static void mode_snapshot(struct sim_host *host)
{
    sim_trace3(host->world, host->number, SIM_TRACE_FORCE_SNAPSHOT, 0, 0, 0);
    for (uint32_t g = 1; g <= host->world->plan.groups; g++) {
        sw_group_request_snapshot(sim_raft_slot(host->world, host->number, g)->group);
    }
}

static void mode_disk_fail(struct sim_host *host)
{
    sim_wal_fail_next_sync(sim_raft_of(host->world)->wal[host->number - 1]);
}

static void mode_calm(struct sim_world *world)
{
    struct sim_raft_world *raft = sim_raft_of(world);

    for (uint32_t g = 0; g < world->plan.groups; g++) {
        raft->calm_value[g] = raft->next_value[g] - 1;
    }
}

static bool group_settled(struct sim_world *world, uint32_t group)
{
    struct sim_raft_world *raft = sim_raft_of(world);

    const uint32_t leader = sim_raft_leader(world, group);

    if (leader == 0 || raft->calm_acked[group - 1] < CALM_ACKS) {
        return false;
    }
    for (uint32_t i = 1; i <= world->plan.nodes; i++) {
        const struct sim_raft_group *slot = sim_raft_slot(world, i, group);

        if (!sim_members_has(sim_raft_slot(world, leader, group), i)) {
            continue;
        }
        if (!slot->host->alive || slot->pending_count > 0 || slot->reads_open > 0 ||
            slot->state.index != raft->log[group - 1].last) {
            return false;
        }
    }
    return true;
}

static bool mode_settled(struct sim_world *world)
{
    for (uint32_t g = 1; g <= world->plan.groups; g++) {
        if (!group_settled(world, g)) {
            return false;
        }
    }
    return true;
}

static void mode_verdict(struct sim_world *world)
{
    for (uint32_t g = 1; g <= world->plan.groups; g++) {
        for (uint32_t i = 1; i <= world->plan.nodes; i++) {
            const struct sim_raft_group *slot = sim_raft_slot(world, i, g);

            sim_log_check_state(slot->log, i, &slot->state);
        }
    }
}

static void mode_describe(struct sim_world *world, FILE *out)
{
    for (uint32_t g = 1; g <= world->plan.groups; g++) {
        for (uint32_t i = 1; i <= world->plan.nodes; i++) {
            const struct sim_raft_group *slot = sim_raft_slot(world, i, g);
            struct sw_group_status status = {0};

            if (slot->group != NULL) {
                sw_group_status(slot->group, &status);
            }
            (void)fprintf(out,
                          "  node %u group %u: %s role %d term %" PRIu64 " leader %" PRIu64
                          " log %" PRIu64 "..%" PRIu64 " commit %" PRIu64 " handed %" PRIu64
                          " snapshot %" PRIu64 " state %" PRIu64 ", %u pending, %u reads%s%s\n",
                          i,
                          g,
                          slot->group != NULL ? "up" : "down",
                          (int)status.role,
                          status.term,
                          status.leader.value,
                          status.first_index,
                          status.last_index,
                          status.commit_index,
                          status.handed_index,
                          status.snapshot_index,
                          slot->state.index,
                          slot->pending_count,
                          slot->reads_open,
                          slot->snapshotting ? ", snapshot under way" : "",
                          slot->installing ? ", install under way" : "");
        }
    }
}

static void mode_open(struct sim_world *world)
{
    struct sim_raft_world *raft = calloc(1, sizeof(*raft));

    SW_ASSERT(raft != NULL);
    SW_ASSERT(world->plan.groups <= SIM_GROUP_MAX);
    raft->world = world;
    world->user = raft;
    for (uint32_t g = 0; g < world->plan.groups; g++) {
        sim_log_init(&raft->log[g], world, g + 1);
        raft->next_value[g] = 1;
        for (uint32_t i = 0; i < world->plan.nodes; i++) {
            raft->slot[i][g].host = &world->host[i];
            raft->slot[i][g].log = &raft->log[g];
            raft->slot[i][g].id = (struct sw_group_id){g + 1};
        }
    }
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        raft->wal[i] = sim_wal_new(&world->host[i]);
        raft->watch[i] = sim_wal_watch_new();
    }
    sim_after(world, 0, 500000, load, NULL, world);
}

static void mode_close(struct sim_world *world)
{
    struct sim_raft_world *raft = sim_raft_of(world);

    for (uint32_t g = 0; g < SIM_GROUP_MAX; g++) {
        sim_log_release(&raft->log[g]);
    }
    for (uint32_t i = 0; i < SIM_HOST_COUNT_MAX; i++) {
        sim_wal_free(raft->wal[i]);
        sim_wal_watch_free(raft->watch[i]);
    }
    free(raft);
}

const struct sim_mode sim_raft_mode = {.open = mode_open,
                                       .close = mode_close,
                                       .host_start = mode_host_start,
                                       .host_crash = mode_host_crash,
                                       .host_turn_end = mode_host_turn_end,
                                       .transfer = mode_transfer,
                                       .snapshot = mode_snapshot,
                                       .disk_fail = mode_disk_fail,
                                       .members = sim_members_fault,
                                       .calm = mode_calm,
                                       .settled = mode_settled,
                                       .verdict = mode_verdict,
                                       .describe = mode_describe};
