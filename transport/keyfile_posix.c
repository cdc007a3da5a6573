/* Key files on disk: exclusive durable creation, and strict checks before reading a secret. */
#include "transport/keyfile_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

static const char prefix_secret[] = "swarm-key-v1 secret ";
static const char prefix_public[] = "swarm-key-v1 public ";

enum {
    PREFIX_SIZE = sizeof(prefix_secret) - 1,
    LINE_SIZE = PREFIX_SIZE + SW_KEY_TEXT_SIZE, /* prefix, base64, newline */
};

static_assert(sizeof(prefix_secret) == sizeof(prefix_public), "one line size for both kinds");

__attribute__((format(printf, 3, 4))) static enum sw_err
fail(enum sw_err err, char why[SW_WHY_SIZE], const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(why, SW_WHY_SIZE, format, list);
    va_end(list);
    return err;
}

static enum sw_err error_of_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return SW_ERR_KEY_MISSING;
    case EACCES:
    case EPERM:
    case ELOOP:
    case EROFS:
        return SW_ERR_PERMISSIONS;
    case EEXIST:
        return SW_ERR_CONFLICT;
    case ENOSPC:
    case EDQUOT:
        return SW_ERR_DISK_FULL;
    default:
        return SW_ERR_IO;
    }
}

static enum sw_err sync_directory_of(const char *path)
{
    char copy[PATH_MAX];
    int fd;
    int failed;

    if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy)) {
        return SW_ERR_IO;
    }
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return SW_ERR_IO;
    }
    failed = fsync(fd);
    (void)close(fd);
    return failed == 0 ? SW_ERR_OK : SW_ERR_IO;
}

static enum sw_err write_all(int fd, const char *line)
{
    size_t done = 0;

    while (done < LINE_SIZE) {
        const ssize_t wrote = write(fd, line + done, LINE_SIZE - done);

        if (wrote < 0 && errno != EINTR) {
            return error_of_errno(errno);
        }
        done += wrote < 0 ? 0 : (size_t)wrote;
    }
    return fsync(fd) == 0 ? SW_ERR_OK : SW_ERR_IO;
}

static enum sw_err save(const char *path,
                        mode_t mode,
                        const char *prefix,
                        const uint8_t key[SW_KEY_SIZE],
                        char why[SW_WHY_SIZE])
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    char *line;
    enum sw_err err;

    if (fd < 0) {
        return fail(error_of_errno(errno), why, "cannot create %.80s: %s", path, strerror(errno));
    }
    line = sw_secret_new(LINE_SIZE + 1);
    memcpy(line, prefix, PREFIX_SIZE);
    sw_key_format(key, line + PREFIX_SIZE);
    line[LINE_SIZE - 1] = '\n';
    err = write_all(fd, line);
    sw_secret_free(line);
    /* The umask may have taken bits away; it can never have added any. */
    if (close(fd) != 0 && err == SW_ERR_OK) {
        err = SW_ERR_IO;
    }
    if (err == SW_ERR_OK) {
        err = sync_directory_of(path);
    }
    if (err != SW_ERR_OK) {
        (void)unlink(path);
        return fail(err, why, "cannot write %.80s: %s", path, sw_err_text(err));
    }
    return SW_ERR_OK;
}

enum sw_err
sw_keyfile_save_secret(const char *path, const struct sw_keypair *keys, char ret_why[SW_WHY_SIZE])
{
    return save(path, 0600, prefix_secret, keys->secret, ret_why);
}

enum sw_err
sw_keyfile_save_public(const char *path, const struct sw_public_key *key, char ret_why[SW_WHY_SIZE])
{
    return save(path, 0644, prefix_public, key->bytes, ret_why);
}

static enum sw_err check_secret_file(int fd, const char *path, char why[SW_WHY_SIZE])
{
    struct stat info;

    if (fstat(fd, &info) != 0) {
        return fail(SW_ERR_IO, why, "cannot examine %.80s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return fail(SW_ERR_PERMISSIONS, why, "%.80s is not a regular file", path);
    }
    if (info.st_uid != geteuid() && info.st_uid != 0) {
        return fail(SW_ERR_PERMISSIONS,
                    why,
                    "%.60s is owned by uid %lu, not by this user; run: chown %lu %.60s",
                    path,
                    (unsigned long)info.st_uid,
                    (unsigned long)geteuid(),
                    path);
    }
    if ((info.st_mode & 077) != 0) {
        return fail(SW_ERR_PERMISSIONS,
                    why,
                    "%.55s has mode %04o, open to others; run: chmod 600 %.55s",
                    path,
                    (unsigned)(info.st_mode & 07777),
                    path);
    }
    return SW_ERR_OK;
}

/* Reads the whole file into `line` (LINE_SIZE + 1 bytes); `*ret_size` is LINE_SIZE + 1 if longer.
 */
static enum sw_err read_line(int fd, char *line, size_t *ret_size)
{
    size_t size = 0;

    while (size < LINE_SIZE + 1) {
        const ssize_t got = read(fd, line + size, LINE_SIZE + 1 - size);

        if (got < 0 && errno != EINTR) {
            return SW_ERR_IO;
        }
        if (got == 0) {
            break;
        }
        size += got < 0 ? 0 : (size_t)got;
    }
    *ret_size = size;
    return SW_ERR_OK;
}

static enum sw_err
load(const char *path, const char *prefix, uint8_t ret_key[SW_KEY_SIZE], char why[SW_WHY_SIZE])
{
    const bool secret = prefix == prefix_secret;
    /* O_NONBLOCK: opening a FIFO must not hang the start. */
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (secret ? O_NOFOLLOW : 0);
    const int fd = open(path, flags);
    char *line = sw_secret_new(LINE_SIZE + 1);
    size_t size = 0;
    enum sw_err err;

    if (fd < 0) {
        err = fail(error_of_errno(errno), why, "cannot open %.80s: %s", path, strerror(errno));
        goto out;
    }
    err = secret ? check_secret_file(fd, path, why) : SW_ERR_OK;
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = read_line(fd, line, &size);
    if (err != SW_ERR_OK) {
        (void)fail(err, why, "cannot read %.80s", path);
        goto out;
    }
    if (size == LINE_SIZE && line[size - 1] == '\n') {
        size--; /* the newline may be missing, nothing else */
    }
    if (size != LINE_SIZE - 1 || memcmp(line, prefix, PREFIX_SIZE) != 0 ||
        sw_key_parse(sw_span_of(line + PREFIX_SIZE, size - PREFIX_SIZE), ret_key) != SW_ERR_OK) {
        err = fail(SW_ERR_CONFIG,
                   why,
                   "%.80s does not hold \"%.*s<base64>\"",
                   path,
                   (int)PREFIX_SIZE,
                   prefix);
    }
out:
    sw_secret_free(line);
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

enum sw_err
sw_keyfile_load_secret(const char *path, struct sw_keypair **ret_keys, char ret_why[SW_WHY_SIZE])
{
    struct sw_keypair *keys = sw_secret_new(sizeof(*keys));
    const enum sw_err err = load(path, prefix_secret, keys->secret, ret_why);

    if (err != SW_ERR_OK) {
        sw_secret_free(keys);
        return err;
    }
    sw_keypair_complete(keys);
    *ret_keys = keys;
    return SW_ERR_OK;
}

enum sw_err
sw_keyfile_load_public(const char *path, struct sw_public_key *ret_key, char ret_why[SW_WHY_SIZE])
{
    struct sw_public_key key;
    const enum sw_err err = load(path, prefix_public, key.bytes, ret_why);

    if (err == SW_ERR_OK) {
        *ret_key = key;
    }
    return err;
}
