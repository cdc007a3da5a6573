/* A run: workers on threads of their own, each at its pace, until the time is over. */
#ifndef SW_JEPSEN_WORKLOAD_RUN_H
#define SW_JEPSEN_WORKLOAD_RUN_H

#include "jepsen/workload/workload.h"

/* Returns the number of lines written. What cannot be done ends the program (must.h). */
uint64_t sw_run(const struct sw_workload *workload, const struct sw_options *options);

#endif
