/* The list of workloads. */
#include "jepsen/workload/workload.h"

#include <string.h>

static const struct sw_workload *const all[] = {
    &sw_workload_register,
    &sw_workload_set,
    &sw_workload_counter,
    &sw_workload_list,
    &sw_workload_bank,
    &sw_workload_session,
    &sw_workload_watch,
    &sw_workload_follow,
    &sw_workload_lock,
    &sw_workload_lease,
    &sw_workload_scan,
    &sw_workload_queue,
    &sw_workload_election,
    &sw_workload_mixed,
};

const struct sw_workload *sw_workload_at(size_t index)
{
    return index < sizeof all / sizeof(const struct sw_workload *) ? all[index] : NULL;
}

const struct sw_workload *sw_workload_find(const char *name)
{
    const struct sw_workload *workload;

    for (size_t i = 0; (workload = sw_workload_at(i)) != NULL; i++) {
        if (strcmp(workload->name, name) == 0) {
            return workload;
        }
    }
    return NULL;
}
