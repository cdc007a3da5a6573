/* One list; a drain takes it whole. */
#include "base/worker_inline.h"

#include <stddef.h>

#include "base/assert.h"

static void submit(struct sw_worker *port, struct sw_job *job)
{
    struct sw_worker_inline *worker = port->impl;

    SW_ASSERT(job->run != NULL);
    job->next = NULL;
    if (worker->last == NULL) {
        worker->first = job;
    } else {
        worker->last->next = job;
    }
    worker->last = job;
}

void sw_worker_inline_init(struct sw_worker_inline *worker)
{
    *worker = (struct sw_worker_inline){.port = {.impl = worker, .submit = submit}};
}

struct sw_worker *sw_worker_inline_port(struct sw_worker_inline *worker)
{
    SW_ASSERT(worker->port.impl == worker);
    return &worker->port;
}

uint32_t sw_worker_inline_drain(struct sw_worker_inline *worker)
{
    struct sw_job *job = worker->first;
    uint32_t count = 0;

    worker->first = NULL;
    worker->last = NULL;
    while (job != NULL) {
        struct sw_job *next = job->next; /* done may free the job */

        job->run(job);
        job->done(job);
        job = next;
        count++;
    }
    return count;
}

bool sw_worker_inline_idle(const struct sw_worker_inline *worker)
{
    return worker->first == NULL;
}
