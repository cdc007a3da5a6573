/* One plan in a process of its own: what it dies of is its result. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "tests/sim/runner.h"

/* Where the child leaves its result; shared with it. */
static struct sim_result *result;

static void on_death(int number)
{
    sim_run_look(result);
    result->failed = true;
    result->why[0] = '\0'; /* its last words say more */
    _exit(128 + number);
}

static _Noreturn void child(const struct sim_options *options, const struct sim_plan *plan, int err)
{
    struct sim_options quiet = *options;

    quiet.quiet = true;
    quiet.verbose = false;
    (void)dup2(err, STDOUT_FILENO);
    (void)dup2(err, STDERR_FILENO);
    (void)signal(SIGABRT, on_death);
    (void)signal(SIGALRM, on_death);
    (void)signal(SIGSEGV, on_death);
    (void)alarm(SIM_SEED_SECONDS_MAX);
    sim_run_plan(&quiet, plan, result);
    exit(0); /* not _exit: leaks are looked for */
}

/* The line that says why a process died: of an assertion or of a sanitizer. */
static bool last_words(FILE *err, char *ret_why, size_t size)
{
    char line[400];

    rewind(err);
    while (fgets(line, sizeof(line), err) != NULL) {
        if (strstr(line, "assertion failed") != NULL || strstr(line, "runtime error") != NULL ||
            strstr(line, "ERROR:") != NULL) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(ret_why, size, "%s", line);
            return true;
        }
    }
    return false;
}

static void explain(int status, FILE *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return;
    }
    result->failed = true;
    if (last_words(err, result->why, sizeof(result->why))) {
        return;
    }
    (void)snprintf(result->why,
                   sizeof(result->why),
                   "the process died (%s %d)",
                   WIFSIGNALED(status) ? "signal" : "exit code",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void need(bool good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

void sim_run_apart(const struct sim_options *options,
                   const struct sim_plan *plan,
                   struct sim_result *ret_result)
{
    FILE *err = tmpfile();
    int status = 0;
    pid_t pid;

    need(err != NULL, "tmpfile");
    if (result == NULL) {
        result =
            mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        need(result != MAP_FAILED, "mmap");
    }
    memset(result, 0, sizeof(*result));
    (void)fflush(stdout);
    pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        child(options, plan, fileno(err));
    }
    need(waitpid(pid, &status, 0) == pid, "waitpid");
    explain(status, err);
    (void)fclose(err);
    *ret_result = *result;
}
