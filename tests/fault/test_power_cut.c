/* Record once, cut everywhere: what a node does to its disk is recorded below the C library, and
 * then the power is cut at every write, sync, rename and truncation of it, with this and that part
 * of what was not synced on the disk. From each directory that this leaves a node is opened, and
 * must keep every promise that was made before the cut.
 *
 *     test_fault_power_cut                         bounded: three cuts at each point
 *     test_fault_power_cut --all                   many more, and a node run in one of five
 *     test_fault_power_cut --rounds 20             each script in twenty orders of its events
 *     test_fault_power_cut --plant ACK_BEFORE_SYNC with a known bug: has to fail
 *     test_fault_power_cut --bites                 each of the bugs that it has to find
 *     ... --script writes --first-round 1 --at 412 --policy random --seed 7        one cut again
 */
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

/* --- does it bite? ---------------------------------------------------------------------------- */

/* The planted bugs (base/planted.h) that only a power cut, or a restart, brings to light. */
static const char *const bugs[] = {"ACK_BEFORE_SYNC",
                                   "TERM_NOT_STORED",
                                   "SEGMENT_NAME_NOT_SYNCED",
                                   "TORN_TAIL_ACCEPTED",
                                   "COMPACTION_TOO_FAR",
                                   "FLUSH_WITHOUT_SYNC",
                                   "INDEX_NOT_SAVED",
                                   "REVISION_GOES_BACK",
                                   "INSTALL_KEEPS_RECORDS"};

static bool plant(const char *list)
{
    uint64_t bits = 0;

    if (!SW_FAULT_POINTS_BUILT || !sw_planted_parse(list, &bits)) {
        (void)fprintf(stderr,
                      "%s: %s\n",
                      list,
                      SW_FAULT_POINTS_BUILT ? "no such bug" : "this build has no planted bugs");
        return false;
    }
    sw_planted_set(bits);
    return true;
}

static void tell_bite(const char *bug, bool found, const struct power_verdict *verdict)
{
    if (!found) {
        (void)printf("%-24s NOT FOUND\n", bug);
    } else if (!verdict->recorded) {
        (void)printf("%-24s found while %s was recorded\n", bug, verdict->script);
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

        options.plant = bugs[i];
        if (!plant(bugs[i])) {
            return false;
        }
        found = !run_scripts(&options, &verdict);
        tell_bite(bugs[i], found, &verdict);
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
            "           [--first-round N] [--plant BUG,...] [--bites]\n"
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
    return run_scripts(&options, &verdict) ? 0 : 1;
}
