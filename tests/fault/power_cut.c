/* Recording a script, and cutting it everywhere. */
#include "tests/fault/power_cut.h"

#include <errno.h>
#include <fcntl.h>
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
#include "jepsen/fault/tree.h"
#include "tests/fault/power_check.h"
#include "tests/fault/power_mark.h"

enum { PATH_SIZE = 600, KIND_COUNT = SW_JOURNAL_VOLATILE + 1 };

/* How many cuts of each policy at one point, and in how many of them a whole node is run. */
struct effort {
    uint32_t cuts[SW_CUT_POLICY_COUNT];
    uint64_t run_every;
    uint64_t again_every; /* points, of those at which the node might vote, with a second life */
};

static const struct effort bounded = {
    {[SW_CUT_NONE] = 1, [SW_CUT_RANDOM] = 1, [SW_CUT_TORN] = 1}, 40, 100};
static const struct effort thorough = {{[SW_CUT_NONE] = 1,
                                        [SW_CUT_ALL] = 1,
                                        [SW_CUT_PREFIX] = 3,
                                        [SW_CUT_RANDOM] = 8,
                                        [SW_CUT_TORN] = 4},
                                       5,
                                       20};

struct run {
    const struct power_script *script;
    const struct power_options *options;
    const struct power_failure *failure; /* NULL = none */
    uint64_t round;
    struct sw_journal journal;
    struct sw_image image; /* behind the records that are not stepped back yet */
    struct power_truth *truth;
    char top[PATH_SIZE]; /* everything of this run is below it */
    uint64_t points, cuts, undone, torn, unsettled, runs, entries, replayed;
    uint64_t points_by_kind[KIND_COUNT];
    uint64_t again_runs, again_cuts;
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

    (void)snprintf(run->top, sizeof run->top, "%s/swarm-power-XXXXXX", base);
    SW_ASSERT(mkdtemp(run->top) != NULL);
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
    if (run->failure != NULL) {
        page.rules[run->failure->rule] = (struct sw_fault_rule){.files = SW_FAULT_ALL,
                                                                .error = run->failure->error,
                                                                .value = run->failure->value,
                                                                .skip = run->failure->skip,
                                                                .times = 1};
    }
    path_in(run, "root", page.root);
    path_in(run, "control", path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    SW_ASSERT(fd >= 0);
    SW_ASSERT(write(fd, &page, sizeof page) == (ssize_t)sizeof page);
    (void)close(fd);
}

/* What the sanitizers and assertions say is kept, what a stopped script says is expected. */
static void redirect(const struct run *run)
{
    char path[PATH_SIZE];
    int fd;

    path_in(run, "stderr", path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    SW_ASSERT(fd >= 0);
    SW_ASSERT(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
}

/* In a process of its own, which maps the page before its first line. */
static bool record(const struct run *run, bool *ret_stopped)
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
        if (run->failure != NULL) {
            redirect(run);
        }
        (void)setenv("SWARM_FAULT", control, 1);
        (void)execl("/proc/self/exe",
                    "power_cut",
                    POWER_RECORD_FLAG,
                    run->script->name,
                    root,
                    round,
                    plant,
                    NULL);
        _exit(1);
    }
    SW_ASSERT(waitpid(child, &status, 0) == child);
    *ret_stopped = WIFEXITED(status) && WEXITSTATUS(status) == POWER_STOPPED;
    if (*ret_stopped && run->failure != NULL) {
        return true;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        if (!run->options->quiet) {
            (void)fprintf(stderr, "%s: the recording failed\n", run->script->name);
        }
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
                  "BROKEN PROMISE: %s\n  %s\n  script %s, cut behind record %zu (%s)\n"
                  "  again: --script %s --first-round %" PRIu64
                  " --at %zu --policy %s --seed %" PRIu64 "\n",
                  why,
                  run->script->claim,
                  run->script->name,
                  count,
                  head == NULL ? "nothing" : sw_journal_kind_name(head->kind),
                  run->script->name,
                  run->round,
                  count,
                  sw_cut_policy_name(policy),
                  seed);
}

static bool removed(const char *path)
{
    char why[256] = "";

    if (!sw_tree_remove(path, why)) {
        (void)fprintf(stderr, "%s\n", why);
        return false;
    }
    return true;
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
    return removed(path);
}

static bool run_again(struct run *run, size_t count, uint64_t seed);

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
    return run->points % effort->again_every != 1 || run_again(run, count, count * 100);
}

/* Right behind a mark the promises are strictest, and the disk is as it was before it. */
static bool is_point(const struct run *run, size_t count)
{
    return count == run->journal.count || run->journal.records[count].head.kind != SW_JOURNAL_MARK;
}

/* Backwards through the recording. What comes out at its beginning must be an empty directory. */
static bool cut_all(struct run *run)
{
    const struct power_options *options = run->options;
    bool good = true;

    for (size_t count = run->journal.count; good; count--) {
        if (options->one && count == options->at && !run->script->again) {
            good = cut(run, count, options->policy, options->seed, true) &&
                   (!options->again || run_again(run, count, options->seed));
        } else if ((!options->one || run->script->again) && is_point(run, count)) {
            good =
                cut_point(run, count, options->all && !run->script->again ? &thorough : &bounded);
        }
        if (count == 0) {
            break;
        }
        sw_cut_step_back(&run->journal.records[count - 1], &run->image);
    }
    if (good && run->image.name_count != 0 && !run->script->again) {
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
            (void)printf("%s %" PRIu64 " ",
                         sw_journal_kind_name((enum sw_journal_kind)kind),
                         run->points_by_kind[kind]);
        }
    }
    (void)printf(") %" PRIu64 " cuts: %" PRIu64 " changes undone, %" PRIu64 " torn, %" PRIu64
                 " before it might vote; %" PRIu64 " entries compared, %" PRIu64
                 " replayed, %" PRIu64 " nodes run; %" PRIu64 " second lives, %" PRIu64
                 " cuts in them\n",
                 run->cuts,
                 run->undone,
                 run->torn,
                 run->unsettled,
                 run->entries,
                 run->replayed,
                 run->runs,
                 run->again_runs,
                 run->again_cuts);
    (void)fflush(stdout);
}

static void release(struct run *run)
{
    power_truth_free(run->truth);
    sw_journal_release(&run->journal);
    sw_image_release(&run->image);
}

/* --- a second life ---------------------------------------------------------------------------- */

/* The marks up to the cut, for the second recording to begin with. */
static bool write_past(const struct run *run, size_t count, const char *path)
{
    FILE *file = fopen(path, "wb");
    bool good = file != NULL;

    for (size_t i = 0; good && i < count; i++) {
        const struct sw_journal_record *record = &run->journal.records[i];
        const uint64_t size = record->head.data_size;

        if (record->head.kind == SW_JOURNAL_MARK) {
            good = fwrite(&size, sizeof size, 1, file) == 1 &&
                   fwrite(record->data, 1, size, file) == size;
        }
    }
    return file != NULL && fclose(file) == 0 && good;
}

/* What a cut has left goes on as a node, is recorded, and is cut again everywhere: recovery is when
 * the power fails next. */
static bool run_again(struct run *run, size_t count, uint64_t seed)
{
    struct run second = {
        .script = power_script_again(), .options = run->options, .round = run->round};
    struct sw_image image;
    char path[PATH_SIZE];
    char why[256] = "";
    bool stopped;
    bool good;

    if (!run->script->alone || run->script->again || !power_may_vote(run->truth, count)) {
        return true;
    }
    make_top(&second);
    path_in(&second, "root", path);
    sw_image_copy(&run->image, &image);
    (void)sw_cut_apply(&run->journal, count, SW_CUT_RANDOM, seed, &image);
    good = sw_image_store(&image, path, why);
    sw_image_release(&image);
    path_in(&second, "root" POWER_PAST_SUFFIX, path);
    good = good && write_past(run, count, path);
    make_page(&second);
    good = good && record(&second, &stopped) && load(&second) && cut_all(&second);
    run->again_runs++;
    run->again_cuts += second.cuts;
    release(&second);
    if (!good && !run->options->quiet) {
        (void)fprintf(stderr, "  left as it was: %s; that was the second life of\n", second.top);
        tell_failure(run, count, SW_CUT_RANDOM, seed, why[0] == '\0' ? "see above" : why);
        return false;
    }
    return removed(second.top) && good;
}

bool power_run_script(const struct power_script *script,
                      uint64_t round,
                      const struct power_options *options,
                      struct power_verdict *ret_verdict)
{
    struct run run = {.script = script, .options = options, .round = round};
    char path[PATH_SIZE];
    bool stopped;

    make_top(&run);
    make_page(&run);
    path_in(&run, "root", path);
    SW_ASSERT(mkdir(path, 0700) == 0);
    ret_verdict->recorded = record(&run, &stopped) && load(&run);
    ret_verdict->kept = ret_verdict->recorded && cut_all(&run);
    if (ret_verdict->kept) {
        tell(&run);
    }
    ret_verdict->cuts += run.cuts + run.again_cuts;
    release(&run);
    if (!ret_verdict->kept && !options->quiet) {
        (void)fprintf(stderr, "  left as it was: %s\n", run.top);
        return false;
    }
    return removed(run.top) && ret_verdict->kept;
}

/* --- failing calls ---------------------------------------------------------------------------- */

static bool was_struck(const struct run *run)
{
    static struct sw_fault_page page; /* large */
    char path[PATH_SIZE];
    int fd;

    path_in(run, "control", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    SW_ASSERT(fd >= 0);
    SW_ASSERT(read(fd, &page, sizeof page) == (ssize_t)sizeof page);
    (void)close(fd);
    return page.rules[run->failure->rule].hits > 0;
}

bool power_run_failure(const struct power_script *script,
                       uint64_t round,
                       const struct power_options *options,
                       const struct power_failure *failure,
                       struct power_failure_verdict *ret_verdict)
{
    static const enum sw_cut_policy policies[] = {SW_CUT_ALL, SW_CUT_NONE, SW_CUT_RANDOM};
    struct run run = {.script = script, .options = options, .round = round, .failure = failure};
    char path[PATH_SIZE];
    bool good;

    make_top(&run);
    make_page(&run);
    path_in(&run, "root", path);
    SW_ASSERT(mkdir(path, 0700) == 0);
    good = record(&run, &ret_verdict->stopped) && load(&run);
    ret_verdict->struck = good && was_struck(&run);
    for (size_t i = 0; good && ret_verdict->struck && i < sizeof policies / sizeof policies[0];
         i++) {
        good = cut(&run, run.journal.count, policies[i], failure->skip, true);
    }
    release(&run);
    if (!good && !options->quiet) {
        (void)fprintf(stderr,
                      "  with %s at call %" PRIu64 "; left as it was: %s\n",
                      failure->name,
                      failure->skip,
                      run.top);
        return false;
    }
    return removed(run.top) && good;
}
