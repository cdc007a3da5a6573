/* Port: a thread that runs jobs in order, one at a time.
 *
 * The loop submits a job; `run` happens on the worker's thread, `done` later on the loop, both in
 * the order of submission and never inside the call to submit. A job belongs to the worker between
 * submit and done. Data touched by `run` must not be touched by the loop meanwhile: handing over
 * the job hands over the data, so no locks exist outside base/.
 * Real: base/worker_posix.c. Simulated: tests/sim runs `run` and `done` at seeded moments. */
#ifndef SW_BASE_WORKER_H
#define SW_BASE_WORKER_H

struct sw_job {
    void (*run)(struct sw_job *job);  /* on the worker's thread */
    void (*done)(struct sw_job *job); /* on the loop; may free the job */
    struct sw_job *next;              /* the worker's own link */
};

struct sw_worker {
    void *impl;
    void (*submit)(struct sw_worker *worker, struct sw_job *job);
};

static inline void sw_worker_submit(struct sw_worker *worker, struct sw_job *job)
{
    worker->submit(worker, job);
}

#endif
