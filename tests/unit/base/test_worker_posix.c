/* Jobs run in order on another thread and finish in order on this one. No sleep decides a test:
 * each waits for the wake-up pipe. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/worker_posix.h"

enum { JOB_COUNT = 2000 };

struct numbered_job {
    struct sw_job job;
    uint32_t number;
    pthread_t ran_on;
};

static struct numbered_job jobs[JOB_COUNT];
static uint32_t run_count;  /* worker's thread, read after the jobs are done */
static uint32_t done_count; /* loop */
static int wake_pipe[2];

static void wake(void *arg)
{
    const char byte = 1;

    (void)arg;
    if (write(wake_pipe[1], &byte, 1) != 1) {
        abort();
    }
}

static void run(struct sw_job *job)
{
    struct numbered_job *numbered = (struct numbered_job *)job;

    if (numbered->number != run_count) {
        abort(); /* cmocka must not be called on this thread */
    }
    run_count++;
    numbered->ran_on = pthread_self();
}

static void done(struct sw_job *job)
{
    const struct numbered_job *numbered = (const struct numbered_job *)job;

    assert_int_equal(numbered->number, done_count);
    assert_false(pthread_equal(numbered->ran_on, pthread_self()));
    done_count++;
}

static int set_up(void **state)
{
    (void)state;
    run_count = 0;
    done_count = 0;
    for (uint32_t i = 0; i < JOB_COUNT; i++) {
        jobs[i] = (struct numbered_job){.job = {.run = run, .done = done}, .number = i};
    }
    return pipe(wake_pipe);
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(wake_pipe[0]);
    (void)close(wake_pipe[1]);
    return 0;
}

static void jobs_keep_their_order(void **state)
{
    struct sw_worker_posix *worker = NULL;
    uint32_t count = 0;
    char byte;

    (void)state;
    assert_int_equal(sw_worker_posix_start("test", wake, NULL, &worker), SW_ERR_OK);
    for (uint32_t i = 0; i < JOB_COUNT; i++) {
        sw_worker_submit(sw_worker_posix_port(worker), &jobs[i].job);
        assert_int_equal(done_count, 0); /* never inside submit */
    }
    while (count < JOB_COUNT) {
        assert_int_equal(read(wake_pipe[0], &byte, 1), 1); /* a lost wake-up hangs here */
        count += sw_worker_posix_drain(worker);
    }
    assert_int_equal(done_count, JOB_COUNT);
    sw_worker_posix_stop(worker);
}

static void each_job_alone_wakes_the_loop(void **state)
{
    struct sw_worker_posix *worker = NULL;
    char byte;

    (void)state;
    assert_int_equal(sw_worker_posix_start("test", wake, NULL, &worker), SW_ERR_OK);
    for (uint32_t i = 0; i < 100; i++) {
        sw_worker_submit(sw_worker_posix_port(worker), &jobs[i].job);
        assert_int_equal(read(wake_pipe[0], &byte, 1), 1);
        assert_int_equal(sw_worker_posix_drain(worker), 1);
    }
    sw_worker_posix_stop(worker);
}

static void stop_finishes_what_was_submitted(void **state)
{
    struct sw_worker_posix *worker = NULL;

    (void)state;
    assert_int_equal(sw_worker_posix_start("test", wake, NULL, &worker), SW_ERR_OK);
    for (uint32_t i = 0; i < 100; i++) {
        sw_worker_submit(sw_worker_posix_port(worker), &jobs[i].job);
    }
    sw_worker_posix_stop(worker);
    assert_int_equal(run_count, 100);
    assert_int_equal(done_count, 100);
    sw_worker_posix_stop(NULL);
}

static struct sw_worker *chain_port;
static uint32_t chain_left;

static void chain_run(struct sw_job *job)
{
    (void)job;
}

static void chain_done(struct sw_job *job)
{
    if (chain_left > 0) {
        chain_left--;
        sw_worker_submit(chain_port, job);
    }
}

static void a_done_that_submits_again_is_not_forgotten_by_stop(void **state)
{
    struct sw_worker_posix *worker = NULL;
    struct sw_job job = {.run = chain_run, .done = chain_done};

    (void)state;
    assert_int_equal(sw_worker_posix_start("test", wake, NULL, &worker), SW_ERR_OK);
    chain_port = sw_worker_posix_port(worker);
    chain_left = 10;
    sw_worker_submit(chain_port, &job);
    sw_worker_posix_stop(worker);
    assert_int_equal(chain_left, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_keep_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_job_alone_wakes_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stop_finishes_what_was_submitted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_done_that_submits_again_is_not_forgotten_by_stop, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
