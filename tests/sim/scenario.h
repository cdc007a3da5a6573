/* Directed scenarios: the known ways to break a Raft, each as a script that leads a world into the
 * trap. With the guard on nothing may happen; with the rule off that closes the trap, the run must
 * fail, which ctest checks for each. */
#ifndef SW_TESTS_SIM_SCENARIO_H
#define SW_TESTS_SIM_SCENARIO_H

#include "tests/sim/runner.h"

/* Runs options->scenario, or names all for "list"; exit code. */
int sim_scenario_run(const struct sim_options *options);

#endif
