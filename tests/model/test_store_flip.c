/* One flipped bit anywhere in the data file of an LMDB store never gives a wrong answer.
 *
 * Each trial flips one bit of a page behind the meta pages and, in a process of its own, reads
 * every record and walks every table. A record may come right or as CORRUPT. The process may be
 * stopped by LMDB (an assertion, or a page number that leads nowhere): that is loud too. A record
 * that was there may not come back with another value. If one reads as absent, which the
 * neighbours' proof nearly rules out, at least the full check must notice; both are counted. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/prng.h"
#include "storage/store_lmdb.h"
#include "tests/unit/storage/temp_dir.h"

enum {
    TRIAL_COUNT_DEFAULT = 1000,
    RECORD_COUNT = 1200,
    META_SIZE = 2 * 4096,
    VALUE_SIZE_MAX = 9000,
    HANG_SECONDS = 60,
    ABSENT_RATIO_MIN = 300, /* without the proof it is one in 90 */
};

/* What a trial saw, as bits of its process's exit code. */
enum {
    SAW_CORRUPT = 1 << 0,  /* some read said CORRUPT */
    SAW_ABSENT = 1 << 1,   /* some record read as absent */
    SAW_WRONG = 1 << 2,    /* some read gave a value that was never written */
    CHECK_FAILED = 1 << 3, /* the full check noticed damage */
    REFUSED = 1 << 4,      /* the store did not open */
    FINISHED = 1 << 6,     /* set in every exit code that is the trial's own */
    SAW_ALL = FINISHED | ((1 << 5) - 1),
};

struct count {
    unsigned harmless, corrupt, refused, stopped, hung, wrong, absent, absent_noticed;
};

static enum sw_table table_of(unsigned i)
{
    return (enum sw_table)(i % SW_TABLE_COUNT);
}

static struct sw_span key_of(unsigned i, char *out, size_t size)
{
    return sw_span_of(out, (size_t)snprintf(out, size, "key-%06u-%s", i, i % 7 ? "" : "longer"));
}

static struct sw_span value_of(unsigned i, uint8_t *out)
{
    struct sw_prng prng = sw_prng_of(i);
    const size_t size = i % 50 == 0 ? VALUE_SIZE_MAX : (size_t)sw_prng_range(&prng, 0, 300);

    for (size_t at = 0; at < size; at++) {
        out[at] = (uint8_t)sw_prng_next(&prng);
    }
    return sw_span_of(out, size);
}

static struct sw_store *open_store(const char *dir)
{
    const struct sw_store_lmdb_config config = {.path = dir, .node = {1}, .map_size = 64 << 20};
    struct sw_store *store = NULL;
    char why[SW_WHY_SIZE];

    return sw_store_lmdb_open(&config, &store, why) == SW_ERR_OK ? store : NULL;
}

static void make(const char *dir)
{
    static uint8_t value[VALUE_SIZE_MAX];
    struct sw_store *store = open_store(dir);
    char key[64];

    SW_ASSERT(store != NULL);
    for (unsigned i = 0; i < RECORD_COUNT; i++) {
        SW_ASSERT(
            store->ops->put(store, table_of(i), key_of(i, key, sizeof(key)), value_of(i, value)) ==
            SW_ERR_OK);
        if (i % 200 == 199) {
            SW_ASSERT(store->ops->commit(store) == SW_ERR_OK);
        }
    }
    SW_ASSERT(store->ops->commit(store) == SW_ERR_OK);
    sw_store_lmdb_close(store);
}

static int read_all(struct sw_store *store)
{
    static uint8_t expected[VALUE_SIZE_MAX];
    char key[64];
    int saw = 0;

    for (unsigned i = 0; i < RECORD_COUNT; i++) {
        struct sw_span value;
        const enum sw_err err =
            store->ops->get(store, table_of(i), key_of(i, key, sizeof(key)), &value);

        if (err == SW_ERR_OK) {
            saw |= sw_span_equal(value, value_of(i, expected)) ? 0 : SAW_WRONG;
        } else {
            saw |= err == SW_ERR_NOT_FOUND ? SAW_ABSENT : SAW_CORRUPT;
        }
    }
    return saw;
}

/* A record of a walk is one that was written, or the read is wrong. */
static bool was_written(const struct sw_store_record *record, enum sw_table table)
{
    static uint8_t expected[VALUE_SIZE_MAX];
    char key[64];
    char digits[7] = {0};
    unsigned i;

    if (record->key.size < 10) {
        return false;
    }
    memcpy(digits, record->key.data + 4, 6);
    i = (unsigned)strtoul(digits, NULL, 10);
    return i < RECORD_COUNT && table_of(i) == table &&
           sw_span_equal(key_of(i, key, sizeof(key)), record->key) &&
           sw_span_equal(value_of(i, expected), record->value);
}

/* What `swarm-inspect store` does: every record, every check, and the counts. */
static int walk_all(struct sw_store *store)
{
    struct sw_store_stats stats;
    int saw = 0;

    store->ops->stats(store, &stats);
    for (unsigned table = 0; table < SW_TABLE_COUNT; table++) {
        struct sw_store_record record;
        uint64_t count = 0;
        enum sw_err err = store->ops->seek(store, table, sw_span_of(NULL, 0), false, &record);

        while (err == SW_ERR_OK) {
            saw |= was_written(&record, table) ? 0 : SAW_WRONG;
            count++;
            err = store->ops->next(store, table, false, &record);
        }
        if (err != SW_ERR_NOT_FOUND || count != stats.record_count[table]) {
            saw |= CHECK_FAILED;
        }
    }
    return saw;
}

static _Noreturn void trial(const char *dir)
{
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct sw_store *store;
    int saw;

    (void)alarm(HANG_SECONDS);
    (void)dup2(null, STDERR_FILENO); /* LMDB's last words are expected */
    store = open_store(dir);
    if (store == NULL) {
        _exit(FINISHED | REFUSED);
    }
    saw = read_all(store);
    saw |= walk_all(store);
    _exit(FINISHED | saw);
}

static void flip(const char *dir, uint64_t bit)
{
    char path[TEMP_DIR_SIZE + 16];
    uint8_t byte;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    SW_ASSERT(fd >= 0);
    SW_ASSERT(pread(fd, &byte, 1, (off_t)(bit / 8)) == 1);
    byte ^= (uint8_t)(1U << (bit % 8));
    SW_ASSERT(pwrite(fd, &byte, 1, (off_t)(bit / 8)) == 1);
    SW_ASSERT(close(fd) == 0);
}

static void classify(int status, struct count *count)
{
    const int saw = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        count->hung++;
    } else if ((saw & FINISHED) == 0 || (saw & ~SAW_ALL) != 0) {
        count->stopped++;
    } else if (saw & SAW_WRONG) {
        count->wrong++;
    } else if (saw & REFUSED) {
        count->refused++;
    } else if (saw & SAW_ABSENT) {
        count->absent++;
        count->absent_noticed += (saw & (CHECK_FAILED | SAW_CORRUPT)) != 0;
    } else if (saw != FINISHED) {
        count->corrupt++;
    } else {
        count->harmless++;
    }
}

static uint64_t data_size(const char *dir)
{
    char path[TEMP_DIR_SIZE + 16];
    struct stat stat_of;

    (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
    SW_ASSERT(stat(path, &stat_of) == 0);
    return (uint64_t)stat_of.st_size;
}

int main(int argc, char **argv)
{
    const int trials = argc > 1 ? (int)strtol(argv[1], NULL, 10) : TRIAL_COUNT_DEFAULT;
    struct sw_prng prng = sw_prng_of(argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    struct count count = {0};
    char dir[TEMP_DIR_SIZE];
    uint64_t size;

    temp_dir_make(dir);
    make(dir);
    size = data_size(dir);
    for (int i = 0; i < trials; i++) {
        const uint64_t bit = sw_prng_range(&prng, META_SIZE * 8, size * 8 - 1);
        int status = 0;
        pid_t child;

        flip(dir, bit);
        child = fork();
        SW_ASSERT(child >= 0);
        if (child == 0) {
            trial(dir);
        }
        SW_ASSERT(waitpid(child, &status, 0) == child);
        flip(dir, bit);
        classify(status, &count);
    }
    temp_dir_remove(dir);
    (void)printf("%d flips in %llu KiB: %u harmless, %u CORRUPT, %u refused at open, %u stopped, "
                 "%u read a record as absent (%u noticed by a full check), %u hung, %u wrong\n",
                 trials,
                 (unsigned long long)size >> 10,
                 count.harmless,
                 count.corrupt,
                 count.refused,
                 count.stopped,
                 count.absent,
                 count.absent_noticed,
                 count.hung,
                 count.wrong);
    return count.wrong == 0 && count.hung == 0 && count.absent == count.absent_noticed &&
                   count.absent * ABSENT_RATIO_MIN <= (unsigned)trials
               ? 0
               : 1;
}
