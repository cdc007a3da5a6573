/* A real thread behind the port of base/worker.h: jobs in through one locked list, finished jobs
 * out through another, and a wake-up call so that the loop comes and fetches them. */
#ifndef SW_BASE_WORKER_POSIX_H
#define SW_BASE_WORKER_POSIX_H

#include <stdint.h>

#include "base/err.h"
#include "base/worker.h"

struct sw_worker_posix;

/* `name` shows in `ps -T` (15 characters). `wake` is called on the worker's thread whenever
 * finished jobs wait; it must be safe there (uv_async_send is). */
enum sw_err sw_worker_posix_start(const char *name,
                                  void (*wake)(void *arg),
                                  void *arg,
                                  struct sw_worker_posix **ret_worker) SW_MUST_CHECK;
struct sw_worker *sw_worker_posix_port(struct sw_worker_posix *worker);
/* On the loop: calls `done` of all finished jobs, in order. Returns how many. */
uint32_t sw_worker_posix_drain(struct sw_worker_posix *worker);
/* Lets the thread finish what was submitted, joins it, calls the remaining `done`s (jobs that these
 * submit are run on the calling thread), frees. Accepts NULL. */
void sw_worker_posix_stop(struct sw_worker_posix *worker);

#endif
