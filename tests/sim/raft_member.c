/* The nemesis and the oracle of configurations.
 *
 * Any node may be asked to leave and to come back, with the log that it had; so nodes that were
 * removed live on, with the configuration that they knew, and speak to the others. What must hold:
 * at most one configuration is uncommitted anywhere, each differs from the one before by at most
 * one voter, and at one index all nodes know the same committed one. */
#include "tests/sim/raft_member.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "tests/sim/raft_mode.h"

enum { CHANGES_MAX = 8, STEP_US_MAX = 400000 };

static uint32_t bit(uint64_t number)
{
    SW_ASSERT(number >= 1 && number < 32);
    return 1U << number;
}

static uint32_t count_of(uint32_t bits)
{
    return (uint32_t)__builtin_popcount(bits);
}

/* --- the oracle ------------------------------------------------------------------------------- */

static struct sim_configuration configuration_of(const struct sim_raft_group *slot)
{
    struct sw_group_peer peers[SW_NODE_COUNT_MAX];
    const uint32_t count = sw_group_members(slot->group, peers);
    struct sim_configuration configuration = {0};

    for (uint32_t i = 0; i < count; i++) {
        uint32_t *bits = peers[i].role == SW_MEMBER_VOTER     ? &configuration.voters
                         : peers[i].role == SW_MEMBER_LEARNER ? &configuration.learners
                                                              : &configuration.joining;

        *bits |= bit(peers[i].node.value);
    }
    return configuration;
}

static bool equal(const struct sim_configuration *a, const struct sim_configuration *b)
{
    return a->voters == b->voters && a->learners == b->learners && a->joining == b->joining;
}

/* One committed configuration an index, whoever says so. */
static void check_committed(struct sim_raft_group *slot, const struct sim_configuration *now)
{
    struct sim_world *world = slot->host->world;
    struct sim_configurations *all = &sim_raft_of(world)->configurations[slot->id.value - 1];

    for (uint32_t i = 0; i < all->count; i++) {
        if (all->seen[i].index == now->index && !equal(&all->seen[i], now)) {
            sim_fail(world,
                     "configurations: node %u takes voters 0x%x, learners 0x%x for those of index "
                     "%" PRIu64 " of group %u, others 0x%x and 0x%x",
                     slot->host->number,
                     now->voters,
                     now->learners,
                     now->index,
                     slot->id.value,
                     all->seen[i].voters,
                     all->seen[i].learners);
        }
        if (all->seen[i].index == now->index) {
            return;
        }
    }
    if (all->count < SIM_CONFIGURATION_MAX) {
        all->seen[all->count++] = *now;
    }
}

/* A new entry follows the one before, which must be committed by then (LIBRAFT: one at a time). */
static void check_step(struct sim_raft_group *slot, const struct sim_configuration *now)
{
    struct sim_world *world = slot->host->world;
    const struct sim_configuration *before = &slot->members.now;

    if (slot->role != SW_ROLE_LEADER || before->index == 0 || now->index <= before->index) {
        return; /* a follower may get many at once, or take one back */
    }
    if (before->index > slot->log->last) {
        sim_fail(world,
                 "two changes at once: node %u appends the configuration of index %" PRIu64
                 " of group %u while that of index %" PRIu64 " is not committed",
                 slot->host->number,
                 now->index,
                 slot->id.value,
                 before->index);
    }
    if (count_of(before->voters ^ now->voters) > 1) {
        sim_fail(world,
                 "node %u changes the voters of group %u from 0x%x to 0x%x at once",
                 slot->host->number,
                 slot->id.value,
                 before->voters,
                 now->voters);
    }
}

void sim_members_changed(void *arg)
{
    struct sim_raft_group *slot = arg;
    struct sim_configuration now;
    struct sw_group_status status;

    if (slot->group == NULL) {
        return;
    }
    now = configuration_of(slot);
    sw_group_status(slot->group, &status);
    now.index = status.members_index;
    sim_trace3(slot->host->world,
               slot->host->number,
               SIM_TRACE_MEMBERS,
               now.index,
               now.voters,
               now.learners | now.joining);
    check_step(slot, &now);
    slot->members.now = now;
    slot->members.checked = 0;
}

static bool quorum_of(uint32_t voters, uint32_t holders)
{
    return count_of(voters & holders) >= count_of(voters) / 2 + 1;
}

bool sim_members_quorum(const struct sim_raft_group *slot, uint32_t holders)
{
    return quorum_of(configuration_of(slot).voters, holders) ||
           (slot->members.voters_before != 0 && quorum_of(slot->members.voters_before, holders));
}

void sim_members_looked(struct sim_raft_group *slot)
{
    struct sim_members *members = &slot->members;
    struct sw_group_status status;

    sw_group_status(slot->group, &status);
    if (members->now.index != 0 && members->checked != members->now.index &&
        members->now.index <= status.commit_index) {
        check_committed(slot, &members->now);
        members->checked = members->now.index;
    }
    members->voters_before = configuration_of(slot).voters;
}

bool sim_members_has(const struct sim_raft_group *leader, uint32_t number)
{
    const struct sim_configuration now = configuration_of(leader);

    return ((now.voters | now.learners) & bit(number)) != 0;
}

/* --- the nemesis ------------------------------------------------------------------------------ */

static void on_changed(void *arg, enum sw_err err)
{
    struct sim_raft_group *slot = arg;
    struct sim_stats *stats = &slot->host->world->stats;

    SW_ASSERT(slot->members.changing);
    slot->members.changing = false;
    stats->changes += err == SW_ERR_OK ? 1 : 0;
    stats->changes_unknown += err == SW_ERR_LEADERSHIP_LOST ? 1 : 0;
    sim_trace3(slot->host->world, slot->host->number, SIM_TRACE_CHANGED, err, 0, 0);
}

bool sim_member_change(struct sim_raft_group *slot, enum sw_group_change_kind kind, uint32_t number)
{
    char address[16];
    char why[SW_WHY_SIZE] = "";
    struct sw_group_change change = {.kind = kind, .node = {number}};
    enum sw_err err;

    (void)snprintf(address, sizeof(address), "n%u", number);
    change.address = kind == SW_GROUP_ADD ? address : NULL;
    err = sw_group_change(slot->group, &change, on_changed, slot, why);
    sim_trace3(slot->host->world, slot->host->number, SIM_TRACE_CHANGE, kind, number, err);
    if (err != SW_ERR_OK) {
        return false;
    }
    SW_ASSERT(!slot->members.changing);
    slot->members.changing = true;
    return true;
}

/* Few voters want to become more, many to become fewer. */
static enum sw_group_change_kind kind_for(struct sim_raft_group *slot, uint32_t number)
{
    struct sim_world *world = slot->host->world;
    const struct sim_configuration now = configuration_of(slot);

    if (((now.voters | now.learners | now.joining) & bit(number)) == 0) {
        return SW_GROUP_ADD;
    }
    if ((now.voters & bit(number)) == 0) {
        return sw_prng_chance(&world->prng, 3, 4) ? SW_GROUP_PROMOTE : SW_GROUP_REMOVE;
    }
    return sw_prng_chance(&world->prng, 1, 2) ? SW_GROUP_DEMOTE : SW_GROUP_REMOVE;
}

struct campaign {
    struct sim_world *world;
    uint32_t left;
};

static void campaign_free(void *arg)
{
    free(arg);
}

/* Every node that believes to lead is asked: the one that is right, and the one that is not. */
static void campaign_step(void *arg)
{
    struct campaign *campaign = arg;
    struct sim_world *world = campaign->world;
    const uint32_t group = 1 + (uint32_t)sw_prng_below(&world->prng, world->plan.groups);

    for (uint32_t i = 1; i <= world->plan.nodes; i++) {
        struct sim_raft_group *slot = sim_raft_slot(world, i, group);
        const uint32_t number = 1 + (uint32_t)sw_prng_below(&world->prng, world->plan.nodes);

        if (slot->host->alive && slot->host->paused_until_us <= world->now_us &&
            slot->role == SW_ROLE_LEADER && !slot->members.changing) {
            (void)sim_member_change(slot, kind_for(slot, number), number);
            sim_host_turn_end(slot->host);
        }
    }
    campaign->left--;
    if (campaign->left == 0 || world->calm) {
        free(campaign);
        return;
    }
    sim_after(world,
              0,
              1 + sw_prng_below(&world->prng, STEP_US_MAX),
              campaign_step,
              campaign_free,
              campaign);
}

void sim_members_fault(struct sim_world *world)
{
    struct campaign *campaign = calloc(1, sizeof(*campaign));

    SW_ASSERT(campaign != NULL);
    campaign->world = world;
    campaign->left = 2 + (uint32_t)sw_prng_below(&world->fault, 3 * CHANGES_MAX);
    sim_after(world, 0, 1, campaign_step, campaign_free, campaign);
}
