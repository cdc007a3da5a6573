/* Process numbers of a history. A worker acts as one process after the other: one whose operation
 * ended with `info` may still be at work somewhere, so its number is never used again. */
#ifndef SW_JEPSEN_WORKLOAD_PROCESS_H
#define SW_JEPSEN_WORKLOAD_PROCESS_H

#include <stdint.h>

/* The first number of a worker when all numbers below `free_from` may be taken. Always
 * `worker` modulo `workers`. */
uint64_t sw_process_first(uint32_t worker, uint32_t workers, uint64_t free_from);
uint64_t sw_process_after_info(uint64_t process, uint32_t workers);

/* Numbers that are unique in a run: a worker's count and the worker, in one. */
enum { SW_WORKERS_MAX = 1024 };
uint64_t sw_process_unique(uint64_t count, uint32_t worker);

#endif
