/* Jepsen's rule of process numbers. */
#include "jepsen/workload/process.h"

uint64_t sw_process_first(uint32_t worker, uint32_t workers, uint64_t free_from)
{
    const uint64_t rounds = (free_from + workers - 1) / workers;

    return worker + rounds * workers;
}

uint64_t sw_process_after_info(uint64_t process, uint32_t workers)
{
    return process + workers;
}

uint64_t sw_process_unique(uint64_t count, uint32_t worker)
{
    return count * SW_WORKERS_MAX + worker;
}
