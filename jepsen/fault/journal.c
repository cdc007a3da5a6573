/* Reading the journal, and the one question everything rests on: what was not yet durable? */
#include "jepsen/fault/journal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1400 };

static bool fail(char ret_why[256], const char *path, const char *what)
{
    (void)snprintf(ret_why, 256, "%.160s: %s", path, what);
    return false;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_all(const char *path, struct sw_journal *journal, char ret_why[256])
{
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t done = 0;

    if (fd < 0) {
        return errno == ENOENT || fail(ret_why, path, strerror(errno));
    }
    if (fstat(fd, &info) != 0) {
        (void)close(fd);
        return fail(ret_why, path, strerror(errno));
    }
    journal->bytes = malloc((size_t)info.st_size + 1);
    assert(journal->bytes != NULL);
    while (done < (size_t)info.st_size) {
        const ssize_t got = read(fd, journal->bytes + done, (size_t)info.st_size - done);

        if (got <= 0) {
            (void)close(fd);
            return fail(ret_why, path, "cannot be read");
        }
        done += (size_t)got;
    }
    (void)close(fd);
    journal->size = done;
    return true;
}

/* The record at `at`; its size, or 0 if the journal ends before it does. */
static size_t parse(const struct sw_journal *journal, size_t at, struct sw_journal_record *record)
{
    const size_t left = journal->size - at;
    const struct sw_journal_head *head = &record->head;
    const uint8_t *body = journal->bytes + at + sizeof *head;
    uint64_t size = sizeof *head;

    if (left < size) {
        return 0;
    }
    memcpy(&record->head, journal->bytes + at, sizeof *head);
    size += (uint64_t)head->path_size + head->path2_size;
    if (head->data_size > left || size + head->data_size > left) {
        return 0;
    }
    record->path = head->path_size == 0 ? "" : (const char *)body;
    record->path2 = head->path2_size == 0 ? "" : (const char *)body + head->path_size;
    record->data = body + head->path_size + head->path2_size;
    return (size_t)(size + head->data_size);
}

static void add(struct sw_journal *journal, const struct sw_journal_record *record)
{
    if ((journal->count & (journal->count + 1)) == 0) { /* 0, 1, 3, 7: full */
        const size_t room = journal->count * 2 + 1;

        journal->records = realloc(journal->records, room * sizeof *journal->records);
        assert(journal->records != NULL);
    }
    journal->records[journal->count++] = *record;
}

bool sw_journal_load(const char *path, struct sw_journal *ret_journal, char ret_why[256])
{
    struct sw_journal_record record;
    size_t at = 0;
    size_t size;

    *ret_journal = (struct sw_journal){0};
    if (!read_all(path, ret_journal, ret_why)) {
        sw_journal_release(ret_journal);
        return false;
    }
    while ((size = parse(ret_journal, at, &record)) > 0) {
        const bool paths_end =
            (record.head.path_size == 0 || record.path[record.head.path_size - 1] == '\0') &&
            (record.head.path2_size == 0 || record.path2[record.head.path2_size - 1] == '\0');

        if (record.head.magic != SW_JOURNAL_MAGIC || !paths_end) {
            sw_journal_release(ret_journal);
            return fail(ret_why, path, "is no journal, or a damaged one");
        }
        add(ret_journal, &record);
        at += size;
    }
    ret_journal->size = at;
    return true;
}

void sw_journal_release(struct sw_journal *journal)
{
    free(journal->records);
    free(journal->bytes);
    *journal = (struct sw_journal){0};
}

/* --- what is pending -------------------------------------------------------------------------- */

bool sw_journal_is_change(enum sw_journal_kind kind)
{
    return kind >= SW_JOURNAL_WRITE && kind <= SW_JOURNAL_UNLINK;
}

const char *sw_journal_kind_name(enum sw_journal_kind kind)
{
    static const char *const names[] = {"?",
                                        "write",
                                        "truncate",
                                        "create",
                                        "mkdir",
                                        "rename",
                                        "unlink",
                                        "sync",
                                        "sync-one",
                                        "sync-failed",
                                        "mark",
                                        "volatile"};

    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

/* Bytes belong to their file, names to the directory that they stand in: each is synced alone. */
static uint64_t owner_of(const struct sw_journal_head *head)
{
    return head->kind == SW_JOURNAL_WRITE || head->kind == SW_JOURNAL_TRUNCATE ? head->file
                                                                               : head->parent;
}

/* What is pending at some point, in order: short, however long the journal is. */
struct window {
    size_t *at; /* owned: numbers of records */
    size_t count;
};

static bool settles(const struct sw_journal_head *sync, const struct sw_journal_head *change)
{
    if (sync->kind == SW_JOURNAL_SYNC_ONE) {
        return change->seq == sync->covers;
    }
    return owner_of(change) == sync->file && change->seq <= sync->covers;
}

/* A failed sync dooms what it was to save: the kernel has marked those pages clean. */
static void settle(const struct sw_journal *journal,
                   const struct sw_journal_head *sync,
                   struct window *window,
                   bool *pending)
{
    size_t kept = 0;

    for (size_t i = 0; i < window->count; i++) {
        const size_t at = window->at[i];

        if (!settles(sync, &journal->records[at].head)) {
            window->at[kept++] = at;
        } else if (sync->kind != SW_JOURNAL_SYNC_FAILED) {
            pending[at] = false;
        } /* else it stays pending, and out of every later sync's reach */
    }
    window->count = kept;
}

void sw_journal_pending(const struct sw_journal *journal, size_t count, bool *ret_pending)
{
    struct window window = {.at = malloc((count + 1) * sizeof *window.at)};

    assert(window.at != NULL);
    assert(count <= journal->count);
    for (size_t i = 0; i < count; i++) {
        const struct sw_journal_head *head = &journal->records[i].head;

        ret_pending[i] = sw_journal_is_change(head->kind);
        if (ret_pending[i]) {
            window.at[window.count++] = i;
        } else if (head->kind >= SW_JOURNAL_SYNC && head->kind <= SW_JOURNAL_SYNC_FAILED) {
            settle(journal, head, &window, ret_pending);
        }
    }
    free(window.at);
}

/* --- compaction ------------------------------------------------------------------------------- */

static bool write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        const ssize_t put = write(fd, at, size);

        if (put <= 0) {
            return false;
        }
        at += put;
        size -= (size_t)put;
    }
    return true;
}

static bool write_record(int fd, const struct sw_journal_record *record)
{
    const struct sw_journal_head *head = &record->head;

    return write_all(fd, head, sizeof *head) && write_all(fd, record->path, head->path_size) &&
           write_all(fd, record->path2, head->path2_size) &&
           write_all(fd, record->data, (size_t)head->data_size);
}

/* Failed syncs and marks stay: they are small, and what is pending rests on the former. */
static bool worth_keeping(const struct sw_journal_record *record, bool pending)
{
    const enum sw_journal_kind kind = record->head.kind;

    return pending || kind == SW_JOURNAL_SYNC_FAILED || kind == SW_JOURNAL_MARK ||
           kind == SW_JOURNAL_VOLATILE;
}

static bool stash_needed(const struct sw_journal *journal, const bool *pending, uint64_t number)
{
    for (size_t i = 0; i < journal->count; i++) {
        if (pending[i] && journal->records[i].head.stash == number) {
            return true;
        }
    }
    return false;
}

static void clean_stash(const struct sw_journal *journal, const bool *pending, const char *stash)
{
    DIR *directory = opendir(stash);
    const struct dirent *entry;

    if (directory == NULL) {
        return; /* nothing was ever removed */
    }
    while ((entry = readdir(directory)) != NULL) {
        const uint64_t number = strtoull(entry->d_name, NULL, 10);

        if (number > 0 && !stash_needed(journal, pending, number)) {
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
        }
    }
    (void)closedir(directory);
}

bool sw_journal_compact(const char *path, const char *stash, char ret_why[256])
{
    struct sw_journal journal;
    char beside[PATH_SIZE];
    bool *pending;
    bool good;
    int fd;

    if (!sw_journal_load(path, &journal, ret_why)) {
        return false;
    }
    pending = calloc(journal.count + 1, sizeof *pending);
    assert(pending != NULL);
    sw_journal_pending(&journal, journal.count, pending);
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    good = fd >= 0;
    for (size_t i = 0; good && i < journal.count; i++) {
        if (worth_keeping(&journal.records[i], pending[i])) {
            good = write_record(fd, &journal.records[i]);
        }
    }
    good = fd >= 0 && close(fd) == 0 && good && rename(beside, path) == 0;
    if (good) {
        clean_stash(&journal, pending, stash);
    }
    free(pending);
    sw_journal_release(&journal);
    return good || fail(ret_why, path, "cannot be compacted");
}
