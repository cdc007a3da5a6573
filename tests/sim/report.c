/* Words and figures of a run. */
#include "tests/sim/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char *mode_name(const struct sim_options *options)
{
    return options->mode == SIM_MODE_RAFT ? "raft" : "node";
}

void sim_report_replay(const struct sim_options *options, uint64_t seed, FILE *out)
{
    (void)fprintf(
        out, "replay: swarm-sim --mode %s --seed %" PRIu64 " --verbose", mode_name(options), seed);
    if (options->guard_off != 0) {
        (void)fprintf(out, " --guard-off 0x%x", options->guard_off);
    }
    if (options->plant != NULL) {
        (void)fprintf(out, " --plant %s", options->plant);
    }
    if (options->faults != NULL) {
        (void)fprintf(out, " --only %s", options->faults);
    }
    if (options->plan != NULL) {
        (void)fprintf(out, " --plan %s", options->plan);
    }
    if (options->events != NULL) {
        struct sw_buf list = {0};

        sim_events_write(options->events, &list);
        (void)fprintf(out, " --events %s", (const char *)list.data);
        sw_buf_release(&list);
    }
    (void)fputc('\n', out);
}

void sim_report_story(struct sim_world *world, const struct sim_options *options)
{
    printf("\nFAILED seed %" PRIu64 " at %" PRIu64 " ms: %s\n",
           world->plan.seed,
           world->now_us / 1000,
           world->why);
    sim_plan_print(&world->plan, stdout);
    printf("the last events:\n");
    sim_trace_story(&world->trace, SIM_STORY_LINES, stdout);
    printf("nodes:\n");
    world->mode->describe(world, stdout);
    if (options->scenario != NULL) {
        printf("replay: swarm-sim --scenario %s --verbose\n", options->scenario);
    } else {
        sim_report_replay(options, world->plan.seed, stdout);
    }
    (void)fflush(stdout);
}

void sim_report_init(struct sim_report *report, const struct sim_options *options)
{
    memset(report, 0, sizeof(*report));
    report->options = options;
    report->shown_at = time(NULL);
}

/* All fields but the last are sums. */
static void stats_add(struct sim_stats *total, const struct sim_stats *one)
{
    const uint64_t settle_max =
        one->settle_us_max > total->settle_us_max ? one->settle_us_max : total->settle_us_max;
    uint64_t sums[sizeof(*total) / sizeof(uint64_t)];
    uint64_t parts[sizeof(*total) / sizeof(uint64_t)];

    memcpy(sums, total, sizeof(sums));
    memcpy(parts, one, sizeof(parts));
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        sums[i] += parts[i];
    }
    memcpy(total, sums, sizeof(sums));
    total->settle_us_max = settle_max;
}

void sim_report_failure(struct sim_report *report, uint64_t seed, const char *why)
{
    if (report->failure_count < SIM_FAILURE_MAX) {
        struct sim_failure *failure = &report->failures[report->failure_count++];

        failure->seed = seed;
        (void)snprintf(failure->why, sizeof(failure->why), "%.199s", why);
    }
}

void sim_report_add(struct sim_report *report, const struct sim_result *result)
{
    report->seeds++;
    report->failed += result->failed ? 1 : 0;
    report->hash ^= result->hash; /* does not depend on the order in which children finish */
    stats_add(&report->total, &result->stats);
    if (result->failed) {
        sim_report_failure(report, result->seed, result->why);
    }
    if (result->failed && report->options->quiet && report->failed <= 5) {
        printf("seed %" PRIu64 ": %s\n", result->seed, result->why);
    }
}

void sim_report_death(struct sim_report *report, uint64_t seed, int wait_status)
{
    report->seeds++;
    report->failed++;
    sim_report_failure(report, seed, "the process died");
    if (report->options->quiet && report->failed > 5) {
        return;
    }
    printf("\nFAILED seed %" PRIu64 ": the process died (%s %d)\n",
           seed,
           WIFSIGNALED(wait_status) ? "signal" : "exit code",
           WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
    sim_report_replay(report->options, seed, stdout);
}

void sim_report_progress(struct sim_report *report)
{
    const struct sim_options *options = report->options;
    const time_t now = time(NULL);

    if (options->no_progress || now < report->shown_at + 2) {
        return;
    }
    report->shown_at = now;
    printf("%s: %" PRIu64 " of %" PRIu64 " seeds, %.1f virtual hours, %" PRIu64 " failed\n",
           mode_name(options),
           report->seeds,
           options->seed_last - options->seed_first + 1,
           (double)report->total.virtual_us / 3.6e9,
           report->failed);
    (void)fflush(stdout);
}

double sim_cpu_seconds(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_CHILDREN, &usage) != 0) {
        return 0.0;
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_coverage(const struct sim_stats *total)
{
    printf("met: %" PRIu64 " crashes (%" PRIu64 " torn writes, %" PRIu64 " failed syncs, %" PRIu64
           " orderly stops), %" PRIu64 " partitions, %" PRIu64 " pauses, %" PRIu64
           " clogs, %" PRIu64 " clock jumps, %" PRIu64 " drifts, %" PRIu64 " elections, %" PRIu64
           " transfers, %" PRIu64 " snapshots, %" PRIu64 " installs, %" PRIu64 " messages (%" PRIu64
           " lost, %" PRIu64 " doubled, %" PRIu64 " reordered)\n",
           total->crashes,
           total->torn,
           total->fatal_stops,
           total->stops,
           total->partitions,
           total->pauses,
           total->clogs,
           total->clock_jumps,
           total->drifts,
           total->elections,
           total->transfers,
           total->snapshots,
           total->installs,
           total->messages,
           total->lost,
           total->duplicated,
           total->reordered);
    printf("members: %" PRIu64 " changes made, %" PRIu64 " of unknown outcome, %" PRIu64
           " logs cut and reopened\n",
           total->changes,
           total->changes_unknown,
           total->reopened);
    printf("did: %" PRIu64 " entries committed, %" PRIu64 " of %" PRIu64
           " proposals acknowledged, %" PRIu64 " of %" PRIu64 " reads answered, %" PRIu64
           " appends split, %" PRIu64 " guard drops; %" PRIu64 " client calls: %" PRIu64
           " done, %" PRIu64 " not done, %" PRIu64 " unknown, %" PRIu64 " tries after the first\n",
           total->committed,
           total->acked,
           total->proposed,
           total->reads_ok,
           total->reads,
           total->splits,
           total->guard_drops,
           total->calls,
           total->calls_ok,
           total->calls_not_done,
           total->calls_unknown,
           total->retries);
}

int sim_report_finish(struct sim_report *report)
{
    const double cpu = report->cpu_s;
    const double virtual_s = (double)report->total.virtual_us / 1e6;
    const bool good = (report->failed > 0) == report->options->expect_failure;

    print_coverage(&report->total);
    printf("%s: %s: %" PRIu64 " seeds, %" PRIu64 " failed%s, %.2f virtual hours, %" PRIu64
           " events, settled within %" PRIu64
           " ms, %.0f x real time (%.1f s of CPU), hash %016" PRIx64 "\n",
           mode_name(report->options),
           good ? "ok" : "FAILED",
           report->seeds,
           report->failed,
           report->options->expect_failure ? " (at least one was wanted)" : "",
           virtual_s / 3600,
           report->total.events,
           report->total.settle_us_max / 1000,
           cpu > 0.0 ? virtual_s * (report->options->twice ? 2 : 1) / cpu : 0.0,
           cpu,
           report->hash);
    return good ? 0 : 1;
}
