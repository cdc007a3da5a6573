/* What a run of many seeds tells people: progress, stories, the last line. */
#ifndef SW_TESTS_SIM_REPORT_H
#define SW_TESTS_SIM_REPORT_H

#include <time.h>

#include "tests/sim/runner.h"

enum { SIM_FAILURE_MAX = 100 };

struct sim_failure {
    uint64_t seed;
    char why[200];
};

struct sim_report {
    const struct sim_options *options; /* borrowed */
    struct sim_stats total;
    uint64_t seeds, failed;
    uint64_t hash;
    double cpu_s;                                 /* of child processes */
    struct sim_failure failures[SIM_FAILURE_MAX]; /* the first ones */
    uint32_t failure_count;
    time_t shown_at;
};

/* Seed, invariant, last events and the command to replay. */
void sim_report_story(struct sim_world *world, const struct sim_options *options);
/* The one command that runs it again. */
void sim_report_replay(const struct sim_options *options, uint64_t seed, FILE *out);
void sim_report_init(struct sim_report *report, const struct sim_options *options);
void sim_report_add(struct sim_report *report, const struct sim_result *result);
/* Remembers a failing seed; add and death do it, too. */
void sim_report_failure(struct sim_report *report, uint64_t seed, const char *why);
void sim_report_death(struct sim_report *report, uint64_t seed, int wait_status);
void sim_report_progress(struct sim_report *report); /* at most every 2 s */
/* Of all child processes that have ended. */
double sim_cpu_seconds(void);
/* The last lines; the exit code. */
int sim_report_finish(struct sim_report *report);

#endif
