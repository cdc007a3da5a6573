/* Record once, cut everywhere: what a node does to its disk is recorded below the C library, and
 * then the power is cut at every write, sync, rename and truncation of it, with this and that part
 * of what was not synced on the disk. From each directory that this leaves a node is opened, and
 * must keep every promise that was made before the cut.
 *
 *     test_fault_power_cut                         bounded: three cuts at each point
 *     test_fault_power_cut --all                   many more, and a node run in one of five
 *     test_fault_power_cut --rounds 20             each script in twenty orders of its events
 *     test_fault_power_cut --failures [--all]      each write, sync and read fails once instead
 *     test_fault_power_cut --plant ACK_BEFORE_SYNC with a known bug: has to fail
 *     test_fault_power_cut --bites                 each of the bugs that it has to find
 *     ... --script writes --first-round 1 --at 412 --policy random --seed 7        one cut again
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/point.h"
#include "tests/fault/power_cut.h"

enum { EXIT_USAGE = 2 };

/* Until the first broken promise. */
static bool run_scripts(const struct power_options *options, struct power_verdict *ret_verdict)
{
    const uint64_t end = options->first_round + options->rounds;
    const struct power_script *script;
    bool good = true;

    *ret_verdict = (struct power_verdict){.cuts = 0};
    for (uint64_t round = options->first_round; good && round < end; round++) {
        for (uint32_t i = 0; good && (script = power_script_at(i)) != NULL; i++) {
            if (options->script == NULL || strcmp(options->script, script->name) == 0) {
                ret_verdict->script = script->name;
                good = power_run_script(script, round, options, ret_verdict);
            }
        }
    }
    return good;
}

/* --- failing calls ---------------------------------------------------------------------------- */

static const struct power_failure failures[] = {
    {.name = "EIO of a sync", .rule = SW_FAULT_FAIL_SYNC, .error = EIO, .final = true},
    {.name = "EIO of a write", .rule = SW_FAULT_FAIL_WRITE, .error = EIO, .final = true},
    {.name = "ENOSPC of a write", .rule = SW_FAULT_FAIL_WRITE, .error = ENOSPC},
    {.name = "a short write", .rule = SW_FAULT_SHORT_WRITE, .value = 100},
    {.name = "EIO of a read", .rule = SW_FAULT_FAIL_READ, .error = EIO, .final = true},
};

/* The first call of its kind, then one `step` further on, until there is none. */
static bool sweep(const struct power_script *script,
                  const struct power_options *options,
                  struct power_failure failure,
                  uint64_t step)
{
    uint64_t struck = 0;
    uint64_t stopped = 0;

    for (failure.skip = 0;; failure.skip += step) {
        struct power_failure_verdict verdict;

        if (!power_run_failure(script, options->first_round, options, &failure, &verdict)) {
            return false;
        }
        if (!verdict.struck) {
            break;
        }
        if (failure.final && !verdict.stopped) {
            (void)fprintf(stderr,
                          "%s: the node went on after %s, call %" PRIu64 "\n",
                          script->name,
                          failure.name,
                          failure.skip);
            return false;
        }
        struck++;
        stopped += verdict.stopped ? 1 : 0;
    }
    if (options->quiet) {
        return true;
    }
    (void)printf("%-22s %-18s at %" PRIu64 " calls of %" PRIu64 ": %" PRIu64
                 " stopped the node, %" PRIu64 " did not; no promise broken\n",
                 script->name,
                 failure.name,
                 struck,
                 failure.skip,
                 stopped,
                 struck - stopped);
    (void)fflush(stdout);
    return true;
}

static bool fail_calls(const struct power_options *options)
{
    const uint64_t step = options->all ? 1 : 23;
    const struct power_script *script;
    bool good = true;

    for (uint32_t i = 0; good && (script = power_script_at(i)) != NULL; i++) {
        if (options->script != NULL && strcmp(options->script, script->name) != 0) {
            continue;
        }
        for (size_t j = 0; good && j < sizeof failures / sizeof failures[0]; j++) {
            good = sweep(script, options, failures[j], step);
        }
    }
    return good;
}

/* --- does it bite? ---------------------------------------------------------------------------- */

/* The planted bugs (base/planted.h) that a power cut, a restart or a failing call brings to light.
 */
static const struct {
    const char *name;
    bool by_failures; /* else by cuts */
} bugs[] = {{"ACK_BEFORE_SYNC", false},
            {"TERM_NOT_STORED", false},
            {"SEGMENT_NAME_NOT_SYNCED", false},
            {"TORN_TAIL_ACCEPTED", false},
            {"COMPACTION_TOO_FAR", false},
            {"FLUSH_WITHOUT_SYNC", false},
            {"INDEX_NOT_SAVED", false},
            {"REVISION_GOES_BACK", false},
            {"INSTALL_KEEPS_RECORDS", false},
            {"SYNC_ERROR_IGNORED", true},
            {"DISK_FULL_IGNORED", true}};

static bool plant(const char *list)
{
    struct sw_planted_bugs planted;

    if (!SW_FAULT_POINTS_BUILT || !sw_planted_parse(list, &planted)) {
        (void)fprintf(stderr,
                      "%s: %s\n",
                      list,
                      SW_FAULT_POINTS_BUILT ? "no such bug" : "this build has no planted bugs");
        return false;
    }
    sw_planted_set(&planted);
    return true;
}

static void tell_bite(const char *bug, bool found, const struct power_verdict *verdict)
{
    if (!found) {
        (void)printf("%-24s NOT FOUND\n", bug);
    } else if (!verdict->recorded) {
        (void)printf("%-24s found by %s\n", bug, verdict->script);
    } else {
        (void)printf(
            "%-24s found by %s after %" PRIu64 " cuts\n", bug, verdict->script, verdict->cuts);
    }
    (void)fflush(stdout);
}

static bool bite(const struct power_options *from)
{
    struct power_options options = *from;
    struct power_verdict verdict;
    bool good = true;

    options.quiet = true;
    for (size_t i = 0; i < sizeof bugs / sizeof bugs[0]; i++) {
        bool found;

        options.plant = bugs[i].name;
        if (!plant(bugs[i].name)) {
            return false;
        }
        if (bugs[i].by_failures) {
            found = !fail_calls(&options);
            verdict = (struct power_verdict){.script = "a failing call"};
        } else {
            found = !run_scripts(&options, &verdict);
        }
        tell_bite(bugs[i].name, found, &verdict);
        good = good && found;
    }
    return good;
}

/* --- command line ----------------------------------------------------------------------------- */

static bool parse(int argc, char **argv, struct power_options *options)
{
    static const struct option names[] = {{"all", no_argument, NULL, 'a'},
                                          {"again", no_argument, NULL, 'g'},
                                          {"bites", no_argument, NULL, 'b'},
                                          {"failures", no_argument, NULL, 'x'},
                                          {"script", required_argument, NULL, 's'},
                                          {"plant", required_argument, NULL, 'l'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"first-round", required_argument, NULL, 'f'},
                                          {"at", required_argument, NULL, 'n'},
                                          {"policy", required_argument, NULL, 'p'},
                                          {"seed", required_argument, NULL, 'e'},
                                          {NULL, 0, NULL, 0}};
    int found;

    while ((found = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (found) {
        case 'a':
            options->all = true;
            break;
        case 'x':
            options->failures = true;
            break;
        case 'g':
            options->again = true;
            break;
        case 'b':
            options->bites = true;
            break;
        case 'l':
            options->plant = optarg;
            break;
        case 'r':
            options->rounds = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            options->first_round = strtoull(optarg, NULL, 10);
            break;
        case 's':
            options->script = optarg;
            break;
        case 'n':
            options->one = true;
            options->at = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            if (!sw_cut_policy_of(optarg, &options->policy)) {
                return false;
            }
            break;
        case 'e':
            options->seed = strtoull(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    return optind == argc && (!options->one || options->script != NULL) &&
           (options->script == NULL || power_script_named(options->script) != NULL);
}

/* power_cut --record SCRIPT ROOT ROUND BUGS */
static int record_main(char **argv)
{
    if (argv[5][0] != '\0' && !plant(argv[5])) {
        return 1;
    }
    power_script_named(argv[2])->run(argv[3], strtoull(argv[4], NULL, 10));
    return 0;
}

int main(int argc, char **argv)
{
    struct power_options options = {.first_round = 1, .rounds = 1};
    struct power_verdict verdict;

    if (argc == 6 && strcmp(argv[1], POWER_RECORD_FLAG) == 0) {
        return record_main(argv);
    }
    if (!parse(argc, argv, &options)) {
        (void)fputs(
            "usage: test_fault_power_cut [--all] [--script NAME] [--rounds N]\n"
            "           [--first-round N] [--plant BUG,...] [--bites] [--failures]\n"
            "           [--at RECORD --policy none|prefix|random|torn|all --seed S [--again]]\n",
            stderr);
        return EXIT_USAGE;
    }
    if (options.bites) {
        return bite(&options) ? 0 : 1;
    }
    if (options.plant != NULL && !plant(options.plant)) {
        return 1;
    }
    if (options.failures) {
        return fail_calls(&options) ? 0 : 1;
    }
    return run_scripts(&options, &verdict) ? 0 : 1;
}
