/* Campaigns of changes among whole nodes; an id is used once, so who was removed stays away. */
#include "tests/sim/node_member.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "node/node_private.h"

enum { STEPS_MAX = 24, STEP_US_MAX = 500000, VOTERS_MIN = 2 };

struct bits {
    uint32_t voters, learners;
};

static uint32_t bit(uint64_t number)
{
    SW_ASSERT(number >= 1 && number < 32);
    return 1U << number;
}

static uint32_t count_of(uint32_t bits)
{
    return (uint32_t)__builtin_popcount(bits);
}

static struct bits bits_of(const struct sim_machine *machine)
{
    const struct sw__shard *shard = machine->node->shards[0];
    struct sw_group_peer peers[SW_NODE_COUNT_MAX];
    const uint32_t count = shard->group == NULL ? 0 : sw_group_members(shard->group, peers);
    struct bits bits = {0};

    for (uint32_t i = 0; i < count; i++) {
        if (peers[i].role == SW_MEMBER_VOTER) {
            bits.voters |= bit(peers[i].node.value);
        } else {
            bits.learners |= bit(peers[i].node.value);
        }
    }
    return bits;
}

static void print_address(struct sim_addresses *addresses, uint32_t number)
{
    (void)snprintf(addresses->peer[number - 1], sizeof(addresses->peer[0]), "n%u:1", number);
    (void)snprintf(addresses->client[number - 1], sizeof(addresses->client[0]), "n%u:2", number);
    addresses->key[number - 1][0] = (uint8_t)number;
}

void sim_node_founders(const struct sim_host *host,
                       struct sim_addresses *addresses,
                       struct sw_node_member members[SIM_HOST_COUNT_MAX],
                       struct sw_node_config *config)
{
    const struct sim_plan *plan = &host->world->plan;
    const uint32_t founders = plan->founders == 0 ? plan->nodes : plan->founders;

    for (uint32_t i = 0; i < plan->nodes; i++) {
        print_address(addresses, i + 1);
        members[i] = (struct sw_node_member){.id = {i + 1},
                                             .peer_address = addresses->peer[i],
                                             .client_address = addresses->client[i],
                                             .key = addresses->key[i]};
    }
    config->members = members;
    config->member_count = founders;
    config->join = host->number > founders;
    if (config->join) { /* it knows itself, as its settings name it */
        config->member_count = host->number;
    }
}

static bool quorum_of(uint32_t voters, uint32_t holders)
{
    return count_of(voters & holders) >= count_of(voters) / 2 + 1;
}

bool sim_node_quorum(const struct sim_machine *machine, uint32_t holders)
{
    return quorum_of(bits_of(machine).voters, holders) ||
           (machine->voters_before != 0 && quorum_of(machine->voters_before, holders));
}

void sim_node_members_looked(struct sim_machine *machine)
{
    const struct bits bits = bits_of(machine);

    if (machine->leads && machine->led_before &&
        (bits.voters != machine->voters_before || bits.learners != machine->learners_before)) {
        machine->host->world->stats.changes++;
        sim_trace3(machine->host->world,
                   machine->host->number,
                   SIM_TRACE_MEMBERS,
                   0,
                   bits.voters,
                   bits.learners);
        if (count_of(bits.voters ^ machine->voters_before) > 1) {
            sim_fail(machine->host->world,
                     "node %u changes the voters from 0x%x to 0x%x at once",
                     machine->host->number,
                     machine->voters_before,
                     bits.voters);
        }
    }
    machine->led_before = machine->leads;
    machine->voters_before = bits.voters;
    machine->learners_before = bits.learners;
}

static struct sim_machine *leader_of(struct sim_world *world)
{
    struct sim_machine *leader = NULL;

    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        struct sim_machine *machine = &sim_node_world_of(world)->machine[i];

        if (machine->node != NULL && machine->leads &&
            (leader == NULL || machine->term > leader->term)) {
            leader = machine;
        }
    }
    return leader;
}

bool sim_node_is_member(struct sim_world *world, uint32_t number)
{
    const struct sim_machine *leader = leader_of(world);
    struct bits bits;

    if (leader == NULL) {
        return true;
    }
    bits = bits_of(leader);
    return ((bits.voters | bits.learners) & bit(number)) != 0;
}

/* --- the nemesis ------------------------------------------------------------------------------ */

static enum sw_op op_for(struct sim_machine *leader, uint32_t number)
{
    struct sim_world *world = leader->host->world;
    const struct bits bits = bits_of(leader);
    const bool few = count_of(bits.voters) <= VOTERS_MIN;

    if (((bits.voters | bits.learners) & bit(number)) == 0) {
        return SW_OP_MEMBER_ADD;
    }
    if ((bits.voters & bit(number)) == 0) {
        return few || sw_prng_chance(&world->prng, 7, 8) ? SW_OP_MEMBER_PROMOTE
                                                         : SW_OP_MEMBER_REMOVE;
    }
    if (few) {
        return SW_OP_MEMBER_LIST;
    }
    return sw_prng_chance(&world->prng, 2, 3) ? SW_OP_MEMBER_DEMOTE : SW_OP_MEMBER_REMOVE;
}

static void ask_for_change(struct sim_machine *leader, uint32_t number)
{
    struct sim_addresses addresses = {0};
    char text[SW_ADDRESS_SIZE_MAX] = "";
    const enum sw_op op = op_for(leader, number);

    if (op == SW_OP_MEMBER_ADD) {
        print_address(&addresses, number);
        (void)snprintf(text,
                       sizeof(text),
                       "%s,%s,%02x%062u",
                       addresses.peer[number - 1],
                       addresses.client[number - 1],
                       number,
                       0U);
    }
    sim_trace3(leader->host->world, leader->host->number, SIM_TRACE_CHANGE, op, number, 0);
    sim_node_ask(leader->host, op, op == SW_OP_MEMBER_LIST ? 0 : number, text);
    sim_host_turn_end(leader->host);
}

struct campaign {
    struct sim_world *world;
    uint32_t left;
};

static void campaign_free(void *arg)
{
    free(arg);
}

static void campaign_step(void *arg)
{
    struct campaign *campaign = arg;
    struct sim_world *world = campaign->world;
    struct sim_machine *leader = leader_of(world);
    const uint32_t number = 1 + (uint32_t)sw_prng_below(&world->prng, world->plan.nodes);

    if (leader != NULL && leader->host->alive && leader->host->paused_until_us <= world->now_us) {
        ask_for_change(leader, number);
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

void sim_node_members_fault(struct sim_world *world)
{
    struct campaign *campaign;

    if (world->plan.founders == 0) {
        return;
    }
    campaign = calloc(1, sizeof(*campaign));
    SW_ASSERT(campaign != NULL);
    campaign->world = world;
    campaign->left = 1 + (uint32_t)sw_prng_below(&world->fault, STEPS_MAX);
    sim_after(world, 0, 1, campaign_step, campaign_free, campaign);
}
