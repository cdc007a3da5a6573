/* The queue: group commit, order of completions, failure, all with a worker stepped by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/disk_mem.h"
#include "storage/wal_queue.h"

static const struct sw_group_id group_1 = {1};
static const struct sw_group_id group_2 = {2};

enum { LOG_SIZE = 64, JOB_MAX = 8 };

struct world {
    struct sw_disk_mem *disk;
    struct sw_wal_engine *engine;
    struct sw_worker worker;
    struct sw_job *jobs[JOB_MAX]; /* submitted, not run */
    size_t job_count;
    struct sw_job *ran[JOB_MAX]; /* run, not done */
    size_t ran_count;
    struct sw_wal_queue *queue;
    struct sw_wal *wal;
    int log[LOG_SIZE]; /* completions in order */
    size_t log_count;
    enum sw_err fatal;
    char why[SW_WHY_SIZE];
    const struct sw_wal_entry *again; /* appended from within a completion */
};

struct token {
    struct world *world;
    int id;
};

static void on_done(void *arg)
{
    struct token *token = arg;

    assert_true(token->world->log_count < LOG_SIZE);
    token->world->log[token->world->log_count] = token->id;
    token->world->log_count++;
}

static void on_fatal(void *arg, enum sw_err err, const char *why)
{
    struct world *world = arg;

    assert_int_equal(world->fatal, SW_ERR_OK);
    world->fatal = err;
    (void)snprintf(world->why, sizeof(world->why), "%s", why);
}

static void worker_submit(struct sw_worker *worker, struct sw_job *job)
{
    struct world *world = worker->impl;

    assert_true(world->job_count < JOB_MAX);
    world->jobs[world->job_count] = job;
    world->job_count++;
}

static void job_pop(struct sw_job **jobs, size_t *count)
{
    (*count)--;
    memmove(jobs, jobs + 1, *count * sizeof(*jobs));
}

static void worker_run(struct world *world)
{
    struct sw_job *job = world->jobs[0];

    assert_true(world->job_count > 0);
    job_pop(world->jobs, &world->job_count);
    job->run(job);
    world->ran[world->ran_count] = job;
    world->ran_count++;
}

static void worker_done(struct world *world)
{
    struct sw_job *job = world->ran[0];

    assert_true(world->ran_count > 0);
    job_pop(world->ran, &world->ran_count);
    job->done(job);
}

static void worker_drain(struct world *world)
{
    while (world->job_count + world->ran_count > 0) {
        if (world->job_count > 0) {
            worker_run(world);
        }
        worker_done(world);
    }
}

static int setup_with(void **state, uint32_t in_flight_max)
{
    struct world *world = calloc(1, sizeof(*world));
    struct sw_wal_engine_config config = {.swarm = {{1}}, .node = {1}, .segment_size = 16 << 10};
    struct sw_wal_queue_config queue = {.fatal = on_fatal, .in_flight_max = in_flight_max};
    struct sw_wal_group loaded;

    world->disk = sw_disk_mem_new();
    config.disk = sw_disk_mem_port(world->disk);
    assert_int_equal(sw_wal_engine_open(&config, &world->engine, world->why), SW_ERR_OK);
    world->worker = (struct sw_worker){.impl = world, .submit = worker_submit};
    queue.engine = world->engine;
    queue.worker = &world->worker;
    queue.arg = world;
    world->queue = sw_wal_queue_new(&queue);
    world->wal = sw_wal_queue_port(world->queue);
    assert_int_equal(world->wal->ops->load(world->wal, group_1, &loaded), SW_ERR_OK);
    sw_wal_group_release(&loaded);
    world->wal->ops->set_hard(world->wal, group_1, (struct sw_wal_hard){.term = 1}, NULL, NULL);
    world->wal->ops->set_hard(world->wal, group_2, (struct sw_wal_hard){.term = 1}, NULL, NULL);
    worker_drain(world);
    *state = world;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, 0);
}

static int setup_two(void **state)
{
    return setup_with(state, 2);
}

static int teardown(void **state)
{
    struct world *world = *state;

    sw_wal_queue_free(world->queue);
    sw_wal_engine_close(world->engine);
    sw_disk_mem_free(world->disk);
    free(world);
    return 0;
}

static struct sw_wal_entry entry_of(uint64_t index)
{
    return (struct sw_wal_entry){.index = index, .term = 1, .body = sw_span_str("twelve bytes")};
}

static uint64_t batches(const struct world *world)
{
    struct sw_wal_stats stats;

    world->wal->ops->stats(world->wal, &stats);
    return stats.batches;
}

static void test_completion_is_never_inside_the_call(void **state)
{
    struct world *world = *state;
    struct token token = {world, 1};
    const struct sw_wal_entry entry = entry_of(1);

    world->wal->ops->append(world->wal, group_1, &entry, 1, on_done, &token);
    assert_int_equal(world->log_count, 0);
    assert_true(sw_wal_queue_busy(world->queue));
    worker_run(world);
    assert_int_equal(world->log_count, 0);
    worker_done(world);
    assert_int_equal(world->log_count, 1);
}

static void test_requests_gather_into_one_commit_in_order(void **state)
{
    struct world *world = *state;
    struct token tokens[6];
    struct sw_wal_entry entries[6];
    const uint64_t before = batches(world);

    for (int i = 0; i < 6; i++) {
        tokens[i] = (struct token){world, i};
        entries[i] = entry_of((uint64_t)i / 2 + 1);
        world->wal->ops->append(
            world->wal, i % 2 == 0 ? group_1 : group_2, &entries[i], 1, on_done, &tokens[i]);
    }
    worker_drain(world);
    /* The first went alone, as nothing was under way; all others shared a sync. */
    assert_int_equal(batches(world) - before, 2);
    assert_int_equal(world->log_count, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(world->log[i], i);
    }
}

static void test_two_jobs_keep_the_order(void **state)
{
    struct world *world = *state;
    struct token tokens[3];
    struct sw_wal_entry entries[3];

    for (int i = 0; i < 3; i++) {
        tokens[i] = (struct token){world, i};
        entries[i] = entry_of((uint64_t)i + 1);
        world->wal->ops->append(world->wal, group_1, &entries[i], 1, on_done, &tokens[i]);
    }
    while (world->job_count > 0) {
        worker_run(world);
    }
    assert_true(world->ran_count >= 2);
    worker_drain(world);
    assert_int_equal(world->log_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world->log[i], i);
    }
}

static void on_done_append(void *arg)
{
    struct token *token = arg;
    struct world *world = token->world;

    on_done(arg);
    world->wal->ops->append(world->wal, group_1, world->again, 1, NULL, NULL);
    assert_int_equal(world->job_count, 0); /* gathers until all completions have run */
}

static void test_requests_of_completions_make_one_batch(void **state)
{
    struct world *world = *state;
    struct token tokens[2] = {{world, 0}, {world, 1}};
    const struct sw_wal_entry first = entry_of(1);
    const struct sw_wal_entry second = entry_of(2);
    const struct sw_wal_entry third = entry_of(3);
    uint64_t before;

    world->again = &third;
    world->wal->ops->append(world->wal, group_1, &first, 1, NULL, NULL);
    world->wal->ops->append(world->wal, group_1, &second, 1, on_done_append, &tokens[0]);
    world->wal->ops->truncate(world->wal, group_1, 3, on_done, &tokens[1]);
    before = batches(world);
    worker_drain(world);
    assert_int_equal(batches(world) - before, 3);
    assert_int_equal(world->log_count, 2);
}

static void test_failure_is_fatal_and_nothing_completes(void **state)
{
    struct world *world = *state;
    struct token tokens[2] = {{world, 0}, {world, 1}};
    const struct sw_wal_entry first = entry_of(1);
    const struct sw_wal_entry second = entry_of(2);

    sw_disk_mem_fail_at(world->disk, SW_DISK_MEM_SYNC, 1, SW_ERR_IO, false);
    world->wal->ops->append(world->wal, group_1, &first, 1, on_done, &tokens[0]);
    world->wal->ops->append(world->wal, group_1, &second, 1, on_done, &tokens[1]);
    worker_drain(world);
    assert_int_equal(world->fatal, SW_ERR_IO);
    assert_non_null(strstr(world->why, "syncing"));
    assert_int_equal(world->log_count, 0);
    world->wal->ops->truncate(world->wal, group_1, 1, on_done, &tokens[0]);
    worker_drain(world);
    assert_int_equal(world->log_count, 0);
}

static void test_bytes_follow_the_requests_at_once(void **state)
{
    struct world *world = *state;
    const struct sw_wal_entry entries[3] = {entry_of(1), entry_of(2), entry_of(3)};
    const uint64_t one = 64 + 16;
    struct sw_wal_stats stats;

    world->wal->ops->append(world->wal, group_1, entries, 3, NULL, NULL);
    assert_int_equal(world->wal->ops->group_bytes(world->wal, group_1), 3 * one);
    world->wal->ops->truncate(world->wal, group_1, 3, NULL, NULL);
    assert_int_equal(world->wal->ops->group_bytes(world->wal, group_1), 2 * one);
    world->wal->ops->append(world->wal, group_1, &entries[1], 1, NULL, NULL);
    assert_int_equal(world->wal->ops->group_bytes(world->wal, group_1), 2 * one);
    world->wal->ops->set_snapshot(
        world->wal, group_1, (struct sw_wal_snapshot){.index = 1, .term = 1}, 2, false, NULL, NULL);
    assert_int_equal(world->wal->ops->group_bytes(world->wal, group_1), one);
    worker_drain(world);
    world->wal->ops->stats(world->wal, &stats);
    assert_int_equal(stats.live_bytes, one);
    assert_int_equal(stats.appends, 4);
    world->wal->ops->set_snapshot(
        world->wal, group_1, (struct sw_wal_snapshot){.index = 9, .term = 1}, 10, true, NULL, NULL);
    assert_int_equal(world->wal->ops->group_bytes(world->wal, group_1), 0);
    assert_int_equal(world->wal->ops->group_bytes(world->wal, group_2), 0);
    worker_drain(world);
}

static void test_load_waits_for_a_quiet_log(void **state)
{
    struct world *world = *state;
    const struct sw_wal_entry entry = entry_of(1);
    struct sw_wal_group loaded;

    world->wal->ops->append(world->wal, group_1, &entry, 1, NULL, NULL);
    assert_int_equal(world->wal->ops->load(world->wal, group_1, &loaded), SW_ERR_BUSY);
    worker_drain(world);
    assert_int_equal(world->wal->ops->load(world->wal, group_1, &loaded), SW_ERR_OK);
    assert_int_equal(loaded.entry_count, 1);
    assert_int_equal(world->wal->ops->group_bytes(world->wal, group_1), 64 + 16);
    sw_wal_group_release(&loaded);
}

static void test_spare_is_prepared_behind_the_commits(void **state)
{
    struct world *world = *state;
    struct sw_wal_stats stats;

    world->wal->ops->stats(world->wal, &stats);
    assert_int_equal(stats.segments_free, 1);
}

/* What the worker still holds is finished by it; nothing is completed and nothing leaks. */
static void test_free_while_a_job_is_under_way(void **state)
{
    struct world *world = *state;
    struct token token = {world, 1};
    const struct sw_wal_entry entry = entry_of(1);

    world->wal->ops->append(world->wal, group_1, &entry, 1, on_done, &token);
    worker_run(world);
    sw_wal_queue_free(world->queue);
    world->queue = NULL;
    worker_done(world);
    assert_int_equal(world->log_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_completion_is_never_inside_the_call, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_requests_gather_into_one_commit_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_jobs_keep_the_order, setup_two, teardown),
        cmocka_unit_test_setup_teardown(
            test_requests_of_completions_make_one_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_failure_is_fatal_and_nothing_completes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_follow_the_requests_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_load_waits_for_a_quiet_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spare_is_prepared_behind_the_commits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_while_a_job_is_under_way, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
