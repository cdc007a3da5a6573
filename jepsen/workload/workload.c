/* The list of workloads. */
#include "jepsen/workload/workload.h"

#include <string.h>

static const struct sw_workload *const all[] = {
    &sw_workload_register,
    &sw_workload_set,
    &sw_workload_counter,
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
