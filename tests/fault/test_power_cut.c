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
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/point.h"
#include "jepsen/fault/control.h"
#include "jepsen/fault/cut.h"
#include "jepsen/fault/tree.h"
#include "tests/fault/power_check.h"

enum { PATH_SIZE = 600, KIND_COUNT = SW_JOURNAL_VOLATILE + 1, EXIT_USAGE = 2 };

/* How many cuts of each policy at one point, and in how many of them a whole node is run. */
struct effort {
    uint32_t cuts[SW_CUT_POLICY_COUNT];
    uint64_t run_every;
};

static const struct effort bounded = {{[SW_CUT_NONE] = 1, [SW_CUT_RANDOM] = 1, [SW_CUT_TORN] = 1},
                                      40};
static const struct effort thorough = {{[SW_CUT_NONE] = 1,
                                        [SW_CUT_ALL] = 1,
                                        [SW_CUT_PREFIX] = 3,
                                        [SW_CUT_RANDOM] = 8,
                                        [SW_CUT_TORN] = 4},
                                       5};

struct options {
    const char *script; /* NULL = all of them */
    const char *plant;  /* NULL = no bug but our own */
    uint64_t first_round, rounds;
    bool all;
    bool bites;
    bool quiet;
    bool one; /* the three below say which */
    uint64_t at;
    enum sw_cut_policy policy;
    uint64_t seed;
};

struct run {
    const struct power_script *script;
    const struct options *options;
    uint64_t round;
    struct sw_journal journal;
    struct sw_image image; /* behind the records that are not stepped back yet */
    struct power_truth *truth;
    char top[PATH_SIZE]; /* everything of this run is below it */
    uint64_t points, cuts, undone, torn, unsettled, runs, entries, replayed;
    uint64_t points_by_kind[KIND_COUNT];
};

struct verdict {
    const char *script; /* the last one */
    bool recorded;      /* it came to its end, and makes sense */
    bool kept;          /* all its promises */
    uint64_t cuts;      /* of all scripts */
};

/* --- recording -------------------------------------------------------------------------------- */

static void path_in(const struct run *run, const char *name, char out[PATH_SIZE])
{
    (void)snprintf(out, PATH_SIZE, "%.500s/%s", run->top, name);
}

/* In memory where there is such a place: the thousands of directories live for a moment each. */
static void make_top(struct run *run)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char path[PATH_SIZE];

    (void)snprintf(run->top, sizeof run->top, "%s/swarm-power-XXXXXX", base);
    SW_ASSERT(mkdtemp(run->top) != NULL);
    path_in(run, "root", path);
    SW_ASSERT(mkdir(path, 0700) == 0);
}

static void make_page(const struct run *run)
{
    static struct sw_fault_page page; /* large */
    char path[PATH_SIZE];
    int fd;

    page = (struct sw_fault_page){.magic = SW_FAULT_MAGIC,
                                  .version = SW_FAULT_VERSION,
                                  .size = SW_FAULT_PAGE_SIZE,
                                  .journal = 1,
                                  .journal_size_max = UINT64_MAX};
    path_in(run, "root", page.root);
    path_in(run, "control", path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    SW_ASSERT(fd >= 0);
    SW_ASSERT(write(fd, &page, sizeof page) == (ssize_t)sizeof page);
    (void)close(fd);
}

/* In a process of its own, which maps the page before its first line. */
static bool record(const struct run *run)
{
    const char *plant = run->options->plant == NULL ? "" : run->options->plant;
    char control[PATH_SIZE];
    char root[PATH_SIZE];
    char round[24];
    int status = 0;
    pid_t child;

    path_in(run, "control", control);
    path_in(run, "root", root);
    (void)snprintf(round, sizeof round, "%" PRIu64, run->round);
    child = fork();
    SW_ASSERT(child >= 0);
    if (child == 0) {
        (void)setenv("SWARM_FAULT", control, 1);
        (void)execl(
            "/proc/self/exe", "power_cut", "--record", run->script->name, root, round, plant, NULL);
        _exit(1);
    }
    SW_ASSERT(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        (void)fprintf(stderr, "%s: the recording failed\n", run->script->name);
        return false;
    }
    return true;
}

static bool load(struct run *run)
{
    char path[PATH_SIZE];
    char why[256] = "";
    bool good;

    path_in(run, "control" SW_JOURNAL_SUFFIX, path);
    good = sw_journal_load(path, &run->journal, why);
    path_in(run, "root", path);
    good = good && sw_image_load(path, &run->image, why);
    if (good) {
        run->truth = power_truth_new(&run->journal, run->script, why);
    }
    if (!good || run->truth == NULL) {
        (void)fprintf(stderr, "%s: %s\n", run->script->name, why);
    }
    return good && run->truth != NULL;
}

/* --- cutting ---------------------------------------------------------------------------------- */

static void tell_failure(
    const struct run *run, size_t count, enum sw_cut_policy policy, uint64_t seed, const char *why)
{
    const struct sw_journal_head *head = count > 0 ? &run->journal.records[count - 1].head : NULL;

    if (run->options->quiet) {
        return;
    }
    (void)fprintf(stderr,
                  "BROKEN PROMISE: %s\n  script %s, cut behind record %zu (%s)\n"
                  "  again: --script %s --first-round %" PRIu64
                  " --at %zu --policy %s --seed %" PRIu64 "\n",
                  why,
                  run->script->name,
                  count,
                  head == NULL ? "nothing" : sw_journal_kind_name(head->kind),
                  run->script->name,
                  run->round,
                  count,
                  sw_cut_policy_name(policy),
                  seed);
}

/* One directory: made, opened, compared, removed. */
static bool cut(struct run *run, size_t count, enum sw_cut_policy policy, uint64_t seed, bool whole)
{
    struct sw_cut_result result;
    struct power_found found;
    struct sw_image image;
    char path[PATH_SIZE];
    char why[POWER_WHY_SIZE] = "";
    bool good;

    path_in(run, "cut", path);
    sw_image_copy(&run->image, &image);
    result = sw_cut_apply(&run->journal, count, policy, seed, &image);
    good = sw_image_store(&image, path, why) &&
           power_check(run->truth, count, path, whole, &found, why);
    sw_image_release(&image);
    if (!good) {
        tell_failure(run, count, policy, seed, why);
        return false;
    }
    run->cuts++;
    run->undone += result.undone;
    run->torn += result.torn;
    run->runs += whole ? 1 : 0;
    run->entries += found.entries;
    run->replayed += found.replayed;
    run->unsettled += found.settled ? 0 : 1;
    return sw_tree_remove(path, why) || (fprintf(stderr, "%s\n", why), false);
}

/* Is anything undecided behind the first `count` records? Else every policy leaves the same. */
static bool is_open(const struct run *run, size_t count)
{
    bool *pending = calloc(count + 1, sizeof *pending);
    bool open = false;

    SW_ASSERT(pending != NULL);
    sw_journal_pending(&run->journal, count, pending);
    for (size_t i = 0; i < count && !open; i++) {
        open = pending[i];
    }
    free(pending);
    return open;
}

static bool cut_point(struct run *run, size_t count, const struct effort *effort)
{
    const bool open = is_open(run, count);

    run->points++;
    run->points_by_kind[count > 0 ? run->journal.records[count - 1].head.kind : 0]++;
    for (int policy = 0; policy < SW_CUT_POLICY_COUNT; policy++) {
        for (uint32_t i = 0; i < effort->cuts[policy]; i++) {
            if (!open && policy != SW_CUT_NONE) {
                continue;
            }
            if (!cut(run,
                     count,
                     (enum sw_cut_policy)policy,
                     count * 100 + i,
                     run->cuts % effort->run_every == 0)) {
                return false;
            }
        }
    }
    return true;
}

/* Right behind a mark the promises are strictest, and the disk is as it was before it. */
static bool is_point(const struct run *run, size_t count)
{
    return count == run->journal.count || run->journal.records[count].head.kind != SW_JOURNAL_MARK;
}

/* Backwards through the recording. What comes out at its beginning must be an empty directory. */
static bool cut_all(struct run *run)
{
    const struct options *options = run->options;
    bool good = true;

    for (size_t count = run->journal.count; good; count--) {
        if (options->one && count == options->at) {
            good = cut(run, count, options->policy, options->seed, true);
        } else if (!options->one && is_point(run, count)) {
            good = cut_point(run, count, options->all ? &thorough : &bounded);
        }
        if (count == 0) {
            break;
        }
        sw_cut_step_back(&run->journal.records[count - 1], &run->image);
    }
    if (good && run->image.name_count != 0) {
        (void)fprintf(stderr, "%s: the journal does not lead back to nothing\n", run->script->name);
        good = false;
    }
    return good;
}

static void tell(const struct run *run)
{
    if (run->options->quiet) {
        return;
    }
    (void)printf("%-22s %" PRIu64 " points (", run->script->name, run->points);
    for (int kind = 1; kind < KIND_COUNT; kind++) {
        if (run->points_by_kind[kind] > 0) {
            (void)printf("%s %" PRIu64 " ", sw_journal_kind_name(kind), run->points_by_kind[kind]);
        }
    }
    (void)printf(") %" PRIu64 " cuts: %" PRIu64 " changes undone, %" PRIu64 " torn, %" PRIu64
                 " before it might vote; %" PRIu64 " entries compared, %" PRIu64
                 " replayed, %" PRIu64 " nodes run\n",
                 run->cuts,
                 run->undone,
                 run->torn,
                 run->unsettled,
                 run->entries,
                 run->replayed,
                 run->runs);
    (void)fflush(stdout);
}

static bool run_script(const struct power_script *script,
                       uint64_t round,
                       const struct options *options,
                       struct verdict *ret_verdict)
{
    struct run run = {.script = script, .options = options, .round = round};
    char why[256] = "";

    make_top(&run);
    make_page(&run);
    ret_verdict->recorded = record(&run) && load(&run);
    ret_verdict->kept = ret_verdict->recorded && cut_all(&run);
    if (ret_verdict->kept) {
        tell(&run);
    }
    ret_verdict->cuts += run.cuts;
    power_truth_free(run.truth);
    sw_journal_release(&run.journal);
    sw_image_release(&run.image);
    if ((ret_verdict->kept || options->quiet) && !sw_tree_remove(run.top, why)) {
        (void)fprintf(stderr, "%s\n", why);
        return false;
    }
    if (!ret_verdict->kept && !options->quiet) {
        (void)fprintf(stderr, "  left as it was: %s\n", run.top);
    }
    return ret_verdict->kept;
}

/* Until the first broken promise. */
static bool run_scripts(const struct options *options, struct verdict *ret_verdict)
{
    const uint64_t end = options->first_round + options->rounds;
    const struct power_script *script;
    bool good = true;

    *ret_verdict = (struct verdict){.cuts = 0};
    for (uint64_t round = options->first_round; good && round < end; round++) {
        for (uint32_t i = 0; good && (script = power_script_at(i)) != NULL; i++) {
            if (options->script == NULL || strcmp(options->script, script->name) == 0) {
                ret_verdict->script = script->name;
                good = run_script(script, round, options, ret_verdict);
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

static void tell_bite(const char *bug, bool found, const struct verdict *verdict)
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

static bool bite(const struct options *from)
{
    struct options options = *from;
    struct verdict verdict;
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

static const struct power_script *script_named(const char *name)
{
    const struct power_script *script;

    for (uint32_t i = 0; (script = power_script_at(i)) != NULL; i++) {
        if (strcmp(script->name, name) == 0) {
            return script;
        }
    }
    return NULL;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"all", no_argument, NULL, 'a'},
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
           (options->script == NULL || script_named(options->script) != NULL);
}

/* power_cut --record SCRIPT ROOT ROUND BUGS */
static int record_main(char **argv)
{
    if (argv[5][0] != '\0' && !plant(argv[5])) {
        return 1;
    }
    script_named(argv[2])->run(argv[3], strtoull(argv[4], NULL, 10));
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = {.first_round = 1, .rounds = 1};
    struct verdict verdict;

    if (argc == 6 && strcmp(argv[1], "--record") == 0) {
        return record_main(argv);
    }
    if (!parse(argc, argv, &options)) {
        (void)fputs("usage: test_fault_power_cut [--all] [--script NAME] [--rounds N]\n"
                    "           [--first-round N] [--plant BUG,...] [--bites]\n"
                    "           [--at RECORD --policy none|prefix|random|torn|all --seed S]\n",
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
