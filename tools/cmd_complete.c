/* swarmctl complete: what may come next on a command line; the shells' scripts ask it.
 *
 * Words, flags and the values of flags come from the table of commands; keys come from the swarm,
 * within half a second or not at all. Nothing here may fail loudly: it runs while somebody types.
 */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cmd.h"

enum { KEYS_MAX = 100, KEYS_TIMEOUT_MS = 500 };

struct words {
    char **all; /* borrowed; the last one is being typed */
    size_t count;
    const char *current;
};

static void offer(const struct words *words, const char *candidate)
{
    if (strncmp(candidate, words->current, strlen(words->current)) == 0) {
        (void)puts(candidate);
    }
}

static void offer_list(const struct words *words, const char *const list[])
{
    for (size_t i = 0; list[i] != NULL; i++) {
        offer(words, list[i]);
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

static void offer_nouns(const struct words *words)
{
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        if (!seen_before(command)) {
            offer(words, command->noun);
        }
    }
    offer(words, "help");
}

static void offer_verbs(const struct words *words)
{
    for (const struct sw_command *command = sw_commands; command->noun != NULL; command++) {
        if (command->verb != NULL && strcmp(command->noun, words->all[0]) == 0) {
            offer(words, command->verb);
        }
    }
}

static void offer_flags(const struct words *words, const struct sw_cli_flag *flags)
{
    for (; flags != NULL && flags->name != NULL; flags++) {
        char flag[64];

        (void)snprintf(flag, sizeof flag, "--%s", flags->name);
        offer(words, flag);
    }
}

/* True if the word before wants a value: then nothing else may stand here. */
static bool offer_values(const struct words *words)
{
    static const char *const encodings[] = {"auto", "utf8", "hex", "base64", NULL};
    static const char *const metrics[] = {"cosine", "inner-product", "l2", NULL};
    const char *before = words->count < 2 ? "" : words->all[words->count - 2];

    if (strcmp(before, "-o") == 0 || strcmp(before, "--output") == 0) {
        for (size_t i = 0; i < SW_FORMAT_COUNT; i++) {
            offer(words, sw_format_names[i]);
        }
        return true;
    }
    if (strcmp(before, "--encoding") == 0) {
        offer_list(words, encodings);
        return true;
    }
    if (strcmp(before, "--metric") == 0) {
        offer_list(words, metrics);
        return true;
    }
    return false;
}

/* Of a command whose first arguments are keys. */
static bool takes_keys(const struct sw_command *command)
{
    return strncmp(command->usage, "KEY", 3) == 0;
}

static bool is_plain(struct swarm_slice key)
{
    const uint8_t *at = key.data;

    for (size_t i = 0; i < key.size; i++) {
        if (at[i] <= ' ' || at[i] > '~') {
            return false;
        }
    }
    return key.size > 0;
}

static void offer_keys(const struct words *words, const struct sw_command *command, size_t skip)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    struct sw_cli cli;
    int code = 0;

    if (sw_cli_parse(&cli, command, words->all + skip, words->count - skip) != SW_ERR_OK) {
        return;
    }
    cli.timeout_ms = KEYS_TIMEOUT_MS;
    request.op = SWARM_SCAN;
    request.scope = sw_cli_scope(&cli);
    request.key = swarm_str(words->current);
    request.flags = SWARM_KEYS_ONLY;
    request.limit = KEYS_MAX;
    if (sw_cmd_call(&cli, &request, &result, &code) == SW_ERR_OK && result->status == SWARM_OK) {
        for (size_t i = 0; i < result->record_count; i++) {
            const struct swarm_slice key = result->records[i].key;

            if (is_plain(key) && key.size >= request.key.size &&
                memcmp(key.data, words->current, request.key.size) == 0) {
                (void)printf("%.*s\n", (int)key.size, (const char *)key.data);
            }
        }
    }
    swarm_result_free(result);
    swarm_close(cli.client);
}

static void offer_errors(const struct words *words)
{
    uint32_t count = 0;
    const struct sw_err_info *rows = sw_err_all(&count);

    for (uint32_t i = 0; i < count; i++) {
        offer(words, rows[i].name);
    }
}

static void offer_arguments(const struct words *words)
{
    static const char *const shells[] = {"bash", "zsh", "fish", NULL};
    size_t skip = 0;
    const struct sw_command *command = sw_cli_find((int)words->count, words->all, &skip);

    if (command == NULL || skip >= words->count) {
        return;
    }
    if (words->current[0] == '-') {
        offer_flags(words, command->flags);
        offer_flags(words, sw_global_flags);
    } else if (strcmp(command->noun, "completion") == 0) {
        offer_list(words, shells);
    } else if (strcmp(command->noun, "explain") == 0) {
        offer_errors(words);
    } else if (takes_keys(command)) {
        offer_keys(words, command, skip);
    }
}

int sw_cmd_complete(struct sw_cli *cli)
{
    char *all[SW_CLI_ARGS_MAX];
    struct words words = {.all = all, .count = cli->arg_count};

    for (size_t i = 0; i < cli->arg_count; i++) {
        all[i] = (char *)(uintptr_t)cli->args[i]; /* argv's: the parser reorders, and writes none */
    }
    words.current = all[words.count - 1];
    if (offer_values(&words)) {
        return 0;
    }
    if (words.count == 1) {
        offer_nouns(&words);
    } else if (words.count == 2 && words.current[0] != '-') {
        offer_verbs(&words);
        offer_arguments(&words);
    } else {
        offer_arguments(&words);
    }
    return 0;
}
