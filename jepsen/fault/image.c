/* A directory in memory: reading one, changing it, writing it out. */
#include "jepsen/fault/image.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jepsen/fault/journal.h"

enum { PATH_SIZE = 1400 };

static bool fail(char ret_why[256], const char *path)
{
    (void)snprintf(ret_why, 256, "%.160s: %s", path, strerror(errno));
    return false;
}

static bool is_full(size_t count)
{
    return (count & (count + 1)) == 0; /* 0, 1, 3, 7 ... */
}

/* --- files and names -------------------------------------------------------------------------- */

struct sw_image_file *sw_image_file(const struct sw_image *image, uint64_t inode)
{
    for (size_t i = 0; i < image->file_count; i++) {
        if (image->files[i].inode == inode) {
            return &image->files[i];
        }
    }
    return NULL;
}

struct sw_image_name *sw_image_name(const struct sw_image *image, const char *path)
{
    for (size_t i = 0; i < image->name_count; i++) {
        if (strcmp(image->names[i].path, path) == 0) {
            return &image->names[i];
        }
    }
    return NULL;
}

static void add_file(struct sw_image *image, struct sw_image_file file)
{
    if (is_full(image->file_count)) {
        image->files = realloc(image->files, (image->file_count * 2 + 1) * sizeof *image->files);
        assert(image->files != NULL);
    }
    image->files[image->file_count++] = file;
}

void sw_image_link(struct sw_image *image, const char *path, uint64_t inode)
{
    struct sw_image_name *name = sw_image_name(image, path);

    if (name != NULL) {
        name->inode = inode;
        return;
    }
    if (is_full(image->name_count)) {
        image->names = realloc(image->names, (image->name_count * 2 + 1) * sizeof *image->names);
        assert(image->names != NULL);
    }
    name = &image->names[image->name_count++];
    *name = (struct sw_image_name){.path = strdup(path), .inode = inode};
    assert(name->path != NULL);
}

void sw_image_unlink(struct sw_image *image, const char *path)
{
    struct sw_image_name *name = sw_image_name(image, path);

    if (name != NULL) {
        free(name->path);
        *name = image->names[--image->name_count];
    }
}

void sw_image_resize(struct sw_image_file *file, uint64_t size)
{
    if (size > file->size) {
        file->bytes = realloc(file->bytes, size);
        assert(file->bytes != NULL);
        memset(file->bytes + file->size, 0, size - file->size);
    }
    file->size = size;
}

void sw_image_copy(const struct sw_image *image, struct sw_image *ret_copy)
{
    *ret_copy = (struct sw_image){0};
    for (size_t i = 0; i < image->file_count; i++) {
        struct sw_image_file file = image->files[i];

        file.bytes = NULL;
        file.size = 0;
        sw_image_resize(&file, image->files[i].size);
        if (file.size > 0) {
            memcpy(file.bytes, image->files[i].bytes, file.size);
        }
        add_file(ret_copy, file);
    }
    for (size_t i = 0; i < image->name_count; i++) {
        sw_image_link(ret_copy, image->names[i].path, image->names[i].inode);
    }
}

void sw_image_release(struct sw_image *image)
{
    for (size_t i = 0; i < image->file_count; i++) {
        free(image->files[i].bytes);
    }
    for (size_t i = 0; i < image->name_count; i++) {
        free(image->names[i].path);
    }
    free(image->files);
    free(image->names);
    *image = (struct sw_image){0};
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_bytes(int dir, const char *name, struct sw_image_file *file, char ret_why[256])
{
    const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    uint64_t done = 0;

    if (fd < 0) {
        return fail(ret_why, name);
    }
    while (done < file->size) {
        const ssize_t got = read(fd, file->bytes + done, file->size - done);

        if (got <= 0) {
            (void)close(fd);
            return fail(ret_why, name);
        }
        done += (uint64_t)got;
    }
    (void)close(fd);
    return true;
}

static bool load_folder(struct sw_image *image, int dir, const char *prefix, char ret_why[256]);

/* One entry of the directory `dir`; with no prefix it is a file of the stash and gets no name. */
static bool
load_entry(struct sw_image *image, int dir, const char *name, const char *prefix, char ret_why[256])
{
    struct sw_image_file file = {0};
    char path[PATH_SIZE];
    struct stat info;
    bool good = true;

    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return fail(ret_why, name);
    }
    file.inode = (uint64_t)info.st_ino;
    file.directory = S_ISDIR(info.st_mode);
    if (!file.directory) {
        sw_image_resize(&file, (uint64_t)info.st_size);
        good = read_bytes(dir, name, &file, ret_why);
    }
    add_file(image, file);
    if (prefix == NULL || !good) {
        return good;
    }
    (void)snprintf(path, sizeof path, "%s%s", prefix, name);
    sw_image_link(image, path, file.inode);
    if (file.directory) {
        const int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        (void)snprintf(path, sizeof path, "%s%s/", prefix, name);
        good = fd < 0 ? fail(ret_why, path) : load_folder(image, fd, path, ret_why);
    }
    return good;
}

/* Closes `dir`. */
static bool load_folder(struct sw_image *image, int dir, const char *prefix, char ret_why[256])
{
    DIR *directory = fdopendir(dir);
    const struct dirent *entry;
    bool good = directory != NULL || fail(ret_why, prefix == NULL ? "stash" : prefix);

    while (good && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            good = load_entry(image, dirfd(directory), entry->d_name, prefix, ret_why);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return good;
}

bool sw_image_load(const char *root, struct sw_image *ret_image, char ret_why[256])
{
    char stash[PATH_SIZE];
    int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good;

    *ret_image = (struct sw_image){0};
    good = dir < 0 ? fail(ret_why, root) : load_folder(ret_image, dir, "", ret_why);
    (void)snprintf(stash, sizeof stash, "%s" SW_STASH_SUFFIX, root);
    dir = open(stash, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (good && dir >= 0) {
        good = load_folder(ret_image, dir, NULL, ret_why);
    }
    if (!good) {
        sw_image_release(ret_image);
    }
    return good;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool has_home(const struct sw_image *image, const char *path)
{
    char parent[PATH_SIZE];
    char *slash;

    (void)snprintf(parent, sizeof parent, "%s", path);
    while ((slash = strrchr(parent, '/')) != NULL) {
        *slash = '\0';
        if (sw_image_name(image, parent) == NULL) {
            return false;
        }
    }
    return true;
}

static bool store_file(int dir, const char *path, const struct sw_image_file *file)
{
    const int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    uint64_t done = 0;

    if (fd < 0) {
        return false;
    }
    while (done < file->size) {
        const ssize_t put = write(fd, file->bytes + done, file->size - done);

        if (put <= 0) {
            break;
        }
        done += (uint64_t)put;
    }
    return close(fd) == 0 && done == file->size;
}

static int by_path(const void *a, const void *b)
{
    const struct sw_image_name *x = a;
    const struct sw_image_name *y = b;

    return strcmp(x->path, y->path);
}

bool sw_image_store(const struct sw_image *image, const char *root, char ret_why[256])
{
    bool good;
    int dir;

    /* A directory sorts before what it holds. */
    if (image->name_count > 0) {
        qsort(image->names, image->name_count, sizeof *image->names, by_path);
    }
    good = mkdir(root, 0700) == 0;
    dir = good ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    for (size_t i = 0; good && i < image->name_count; i++) {
        const struct sw_image_name *name = &image->names[i];
        const struct sw_image_file *file = sw_image_file(image, name->inode);

        if (has_home(image, name->path)) {
            assert(file != NULL);
            good = file->directory ? mkdirat(dir, name->path, 0700) == 0
                                   : store_file(dir, name->path, file);
        }
    }
    if (!good) {
        (void)fail(ret_why, root);
    }
    if (dir >= 0) {
        (void)close(dir);
    }
    return good;
}
