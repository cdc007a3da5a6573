/* swarmctl memory: what is read of memories. Every list has the same columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tools/cli.h"
#include "tools/cmd.h"

enum {
    SCORE,
    CONTENT,
    AGENT,
    TASK,
    SUCCESS,
    UTILITY,
    IMPORTANCE,
    TIER,
    DISTANCE,
    KEY,
    PARTITION,
    DEPTH,
    FROM,
    STATE,
    MORE,
    COLUMN_COUNT
};

static const struct sw_column columns[COLUMN_COUNT] = {[SCORE] = {"score", SW_CELL_SMALL},
                                                       [CONTENT] = {"content", SW_CELL_BYTES},
                                                       [AGENT] = {"agent", SW_CELL_TEXT},
                                                       [TASK] = {"task", SW_CELL_TEXT},
                                                       [SUCCESS] = {"success", SW_CELL_BOOL},
                                                       [UTILITY] = {"utility", SW_CELL_SMALL},
                                                       [IMPORTANCE] = {"importance", SW_CELL_SMALL},
                                                       [TIER] = {"tier", SW_CELL_TEXT},
                                                       [DISTANCE] = {"distance", SW_CELL_TEXT},
                                                       [KEY] = {"key", SW_CELL_BYTES},
                                                       [PARTITION] = {"partition", SW_CELL_TEXT},
                                                       [DEPTH] = {"depth", SW_CELL_TEXT},
                                                       [FROM] = {"from", SW_CELL_BYTES},
                                                       [STATE] = {"state", SW_CELL_TEXT},
                                                       [MORE] = {"more", SW_CELL_JSON}};

static void add_text(struct sw_output *out, size_t column, struct swarm_slice text)
{
    if (text.size > 0) {
        sw_output_cell(out, column, sw_span_of(text.data, text.size));
    }
}

/* What is in no column: for programs. */
static void add_more(struct sw_output *out, const struct swarm_recalled *memory)
{
    struct sw_buf text = {0};

    sw_buf_printf(&text,
                  "{\"revision\":\"%llu\",\"created\":\"%llu\",\"time_ms\":\"%llu\","
                  "\"born_ms\":\"%llu\",\"touched_ms\":\"%llu\",\"uses\":\"%llu\","
                  "\"session\":\"%llu\",\"author\":\"%.*s\",\"sources\":%zu}",
                  (unsigned long long)memory->revision,
                  (unsigned long long)memory->created,
                  (unsigned long long)memory->time_ms,
                  (unsigned long long)memory->born_ms,
                  (unsigned long long)memory->touched_ms,
                  (unsigned long long)memory->uses,
                  (unsigned long long)memory->session,
                  (int)memory->author.size,
                  memory->author.size == 0 ? "" : (const char *)memory->author.data,
                  memory->source_count);
    sw_output_cell(out, MORE, sw_buf_span(&text));
    sw_buf_release(&text);
}

static const char *state_of(const struct swarm_recalled *memory)
{
    return memory->is_gone       ? "gone"
           : memory->is_cut      ? "cut"
           : memory->is_archived ? "archived"
                                 : "";
}

static void add_memory(struct sw_output *out, const struct swarm_recalled *memory, bool recalled)
{
    static const char *const tiers[] = {"short", "working", "long"};
    char number[32];

    sw_output_row(out);
    add_text(out, KEY, memory->key);
    if (memory->depth != 0) {
        (void)snprintf(number, sizeof number, "%d", (int)memory->depth);
        sw_output_text(out, DEPTH, number);
        add_text(out, FROM, memory->from);
    }
    if (recalled && memory->depth == 0) {
        (void)snprintf(number, sizeof number, "%.9g", memory->distance);
        sw_output_number(out, SCORE, memory->score);
        sw_output_text(out, DISTANCE, number);
    }
    if (memory->partition != NULL) {
        sw_output_text(out, PARTITION, memory->partition);
    }
    sw_output_text(out, STATE, state_of(memory));
    if (memory->is_gone) {
        return;
    }
    add_text(out, CONTENT, memory->content);
    add_text(out, AGENT, memory->agent);
    add_text(out, TASK, memory->task);
    sw_output_text(out, SUCCESS, memory->success ? "true" : "false");
    sw_output_number(out, UTILITY, memory->utility);
    sw_output_number(out, IMPORTANCE, memory->importance);
    sw_output_text(out, TIER, tiers[memory->tier]);
    add_more(out, memory);
}

/* Who was asked and did not answer. */
static void add_silent(struct sw_output *out, const struct swarm_memories *memories)
{
    struct sw_buf text = {0};

    sw_buf_printf(&text, "[");
    for (size_t i = 0; i < swarm_memories_asked(memories); i++) {
        const struct swarm_memories_part part = swarm_memories_part(memories, i);

        sw_buf_printf(&text,
                      "%s{\"partition\":\"%s\",\"status\":\"%s\",\"revision\":\"%llu\"}",
                      i == 0 ? "" : ",",
                      part.partition,
                      sw_err_name((enum sw_err)part.status),
                      (unsigned long long)part.revision);
    }
    sw_buf_printf(&text, "]");
    sw_write_u8(&text, 0);
    sw_output_field(out, "partitions", SW_CELL_JSON, (const char *)text.data);
    sw_buf_release(&text);
    sw_output_field_number(out, "asked", swarm_memories_asked(memories));
    sw_output_field_number(out, "answered", swarm_memories_answered(memories));
}

static int print(const struct sw_cli *cli, struct swarm_memories *memories, bool recalled)
{
    const struct swarm_result *result = swarm_memories_result(memories);
    struct sw_output out;

    sw_output_init(&out, "memories", columns, COLUMN_COUNT);
    for (size_t i = 0; i < swarm_memories_count(memories); i++) {
        add_memory(&out, swarm_memories_at(memories, i), recalled);
    }
    if (result != NULL) {
        sw_output_field(&out, "certificate", SW_CELL_JSON, result->detail);
        sw_output_field_number(&out, "revision", result->revision);
        add_silent(&out, memories);
    }
    sw_output_field(&out, "more", SW_CELL_BOOL, swarm_memories_more(memories) ? "true" : "false");
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    if (swarm_memories_answered(memories) < swarm_memories_asked(memories)) {
        fprintf(stderr,
                "swarmctl: %zu of %zu partitions did not answer\n",
                swarm_memories_asked(memories) - swarm_memories_answered(memories),
                swarm_memories_asked(memories));
    }
    swarm_memories_free(memories);
    return 0;
}

static int not_open(void)
{
    return sw_err_info(SW_ERR_CONFIG)->exit_code;
}

/* --- recall ----------------------------------------------------------------------------------- */

enum { PARTITIONS_MAX = 1024 };

static int recall(struct sw_cli *cli, const struct swarm_recollection *asked)
{
    struct swarm_memories *memories = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_recall(cli->client, sw_cli_scope(cli), asked, &memories, why, sizeof why);
    return status == SWARM_OK ? print(cli, memories, true) : sw_cli_fail((enum sw_err)status, why);
}

/* Cuts --partitions; false, and the line printed, if there are too many. */
static bool name_partitions(char *list, const char **names, struct swarm_recollection *asked)
{
    asked->partitions = names;
    while (list != NULL) {
        char *end = strchr(list, ',');

        if (asked->partition_count == PARTITIONS_MAX) {
            (void)sw_cli_fail(SW_ERR_INVALID, "at most 1024 partitions are asked at once");
            return false;
        }
        names[asked->partition_count++] = list;
        if (end != NULL) {
            *end = '\0';
        }
        list = end == NULL ? NULL : end + 1;
    }
    return true;
}

int sw_cmd_memory_recall(struct sw_cli *cli)
{
    struct swarm_recollection asked = {.index = cli->args[0],
                                       .agent = sw_cli_flag(cli, "agent"),
                                       .task = sw_cli_flag(cli, "task"),
                                       .tag = sw_cli_flag(cli, "tag"),
                                       .successes_only = sw_cli_has(cli, "successes"),
                                       .follow = sw_cli_flag(cli, "follow"),
                                       .all_partitions = sw_cli_has(cli, "all-partitions")};
    const char *given = sw_cli_flag(cli, "partitions");
    char *list = given == NULL ? NULL : strdup(given);
    const char **names = calloc(PARTITIONS_MAX, sizeof *names);
    struct sw_vector_text text = {0};
    int code = sw_cmd_usage();

    if (names != NULL && name_partitions(list, names, &asked) &&
        sw_cmd_small_number(cli, "k", &asked.k) &&
        sw_cmd_small_number(cli, "min-utility", &asked.utility_min) &&
        sw_cmd_small_number(cli, "min-importance", &asked.importance_min) &&
        sw_cmd_small_number(cli, "depth", &asked.follow_depth) &&
        sw_cli_time(cli, "half-life", 0, &asked.half_life_ms) &&
        sw_cmd_vector(cli, &text, &asked.vector)) {
        code = recall(cli, &asked);
    }
    sw_vector_text_release(&text);
    free(names);
    free(list);
    return code;
}

/* --- other reads ------------------------------------------------------------------------------ */

int sw_cmd_memory_get(struct sw_cli *cli)
{
    struct swarm_memories *memories = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_memory_get(
        cli->client, sw_cli_scope(cli), swarm_str(cli->args[0]), &memories, why, sizeof why);
    return status == SWARM_OK ? print(cli, memories, false) : sw_cli_fail((enum sw_err)status, why);
}

int sw_cmd_memory_list(struct sw_cli *cli)
{
    const char *after = sw_cli_flag(cli, "after");
    struct swarm_memories *memories = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;
    uint32_t limit = 0;

    if (!sw_cmd_small_number(cli, "limit", &limit)) {
        return sw_cmd_usage();
    }
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_memory_list(cli->client,
                               sw_cli_scope(cli),
                               sw_cli_flag(cli, "agent"),
                               swarm_str(after == NULL ? "" : after),
                               limit,
                               &memories,
                               why,
                               sizeof why);
    return status == SWARM_OK ? print(cli, memories, false) : sw_cli_fail((enum sw_err)status, why);
}

int sw_cmd_memory_explain(struct sw_cli *cli)
{
    struct swarm_memories *memories = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;
    uint32_t limit = 0;

    if (!sw_cmd_small_number(cli, "limit", &limit)) {
        return sw_cmd_usage();
    }
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_memory_explain(
        cli->client, sw_cli_scope(cli), swarm_str(cli->args[0]), limit, &memories, why, sizeof why);
    return status == SWARM_OK ? print(cli, memories, false) : sw_cli_fail((enum sw_err)status, why);
}
