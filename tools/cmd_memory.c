/* swarmctl memory: remember, recall. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cmd.h"

/* Cuts a list at its commas, in place. One tag over the limit is counted and not kept. */
static size_t cut_tags(char *list, const char *tags[SWARM_MEMORY_TAGS_MAX])
{
    size_t count = 0;

    while (list != NULL && count <= SWARM_MEMORY_TAGS_MAX) {
        char *end = strchr(list, ',');

        if (count < SWARM_MEMORY_TAGS_MAX) {
            tags[count] = list;
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

int sw_cmd_memory_remember(struct sw_cli *cli)
{
    struct swarm_memory memory = {.index = cli->args[0],
                                  .agent = sw_cli_flag(cli, "agent"),
                                  .task = sw_cli_flag(cli, "task"),
                                  .success = !sw_cli_has(cli, "failure")};
    const char *given = sw_cli_flag(cli, "tags");
    char *list = given == NULL ? NULL : strdup(given);
    const char *tags[SWARM_MEMORY_TAGS_MAX];
    struct sw_vector_text text = {0};
    struct sw_cmd_value value = {0};
    int code = sw_cmd_usage();

    memory.tag_count = cut_tags(list, tags);
    memory.tags = tags;
    if (has_all(&memory) && sw_cmd_small_number(cli, "utility", &memory.utility) &&
        sw_cmd_real(cli, "if-novel", 0, &memory.novelty) &&
        sw_cli_number(cli, "lease", 0, &memory.lease) &&
        sw_cmd_vector(cli, &text, &memory.vector) && sw_cmd_value(cli, 1, &value) == SW_ERR_OK) {
        memory.content = value.slice;
        code = remember(cli, &memory);
    }
    free(value.owned);
    sw_vector_text_release(&text);
    free(list);
    return code;
}

/* --- recall ----------------------------------------------------------------------------------- */

enum { SCORE, CONTENT, AGENT, TASK, SUCCESS, UTILITY, DISTANCE, KEY, COLUMN_COUNT };

static void add_text(struct sw_output *out, size_t column, struct swarm_slice text)
{
    sw_output_cell(out, column, sw_span_of(text.data, text.size));
}

static void add_memory(struct sw_output *out, const struct swarm_recalled *memory)
{
    char distance[32];

    (void)snprintf(distance, sizeof distance, "%.9g", memory->distance);
    sw_output_row(out);
    sw_output_number(out, SCORE, memory->score);
    add_text(out, CONTENT, memory->content);
    add_text(out, AGENT, memory->agent);
    add_text(out, TASK, memory->task);
    sw_output_text(out, SUCCESS, memory->success ? "true" : "false");
    sw_output_number(out, UTILITY, memory->utility);
    sw_output_text(out, DISTANCE, distance);
    add_text(out, KEY, memory->key);
}

static void print(const struct sw_cli *cli, const struct swarm_memories *memories)
{
    static const struct sw_column columns[COLUMN_COUNT] = {[SCORE] = {"score", SW_CELL_SMALL},
                                                           [CONTENT] = {"content", SW_CELL_BYTES},
                                                           [AGENT] = {"agent", SW_CELL_TEXT},
                                                           [TASK] = {"task", SW_CELL_TEXT},
                                                           [SUCCESS] = {"success", SW_CELL_BOOL},
                                                           [UTILITY] = {"utility", SW_CELL_SMALL},
                                                           [DISTANCE] = {"distance", SW_CELL_TEXT},
                                                           [KEY] = {"key", SW_CELL_BYTES}};
    const struct swarm_result *result = swarm_memories_result(memories);
    struct sw_output out;

    sw_output_init(&out, "memories", columns, COLUMN_COUNT);
    for (size_t i = 0; i < swarm_memories_count(memories); i++) {
        add_memory(&out, swarm_memories_at(memories, i));
    }
    sw_output_field(&out, "certificate", SW_CELL_JSON, result->detail);
    sw_output_field_number(&out, "revision", result->revision);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

static int recall(struct sw_cli *cli, const struct swarm_recollection *asked)
{
    struct swarm_memories *memories = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_CONFIG)->exit_code;
    }
    status = swarm_recall(cli->client, sw_cli_scope(cli), asked, &memories, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    print(cli, memories);
    swarm_memories_free(memories);
    return 0;
}

int sw_cmd_memory_recall(struct sw_cli *cli)
{
    struct swarm_recollection asked = {.index = cli->args[0],
                                       .agent = sw_cli_flag(cli, "agent"),
                                       .task = sw_cli_flag(cli, "task"),
                                       .tag = sw_cli_flag(cli, "tag"),
                                       .successes_only = sw_cli_has(cli, "successes")};
    struct sw_vector_text text = {0};
    int code = sw_cmd_usage();

    if (sw_cmd_small_number(cli, "k", &asked.k) &&
        sw_cmd_small_number(cli, "min-utility", &asked.utility_min) &&
        sw_cli_time(cli, "half-life", 0, &asked.half_life_ms) &&
        sw_cmd_vector(cli, &text, &asked.vector)) {
        code = recall(cli, &asked);
    }
    sw_vector_text_release(&text);
    return code;
}
