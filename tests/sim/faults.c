/* The nemesis. */
#include "tests/sim/faults.h"

#include <assert.h>
#include <inttypes.h>

#include "base/assert.h"
#include "tests/sim/net.h"

enum { DRIFT_PPM_MAX = 100000, LEAP_MS_MAX = 20000, STORM_BEGINS_US = 1000000 };

static struct sim_host *any_host(struct sim_world *world)
{
    return &world->host[sw_prng_below(&world->fault, world->plan.nodes)];
}

static void restart(void *arg)
{
    struct sim_host *host = arg;

    if (!host->alive && !host->refused && !host->world->failed) {
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
        sim_host_crash(host, (enum sim_cut)sw_prng_below(&world->fault, SIM_CUT_COUNT));
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
    const bool all = sw_prng_chance(&world->fault, 1, 2);
    const uint32_t first = (uint32_t)sw_prng_below(&world->fault, world->plan.nodes);
    const uint32_t count = all ? world->plan.nodes : world->plan.nodes / 2 + 1;

    for (uint32_t i = 0; i < count; i++) {
        crash(&world->host[(first + i) % world->plan.nodes]);
    }
}

static void fault_pause(struct sim_world *world)
{
    struct sim_host *host = any_host(world);

    if (host->alive && host->paused_until_us <= world->now_us) {
        sim_host_pause(host, sw_prng_range(&world->fault, 10, 2000) * 1000);
    }
}

static void fault_disk_slow(struct sim_world *world)
{
    static const uint32_t max_us[4] = {500, 5000, 50000, 400000};
    struct sim_host *host = any_host(world);

    host->disk_us_max = host->disk_us_min + max_us[sw_prng_below(&world->fault, 4)];
    sim_trace3(world, host->number, SIM_TRACE_DISK_SLOW, host->disk_us_min, host->disk_us_max, 0);
}

/* A process that stopped itself is started again by its supervisor, on a disk that works again. */
static void fault_disk_fail(struct sim_world *world)
{
    struct sim_host *host = any_host(world);

    if ((host->alive || world->mode->disk_damage != NULL) &&
        sim_alive_count(world) > world->plan.nodes / 2 + 1) {
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
    sim_after(world, 0, sw_prng_range(&world->fault, 100, 3000) * 1000, heal, NULL, world);
}

static void fault_partition(struct sim_world *world)
{
    sim_net_partition(world, (enum sim_shape)sw_prng_below(&world->fault, SIM_SHAPE_ONE_WAY));
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
                 sw_prng_range(&world->fault, 1000, 400000),
                 world->now_us + sw_prng_range(&world->fault, 100, 3000) * 1000);
}

static void fault_clock(struct sim_world *world)
{
    struct sim_host *host = any_host(world);
    const uint64_t skew = sw_prng_below(&world->fault, 7200000);
    const bool ahead = sw_prng_chance(&world->fault, 1, 2);

    host->wall_skew_ms = ahead ? (int64_t)skew : -(int64_t)skew;
    world->stats.clock_jumps++;
    sim_trace3(world, host->number, SIM_TRACE_CLOCK, ahead ? skew : 0, ahead ? 0 : skew, 0);
}

static void fault_transfer(struct sim_world *world)
{
    const struct sw_node_id target = {sw_prng_below(&world->fault, world->plan.nodes + 1)};

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

/* A machine that was held up, or whose oscillator is bad: timers run late or early, all at once. */
static void fault_drift(struct sim_world *world)
{
    struct sim_host *host = any_host(world);
    const uint64_t speed = sw_prng_below(&world->fault, 2 * DRIFT_PPM_MAX + 1);
    const int32_t drift = (int32_t)speed - DRIFT_PPM_MAX;
    const uint64_t leap =
        sw_prng_chance(&world->fault, 1, 2) ? sw_prng_below(&world->fault, LEAP_MS_MAX) * 1000 : 0;

    sim_host_drift(host, drift, leap);
    world->stats.drifts++;
    sim_trace3(world,
               host->number,
               SIM_TRACE_DRIFT,
               drift > 0 ? (uint64_t)drift : 0,
               drift < 0 ? (uint64_t)-drift : 0,
               leap);
}

static void fault_members(struct sim_world *world)
{
    if (world->mode->members != NULL) {
        world->mode->members(world);
    }
}

/* One more node with a bad disk must leave a majority of good ones. */
static bool may_get_bad(const struct sim_world *world, const struct sim_host *host)
{
    uint32_t bad = 1;

    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        bad += world->host[i].disk_bad ? 1 : 0;
    }
    return !host->disk_bad && bad <= (world->plan.nodes - 1) / 2;
}

static void space_again(void *arg)
{
    struct sim_host *host = arg;

    if (!host->world->calm) {
        host->world->mode->disk_full(host, false);
    }
}

static void fault_disk_full(struct sim_world *world)
{
    struct sim_host *host = any_host(world);
    const uint64_t for_ms = sw_prng_range(&world->fault, 100, 4000);

    if (world->mode->disk_full != NULL && may_get_bad(world, host)) {
        sim_trace3(world, host->number, SIM_TRACE_DISK_FULL, for_ms, 0, 0);
        world->mode->disk_full(host, true);
        sim_after(world, 0, for_ms * 1000, space_again, NULL, host);
    }
}

/* What rots on a disk is noticed when a node reads it: most of it after a crash. */
static void fault_damage(struct sim_world *world)
{
    struct sim_host *host = any_host(world);

    if (world->mode->disk_damage != NULL && may_get_bad(world, host)) {
        if (sw_prng_chance(&world->fault, 3, 4)) {
            crash(host);
        }
        sim_trace3(world, host->number, SIM_TRACE_DAMAGE, host->alive ? 1 : 0, 0, 0);
        world->mode->disk_damage(host);
    }
}

/* In the order of SIM_FAULT_TABLE. */
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
                                                          fault_stop,
                                                          fault_drift,
                                                          fault_members,
                                                          fault_disk_full,
                                                          fault_damage};

static_assert(sizeof(faults) / sizeof(faults[0]) == (size_t)SIM_FAULT_COUNT,
              "one function for each row of SIM_FAULT_TABLE");

/* One event of the schedule: which fault, with which draws, and when the next one comes. All of it
 * is a function of the seed alone, so an event can be left out and the others stay what they were.
 */
struct event {
    uint32_t which;
    uint64_t draws;
    uint64_t gap_us;
};

static struct event event_next(struct sw_prng *schedule, const struct sim_plan *plan)
{
    struct event event;

    event.which = (uint32_t)sw_prng_below(schedule, SIM_FAULT_COUNT);
    event.draws = sw_prng_next(schedule);
    event.gap_us = 1 + sw_prng_below(schedule, 2000 * (uint64_t)plan->fault_interval_ms / 3);
    return event;
}

static void storm(void *arg)
{
    struct sim_world *world = arg;
    const struct event event = event_next(&world->schedule, &world->plan);
    const uint32_t number = world->event_number++;

    if (world->calm) {
        return;
    }
    /* Faults that are off are drawn too, so the interval is that of one fault among many. */
    if ((world->plan.faults >> event.which & 1) != 0 &&
        (world->only == NULL || sim_events_has(world->only, number))) {
        world->fault = sw_prng_of(event.draws);
        sim_events_add(&world->happened, number);
        sim_trace3(world, 0, SIM_TRACE_FAULT, number, event.which, 0);
        faults[event.which](world);
    }
    sim_after(world, 0, event.gap_us, storm, NULL, world);
}

void sim_faults_tell(const struct sim_plan *plan, const struct sim_events *events, FILE *out)
{
    struct sw_prng schedule = sim_schedule_of(plan);
    uint64_t at_us = STORM_BEGINS_US;

    for (uint32_t i = 0; i < SIM_EVENTS_MAX; i++) {
        const struct event event = event_next(&schedule, plan);

        if (sim_events_has(events, i)) {
            (void)fprintf(out,
                          "event %u at %" PRIu64 " ms: %s\n",
                          i,
                          (1000000 + at_us) / 1000,
                          sim_fault_name((enum sim_fault_number)event.which));
        }
        at_us += event.gap_us;
    }
}

void sim_faults_begin(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        sim_host_start(&world->host[i]);
    }
    if (world->plan.faults != 0) {
        sim_after(world, 0, STORM_BEGINS_US, storm, NULL, world);
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
        sim_host_drift(host, 0, 0);
        if (host->disk_bad && world->mode->disk_full != NULL) {
            world->mode->disk_full(host, false);
        }
        if (!host->alive && !host->refused) {
            sim_host_start(host);
        }
    }
    world->mode->calm(world);
}
