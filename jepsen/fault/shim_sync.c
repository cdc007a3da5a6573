/* Syncs: slow, failing, or the last thing a process does; and what each of them made durable. */
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "jepsen/fault/shim.h"

#define EXPORTED __attribute__((visibility("default")))

static void slow_down(const struct sw_shim_file *file)
{
    if (sw_shim_struck(SW_FAULT_SLOW_SYNC, file->class)) {
        const uint64_t us = sw_shim_value(SW_FAULT_SLOW_SYNC);
        const struct timespec wait = {.tv_sec = (time_t)(us / 1000000),
                                      .tv_nsec = (long)(us % 1000000) * 1000};

        (void)syscall(SYS_nanosleep, &wait, NULL);
    }
}

static void note(enum sw_journal_kind kind, uint64_t file, uint64_t covers)
{
    if (sw_shim_journaling()) {
        sw_shim_lock();
        (void)sw_shim_append((struct sw_journal_head){.kind = kind, .file = file, .covers = covers},
                             NULL,
                             NULL,
                             NULL);
        sw_shim_unlock();
    }
}

/* What is written while a sync runs is not covered by it. */
static uint64_t covered(void)
{
    uint64_t seq = 0;

    if (sw_shim_journaling()) {
        sw_shim_lock();
        seq = sw_shim_seq();
        sw_shim_unlock();
    }
    return seq;
}

static int tracked_sync(long call, int fd)
{
    struct sw_shim_file file;
    struct stat info;
    uint64_t covers;
    bool dies;
    int result;

    if (!sw_shim_known(fd, &file, &info)) {
        return (int)syscall(call, fd);
    }
    slow_down(&file);
    covers = covered();
    dies = sw_shim_struck(SW_FAULT_DIE_SYNC, file.class);
    if (dies && sw_shim_value(SW_FAULT_DIE_SYNC) == 0) {
        sw_shim_die();
    }
    if (sw_shim_struck(SW_FAULT_FAIL_SYNC, file.class)) {
        note(SW_JOURNAL_SYNC_FAILED, file.inode, covers);
        errno = sw_shim_error(SW_FAULT_FAIL_SYNC);
        return -1;
    }
    result = (int)syscall(call, fd);
    note(result == 0 ? SW_JOURNAL_SYNC : SW_JOURNAL_SYNC_FAILED, file.inode, covers);
    if (dies) {
        sw_shim_die();
    }
    return result;
}

EXPORTED int fsync(int fd)
{
    return tracked_sync(SYS_fsync, fd);
}

EXPORTED int fdatasync(int fd)
{
    return tracked_sync(SYS_fdatasync, fd);
}

EXPORTED void sync(void)
{
    if (sw_shim_journaling()) {
        sw_shim_give_up("this call under a journal is not known", "sync");
    }
    (void)syscall(SYS_sync);
}

EXPORTED int syncfs(int fd)
{
    if (sw_shim_journaling()) {
        sw_shim_give_up("this call under a journal is not known", "syncfs");
    }
    return (int)syscall(SYS_syncfs, fd);
}
