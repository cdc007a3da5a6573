/* The data directory: lock, identity, layout, and the one start that may find it empty. */
#include "node/identity_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/first_start.h"
#include "base/text.h"
#include "storage/disk_posix.h"
#include "storage/wal_scan.h"

enum { TEXT_SIZE_MAX = SW_FIRST_START_SIZE_MAX };

struct sw_identity {
    int dir;
    int lock;
    bool first; /* the marker is there */
    char wal_dir[PATH_MAX];
    char state_dir[PATH_MAX];
};

static enum sw_err err_of(int number)
{
    switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
        return SW_ERR_PERMISSIONS;
    case ENOSPC:
    case EDQUOT:
        return SW_ERR_DISK_FULL;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return SW_ERR_CONFIG;
    default:
        return SW_ERR_IO;
    }
}

static enum sw_err fail(const char *what, const char *path, char *ret_why)
{
    const int number = errno;

    (void)snprintf(ret_why, SW_WHY_SIZE, "%s %.90s: %s", what, path, strerrordesc_np(number));
    return err_of(number);
}

/* --- the text --------------------------------------------------------------------------------- */

static uint64_t sum_of(const char *text, size_t size)
{
    return XXH3_64bits(text, size);
}

static size_t print(struct sw_swarm_id swarm, struct sw_node_id node, char out[TEXT_SIZE_MAX])
{
    int at = snprintf(out, TEXT_SIZE_MAX, "swarmstore-identity %d\nswarm ", SW_IDENTITY_FORMAT);
    uint64_t sum;

    for (size_t i = 0; i < sizeof swarm.bytes; i++) {
        at += snprintf(out + at, (size_t)(TEXT_SIZE_MAX - at), "%02x", swarm.bytes[i]);
    }
    at += snprintf(
        out + at, (size_t)(TEXT_SIZE_MAX - at), "\nnode %llu\n", (unsigned long long)node.value);
    sum = sum_of(out, (size_t)at);
    at +=
        snprintf(out + at, (size_t)(TEXT_SIZE_MAX - at), "sum %016llx\n", (unsigned long long)sum);
    SW_ASSERT(at < TEXT_SIZE_MAX);
    return (size_t)at;
}

/* The last line, from `sum_line` to the end, is the sum of everything before it. */
static bool sum_holds(const char *text, size_t size, const char *sum_line)
{
    const size_t before = (size_t)(sum_line - text);
    char want[32];
    const int want_size =
        snprintf(want, sizeof want, "sum %016llx\n", (unsigned long long)sum_of(text, before));

    return size - before == (size_t)want_size && memcmp(sum_line, want, (size_t)want_size) == 0;
}

/* The format number is read first and alone: a newer format may have other lines after it. */
static enum sw_err check_text(
    const char *text, size_t size, struct sw_swarm_id swarm, struct sw_node_id node, char *ret_why)
{
    static const char magic[] = "swarmstore-identity ";
    char want[TEXT_SIZE_MAX];
    const size_t want_size = print(swarm, node, want);
    const char *first_line = strchr(text, '\n');
    const char *sum_line;
    char *end;
    long format;

    if (first_line == NULL || strncmp(text, magic, sizeof magic - 1) != 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the identity file is no identity file");
        return SW_ERR_CORRUPT;
    }
    format = strtol(text + sizeof magic - 1, &end, 10);
    if (end != first_line || format <= 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the identity file names no format");
        return SW_ERR_CORRUPT;
    }
    if (format > SW_IDENTITY_FORMAT) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "the data directory has format %ld, this version knows %d",
                       format,
                       SW_IDENTITY_FORMAT);
        return SW_ERR_NEWER_FORMAT;
    }
    sum_line = strstr(text, "\nsum ");
    if (sum_line == NULL || !sum_holds(text, size, sum_line + 1)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the identity file fails its checksum");
        return SW_ERR_CORRUPT;
    }
    if (size != want_size || memcmp(text, want, size) != 0) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "the data directory says \"%.*s\", the configuration says node %llu%s",
                       (int)(sum_line - first_line > 90 ? 90 : sum_line - first_line),
                       first_line,
                       (unsigned long long)node.value,
                       " (or another swarm)");
        for (char *c = ret_why; *c != '\0'; c++) { /* one line */
            if (*c == '\n') {
                *c = ' ';
            }
        }
        return SW_ERR_STRANGER;
    }
    return SW_ERR_OK;
}

/* --- files ------------------------------------------------------------------------------------ */

static enum sw_err write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t count = write(fd, text, size);

        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return err_of(errno);
        }
        text += count;
        size -= (size_t)count;
    }
    return SW_ERR_OK;
}

/* Written beside and renamed, so that a crash leaves the whole file or none. */
static enum sw_err write_file(
    struct sw_identity *identity, const char *name, const char *text, size_t size, char *ret_why)
{
    char beside[32];
    int fd;
    enum sw_err err = SW_ERR_OK;

    (void)snprintf(beside, sizeof beside, "%s.new", name);
    fd = openat(identity->dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail("cannot create", beside, ret_why);
    }
    err = write_all(fd, text, size);
    if (err == SW_ERR_OK && fsync(fd) != 0) {
        err = SW_ERR_IO;
    }
    if (close(fd) != 0 && err == SW_ERR_OK) {
        err = SW_ERR_IO;
    }
    if (err != SW_ERR_OK) {
        (void)fail("cannot write", beside, ret_why);
        return err;
    }
    if (renameat(identity->dir, beside, identity->dir, name) != 0 || fsync(identity->dir) != 0) {
        return fail("cannot keep", name, ret_why);
    }
    return SW_ERR_OK;
}

static bool exists(const struct sw_identity *identity, const char *name)
{
    struct stat info;

    return fstatat(identity->dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum sw_err read_file(struct sw_identity *identity,
                             const char *name,
                             char text[TEXT_SIZE_MAX],
                             size_t *ret_size,
                             char *ret_why)
{
    const int fd = openat(identity->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t size;

    if (fd < 0 && errno == ENOENT) {
        return SW_ERR_NOT_FOUND;
    }
    if (fd < 0) {
        return fail("cannot open", name, ret_why);
    }
    size = read(fd, text, TEXT_SIZE_MAX - 1);
    (void)close(fd);
    if (size < 0) {
        return fail("cannot read", name, ret_why);
    }
    text[size] = '\0';
    *ret_size = (size_t)size;
    return SW_ERR_OK;
}

/* --- may it start? ---------------------------------------------------------------------------- */

struct found {
    bool identity;
    bool marker;
};

/* Both texts, if they are there, name this swarm and node. */
static enum sw_err read_texts(struct sw_identity *identity,
                              const struct sw_identity_config *config,
                              struct found *ret_found,
                              char *ret_why)
{
    char text[TEXT_SIZE_MAX];
    size_t size = 0;
    enum sw_err err = read_file(identity, "identity", text, &size, ret_why);

    ret_found->identity = err == SW_ERR_OK;
    if (err == SW_ERR_OK) {
        err = check_text(text, size, config->swarm, config->node, ret_why);
    }
    if (err != SW_ERR_OK && err != SW_ERR_NOT_FOUND) {
        return err;
    }
    err = read_file(identity, SW_FIRST_START_NAME, text, &size, ret_why);
    ret_found->marker = err == SW_ERR_OK;
    if (err == SW_ERR_OK) {
        err = sw_first_start_check(text, config->swarm, config->node, ret_why);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

static enum sw_err log_gone(const struct sw_identity_config *config, char *ret_why)
{
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "%.80s: the identity says that this node has run, but its log is gone",
                   config->data_dir);
    return SW_ERR_DATA_MISSING;
}

/* Changes nothing. */
static enum sw_err judge(struct sw_identity *identity,
                         const struct sw_identity_config *config,
                         struct found *ret_found,
                         char *ret_why)
{
    const enum sw_err err = read_texts(identity, config, ret_found, ret_why);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (ret_found->identity && !ret_found->marker && config->first_start) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.80s: this node has run before: start it without --first-start",
                       config->data_dir);
        return SW_ERR_CONFIG;
    }
    if (ret_found->identity) {
        return ret_found->marker || exists(identity, "wal") ? SW_ERR_OK : log_gone(config, ret_why);
    }
    if (exists(identity, "wal") || exists(identity, "state")) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "there is data, but the identity file is gone");
        return SW_ERR_CORRUPT;
    }
    if (!ret_found->marker && !config->first_start) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.90s is empty: this node's earlier data is not here",
                       config->data_dir);
        return SW_ERR_DATA_MISSING;
    }
    return SW_ERR_OK;
}

/* An emptied directory of the log would be taken for a new one. */
static enum sw_err
check_log(struct sw_identity *identity, const struct sw_identity_config *config, char *ret_why)
{
    struct sw_disk_posix *disk = NULL;
    struct sw_wal_catalog catalog;
    enum sw_err err = sw_disk_posix_new_read_only(identity->wal_dir, &disk, ret_why);

    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_wal_catalog_read(
        sw_disk_posix_port(disk), config->swarm, config->node, &catalog, ret_why);
    if (err == SW_ERR_OK && catalog.fresh) {
        err = log_gone(config, ret_why);
    }
    sw_wal_catalog_release(&catalog);
    sw_disk_posix_free(disk);
    return err;
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum sw_err take_lock(struct sw_identity *identity, const char *data_dir, char *ret_why)
{
    char pid[32] = "";

    identity->lock = openat(identity->dir, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (identity->lock < 0) {
        return fail("cannot open the lock file in", data_dir, ret_why);
    }
    if (flock(identity->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return fail("cannot lock", data_dir, ret_why);
        }
        (void)!read(identity->lock, pid, sizeof pid - 1);
        pid[strcspn(pid, "\n")] = '\0';
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.100s is in use by process %s", data_dir, pid);
        return SW_ERR_LOCKED;
    }
    (void)snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(identity->lock, 0) != 0) {
        return fail("cannot write the lock file in", data_dir, ret_why);
    }
    return write_all(identity->lock, pid, strlen(pid));
}

static enum sw_err make_directory(struct sw_identity *identity, const char *name, char *ret_why)
{
    if (mkdirat(identity->dir, name, 0700) != 0 && errno != EEXIST) {
        return fail("cannot make", name, ret_why);
    }
    return SW_ERR_OK;
}

/* Steps 1 and 2 of a first start, and the empty directories of step 3. */
static enum sw_err begin(struct sw_identity *identity,
                         const struct sw_identity_config *config,
                         const struct found *found,
                         char *ret_why)
{
    char text[TEXT_SIZE_MAX];
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(found->marker || !found->identity);
    if (!found->marker) {
        const size_t size = sw_first_start_print(config->swarm, config->node, text);

        err = write_file(identity, SW_FIRST_START_NAME, text, size, ret_why);
    }
    if (err == SW_ERR_OK && !found->identity) {
        const size_t size = print(config->swarm, config->node, text);

        err = write_file(identity, "identity", text, size, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = make_directory(identity, "wal", ret_why);
    }
    identity->first = true;
    return err;
}

/* The parent is synced: a node must not vote in a directory whose name a power failure undoes. */
static enum sw_err make_data_directory(const struct sw_identity_config *config, char *ret_why)
{
    char copy[PATH_MAX];
    enum sw_err err = SW_ERR_OK;
    int parent;

    (void)snprintf(copy, sizeof copy, "%s", config->data_dir);
    parent = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) {
        return fail("cannot make", config->data_dir, ret_why);
    }
    if (!config->first_start) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%.80s does not exist: this node's earlier data is not here",
                       config->data_dir);
        err = SW_ERR_DATA_MISSING;
    } else if ((mkdir(config->data_dir, 0700) != 0 && errno != EEXIST) || fsync(parent) != 0) {
        err = fail("cannot make", config->data_dir, ret_why);
    }
    (void)close(parent);
    return err;
}

static enum sw_err
open_directory(struct sw_identity *identity, const struct sw_identity_config *config, char *ret_why)
{
    enum sw_err err = SW_ERR_OK;

    identity->dir = open(config->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (identity->dir < 0 && errno == ENOENT) {
        err = make_data_directory(config, ret_why);
        if (err != SW_ERR_OK) {
            return err;
        }
        identity->dir = open(config->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return identity->dir < 0 ? fail("cannot open", config->data_dir, ret_why) : SW_ERR_OK;
}

/* Judged twice: without the lock, whose file would be a change in a directory that is refused, and
 * with it, since only then nobody else is at work here. */
static enum sw_err
open_checked(struct sw_identity *identity, const struct sw_identity_config *config, char *ret_why)
{
    struct found found = {false, false};
    enum sw_err err = judge(identity, config, &found, ret_why);

    if (err == SW_ERR_OK) {
        err = take_lock(identity, config->data_dir, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = judge(identity, config, &found, ret_why);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    err = found.identity && !found.marker ? check_log(identity, config, ret_why)
                                          : begin(identity, config, &found, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = make_directory(identity, "state", ret_why);
    if (err == SW_ERR_OK && fsync(identity->dir) != 0) {
        err = fail("cannot sync", config->data_dir, ret_why);
    }
    return err;
}

enum sw_err sw_identity_open(const struct sw_identity_config *config,
                             struct sw_identity **ret_identity,
                             char ret_why[SW_WHY_SIZE])
{
    struct sw_identity *identity = calloc(1, sizeof *identity);
    enum sw_err err;

    SW_ASSERT(identity != NULL);
    SW_ASSERT(strlen(config->data_dir) < PATH_MAX - 16);
    identity->dir = -1;
    identity->lock = -1;
    (void)snprintf(identity->wal_dir, PATH_MAX, "%.*s/wal", PATH_MAX - 16, config->data_dir);
    (void)snprintf(identity->state_dir, PATH_MAX, "%.*s/state", PATH_MAX - 16, config->data_dir);
    err = open_directory(identity, config, ret_why);
    if (err == SW_ERR_OK) {
        err = open_checked(identity, config, ret_why);
    }
    if (err != SW_ERR_OK) {
        sw_identity_close(identity);
        return err;
    }
    *ret_identity = identity;
    return SW_ERR_OK;
}

enum sw_err sw_identity_settle(struct sw_identity *identity, char ret_why[SW_WHY_SIZE])
{
    if (!identity->first) {
        return SW_ERR_OK;
    }
    if (unlinkat(identity->dir, SW_FIRST_START_NAME, 0) != 0 || fsync(identity->dir) != 0) {
        return fail("cannot remove", SW_FIRST_START_NAME, ret_why);
    }
    identity->first = false;
    return SW_ERR_OK;
}

/* --- looking ---------------------------------------------------------------------------------- */

/* Identity and marker both have "swarm <32 hex digits>" and "node <number>" as lines 2 and 3. */
static bool read_owner(char *text, struct sw_swarm_id *ret_swarm, struct sw_node_id *ret_node)
{
    char *swarm = strchr(text, '\n');
    char *node = swarm == NULL ? NULL : strchr(swarm + 1, '\n');
    char *end = node == NULL ? NULL : strchr(node + 1, '\n');

    if (end == NULL || strncmp(swarm + 1, "swarm ", 6) != 0 || strncmp(node + 1, "node ", 5) != 0) {
        return false;
    }
    *node = '\0';
    *end = '\0';
    return sw_text_hex(swarm + 7, ret_swarm->bytes, sizeof ret_swarm->bytes) &&
           sw_text_number(node + 6, &ret_node->value);
}

enum sw_err sw_identity_peek(const char *data_dir,
                             struct sw_swarm_id *ret_swarm,
                             struct sw_node_id *ret_node,
                             char ret_why[SW_WHY_SIZE])
{
    struct sw_identity at = {.dir = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    char text[TEXT_SIZE_MAX];
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    size_t size = 0;
    enum sw_err err;

    if (at.dir < 0) {
        return errno == ENOENT ? SW_ERR_NOT_FOUND : fail("cannot open", data_dir, ret_why);
    }
    err = read_file(&at, "identity", text, &size, ret_why);
    if (err == SW_ERR_NOT_FOUND) {
        err = read_file(&at, SW_FIRST_START_NAME, text, &size, ret_why);
    }
    (void)close(at.dir);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (!read_owner(text, &swarm, &node)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.90s: the identity file is damaged", data_dir);
        return SW_ERR_CORRUPT;
    }
    *ret_swarm = swarm;
    *ret_node = node;
    return SW_ERR_OK;
}

void sw_identity_close(struct sw_identity *identity)
{
    if (identity == NULL) {
        return;
    }
    if (identity->lock >= 0) {
        (void)close(identity->lock);
    }
    if (identity->dir >= 0) {
        (void)close(identity->dir);
    }
    free(identity);
}

const char *sw_identity_wal_dir(const struct sw_identity *identity)
{
    return identity->wal_dir;
}

const char *sw_identity_state_dir(const struct sw_identity *identity)
{
    return identity->state_dir;
}
