/* swarmctl shell: commands one after the other, with a line editor and a history.
 *
 * The words of a line are those of the command line, without "swarmctl": quotes and backslashes
 * keep spaces in a word. Values that were typed stay in the history, so its file is its owner's
 * alone. */
#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/words.h"

enum { HISTORY_MAX = 1000, PATH_SIZE = 4096 };

/* False if there is no home to keep it in: then there is a history of this run alone. */
static bool history_path(char path[PATH_SIZE])
{
    const char *given = getenv("SWARMCTL_HISTORY");
    const char *home = getenv("HOME");
    int size;

    if (given != NULL) {
        size = snprintf(path, PATH_SIZE, "%s", given);
    } else if (home != NULL && home[0] != '\0') {
        size = snprintf(path, PATH_SIZE, "%s/.swarmctl_history", home);
    } else {
        return false;
    }
    return size > 0 && size < PATH_SIZE;
}

static void history_keep(const char *path)
{
    const mode_t before = umask(S_IRWXG | S_IRWXO);

    if (write_history(path) != 0) {
        (void)fprintf(stderr, "swarmctl: the history could not be written to %s\n", path);
    }
    (void)umask(before);
}

static void run_line(const struct sw_cli *cli, char *line)
{
    char *words[SW_CLI_ARGS_MAX + 3] = {(char *)(uintptr_t)sw_cli_program};
    const char *config = sw_cli_flag(cli, "config");
    const char *endpoints = sw_cli_flag(cli, "endpoints");
    char why[SW_WHY_SIZE];
    size_t count = 0;

    if (sw_words_split(line, words + 1, SW_CLI_ARGS_MAX, &count, why) != SW_ERR_OK) {
        (void)sw_cli_fail(SW_ERR_INVALID, why);
        return;
    }
    if (count == 0) {
        return;
    }
    if (strcmp(words[1], "shell") == 0) {
        (void)sw_cli_fail(SW_ERR_INVALID, "this is the shell already; `exit` leaves it");
        return;
    }
    /* What the shell was started with holds for its commands. */
    if (config != NULL) {
        (void)setenv("SWARMCTL_CONFIG", config, 1);
    }
    if (endpoints != NULL) {
        (void)setenv("SWARMCTL_ENDPOINTS", endpoints, 1);
    }
    (void)sw_cli_main((int)count + 1, words);
}

/* True if the line ends the shell. */
static bool is_end(const char *line)
{
    return line == NULL || strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0;
}

int sw_cmd_shell(struct sw_cli *cli)
{
    const bool terminal = isatty(STDIN_FILENO) != 0;
    char path[PATH_SIZE];
    const bool kept = terminal && history_path(path);
    char *line;

    using_history();
    stifle_history(HISTORY_MAX);
    if (kept) {
        (void)read_history(path); /* there may be none yet */
    }
    if (terminal) {
        (void)printf("swarmctl %s: a command a line, `help` lists them, `exit` or Ctrl-D leaves\n",
                     swarm_version());
    }
    while (!is_end(line = readline(terminal ? "swarm> " : ""))) {
        if (terminal && line[0] != '\0') {
            (void)add_history(line);
        }
        run_line(cli, line);
        free(line);
    }
    free(line);
    if (kept) {
        history_keep(path);
    }
    return 0;
}
