/* A file that is cut short under its mapping ends its reader in words. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/mapped_posix.h"

/* Reads a page that its file does not have any more. */
static void read_beyond_the_end(void)
{
    char name[] = "/tmp/swarm-mapped-XXXXXX";
    const int fd = mkstemp(name);
    volatile const uint8_t *bytes;

    if (fd < 0 || unlink(name) != 0 || ftruncate(fd, 4096) != 0) {
        _exit(99);
    }
    bytes = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED || bytes[0] != 0 || ftruncate(fd, 0) != 0) {
        _exit(99);
    }
    _exit(bytes[0] == 0 ? 98 : 97);
}

/* How a child ends that does so, and what it has said. */
static int end_of_reader(const char *text, char *ret_said, size_t size)
{
    ssize_t got;
    int status = 0;
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGBUS, SIG_DFL); /* a sanitizer may have its own */
        (void)dup2(ends[1], STDERR_FILENO);
        if (text != NULL) {
            sw_mapped_read_failure(text, 10);
        }
        read_beyond_the_end();
    }
    (void)close(ends[1]);
    got = read(ends[0], ret_said, size - 1);
    assert_true(got >= 0);
    ret_said[got] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_the_end_is_told(void **state)
{
    char said[128];
    const int status = end_of_reader("the state is cut short\n", said, sizeof(said));

    (void)state;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 10);
    assert_string_equal(said, "the state is cut short\n");
}

/* Else the test above would show nothing. */
static void test_without_it_the_kernel_ends_the_reader(void **state)
{
    char said[128];
    const int status = end_of_reader(NULL, said, sizeof(said));

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_is_told),
        cmocka_unit_test(test_without_it_the_kernel_ends_the_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
