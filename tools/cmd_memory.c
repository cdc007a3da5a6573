/* swarmctl memory: what changes memories, and what a partition lets agents have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cmd.h"

/* Cuts a list at its commas, in place. One word over the limit is counted and not kept. */
static size_t cut(char *list, const char *words[], size_t count_max)
{
    size_t count = 0;

    while (list != NULL && count <= count_max) {
        char *end = strchr(list, ',');

        if (count < count_max) {
            words[count] = list;
        }
        count++;
        if (end != NULL) {
            *end = '\0';
        }
        list = end == NULL ? NULL : end + 1;
    }
    return count;
}

static int report(const struct sw_cli *cli, enum swarm_status status, struct swarm_result *result)
{
    if (result == NULL || status == SWARM_OK) {
        return status == SWARM_OK ? sw_cmd_report_write(cli, result) : 1;
    }
    if (status == SWARM_EXISTS && result->record_count == 1) {
        sw_cmd_print_record(cli, result, SW_ENCODING_AUTO);
        return sw_cli_fail_format(SW_ERR_EXISTS,
                                  "at distance %g it is remembered already; nothing was written",
                                  swarm_distance(&result->records[0]));
    }
    return sw_cli_fail_write(result);
}

static bool has_all(const struct swarm_memory *memory)
{
    if (memory->agent == NULL || memory->task == NULL) {
        (void)sw_cli_fail(SW_ERR_INVALID, "--agent NAME and --task NAME say who learned it where");
        return false;
    }
    if (memory->tag_count > SWARM_MEMORY_TAGS_MAX) {
        (void)sw_cli_fail_format(
            SW_ERR_INVALID, "a memory has at most %d tags", SWARM_MEMORY_TAGS_MAX);
        return false;
    }
    return true;
}

static int remember(struct sw_cli *cli, struct swarm_memory *memory)
{
    struct swarm_result *result = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;
    int code;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_CONFIG)->exit_code;
    }
    status = swarm_remember(cli->client, sw_cli_scope(cli), memory, &result, why, sizeof why);
    code = result == NULL ? sw_cli_fail((enum sw_err)status, why) : report(cli, status, result);
    swarm_result_free(result);
    return code;
}

/* Lists of the command line, cut into words; release. */
struct lists {
    char *tag_list, *source_list; /* owned */
    const char *tags[SWARM_MEMORY_TAGS_MAX];
    const char *names[SWARM_MEMORY_SOURCES_MAX];
    struct swarm_slice sources[SWARM_MEMORY_SOURCES_MAX];
};

static bool fill_lists(const struct sw_cli *cli, struct lists *lists, struct swarm_memory *memory)
{
    const char *tags = sw_cli_flag(cli, "tags");
    const char *sources = sw_cli_flag(cli, "sources");

    lists->tag_list = tags == NULL ? NULL : strdup(tags);
    lists->source_list = sources == NULL ? NULL : strdup(sources);
    memory->tags = lists->tags;
    memory->tag_count = cut(lists->tag_list, lists->tags, SWARM_MEMORY_TAGS_MAX);
    memory->source_count = cut(lists->source_list, lists->names, SWARM_MEMORY_SOURCES_MAX);
    if (memory->source_count > SWARM_MEMORY_SOURCES_MAX) {
        (void)sw_cli_fail_format(
            SW_ERR_INVALID, "a memory has at most %d sources", SWARM_MEMORY_SOURCES_MAX);
        return false;
    }
    for (size_t i = 0; i < memory->source_count; i++) {
        lists->sources[i] = swarm_str(lists->names[i]);
    }
    memory->sources = lists->sources;
    return true;
}

int sw_cmd_memory_remember(struct sw_cli *cli)
{
    struct swarm_memory memory = {
        .index = cli->args[0],
        .agent = sw_cli_flag(cli, "agent"),
        .task = sw_cli_flag(cli, "task"),
        .success = !sw_cli_has(cli, "failure"),
        .archive_sources = sw_cli_has(cli, "archive-sources"),
        .meta = swarm_str(sw_cli_has(cli, "meta") ? sw_cli_flag(cli, "meta") : "")};
    struct sw_vector_text text = {0};
    struct sw_cmd_value value = {0};
    struct lists lists = {0};
    int code = sw_cmd_usage();

    if (fill_lists(cli, &lists, &memory) && has_all(&memory) &&
        sw_cmd_small_number(cli, "utility", &memory.utility) &&
        sw_cmd_small_number(cli, "importance", &memory.importance) &&
        sw_cmd_real(cli, "if-novel", 0, &memory.novelty) &&
        sw_cli_number(cli, "lease", 0, &memory.lease) &&
        sw_cmd_vector(cli, &text, &memory.vector) && sw_cmd_value(cli, 1, &value) == SW_ERR_OK) {
        memory.content = value.slice;
        code = remember(cli, &memory);
    }
    free(value.owned);
    sw_vector_text_release(&text);
    free(lists.tag_list);
    free(lists.source_list);
    return code;
}

/* --- use -------------------------------------------------------------------------------------- */

static int not_open(void)
{
    return sw_err_info(SW_ERR_CONFIG)->exit_code;
}

/* Prints the result's value under `name`, and frees it. */
static int show(const struct sw_cli *cli,
                enum swarm_status status,
                struct swarm_result *result,
                const char *name)
{
    struct sw_output out;
    int code = 0;

    if (status == SWARM_NOT_FOUND) {
        code = sw_cli_fail_format(
            SW_ERR_NOT_FOUND, "there is no memory %s; nothing was written", cli->args[0]);
    } else if (status == SWARM_WRONG_TYPE) {
        code = sw_cli_fail_format(SW_ERR_WRONG_TYPE, "the key %s has no memory", cli->args[0]);
    } else if (status != SWARM_OK) {
        code = sw_cli_fail_write(result);
    } else {
        sw_output_init(&out, "", NULL, 0);
        if (name != NULL) {
            sw_output_field_number(&out, name, result->value);
        }
        sw_output_field_number(&out, "revision", result->revision);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    swarm_result_free(result);
    return code;
}

static int use(struct sw_cli *cli, enum swarm_memory_use how, const char *name)
{
    struct swarm_result *result = NULL;
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_memory_use(
        cli->client, sw_cli_scope(cli), swarm_str(cli->args[0]), how, &result, NULL, 0);
    return show(cli, status, result, name);
}

int sw_cmd_memory_used(struct sw_cli *cli)
{
    return use(cli, SWARM_MEMORY_USED, "importance");
}

int sw_cmd_memory_archive(struct sw_cli *cli)
{
    return use(cli, SWARM_MEMORY_ARCHIVE, NULL);
}

int sw_cmd_memory_feedback(struct sw_cli *cli)
{
    const bool success = strcmp(cli->args[1], "success") == 0;

    if (!success && strcmp(cli->args[1], "failure") != 0) {
        return sw_cli_fail(SW_ERR_INVALID, "feedback is success or failure");
    }
    return use(cli, success ? SWARM_MEMORY_SUCCEEDED : SWARM_MEMORY_FAILED, "utility");
}

int sw_cmd_memory_forget(struct sw_cli *cli)
{
    struct swarm_result *result = NULL;
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_memory_forget(cli->client,
                                 sw_cli_scope(cli),
                                 swarm_str(cli->args[0]),
                                 sw_cli_has(cli, "cascade"),
                                 &result,
                                 NULL,
                                 0);
    return show(cli, status, result, NULL);
}

/* --- rings ------------------------------------------------------------------------------------ */

int sw_cmd_memory_agents(struct sw_cli *cli)
{
    static const struct sw_column columns[] = {
        {"agent", SW_CELL_TEXT}, {"count", SW_CELL_TEXT}, {"bytes", SW_CELL_TEXT}};
    struct swarm_memory_agent *agents = NULL;
    char why[SW_WHY_SIZE] = "";
    struct sw_output out;
    enum swarm_status status;
    size_t count = 0;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_memory_agents(cli->client, sw_cli_scope(cli), &agents, &count, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    sw_output_init(&out, "agents", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < count; i++) {
        sw_output_row(&out);
        sw_output_text(&out, 0, agents[i].agent);
        sw_output_number(&out, 1, agents[i].count);
        sw_output_number(&out, 2, agents[i].size);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    free(agents);
    return 0;
}

static void print_settings(const struct sw_cli *cli, const struct swarm_memory_settings *settings)
{
    struct sw_output out;

    sw_output_init(&out, "", NULL, 0);
    sw_output_field_number(&out, "max_count", settings->count_max);
    sw_output_field_number(&out, "max_bytes", settings->size_max);
    sw_output_field_number(&out, "floor", settings->floor);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

/* Those that are given change, the others stay. */
int sw_cmd_memory_settings(struct sw_cli *cli)
{
    const bool sets =
        sw_cli_has(cli, "max-count") || sw_cli_has(cli, "max-bytes") || sw_cli_has(cli, "floor");
    struct swarm_memory_settings settings;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_memory_settings_get(cli->client, sw_cli_scope(cli), &settings, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    if (!sw_cli_number(cli, "max-count", settings.count_max, &settings.count_max) ||
        !sw_cli_number(cli, "max-bytes", settings.size_max, &settings.size_max) ||
        !sw_cli_number(cli, "floor", settings.floor, &settings.floor)) {
        return sw_cmd_usage();
    }
    if (sets) {
        status = swarm_memory_settings_put(
            cli->client, sw_cli_scope(cli), &settings, NULL, why, sizeof why);
    }
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    print_settings(cli, &settings);
    return 0;
}

int sw_cmd_memory_tend(struct sw_cli *cli)
{
    char why[SW_WHY_SIZE] = "";
    struct sw_output out;
    enum swarm_status status;
    uint64_t gone = 0;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_memory_tend(cli->client, sw_cli_scope(cli), &gone, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail_format(
            (enum sw_err)status, "%s (keys deleted: %llu)", why, (unsigned long long)gone);
    }
    sw_output_init(&out, "", NULL, 0);
    sw_output_field_number(&out, "deleted", gone);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}
