/* swarm-sim: the command line of the simulator. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/point.h"
#include "tests/sim/campaign.h"
#include "tests/sim/corpus.h"
#include "tests/sim/marks.h"
#include "tests/sim/runner.h"
#include "tests/sim/scenario.h"
#include "tests/sim/shrink.h"

static void usage(FILE *out)
{
    (void)fprintf(
        out,
        "usage: swarm-sim [--mode raft|node|all] [--seeds A..B | --seed N [--shrink]]\n"
        "                 [--jobs J] [--twice] [--expect-failure] [--quiet] [--verbose]\n"
        "       swarm-sim --minutes M [--state FILE] [--keep-going] [--mode MODE] [--jobs J]\n"
        "       swarm-sim --scenario NAME | --corpus FILE\n"
        "\n"
        "Runs simulated swarms and checks that nothing is lost, forked, repeated or stuck.\n"
        "  --mode MODE       bare Raft groups, whole nodes with clients, or both (default)\n"
        "  --seeds A..B      these seeds, in child processes (default 1..100); N means 1..N\n"
        "  --seed N          one seed in this process; with --verbose every event is told\n"
        "  --shrink          find the smallest plan and schedule with which it still fails\n"
        "  --tries N         runs that shrinking may make\n"
        "  --minutes M       a campaign: one seed after the other, for so long\n"
        "  --rounds N        a campaign ends after so many rounds of 100 seeds a job and mode\n"
        "  --state FILE      where a campaign keeps its totals and goes on from\n"
        "  --keep-going      a campaign does not end with its first failing seed\n"
        "  --scenario NAME   one directed scenario; `--scenario list` names them\n"
        "  --corpus FILE     runs that once showed a bug\n"
        "What is run:\n"
        "  --plan A=1,B=2    numbers of the plan (`--plan help` names them)\n"
        "  --only FAULTS     only these kinds of fault: crash-one,pause ... or none\n"
        "  --events 3,5..9   only these events of the seed's schedule of faults, or none\n"
        "  --guard-off MASK  rules of raft/guard.h to leave out: the run must then fail\n"
        "  --plant NAME,...  known bugs of base/planted.h to have (builds with points only)\n"
        "How it is judged and told:\n"
        "  --twice           each seed twice: the trace hashes must be equal\n"
        "  --expect-failure  succeed only if at least one seed fails\n"
        "  --marks           how often each point of the product was met\n"
        "  --expect-marks FILE  fail if a point is not met where the list says it is\n"
        "  --as NAME         what this run is called in that list\n"
        "  --quiet           no stories\n");
}

static bool parse_u64(const char *text, const char **ret_end, uint64_t *ret_value)
{
    char *end = NULL;

    errno = 0;
    *ret_value = strtoull(text, &end, 0);
    *ret_end = end;
    return errno == 0 && end != text;
}

static bool parse_whole(const char *text, uint64_t *ret_value)
{
    const char *end;

    return text != NULL && parse_u64(text, &end, ret_value) && *end == '\0';
}

static bool parse_seeds(const char *text, struct sim_options *options)
{
    const char *end;

    if (text == NULL || !parse_u64(text, &end, &options->seed_first)) {
        return false;
    }
    if (*end == '\0') { /* a plain count */
        options->seed_last = options->seed_first;
        options->seed_first = 1;
        return options->seed_last >= 1;
    }
    return strncmp(end, "..", 2) == 0 && parse_whole(end + 2, &options->seed_last) &&
           options->seed_first <= options->seed_last;
}

struct choice {
    struct sim_options options;
    struct sim_campaign campaign;
    const char *corpus;
    const char *as; /* the name of this run in the list of marks */
    bool single, shrink;
};

static bool plant(const char *list, struct sim_options *options)
{
    struct sw_planted_bugs bugs;

    if (!SW_FAULT_POINTS_BUILT || !sw_planted_parse(list, &bugs)) {
        (void)fprintf(stderr,
                      SW_FAULT_POINTS_BUILT ? "swarm-sim: base/planted.h names the bugs\n"
                                            : "swarm-sim: this build can have no planted bugs\n");
        return false;
    }
    options->plant = list;
    sw_planted_set(&bugs);
    return true;
}

static bool parse_mode(const char *value, struct choice *choice)
{
    bool *mode = choice->campaign.mode;

    mode[SIM_MODE_RAFT] = strcmp(value, "node") != 0;
    mode[SIM_MODE_NODE] = strcmp(value, "raft") != 0;
    return !mode[SIM_MODE_RAFT] || !mode[SIM_MODE_NODE] || strcmp(value, "all") == 0;
}

static void list_plan(void)
{
    for (uint32_t i = 0; i < sim_plan_count(); i++) {
        printf("%-20s %s\n", sim_plan_name(i), sim_plan_text(i));
    }
    exit(0);
}

/* What changes the plan of each seed. */
static bool parse_plan(const char *name, const char *value, struct sim_options *options)
{
    static struct sim_events events;
    uint32_t faults;

    if (strcmp(name, "--plan") == 0) {
        options->plan = value;
        if (strcmp(value, "help") == 0) {
            list_plan();
        }
        return true;
    }
    if (strcmp(name, "--only") == 0) {
        options->faults = value;
        return sim_faults_parse(value, &faults);
    }
    if (strcmp(name, "--events") == 0) {
        options->events = &events;
        return sim_events_parse(value, &events);
    }
    return strcmp(name, "--plant") == 0 && plant(value, options);
}

static bool parse_text(const char *name, const char *value, struct choice *choice)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {{"--scenario", &choice->options.scenario},
                 {"--expect-marks", &choice->options.expect},
                 {"--as", &choice->as},
                 {"--state", &choice->campaign.state},
                 {"--corpus", &choice->corpus}};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].to = value;
            return true;
        }
    }
    return strcmp(name, "--mode") == 0 && parse_mode(value, choice);
}

static bool parse_number(const char *name, uint64_t number, struct choice *choice)
{
    struct sim_options *options = &choice->options;

    if (strcmp(name, "--seed") == 0) {
        options->seed_first = number;
        options->seed_last = number;
        choice->single = true;
        return true;
    }
    if (strcmp(name, "--jobs") == 0) {
        options->jobs = (uint32_t)number;
        return number >= 1 && number <= 64;
    }
    if (strcmp(name, "--minutes") == 0) {
        choice->campaign.minutes = (uint32_t)number;
        return number >= 1 && number <= 100000;
    }
    if (strcmp(name, "--tries") == 0) {
        options->tries = (uint32_t)number;
        return number >= 1 && number <= UINT32_MAX;
    }
    if (strcmp(name, "--rounds") == 0) {
        choice->campaign.rounds = (uint32_t)number;
        return number >= 1 && number <= UINT32_MAX;
    }
    if (strcmp(name, "--guard-off") == 0) {
        options->guard_off = (uint32_t)number;
        return number <= UINT32_MAX;
    }
    return false;
}

static bool parse_value(const char *name, const char *value, struct choice *choice)
{
    uint64_t number;

    if (strcmp(name, "--seeds") == 0) {
        return parse_seeds(value, &choice->options);
    }
    if (value == NULL) {
        return false;
    }
    return parse_text(name, value, choice) || parse_plan(name, value, &choice->options) ||
           (parse_whole(value, &number) && parse_number(name, number, choice));
}

static bool parse_flag(const char *name, struct choice *choice)
{
    struct sim_options *options = &choice->options;
    const struct {
        const char *name;
        bool *to;
    } flags[] = {{"--verbose", &options->verbose},
                 {"--marks", &options->marks},
                 {"--quiet", &options->quiet},
                 {"--twice", &options->twice},
                 {"--expect-failure", &options->expect_failure},
                 {"--keep-going", &choice->campaign.keep_going},
                 {"--shrink", &choice->shrink}};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(name, flags[i].name) == 0) {
            *flags[i].to = true;
            return true;
        }
    }
    return false;
}

static bool choice_is_clear(const struct choice *choice)
{
    const bool *mode = choice->campaign.mode;
    const bool one_mode = mode[SIM_MODE_RAFT] != mode[SIM_MODE_NODE];

    if (choice->shrink && (!choice->single || !one_mode)) {
        (void)fprintf(stderr, "swarm-sim: --shrink wants --mode raft or node, and --seed\n");
        return false;
    }
    return true;
}

static int run_single(const struct sim_options *options)
{
    struct sim_result result;

    sim_run_seed(options, options->seed_first, &result);
    printf("%s seed %" PRIu64 ": %s%s, %.1f virtual s, hash %016" PRIx64 "\n",
           options->mode == SIM_MODE_RAFT ? "raft" : "node",
           result.seed,
           result.failed ? "FAILED: " : "ok",
           result.why,
           (double)result.stats.virtual_us / 1e6,
           result.hash);
    return result.failed == options->expect_failure ? 0 : 1;
}

static int run_mode(const struct choice *choice, enum sim_mode_kind mode)
{
    struct sim_options options = choice->options;

    options.mode = mode;
    if (choice->shrink) {
        return sim_shrink(&options);
    }
    return choice->single ? run_single(&options) : sim_run_seeds(&options);
}

static int run(const struct choice *choice)
{
    int code = 0;

    if (choice->options.scenario != NULL) {
        return sim_scenario_run(&choice->options);
    }
    if (choice->corpus != NULL) {
        return sim_corpus_run(&choice->options, choice->corpus);
    }
    if (choice->campaign.minutes > 0) {
        return sim_campaign_run(&choice->options, &choice->campaign);
    }
    for (int mode = 0; mode < 2; mode++) {
        if (choice->campaign.mode[mode]) {
            const int mode_code = run_mode(choice, (enum sim_mode_kind)mode);

            code = code == 0 ? mode_code : code;
        }
    }
    return code;
}

static bool tell_marks(const struct choice *choice)
{
    const struct sim_options *options = &choice->options;
    const bool *mode = choice->campaign.mode;
    const bool seeds = options->scenario == NULL && choice->corpus == NULL && !choice->shrink;
    const struct sim_marks_ran ran = {.mode = {seeds && mode[0], seeds && mode[1]},
                                      .as = choice->as};

    if (options->marks || (seeds && !choice->single)) {
        sim_marks_print(options->marks, stdout);
    }
    return options->expect == NULL || sim_marks_expect(options->expect, &ran, stdout);
}

int main(int argc, char **argv)
{
    struct choice choice = {.options = {.seed_first = 1, .seed_last = 100, .jobs = 1},
                            .campaign = {.mode = {true, true}}};
    int code;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        }
        if (parse_flag(argv[i], &choice)) {
            continue;
        }
        if (!parse_value(argv[i], i + 1 < argc ? argv[i + 1] : NULL, &choice)) {
            const char *value = i + 1 < argc ? argv[i + 1] : NULL;

            (void)fprintf(stderr,
                          "swarm-sim: cannot use `%s%s%s`; --help lists what there is\n",
                          argv[i],
                          value == NULL ? "" : " ",
                          value == NULL ? "" : value);
            return 2;
        }
        i++;
    }
    if (!choice_is_clear(&choice)) {
        return 2;
    }
    sim_marks_share();
    code = run(&choice);
    return tell_marks(&choice) ? code : 1;
}
