/* Writing the journal: a record is in its file before the change that it announces is made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jepsen/fault/mark.h"
#include "jepsen/fault/shim.h"

#define JOURNAL_SIZE_MAX (UINT64_C(256) << 20)

static struct {
    pthread_mutex_t lock;
    int fd; /* -1 = not open yet */
    uint64_t seq;
    uint64_t size;
    uint64_t compact_at;
    char path[SW_SHIM_PATH_SIZE];
    char stash[SW_SHIM_PATH_SIZE];
} journal = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

bool sw_shim_journaling(void)
{
    static int wanted = -1; /* the page is asked once: half a journal would be worse than none */
    const struct sw_fault_page *page = sw_shim_page();

    if (wanted < 0 && page != NULL) {
        wanted = page->journal != 0 ? 1 : 0;
    }
    return wanted == 1;
}

/* --- opening ---------------------------------------------------------------------------------- */

static uint64_t size_max(void)
{
    const uint64_t size = sw_shim_page()->journal_size_max;

    return size == 0 ? JOURNAL_SIZE_MAX : size;
}

static void attach(void)
{
    const long fd = syscall(
        SYS_openat, AT_FDCWD, journal.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0) {
        sw_shim_give_up("the journal cannot be opened", journal.path);
    }
    journal.fd = (int)fd;
    journal.size = (uint64_t)syscall(SYS_lseek, journal.fd, 0, SEEK_END);
    journal.compact_at = journal.size < size_max() ? size_max() : journal.size * 2;
}

/* An earlier process of this node may have left a journal: its unsynced changes are still
 * unsynced. A record that its death cut short is dropped. */
static void open_journal(void)
{
    struct sw_journal old;
    char why[256];

    (void)snprintf(
        journal.path, sizeof journal.path, "%s" SW_JOURNAL_SUFFIX, sw_shim_control_path());
    (void)snprintf(journal.stash, sizeof journal.stash, "%s" SW_STASH_SUFFIX, sw_shim_page()->root);
    if (!sw_journal_load(journal.path, &old, why)) {
        sw_shim_give_up(why, journal.path);
    }
    if (old.count > 0) {
        journal.seq = old.records[old.count - 1].head.seq;
    }
    if (old.bytes != NULL && syscall(SYS_truncate, journal.path, old.size) != 0) {
        sw_shim_give_up("the journal's torn end cannot be cut", journal.path);
    }
    sw_journal_release(&old);
    attach();
}

static void compact(void)
{
    char why[256];

    (void)syscall(SYS_close, journal.fd);
    if (!sw_journal_compact(journal.path, journal.stash, why)) {
        sw_shim_give_up(why, journal.path);
    }
    attach();
}

void sw_shim_lock(void)
{
    (void)pthread_mutex_lock(&journal.lock);
    if (journal.fd < 0) {
        open_journal();
    }
    if (journal.size > journal.compact_at) {
        compact();
    }
}

void sw_shim_unlock(void)
{
    (void)pthread_mutex_unlock(&journal.lock);
}

uint64_t sw_shim_seq(void)
{
    return journal.seq;
}

/* --- records ---------------------------------------------------------------------------------- */

static void put(const void *bytes, uint64_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        const long done = syscall(SYS_write, journal.fd, at, size);

        if (done <= 0) {
            sw_shim_give_up("the journal cannot be written", journal.path);
        }
        at += done;
        size -= (uint64_t)done;
        journal.size += (uint64_t)done;
    }
}

uint64_t
sw_shim_append(struct sw_journal_head head, const char *path, const char *path2, const void *data)
{
    head.magic = SW_JOURNAL_MAGIC;
    head.seq = ++journal.seq;
    head.path_size = path == NULL ? 0 : (uint32_t)strlen(path) + 1;
    head.path2_size = path2 == NULL ? 0 : (uint32_t)strlen(path2) + 1;
    put(&head, sizeof head);
    put(path, head.path_size);
    put(path2, head.path2_size);
    put(data, head.data_size);
    return head.seq;
}

uint8_t *sw_shim_read_back(int fd, uint64_t offset, uint64_t size, uint64_t *ret_size)
{
    uint8_t *bytes = malloc(size + 1);
    char path[64];
    uint64_t done = 0;
    long reader;

    /* By its own descriptor: the one that is written with may not be allowed to read. */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    reader = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (bytes == NULL || reader < 0) {
        sw_shim_give_up("what is overwritten cannot be read", path);
    }
    while (done < size) {
        const long got =
            syscall(SYS_pread64, (int)reader, bytes + done, size - done, (off_t)(offset + done));

        if (got < 0) {
            sw_shim_give_up("what is overwritten cannot be read", path);
        }
        if (got == 0) {
            break; /* the rest lies behind the end of the file */
        }
        done += (uint64_t)got;
    }
    (void)syscall(SYS_close, (int)reader);
    *ret_size = done;
    return bytes;
}

/* --- the stash -------------------------------------------------------------------------------- */

uint64_t sw_shim_stash(const char *path, uint64_t *ret_inode)
{
    char from[SW_SHIM_PATH_SIZE];
    char to[SW_SHIM_PATH_SIZE + 32];
    struct stat info;

    sw_shim_absolute(path, from);
    *ret_inode = 0;
    if (lstat(from, &info) != 0) {
        return 0;
    }
    (void)syscall(SYS_mkdirat, AT_FDCWD, journal.stash, 0700); /* may be there */
    (void)snprintf(to, sizeof to, "%s/%llu", journal.stash, (unsigned long long)journal.seq + 1);
    if (syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0) != 0) {
        sw_shim_give_up("what is removed cannot be kept (the stash must be on the same disk)", to);
    }
    *ret_inode = (uint64_t)info.st_ino;
    return journal.seq + 1;
}

__attribute__((visibility("default"))) void swarm_fault_mark(const void *bytes, uint64_t size)
{
    if (sw_shim_journaling()) {
        sw_shim_lock();
        (void)sw_shim_append((struct sw_journal_head){.kind = SW_JOURNAL_MARK, .data_size = size},
                             NULL,
                             NULL,
                             bytes);
        sw_shim_unlock();
    }
}
