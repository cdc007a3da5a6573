/* swarmctl manual: the COMMANDS section of swarmctl(1), from the table that --help prints. */
#include <stdio.h>

#include "tools/cli.h"

/* roff reads a dash as a hyphen and a backslash as its own. */
static void print_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '-') {
            (void)fputs("\\-", stdout);
        } else if (*text == '\\') {
            (void)fputs("\\e", stdout);
        } else {
            (void)fputc(*text, stdout);
        }
    }
}

static void print_flag(const struct sw_cli_flag *flag)
{
    (void)fputs(".TP\n.BI \"\\-\\-", stdout);
    print_text(flag->name);
    (void)fputs(flag->value == NULL ? "\"" : " \" \"", stdout);
    if (flag->value != NULL) {
        print_text(flag->value);
        (void)fputc('"', stdout);
    }
    (void)fputc('\n', stdout);
    print_text(flag->help);
    (void)fputc('\n', stdout);
}

static void print_flags(const struct sw_cli_flag *flags)
{
    (void)fputs(".RS\n", stdout);
    for (; flags->name != NULL; flags++) {
        print_flag(flags);
    }
    (void)fputs(".RE\n", stdout);
}

static void print_command(const struct sw_command *command)
{
    (void)fputs(".TP\n.B \"", stdout);
    print_text(command->noun);
    if (command->verb != NULL) {
        (void)fputc(' ', stdout);
        print_text(command->verb);
    }
    (void)fputs("\\fR", stdout);
    if (command->usage[0] != '\0') {
        (void)fputc(' ', stdout);
        print_text(command->usage);
    }
    (void)fputs("\"\n", stdout);
    print_text(command->help);
    (void)fputc('\n', stdout);
    if (command->flags != NULL) {
        print_flags(command->flags);
    }
}

int sw_cmd_manual(struct sw_cli *cli)
{
    (void)cli;
    (void)fputs(".SH COMMANDS\n", stdout);
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        print_command(command);
    }
    (void)fputs(".SH FLAGS OF EVERY COMMAND\n", stdout);
    for (const struct sw_cli_flag *flag = sw_global_flags; flag->name != NULL; flag++) {
        print_flag(flag);
    }
    return 0;
}
