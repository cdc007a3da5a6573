/* One thread, one mutex, two lists. The only lock of the program lives here. */
#include "base/worker_posix.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/assert.h"

struct job_list {
    struct sw_job *first;
    struct sw_job *last;
};

struct sw_worker_posix {
    struct sw_worker port;
    pthread_t thread;
    pthread_t owner; /* the loop's thread */
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    struct job_list queue;    /* under mutex */
    struct job_list finished; /* under mutex */
    bool stopping;            /* under mutex */
    void (*wake)(void *arg);
    void *arg;
};

/* A pthread call can fail here only if our own code is wrong. */
static void must(int result)
{
    SW_ASSERT(result == 0);
}

static void list_add(struct job_list *list, struct sw_job *job)
{
    job->next = NULL;
    if (list->last == NULL) {
        list->first = job;
    } else {
        list->last->next = job;
    }
    list->last = job;
}

static struct job_list list_take(struct job_list *list)
{
    const struct job_list all = *list;

    *list = (struct job_list){0};
    return all;
}

static void lock(struct sw_worker_posix *worker)
{
    must(pthread_mutex_lock(&worker->mutex));
}

static void unlock(struct sw_worker_posix *worker)
{
    must(pthread_mutex_unlock(&worker->mutex));
}

/* Runs the jobs of `todo` and hands each over as soon as it is finished: a long batch must not
 * hold back the completions of its first jobs. */
static void run_all(struct sw_worker_posix *worker, struct job_list todo)
{
    while (todo.first != NULL) {
        struct sw_job *job = todo.first;
        bool first;

        todo.first = job->next;
        job->run(job);
        lock(worker);
        first = worker->finished.first == NULL;
        list_add(&worker->finished, job);
        unlock(worker);
        if (first) { /* else the loop was called already and has not come yet */
            worker->wake(worker->arg);
        }
    }
}

static void *thread_main(void *arg)
{
    struct sw_worker_posix *worker = arg;

    for (;;) {
        struct job_list todo;

        lock(worker);
        while (worker->queue.first == NULL && !worker->stopping) {
            must(pthread_cond_wait(&worker->wanted, &worker->mutex));
        }
        todo = list_take(&worker->queue);
        unlock(worker);
        if (todo.first == NULL) {
            return NULL; /* stopping, and nothing is left */
        }
        run_all(worker, todo);
    }
}

static void submit(struct sw_worker *port, struct sw_job *job)
{
    struct sw_worker_posix *worker = port->impl;

    SW_ASSERT(job->run != NULL);
    SW_ASSERT(pthread_equal(pthread_self(), worker->owner));
    lock(worker);
    list_add(&worker->queue, job);
    unlock(worker);
    must(pthread_cond_signal(&worker->wanted));
}

enum sw_err sw_worker_posix_start(const char *name,
                                  void (*wake)(void *arg),
                                  void *arg,
                                  struct sw_worker_posix **ret_worker)
{
    struct sw_worker_posix *worker = calloc(1, sizeof *worker);

    SW_ASSERT(worker != NULL);
    SW_ASSERT(wake != NULL);
    worker->port = (struct sw_worker){.impl = worker, .submit = submit};
    worker->owner = pthread_self();
    worker->wake = wake;
    worker->arg = arg;
    must(pthread_mutex_init(&worker->mutex, NULL));
    must(pthread_cond_init(&worker->wanted, NULL));
    if (pthread_create(&worker->thread, NULL, thread_main, worker) != 0) {
        (void)pthread_cond_destroy(&worker->wanted);
        (void)pthread_mutex_destroy(&worker->mutex);
        free(worker);
        return SW_ERR_NOMEM;
    }
    (void)pthread_setname_np(worker->thread, name); /* a nicety: a name too long is no failure */
    *ret_worker = worker;
    return SW_ERR_OK;
}

struct sw_worker *sw_worker_posix_port(struct sw_worker_posix *worker)
{
    return &worker->port;
}

uint32_t sw_worker_posix_drain(struct sw_worker_posix *worker)
{
    struct job_list finished;
    uint32_t count = 0;

    SW_ASSERT(pthread_equal(pthread_self(), worker->owner));
    lock(worker);
    finished = list_take(&worker->finished);
    unlock(worker);
    while (finished.first != NULL) {
        struct sw_job *job = finished.first;

        finished.first = job->next; /* done may free the job */
        job->done(job);
        count++;
    }
    return count;
}

void sw_worker_posix_stop(struct sw_worker_posix *worker)
{
    if (worker == NULL) {
        return;
    }
    lock(worker);
    worker->stopping = true;
    unlock(worker);
    must(pthread_cond_signal(&worker->wanted));
    must(pthread_join(worker->thread, NULL));
    while (sw_worker_posix_drain(worker) > 0 || worker->queue.first != NULL) {
        struct job_list late = list_take(&worker->queue);

        run_all(worker, late);
    }
    (void)pthread_cond_destroy(&worker->wanted);
    (void)pthread_mutex_destroy(&worker->mutex);
    free(worker);
}
