/* A first start that dies at every call that changes the disk, before and after it. Whatever it
 * leaves, the next start goes on, as long as the node could not have voted; and once it could,
 * nothing lets it start without its log.
 *
 * The calls are counted by wrappers that the linker puts in front of them (CMakeLists.txt). */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/first_start.h"
#include "node/identity_posix.h"
#include "storage/disk_posix.h"
#include "storage/wal_engine.h"
#include "tests/unit/storage/temp_dir.h"

enum { EXIT_DIED = 77, EXIT_REFUSED = 78, CALL_COUNT_MAX = 1000, PATH_SIZE = TEMP_DIR_SIZE + 64 };

static const struct sw_swarm_id swarm = {{9}};
static const struct sw_node_id node = {1};

/* --- dying ------------------------------------------------------------------------------------ */

static long calls_left = -1; /* -1 = nobody dies */
static bool die_after;

static void step(bool after)
{
    if (calls_left < 0 || after != die_after) {
        return;
    }
    if (calls_left == 0) {
        _exit(EXIT_DIED);
    }
    calls_left--;
}

#define WRAP_TRACED(result, name, parameters, arguments, note)                  \
    result __real_##name parameters; /* NOLINT(bugprone-reserved-identifier) */ \
    result __wrap_##name parameters; /* NOLINT(bugprone-reserved-identifier) */ \
    result __wrap_##name parameters                                             \
    {                                                                           \
        result value;                                                           \
                                                                                \
        step(false);                                                            \
        value = __real_##name arguments;                                        \
        note;                                                                   \
        step(true);                                                             \
        return value;                                                           \
    }

#define WRAP(result, name, parameters, arguments) \
    WRAP_TRACED(result, name, parameters, arguments, (void)0)

WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
WRAP(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at))

/* What happens to the names in the data directory, a letter a call; S is a sync of directories. A
 * name is safe from a power failure only behind the next S. */
static char trace[64];
static bool tracing;

static void trace_letter(char letter)
{
    const size_t at = strlen(trace);

    SW_ASSERT(at + 1 < sizeof trace);
    trace[at] = letter;
}

static void trace_add(const char *name)
{
    static const struct {
        const char *name;
        char letter;
    } letters[] = {{SW_FIRST_START_NAME, 'M'}, {"identity", 'I'}, {"wal", 'W'}, {"state", 'T'}};

    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        if (tracing && strcmp(letters[i].name, name) == 0) {
            trace_letter(letters[i].letter);
        }
    }
}

static void trace_sync(int fd)
{
    struct stat info;

    SW_ASSERT(fstat(fd, &info) == 0);
    if (tracing && S_ISDIR(info.st_mode)) {
        trace_letter('S');
    }
}

WRAP_TRACED(int,
            renameat,
            (int from_dir, const char *from, int to_dir, const char *to),
            (from_dir, from, to_dir, to),
            trace_add(to))
WRAP_TRACED(
    int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), trace_add(path))
WRAP_TRACED(
    int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags), trace_add(path))
WRAP_TRACED(int, fsync, (int fd), (fd), trace_sync(fd))

/* --- a node ----------------------------------------------------------------------------------- */

struct place {
    char root[TEMP_DIR_SIZE];
    char data[PATH_SIZE];
};

static bool there(const struct place *place, const char *name)
{
    char path[PATH_SIZE + 32];

    (void)snprintf(path, sizeof path, "%s/%s", place->data, name);
    return access(path, F_OK) == 0;
}

static enum sw_err open_log(const struct sw_identity *identity, char *why)
{
    struct sw_wal_engine_config config = {
        .swarm = swarm, .node = node, .segment_size = 64 << 10, .salt = 1};
    struct sw_disk_posix *disk = NULL;
    struct sw_wal_engine *engine = NULL;
    enum sw_err err = sw_disk_posix_new(sw_identity_wal_dir(identity), &disk, why);

    if (err == SW_ERR_OK) {
        config.disk = sw_disk_posix_port(disk);
        err = sw_wal_engine_open(&config, &engine, why);
    }
    sw_wal_engine_close(engine);
    sw_disk_posix_free(disk);
    return err;
}

/* What swarmd does before it may vote, in its order (node/server_posix.c). */
static enum sw_err start(const struct place *place, bool first_start)
{
    const struct sw_identity_config config = {
        .data_dir = place->data, .swarm = swarm, .node = node, .first_start = first_start};
    struct sw_identity *identity = NULL;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err = sw_identity_open(&config, &identity, why);

    if (err == SW_ERR_OK) {
        err = open_log(identity, why);
    }
    if (err == SW_ERR_OK) {
        err = sw_identity_settle(identity, why);
    }
    sw_identity_close(identity);
    return err;
}

/* In a process of its own; true if it died on the way, false if it came to where it may vote. */
static bool start_and_die(const struct place *place, bool first_start, long calls, bool after)
{
    const pid_t child = fork();
    int status = 0;

    SW_ASSERT(child >= 0);
    if (child == 0) {
        calls_left = calls;
        die_after = after;
        _exit(start(place, first_start) == SW_ERR_OK ? 0 : EXIT_REFUSED);
    }
    SW_ASSERT(waitpid(child, &status, 0) == child);
    SW_ASSERT(WIFEXITED(status));
    SW_ASSERT(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_DIED);
    return WEXITSTATUS(status) == EXIT_DIED;
}

static void make_empty(struct place *place)
{
    temp_dir_make(place->root);
    (void)snprintf(place->data, sizeof place->data, "%s/data", place->root);
}

static void put_marker(const struct place *place)
{
    char text[SW_FIRST_START_SIZE_MAX];
    char path[PATH_SIZE + 32];
    FILE *file;
    int failed;

    (void)sw_first_start_print(swarm, node, text);
    failed = mkdir(place->data, 0700);
    SW_ASSERT(failed == 0);
    (void)snprintf(path, sizeof path, "%s/" SW_FIRST_START_NAME, place->data);
    file = fopen(path, "w");
    SW_ASSERT(file != NULL);
    failed = fputs(text, file) < 0 ? 1 : 0;
    failed = fclose(file) != 0 || failed != 0 ? 1 : 0;
    SW_ASSERT(failed == 0);
}

/* --- the sweep -------------------------------------------------------------------------------- */

/* After a death: it may start again without being told a second time, unless it was told by the
 * flag and died before the marker of that was there. Then it settles, and is refused when wiped. */
static void goes_on_and_settles(const struct place *place, bool by_flag)
{
    if (by_flag && !there(place, SW_FIRST_START_NAME) && !there(place, "identity")) {
        SW_ASSERT(start(place, false) == SW_ERR_DATA_MISSING);
        SW_ASSERT(start(place, true) == SW_ERR_OK);
    }
    SW_ASSERT(start(place, false) == SW_ERR_OK);
    SW_ASSERT(!there(place, SW_FIRST_START_NAME));
    SW_ASSERT(start(place, true) == SW_ERR_CONFIG);
    SW_ASSERT(start(place, false) == SW_ERR_OK);
    temp_dir_remove(place->data);
    SW_ASSERT(start(place, false) == SW_ERR_DATA_MISSING);
    SW_ASSERT(mkdir(place->data, 0700) == 0);
    SW_ASSERT(start(place, false) == SW_ERR_DATA_MISSING);
    SW_ASSERT(!there(place, "LOCK"));
}

/* Whoever lost the log has lost the right to start, whatever else is left of the directory. */
static void is_refused_without_log(const struct place *place)
{
    const bool marker = there(place, SW_FIRST_START_NAME);
    const bool identity = there(place, "identity");
    char path[PATH_SIZE + 32];

    (void)snprintf(path, sizeof path, "%s/wal", place->data);
    if (marker || !identity) {
        return; /* it never could vote: losing its log loses nothing */
    }
    temp_dir_remove(path);
    SW_ASSERT(start(place, false) == SW_ERR_DATA_MISSING);
    SW_ASSERT(start(place, true) == SW_ERR_CONFIG);
}

/* Returns whether it died at all. */
static bool death(bool by_flag, long calls, bool after)
{
    struct place place;
    bool died;

    for (int wiped = 0; wiped < 2; wiped++) {
        make_empty(&place);
        if (!by_flag) {
            put_marker(&place);
        }
        died = start_and_die(&place, by_flag, calls, after);
        if (wiped == 0) {
            goes_on_and_settles(&place, by_flag);
        } else {
            is_refused_without_log(&place);
        }
        temp_dir_remove(place.root);
    }
    return died;
}

/* The order that power failures ask for, name by name: nothing is begun before the name before it
 * is safe, and the marker goes last. Between T and the last M stand the syncs of the log. */
static void check_order(bool by_flag)
{
    struct place place;

    make_empty(&place);
    if (!by_flag) {
        put_marker(&place);
    }
    memset(trace, 0, sizeof trace);
    tracing = true;
    SW_ASSERT(start(&place, by_flag) == SW_ERR_OK);
    tracing = false;
    (void)printf("names by %s: %s\n", by_flag ? "flag" : "marker", trace);
    if (by_flag) {
        SW_ASSERT(strncmp(trace, "SMSISWTS", 8) == 0); /* the first S: the parent directory */
    } else {
        SW_ASSERT(strncmp(trace, "ISWTS", 5) == 0);
    }
    SW_ASSERT(strcmp(trace + strlen(trace) - 3, "SMS") == 0);
    temp_dir_remove(place.root);
}

/* Dies at the first call, then at the second, until it comes through. */
static void sweep(bool by_flag, bool after)
{
    long calls = 0;

    while (death(by_flag, calls, after)) {
        calls++;
        SW_ASSERT(calls < CALL_COUNT_MAX);
    }
    (void)printf("first start by %s: died %s each of %ld calls\n",
                 by_flag ? "flag" : "marker",
                 after ? "after" : "before",
                 calls);
    SW_ASSERT(calls > 20); /* the wrappers are at work */
}

int main(void)
{
    for (int by_flag = 0; by_flag < 2; by_flag++) {
        check_order(by_flag != 0);
        sweep(by_flag != 0, false);
        sweep(by_flag != 0, true);
    }
    return 0;
}
