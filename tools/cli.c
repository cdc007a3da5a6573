/* Words into arguments and flags; errors into one line and an exit code. */
#include "tools/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"

enum { COMMAND_TIMEOUT_MS = 5000 };

const struct sw_cli_flag sw_global_flags[] = {
    {"config",
     "FILE",
     "client configuration (default: $SWARMCTL_CONFIG, ~/.config/swarm/client.conf)"},
    {"endpoints",
     "LIST",
     "other addresses of nodes, 1=host:port,2=host:port; or a URL, swarm://... or file:DIR"},
    {"command-timeout", "TIME", "give up after this long, 100ms or 5s (default 5s)"},
    {"dial-timeout", "TIME", "give up connecting after this long (default 1500ms)"},
    {"output", "FORMAT", "table, json, jsonl, fields or plain (-o for short)"},
    {"help", NULL, "explain the command (-h for short)"},
    {NULL, NULL, NULL},
};

/* --- errors ----------------------------------------------------------------------------------- */

int sw_cli_fail(enum sw_err err, const char *detail)
{
    const struct sw_err_info *info = sw_err_info(err);
    const bool has_detail = detail != NULL && detail[0] != '\0' && strcmp(detail, info->text) != 0;
    /* "See the detail" helps nobody who is reading it, the hint of IO speaks of a node's disk (a
     * file of this program comes with a detail), and the session in which a program would ask again
     * has ended with this command: of a write the detail says what to do. */
    const bool said = err == SW_ERR_INVALID || err == SW_ERR_CONFIG || err == SW_ERR_IO ||
                      err == SW_ERR_FUTURE_REVISION || err == SW_ERR_COMPACTED ||
                      err == SW_ERR_CONFLICT || err == SW_ERR_DEADLINE ||
                      err == SW_ERR_UNKNOWN_OUTCOME || err == SW_ERR_LEADERSHIP_LOST;
    const bool has_hint = info->hint[0] != '\0' && !(has_detail && said);
    /* What was not found may be no key; the detail says what it is. */
    const bool has_text = !(has_detail && err == SW_ERR_NOT_FOUND);

    (void)fflush(stdout);
    (void)fprintf(stderr,
                  "%s: PA-%04u %s: %s%s%s%s%s%s\n",
                  sw_cli_program,
                  (unsigned)info->err,
                  info->name,
                  has_text ? info->text : "",
                  has_text && has_detail ? ": " : "",
                  has_detail ? detail : "",
                  has_hint ? " (" : "",
                  has_hint ? info->hint : "",
                  has_hint ? ")" : "");
    return info->exit_code;
}

int sw_cli_fail_format(enum sw_err err, const char *format, ...)
{
    char detail[512];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(detail, sizeof detail, format, list);
    va_end(list);
    return sw_cli_fail(err, detail);
}

/* The numbers that hints of the table leave to the answer, which nobody sees here. */
int sw_cli_fail_result(const struct swarm_result *result)
{
    if (result->status == SWARM_FUTURE_REVISION) {
        return sw_cli_fail_format(
            SW_ERR_FUTURE_REVISION, "the present revision is %" PRIu64, result->revision);
    }
    if (result->status == SWARM_COMPACTED && result->value > 0) {
        return sw_cli_fail_format(SW_ERR_COMPACTED,
                                  "of revision %" PRIu64 " and later everything is kept",
                                  result->value);
    }
    return sw_cli_fail((enum sw_err)result->status, result->detail);
}

int sw_cli_fail_write(const struct swarm_result *result)
{
    const struct sw_err_info *info = sw_err_info((enum sw_err)result->status);
    const bool has_detail = result->detail != NULL && result->detail[0] != '\0' &&
                            strcmp(result->detail, info->text) != 0;
    const char *what = has_detail                      ? result->detail
                       : info->err == SW_ERR_NOT_FOUND ? info->text
                                                       : "";

    return sw_cli_fail_format(info->err,
                              "%s%s%s",
                              what,
                              what[0] != '\0' ? "; " : "",
                              info->outcome == SW_OUTCOME_NOT_DONE
                                  ? "nothing was written"
                                  : "it may be written or not: read before you repeat it");
}

static const char *environment(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): nothing here changes it */
}

/* --- parsing ---------------------------------------------------------------------------------- */

const struct sw_command *sw_cli_find(int argc, char **argv, size_t *ret_words)
{
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        if (argc < 1 || strcmp(argv[0], command->noun) != 0) {
            continue;
        }
        if (command->verb == NULL) {
            *ret_words = 1;
            return command;
        }
        if (argc >= 2 && strcmp(argv[1], command->verb) == 0) {
            *ret_words = 2;
            return command;
        }
    }
    return NULL;
}

static const struct sw_cli_flag *
flag_named(const struct sw_cli_flag *flags, const char *name, size_t size)
{
    for (; flags != NULL && flags->name != NULL; flags++) {
        if (strlen(flags->name) == size && memcmp(flags->name, name, size) == 0) {
            return flags;
        }
    }
    return NULL;
}

static const struct sw_cli_flag *
find_flag(const struct sw_command *command, const char *name, size_t size)
{
    const struct sw_cli_flag *flag = flag_named(command->flags, name, size);

    return flag != NULL ? flag : flag_named(sw_global_flags, name, size);
}

static enum sw_err add_flag(struct sw_cli *cli, const char *name, const char *value)
{
    if (cli->flag_count == SW_CLI_FLAGS_MAX) {
        (void)sw_cli_fail(SW_ERR_INVALID, "too many flags");
        return SW_ERR_INVALID;
    }
    cli->flags[cli->flag_count].name = name;
    cli->flags[cli->flag_count].value = value;
    cli->flag_count++;
    return SW_ERR_OK;
}

/* "--name", "--name value" or "--name=value"; moves `at` past a value that was taken. */
static enum sw_err parse_flag(
    struct sw_cli *cli, const struct sw_command *command, char **words, size_t count, size_t *at)
{
    const char *word = words[*at];
    const char *name = strcmp(word, "-o") == 0   ? "output"
                       : strcmp(word, "-h") == 0 ? "help"
                       : word[1] == '-'          ? word + 2
                                                 : "";
    const char *equals = strchr(name, '=');
    const size_t size = equals == NULL ? strlen(name) : (size_t)(equals - name);
    const struct sw_cli_flag *flag = find_flag(command, name, size);

    if (flag == NULL) {
        (void)sw_cli_fail_format(SW_ERR_INVALID,
                                 "unknown flag %s; `%s %s%s%s --help` lists them",
                                 word,
                                 sw_cli_program,
                                 command->noun,
                                 command->verb == NULL ? "" : " ",
                                 command->verb == NULL ? "" : command->verb);
        return SW_ERR_INVALID;
    }
    if (flag->value == NULL && equals != NULL) {
        (void)sw_cli_fail_format(SW_ERR_INVALID, "flag --%s takes no value", flag->name);
        return SW_ERR_INVALID;
    }
    if (flag->value == NULL || equals != NULL) {
        return add_flag(cli, flag->name, equals == NULL ? "" : equals + 1);
    }
    if (*at + 1 == count) {
        (void)sw_cli_fail_format(SW_ERR_INVALID, "flag --%s needs a %s", flag->name, flag->value);
        return SW_ERR_INVALID;
    }
    (*at)++;
    return add_flag(cli, flag->name, words[*at]);
}

static enum sw_err parse_format(struct sw_cli *cli, const struct sw_command *command)
{
    const char *given = sw_cli_flag(cli, "output");

    if (given == NULL) {
        given = environment("SWARMCTL_OUTPUT");
    }
    cli->format = command->format;
    if (given == NULL) {
        return SW_ERR_OK;
    }
    for (size_t i = 0; i < SW_FORMAT_COUNT; i++) {
        if (strcmp(given, sw_format_names[i]) == 0) {
            cli->format = (enum sw_format)i;
            return SW_ERR_OK;
        }
    }
    (void)sw_cli_fail_format(
        SW_ERR_INVALID, "output is table, json, jsonl, fields or plain, not %s", given);
    return SW_ERR_INVALID;
}

static enum sw_err parse_time(const char *name, const char *given, uint64_t *ret_ms)
{
    if (given == NULL) {
        return SW_ERR_OK;
    }
    if (!sw_parse_duration(given, ret_ms) || *ret_ms == 0 || *ret_ms > UINT32_MAX) {
        (void)sw_cli_fail_format(
            SW_ERR_INVALID, "%s is a time such as 100ms, 5s or 1m, not %s", name, given);
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

static enum sw_err check_args(const struct sw_cli *cli, const struct sw_command *command)
{
    if (cli->arg_count >= command->args_min && cli->arg_count <= command->args_max) {
        return SW_ERR_OK;
    }
    (void)sw_cli_fail_format(SW_ERR_INVALID,
                             "%s arguments; usage: %s %s%s%s %s",
                             cli->arg_count < command->args_min ? "missing" : "too many",
                             sw_cli_program,
                             command->noun,
                             command->verb == NULL ? "" : " ",
                             command->verb == NULL ? "" : command->verb,
                             command->usage);
    return SW_ERR_INVALID;
}

/* A dash begins a flag, but for "-" (stdin) and negative numbers. */
static bool is_flag(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9');
}

static enum sw_err
parse_words(struct sw_cli *cli, const struct sw_command *command, char **words, size_t count)
{
    bool flags_over = false;

    for (size_t at = 0; at < count; at++) {
        enum sw_err err = SW_ERR_OK;

        if (!flags_over && strcmp(words[at], "--") == 0) {
            flags_over = true;
            cli->args_before = cli->arg_count;
        } else if (!flags_over && is_flag(words[at])) {
            err = parse_flag(cli, command, words, count, &at);
        } else if (cli->arg_count == SW_CLI_ARGS_MAX) {
            (void)sw_cli_fail(SW_ERR_INVALID, "too many arguments");
            err = SW_ERR_INVALID;
        } else {
            cli->args[cli->arg_count] = words[at];
            cli->arg_count++;
        }
        if (err != SW_ERR_OK) {
            return err;
        }
    }
    return SW_ERR_OK;
}

enum sw_err
sw_cli_parse(struct sw_cli *cli, const struct sw_command *command, char **words, size_t count)
{
    const char *timeout;
    enum sw_err err;

    *cli = (struct sw_cli){.timeout_ms = COMMAND_TIMEOUT_MS, .args_before = SIZE_MAX};
    err = parse_words(cli, command, words, count);
    if (err == SW_ERR_OK && !sw_cli_has(cli, "help")) {
        err = check_args(cli, command);
    }
    if (err == SW_ERR_OK) {
        err = parse_format(cli, command);
    }
    if (err == SW_ERR_OK) {
        timeout = sw_cli_flag(cli, "command-timeout");
        if (timeout == NULL) {
            timeout = environment("SWARMCTL_COMMAND_TIMEOUT");
        }
        err = parse_time("command-timeout", timeout, &cli->timeout_ms);
    }
    return err;
}

const char *sw_cli_flag(const struct sw_cli *cli, const char *name)
{
    for (size_t i = cli->flag_count; i > 0; i--) {
        if (strcmp(cli->flags[i - 1].name, name) == 0) {
            return cli->flags[i - 1].value;
        }
    }
    return NULL;
}

bool sw_cli_time(const struct sw_cli *cli, const char *name, uint64_t standard, uint64_t *ret_ms)
{
    *ret_ms = standard;
    return parse_time(name, sw_cli_flag(cli, name), ret_ms) == SW_ERR_OK;
}

bool sw_cli_has(const struct sw_cli *cli, const char *name)
{
    return sw_cli_flag(cli, name) != NULL;
}

bool sw_cli_number(const struct sw_cli *cli, const char *name, uint64_t standard, uint64_t *ret)
{
    const char *given = sw_cli_flag(cli, name);

    *ret = standard;
    if (given == NULL || sw_text_number(given, ret)) {
        return true;
    }
    (void)sw_cli_fail_format(SW_ERR_INVALID, "--%s is a number, not %s", name, given);
    return false;
}

/* --- the client ------------------------------------------------------------------------------- */

struct swarm_scope sw_cli_scope(const struct sw_cli *cli)
{
    return (struct swarm_scope){.tenant = sw_cli_flag(cli, "tenant"),
                                .name_space = sw_cli_flag(cli, "namespace"),
                                .partition = sw_cli_flag(cli, "partition")};
}

enum sw_err sw_cli_options(const struct sw_cli *cli, struct swarm_options *ret_options)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    uint64_t dial_ms = 0;
    enum sw_err err;

    err = parse_time("dial-timeout", sw_cli_flag(cli, "dial-timeout"), &dial_ms);
    if (err != SW_ERR_OK) {
        return err;
    }
    options.config_path = sw_cli_flag(cli, "config");
    options.endpoints = sw_cli_flag(cli, "endpoints");
    if (options.config_path == NULL && options.endpoints == NULL) {
        options.url = environment("SWARM_URL");
    }
    if (options.config_path == NULL) {
        options.config_path = environment("SWARMCTL_CONFIG");
    }
    if (options.endpoints == NULL) {
        options.endpoints = environment("SWARMCTL_ENDPOINTS");
    }
    options.timeout_ms = (uint32_t)cli->timeout_ms;
    options.dial_timeout_ms = (uint32_t)dial_ms;
    options.flags = SWARM_FAIL_WHEN_DOWN;
    *ret_options = options;
    return SW_ERR_OK;
}

enum sw_err sw_cli_open(struct sw_cli *cli)
{
    struct swarm_options options;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    err = sw_cli_options(cli, &options);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = (enum sw_err)swarm_open(&options, &cli->client, why, sizeof why);
    if (err == SW_ERR_CONFIG && strstr(why, "cannot open") != NULL) {
        (void)sw_cli_fail_format(err,
                                 "%s (--config FILE or $SWARMCTL_CONFIG names the settings; "
                                 "`swarmctl swarm create` makes them)",
                                 why);
    } else if (err != SW_ERR_OK) {
        (void)sw_cli_fail(err, why);
    }
    return err;
}
