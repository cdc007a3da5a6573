/* Threads, pace, and a watch over operations that do not end. */
#include "jepsen/workload/run.h"

#include <stdlib.h>
#include <time.h>

#include "jepsen/workload/must.h"

enum {
    WATCH_MS = 200,
    PATIENCE_MS = 10000, /* beyond a deadline: then libswarm has broken its word */
    LAST_TRIES = 20,
    LAST_PAUSE_MS = 500,
};

struct lane {
    struct sw_worker worker;
    const struct sw_workload *workload;
    void *state; /* owned */
    pthread_t thread;
    _Atomic bool over;
};

static void pause_ms(uint64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&pause, &pause) != 0) {
    }
}

/* Starts are spread by chance around the rate. A worker that was held up does not catch up: a burst
 * after each fault would hide what the fault does to single requests. */
static void pace(struct sw_worker *worker, uint64_t *next_us)
{
    const struct sw_options *options = &worker->run->options;
    const uint64_t mean_us = 1000000ULL * options->processes / options->rate;
    const uint64_t now_us = sw_history_now_ns() / 1000;
    const uint64_t gap_us = sw_dice_below(&worker->dice, 2 * mean_us + 1);

    if (*next_us > now_us) {
        const uint64_t wait_us = *next_us - now_us;
        struct timespec wait = {.tv_sec = (time_t)(wait_us / 1000000),
                                .tv_nsec = (long)(wait_us % 1000000) * 1000};

        while (nanosleep(&wait, &wait) != 0) {
        }
        *next_us += gap_us;
    } else {
        *next_us = now_us + gap_us;
    }
}

static void steps(struct lane *lane)
{
    struct sw_worker *worker = &lane->worker;
    uint64_t next_us = 0;

    pace(worker, &next_us);
    while (swarm_now_ms() < worker->run->stop_ms) {
        lane->workload->step(worker, lane->state);
        worker->steps++;
        pace(worker, &next_us);
    }
}

/* Keys are dealt out; a read that was not answered is tried again: the swarm has been healed. */
static void last_reads(struct lane *lane)
{
    struct sw_worker *worker = &lane->worker;
    const struct sw_options *options = &worker->run->options;
    const bool mixed = lane->workload->manner.mixed;
    uint64_t keys = sw_past_keys(&worker->run->past, mixed ? NULL : lane->workload->name);

    keys = keys > options->keys ? keys : options->keys;
    for (uint64_t key = worker->number; key < keys; key += options->processes) {
        for (int i = 0; i < LAST_TRIES; i++) {
            if (lane->workload->last(worker, lane->state, key)) {
                break;
            }
            pause_ms(LAST_PAUSE_MS);
        }
    }
}

static void *lane_main(void *arg)
{
    struct lane *lane = arg;

    if (lane->worker.run->options.final) {
        last_reads(lane);
    } else {
        steps(lane);
    }
    atomic_store(&lane->over, true);
    return NULL;
}

static void lane_start(struct lane *lane, struct sw_run *run, uint32_t number)
{
    const struct sw_workload *workload = lane->workload;

    sw_worker_init(&lane->worker, run, number);
    lane->worker.workload = workload->name;
    lane->worker.manner = workload->manner;
    lane->state = calloc(1, workload->state_size > 0 ? workload->state_size : 1);
    sw_must(lane->state != NULL, "no memory");
    sw_worker_open(&lane->worker);
    sw_must(pthread_create(&lane->thread, NULL, lane_main, lane) == 0, "no thread");
}

/* Until all are over. */
static void watch(struct lane *lanes, uint32_t count)
{
    uint32_t over;

    do {
        const uint64_t now_ms = swarm_now_ms();

        over = 0;
        for (uint32_t i = 0; i < count; i++) {
            const uint64_t until_ms = atomic_load(&lanes[i].worker.busy_until_ms);

            over += atomic_load(&lanes[i].over) ? 1 : 0;
            sw_must(until_ms == 0 || now_ms < until_ms + PATIENCE_MS,
                    "an operation did not end: libswarm missed its deadline by ten seconds");
        }
        if (over < count) {
            pause_ms(WATCH_MS);
        }
    } while (over < count);
}

uint64_t sw_run(const struct sw_workload *workload, const struct sw_options *options)
{
    const uint32_t count = options->processes;
    struct lane *lanes = calloc(count, sizeof *lanes);
    struct sw_run run = {.options = *options};
    uint64_t lines;

    sw_must(lanes != NULL, "no memory");
    sw_history_open(&run.history, options->history, options->epoch_ns, &run.past);
    sw_must(swarm_pool_new(&run.pool) == SWARM_OK, "no pool of clients");
    run.stop_ms = swarm_now_ms() + options->seconds * 1000ULL;
    for (uint32_t i = 0; i < count; i++) {
        lanes[i].workload = workload;
        lane_start(&lanes[i], &run, i);
    }
    watch(lanes, count);
    for (uint32_t i = 0; i < count; i++) {
        sw_must(pthread_join(lanes[i].thread, NULL) == 0, "a thread was lost");
        if (workload->release != NULL) {
            workload->release(lanes[i].state); /* what it holds may borrow the client */
        }
        sw_worker_release(&lanes[i].worker);
        free(lanes[i].state);
    }
    free(lanes);
    swarm_pool_free(run.pool);
    lines = run.history.lines;
    sw_history_close(&run.history);
    return lines;
}
