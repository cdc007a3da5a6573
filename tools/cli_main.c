/* From main to the command: finds it, parses its words, runs it, closes the client. */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"

void sw_cli_print_flags(FILE *file, const struct sw_cli_flag *flags)
{
    for (; flags != NULL && flags->name != NULL; flags++) {
        char left[64];

        (void)snprintf(
            left, sizeof left, "--%s %s", flags->name, flags->value == NULL ? "" : flags->value);
        (void)fprintf(file, "  %-26s %s\n", left, flags->help);
    }
}

static int help_of(const struct sw_command *command)
{
    (void)printf("usage: %s %s%s%s %s\n\n%s\n",
                 sw_cli_program,
                 command->noun,
                 command->verb == NULL ? "" : " ",
                 command->verb == NULL ? "" : command->verb,
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
                           strcmp(argv[at], "--help") == 0;

        at += alone ? 1 : 2;
    }
    for (int moved = 0; moved < 2 && at < argc && argv[at][0] != '-'; moved++, at++) {
        char *word = argv[at];

        memmove(argv + moved + 1, argv + moved, (size_t)(at - moved) * sizeof *argv);
        argv[moved] = word;
    }
}

static int unknown_command(int argc, char **argv)
{
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        if (strcmp(argv[0], command->noun) == 0) {
            return sw_cli_fail_format(SW_ERR_INVALID,
                                      "unknown command %s %s; `%s help` lists all",
                                      argv[0],
                                      argc > 1 ? argv[1] : "",
                                      sw_cli_program);
        }
    }
    return sw_cli_fail_format(SW_ERR_INVALID,
                              "unknown %s %s; `%s help` lists all",
                              argv[0][0] == '-' ? "flag" : "command",
                              argv[0],
                              sw_cli_program);
}

int sw_cli_main(int argc, char **argv)
{
    const struct sw_command *command;
    struct sw_cli cli;
    size_t words = 0;
    int code;

    argc--;
    argv++;
    if (argc < 1) {
        (void)sw_cmd_help(NULL);
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    words_first(argc, argv);
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        return sw_cmd_help(NULL);
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
