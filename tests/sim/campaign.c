/* Rounds of a few hundred seeds, mode by mode, until the time is up. The state is written after
 * each round: a campaign that is killed repeats at most one round. */
#include "tests/sim/campaign.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "tests/sim/marks.h"
#include "tests/sim/report.h"

enum {
    SEEDS_A_JOB = 100,
    SHOW_SECONDS = 10,
    LINE_SIZE_MAX = 600,
    STAT_COUNT = sizeof(struct sim_stats) / sizeof(uint64_t),
};

static const char *const mode_names[2] = {[SIM_MODE_RAFT] = "raft", [SIM_MODE_NODE] = "node"};

struct running {
    const struct sim_campaign *campaign; /* borrowed */
    struct sim_options options[2];
    struct sim_report report[2];
    uint64_t next[2];
    time_t began, shown;
    char asked[LINE_SIZE_MAX]; /* what is run: another question, another state */
};

/* --- the state file: one "KIND MODE ..." a line ----------------------------------------------- */

static void write_mode(FILE *file, const struct running *running, int mode)
{
    const struct sim_report *report = &running->report[mode];
    uint64_t stats[STAT_COUNT];

    memcpy(stats, &report->total, sizeof(stats));
    (void)fprintf(file,
                  "seeds %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %.3f\n",
                  mode_names[mode],
                  running->next[mode],
                  report->seeds,
                  report->failed,
                  report->hash,
                  report->cpu_s);
    (void)fprintf(file, "stats %s", mode_names[mode]);
    for (size_t i = 0; i < STAT_COUNT; i++) {
        (void)fprintf(file, " %" PRIu64, stats[i]);
    }
    (void)fputc('\n', file);
    for (uint32_t i = 0; i < report->failure_count; i++) {
        (void)fprintf(file,
                      "failed %s %" PRIu64 " %s\n",
                      mode_names[mode],
                      report->failures[i].seed,
                      report->failures[i].why);
    }
}

static bool write_state(const struct running *running)
{
    const char *path = running->campaign->state;
    const struct sim_mark *marks;
    const uint32_t count = sim_marks_list(&marks);
    char temporary[LINE_SIZE_MAX];
    FILE *file;
    bool good;

    if (path == NULL) {
        return true;
    }
    (void)snprintf(temporary, sizeof(temporary), "%s.new", path);
    file = fopen(temporary, "w");
    if (file == NULL) {
        perror(temporary);
        return false;
    }
    (void)fprintf(file, "asked %s\n", running->asked);
    write_mode(file, running, SIM_MODE_RAFT);
    write_mode(file, running, SIM_MODE_NODE);
    for (uint32_t i = 0; i < count; i++) {
        (void)fprintf(file,
                      "mark %s %" PRIu64 " %" PRIu64 "\n",
                      marks[i].name,
                      marks[i].met[SIM_MODE_RAFT],
                      marks[i].met[SIM_MODE_NODE]);
    }
    good = ferror(file) == 0;
    good = fclose(file) == 0 && good && rename(temporary, path) == 0;
    if (!good) {
        perror(path);
    }
    return good;
}

/* The next number of a line, and where the rest begins; 0 and NULL if there is none. */
static uint64_t number_next(char **at)
{
    char *end = NULL;
    uint64_t number = 0;

    if (*at != NULL) {
        number = strtoull(*at, &end, 10);
        *at = end == *at ? NULL : end;
    }
    return number;
}

static bool read_stats(struct running *running, int mode, char *at)
{
    uint64_t stats[STAT_COUNT];

    for (size_t i = 0; i < STAT_COUNT; i++) {
        stats[i] = number_next(&at);
    }
    memcpy(&running->report[mode].total, stats, sizeof(stats));
    return at != NULL && *at == '\n'; /* else a build with other figures wrote it */
}

static bool read_seeds(struct running *running, int mode, char *at)
{
    struct sim_report *report = &running->report[mode];

    running->next[mode] = number_next(&at);
    report->seeds = number_next(&at);
    report->failed = number_next(&at);
    report->hash = number_next(&at);
    if (at == NULL) {
        return false;
    }
    report->cpu_s = strtod(at, NULL);
    return true;
}

static bool read_mark(char *text)
{
    char *rest = NULL;
    const char *name = strtok_r(text, " ", &rest);
    uint64_t met[2];

    met[0] = number_next(&rest);
    met[1] = number_next(&rest);
    sim_marks_add(name, met);
    return rest != NULL;
}

static bool read_line(struct running *running, char *line)
{
    char *rest = strchr(line, ' ');
    int mode;

    if (rest == NULL) {
        return false;
    }
    *rest++ = '\0';
    if (strcmp(line, "asked") == 0) {
        rest[strcspn(rest, "\n")] = '\0';
        return strcmp(rest, running->asked) == 0;
    }
    if (strcmp(line, "mark") == 0) {
        return read_mark(rest);
    }
    mode = strncmp(rest, mode_names[SIM_MODE_RAFT], 4) == 0 ? SIM_MODE_RAFT : SIM_MODE_NODE;
    rest += strcspn(rest, " ");
    if (strcmp(line, "seeds") == 0) {
        return read_seeds(running, mode, rest);
    }
    if (strcmp(line, "stats") == 0) {
        return read_stats(running, mode, rest);
    }
    if (strcmp(line, "failed") == 0) {
        const uint64_t seed = number_next(&rest);

        rest[strcspn(rest, "\n")] = '\0';
        sim_report_failure(&running->report[mode], seed, rest + 1);
        return true;
    }
    return false;
}

/* No file is a fresh start. One of another question or another build is not overwritten. */
static bool read_state(struct running *running)
{
    const char *path = running->campaign->state;
    char line[4 * LINE_SIZE_MAX];
    bool good = true;
    FILE *file = path == NULL ? NULL : fopen(path, "r");

    if (file == NULL) {
        return path == NULL || errno == ENOENT;
    }
    while (good && fgets(line, sizeof(line), file) != NULL) {
        good = read_line(running, line);
    }
    (void)fclose(file);
    if (!good) {
        (void)fprintf(stderr,
                      "swarm-sim: %s was written by another build or for other options; remove "
                      "it, or name another one with --state\n",
                      path);
    } else {
        printf("going on from %s: raft seed %" PRIu64 ", node seed %" PRIu64 "\n",
               path,
               running->next[SIM_MODE_RAFT],
               running->next[SIM_MODE_NODE]);
    }
    return good;
}

/* --- the campaign ----------------------------------------------------------------------------- */

static uint64_t failed_of(const struct running *running)
{
    return running->report[SIM_MODE_RAFT].failed + running->report[SIM_MODE_NODE].failed;
}

static void show(struct running *running)
{
    const time_t now = time(NULL);

    if (now < running->shown + SHOW_SECONDS) {
        return;
    }
    running->shown = now;
    printf("%4ld of %u min:", (long)(now - running->began) / 60, running->campaign->minutes);
    for (int mode = 0; mode < 2; mode++) {
        const struct sim_report *report = &running->report[mode];

        printf(" %s %" PRIu64 " seeds, %.1f virtual hours;",
               mode_names[mode],
               report->seeds,
               (double)report->total.virtual_us / 3.6e9);
    }
    printf(" %" PRIu64 " failed\n", failed_of(running));
    (void)fflush(stdout);
}

static void run_round(struct running *running, int mode)
{
    struct sim_options *options = &running->options[mode];

    options->seed_first = running->next[mode];
    options->seed_last = running->next[mode] + (uint64_t)SEEDS_A_JOB * options->jobs - 1;
    sim_run_range(options, &running->report[mode]);
    running->next[mode] = options->seed_last + 1;
}

static bool run_rounds(struct running *running)
{
    const struct sim_campaign *campaign = running->campaign;
    const time_t end = running->began + (time_t)campaign->minutes * 60;

    for (uint32_t round = 0;
         time(NULL) < end && (campaign->rounds == 0 || round < campaign->rounds) &&
         (campaign->keep_going || failed_of(running) == 0);
         round++) {
        for (int mode = 0; mode < 2; mode++) {
            if (campaign->mode[mode]) {
                run_round(running, mode);
            }
        }
        if (!write_state(running)) {
            return false;
        }
        show(running);
    }
    return true;
}

static int finish(struct running *running)
{
    int code = 0;

    for (int mode = 0; mode < 2; mode++) {
        struct sim_report *report = &running->report[mode];

        if (running->campaign->mode[mode] && sim_report_finish(report) != 0) {
            code = 1;
        }
        for (uint32_t i = 0; i < report->failure_count; i++) {
            printf("failed: swarm-sim --mode %s --seed %" PRIu64 ": %s\n",
                   mode_names[mode],
                   report->failures[i].seed,
                   report->failures[i].why);
        }
    }
    return code;
}

int sim_campaign_run(const struct sim_options *options, const struct sim_campaign *campaign)
{
    static struct running running; /* large */

    SW_ASSERT(campaign->minutes > 0);
    running = (struct running){.campaign = campaign, .began = time(NULL), .next = {1, 1}};
    (void)snprintf(running.asked,
                   sizeof(running.asked),
                   "guard-off=0x%x plant=%.80s faults=%.120s plan=%.300s",
                   options->guard_off,
                   options->plant == NULL ? "" : options->plant,
                   options->faults == NULL ? "" : options->faults,
                   options->plan == NULL ? "" : options->plan);
    for (int mode = 0; mode < 2; mode++) {
        running.options[mode] = *options;
        running.options[mode].mode = (enum sim_mode_kind)mode;
        running.options[mode].no_progress = true;
        sim_report_init(&running.report[mode], &running.options[mode]);
    }
    if (!read_state(&running)) {
        return 2;
    }
    if (!run_rounds(&running)) {
        return 1;
    }
    return finish(&running);
}
