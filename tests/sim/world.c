/* The event loop of a simulated world and the life of its nodes. */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "tests/sim/faults.h"
#include "tests/sim/marks.h"
#include "tests/sim/net.h"

static void host_init(struct sim_world *world, uint32_t number)
{
    struct sim_host *host = &world->host[number - 1];

    host->world = world;
    host->number = number;
    host->disk_us_min = world->plan.disk_us_min;
    host->disk_us_max = world->plan.disk_us_max;
    host->drift_ppm = (int32_t)sw_prng_below(&world->prng, world->plan.drift_ppm * 2 + 1) -
                      (int32_t)world->plan.drift_ppm;
    sim_env_init(host);
    for (uint32_t i = 0; i < SIM_WORKER_COUNT; i++) {
        sim_worker_init(&host->worker[i], host, i);
    }
    sim_net_link_init(host);
}

struct sw_prng sim_schedule_of(const struct sim_plan *plan)
{
    return sw_prng_of(plan->seed ^ 0x0bad0bad0bad0badU);
}

void sim_world_init(struct sim_world *world,
                    const struct sim_plan *plan,
                    const struct sim_mode *mode,
                    bool verbose)
{
    SW_ASSERT(plan->nodes >= 1);
    SW_ASSERT(plan->nodes <= SIM_HOST_COUNT_MAX);
    memset(world, 0, sizeof(*world));
    world->plan = *plan;
    world->mode = mode;
    world->prng = sw_prng_of(plan->seed ^ 0x5eed5eed5eed5eedU ^ (plan->salt << 32));
    world->schedule = sim_schedule_of(plan);
    world->now_us = 1000000;
    sim_trace_init(&world->trace, plan->seed, verbose);
    world->net = sim_net_new(world);
    for (uint32_t i = 1; i <= plan->nodes; i++) {
        host_init(world, i);
    }
    mode->open(world);
}

void sim_world_release(struct sim_world *world)
{
    world->releasing = true;
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        if (world->host[i].alive) {
            sim_host_crash(&world->host[i], SIM_CUT_ALL_LOST);
        }
    }
    world->mode->close(world);
    sim_heap_release(&world->heap);
    sim_net_free(world->net);
    sim_marks_gather(world->plan.mode);
}

void sim_after(struct sim_world *world,
               uint32_t owner,
               uint64_t delay_us,
               void (*fire)(void *arg),
               void (*drop)(void *arg),
               void *arg)
{
    const struct sim_event event = {
        .at_us = world->now_us + delay_us,
        .seq = world->seq++,
        .fire = fire,
        .drop = drop,
        .arg = arg,
        .owner = owner,
        .life = owner == 0 ? SIM_LIFE_ANY : world->host[owner - 1].life,
    };

    SW_ASSERT(owner <= world->plan.nodes);
    sim_heap_push(&world->heap, event);
}

void sim_trace3(struct sim_world *world,
                uint32_t owner,
                enum sim_trace_id id,
                uint64_t a,
                uint64_t b,
                uint64_t c)
{
    const struct sim_trace_event event = {
        .at_us = world->now_us, .value = {a, b, c}, .owner = owner, .id = (uint32_t)id};

    sim_trace_add(&world->trace, &event);
}

void sim_fail(struct sim_world *world, const char *format, ...)
{
    va_list args;

    if (world->failed) {
        return;
    }
    world->failed = true;
    va_start(args, format);
    (void)vsnprintf(world->why, sizeof(world->why), format, args);
    va_end(args);
}

void sim_host_turn_end(struct sim_host *host)
{
    if (host->alive && host->dying == SW_ERR_OK) {
        host->world->mode->host_turn_end(host);
        sim_net_flush(host);
    }
    if (host->alive && host->dying != SW_ERR_OK) {
        host->world->stats.fatal_stops++;
        sim_host_crash(host, SIM_CUT_PREFIX);
        sim_faults_restart_later(host);
    }
}

static void end_turn(void *arg)
{
    struct sim_host *host = arg;

    host->turn_open = false;
    sim_host_turn_end(host);
}

/* A real loop takes everything that has come, messages and completions, before it ends a turn. */
static void after_event(struct sim_host *host)
{
    struct sim_world *world = host->world;

    if (world->plan.turn_us == 0 || !host->alive || host->dying != SW_ERR_OK) {
        sim_host_turn_end(host);
    } else if (!host->turn_open) {
        host->turn_open = true;
        sim_after(world,
                  host->number,
                  sw_prng_below(&world->prng, world->plan.turn_us),
                  end_turn,
                  NULL,
                  host);
    }
}

static void handle(struct sim_world *world, struct sim_event *event)
{
    struct sim_host *host = event->owner == 0 ? NULL : &world->host[event->owner - 1];

    if (host != NULL &&
        (!host->alive || (event->life != SIM_LIFE_ANY && event->life != host->life))) {
        if (event->drop != NULL) {
            event->drop(event->arg);
        }
        return;
    }
    if (host != NULL && host->paused_until_us > world->now_us) {
        event->at_us = host->paused_until_us; /* keeps its place among the others by `seq` */
        host->events_late++;
        sim_heap_push(&world->heap, *event);
        return;
    }
    world->stats.events++;
    event->fire(event->arg);
    if (host != NULL && event->fire != end_turn) {
        after_event(host);
    }
}

void sim_world_run(struct sim_world *world, uint64_t until_us)
{
    struct sim_event event;

    while (!world->failed && sim_heap_pop(&world->heap, &event)) {
        if (event.at_us > until_us) {
            sim_heap_push(&world->heap, event);
            break;
        }
        SW_ASSERT(event.at_us >= world->now_us);
        world->now_us = event.at_us;
        handle(world, &event);
    }
    if (!world->failed) {
        world->now_us = until_us;
    }
}

struct sim_host *sim_host_of(struct sim_world *world, struct sw_node_id node)
{
    SW_ASSERT(node.value >= 1);
    SW_ASSERT(node.value <= world->plan.nodes);
    return &world->host[node.value - 1];
}

void sim_host_start(struct sim_host *host)
{
    SW_ASSERT(!host->alive);
    host->alive = true;
    host->dying = SW_ERR_OK;
    host->disk_broken = false;
    host->paused_until_us = 0;
    host->turn_open = false;
    sim_net_host_changed(host);
    host->world->mode->host_start(host);
    if (host->world->mode->host_changed != NULL) {
        host->world->mode->host_changed(host);
    }
    sim_host_turn_end(host);
}

void sim_host_crash(struct sim_host *host, enum sim_cut cut)
{
    SW_ASSERT(host->alive);
    sim_trace3(host->world, host->number, SIM_TRACE_CRASH, host->life, cut, 0);
    host->world->stats.crashes++;
    host->world->mode->host_crash(host, cut);
    for (uint32_t i = 0; i < SIM_WORKER_COUNT; i++) {
        sim_worker_crash(&host->worker[i]);
    }
    host->alive = false;
    host->life++;
    sim_net_host_changed(host);
    if (host->world->mode->host_changed != NULL) {
        host->world->mode->host_changed(host);
    }
}

void sim_host_fatal(struct sim_host *host, enum sw_err err)
{
    SW_ASSERT(err != SW_ERR_OK);
    if (host->dying != SW_ERR_OK) {
        return;
    }
    host->dying = err;
    sim_trace3(host->world, host->number, SIM_TRACE_STOP_FATAL, err, host->disk_broken, 0);
    if (!host->disk_broken) {
        sim_fail(host->world,
                 "node %u stops itself with %s although no disk fault was injected",
                 host->number,
                 sw_err_name(err));
    }
}

void sim_host_pause(struct sim_host *host, uint64_t duration_us)
{
    host->paused_until_us = host->world->now_us + duration_us;
    host->world->stats.pauses++;
    sim_trace3(host->world, host->number, SIM_TRACE_PAUSE, duration_us / 1000, 0, 0);
}

uint32_t sim_alive_count(const struct sim_world *world)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        count += world->host[i].alive ? 1 : 0;
    }
    return count;
}
