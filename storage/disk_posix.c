/* The disk port over a real directory: openat, pread, pwrite, fdatasync. errno ends here. */
#include "storage/disk_posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"

struct sw_disk_posix {
    struct sw_disk port;
    int directory_fd;
    bool read_only;
};

struct sw_file {
    int fd;
};

static enum sw_err err_of_errno(int number)
{
    switch (number) {
    case ENOENT:
        return SW_ERR_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return SW_ERR_DISK_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return SW_ERR_PERMISSIONS;
    default:
        return SW_ERR_IO;
    }
}

static int directory_of(const struct sw_disk *disk)
{
    const struct sw_disk_posix *self = disk->impl;

    SW_ASSERT(self->directory_fd >= 0);
    return self->directory_fd;
}

static bool name_valid(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static enum sw_err
posix_open(struct sw_disk *disk, const char *name, bool create, struct sw_file **ret_file)
{
    const struct sw_disk_posix *self = disk->impl;
    const int flags = (self->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW |
                      (create && !self->read_only ? O_CREAT : 0);
    struct sw_file *file;
    int fd;

    SW_ASSERT(name_valid(name));
    SW_ASSERT(ret_file != NULL);
    do {
        fd = openat(directory_of(disk), name, flags, 0600);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return err_of_errno(errno);
    }
    file = malloc(sizeof(*file));
    SW_ASSERT(file != NULL);
    file->fd = fd;
    *ret_file = file;
    return SW_ERR_OK;
}

static enum sw_err posix_size(struct sw_disk *disk, struct sw_file *file, uint64_t *ret_size)
{
    struct stat status;

    SW_ASSERT(disk != NULL);
    SW_ASSERT(ret_size != NULL);
    if (fstat(file->fd, &status) != 0) {
        return SW_ERR_IO;
    }
    if (!S_ISREG(status.st_mode)) {
        return SW_ERR_CORRUPT; /* someone put a directory or a device in a file's place */
    }
    *ret_size = (uint64_t)status.st_size;
    return SW_ERR_OK;
}

static enum sw_err
posix_read(struct sw_disk *disk, struct sw_file *file, uint64_t offset, void *out, size_t size)
{
    size_t done = 0;

    SW_ASSERT(disk != NULL);
    SW_ASSERT(out != NULL || size == 0);
    while (done < size) {
        const ssize_t got =
            pread(file->fd, (uint8_t *)out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return SW_ERR_IO;
        }
        if (got == 0) {
            return SW_ERR_CORRUPT; /* the file is shorter than what its owner wrote */
        }
        done += (size_t)got;
    }
    return SW_ERR_OK;
}

static enum sw_err
posix_write(struct sw_disk *disk, struct sw_file *file, uint64_t offset, struct sw_span bytes)
{
    size_t done = 0;

    SW_ASSERT(disk != NULL);
    SW_ASSERT(bytes.data != NULL || bytes.size == 0);
    while (done < bytes.size) {
        const ssize_t put =
            pwrite(file->fd, bytes.data + done, bytes.size - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return err_of_errno(errno) == SW_ERR_DISK_FULL ? SW_ERR_DISK_FULL : SW_ERR_IO;
        }
        if (put == 0) {
            return SW_ERR_IO;
        }
        done += (size_t)put; /* the rest of a short write either fits or says why it does not */
    }
    return SW_ERR_OK;
}

static enum sw_err posix_sync(struct sw_disk *disk, struct sw_file *file)
{
    SW_ASSERT(disk != NULL);
    SW_ASSERT(file->fd >= 0);
    /* Never retried, whatever errno says: the kernel may have marked the pages clean. */
    if (fdatasync(file->fd) != 0) {
        return err_of_errno(errno) == SW_ERR_DISK_FULL ? SW_ERR_DISK_FULL : SW_ERR_IO;
    }
    return SW_ERR_OK;
}

static void posix_close(struct sw_disk *disk, struct sw_file *file)
{
    SW_ASSERT(disk != NULL);
    if (file != NULL) {
        (void)close(file->fd); /* what had to be durable was synced; the rest may be lost */
        free(file);
    }
}

static enum sw_err posix_rename(struct sw_disk *disk, const char *from, const char *to)
{
    const int fd = directory_of(disk);

    SW_ASSERT(name_valid(from));
    SW_ASSERT(name_valid(to));
    return renameat(fd, from, fd, to) == 0 ? SW_ERR_OK : err_of_errno(errno);
}

static enum sw_err posix_remove(struct sw_disk *disk, const char *name)
{
    SW_ASSERT(name_valid(name));
    return unlinkat(directory_of(disk), name, 0) == 0 ? SW_ERR_OK : err_of_errno(errno);
}

static enum sw_err posix_sync_directory(struct sw_disk *disk)
{
    return fsync(directory_of(disk)) == 0 ? SW_ERR_OK : SW_ERR_IO;
}

static enum sw_err
posix_list(struct sw_disk *disk, void (*visit)(void *arg, const char *name), void *arg)
{
    const int fd = openat(directory_of(disk), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;
    DIR *directory;
    int number;

    SW_ASSERT(visit != NULL);
    if (fd < 0) {
        return SW_ERR_IO;
    }
    directory = fdopendir(fd);
    if (directory == NULL) {
        (void)close(fd);
        return SW_ERR_IO;
    }
    for (;;) {
        errno = 0;
        entry = readdir(directory);
        number = errno;
        if (entry == NULL) {
            break;
        }
        if (name_valid(entry->d_name)) {
            visit(arg, entry->d_name);
        }
    }
    (void)closedir(directory);
    return number == 0 ? SW_ERR_OK : SW_ERR_IO;
}

static enum sw_err posix_room(struct sw_disk *disk, uint64_t *ret_size)
{
    struct statvfs info;

    SW_ASSERT(ret_size != NULL);
    if (fstatvfs(directory_of(disk), &info) != 0) {
        return SW_ERR_IO;
    }
    *ret_size = (uint64_t)info.f_bavail * info.f_frsize;
    return SW_ERR_OK;
}

static const struct sw_disk_ops posix_ops = {.open = posix_open,
                                             .size = posix_size,
                                             .read = posix_read,
                                             .write = posix_write,
                                             .sync = posix_sync,
                                             .close = posix_close,
                                             .rename = posix_rename,
                                             .remove = posix_remove,
                                             .sync_directory = posix_sync_directory,
                                             .list = posix_list,
                                             .room = posix_room};

static enum sw_err disk_new(const char *path,
                            bool read_only,
                            struct sw_disk_posix **ret_disk,
                            char ret_why[SW_WHY_SIZE])
{
    struct sw_disk_posix *disk;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    SW_ASSERT(ret_disk != NULL);
    SW_ASSERT(ret_why != NULL);
    if (fd < 0) {
        const int number = errno;
        (void)snprintf(ret_why, SW_WHY_SIZE, "directory %s: %s", path, strerror(number));
        return err_of_errno(number);
    }
    disk = calloc(1, sizeof(*disk));
    SW_ASSERT(disk != NULL);
    disk->port = (struct sw_disk){.impl = disk, .ops = &posix_ops};
    disk->directory_fd = fd;
    disk->read_only = read_only;
    *ret_disk = disk;
    return SW_ERR_OK;
}

enum sw_err
sw_disk_posix_new(const char *path, struct sw_disk_posix **ret_disk, char ret_why[SW_WHY_SIZE])
{
    return disk_new(path, false, ret_disk, ret_why);
}

enum sw_err sw_disk_posix_new_read_only(const char *path,
                                        struct sw_disk_posix **ret_disk,
                                        char ret_why[SW_WHY_SIZE])
{
    return disk_new(path, true, ret_disk, ret_why);
}

struct sw_disk *sw_disk_posix_port(struct sw_disk_posix *disk)
{
    SW_ASSERT(disk != NULL);
    return &disk->port;
}

void sw_disk_posix_free(struct sw_disk_posix *disk)
{
    if (disk != NULL) {
        SW_ASSERT(disk->directory_fd >= 0);
        (void)close(disk->directory_fd);
        free(disk);
    }
}
