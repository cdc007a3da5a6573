/* Which file is it: descriptors are told apart by inode, so a dup or an fd passed on is known too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jepsen/fault/shim.h"

enum { FILE_COUNT_MAX = 4096 };

static struct {
    pthread_mutex_t lock;
    struct sw_shim_file files[FILE_COUNT_MAX];
    uint64_t device; /* of the root; everything below it is on the same */
    size_t count;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- paths ------------------------------------------------------------------------------------ */

static bool below_root(const char *absolute, char ret_path[SW_SHIM_PATH_SIZE])
{
    const struct sw_fault_page *page = sw_shim_page();
    const size_t size = page == NULL ? 0 : strnlen(page->root, sizeof page->root);

    if (size == 0 || strncmp(absolute, page->root, size) != 0 ||
        (absolute[size] != '/' && absolute[size] != '\0')) {
        return false;
    }
    (void)snprintf(ret_path, SW_SHIM_PATH_SIZE, "%s", absolute + size + (absolute[size] == '/'));
    return true;
}

static bool path_of_fd(int fd, char ret_path[SW_SHIM_PATH_SIZE])
{
    char link[64];
    ssize_t size;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, ret_path, SW_SHIM_PATH_SIZE - 1);
    ret_path[size > 0 ? size : 0] = '\0';
    return size > 0;
}

/* Takes "." and ".." out of an absolute path, by its letters: there are no links below a root. */
static void normalize(char *path)
{
    char *out = path;
    char *rest = path;

    while (*rest != '\0') {
        size_t size = strcspn(rest + 1, "/") + 1; /* with the slash in front */

        if (size == 3 && strncmp(rest, "/..", 3) == 0) {
            while (out > path && *--out != '/') {
            }
        } else if (size > 1 && !(size == 2 && rest[1] == '.')) {
            memmove(out, rest, size);
            out += size;
        }
        rest += size;
    }
    *out = '\0';
}

bool sw_shim_resolve(int dir, const char *path, char ret_path[SW_SHIM_PATH_SIZE])
{
    char absolute[SW_SHIM_PATH_SIZE * 2];
    char base[SW_SHIM_PATH_SIZE];

    if (path[0] == '/') {
        (void)snprintf(absolute, sizeof absolute, "%s", path);
        normalize(absolute);
        return below_root(absolute, ret_path);
    }
    if (dir == AT_FDCWD ? getcwd(base, sizeof base) == NULL : !path_of_fd(dir, base)) {
        return false;
    }
    (void)snprintf(absolute, sizeof absolute, "%s/%s", base, path);
    normalize(absolute);
    return below_root(absolute, ret_path);
}

void sw_shim_absolute(const char *path, char ret_path[SW_SHIM_PATH_SIZE])
{
    const int size = snprintf(ret_path, SW_SHIM_PATH_SIZE, "%s/%s", sw_shim_page()->root, path);

    if (size < 0 || size >= SW_SHIM_PATH_SIZE) {
        sw_shim_give_up("too long a path", path);
    }
}

uint32_t sw_shim_class_of(const char *path)
{
    if (strncmp(path, "wal/", 4) == 0 || strstr(path, "/wal/") != NULL) {
        return SW_FAULT_WAL;
    }
    if (strncmp(path, "state/", 6) == 0 || strstr(path, "/state/") != NULL) {
        return SW_FAULT_STORE;
    }
    return SW_FAULT_OTHER;
}

/* --- descriptors ------------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    const size_t text_size = strlen(text);
    const size_t end_size = strlen(end);

    return text_size >= end_size && strcmp(text + text_size - end_size, end) == 0;
}

static struct sw_shim_file *find(uint64_t inode)
{
    for (size_t i = 0; i < known.count; i++) {
        if (known.files[i].inode == inode) {
            return &known.files[i];
        }
    }
    return NULL;
}

static bool is_directory(const struct stat *info)
{
    return S_ISDIR(info->st_mode);
}

void sw_shim_learn(int fd)
{
    char absolute[SW_SHIM_PATH_SIZE];
    char path[SW_SHIM_PATH_SIZE];
    struct sw_shim_file *file;
    struct stat info;

    if (!path_of_fd(fd, absolute) || !below_root(absolute, path) || fstat(fd, &info) != 0 ||
        (!S_ISREG(info.st_mode) && !is_directory(&info))) {
        return;
    }
    if (is_directory(&info)) { /* a directory is of the kind that its files are */
        (void)snprintf(path + strlen(path), 2, "/");
    }
    (void)pthread_mutex_lock(&known.lock);
    known.device = (uint64_t)info.st_dev;
    file = find((uint64_t)info.st_ino); /* an inode may come back as another file */
    if (file == NULL && known.count == FILE_COUNT_MAX) {
        sw_shim_give_up("too many files", path);
    }
    if (file == NULL) {
        file = &known.files[known.count++];
    }
    *file = (struct sw_shim_file){.inode = (uint64_t)info.st_ino,
                                  .class = sw_shim_class_of(path),
                                  .directory = is_directory(&info),
                                  .may_map = ends_with(path, "lock.mdb")};
    (void)pthread_mutex_unlock(&known.lock);
}

bool sw_shim_known(int fd, struct sw_shim_file *ret_file, struct stat *ret_info)
{
    const struct sw_shim_file *file = NULL;

    if (sw_shim_page() == NULL || fd < 0 || fstat(fd, ret_info) != 0 ||
        (!S_ISREG(ret_info->st_mode) && !is_directory(ret_info))) {
        return false;
    }
    (void)pthread_mutex_lock(&known.lock);
    if ((uint64_t)ret_info->st_dev == known.device) {
        file = find((uint64_t)ret_info->st_ino);
    }
    if (file != NULL) {
        *ret_file = *file;
    }
    (void)pthread_mutex_unlock(&known.lock);
    return file != NULL;
}
