/* Writes and truncations: struck by rules, announced in the journal. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "jepsen/fault/shim.h"

#define EXPORTED __attribute__((visibility("default")))

enum { HERE = -1, PART_COUNT_MAX = 1024 };

/* --- the one way to write --------------------------------------------------------------------- */

struct writing {
    int fd;
    off_t offset; /* HERE = where the file stands */
    struct iovec parts[PART_COUNT_MAX];
    int count;
    uint64_t size; /* of all parts */
};

static ssize_t system_write(const struct writing *w)
{
    if (w->offset == HERE) {
        return syscall(SYS_writev, w->fd, w->parts, w->count);
    }
    return syscall(SYS_pwritev, w->fd, w->parts, w->count, (long)w->offset, 0L);
}

static void trim(struct writing *w, uint64_t size)
{
    uint64_t left = size;
    int count = 0;

    while (count < w->count && left > 0) {
        if (w->parts[count].iov_len > left) {
            w->parts[count].iov_len = left;
        }
        left -= w->parts[count].iov_len;
        count++;
    }
    w->count = count;
    w->size = size - left;
}

static uint64_t place_of(const struct writing *w, int flags, uint64_t file_size)
{
    if (w->offset != HERE) {
        return (uint64_t)w->offset;
    }
    if ((flags & O_APPEND) != 0) {
        return file_size;
    }
    return (uint64_t)syscall(SYS_lseek, w->fd, (off_t)0, SEEK_CUR);
}

/* With the lock: record, change, and for a file that is written through, that it is durable. */
static ssize_t journaled_write(const struct writing *w, const struct sw_shim_file *file, int flags)
{
    struct sw_journal_head head = {
        .kind = SW_JOURNAL_WRITE, .file = file->inode, .length = w->size};
    struct stat info;
    uint8_t *before;
    ssize_t done;

    if (fstat(w->fd, &info) != 0) {
        return -1;
    }
    head.size_before = (uint64_t)info.st_size;
    head.offset = place_of(w, flags, head.size_before);
    before = sw_shim_read_back(w->fd, head.offset, head.length, &head.data_size);
    head.covers = 0;
    head.seq = sw_shim_append(head, NULL, NULL, before);
    free(before);
    done = system_write(w);
    if (done >= 0 && (flags & (O_DSYNC | O_SYNC)) != 0) {
        (void)sw_shim_append((struct sw_journal_head){.kind = SW_JOURNAL_SYNC_ONE,
                                                      .file = file->inode,
                                                      .covers = head.seq},
                             NULL,
                             NULL,
                             NULL);
    }
    return done;
}

/* What the rules leave of a write; false if it fails with errno. */
static bool limit(struct writing *w, const struct sw_shim_file *file, const struct stat *info)
{
    const uint64_t place = place_of(w, fcntl(w->fd, F_GETFL), (uint64_t)info->st_size);
    uint64_t room;

    if (sw_shim_struck(SW_FAULT_FAIL_WRITE, file->class)) {
        errno = sw_shim_error(SW_FAULT_FAIL_WRITE);
        return false;
    }
    if (w->size > 1 && sw_shim_struck(SW_FAULT_SHORT_WRITE, file->class)) {
        const uint64_t most = sw_shim_value(SW_FAULT_SHORT_WRITE);

        trim(w, most == 0 ? 1 : most);
    }
    room = sw_shim_space_take(file->class, (uint64_t)info->st_size, place, w->size);
    if (room == 0 && w->size > 0) {
        errno = ENOSPC;
        return false;
    }
    trim(w, room);
    return true;
}

static ssize_t tracked_write(struct writing *w)
{
    struct sw_shim_file file;
    struct stat info;
    bool dies;
    ssize_t done;

    if (!sw_shim_known(w->fd, &file, &info) || file.directory) {
        return system_write(w);
    }
    if (!limit(w, &file, &info)) {
        return -1;
    }
    dies = sw_shim_struck(SW_FAULT_DIE_WRITE, file.class);
    if (dies) {
        trim(w,
             sw_shim_value(SW_FAULT_DIE_WRITE) < w->size ? sw_shim_value(SW_FAULT_DIE_WRITE)
                                                         : w->size);
    }
    if (sw_shim_journaling() && w->size > 0) {
        sw_shim_lock();
        done = journaled_write(w, &file, fcntl(w->fd, F_GETFL));
        sw_shim_unlock();
    } else {
        done = w->count > 0 ? system_write(w) : 0;
    }
    if (dies) {
        sw_shim_die();
    }
    return done;
}

static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t offset)
{
    struct writing w = {.fd = fd, .offset = offset};

    if (count < 0 || count > PART_COUNT_MAX) {
        errno = EINVAL; /* as the system has it: IOV_MAX */
        return -1;
    }
    for (int i = 0; i < count; i++) {
        w.parts[i] = parts[i];
        w.size += parts[i].iov_len;
    }
    w.count = count;
    return tracked_write(&w);
}

static ssize_t write_bytes(int fd, const void *bytes, size_t size, off_t offset)
{
    union {
        const void *in;
        void *out;
    } base = {.in = bytes}; /* struct iovec serves readers too, so it knows no const */
    const struct iovec part = {.iov_base = base.out, .iov_len = size};

    return write_parts(fd, &part, 1, offset);
}

/* A process has far more writes to sockets and pipes than to files: those go straight through. */
EXPORTED ssize_t write(int fd, const void *bytes, size_t size)
{
    struct sw_shim_file file;
    struct stat info;

    if (!sw_shim_known(fd, &file, &info)) {
        return syscall(SYS_write, fd, bytes, size);
    }
    return write_bytes(fd, bytes, size, HERE);
}

EXPORTED ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return write_parts(fd, parts, count, HERE);
}

EXPORTED ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (offset < 0) {
        errno = EINVAL;
        return -1;
    }
    return write_bytes(fd, bytes, size, offset);
}

EXPORTED ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    return pwrite(fd, bytes, size, offset);
}

EXPORTED ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (offset < 0) {
        errno = EINVAL;
        return -1;
    }
    return write_parts(fd, parts, count, offset);
}

EXPORTED ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return pwritev(fd, parts, count, offset);
}

/* --- truncation ------------------------------------------------------------------------------- */

EXPORTED int ftruncate(int fd, off_t size)
{
    struct sw_shim_file file;
    struct sw_journal_head head = {.kind = SW_JOURNAL_TRUNCATE};
    struct stat info;
    int result;

    if (!sw_shim_known(fd, &file, &info) || !sw_shim_journaling() || size < 0) {
        return (int)syscall(SYS_ftruncate, fd, size);
    }
    sw_shim_lock();
    if (fstat(fd, &info) == 0) {
        uint8_t *before;

        head.file = file.inode;
        head.offset = (uint64_t)size;
        head.size_before = (uint64_t)info.st_size;
        head.length = head.size_before > head.offset ? head.size_before - head.offset : 0;
        before = sw_shim_read_back(fd, head.offset, head.length, &head.data_size);
        (void)sw_shim_append(head, NULL, NULL, before);
        free(before);
    }
    result = (int)syscall(SYS_ftruncate, fd, size);
    sw_shim_unlock();
    return result;
}

EXPORTED int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

/* --- what the journal cannot tell ------------------------------------------------------------- */

/* Harmless on any other file; on a tracked one the run would mean nothing. */
static void must_not_be_tracked(int fd, const char *call)
{
    struct sw_shim_file file;
    struct stat info;

    if (sw_shim_journaling() && sw_shim_known(fd, &file, &info)) {
        sw_shim_give_up("this call on a journaled file is not known", call);
    }
}

EXPORTED int fallocate(int fd, int mode, off_t offset, off_t size)
{
    must_not_be_tracked(fd, "fallocate");
    return (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

EXPORTED int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
    return fallocate(fd, mode, offset, size);
}

EXPORTED int posix_fallocate(int fd, off_t offset, off_t size)
{
    must_not_be_tracked(fd, "posix_fallocate");
    return syscall(SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
}

EXPORTED int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
    return posix_fallocate(fd, offset, size);
}

EXPORTED ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    if (flags == 0 && offset >= 0) {
        return write_parts(fd, parts, count, offset);
    }
    must_not_be_tracked(fd, "pwritev2 with flags");
    return syscall(SYS_pwritev2, fd, parts, (long)count, (long)offset, 0L, (long)flags);
}

EXPORTED ssize_t
pwritev64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags)
{
    return pwritev2(fd, parts, count, offset, flags);
}

EXPORTED ssize_t
splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t size, unsigned flags)
{
    must_not_be_tracked(out, "splice");
    return syscall(SYS_splice, in, in_at, out, out_at, size, (unsigned long)flags);
}

EXPORTED ssize_t sendfile(int out, int in, off_t *offset, size_t size)
{
    must_not_be_tracked(out, "sendfile");
    return syscall(SYS_sendfile, out, in, offset, size);
}

EXPORTED ssize_t sendfile64(int out, int in, off64_t *offset, size_t size)
{
    return sendfile(out, in, offset, size);
}

EXPORTED ssize_t
copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t size, unsigned flags)
{
    must_not_be_tracked(out, "copy_file_range");
    return syscall(SYS_copy_file_range, in, in_at, out, out_at, size, (unsigned long)flags);
}

EXPORTED int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags)
{
    must_not_be_tracked(fd, "sync_file_range");
    return (int)syscall(SYS_sync_file_range, fd, offset, size, (unsigned long)flags);
}

/* Memory that is shared with a file is written without a call. LMDB does it to its lock file, whose
 * bytes mean nothing once no process has it open; to any other file it must not. */
EXPORTED void *mmap(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
    struct sw_shim_file file;
    struct stat info;

    if (fd >= 0 && (access & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0 &&
        sw_shim_journaling() && sw_shim_known(fd, &file, &info)) {
        if (!file.may_map) {
            must_not_be_tracked(fd, "mmap for writing");
        }
        sw_shim_lock();
        (void)sw_shim_append(
            (struct sw_journal_head){.kind = SW_JOURNAL_VOLATILE, .file = file.inode},
            NULL,
            NULL,
            NULL);
        sw_shim_unlock();
    }
    return (void *)syscall(SYS_mmap, at, size, access, flags, fd, offset);
}

EXPORTED void *mmap64(void *at, size_t size, int access, int flags, int fd, off64_t offset)
{
    return mmap(at, size, access, flags, fd, offset);
}
