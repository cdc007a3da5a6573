/* From a seed that fails to the smallest plan and schedule that still fail in the same way. */
#ifndef SW_TESTS_SIM_SHRINK_H
#define SW_TESTS_SIM_SHRINK_H

#include <stddef.h>

#include "tests/sim/runner.h"

/* Shrinks options->seed_first; the exit code: 0 if it failed and was made smaller. */
int sim_shrink(const struct sim_options *options);
/* What kind of failure `why` tells of: without numbers and what differs from run to run. */
void sim_failure_kind(const char *why, char *ret_kind, size_t size);

#endif
