/* Nobody has to guess: outcome_counter CONFIG ENDPOINTS THREADS CALLS SEED adds 1 to one counter,
 * CALLS times, over links that are cut, and asks about each write whose answer did not come what
 * has become of it. Prints "calls C done D not_done N unknown U committed M not_committed X": the
 * counter must be D + M. Exits with 1 if one stays unknown. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <swarm.h>

#include "base/prng.h"

enum {
    THREADS_MAX = 64,
    PATIENCE_MS_MIN = 5, /* for an answer: often not enough */
    PATIENCE_MS = 60,
    QUESTION_MS = 60000,
};

struct tally {
    uint64_t calls, done, not_done, unknown, committed, not_committed, lost;
};

struct worker {
    pthread_t thread;
    struct swarm_client *client;
    struct sw_prng prng;
    uint64_t calls;
    struct tally tally;
};

static const struct swarm_scope scope = {.partition = "outcome"};

/* It has a number in the session: what was never sent is known not to have run. The
 * question goes through the log, so one answer is enough, however long it takes to come. */
static void ask(struct worker *worker, const struct swarm_result *result)
{
    const uint64_t until_ms = swarm_now_ms() + QUESTION_MS;
    enum swarm_status status = SWARM_UNKNOWN_OUTCOME;

    worker->tally.unknown++;
    while (status != SWARM_OK && status != SWARM_NOT_COMMITTED && status != SWARM_SESSION_EXPIRED &&
           status != SWARM_SESSION_STALE && swarm_now_ms() < until_ms) {
        status = swarm_outcome_of(worker->client, result->session, result->seq, NULL);
    }
    worker->tally.committed += status == SWARM_OK ? 1 : 0;
    worker->tally.not_committed += status == SWARM_NOT_COMMITTED ? 1 : 0;
    if (status != SWARM_OK && status != SWARM_NOT_COMMITTED) {
        worker->tally.lost++;
        (void)fprintf(stderr,
                      "session %llu seq %llu after %s: %s\n",
                      (unsigned long long)result->session,
                      (unsigned long long)result->seq,
                      swarm_status_name(result->status),
                      swarm_status_name(status));
    }
}

static void add_one(struct worker *worker)
{
    const struct swarm_txn_op op = {.kind = SWARM_TXN_MERGE,
                                    .merge = SWARM_MERGE_ADD,
                                    .key = swarm_str("sum"),
                                    .value = swarm_str("1")};
    const struct swarm_txn txn = {.then_ops = &op, .then_count = 1};
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.op = SWARM_TXN;
    request.scope = scope;
    request.txn = &txn;
    request.deadline_ms =
        swarm_now_ms() + PATIENCE_MS_MIN + sw_prng_below(&worker->prng, PATIENCE_MS);
    status = swarm_call(worker->client, &request, &result);
    worker->tally.calls++;
    if (status == SWARM_OK) {
        worker->tally.done++;
    } else if (swarm_outcome(status) == SWARM_UNKNOWN) {
        ask(worker, result);
    } else {
        worker->tally.not_done++;
    }
    swarm_result_free(result);
}

static void *work(void *arg)
{
    struct worker *worker = arg;

    for (uint64_t i = 0; i < worker->calls; i++) {
        add_one(worker);
    }
    return NULL;
}

static int open_worker(struct worker *worker, char **argv, uint64_t seed)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    char why[160] = "";

    options.config_path = argv[1];
    options.endpoints = argv[2];
    options.flags = SWARM_FIXED_NODES; /* the swarm would tell of ways that nobody cuts */
    options.attempt_timeout_ms = 200;
    options.attempts_max = 1000;
    worker->prng = sw_prng_of(seed);
    if (swarm_open(&options, &worker->client, why, sizeof why) != SWARM_OK) {
        (void)fprintf(stderr, "%s\n", why);
        return 1;
    }
    return pthread_create(&worker->thread, NULL, work, worker);
}

static void add(struct tally *sum, const struct tally *more)
{
    sum->calls += more->calls;
    sum->done += more->done;
    sum->not_done += more->not_done;
    sum->unknown += more->unknown;
    sum->committed += more->committed;
    sum->not_committed += more->not_committed;
    sum->lost += more->lost;
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS_MAX];
    struct tally sum = {0};
    uint64_t threads, calls, seed;

    if (argc != 6) {
        return 2;
    }
    threads = strtoull(argv[3], NULL, 10);
    calls = strtoull(argv[4], NULL, 10);
    seed = strtoull(argv[5], NULL, 10);
    if (threads == 0 || threads > THREADS_MAX) {
        return 2;
    }
    for (uint64_t i = 0; i < threads; i++) {
        workers[i].calls = calls / threads + (i < calls % threads ? 1 : 0);
        if (open_worker(&workers[i], argv, seed + i) != 0) {
            return 1;
        }
    }
    for (uint64_t i = 0; i < threads; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        swarm_close(workers[i].client);
        add(&sum, &workers[i].tally);
    }
    (void)printf("calls %llu done %llu not_done %llu unknown %llu committed %llu not_committed "
                 "%llu\n",
                 (unsigned long long)sum.calls,
                 (unsigned long long)sum.done,
                 (unsigned long long)sum.not_done,
                 (unsigned long long)sum.unknown,
                 (unsigned long long)sum.committed,
                 (unsigned long long)sum.not_committed);
    return sum.lost == 0 ? 0 : 1;
}
