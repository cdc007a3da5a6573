/* From a seed to a plan. */
#include "tests/sim/plan.h"

#include <inttypes.h>

static uint32_t between(struct sw_prng *prng, uint32_t min, uint32_t max)
{
    return (uint32_t)sw_prng_range(prng, min, max);
}

static void plan_network(struct sim_plan *plan, struct sw_prng *prng)
{
    static const uint32_t delay_max[4] = {500, 2000, 8000, 25000};

    plan->delay_us_min = between(prng, 50, 300);
    plan->delay_us_max = plan->delay_us_min + delay_max[sw_prng_below(prng, 4)];
    plan->loss_permille = sw_prng_chance(prng, 1, 2) ? between(prng, 1, 80) : 0;
    plan->busy_permille = sw_prng_chance(prng, 1, 4) ? between(prng, 1, 30) : 0;
    plan->hostile = plan->mode == SIM_MODE_RAFT && sw_prng_chance(prng, 1, 3);
    if (plan->hostile) {
        plan->duplicate_permille = between(prng, 0, 100);
        plan->reorder_permille = between(prng, 0, 200);
    }
}

static void plan_disks(struct sim_plan *plan, struct sw_prng *prng)
{
    static const uint32_t disk_max[3] = {300, 3000, 15000};

    plan->disk_us_min = between(prng, 50, 200);
    plan->disk_us_max = plan->disk_us_min + disk_max[sw_prng_below(prng, 3)];
}

static void plan_tuning(struct sim_plan *plan, struct sw_prng *prng)
{
    static const uint32_t append_size[4] = {0, 64, 300, 4096};

    plan->election_timeout_ms = 300;
    plan->heartbeat_ms = 50;
    plan->append_size_max = append_size[sw_prng_below(prng, 4)];
    plan->snapshot_trailing = between(prng, 1, 40);
    plan->snapshot_bytes = sw_prng_chance(prng, 1, 2) ? between(prng, 1000, 20000) : 1 << 20;
    plan->value_size_max = sw_prng_chance(prng, 1, 4) ? 2000 : 40;
}

struct sim_plan sim_plan_of(enum sim_mode_kind mode, uint64_t seed, uint32_t guard_off)
{
    /* A client of whole nodes waits longer: faults, not load, are what a second should hold. */
    static const uint32_t propose_us[2][3] = {{2000, 10000, 40000}, {5000, 20000, 60000}};
    struct sw_prng prng = sw_prng_of(seed * 2 + (uint64_t)mode);
    struct sim_plan plan = {.seed = seed, .mode = mode, .guard_off = guard_off};

    plan.nodes = sw_prng_chance(&prng, 1, 3) ? 5 : 3;
    plan.groups = mode == SIM_MODE_RAFT && sw_prng_chance(&prng, 1, 5) ? between(&prng, 2, 4) : 1;
    plan.clients = between(&prng, 2, 5);
    plan.keys = between(&prng, 1, 5);
    plan.faults = (uint32_t)sw_prng_below(&prng, SIM_FAULT_ALL + 1);
    plan.fault_interval_ms = between(&prng, 100, 900);
    plan.storm_us = 12000000;
    plan.calm_us = 30000000;
    plan.drift_ppm = between(&prng, 0, 500);
    plan.propose_us = propose_us[mode == SIM_MODE_NODE][sw_prng_below(&prng, 3)];
    plan_network(&plan, &prng);
    plan_disks(&plan, &prng);
    plan_tuning(&plan, &prng);
    plan.turn_us = sw_prng_chance(&prng, 1, 3) ? between(&prng, 100, 5000) : 0;
    return plan;
}

void sim_plan_print(const struct sim_plan *plan, FILE *out)
{
    (void)fprintf(out,
                  "plan: %u nodes, %u groups, %u clients, faults 0x%03x every ~%u ms, delay %u..%u "
                  "us, loss %u/1000, busy %u/1000, %s link (dup %u, reorder %u), disk %u..%u us\n",
                  plan->nodes,
                  plan->groups,
                  plan->clients,
                  plan->faults,
                  plan->fault_interval_ms,
                  plan->delay_us_min,
                  plan->delay_us_max,
                  plan->loss_permille,
                  plan->busy_permille,
                  plan->hostile ? "hostile" : "orderly",
                  plan->duplicate_permille,
                  plan->reorder_permille,
                  plan->disk_us_min,
                  plan->disk_us_max);
    (void)fprintf(out,
                  "      append size %u, snapshot after %" PRIu64 " bytes, trailing %u, a proposal "
                  "every ~%u us, turns of up to %u us, guard off 0x%x\n",
                  plan->append_size_max,
                  plan->snapshot_bytes,
                  plan->snapshot_trailing,
                  plan->propose_us,
                  plan->turn_us,
                  plan->guard_off);
}
