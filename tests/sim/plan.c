/* From a seed to a plan. */
#include "tests/sim/plan.h"

#include "storage/wal_engine.h"
#include "tests/sim/world.h"

static uint32_t between(struct sw_prng *prng, uint32_t min, uint32_t max)
{
    return (uint32_t)sw_prng_range(prng, min, max);
}

static uint32_t one_of(struct sw_prng *prng, const uint32_t values[4])
{
    return values[sw_prng_below(prng, 4)];
}

/* A knob is at its default in half of the runs, so that one strange value shows alone too. */
static uint32_t knob(struct sw_prng *prng, uint32_t usual, uint32_t min, uint32_t max)
{
    const uint32_t strange = between(prng, min, max);

    return sw_prng_chance(prng, 1, 2) ? usual : strange;
}

/* Most swarms have 3 or 5 nodes; the others keep the arithmetic of quorums honest. */
static void plan_size(struct sim_plan *plan, struct sw_prng *prng)
{
    static const uint32_t nodes[20] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 5, 1, 2, 4, 4, 6, 7};

    plan->nodes = nodes[sw_prng_below(prng, 20)];
    plan->groups =
        plan->mode == SIM_MODE_RAFT && sw_prng_chance(prng, 1, 5) ? between(prng, 2, 4) : 1;
    plan->clients = between(prng, 2, 5);
    plan->keys = between(prng, 1, 5);
}

/* A long run now and then: what goes wrong only after many snapshots, or many sessions. */
static void plan_storm(struct sim_plan *plan, struct sw_prng *prng)
{
    plan->faults = (uint32_t)sw_prng_below(prng, SIM_FAULT_ALL + 1);
    plan->fault_interval_ms = between(prng, 100, 900);
    plan->storm_us = sw_prng_chance(prng, 1, 100) ? 120000000 : 12000000;
    plan->calm_us = 30000000;
    plan->points = one_of(prng, (const uint32_t[4]){0, 1, 1, 2});
}

static void plan_network(struct sim_plan *plan, struct sw_prng *prng)
{
    static const uint32_t delay_max[4] = {500, 2000, 8000, 25000};

    plan->delay_us_min = between(prng, 50, 300);
    plan->delay_us_max = plan->delay_us_min + one_of(prng, delay_max);
    plan->loss_permille = sw_prng_chance(prng, 1, 2) ? between(prng, 1, 80) : 0;
    plan->busy_permille = sw_prng_chance(prng, 1, 4) ? between(prng, 1, 30) : 0;
    plan->credit_size = knob(prng, 8 << 20, 2 << 20, 8 << 20);
    plan->hostile = plan->mode == SIM_MODE_RAFT && sw_prng_chance(prng, 1, 3) ? 1 : 0;
    if (plan->hostile != 0) {
        plan->duplicate_permille = between(prng, 0, 100);
        plan->reorder_permille = between(prng, 0, 200);
    }
}

static void plan_disks(struct sim_plan *plan, struct sw_prng *prng)
{
    static const uint32_t disk_max[4] = {300, 3000, 3000, 15000};
    static const uint32_t segment[4] = {16 << 10, 32 << 10, 64 << 10, 256 << 10};
    static const uint32_t block[4] = {512, 512, 1024, 4096};

    plan->disk_us_min = between(prng, 50, 200);
    plan->disk_us_max = plan->disk_us_min + one_of(prng, disk_max);
    plan->segment_size = one_of(prng, segment);
    plan->segment_changes = sw_prng_chance(prng, 1, 4) ? 1 : 0;
    plan->block_size = one_of(prng, block);
    plan->spare_count = between(prng, 1, 3);
    plan->wal_jobs = between(prng, 1, 2);
    plan->commit_interval_ms = knob(prng, 200, 10, 2000);
    plan->commit_bytes = one_of(prng, (const uint32_t[4]){0, 0, 1 << 10, 64 << 10});
}

static void plan_raft(struct sim_plan *plan, struct sw_prng *prng)
{
    static const uint32_t append_size[4] = {0, 64, 300, 4096};
    static const uint32_t election[4] = {150, 300, 300, 1000};

    plan->election_timeout_ms = one_of(prng, election);
    plan->heartbeat_ms = knob(prng,
                              plan->election_timeout_ms / 6,
                              plan->election_timeout_ms / 15,
                              plan->election_timeout_ms / 5);
    plan->append_size_max = one_of(prng, append_size);
    plan->snapshot_trailing = between(prng, 1, 40);
    plan->snapshot_bytes = sw_prng_chance(prng, 1, 2) ? between(prng, 1000, 20000) : 1 << 20;
    plan->install_timeout_ms = knob(prng, 5000, 1000, 10000);
    plan->value_size_max = sw_prng_chance(prng, 1, 4) ? 2000 : 40;
}

static void plan_node(struct sim_plan *plan, struct sw_prng *prng)
{
    plan->tick_us = between(prng, 10, 20) * 1000;
    plan->node_in_flight_max = knob(prng, 0, 8, 64);
    plan->client_in_flight_max = knob(prng, 0, 4, 32);
    plan->queue_size_max = knob(prng, 0, 8 << 10, 64 << 10);
    plan->applier_pending_max = knob(prng, 0, 4, 64);
}

static void plan_clients(struct sim_plan *plan, struct sw_prng *prng)
{
    plan->sessionless = sw_prng_chance(prng, 1, 4) ? between(prng, 0, 31) : 0;
    plan->session_ttl_ms =
        sw_prng_chance(prng, 1, 4) ? between(prng, SW_SESSION_TTL_MS_MIN, 10000) : 0;
    plan->client_batch_size = knob(prng, 0, 4 << 10, 64 << 10);
    plan->retry_base_ms = knob(prng, 0, 1, 200);
    plan->retry_cap_ms = knob(prng, 0, 200, 4000);
    plan->seek_cap_ms = knob(prng, 0, 10, 1000);
    plan->attempts_max = knob(prng, 0, 2, 20);
    plan->attempt_timeout_ms = knob(prng, 0, 100, 3000);
    plan->breaker_failures = knob(prng, 0, 1, 10);
    plan->breaker_open_ms = knob(prng, 0, 100, 5000);
}

/* Where members come and go, some nodes are not among the first. */
static void plan_members(struct sim_plan *plan, struct sw_prng *prng)
{
    const uint32_t nodes = between(prng, 4, SIM_HOST_COUNT_MAX);
    const uint32_t founders = sw_prng_chance(prng, 1, 2) ? 3 : between(prng, 1, nodes);

    /* A node that is damaged for good is one of a minority of the first members only. */
    if ((plan->mode == SIM_MODE_RAFT || (plan->faults & SIM_FAULT_DAMAGE) == 0) &&
        (plan->faults & SIM_FAULT_MEMBERS) != 0) {
        plan->nodes = nodes;
        plan->founders = founders;
    }
}

struct sim_plan sim_plan_of(enum sim_mode_kind mode, uint64_t seed)
{
    /* A client of whole nodes waits longer: faults, not load, are what a second should hold. */
    static const uint32_t propose_us[2][3] = {{2000, 10000, 40000}, {5000, 20000, 60000}};
    struct sw_prng prng = sw_prng_of(seed * 2 + (uint64_t)mode);
    struct sim_plan plan = {.seed = seed, .mode = mode};

    plan_size(&plan, &prng);
    plan_storm(&plan, &prng);
    plan_network(&plan, &prng);
    plan_disks(&plan, &prng);
    plan_raft(&plan, &prng);
    plan_node(&plan, &prng);
    plan_clients(&plan, &prng);
    plan_members(&plan, &prng);
    plan.drift_ppm = between(&prng, 0, 500);
    plan.propose_us = propose_us[mode == SIM_MODE_NODE][sw_prng_below(&prng, 3)];
    plan.turn_us = sw_prng_chance(&prng, 1, 3) ? between(&prng, 100, 5000) : 0;
    plan.change_count_max = sw_prng_chance(&prng, 1, 3) ? between(&prng, 1, 50) : 0;
    plan.facts = sw_prng_chance(&prng, 1, 2) ? 4 : 0;
    plan.past = sw_prng_chance(&prng, 1, 2) ? 2 : 0;
    plan.ask_outcome = sw_prng_chance(&prng, 2, 3) ? between(&prng, 10, 100) : 0;
    plan.aged = sw_prng_chance(&prng, 1, 2) ? 2 : 0;
    plan.near = sw_prng_chance(&prng, 1, 2) ? 3 : 0;
    plan.memories = sw_prng_chance(&prng, 1, 2) ? 3 : 0;
    return plan;
}
