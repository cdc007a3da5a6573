/* Runs seeds: one after the other, many in child processes, each twice if asked; tells the story of
 * those that fail. */
#ifndef SW_TESTS_SIM_RUNNER_H
#define SW_TESTS_SIM_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/world.h"

struct sim_result {
    uint64_t seed;
    uint64_t hash;
    bool failed;
    char why[400];
    uint64_t at_us;             /* when it ended */
    struct sim_events happened; /* of the schedule, until then */
    struct sim_stats stats;
};

struct sim_options {
    enum sim_mode_kind mode;
    uint64_t seed_first, seed_last;
    uint32_t jobs;
    uint32_t guard_off;
    const char *plan;                /* numbers to set over the plan of each seed; NULL = none */
    const char *faults;              /* only these kinds of fault; NULL = those of the plan */
    const struct sim_events *events; /* only these events of the schedule; NULL = all */
    bool verbose;
    bool no_progress;    /* somebody else tells how it goes */
    bool quiet;          /* no stories: failures are expected */
    bool twice;          /* run each seed twice and compare the hashes */
    bool expect_failure; /* succeed only if some seed fails */
    uint32_t tries;      /* runs that shrinking may make; 0 = as many as it needs */
    bool marks;          /* tell how often each point was met */
    const char *expect;  /* a list of points that must be met; NULL = none */
    const char *scenario;
    const char *plant; /* known bugs that this process has, NULL = none */
};

/* Runs a calm world until everything is well, or fails it for liveness; then the last checks. */
void sim_settle(struct sim_world *calm, uint64_t calm_at_us);
/* The plan of a seed with what the options change; false with the reason if no world is such. */
bool sim_options_plan(const struct sim_options *options,
                      uint64_t seed,
                      struct sim_plan *ret_plan,
                      char ret_why[SW_WHY_SIZE]);
/* One plan in this process. */
void sim_run_plan(const struct sim_options *options,
                  const struct sim_plan *plan,
                  struct sim_result *ret_result);
/* What is known of the run that is under way: for a process that dies in it. */
void sim_run_look(struct sim_result *ret_result);
/* One plan in a child process of its own, without a story; a death is a failure with a reason. */
void sim_run_apart(const struct sim_options *options,
                   const struct sim_plan *plan,
                   struct sim_result *ret_result);
/* The seconds that a seed may take before its process is ended. */
enum { SIM_SEED_SECONDS_MAX = 240 };
/* One seed in this process. */
void sim_run_seed(const struct sim_options *options, uint64_t seed, struct sim_result *ret_result);
struct sim_report;
/* All seeds in child processes, added to `report`. */
void sim_run_range(const struct sim_options *options, struct sim_report *report);
/* All seeds in child processes, so that one that dies is one failed seed; exit code. */
int sim_run_seeds(const struct sim_options *options);

#endif
