/* What a run of many seeds tells people: progress, stories, the last line. */
#ifndef SW_TESTS_SIM_REPORT_H
#define SW_TESTS_SIM_REPORT_H

#include <time.h>

#include "tests/sim/runner.h"

struct sim_report {
    const struct sim_options *options; /* borrowed */
    struct sim_stats total;
    uint64_t seeds, failed;
    uint64_t hash;
    time_t shown_at;
};

/* Seed, invariant, last events and the command to replay. */
void sim_report_story(struct sim_world *world, const struct sim_options *options);
void sim_report_init(struct sim_report *report, const struct sim_options *options);
void sim_report_add(struct sim_report *report, const struct sim_result *result);
void sim_report_death(struct sim_report *report, uint64_t seed, int wait_status);
void sim_report_progress(struct sim_report *report); /* at most every 2 s */
/* The last lines; the exit code. */
int sim_report_finish(struct sim_report *report);

#endif
