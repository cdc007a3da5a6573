/* The LMDB store when its disk fails or its process dies: at every write and every sync in turn.
 *
 * This program defines the calls that LMDB writes with, so each one can be made to fail or to be
 * the last of its process. After each: the store is whole and equal to the commit before the fault
 * or to the one that was under way; a store that met an error never answers again before it is
 * reopened; and what was synced is never lost. */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/store_lmdb.h"
#include "tests/unit/storage/temp_dir.h"

#define EXPORTED __attribute__((visibility("default")))

enum { CALL_COUNT_MAX = 1000, RECORD_COUNT = 200, KILLED = 77 };

/* What happens at the `at`-th call from now on; 0 = nothing. */
static struct {
    uint64_t at;
    uint64_t calls;
    int error;                /* the call fails with it; 0 = the process ends */
    uint64_t disk_free_pages; /* what fstatvfs says; 0 = the truth */
} fault;

/* True if this call is to fail. */
static bool strike(void)
{
    fault.calls++;
    if (fault.at == 0 || fault.calls != fault.at) {
        return false;
    }
    if (fault.error == 0) {
        _exit(KILLED);
    }
    errno = fault.error;
    return true;
}

EXPORTED int fdatasync(int fd)
{
    return strike() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

EXPORTED ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return strike() ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, bytes, size, offset);
}

EXPORTED ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return strike() ? -1 : (ssize_t)syscall(SYS_writev, fd, parts, count);
}

EXPORTED int fsync(int fd)
{
    return strike() ? -1 : (int)syscall(SYS_fsync, fd);
}

EXPORTED int fstatvfs(int fd, struct statvfs *out)
{
    static int (*real)(int, struct statvfs *);
    int rc;

    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "fstatvfs");

        memcpy(&real, &found, sizeof(real));
    }
    rc = real(fd, out);
    if (rc == 0 && fault.disk_free_pages > 0) {
        out->f_frsize = 4096;
        out->f_bavail = fault.disk_free_pages;
    }
    return rc;
}

static char dir[TEMP_DIR_SIZE];

static int setup(void **state)
{
    (void)state;
    memset(&fault, 0, sizeof(fault));
    temp_dir_make(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    memset(&fault, 0, sizeof(fault));
    temp_dir_remove(dir);
    return 0;
}

static enum sw_err try_open(struct sw_store **ret_store)
{
    const struct sw_store_lmdb_config config = {.path = dir, .node = {1}, .map_size = 16 << 20};
    char why[SW_WHY_SIZE];

    return sw_store_lmdb_open(&config, ret_store, why);
}

static struct sw_store *open_store(void)
{
    struct sw_store *store = NULL;

    assert_int_equal(try_open(&store), SW_ERR_OK);
    return store;
}

/* Puts all records with the number of this version in them; the answer of the first that fails. */
static enum sw_err put_version(struct sw_store *store, unsigned version)
{
    enum sw_err err = SW_ERR_OK;

    for (unsigned i = 0; i < RECORD_COUNT && err == SW_ERR_OK; i++) {
        char key[16];
        char value[600];

        (void)snprintf(key, sizeof(key), "key-%03u", i);
        memset(value, 'x', sizeof(value));
        (void)snprintf(value, sizeof(value), "%u", version);
        err =
            store->ops->put(store, SW_TABLE_KV, sw_span_str(key), sw_span_of(value, sizeof(value)));
    }
    return err;
}

/* The version that all records have; fails when they are not all of one. 0 = no records. */
static unsigned version_of(struct sw_store *store)
{
    struct sw_store_record record;
    unsigned version = 0;
    unsigned count = 0;
    enum sw_err err = store->ops->seek(store, SW_TABLE_KV, sw_span_of(NULL, 0), false, &record);

    while (err == SW_ERR_OK) {
        char text[16];

        memcpy(text, record.value.data, sizeof(text));
        text[15] = '\0';
        assert_true(count == 0 || (unsigned)strtoul(text, NULL, 10) == version);
        version = (unsigned)strtoul(text, NULL, 10);
        count++;
        err = store->ops->next(store, SW_TABLE_KV, false, &record);
    }
    assert_int_equal(err, SW_ERR_NOT_FOUND);
    assert_true(count == 0 || count == RECORD_COUNT);
    return version;
}

static void arm(uint64_t at, int error)
{
    fault.calls = 0;
    fault.at = at;
    fault.error = error;
}

static void assert_dead(struct sw_store *store)
{
    struct sw_span value;
    struct sw_store_record record;
    struct sw_store_reader *reader;

    assert_non_null(strstr(store->why, "intact"));
    assert_int_equal(store->ops->commit(store), SW_ERR_IO);
    assert_int_equal(store->ops->sync(store), SW_ERR_IO);
    assert_int_equal(put_version(store, 9), SW_ERR_IO);
    assert_int_equal(store->ops->get(store, SW_TABLE_KV, sw_span_str("key-000"), &value),
                     SW_ERR_IO);
    assert_int_equal(store->ops->del(store, SW_TABLE_KV, sw_span_str("key-000")), SW_ERR_IO);
    assert_int_equal(store->ops->seek(store, SW_TABLE_KV, sw_span_str("k"), false, &record),
                     SW_ERR_IO);
    assert_int_equal(store->ops->reader_open(store, &reader), SW_ERR_IO);
    store->ops->abort(store);
    assert_int_equal(put_version(store, 9), SW_ERR_IO);
}

/* Version 1 is committed and synced; the commit of version 2 meets the fault at each call. */
static void failing_commits(int error)
{
    struct sw_store *store = open_store();
    unsigned struck = 0;

    assert_int_equal(put_version(store, 1), SW_ERR_OK);
    assert_int_equal(store->ops->commit(store), SW_ERR_OK);
    assert_int_equal(store->ops->sync(store), SW_ERR_OK);
    for (uint64_t at = 1; at < CALL_COUNT_MAX; at++) {
        unsigned version;
        enum sw_err err;

        assert_int_equal(put_version(store, 2), SW_ERR_OK);
        arm(at, error);
        err = store->ops->commit(store);
        arm(0, 0);
        if (err == SW_ERR_OK) {
            break;
        }
        struck++;
        assert_int_equal(err, SW_ERR_IO);
        assert_dead(store);
        sw_store_lmdb_close(store);
        store = open_store();
        version = version_of(store);
        assert_true(version == 1 || version == 2);
        assert_int_equal(put_version(store, 1), SW_ERR_OK);
        assert_int_equal(store->ops->commit(store), SW_ERR_OK);
        assert_int_equal(store->ops->sync(store), SW_ERR_OK);
    }
    assert_int_equal(version_of(store), 2);
    sw_store_lmdb_close(store);
    (void)printf("%u calls of a commit failed, each in its turn\n", struck);
    assert_true(struck >= 3); /* data, sync, meta */
}

static void every_failing_call_of_a_commit_is_final(void **state)
{
    (void)state;
    failing_commits(EIO);
}

static void a_disk_that_fills_up_in_a_commit_is_final(void **state)
{
    (void)state;
    failing_commits(ENOSPC);
}

static void a_failing_sync_is_final(void **state)
{
    struct sw_store *store = open_store();

    (void)state;
    assert_int_equal(put_version(store, 1), SW_ERR_OK);
    assert_int_equal(store->ops->commit(store), SW_ERR_OK);
    arm(1, EIO);
    assert_int_equal(store->ops->sync(store), SW_ERR_IO);
    arm(0, 0);
    assert_dead(store);
    sw_store_lmdb_close(store);
    store = open_store();
    assert_int_equal(version_of(store), 1);
    sw_store_lmdb_close(store);
}

/* A child that opens the store, commits version `version` and syncs; true if it came to its end. */
static bool child_commits(unsigned version, uint64_t at)
{
    const pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        struct sw_store *store = NULL;

        arm(at, 0);
        if (try_open(&store) != SW_ERR_OK || put_version(store, version) != SW_ERR_OK ||
            store->ops->commit(store) != SW_ERR_OK || store->ops->sync(store) != SW_ERR_OK) {
            _exit(1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KILLED);
    return WEXITSTATUS(status) == 0;
}

/* From nothing: the creation of the store is under the knife too. */
static void a_process_killed_at_any_call_leaves_a_whole_commit(void **state)
{
    unsigned version = 0;
    uint64_t at = 1;

    (void)state;
    for (; at < CALL_COUNT_MAX; at++) {
        const bool finished = child_commits(version + 1, at);
        struct sw_store *store = open_store();
        const unsigned found = version_of(store);

        assert_true(found == version || found == version + 1);
        assert_true(!finished || found == version + 1);
        version = found;
        sw_store_lmdb_close(store);
        if (finished) {
            break;
        }
    }
    (void)printf("killed at each of %llu calls\n", (unsigned long long)at - 1);
    assert_true(at > 3);
    assert_true(at < CALL_COUNT_MAX);
    /* And again with a fresh directory for each call, where all of them create. */
    for (uint64_t fresh = 1; fresh < 20; fresh++) {
        struct sw_store *store;

        temp_dir_remove(dir);
        temp_dir_make(dir);
        (void)child_commits(1, fresh);
        store = open_store();
        assert_true(version_of(store) <= 1);
        sw_store_lmdb_close(store);
    }
}

/* A disk with little left answers puts with DISK_FULL, before a commit can fail. */
static void a_nearly_full_disk_stops_puts_only(void **state)
{
    struct sw_store *store = open_store();
    struct sw_store_stats stats;
    struct sw_span value;

    (void)state;
    assert_int_equal(put_version(store, 1), SW_ERR_OK);
    assert_int_equal(store->ops->commit(store), SW_ERR_OK);
    fault.disk_free_pages = 1;
    assert_int_equal(put_version(store, 2), SW_ERR_DISK_FULL);
    assert_int_equal(store->ops->get(store, SW_TABLE_KV, sw_span_str("key-000"), &value),
                     SW_ERR_OK);
    assert_int_equal(store->ops->del(store, SW_TABLE_KV, sw_span_str("key-000")), SW_ERR_OK);
    assert_int_equal(store->ops->put(store, SW_TABLE_META, sw_span_str("a"), sw_span_str("1")),
                     SW_ERR_OK);
    assert_int_equal(store->ops->commit(store), SW_ERR_OK);
    store->ops->stats(store, &stats);
    assert_true(stats.map_size - stats.reserve_size < 1 << 20); /* what the file has free */
    /* Room again: known without a write, which nobody may try while it says full. */
    fault.disk_free_pages = 0;
    store->ops->stats(store, &stats);
    assert_true(stats.map_size - stats.reserve_size == 8 << 20);
    assert_int_equal(put_version(store, 2), SW_ERR_OK);
    assert_int_equal(store->ops->commit(store), SW_ERR_OK);
    assert_int_equal(version_of(store), 2);
    sw_store_lmdb_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_failing_call_of_a_commit_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_fills_up_in_a_commit_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failing_sync_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_process_killed_at_any_call_leaves_a_whole_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_nearly_full_disk_stops_puts_only, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
