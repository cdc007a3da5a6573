/* The nemesis. */
#include "tests/sim/faults.h"

#include <assert.h>

#include "base/assert.h"
#include "tests/sim/net.h"

static struct sim_host *any_host(struct sim_world *world)
{
    return &world->host[sw_prng_below(&world->prng, world->plan.nodes)];
}

static bool enabled(const struct sim_world *world, enum sim_fault fault)
{
    return !world->calm && (world->plan.faults & (uint32_t)fault) != 0;
}

static void restart(void *arg)
{
    struct sim_host *host = arg;

    if (!host->alive && !host->world->failed) {
        sim_host_start(host);
    }
}

void sim_faults_restart_later(struct sim_host *host)
{
    struct sim_world *world = host->world;

    sim_after(world, 0, sw_prng_range(&world->prng, 20, 3000) * 1000, restart, NULL, host);
}

static void crash(struct sim_host *host)
{
    struct sim_world *world = host->world;

    if (host->alive) {
        sim_host_crash(host, (enum sim_cut)sw_prng_below(&world->prng, SIM_CUT_COUNT));
        sim_faults_restart_later(host);
    }
}

static void fault_crash_one(struct sim_world *world)
{
    if (sim_alive_count(world) > world->plan.nodes / 2 + 1) {
        crash(any_host(world));
    }
}

static void fault_crash_many(struct sim_world *world)
{
    const bool all = sw_prng_chance(&world->prng, 1, 2);
    const uint32_t first = (uint32_t)sw_prng_below(&world->prng, world->plan.nodes);
    const uint32_t count = all ? world->plan.nodes : world->plan.nodes / 2 + 1;

    for (uint32_t i = 0; i < count; i++) {
        crash(&world->host[(first + i) % world->plan.nodes]);
    }
}

static void fault_pause(struct sim_world *world)
{
    struct sim_host *host = any_host(world);

    if (host->alive && host->paused_until_us <= world->now_us) {
        sim_host_pause(host, sw_prng_range(&world->prng, 10, 2000) * 1000);
    }
}

static void fault_disk_slow(struct sim_world *world)
{
    static const uint32_t max_us[4] = {500, 5000, 50000, 400000};
    struct sim_host *host = any_host(world);

    host->disk_us_max = host->disk_us_min + max_us[sw_prng_below(&world->prng, 4)];
    sim_trace3(world, host->number, SIM_TRACE_DISK_SLOW, host->disk_us_min, host->disk_us_max, 0);
}

/* A process that stopped itself is started again by its supervisor, on a disk that works again. */
static void fault_disk_fail(struct sim_world *world)
{
    struct sim_host *host = any_host(world);

    if (host->alive && sim_alive_count(world) > world->plan.nodes / 2 + 1) {
        host->disk_broken = true;
        sim_trace3(world, host->number, SIM_TRACE_DISK_FAIL, 0, 0, 0);
        world->mode->disk_fail(host);
    }
}

static void heal(void *arg)
{
    struct sim_world *world = arg;

    if (!world->calm) {
        sim_net_heal(world);
    }
}

static void heal_later(struct sim_world *world)
{
    sim_after(world, 0, sw_prng_range(&world->prng, 100, 3000) * 1000, heal, NULL, world);
}

static void fault_partition(struct sim_world *world)
{
    sim_net_partition(world, (enum sim_shape)sw_prng_below(&world->prng, SIM_SHAPE_ONE_WAY));
    heal_later(world);
}

static void fault_one_way(struct sim_world *world)
{
    sim_net_partition(world, SIM_SHAPE_ONE_WAY);
    heal_later(world);
}

static void fault_clog(struct sim_world *world)
{
    const uint32_t from = any_host(world)->number;
    const uint32_t to = any_host(world)->number;

    sim_net_clog(world,
                 from,
                 to,
                 sw_prng_range(&world->prng, 1000, 400000),
                 world->now_us + sw_prng_range(&world->prng, 100, 3000) * 1000);
}

static void fault_clock(struct sim_world *world)
{
    struct sim_host *host = any_host(world);
    const uint64_t skew = sw_prng_below(&world->prng, 7200000);
    const bool ahead = sw_prng_chance(&world->prng, 1, 2);

    host->wall_skew_ms = ahead ? (int64_t)skew : -(int64_t)skew;
    world->stats.clock_jumps++;
    sim_trace3(world, host->number, SIM_TRACE_CLOCK, ahead ? skew : 0, ahead ? 0 : skew, 0);
}

static void fault_transfer(struct sim_world *world)
{
    const struct sw_node_id target = {sw_prng_below(&world->prng, world->plan.nodes + 1)};

    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        struct sim_host *host = &world->host[i];

        if (host->alive && host->paused_until_us <= world->now_us) {
            world->mode->transfer(host, target);
            sim_host_turn_end(host);
        }
    }
}

static void fault_snapshot(struct sim_world *world)
{
    struct sim_host *host = any_host(world);

    if (host->alive && host->paused_until_us <= world->now_us) {
        world->mode->snapshot(host);
        sim_host_turn_end(host);
    }
}

static void fault_stop(struct sim_world *world)
{
    struct sim_host *host = any_host(world);

    if (world->mode->stop != NULL && host->alive && host->paused_until_us <= world->now_us &&
        sim_alive_count(world) > world->plan.nodes / 2 + 1) {
        world->mode->stop(host);
        sim_host_turn_end(host);
    }
}

static void (*const faults[])(struct sim_world *world) = {fault_crash_one,
                                                          fault_crash_many,
                                                          fault_pause,
                                                          fault_disk_slow,
                                                          fault_disk_fail,
                                                          fault_partition,
                                                          fault_one_way,
                                                          fault_clog,
                                                          fault_clock,
                                                          fault_transfer,
                                                          fault_snapshot,
                                                          fault_stop};

static_assert((1U << (sizeof(faults) / sizeof(faults[0]))) - 1 == SIM_FAULT_ALL,
              "one function for each bit of enum sim_fault, in the order of the bits");

static void storm(void *arg)
{
    struct sim_world *world = arg;
    const uint64_t which = sw_prng_below(&world->prng, sizeof(faults) / sizeof(faults[0]));

    if (world->calm) {
        return;
    }
    if (enabled(world, (enum sim_fault)(1U << which))) {
        faults[which](world);
    }
    /* Faults that are off are drawn too, so the interval is that of one fault among many. */
    sim_after(world,
              0,
              1 + sw_prng_below(&world->prng, 2000 * (uint64_t)world->plan.fault_interval_ms / 3),
              storm,
              NULL,
              world);
}

void sim_faults_begin(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        sim_host_start(&world->host[i]);
    }
    if (world->plan.faults != 0) {
        sim_after(world, 0, 1000000, storm, NULL, world);
    }
}

void sim_faults_calm(struct sim_world *world)
{
    SW_ASSERT(!world->calm);
    world->calm = true;
    sim_trace3(world, 0, SIM_TRACE_CALM, 0, 0, 0);
    sim_net_heal(world);
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        struct sim_host *host = &world->host[i];

        host->disk_us_min = world->plan.disk_us_min;
        host->disk_us_max = world->plan.disk_us_max;
        if (!host->alive) {
            sim_host_start(host);
        }
    }
    world->mode->calm(world);
}
