/* Seeds to verdicts. */
#include "tests/sim/runner.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/point.h"
#include "tests/sim/faults.h"
#include "tests/sim/marks.h"
#include "tests/sim/node_mode.h"
#include "tests/sim/raft_mode.h"
#include "tests/sim/report.h"

enum { SETTLE_STEP_US = 50000, STORIES_MAX = 3 };

static struct sim_world world; /* static: a signal handler tells its story */
static const struct sim_options *current;

static void tell(void)
{
    sim_report_story(&world, current); /* NOLINT(bugprone-signal-handler,cert-sig30-c): see below */
}

/* Not safe in general; but the process ends here, and without this a seed that crashes would leave
 * no story. If it gets stuck, the alarm of the seed ends it. */
static void on_signal(int number)
{
    if (!current->quiet) {
        /* NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c) */
        (void)snprintf(world.why, sizeof(world.why), "the process got signal %d", number);
        tell();
    }
    _exit(128 + number);
}

static const struct sim_mode *mode_of(enum sim_mode_kind kind)
{
    return kind == SIM_MODE_RAFT ? &sim_raft_mode : &sim_node_mode;
}

void sim_settle(struct sim_world *calm, uint64_t calm_at_us)
{
    while (!calm->failed && !calm->mode->settled(calm)) {
        if (calm->now_us >= calm_at_us + calm->plan.calm_us) {
            sim_fail(calm,
                     "liveness: not settled %" PRIu64 " ms after all faults ended",
                     calm->plan.calm_us / 1000);
        }
        sim_world_run(calm, calm->now_us + SETTLE_STEP_US);
    }
    calm->stats.settle_us_max = calm->now_us - calm_at_us;
    if (!calm->failed) {
        calm->mode->verdict(calm);
    }
}

bool sim_options_plan(const struct sim_options *options,
                      uint64_t seed,
                      struct sim_plan *ret_plan,
                      char ret_why[SW_WHY_SIZE])
{
    struct sim_plan plan = sim_plan_of(options->mode, seed);

    if (options->faults != NULL && !sim_faults_parse(options->faults, &plan.faults)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "no fault is called `%.80s`", options->faults);
        return false;
    }
    if (options->plan != NULL && !sim_plan_set(&plan, options->plan, ret_why)) {
        return false;
    }
    plan.guard_off |= options->guard_off;
    *ret_plan = plan;
    return true;
}

static void run_world(const struct sim_plan *plan)
{
    const uint64_t storm_end_us = 1000000 + plan->storm_us;

    world.only = current->events;
    sw_points_begin(plan->points == 0 ? 0 : plan->seed ^ (plan->salt << 32));
    sim_faults_begin(&world);
    sim_world_run(&world, storm_end_us);
    if (world.failed) {
        return;
    }
    if (plan->points != 2) {
        sim_marks_gather(plan->mode);
    }
    sim_faults_calm(&world);
    sim_settle(&world, storm_end_us);
}

void sim_run_look(struct sim_result *ret_result)
{
    *ret_result = (struct sim_result){.seed = world.plan.seed,
                                      .hash = world.trace.hash,
                                      .failed = world.failed,
                                      .at_us = world.now_us,
                                      .happened = world.happened};
    memcpy(ret_result->why, world.why, sizeof(ret_result->why));
}

void sim_run_seed(const struct sim_options *options, uint64_t seed, struct sim_result *ret_result)
{
    struct sim_plan plan;
    char why[SW_WHY_SIZE];

    if (!sim_options_plan(options, seed, &plan, why)) {
        (void)fprintf(stderr, "swarm-sim: %s\n", why);
        exit(2);
    }
    sim_run_plan(options, &plan, ret_result);
}

void sim_run_plan(const struct sim_options *options,
                  const struct sim_plan *plan,
                  struct sim_result *ret_result)
{
    current = options;
    sim_world_init(&world, plan, mode_of(plan->mode), options->verbose);
    run_world(plan);
    if (world.failed && !options->quiet) {
        tell();
    }
    sim_run_look(ret_result);
    world.stats.virtual_us = world.now_us - 1000000;
    sim_world_release(&world);
    ret_result->stats = world.stats;
}

/* --- child processes -------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int pipe;
    uint64_t next; /* the seed it is working on, or will */
    bool open;
};

static void run_checked(const struct sim_options *options, uint64_t seed, struct sim_result *ret)
{
    struct sim_result again;

    sim_run_seed(options, seed, ret);
    if (!options->twice || ret->failed) {
        return;
    }
    sim_run_seed(options, seed, &again);
    if (again.hash != ret->hash) {
        ret->failed = true;
        (void)snprintf(ret->why,
                       sizeof(ret->why),
                       "not deterministic: trace hash %016" PRIx64 ", then %016" PRIx64,
                       ret->hash,
                       again.hash);
        printf("seed %" PRIu64 ": %s\n", seed, ret->why);
    }
}

static _Noreturn void child_main(const struct sim_options *options, uint64_t seed, int out)
{
    uint32_t stories = 0;
    struct sim_options mine = *options;

    current = &mine;
    (void)signal(SIGABRT, on_signal);
    (void)signal(SIGALRM, on_signal);
    (void)signal(SIGSEGV, on_signal);
    for (; seed <= options->seed_last; seed += options->jobs) {
        struct sim_result result;

        (void)alarm(SIM_SEED_SECONDS_MAX);
        run_checked(&mine, seed, &result);
        stories += result.failed ? 1 : 0;
        mine.quiet = options->quiet || stories >= STORIES_MAX;
        if (write(out, &result, sizeof(result)) != (ssize_t)sizeof(result)) {
            _exit(2);
        }
    }
    exit(0); /* not _exit: leaks are looked for */
}

static void child_start(const struct sim_options *options, struct child *child)
{
    int ends[2];

    if (pipe(ends) != 0) {
        perror("pipe");
        exit(1);
    }
    (void)fflush(stdout);
    child->pid = fork();
    if (child->pid < 0) {
        perror("fork");
        exit(1);
    }
    if (child->pid == 0) {
        (void)close(ends[0]);
        child_main(options, child->next, ends[1]);
    }
    (void)close(ends[1]);
    child->pipe = ends[0];
    child->open = true;
}

static bool read_result(int from, struct sim_result *ret_result)
{
    size_t have = 0;

    while (have < sizeof(*ret_result)) {
        const ssize_t got = read(from, (uint8_t *)ret_result + have, sizeof(*ret_result) - have);

        if (got <= 0) {
            return false;
        }
        have += (size_t)got;
    }
    return true;
}

/* The child is gone: either it finished, or the seed it was on killed it. */
static void
child_ended(const struct sim_options *options, struct child *child, struct sim_report *report)
{
    int status = 0;

    (void)close(child->pipe);
    child->open = false;
    (void)waitpid(child->pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return;
    }
    sim_report_death(report, child->next, status);
    child->next += options->jobs;
    if (child->next <= options->seed_last) {
        child_start(options, child);
    }
}

static void
child_listen(const struct sim_options *options, struct child *child, struct sim_report *report)
{
    struct sim_result result;

    if (!read_result(child->pipe, &result)) {
        child_ended(options, child, report);
        return;
    }
    child->next = result.seed + options->jobs;
    sim_report_add(report, &result);
}

void sim_run_range(const struct sim_options *options, struct sim_report *report)
{
    struct child children[64] = {0};
    const double cpu_before = sim_cpu_seconds();
    uint32_t open = 0;

    SW_ASSERT(options->jobs >= 1 && options->jobs <= 64);
    for (uint32_t i = 0; i < options->jobs; i++) {
        children[i].next = options->seed_first + i;
        if (children[i].next <= options->seed_last) {
            child_start(options, &children[i]);
        }
    }
    do {
        open = 0;
        for (uint32_t i = 0; i < options->jobs; i++) {
            if (children[i].open) {
                child_listen(options, &children[i], report);
                open += children[i].open ? 1 : 0;
            }
        }
        sim_report_progress(report);
    } while (open > 0);
    report->cpu_s += sim_cpu_seconds() - cpu_before;
}

int sim_run_seeds(const struct sim_options *options)
{
    struct sim_report report;

    sim_report_init(&report, options);
    sim_run_range(options, &report);
    return sim_report_finish(&report);
}
