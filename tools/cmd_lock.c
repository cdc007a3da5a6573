/* swarmctl lock: a command that runs while a lock is held, and ends when it is lost.
 *
 * It may not outlive the lock, so it may not outlive this program either: a signal to end is passed
 * on and the command waited for; if this program is killed, the kernel tells the command to end. */
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
#include "tools/cli.h"
#include "tools/cmd.h"

enum { TTL_MS = 10000, LOOK_MS = 20, NOT_FOUND_CODE = 127, SIGNAL_CODE = 128 };

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = ms * 1000000};

    (void)nanosleep(&pause, NULL);
}

static volatile sig_atomic_t asked_to_end; /* the signal; a handler can write nothing else */

/* What a terminal sends reaches the command without us. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code != SI_KERNEL) {
        asked_to_end = number;
    }
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

/* Waits for the command; ends it if the lock is lost, because it may not go on without. */
static int watch_over(pid_t child, const struct swarm_lock *lock)
{
    bool told = false;
    int status = 0;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (!told && !swarm_lock_holds(lock)) {
            told = true;
            (void)kill(child, SIGTERM);
        }
        if (asked_to_end != 0) {
            (void)kill(child, asked_to_end);
            asked_to_end = 0;
        }
        pause_ms(LOOK_MS);
    }
    return told ? sw_cli_fail(SW_ERR_LEASE_GONE, "the lock was lost; the command was told to end")
                : code_of(status);
}

/* In the child. */
static void become(char **words, pid_t parent)
{
    SW_ASSERT(words[0] != NULL);
    /* If the parent is gone already, nobody holds the lock for much longer. */
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

static int run_command(struct sw_cli *cli, const struct swarm_lock *lock)
{
    char *words[SW_CLI_ARGS_MAX + 1] = {NULL};
    char token[24], revision[24];
    const pid_t parent = getpid();
    pid_t child;

    (void)snprintf(token, sizeof token, "%llu", (unsigned long long)swarm_lock_token(lock));
    (void)snprintf(
        revision, sizeof revision, "%llu", (unsigned long long)swarm_lock_revision(lock));
    for (size_t i = 1; i < cli->arg_count; i++) {
        memcpy(&words[i - 1], &cli->args[i], sizeof words[0]); /* execvp takes them unconst */
    }
    /* Before fork(): in the child the locks of other threads stay as they were. */
    (void)setenv("SWARM_LOCK_TOKEN", token, 1);
    (void)setenv("SWARM_LOCK_REVISION", revision, 1);
    outlive_signals();
    (void)fflush(NULL);
    child = fork();
    if (child < 0) {
        return sw_cli_fail(SW_ERR_NOMEM, "no process could be made");
    }
    if (child == 0) {
        become(words, parent);
    }
    return watch_over(child, lock);
}

int sw_cmd_lock(struct sw_cli *cli)
{
    struct swarm_lock *lock = NULL;
    const char *owner = sw_cli_flag(cli, "owner");
    char why[SW_WHY_SIZE] = "";
    uint64_t ttl_ms, wait_ms;
    enum swarm_status status;
    enum sw_err err;
    int code;

    if (!sw_cli_time(cli, "ttl", TTL_MS, &ttl_ms) ||
        !sw_cli_time(cli, "wait", cli->timeout_ms, &wait_ms)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    err = sw_cli_open(cli);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    status = swarm_lock(cli->client,
                        sw_cli_scope(cli),
                        swarm_str(cli->args[0]),
                        swarm_str(owner == NULL ? "swarmctl" : owner),
                        (uint32_t)ttl_ms,
                        swarm_now_ms() + wait_ms,
                        &lock,
                        why,
                        sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    code = run_command(cli, lock);
    (void)swarm_unlock(lock);
    return code;
}
