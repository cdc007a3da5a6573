/* swarmctl completion: the few lines that make a shell ask `swarmctl complete`. */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"

static const struct {
    const char *shell;
    const char *script;
} scripts[] = {
    {"bash",
     "# bash completion of swarmctl: source <(swarmctl completion bash)\n"
     "_swarmctl()\n"
     "{\n"
     "    local IFS=$'\\n'\n"
     "    COMPREPLY=($(swarmctl complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null))\n"
     "}\n"
     "complete -o default -F _swarmctl swarmctl\n"},
    {"zsh",
     "#compdef swarmctl\n"
     "# zsh completion of swarmctl: source <(swarmctl completion zsh)\n"
     "_swarmctl()\n"
     "{\n"
     "    local -a found\n"
     "    found=(\"${(@f)$(swarmctl complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
     "    compadd -a found || _files\n"
     "}\n"
     "compdef _swarmctl swarmctl\n"},
    {"fish",
     "# fish completion of swarmctl: swarmctl completion fish | source\n"
     "function __swarmctl_complete\n"
     "    set -l words (commandline -opc)\n"
     "    swarmctl complete -- $words[2..-1] (commandline -ct) 2>/dev/null\n"
     "end\n"
     "complete -c swarmctl -a '(__swarmctl_complete)'\n"},
};

int sw_cmd_completion(struct sw_cli *cli)
{
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(scripts[i].shell, cli->args[0]) == 0) {
            (void)fputs(scripts[i].script, stdout);
            return 0;
        }
    }
    return sw_cli_fail_format(
        SW_ERR_INVALID, "there are completions for bash, zsh and fish, none for %s", cli->args[0]);
}
