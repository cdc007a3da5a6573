/* Record once, cut everywhere: what a node does to its disk is recorded below the C library, and
 * then the power is cut at every write, sync, rename and truncation of it, with this and that part
 * of what was not synced on the disk. From each directory that this leaves a node is opened, and
 * must keep every promise that was made before the cut.
 *
 *     test_fault_power_cut                    bounded: three cuts at each point
 *     test_fault_power_cut --all              many cuts at each point, and a node run in one of
 * five test_fault_power_cut --script writes --at 412 --policy random --seed 7      one of them
 * again
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
    bool all;
    bool one; /* the three below say which */
    uint64_t at;
    enum sw_cut_policy policy;
    uint64_t seed;
};

struct run {
    const struct power_script *script;
    const struct options *options;
    struct sw_journal journal;
    struct sw_image image; /* behind the records that are not stepped back yet */
    struct power_truth *truth;
    char top[PATH_SIZE]; /* everything of this run is below it */
    uint64_t points, cuts, undone, torn, unsettled, runs, entries, replayed;
    uint64_t points_by_kind[KIND_COUNT];
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
    char control[PATH_SIZE];
    char root[PATH_SIZE];
    int status = 0;
    pid_t child;

    path_in(run, "control", control);
    path_in(run, "root", root);
    child = fork();
    SW_ASSERT(child >= 0);
    if (child == 0) {
        (void)setenv("SWARM_FAULT", control, 1);
        (void)execl("/proc/self/exe", "power_cut", "--record", run->script->name, root, NULL);
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

    (void)fprintf(stderr,
                  "BROKEN PROMISE: %s\n  script %s, cut behind record %zu (%s)\n"
                  "  again: --script %s --at %zu --policy %s --seed %" PRIu64 "\n",
                  why,
                  run->script->name,
                  count,
                  head == NULL ? "nothing" : sw_journal_kind_name(head->kind),
                  run->script->name,
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

static bool run_script(const struct power_script *script, const struct options *options)
{
    struct run run = {.script = script, .options = options};
    char why[256] = "";
    bool good;

    make_top(&run);
    make_page(&run);
    good = record(&run) && load(&run) && cut_all(&run);
    if (good) {
        tell(&run);
    }
    power_truth_free(run.truth);
    sw_journal_release(&run.journal);
    sw_image_release(&run.image);
    if (good && !sw_tree_remove(run.top, why)) {
        (void)fprintf(stderr, "%s\n", why);
        return false;
    }
    if (!good) {
        (void)fprintf(stderr, "  left as it was: %s\n", run.top);
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
                                          {"script", required_argument, NULL, 's'},
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

int main(int argc, char **argv)
{
    struct options options = {.script = NULL};
    const struct power_script *script;
    bool good = true;

    if (argc == 4 && strcmp(argv[1], "--record") == 0) {
        script_named(argv[2])->run(argv[3]);
        return 0;
    }
    if (!parse(argc, argv, &options)) {
        (void)fputs("usage: test_fault_power_cut [--all] [--script NAME]\n"
                    "           [--at RECORD --policy none|prefix|random|torn|all --seed S]\n",
                    stderr);
        return EXIT_USAGE;
    }
    for (uint32_t i = 0; good && (script = power_script_at(i)) != NULL; i++) {
        if (options.script == NULL || strcmp(options.script, script->name) == 0) {
            good = run_script(script, &options);
        }
    }
    return good ? 0 : 1;
}
