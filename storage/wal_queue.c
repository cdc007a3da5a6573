/* The WAL port over the engine and a worker. Requests are gathered as they are, bodies borrowed;
 * one job takes all of them, and their completions run on the loop in the order of the requests. */
#include "storage/wal_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "storage/wal_sizes.h"

struct ops {
    struct sw_wal_op *items; /* owned */
    size_t count;
    size_t capacity;
};

struct job {
    struct sw_job base; /* first: the worker hands this back */
    struct sw_wal_queue *queue;
    struct ops ops;
    bool prepare; /* no requests: write a slice of the coming segment */
    bool wants_spare;
    enum sw_err err;
    char why[SW_WHY_SIZE];
    struct sw_wal_stats stats;
    bool in_flight;
};

enum { JOB_COUNT = 2 };

struct sw_wal_queue {
    struct sw_wal port;
    struct sw_wal_queue_config config;
    struct ops pending; /* asked for, not yet in a job */
    struct job jobs[JOB_COUNT];
    struct job prepare;
    uint32_t in_flight; /* of `jobs` */
    bool failed;
    bool orphaned;   /* freed while the worker held a job */
    bool completing; /* completions run now; what they ask for waits for the end of them */
    struct sw_wal_sizes sizes;
    struct sw_wal_stats stats; /* as of the last job */
    char why[SW_WHY_SIZE];
};

static void job_run(struct sw_job *base)
{
    struct job *job = (struct job *)base;
    struct sw_wal_engine *engine = job->queue->config.engine;

    SW_ASSERT(job->in_flight);
    SW_ASSERT(job->err == SW_ERR_OK);
    if (job->prepare) {
        if (sw_wal_engine_wants_spare(engine)) {
            job->err = sw_wal_engine_prepare_spare(engine, job->why);
        }
    } else {
        job->err = sw_wal_engine_commit(engine, job->ops.items, job->ops.count, job->why);
    }
    job->wants_spare = sw_wal_engine_wants_spare(engine);
    sw_wal_engine_stats(engine, &job->stats);
}

static void queue_release(struct sw_wal_queue *queue)
{
    SW_ASSERT(queue->in_flight == 0);
    SW_ASSERT(!queue->prepare.in_flight);
    for (int i = 0; i < JOB_COUNT; i++) {
        free(queue->jobs[i].ops.items);
    }
    free(queue->pending.items);
    sw_wal_sizes_release(&queue->sizes);
    free(queue);
}

static void job_submit(struct sw_wal_queue *queue, struct job *job)
{
    SW_ASSERT(!job->in_flight);
    SW_ASSERT(!queue->failed);
    job->in_flight = true;
    job->err = SW_ERR_OK;
    sw_worker_submit(queue->config.worker, &job->base);
}

/* Hands everything that waits to the worker, if it has room for a job. */
static void queue_submit(struct sw_wal_queue *queue)
{
    struct job *job;
    struct ops swap;

    SW_ASSERT(queue->in_flight <= queue->config.in_flight_max);
    if (queue->pending.count == 0 || queue->failed || queue->completing ||
        queue->in_flight == queue->config.in_flight_max) {
        return;
    }
    job = queue->jobs[0].in_flight ? &queue->jobs[1] : &queue->jobs[0];
    swap = job->ops;
    job->ops = queue->pending;
    queue->pending = swap;
    queue->pending.count = 0;
    if (job->ops.count > 1) {
        SW_MARK("wal.group_commit");
    }
    queue->in_flight++;
    job_submit(queue, job);
}

/* True if the queue may go on after this job. */
static bool job_account(struct sw_wal_queue *queue, struct job *job)
{
    job->in_flight = false;
    queue->stats = job->stats;
    if (queue->orphaned) {
        if (queue->in_flight == 0 && !queue->prepare.in_flight) {
            queue_release(queue);
        }
        return false;
    }
    if (job->err != SW_ERR_OK && !queue->failed) {
        queue->failed = true;
        queue->config.fatal(queue->config.arg, job->err, job->why);
        return false;
    }
    return !queue->failed;
}

static void prepare_submit(struct sw_wal_queue *queue, bool wanted)
{
    if (wanted && !queue->prepare.in_flight && !queue->failed) {
        job_submit(queue, &queue->prepare);
    }
}

static void job_done(struct sw_job *base)
{
    struct job *job = (struct job *)base;
    struct sw_wal_queue *queue = job->queue;
    const bool wants_spare = job->wants_spare; /* the job may be with the worker again soon */

    SW_ASSERT(queue->in_flight > 0);
    queue->in_flight--;
    if (!job_account(queue, job)) {
        return;
    }
    /* The requests of a completion gather until all have run: they make one batch, not many. The
     * job counts as in flight until then, so that its list is not used again. */
    queue->completing = true;
    job->in_flight = true;
    for (size_t i = 0; i < job->ops.count; i++) {
        if (job->ops.items[i].done != NULL) {
            job->ops.items[i].done(job->ops.items[i].arg);
        }
    }
    job->in_flight = false;
    job->ops.count = 0;
    queue->completing = false;
    if (queue->orphaned) {
        if (queue->in_flight == 0 && !queue->prepare.in_flight) {
            queue_release(queue);
        }
        return;
    }
    queue_submit(queue);
    prepare_submit(queue, wants_spare);
}

/* The next slice follows the next commit: an idle log has time, a busy one calls again soon. Only
 * a log at rest goes on by itself, so that the segment is there when work comes back. */
static void prepare_done(struct sw_job *base)
{
    struct job *job = (struct job *)base;
    struct sw_wal_queue *queue = job->queue;

    SW_ASSERT(job->prepare);
    if (!job_account(queue, job)) {
        return;
    }
    if (queue->in_flight == 0) {
        prepare_submit(queue, job->wants_spare);
    }
}

static struct sw_wal_op *op_add(struct sw_wal_queue *queue)
{
    struct ops *ops = &queue->pending;

    if (ops->count == ops->capacity) {
        ops->capacity = ops->capacity == 0 ? 64 : ops->capacity * 2;
        ops->items = realloc(ops->items, ops->capacity * sizeof(*ops->items));
        SW_ASSERT(ops->items != NULL);
    }
    SW_ASSERT(ops->count < ops->capacity);
    ops->count++;
    return &ops->items[ops->count - 1];
}

static enum sw_err
queue_load(struct sw_wal *wal, struct sw_group_id group, struct sw_wal_group *ret_group)
{
    struct sw_wal_queue *queue = wal->impl;
    enum sw_err err;

    SW_ASSERT(!queue->orphaned);
    if (sw_wal_queue_busy(queue)) {
        return SW_ERR_BUSY;
    }
    queue->why[0] = '\0';
    err = sw_wal_engine_load(queue->config.engine, group, ret_group, queue->why);
    if (err == SW_ERR_OK) {
        sw_wal_sizes_load(&queue->sizes, group, ret_group);
    }
    return err;
}

static void queue_append(struct sw_wal *wal,
                         struct sw_group_id group,
                         const struct sw_wal_entry *entries,
                         size_t count,
                         sw_wal_done_fn done,
                         void *arg)
{
    struct sw_wal_queue *queue = wal->impl;

    SW_ASSERT(count == 0 || entries != NULL);
    *op_add(queue) = (struct sw_wal_op){.kind = SW_WAL_OP_APPEND,
                                        .group = group,
                                        .entries = entries,
                                        .entry_count = count,
                                        .done = done,
                                        .arg = arg};
    sw_wal_sizes_append(&queue->sizes, group, entries, count);
    queue_submit(queue);
}

static void queue_truncate(struct sw_wal *wal,
                           struct sw_group_id group,
                           uint64_t from_index,
                           sw_wal_done_fn done,
                           void *arg)
{
    struct sw_wal_queue *queue = wal->impl;

    SW_ASSERT(from_index > 0);
    *op_add(queue) = (struct sw_wal_op){
        .kind = SW_WAL_OP_TRUNCATE, .group = group, .index = from_index, .done = done, .arg = arg};
    sw_wal_sizes_truncate(&queue->sizes, group, from_index);
    queue_submit(queue);
}

static void queue_set_hard(struct sw_wal *wal,
                           struct sw_group_id group,
                           struct sw_wal_hard hard,
                           sw_wal_done_fn done,
                           void *arg)
{
    struct sw_wal_queue *queue = wal->impl;

    SW_ASSERT(group.value != 0);
    *op_add(queue) = (struct sw_wal_op){
        .kind = SW_WAL_OP_HARD, .group = group, .hard = hard, .done = done, .arg = arg};
    queue_submit(queue);
}

/* NOLINTNEXTLINE(readability-function-size): the port dictates the parameters */
static void queue_set_snapshot(struct sw_wal *wal,
                               struct sw_group_id group,
                               struct sw_wal_snapshot snapshot,
                               uint64_t first_index,
                               bool reset,
                               sw_wal_done_fn done,
                               void *arg)
{
    struct sw_wal_queue *queue = wal->impl;

    SW_ASSERT(first_index > 0);
    *op_add(queue) = (struct sw_wal_op){.kind = SW_WAL_OP_SNAPSHOT,
                                        .group = group,
                                        .snapshot = snapshot,
                                        .index = first_index,
                                        .reset = reset,
                                        .done = done,
                                        .arg = arg};
    sw_wal_sizes_drop_below(&queue->sizes, group, first_index, reset);
    queue_submit(queue);
}

static uint64_t queue_group_bytes(struct sw_wal *wal, struct sw_group_id group)
{
    const struct sw_wal_queue *queue = wal->impl;

    SW_ASSERT(queue != NULL);
    return sw_wal_sizes_group(&queue->sizes, group);
}

static void queue_stats(struct sw_wal *wal, struct sw_wal_stats *ret_stats)
{
    const struct sw_wal_queue *queue = wal->impl;

    SW_ASSERT(ret_stats != NULL);
    *ret_stats = queue->stats;
    ret_stats->live_bytes = queue->sizes.bytes;
}

static const struct sw_wal_ops queue_ops = {.load = queue_load,
                                            .append = queue_append,
                                            .truncate = queue_truncate,
                                            .set_hard = queue_set_hard,
                                            .set_snapshot = queue_set_snapshot,
                                            .group_bytes = queue_group_bytes,
                                            .stats = queue_stats};

struct sw_wal_queue *sw_wal_queue_new(const struct sw_wal_queue_config *config)
{
    struct sw_wal_queue *queue = calloc(1, sizeof(*queue));

    SW_ASSERT(queue != NULL);
    SW_ASSERT(config->fatal != NULL);
    queue->port = (struct sw_wal){.impl = queue, .ops = &queue_ops};
    queue->config = *config;
    if (config->in_flight_max == 0) {
        queue->config.in_flight_max = 1;
    }
    SW_ASSERT(queue->config.in_flight_max <= JOB_COUNT);
    for (int i = 0; i < JOB_COUNT; i++) {
        queue->jobs[i] = (struct job){.base = {.run = job_run, .done = job_done}, .queue = queue};
    }
    queue->prepare = (struct job){
        .base = {.run = job_run, .done = prepare_done}, .queue = queue, .prepare = true};
    sw_wal_engine_stats(config->engine, &queue->stats);
    return queue;
}

struct sw_wal *sw_wal_queue_port(struct sw_wal_queue *queue)
{
    SW_ASSERT(queue != NULL);
    return &queue->port;
}

bool sw_wal_queue_busy(const struct sw_wal_queue *queue)
{
    SW_ASSERT(queue != NULL);
    return queue->pending.count > 0 || queue->in_flight > 0 || queue->prepare.in_flight ||
           queue->completing;
}

const char *sw_wal_queue_why(const struct sw_wal_queue *queue)
{
    SW_ASSERT(queue != NULL);
    return queue->why;
}

void sw_wal_queue_free(struct sw_wal_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    SW_ASSERT(!queue->orphaned);
    queue->orphaned = true;
    if (queue->in_flight == 0 && !queue->prepare.in_flight && !queue->completing) {
        queue_release(queue);
    }
}
