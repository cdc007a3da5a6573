/* Runs a command and watches over it. */
#include "tools/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

enum { LOOK_MS = 20, NOT_FOUND_CODE = 127, SIGNAL_CODE = 128 };

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = ms * 1000000};

    (void)nanosleep(&pause, NULL);
}

static volatile sig_atomic_t asked_to_end; /* the signal; a handler can write nothing else */
static volatile sig_atomic_t by_terminal;

/* What a terminal sends reaches the command without us. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    by_terminal = info->si_code == SI_KERNEL;
    asked_to_end = number;
}

static void outlive_signals(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
}

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNAL_CODE + WTERMSIG(status);
}

/* Waits for the command; ends it if what it runs under is lost: it may not go on without. */
static int watch_over(pid_t pid, const struct sw_child *child)
{
    bool told = false;
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (!told && !child->holds(child->arg)) {
            told = true;
            (void)kill(pid, SIGTERM);
        }
        if (asked_to_end != 0) {
            if (by_terminal == 0) {
                (void)kill(pid, asked_to_end);
            }
            asked_to_end = 0;
        }
        pause_ms(LOOK_MS);
    }
    return told ? sw_cli_fail_format(
                      SW_ERR_LEASE_GONE, "%s; the command was told to end", child->lost)
                : code_of(status);
}

/* In the child. */
static void become(char **words, pid_t parent, int input)
{
    SW_ASSERT(words[0] != NULL);
    if (input >= 0) {
        (void)dup2(input, STDIN_FILENO);
    }
    /* If the parent is gone already, nobody holds anything for much longer. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent) {
        (void)execvp(words[0], words);
        (void)dprintf(STDERR_FILENO,
                      "%s: cannot run %s: %s\n",
                      sw_cli_program,
                      words[0],
                      strerrordesc_np(errno));
    }
    _exit(NOT_FOUND_CODE);
}

/* A file without a name that has the input, so that nobody need feed a pipe; -1: no room for it. */
static FILE *file_of(const struct swarm_slice *input)
{
    FILE *file = tmpfile();

    if (file == NULL) {
        return NULL;
    }
    if (fwrite(input->data, 1, input->size, file) != input->size || fflush(file) != 0 ||
        fseek(file, 0, SEEK_SET) != 0) {
        (void)fclose(file);
        return NULL;
    }
    return file;
}

static void set_variables(const struct sw_child *child)
{
    for (int i = 0; i < SW_CHILD_VARIABLES_MAX && child->variables[i].name != NULL; i++) {
        char number[24];

        (void)snprintf(
            number, sizeof number, "%llu", (unsigned long long)child->variables[i].number);
        (void)setenv(child->variables[i].name, number, 1);
    }
}

int sw_child_run(const struct sw_child *child)
{
    char *words[SW_CLI_ARGS_MAX + 1] = {NULL};
    const pid_t parent = getpid();
    FILE *input = NULL;
    pid_t pid;
    int code;

    SW_ASSERT(child->count > 0);
    SW_ASSERT(child->count <= SW_CLI_ARGS_MAX);
    for (size_t i = 0; i < child->count; i++) {
        memcpy(&words[i], &child->words[i], sizeof words[0]); /* execvp takes them unconst */
    }
    if (child->input != NULL && (input = file_of(child->input)) == NULL) {
        return sw_cli_fail(SW_ERR_IO, "the item could not be written to a temporary file");
    }
    set_variables(child); /* before fork(): in the child the locks of other threads stay */
    outlive_signals();
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        become(words, parent, input == NULL ? -1 : fileno(input));
    }
    code = pid < 0 ? sw_cli_fail(SW_ERR_NOMEM, "no process could be made") : watch_over(pid, child);
    if (input != NULL) {
        (void)fclose(input);
    }
    return code;
}

bool sw_child_wait(bool (*holds)(const void *arg), const void *arg)
{
    outlive_signals();
    while (asked_to_end == 0) {
        if (!holds(arg)) {
            return false;
        }
        pause_ms(LOOK_MS);
    }
    return true;
}
