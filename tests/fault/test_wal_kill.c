/* kill -9 of a process in the middle of its work on a real directory, again and again on the same
 * one: what it was told to be durable is there, in order and unchanged, and no term went back. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/prng.h"
#include "base/worker_posix.h"
#include "storage/disk_posix.h"
#include "storage/wal_queue.h"
#include "tests/unit/storage/temp_dir.h"

enum { ROUND_COUNT = 15, BODY_SIZE_MAX = 2000, SNAPSHOT_EVERY = 300 };

static const struct sw_group_id group_1 = {1};

/* What the child tells its parent once it is durable; fits one atomic write to a pipe. */
struct report {
    uint64_t index;
    uint64_t term;
};

struct child {
    struct sw_wal *wal;
    int report_fd;
    int wake_fds[2];
    uint64_t term;
    struct sw_wal_entry entry;
    uint8_t body[BODY_SIZE_MAX];
    bool done;
};

static struct sw_wal_engine *
engine_open(const char *dir, uint64_t salt, struct sw_disk_posix **ret_disk)
{
    struct sw_wal_engine_config config = {
        .swarm = {{9}}, .node = {1}, .segment_size = 256 << 10, .salt = salt};
    struct sw_wal_engine *engine = NULL;
    char why[SW_WHY_SIZE] = "";

    if (sw_disk_posix_new(dir, ret_disk, why) != SW_ERR_OK) {
        (void)fprintf(stderr, "disk: %s\n", why);
        return NULL;
    }
    config.disk = sw_disk_posix_port(*ret_disk);
    if (sw_wal_engine_open(&config, &engine, why) != SW_ERR_OK) {
        (void)fprintf(stderr, "open: %s\n", why);
    }
    return engine;
}

/* The body of an entry follows from its index, so that the parent can check it. */
static struct sw_span body_fill(uint8_t *body, uint64_t index)
{
    struct sw_prng prng = sw_prng_of(index);
    const size_t size = (size_t)sw_prng_below(&prng, BODY_SIZE_MAX);

    for (size_t i = 0; i < size; i++) {
        body[i] = (uint8_t)sw_prng_next(&prng);
    }
    return sw_span_of(body, size);
}

static void on_fatal(void *arg, enum sw_err err, const char *why)
{
    (void)arg;
    (void)fprintf(stderr, "fatal: %s: %s\n", sw_err_name(err), why);
    _exit(3);
}

static void on_durable(void *arg)
{
    struct child *child = arg;
    const struct report report = {.index = child->entry.index, .term = child->term};

    if (write(child->report_fd, &report, sizeof(report)) != (ssize_t)sizeof(report)) {
        _exit(4);
    }
    child->done = true;
}

static void on_wake(void *arg)
{
    const struct child *child = arg;

    if (write(child->wake_fds[1], "w", 1) != 1) {
        _exit(4);
    }
}

/* Appends one entry after the other for ever; now and then a new term, now and then a snapshot. */
static void child_work(struct child *child, struct sw_worker_posix *worker)
{
    for (;;) {
        const uint64_t index = child->entry.index + 1;
        char byte;

        child->entry = (struct sw_wal_entry){
            .index = index, .term = child->term, .body = body_fill(child->body, index)};
        if (index % 50 == 0) {
            child->term++;
            child->wal->ops->set_hard(
                child->wal, group_1, (struct sw_wal_hard){.term = child->term}, NULL, NULL);
        }
        child->done = false;
        child->wal->ops->append(child->wal, group_1, &child->entry, 1, on_durable, child);
        if (index % SNAPSHOT_EVERY == 0) {
            child->wal->ops->set_snapshot(child->wal,
                                          group_1,
                                          (struct sw_wal_snapshot){.index = index - 10, .term = 1},
                                          index - 20,
                                          false,
                                          NULL,
                                          NULL);
        }
        while (!child->done) {
            if (read(child->wake_fds[0], &byte, 1) != 1) {
                _exit(4);
            }
            (void)sw_worker_posix_drain(worker);
        }
    }
}

static _Noreturn void child_main(const char *dir, uint64_t salt, int report_fd)
{
    struct child child = {.report_fd = report_fd};
    struct sw_wal_queue_config config = {.fatal = on_fatal};
    struct sw_worker_posix *worker = NULL;
    struct sw_disk_posix *disk = NULL;
    struct sw_wal_group loaded;

    config.engine = engine_open(dir, salt, &disk);
    if (config.engine == NULL || pipe(child.wake_fds) != 0 ||
        sw_worker_posix_start("wal", on_wake, &child, &worker) != SW_ERR_OK) {
        _exit(5);
    }
    config.worker = sw_worker_posix_port(worker);
    child.wal = sw_wal_queue_port(sw_wal_queue_new(&config));
    if (child.wal->ops->load(child.wal, group_1, &loaded) != SW_ERR_OK) {
        _exit(5);
    }
    child.entry.index = loaded.first_index + loaded.entry_count - 1;
    child.term = loaded.hard.term + 1;
    sw_wal_group_release(&loaded);
    child.wal->ops->set_hard(
        child.wal, group_1, (struct sw_wal_hard){.term = child.term}, NULL, NULL);
    child_work(&child, worker);
    _exit(6);
}

/* Reads reports until `count` came, kills, and reads what else was told before. */
static bool kill_after(pid_t pid, int fd, uint64_t count, struct report *ret_last)
{
    struct report report;
    uint64_t seen = 0;
    int status = 0;

    while (read(fd, &report, sizeof(report)) == (ssize_t)sizeof(report)) {
        *ret_last = report;
        seen++;
        if (seen == count) {
            (void)kill(pid, SIGKILL);
        }
    }
    (void)waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && seen >= count;
}

static bool check(const char *dir, uint64_t salt, const struct report *last)
{
    static uint8_t body[BODY_SIZE_MAX];
    struct sw_disk_posix *disk = NULL;
    struct sw_wal_engine *engine = engine_open(dir, salt, &disk);
    struct sw_wal_group loaded = {.first_index = 0};
    char why[SW_WHY_SIZE] = "";
    bool good = engine != NULL && sw_wal_engine_load(engine, group_1, &loaded, why) == SW_ERR_OK &&
                loaded.first_index + loaded.entry_count > last->index &&
                loaded.hard.term >= last->term;

    for (size_t i = 0; good && i < loaded.entry_count; i++) {
        good = sw_span_equal(loaded.entries[i].body, body_fill(body, loaded.entries[i].index));
    }
    if (!good) {
        (void)fprintf(stderr,
                      "acknowledged %" PRIu64 " in term %" PRIu64 ", found %" PRIu64
                      " in term %" PRIu64 ": %s\n",
                      last->index,
                      last->term,
                      loaded.first_index + loaded.entry_count - 1,
                      loaded.hard.term,
                      why);
    }
    sw_wal_group_release(&loaded);
    sw_wal_engine_close(engine);
    sw_disk_posix_free(disk);
    return good;
}

static bool round_run(const char *dir, uint64_t number, struct report *last)
{
    struct sw_prng prng = sw_prng_of(number);
    int fds[2];
    pid_t pid;
    bool good;

    if (pipe(fds) != 0) {
        return false;
    }
    pid = fork();
    if (pid == 0) {
        (void)close(fds[0]);
        child_main(dir, number, fds[1]);
    }
    (void)close(fds[1]);
    good = pid > 0 && kill_after(pid, fds[0], sw_prng_range(&prng, 1, 150), last);
    (void)close(fds[0]);
    return good && check(dir, number + 1000, last);
}

int main(void)
{
    struct report last = {.index = 0};
    char dir[TEMP_DIR_SIZE];
    bool good = true;

    temp_dir_make(dir);
    for (uint64_t number = 1; good && number <= ROUND_COUNT; number++) {
        good = round_run(dir, number, &last);
    }
    temp_dir_remove(dir);
    (void)printf("killed %d times, %" PRIu64 " entries and term %" PRIu64 " acknowledged: %s\n",
                 ROUND_COUNT,
                 last.index,
                 last.term,
                 good ? "all there" : "LOST");
    return good ? 0 : 1;
}
