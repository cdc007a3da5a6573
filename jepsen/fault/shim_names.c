/* Names: files and directories that are made, renamed and removed below the root. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jepsen/fault/shim.h"

#define EXPORTED __attribute__((visibility("default")))

/* --- shared ----------------------------------------------------------------------------------- */

/* The inode of the directory that `path` stands in. */
static uint64_t parent_of(const char *path)
{
    char absolute[SW_SHIM_PATH_SIZE];
    struct stat info;

    sw_shim_absolute(path, absolute);
    *strrchr(absolute, '/') = '\0';
    if (stat(absolute, &info) != 0) {
        return 0; /* then the change fails too */
    }
    return (uint64_t)info.st_ino;
}

/* Below the root and not the root itself, whose name belongs to somebody else. */
static bool tracked(int dir, const char *path, char ret_path[SW_SHIM_PATH_SIZE])
{
    if (sw_shim_page() == NULL || !sw_shim_resolve(dir, path, ret_path) || ret_path[0] == '\0') {
        return false;
    }
    return true;
}

/* Around each change of a name: dies before it, or after it. */
static bool may_die(const char *path)
{
    const bool dies = sw_shim_struck(SW_FAULT_DIE_NAME, sw_shim_class_of(path));

    if (dies && sw_shim_value(SW_FAULT_DIE_NAME) == 0) {
        sw_shim_die();
    }
    return dies;
}

static void note(enum sw_journal_kind kind, const char *path)
{
    (void)sw_shim_append(
        (struct sw_journal_head){.kind = kind, .parent = parent_of(path)}, path, NULL, NULL);
}

static void refuse(int dir, const char *path, const char *call)
{
    char relative[SW_SHIM_PATH_SIZE];

    if (sw_shim_journaling() && tracked(dir, path, relative)) {
        sw_shim_give_up("this call on a journaled name is not known", call);
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

/* With the lock: opening with O_TRUNC is a truncation as well. */
static void note_truncation(const char *path)
{
    struct sw_journal_head head = {.kind = SW_JOURNAL_TRUNCATE};
    char absolute[SW_SHIM_PATH_SIZE];
    struct stat info;
    uint8_t *before;
    long fd;

    sw_shim_absolute(path, absolute);
    fd = syscall(SYS_openat, AT_FDCWD, absolute, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0 && fstat((int)fd, &info) == 0) {
        head.file = (uint64_t)info.st_ino;
        head.size_before = (uint64_t)info.st_size;
        head.length = head.size_before;
        before = sw_shim_read_back((int)fd, 0, head.length, &head.data_size);
        (void)sw_shim_append(head, NULL, NULL, before);
        free(before);
        (void)syscall(SYS_close, (int)fd);
    }
}

static bool is_there(const char *path)
{
    char absolute[SW_SHIM_PATH_SIZE];
    struct stat info;

    sw_shim_absolute(path, absolute);
    return lstat(absolute, &info) == 0;
}

static int open_changing(int dir, const char *path, const char *relative, int flags, mode_t mode)
{
    const bool fresh = !is_there(relative);
    bool dies = false;
    long fd;

    if (fresh && (flags & O_CREAT) != 0) {
        if (sw_shim_space_armed(sw_shim_class_of(relative)) && sw_shim_value(SW_FAULT_SPACE) == 0) {
            errno = ENOSPC;
            return -1;
        }
        dies = may_die(relative);
    }
    if (sw_shim_journaling()) {
        sw_shim_lock();
        if (fresh && (flags & O_CREAT) != 0) {
            note(SW_JOURNAL_CREATE, relative);
        } else if (!fresh && (flags & O_TRUNC) != 0) {
            note_truncation(relative);
        }
        fd = syscall(SYS_openat, dir, path, flags, mode);
        sw_shim_unlock();
    } else {
        fd = syscall(SYS_openat, dir, path, flags, mode);
    }
    if (dies) {
        sw_shim_die();
    }
    return (int)fd;
}

static int tracked_open(int dir, const char *path, int flags, mode_t mode)
{
    char relative[SW_SHIM_PATH_SIZE];
    int fd;

    if (!tracked(dir, path, relative)) {
        fd = (int)syscall(SYS_openat, dir, path, flags, mode);
    } else if ((flags & O_TMPFILE) == O_TMPFILE && sw_shim_journaling()) {
        sw_shim_give_up("this call on a journaled name is not known", "open with O_TMPFILE");
    } else {
        fd = open_changing(dir, path, relative, flags, mode);
    }
    if (fd >= 0 && sw_shim_page() != NULL) {
        const int number = errno;

        sw_shim_learn(fd);
        errno = number;
    }
    return fd;
}

static mode_t mode_of(int flags, va_list rest)
{
    const bool has = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;

    return has ? va_arg(rest, mode_t) : 0;
}

EXPORTED int open(const char *path, int flags, ...)
{
    va_list rest;
    mode_t mode;

    va_start(rest, flags);
    mode = mode_of(flags, rest);
    va_end(rest);
    return tracked_open(AT_FDCWD, path, flags, mode);
}

EXPORTED int openat(int dir, const char *path, int flags, ...)
{
    va_list rest;
    mode_t mode;

    va_start(rest, flags);
    mode = mode_of(flags, rest);
    va_end(rest);
    return tracked_open(dir, path, flags, mode);
}

EXPORTED int creat(const char *path, mode_t mode)
{
    return tracked_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

/* Offsets have 64 bits anyway: the names that say so are the same calls. */
EXPORTED int open64(const char *path, int flags, ...) __attribute__((alias("open")));
EXPORTED int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));
EXPORTED int creat64(const char *path, mode_t mode) __attribute__((alias("creat")));

/* The same calls as the C library's checked headers write them. */
EXPORTED int __open_2(const char *path, int flags);
EXPORTED int __open_2(const char *path, int flags)
{
    return tracked_open(AT_FDCWD, path, flags, 0);
}

EXPORTED int __open64_2(const char *path, int flags) __attribute__((alias("__open_2")));

EXPORTED int __openat_2(int dir, const char *path, int flags);
EXPORTED int __openat_2(int dir, const char *path, int flags)
{
    return tracked_open(dir, path, flags, 0);
}

EXPORTED int __openat64_2(int dir, const char *path, int flags)
    __attribute__((alias("__openat_2")));

/* stdio writes from inside the C library, past the shim. */
static FILE *open_stream(const char *name, const char *path, const char *mode)
{
    FILE *(*real)(const char *, const char *);
    void *found = dlsym(RTLD_NEXT, name);

    if (strpbrk(mode, "wa+") != NULL) {
        refuse(AT_FDCWD, path, "fopen for writing");
    }
    memcpy(&real, &found, sizeof real);
    return real(path, mode);
}

EXPORTED FILE *fopen(const char *path, const char *mode)
{
    return open_stream("fopen", path, mode);
}

EXPORTED FILE *fopen64(const char *path, const char *mode)
{
    return open_stream("fopen64", path, mode);
}

EXPORTED FILE *fdopen(int fd, const char *mode)
{
    static FILE *(*real)(int, const char *);
    struct sw_shim_file file;
    struct stat info;

    if (strpbrk(mode, "wa+") != NULL && sw_shim_journaling() && sw_shim_known(fd, &file, &info)) {
        sw_shim_give_up("this call on a journaled file is not known", "fdopen for writing");
    }
    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "fdopen");

        memcpy(&real, &found, sizeof real);
    }
    return real(fd, mode);
}

EXPORTED int truncate(const char *path, off_t size)
{
    refuse(AT_FDCWD, path, "truncate");
    return (int)syscall(SYS_truncate, path, size);
}

EXPORTED int truncate64(const char *path, off64_t size)
{
    return truncate(path, size);
}

/* --- making, renaming, removing --------------------------------------------------------------- */

EXPORTED int mkdirat(int dir, const char *path, mode_t mode)
{
    char relative[SW_SHIM_PATH_SIZE];
    bool dies;
    int result;

    if (!tracked(dir, path, relative)) {
        return (int)syscall(SYS_mkdirat, dir, path, mode);
    }
    dies = may_die(relative);
    if (sw_shim_journaling() && !is_there(relative)) {
        sw_shim_lock();
        note(SW_JOURNAL_MKDIR, relative);
        result = (int)syscall(SYS_mkdirat, dir, path, mode);
        sw_shim_unlock();
    } else {
        result = (int)syscall(SYS_mkdirat, dir, path, mode);
    }
    if (dies) {
        sw_shim_die();
    }
    return result;
}

EXPORTED int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* With the lock: what the new name stood for goes to the stash. */
static void note_rename(const char *from, const char *to)
{
    struct sw_journal_head head = {.kind = SW_JOURNAL_RENAME, .parent = parent_of(from)};
    char absolute[SW_SHIM_PATH_SIZE];
    struct stat info;

    if (head.parent != parent_of(to)) {
        sw_shim_give_up("a rename from one directory to another is not known", to);
    }
    sw_shim_absolute(from, absolute);
    if (lstat(absolute, &info) == 0) {
        head.file = (uint64_t)info.st_ino;
        head.stash = sw_shim_stash(to, &head.stash_file);
        (void)sw_shim_append(head, from, to, NULL);
    }
}

EXPORTED int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    char from_path[SW_SHIM_PATH_SIZE];
    char to_path[SW_SHIM_PATH_SIZE];
    const bool from_tracked = tracked(from_dir, from, from_path);
    const bool to_tracked = tracked(to_dir, to, to_path);
    bool dies;
    int result;

    if (!from_tracked && !to_tracked) {
        return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
    }
    if (from_tracked != to_tracked && sw_shim_journaling()) {
        sw_shim_give_up("a rename across the root is not known", to);
    }
    dies = may_die(to_tracked ? to_path : from_path);
    if (sw_shim_journaling()) {
        sw_shim_lock();
        note_rename(from_path, to_path);
        result = (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
        sw_shim_unlock();
    } else {
        result = (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
    }
    if (dies) {
        sw_shim_die();
    }
    return result;
}

EXPORTED int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

EXPORTED int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    refuse(to_dir, to, "renameat2");
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

/* With the lock. */
static void note_unlink(const char *path)
{
    struct sw_journal_head head = {.kind = SW_JOURNAL_UNLINK, .parent = parent_of(path)};

    head.stash = sw_shim_stash(path, &head.stash_file);
    head.file = head.stash_file;
    if (head.stash != 0) {
        (void)sw_shim_append(head, path, NULL, NULL);
    }
}

static void give_space_back(const char *path)
{
    char absolute[SW_SHIM_PATH_SIZE];
    struct stat info;

    sw_shim_absolute(path, absolute);
    if (lstat(absolute, &info) == 0 && S_ISREG(info.st_mode)) {
        sw_shim_space_give(sw_shim_class_of(path), (uint64_t)info.st_size);
    }
}

EXPORTED int unlinkat(int dir, const char *path, int flags)
{
    char relative[SW_SHIM_PATH_SIZE];
    bool dies;
    int result;

    if (!tracked(dir, path, relative)) {
        return (int)syscall(SYS_unlinkat, dir, path, flags);
    }
    if ((flags & AT_REMOVEDIR) != 0) {
        refuse(dir, path, "rmdir");
    }
    dies = may_die(relative);
    give_space_back(relative);
    if (sw_shim_journaling()) {
        sw_shim_lock();
        note_unlink(relative);
        result = (int)syscall(SYS_unlinkat, dir, path, flags);
        sw_shim_unlock();
    } else {
        result = (int)syscall(SYS_unlinkat, dir, path, flags);
    }
    if (dies) {
        sw_shim_die();
    }
    return result;
}

EXPORTED int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

EXPORTED int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORTED int remove(const char *path)
{
    struct stat info;

    if (lstat(path, &info) != 0) {
        return -1;
    }
    return unlinkat(AT_FDCWD, path, S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0);
}

/* --- names that the journal cannot tell ------------------------------------------------------- */

EXPORTED int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    refuse(to_dir, to, "link");
    return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

EXPORTED int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORTED int symlinkat(const char *from, int to_dir, const char *to)
{
    refuse(to_dir, to, "symlink");
    return (int)syscall(SYS_symlinkat, from, to_dir, to);
}

EXPORTED int symlink(const char *from, const char *to)
{
    return symlinkat(from, AT_FDCWD, to);
}
