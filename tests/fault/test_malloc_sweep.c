/* The n-th allocation of our own code fails, for one n after the other: the process ends at once by
 * its assertion (ADR 25), never by a wild pointer, and the next start has all that was
 * acknowledged. Embedded mode, because there node and libswarm are one process. Each life is a
 * child; what was acknowledged comes through a pipe. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rw.h"
#include "client/include/swarm.h"
#include "tests/unit/storage/temp_dir.h"

enum {
    PUTS = 12,
    ALL_UP_TO = 40, /* each allocation of the beginning fails once, then one of ever more: a slow
                       machine makes more of them, and must come to an end, too */
    SPARSER = 16,
    NOT_SO_MANY = 7, /* exit code: nothing had to fail. A sanitizer's is 1 */
};

/* The linker sends our libraries' calls here (--wrap); those of libc, LMDB and ZeroMQ stay. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static atomic_uint_fast64_t allocations;
static uint64_t failing; /* the number of the one that fails; 0 = none does */

static bool fails(void)
{
    return atomic_fetch_add(&allocations, 1) + 1 == failing;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

static const struct swarm_scope scope = {.partition = "p"};

/* A life: opens, puts and says what was acknowledged. Exits with 3 if anything but memory was in
 * its way. */
static void live(const char *url, int told, uint64_t fail_at, uint64_t life)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;

    atomic_store(&allocations, 0);
    failing = fail_at;
    options.url = url;
    if (swarm_open(&options, &client, NULL, 0) != SWARM_OK) {
        _exit(3);
    }
    for (uint32_t i = 0; i < PUTS; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "%u-%u", (unsigned)life, i);
        if (swarm_put(client, scope, swarm_str(key), swarm_str(key), NULL) != SWARM_OK ||
            write(told, key, sizeof key) != (ssize_t)sizeof key) {
            _exit(3);
        }
    }
    swarm_close(client);
    _exit(atomic_load(&allocations) < fail_at ? NOT_SO_MANY : 0);
}

/* Everything that lives were told is there; the next one's work begins on it. */
static void check(const char *url, const struct sw_buf *told)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;

    options.url = url;
    assert_int_equal(swarm_open(&options, &client, NULL, 0), SWARM_OK);
    for (size_t at = 0; at < told->size; at += 32) {
        const char *key = (const char *)told->data + at;

        if (swarm_get(client, scope, swarm_str(key), NULL) != SWARM_OK) {
            fail_msg("%s was acknowledged and is not there", key);
        }
    }
    swarm_close(client);
}

/* True if that many allocations were made, so that one failed. */
static bool one_life(const char *url, uint64_t fail_at, struct sw_buf *told)
{
    int ends[2];
    uint8_t key[32];
    int status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* The assertion's sentence, a hundred times. Closed, its number would be the next file's.
         */
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(3);
        }
        live(url, ends[1], fail_at, fail_at);
    }
    (void)close(ends[1]);
    while (read(ends[0], key, sizeof key) == (ssize_t)sizeof key) {
        sw_write_bytes(told, sw_span_of(key, sizeof key));
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGABRT); /* by an assertion, and nothing else */
        return true;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), NOT_SO_MANY); /* a failure is no typed error here */
    return false;
}

static void a_failed_allocation_loses_nothing(void **state)
{
    char root[TEMP_DIR_SIZE];
    char url[TEMP_DIR_SIZE + 32];
    struct sw_buf told = {0};
    uint64_t lives = 0;
    uint64_t at = 1;

    (void)state;
    temp_dir_make(root);
    (void)snprintf(url, sizeof url, "file:%s/data", root);
    while (one_life(url, at, &told)) {
        lives++;
        at += at < ALL_UP_TO ? 1 : at / SPARSER;
    }
    assert_true(lives > ALL_UP_TO);
    assert_true(told.size / 32 > PUTS); /* the last lives got far */
    check(url, &told);
    print_message(
        "%u lives, %u acknowledged writes kept\n", (unsigned)lives, (unsigned)(told.size / 32));
    sw_buf_release(&told);
    temp_dir_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_allocation_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
