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
#include "tools/load_private.h"

enum { PRELOAD_IN_FLIGHT = 256 };

struct lane {
    struct sw__load_worker *worker;
    struct swarm_client *client;
    struct sw_prng prng;
    uint64_t began_ns;
    uint64_t lease;                       /* of KEEP_ALIVE */
    uint8_t after[SW__LOAD_KEY_SIZE + 1]; /* of SCAN: where the next page begins */
    size_t after_size;                    /* 0: a new scan */
};

uint64_t sw__load_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

struct swarm_scope sw__load_scope(void)
{
    return (struct swarm_scope){.tenant = "bench", .name_space = "load", .partition = "keys"};
}

struct swarm_slice sw__load_key(char text[SW__LOAD_KEY_SIZE], uint64_t number)
{
    const int size = snprintf(text, SW__LOAD_KEY_SIZE, "bench/%012llu", (unsigned long long)number);

    return (struct swarm_slice){.data = text, .size = (size_t)size};
}

/* --- results ---------------------------------------------------------------------------------- */

void sw__load_error(struct sw_load_result *result, enum swarm_status status)
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

void sw__load_success(struct sw__load_worker *worker, uint64_t began_ns, uint64_t ended_ns)
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
static bool next_page(struct lane *lane, const struct swarm_result *result);

static void on_answer(void *arg, struct swarm_result *result)
{
    struct lane *lane = arg;
    const struct sw__load *load = lane->worker->load;
    const uint64_t ended_ns = sw__load_now_ns();
    const bool goes_on = next_page(lane, result);

    if (!goes_on && lane->began_ns >= load->start_ns && lane->began_ns < load->stop_ns) {
        if (result->status == SWARM_OK) {
            sw__load_success(lane->worker, lane->began_ns, ended_ns);
        } else {
            sw__load_error(&lane->worker->result, result->status);
        }
    }
    swarm_result_free(result);
    lane_go(lane);
}

/* What a request points to until it is submitted. */
struct draw {
    char key[2][SW__LOAD_KEY_SIZE];
    struct swarm_compare compares[2];
    struct swarm_txn_op puts[2];
    struct swarm_txn txn;
};

static void choose_txn(const struct sw__load *load, struct sw_prng *prng, struct draw *draw)
{
    const uint64_t number = sw_prng_below(prng, load->config->keys);

    for (uint64_t i = 0; i < 2; i++) {
        const struct swarm_slice key =
            sw__load_key(draw->key[i], (number + i) % load->config->keys);

        draw->compares[i] = (struct swarm_compare){
            .target = SWARM_COMPARE_VERSION, .relation = SWARM_GREATER_EQUAL, .key = key};
        draw->puts[i] =
            (struct swarm_txn_op){.kind = SWARM_TXN_PUT,
                                  .key = key,
                                  .value = {.data = load->value, .size = load->config->value_size}};
    }
    draw->txn = (struct swarm_txn){.compares = draw->compares,
                                   .compare_count = 2,
                                   .then_ops = draw->puts,
                                   .then_count = load->config->keys > 1 ? 2 : 1};
}

/* A put or a get of a random key, or the transaction. */
static void choose(const struct sw__load *load,
                   struct sw_prng *prng,
                   struct draw *draw,
                   struct swarm_request *request)
{
    if (load->config->kind == SW_LOAD_TXN) {
        choose_txn(load, prng, draw);
        request->op = SWARM_TXN;
        request->scope = sw__load_scope();
        request->txn = &draw->txn;
        return;
    }
    request->op = sw_prng_below(prng, 100) < load->config->put_percent ? SWARM_PUT : SWARM_GET;
    request->scope = sw__load_scope();
    request->key = sw__load_key(draw->key[0], sw_prng_below(prng, load->config->keys));
    if (request->op == SWARM_PUT) {
        request->value =
            (struct swarm_slice){.data = load->value, .size = load->config->value_size};
    }
}

static struct swarm_slice scan_from(const struct lane *lane)
{
    return (struct swarm_slice){.data = lane->after, .size = lane->after_size};
}

static void fill_request(struct lane *lane, struct draw *draw, struct swarm_request *request)
{
    const struct sw__load *load = lane->worker->load;

    if (load->config->kind == SW_LOAD_KEEP_ALIVE) {
        request->op = SWARM_LEASE_KEEP_ALIVE;
        request->scope = sw__load_scope();
        request->lease = lane->lease;
    } else if (load->config->kind == SW_LOAD_SCAN) {
        request->op = SWARM_SCAN;
        request->scope = sw__load_scope();
        request->key = lane->after_size == 0 ? swarm_str("bench/") : scan_from(lane);
        request->end_key = swarm_str("bench0"); /* the byte behind the slash */
    } else {
        choose(load, &lane->prng, draw, request);
    }
}

/* The key behind the last of this page; false if the scan is over. */
static bool next_page(struct lane *lane, const struct swarm_result *result)
{
    const struct swarm_record *last;

    lane->after_size = 0;
    if (lane->worker->load->config->kind != SW_LOAD_SCAN || result->status != SWARM_OK ||
        !result->more || result->record_count == 0) {
        return false;
    }
    last = &result->records[result->record_count - 1];
    SW_ASSERT(last->key.size < sizeof lane->after);
    memcpy(lane->after, last->key.data, last->key.size);
    lane->after[last->key.size] = 0;
    lane->after_size = last->key.size + 1;
    return true;
}

static void lane_go(struct lane *lane)
{
    struct sw__load *load = lane->worker->load;
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct draw draw;
    enum swarm_status status;

    if (lane->after_size == 0) {
        lane->began_ns = sw__load_now_ns();
    }
    if (lane->began_ns >= load->stop_ns) {
        (void)sem_post(&load->lane_over);
        return;
    }
    fill_request(lane, &draw, &request);
    status = swarm_submit(lane->client, &request, on_answer, lane, NULL, 0);
    if (status != SWARM_OK) {
        sw__load_error(&lane->worker->result, status);
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
    struct sw__load *load = lane->worker->load;
    const uint32_t number = atomic_fetch_add(&load->preload_next, 1);
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char key[SW__LOAD_KEY_SIZE];

    request.op = SWARM_PUT;
    request.scope = sw__load_scope();
    request.key = sw__load_key(key, number);
    request.value = (struct swarm_slice){.data = load->value, .size = load->config->value_size};
    if (number >= load->config->keys || atomic_load(&load->preload_failed) != SWARM_OK ||
        swarm_submit(lane->client, &request, on_preloaded, lane, NULL, 0) != SWARM_OK) {
        (void)sem_post(&load->lane_over);
    }
}

static void wait_lanes(struct sw__load *load, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (sem_wait(&load->lane_over) != 0) {
        }
    }
}

/* --- shots ------------------------------------------------------------------------------------ */

struct shot {
    struct sw__load_worker *worker;
    uint64_t due_ns;
};

static void on_hit(void *arg, struct swarm_result *result)
{
    struct shot *shot = arg;
    struct sw__load *load = shot->worker->load;

    if (shot->due_ns >= load->start_ns && result->status == SWARM_OK) {
        sw__load_success(shot->worker, shot->due_ns, sw__load_now_ns());
    } else if (shot->due_ns >= load->start_ns) {
        sw__load_error(&shot->worker->result, result->status);
    }
    swarm_result_free(result);
    free(shot);
    (void)sem_post(&load->lane_over);
}

void sw__load_sleep_until(uint64_t at_ns)
{
    const struct timespec at = {.tv_sec = (time_t)(at_ns / 1000000000),
                                .tv_nsec = (long)(at_ns % 1000000000)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {
    }
}

/* True if it is under way. What the client itself refuses (BUSY) is counted by the caller, since
 * the worker's figures belong to its thread. */
static enum swarm_status
fire(struct sw__load *load, struct sw_prng *prng, uint64_t number, uint64_t due_ns)
{
    const uint32_t client = (uint32_t)(number % load->client_count);
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct shot *shot = malloc(sizeof *shot);
    struct draw draw;
    enum swarm_status status;

    SW_ASSERT(shot != NULL);
    *shot =
        (struct shot){.worker = &load->workers[client % load->config->threads], .due_ns = due_ns};
    choose(load, prng, &draw, &request);
    status = swarm_submit(load->clients[client], &request, on_hit, shot, NULL, 0);
    if (status != SWARM_OK) {
        free(shot);
    }
    return status;
}

/* Fires each shot when it is due, never later because an earlier one is not answered. `own` counts
 * what could not be fired. */
static void measure_open(struct sw__load *load, struct sw_load_result *own)
{
    const struct sw_load_config *config = load->config;
    struct sw_prng prng = sw_prng_of(config->seed);
    const uint64_t began_ns = sw__load_now_ns();
    size_t fired = 0;

    load->start_ns = began_ns + config->warmup_ms * 1000000;
    load->stop_ns = load->start_ns + config->duration_ms * 1000000;
    for (uint64_t i = 0;; i++) {
        const uint64_t due_ns = began_ns + i * 1000000000 / config->rate;
        enum swarm_status status;

        if (due_ns >= load->stop_ns) {
            break;
        }
        if (due_ns > sw__load_now_ns()) {
            sw__load_sleep_until(due_ns);
        }
        status = fire(load, &prng, i, due_ns);
        fired += status == SWARM_OK ? 1 : 0;
        if (status != SWARM_OK && due_ns >= load->start_ns) {
            sw__load_error(own, status);
        }
    }
    wait_lanes(load, fired);
}

/* --- the run ---------------------------------------------------------------------------------- */

static enum sw_err open_clients(struct sw__load *load, char *ret_why)
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
static enum sw_err touch_clients(struct sw__load *load, char *ret_why)
{
    for (uint32_t i = 0; i < load->client_count; i++) {
        struct swarm_result *result = NULL;
        enum swarm_status status =
            swarm_get(load->clients[i], sw__load_scope(), swarm_str("touch"), &result);

        if (status != SWARM_OK && status != SWARM_NOT_FOUND) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "%.150s", result->detail);
            swarm_result_free(result);
            return (enum sw_err)status;
        }
        swarm_result_free(result);
    }
    return SW_ERR_OK;
}

/* A lease for each lane, which it keeps alive. */
static enum sw_err grant_leases(struct lane *lanes, size_t count)
{
    enum { TTL_MS = 600000 };

    for (size_t i = 0; i < count; i++) {
        struct swarm_result *result = NULL;
        const enum swarm_status status =
            swarm_lease_grant(lanes[i].client, sw__load_scope(), TTL_MS, &result);

        lanes[i].lease = result == NULL ? 0 : result->value;
        swarm_result_free(result);
        if (status != SWARM_OK) {
            return (enum sw_err)status;
        }
    }
    return SW_ERR_OK;
}

static struct lane *make_lanes(struct sw__load *load, size_t count)
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

static enum sw_err preload(struct sw__load *load, char *ret_why)
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

static enum sw_err measure(struct sw__load *load)
{
    const struct sw_load_config *config = load->config;
    const size_t count = (size_t)config->clients * config->in_flight;
    struct lane *lanes = make_lanes(load, count);
    enum sw_err err = SW_ERR_OK;

    if (config->kind == SW_LOAD_KEEP_ALIVE) {
        err = grant_leases(lanes, count);
    }
    load->start_ns = sw__load_now_ns() + config->warmup_ms * 1000000;
    load->stop_ns = load->start_ns + config->duration_ms * 1000000;
    for (size_t i = 0; i < count && err == SW_ERR_OK; i++) {
        lane_go(&lanes[i]);
    }
    if (err == SW_ERR_OK) {
        wait_lanes(load, count);
    }
    free(lanes);
    return err;
}

/* --- life ------------------------------------------------------------------------------------- */

static void release(struct sw__load *load)
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
    struct sw__load load = {.config = config,
                            .workers = calloc(config->threads, sizeof *load.workers),
                            .clients = calloc(config->clients, sizeof(struct swarm_client *)),
                            .value = malloc(config->value_size + sizeof(uint64_t))};
    const bool watches = config->kind == SW_LOAD_WATCH || config->kind == SW_LOAD_MAILBOX;
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
    if (err == SW_ERR_OK && (config->kind == SW_LOAD_TXN || config->kind == SW_LOAD_SCAN ||
                             watches || config->put_percent < 100)) {
        err = preload(&load, ret_why);
    }
    if (err == SW_ERR_OK) {
        memset(ret_result, 0, sizeof *ret_result);
        if (config->rate > 0 && !watches) {
            measure_open(&load, ret_result);
        } else {
            err = watches ? sw__load_watch(&load) : measure(&load);
        }
        for (uint32_t i = 0; i < config->threads; i++) {
            merge(ret_result, &load.workers[i].result);
        }
    }
    release(&load);
    return err;
}
