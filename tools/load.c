/* Closed-loop load: a lane is one request under way, for ever. Open-loop load: a shot is one
 * request, fired at its time. What a worker counts, it counts on one thread, so nothing here needs
 * a lock. */
#include "tools/load.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/prng.h"

enum { KEY_SIZE = 32, PRELOAD_IN_FLIGHT = 256 };

struct load;

struct worker {
    struct load *load;
    struct swarm_pool *pool;
    struct sw_load_result result; /* of this thread */
    uint64_t last_success_ns;
};

struct lane {
    struct worker *worker;
    struct swarm_client *client;
    struct sw_prng prng;
    uint64_t began_ns;
};

struct load {
    const struct sw_load_config *config;
    struct worker *workers;        /* owned */
    struct swarm_client **clients; /* owned */
    uint32_t client_count;
    uint8_t *value; /* owned */
    uint64_t start_ns, stop_ns;
    _Atomic uint32_t preload_next; /* key */
    _Atomic enum swarm_status preload_failed;
    sem_t lane_over; /* posted by each lane that stops */
};

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static struct swarm_scope scope_of(void)
{
    return (struct swarm_scope){.tenant = "bench", .name_space = "load", .partition = "keys"};
}

static struct swarm_slice key_of(char text[KEY_SIZE], uint64_t number)
{
    const int size = snprintf(text, KEY_SIZE, "bench/%012llu", (unsigned long long)number);

    return (struct swarm_slice){.data = text, .size = (size_t)size};
}

/* --- results ---------------------------------------------------------------------------------- */

static void count_error(struct sw_load_result *result, enum swarm_status status)
{
    result->errors++;
    for (size_t i = 0; i < SW_LOAD_ERRORS_MAX; i++) {
        if (result->by_status[i].count == 0 || result->by_status[i].status == status) {
            result->by_status[i].status = status;
            result->by_status[i].count++;
            return;
        }
    }
}

static void count_success(struct worker *worker, uint64_t began_ns, uint64_t ended_ns)
{
    struct sw_load_result *result = &worker->result;
    const uint64_t since =
        worker->last_success_ns != 0 ? worker->last_success_ns : worker->load->start_ns;

    result->ops++;
    sw_histogram_add(&result->latency, ended_ns - began_ns);
    if (ended_ns > since && ended_ns - since > result->longest_gap_ns) {
        result->longest_gap_ns = ended_ns - since;
    }
    worker->last_success_ns = ended_ns;
}

static void merge(struct sw_load_result *into, const struct sw_load_result *from)
{
    sw_histogram_merge(&into->latency, &from->latency);
    into->ops += from->ops;
    into->errors += from->errors;
    if (from->longest_gap_ns > into->longest_gap_ns) {
        into->longest_gap_ns = from->longest_gap_ns;
    }
    for (size_t i = 0; i < SW_LOAD_ERRORS_MAX && from->by_status[i].count > 0; i++) {
        for (size_t j = 0; j < SW_LOAD_ERRORS_MAX; j++) {
            if (into->by_status[j].count == 0 ||
                into->by_status[j].status == from->by_status[i].status) {
                into->by_status[j].status = from->by_status[i].status;
                into->by_status[j].count += from->by_status[i].count;
                break;
            }
        }
    }
}

/* --- lanes ------------------------------------------------------------------------------------ */

static void lane_go(struct lane *lane);

static void on_answer(void *arg, struct swarm_result *result)
{
    struct lane *lane = arg;
    const struct load *load = lane->worker->load;
    const uint64_t ended_ns = now_ns();

    if (lane->began_ns >= load->start_ns && lane->began_ns < load->stop_ns) {
        if (result->status == SWARM_OK) {
            count_success(lane->worker, lane->began_ns, ended_ns);
        } else {
            count_error(&lane->worker->result, result->status);
        }
    }
    swarm_result_free(result);
    lane_go(lane);
}

/* A put or a get of a random key, whose name is written to `key`. */
static void choose(const struct load *load,
                   struct sw_prng *prng,
                   char key[KEY_SIZE],
                   struct swarm_request *request)
{
    request->op = sw_prng_below(prng, 100) < load->config->put_percent ? SWARM_PUT : SWARM_GET;
    request->scope = scope_of();
    request->key = key_of(key, sw_prng_below(prng, load->config->keys));
    if (request->op == SWARM_PUT) {
        request->value =
            (struct swarm_slice){.data = load->value, .size = load->config->value_size};
    }
}

static void lane_go(struct lane *lane)
{
    struct load *load = lane->worker->load;
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char key[KEY_SIZE];
    enum swarm_status status;

    lane->began_ns = now_ns();
    if (lane->began_ns >= load->stop_ns) {
        (void)sem_post(&load->lane_over);
        return;
    }
    choose(load, &lane->prng, key, &request);
    status = swarm_submit(lane->client, &request, on_answer, lane, NULL, 0);
    if (status != SWARM_OK) {
        count_error(&lane->worker->result, status);
        (void)sem_post(&load->lane_over); /* not a load problem but a wrong call: the lane ends */
    }
}

static void preload_go(struct lane *lane);

static void on_preloaded(void *arg, struct swarm_result *result)
{
    struct lane *lane = arg;

    if (result->status != SWARM_OK) {
        atomic_store(&lane->worker->load->preload_failed, result->status);
    }
    swarm_result_free(result);
    preload_go(lane);
}

static void preload_go(struct lane *lane)
{
    struct load *load = lane->worker->load;
    const uint32_t number = atomic_fetch_add(&load->preload_next, 1);
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char key[KEY_SIZE];

    request.op = SWARM_PUT;
    request.scope = scope_of();
    request.key = key_of(key, number);
    request.value = (struct swarm_slice){.data = load->value, .size = load->config->value_size};
    if (number >= load->config->keys || atomic_load(&load->preload_failed) != SWARM_OK ||
        swarm_submit(lane->client, &request, on_preloaded, lane, NULL, 0) != SWARM_OK) {
        (void)sem_post(&load->lane_over);
    }
}

static void wait_lanes(struct load *load, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (sem_wait(&load->lane_over) != 0) {
        }
    }
}

/* --- shots ------------------------------------------------------------------------------------ */

struct shot {
    struct worker *worker;
    uint64_t due_ns;
};

static void on_hit(void *arg, struct swarm_result *result)
{
    struct shot *shot = arg;
    struct load *load = shot->worker->load;

    if (shot->due_ns >= load->start_ns && result->status == SWARM_OK) {
        count_success(shot->worker, shot->due_ns, now_ns());
    } else if (shot->due_ns >= load->start_ns) {
        count_error(&shot->worker->result, result->status);
    }
    swarm_result_free(result);
    free(shot);
    (void)sem_post(&load->lane_over);
}

static void sleep_until(uint64_t at_ns)
{
    const struct timespec at = {.tv_sec = (time_t)(at_ns / 1000000000),
                                .tv_nsec = (long)(at_ns % 1000000000)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {
    }
}

/* True if it is under way. What the client itself refuses (BUSY) is counted by the caller, since
 * the worker's figures belong to its thread. */
static enum swarm_status
fire(struct load *load, struct sw_prng *prng, uint64_t number, uint64_t due_ns)
{
    const uint32_t client = (uint32_t)(number % load->client_count);
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct shot *shot = malloc(sizeof *shot);
    char key[KEY_SIZE];
    enum swarm_status status;

    SW_ASSERT(shot != NULL);
    *shot =
        (struct shot){.worker = &load->workers[client % load->config->threads], .due_ns = due_ns};
    choose(load, prng, key, &request);
    status = swarm_submit(load->clients[client], &request, on_hit, shot, NULL, 0);
    if (status != SWARM_OK) {
        free(shot);
    }
    return status;
}

/* Fires each shot when it is due, never later because an earlier one is not answered. `own` counts
 * what could not be fired. */
static void measure_open(struct load *load, struct sw_load_result *own)
{
    const struct sw_load_config *config = load->config;
    struct sw_prng prng = sw_prng_of(config->seed);
    const uint64_t began_ns = now_ns();
    size_t fired = 0;

    load->start_ns = began_ns + config->warmup_ms * 1000000;
    load->stop_ns = load->start_ns + config->duration_ms * 1000000;
    for (uint64_t i = 0;; i++) {
        const uint64_t due_ns = began_ns + i * 1000000000 / config->rate;
        enum swarm_status status;

        if (due_ns >= load->stop_ns) {
            break;
        }
        if (due_ns > now_ns()) {
            sleep_until(due_ns);
        }
        status = fire(load, &prng, i, due_ns);
        fired += status == SWARM_OK ? 1 : 0;
        if (status != SWARM_OK && due_ns >= load->start_ns) {
            count_error(own, status);
        }
    }
    wait_lanes(load, fired);
}

/* --- the run ---------------------------------------------------------------------------------- */

static enum sw_err open_clients(struct load *load, char *ret_why)
{
    const struct sw_load_config *config = load->config;
    enum swarm_status status = SWARM_OK;

    SW_ASSERT(config->threads > 0);
    for (uint32_t i = 0; i < config->threads && status == SWARM_OK; i++) {
        load->workers[i].load = load;
        status = swarm_pool_new(&load->workers[i].pool);
    }
    for (uint32_t i = 0; i < config->clients && status == SWARM_OK; i++) {
        struct swarm_options options = config->options;

        options.pool = load->workers[i % config->threads].pool;
        status = swarm_open(&options, &load->clients[i], ret_why, SW_WHY_SIZE);
        load->client_count += status == SWARM_OK ? 1 : 0;
    }
    return (enum sw_err)status;
}

/* One get through each client: connections stand and the leader is known before time counts. */
static enum sw_err touch_clients(struct load *load, char *ret_why)
{
    for (uint32_t i = 0; i < load->client_count; i++) {
        struct swarm_result *result = NULL;
        enum swarm_status status =
            swarm_get(load->clients[i], scope_of(), swarm_str("touch"), &result);

        if (status != SWARM_OK && status != SWARM_NOT_FOUND) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "%.150s", result->detail);
            swarm_result_free(result);
            return (enum sw_err)status;
        }
        swarm_result_free(result);
    }
    return SW_ERR_OK;
}

static struct lane *make_lanes(struct load *load, size_t count)
{
    struct lane *lanes = calloc(count > 0 ? count : 1, sizeof *lanes);

    SW_ASSERT(lanes != NULL);
    for (size_t i = 0; i < count; i++) {
        const uint32_t client = (uint32_t)(i % load->client_count);

        lanes[i] = (struct lane){.worker = &load->workers[client % load->config->threads],
                                 .client = load->clients[client],
                                 .prng = sw_prng_of(load->config->seed + i)};
    }
    return lanes;
}

static enum sw_err preload(struct load *load, char *ret_why)
{
    struct lane *lanes = make_lanes(load, PRELOAD_IN_FLIGHT);
    enum swarm_status failed;

    for (size_t i = 0; i < PRELOAD_IN_FLIGHT; i++) {
        preload_go(&lanes[i]);
    }
    wait_lanes(load, PRELOAD_IN_FLIGHT);
    free(lanes);
    failed = atomic_load(&load->preload_failed);
    if (failed != SWARM_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "writing the keys first failed");
    }
    return (enum sw_err)failed;
}

static void measure(struct load *load)
{
    const struct sw_load_config *config = load->config;
    const size_t count = (size_t)config->clients * config->in_flight;
    struct lane *lanes = make_lanes(load, count);

    load->start_ns = now_ns() + config->warmup_ms * 1000000;
    load->stop_ns = load->start_ns + config->duration_ms * 1000000;
    for (size_t i = 0; i < count; i++) {
        lane_go(&lanes[i]);
    }
    wait_lanes(load, count);
    free(lanes);
}

static void release(struct load *load)
{
    for (uint32_t i = 0; i < load->client_count; i++) {
        swarm_close(load->clients[i]);
    }
    for (uint32_t i = 0; i < load->config->threads; i++) {
        swarm_pool_free(load->workers[i].pool);
    }
    (void)sem_destroy(&load->lane_over);
    free(load->workers);
    free(load->clients);
    free(load->value);
}

enum sw_err sw_load_run(const struct sw_load_config *config,
                        struct sw_load_result *ret_result,
                        char ret_why[SW_WHY_SIZE])
{
    struct load load = {.config = config,
                        .workers = calloc(config->threads, sizeof *load.workers),
                        .clients = calloc(config->clients, sizeof(struct swarm_client *)),
                        .value = malloc(config->value_size + 1)};
    struct sw_prng prng = sw_prng_of(config->seed);
    enum sw_err err;

    SW_ASSERT(load.workers != NULL);
    SW_ASSERT(load.clients != NULL);
    SW_ASSERT(load.value != NULL);
    for (uint32_t i = 0; i < config->value_size; i++) {
        load.value[i] = (uint8_t)sw_prng_next(&prng); /* nothing compresses it */
    }
    (void)sem_init(&load.lane_over, 0, 0);
    err = open_clients(&load, ret_why);
    if (err == SW_ERR_OK) {
        err = touch_clients(&load, ret_why);
    }
    if (err == SW_ERR_OK && config->put_percent < 100) {
        err = preload(&load, ret_why);
    }
    if (err == SW_ERR_OK) {
        memset(ret_result, 0, sizeof *ret_result);
        if (config->rate > 0) {
            measure_open(&load, ret_result);
        } else {
            measure(&load);
        }
        for (uint32_t i = 0; i < config->threads; i++) {
            merge(ret_result, &load.workers[i].result);
        }
    }
    release(&load);
    return err;
}
