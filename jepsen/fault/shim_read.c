/* Reads of tracked files that fail, and how much room the disk says it has. */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jepsen/fault/shim.h"

#define EXPORTED __attribute__((visibility("default")))

static bool read_struck(int fd)
{
    struct sw_shim_file file;
    struct stat info;
    const struct sw_fault_page *page = sw_shim_page();

    if (page == NULL || page->rules[SW_FAULT_FAIL_READ].times == 0 ||
        !sw_shim_known(fd, &file, &info) || !sw_shim_struck(SW_FAULT_FAIL_READ, file.class)) {
        return false;
    }
    errno = sw_shim_error(SW_FAULT_FAIL_READ);
    return true;
}

EXPORTED ssize_t read(int fd, void *bytes, size_t size)
{
    return read_struck(fd) ? -1 : syscall(SYS_read, fd, bytes, size);
}

EXPORTED ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
    return read_struck(fd) ? -1 : syscall(SYS_pread64, fd, bytes, size, offset);
}

EXPORTED ssize_t pread64(int fd, void *bytes, size_t size, off64_t offset)
{
    return pread(fd, bytes, size, offset);
}

/* A full disk says that it is full before anyone writes. */
static void tell_space(struct statvfs *info)
{
    const uint64_t left = sw_shim_value(SW_FAULT_SPACE);
    const uint64_t unit = info->f_frsize == 0 ? 4096 : info->f_frsize;

    if (left / unit < info->f_bavail) {
        info->f_bavail = left / unit;
        info->f_bfree = left / unit;
    }
}

EXPORTED int fstatvfs(int fd, struct statvfs *ret_info)
{
    static int (*real)(int, struct statvfs *);
    struct sw_shim_file file;
    struct stat info;
    int result;

    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "fstatvfs");

        memcpy(&real, &found, sizeof real);
    }
    result = real(fd, ret_info);
    if (result == 0 && sw_shim_known(fd, &file, &info) && sw_shim_space_armed(file.class)) {
        tell_space(ret_info);
    }
    return result;
}

EXPORTED int fstatvfs64(int fd, struct statvfs64 *ret_info)
{
    static_assert(sizeof(struct statvfs64) == sizeof(struct statvfs), "64-bit systems only");
    union {
        struct statvfs64 *wide;
        struct statvfs *plain;
    } out = {.wide = ret_info};

    return fstatvfs(fd, out.plain);
}
