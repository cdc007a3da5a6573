/* From main to the command: finds it, parses its words, runs it, closes the client. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli.h"

enum { HELP_COLUMN = 26 };

/* Two columns; what is too long for the first has a line of its own. */
static void print_row(FILE *file, const char *left, const char *right)
{
    if (strlen(left) > HELP_COLUMN) {
        (void)fprintf(file, "  %s\n  %-*s %s\n", left, HELP_COLUMN, "", right);
    } else {
        (void)fprintf(file, "  %-*s %s\n", HELP_COLUMN, left, right);
    }
}

void sw_cli_print_flags(FILE *file, const struct sw_cli_flag *flags)
{
    for (; flags != NULL && flags->name != NULL; flags++) {
        char left[64];

        (void)snprintf(
            left, sizeof left, "--%s %s", flags->name, flags->value == NULL ? "" : flags->value);
        print_row(file, left, flags->help);
    }
}

size_t sw_cli_print_commands(FILE *file, const char *noun)
{
    size_t count = 0;

    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        char words[80];

        if (noun != NULL && strcmp(noun, command->noun) != 0) {
            continue;
        }
        (void)snprintf(words,
                       sizeof words,
                       "%s%s%s%s%s",
                       command->noun,
                       command->verb == NULL ? "" : " ",
                       command->verb == NULL ? "" : command->verb,
                       command->usage[0] == '\0' ? "" : " ",
                       command->usage);
        print_row(file, words, command->help);
        count++;
    }
    return count;
}

static int help_of(const struct sw_command *command)
{
    (void)printf("usage: %s %s%s%s%s%s\n\n%s\n",
                 sw_cli_program,
                 command->noun,
                 command->verb == NULL ? "" : " ",
                 command->verb == NULL ? "" : command->verb,
                 command->usage[0] == '\0' ? "" : " ",
                 command->usage,
                 command->help);
    if (command->flags != NULL) {
        (void)printf("\nflags:\n");
        sw_cli_print_flags(stdout, command->flags);
    }
    (void)printf("\nflags of every command:\n");
    sw_cli_print_flags(stdout, sw_global_flags);
    return 0;
}

/* Flags may come before the command; the command's words are the first that are none. Moves them to
 * the front, so that one parser sees one order. */
static void words_first(int argc, char **argv)
{
    int at = 0;

    while (at < argc && argv[at][0] == '-') {
        const bool alone = strchr(argv[at], '=') != NULL || strcmp(argv[at], "-h") == 0 ||
                           strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "--version") == 0;

        at += alone ? 1 : 2;
    }
    for (int moved = 0; moved < 2 && at < argc && argv[at][0] != '-'; moved++, at++) {
        char *word = argv[at];

        memmove(argv + moved + 1, argv + moved, (size_t)(at - moved) * sizeof *argv);
        argv[moved] = word;
    }
}

static bool has_word(int argc, char **argv, const char *word)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool asks_for_help(int argc, char **argv)
{
    return has_word(argc, argv, "--help") || has_word(argc, argv, "-h");
}

static bool is_noun(const char *word)
{
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        if (strcmp(word, command->noun) == 0) {
            return true;
        }
    }
    return false;
}

/* "swarmctl kv" and "swarmctl kv --help" list the commands that begin so. */
static int help_of_noun(int argc, char **argv)
{
    (void)printf(
        "usage: %s %s COMMAND [argument...] [--flag value...]\n\n", sw_cli_program, argv[0]);
    (void)sw_cli_print_commands(stdout, argv[0]);
    (void)printf("\n`%s %s COMMAND --help` lists the flags of one\n", sw_cli_program, argv[0]);
    return asks_for_help(argc, argv) ? 0 : sw_err_info(SW_ERR_INVALID)->exit_code;
}

static int unknown_command(int argc, char **argv)
{
    if (is_noun(argv[0]) && (argc == 1 || argv[1][0] == '-')) {
        return help_of_noun(argc, argv);
    }
    if (is_noun(argv[0])) {
        return sw_cli_fail_format(SW_ERR_INVALID,
                                  "unknown command %s %s; `%s %s --help` lists them",
                                  argv[0],
                                  argv[1],
                                  sw_cli_program,
                                  argv[0]);
    }
    return sw_cli_fail_format(SW_ERR_INVALID,
                              "unknown %s %s; `%s help` lists all",
                              argv[0][0] == '-' ? "flag" : "command",
                              argv[0],
                              sw_cli_program);
}

/* "help kv put" is "kv put --help", "help kv" is "kv --help". */
static int help_on(int argc, char **argv)
{
    size_t words = 0;
    const struct sw_command *command = sw_cli_find(argc, argv, &words);

    if (command != NULL) {
        return help_of(command);
    }
    if (argc == 1 && is_noun(argv[0])) {
        (void)help_of_noun(argc, argv);
        return 0;
    }
    return unknown_command(argc, argv);
}

int sw_cli_main(int argc, char **argv)
{
    const struct sw_command *command;
    struct sw_cli cli;
    char shell[] = "shell"; /* swarm-bench has none */
    size_t words = 0;
    int code;

    argc--;
    argv++;
    if (argc < 1 && isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0 &&
        sw_cli_find(1, (char *[]){shell}, &words) != NULL) {
        cli = (struct sw_cli){.format = SW_FORMAT_TABLE};
        return sw_cmd_shell(&cli);
    }
    if (argc < 1) {
        (void)sw_cmd_help(NULL);
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    words_first(argc, argv);
    if (argv[0][0] == '-' && asks_for_help(argc, argv)) {
        return sw_cmd_help(NULL);
    }
    if (argv[0][0] == '-' && has_word(argc, argv, "--version")) {
        cli = (struct sw_cli){.format = SW_FORMAT_PLAIN};
        return sw_cmd_version(&cli);
    }
    if (argc > 1 && strcmp(argv[0], "help") == 0 && argv[1][0] != '-') {
        return help_on(argc - 1, argv + 1);
    }
    command = sw_cli_find(argc, argv, &words);
    if (command == NULL) {
        return unknown_command(argc, argv);
    }
    if (sw_cli_parse(&cli, command, argv + words, (size_t)argc - words) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    if (sw_cli_has(&cli, "help")) {
        return help_of(command);
    }
    code = command->run(&cli);
    swarm_close(cli.client);
    if (fflush(stdout) != 0) {
        return code != 0 ? code : sw_cli_fail(SW_ERR_IO, "stdout could not be written");
    }
    return code;
}
