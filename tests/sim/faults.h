/* Faults at seeded moments: the storm of a world, and the calm after it. */
#ifndef SW_TESTS_SIM_FAULTS_H
#define SW_TESTS_SIM_FAULTS_H

#include "tests/sim/world.h"

/* Starts all nodes, then storms for plan.storm_us. */
void sim_faults_begin(struct sim_world *world);
/* Heals, resumes and restarts everything; no fault happens any more. */
void sim_faults_calm(struct sim_world *world);

/* When these events of the plan's schedule come, and what they are. */
void sim_faults_tell(const struct sim_plan *plan, const struct sim_events *events, FILE *out);

/* The supervisor of a node that died. */
void sim_faults_restart_later(struct sim_host *host);

#endif
