/* swarmctl completion: a script for bash, made from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"

static void print_flags(const struct sw_cli_flag *flags)
{
    for (; flags != NULL && flags->name != NULL; flags++) {
        (void)printf(" --%s", flags->name);
    }
}

static bool seen_before(const struct sw_command *command)
{
    for (const struct sw_command *other = sw_commands; other != command; other++) {
        if (strcmp(other->noun, command->noun) == 0) {
            return true;
        }
    }
    return false;
}

static void print_nouns(void)
{
    (void)printf("        1) words=\"");
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        if (!seen_before(command)) {
            (void)printf("%s ", command->noun);
        }
    }
    (void)printf("\" ;;\n");
}

static void print_errors(void)
{
    uint32_t count = 0;
    const struct sw_err_info *rows = sw_err_all(&count);

    for (uint32_t i = 0; i < count; i++) {
        (void)printf("%s ", rows[i].name);
    }
}

static void print_verbs(void)
{
    (void)printf("        2) case \"${COMP_WORDS[1]}\" in\n");
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        if (seen_before(command)) {
            continue;
        }
        (void)printf("            %s) words=\"", command->noun);
        for (const struct sw_command *other = command; other->noun != NULL; other++) {
            if (strcmp(other->noun, command->noun) == 0 && other->verb != NULL) {
                (void)printf("%s ", other->verb);
            }
        }
        if (strcmp(command->noun, "completion") == 0) {
            (void)printf("bash");
        } else if (strcmp(command->noun, "explain") == 0) {
            print_errors();
        }
        (void)printf("\" ;;\n");
    }
    (void)printf("           esac ;;\n");
}

static void print_command_flags(void)
{
    (void)printf("    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        if (command->flags != NULL && command->verb != NULL) {
            (void)printf("        \"%s %s\") flags=\"", command->noun, command->verb);
            print_flags(command->flags);
            (void)printf("\" ;;\n");
        }
    }
    (void)printf("    esac\n");
}

int sw_cmd_completion(struct sw_cli *cli)
{
    if (strcmp(cli->args[0], "bash") != 0) {
        return sw_cli_fail_format(
            SW_ERR_INVALID, "there is a completion for bash only, none for %s", cli->args[0]);
    }
    (void)printf("# bash completion of swarmctl: source <(swarmctl completion bash)\n"
                 "_swarmctl()\n"
                 "{\n"
                 "    local words=\"\" flags=\"\" current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
                 "    case \"${COMP_WORDS[COMP_CWORD - 1]}\" in\n"
                 "        -o | --output) words=\"table json plain\" ;;\n"
                 "        --encoding) words=\"auto utf8 hex base64\" ;;\n"
                 "        --config) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
                 "    esac\n"
                 "    if [ -n \"$words\" ]; then\n"
                 "        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                 "        return\n"
                 "    fi\n"
                 "    case $COMP_CWORD in\n");
    print_nouns();
    print_verbs();
    (void)printf("    esac\n");
    print_command_flags();
    (void)printf("    if [[ $current == -* ]]; then\n        words=\"$flags");
    print_flags(sw_global_flags);
    (void)printf("\"\n    fi\n"
                 "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                 "}\n"
                 "complete -F _swarmctl swarmctl\n");
    return 0;
}
