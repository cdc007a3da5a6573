/* Clock, randomness and workers of a simulated node. */
#include <string.h>

#include "base/assert.h"
#include "tests/sim/world.h"

static uint64_t node_us(const struct sim_host *host)
{
    const uint64_t now = host->world->now_us;
    const int64_t since = (int64_t)(now - host->drift_since_us);

    return now + host->clock_leapt_us + (uint64_t)(since * host->drift_ppm / 1000000);
}

void sim_host_drift(struct sim_host *host, int32_t drift_ppm, uint64_t leap_us)
{
    const uint64_t now = host->world->now_us;

    host->clock_leapt_us = node_us(host) - now + leap_us;
    host->drift_since_us = now;
    host->drift_ppm = drift_ppm;
}

static uint64_t now_ms(void *impl)
{
    const struct sim_host *host = impl;

    return node_us(host) / 1000;
}

static uint64_t now_ns(void *impl)
{
    const struct sim_host *host = impl;

    return node_us(host) * 1000;
}

static uint64_t wall_ms(void *impl)
{
    const struct sim_host *host = impl;

    return (uint64_t)(1700000000000 + (int64_t)(node_us(host) / 1000) + host->wall_skew_ms);
}

static uint64_t random_of(void *impl)
{
    struct sim_host *host = impl;

    return sw_prng_next(&host->world->prng);
}

void sim_env_init(struct sim_host *host)
{
    host->env = (struct sw_env){
        .impl = host, .now_ms = now_ms, .now_ns = now_ns, .wall_ms = wall_ms, .random = random_of};
}

uint64_t sim_disk_delay(struct sim_host *host)
{
    return sw_prng_range(&host->world->prng, host->disk_us_min, host->disk_us_max);
}

static void done_first(struct sim_worker *worker)
{
    struct sw_job *job = worker->ran_first;

    SW_ASSERT(job != NULL);
    worker->ran_first = job->next;
    if (worker->ran_first == NULL) {
        worker->ran_last = NULL;
    }
    worker->ran--;
    job->done(job);
}

static void run_first(struct sim_worker *worker)
{
    struct sw_job *job = worker->waiting_first;

    SW_ASSERT(job != NULL);
    worker->waiting_first = job->next;
    if (worker->waiting_first == NULL) {
        worker->waiting_last = NULL;
    }
    worker->waiting--;
    job->next = NULL;
    if (worker->ran_last == NULL) {
        worker->ran_first = job;
    } else {
        worker->ran_last->next = job;
    }
    worker->ran_last = job;
    worker->ran++;
    job->run(job);
}

static void job_done(void *arg)
{
    struct sim_worker *worker = arg;

    sim_trace3(
        worker->host->world, worker->host->number, SIM_TRACE_JOB, worker->number, 2, worker->ran);
    done_first(worker);
}

static void job_run(void *arg);

static void job_schedule(struct sim_worker *worker)
{
    worker->busy = true;
    sim_after(worker->host->world,
              worker->host->number,
              sim_disk_delay(worker->host),
              job_run,
              NULL,
              worker);
}

/* The loop often hears of a job at once, else a little after it ran, as from a real thread; the
 * next one may run before that. */
static void job_run(void *arg)
{
    struct sim_worker *worker = arg;
    struct sim_world *world = worker->host->world;

    sim_trace3(world, worker->host->number, SIM_TRACE_JOB, worker->number, 1, worker->waiting);
    run_first(worker);
    if (worker->ran == 1 && sw_prng_chance(&world->prng, 3, 4)) {
        done_first(worker);
    } else {
        sim_after(world,
                  worker->host->number,
                  sw_prng_range(&world->prng, 5, 60),
                  job_done,
                  NULL,
                  worker);
    }
    worker->busy = false; /* only now: what was done may have submitted more */
    if (worker->waiting_first != NULL) {
        job_schedule(worker);
    }
}

static void submit(struct sw_worker *port, struct sw_job *job)
{
    struct sim_worker *worker = port->impl;

    job->next = NULL;
    if (worker->waiting_last == NULL) {
        worker->waiting_first = job;
    } else {
        worker->waiting_last->next = job;
    }
    worker->waiting_last = job;
    worker->waiting++;
    if (!worker->busy) {
        job_schedule(worker);
    }
}

void sim_worker_init(struct sim_worker *worker, struct sim_host *host, uint32_t number)
{
    memset(worker, 0, sizeof(*worker));
    worker->host = host;
    worker->number = number;
    worker->port = (struct sw_worker){.impl = worker, .submit = submit};
}

void sim_worker_drain(struct sim_worker *worker)
{
    worker->busy = true; /* nothing is scheduled any more */
    while (worker->waiting_first != NULL || worker->ran_first != NULL) {
        if (worker->waiting_first != NULL) {
            run_first(worker);
        } else {
            done_first(worker);
        }
    }
}

void sim_worker_crash(struct sim_worker *worker)
{
    sim_worker_init(worker, worker->host, worker->number);
}
