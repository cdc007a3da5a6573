/* swarmctl watch: changes of keys as they happen, one line each. */
#include <inttypes.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cmd.h"

struct following {
    void (*print)(void *arg, const struct swarm_record *record);
    void *arg;
    uint64_t left; /* changes to print; 0 = without end */
    bool ended;
    int code;
    sem_t done;
};

/* How changes of keys are printed. */
struct printing {
    const struct sw_cli *cli;
    enum sw_encoding encoding;
};

static void print_change(void *arg, const struct swarm_record *record)
{
    const struct printing *printing = arg;
    struct sw_column columns[SW_CMD_RECORD_COLUMNS + 2];
    struct sw_output out;

    memcpy(columns, sw_cmd_record_columns, SW_CMD_RECORD_COLUMNS * sizeof columns[0]);
    columns[SW_CMD_RECORD_COLUMNS] = (struct sw_column){"event", SW_CELL_TEXT};
    columns[SW_CMD_RECORD_COLUMNS + 1] = (struct sw_column){"depth", SW_CELL_TEXT};
    sw_output_init(&out, "change", columns, SW_CMD_RECORD_COLUMNS + 2);
    out.single = true;
    out.encoding = printing->encoding;
    sw_cmd_add_record(&out, record);
    sw_output_text(&out, SW_CMD_RECORD_COLUMNS, record->version == 0 ? "delete" : "put");
    sw_output_number(&out, SW_CMD_RECORD_COLUMNS + 1, record->depth);
    (void)sw_output_print(&out, printing->cli->format, stdout);
    sw_output_release(&out);
}

static void end(struct following *following, int code)
{
    if (!following->ended) {
        following->ended = true;
        following->code = code;
        (void)sem_post(&following->done);
    }
}

static void changed(void *arg, const struct swarm_result *result)
{
    struct following *following = arg;

    if (result->status != SWARM_OK) {
        end(following, following->ended ? 0 : sw_cli_fail_result(result));
        return;
    }
    for (size_t i = 0; i < result->record_count && !following->ended; i++) {
        following->print(following->arg, &result->records[i]);
        if (following->left > 0 && --following->left == 0) {
            end(following, 0);
        }
    }
    if (ferror(stdout) != 0) {
        end(following, sw_err_info(SW_ERR_IO)->exit_code); /* nobody reads any more */
    }
}

/* The present revision, for whoever does not name one. */
static int now(struct sw_cli *cli, struct swarm_scope scope, uint64_t *ret_revision)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    int code = 0;

    request.op = SWARM_SCAN;
    request.scope = scope;
    request.limit = 1;
    request.flags = SWARM_KEYS_ONLY;
    if (sw_cmd_call(cli, &request, &result, &code) == SW_ERR_OK) {
        *ret_revision = result->revision;
        code = result->status == SWARM_OK ? 0 : sw_cli_fail_result(result);
        swarm_result_free(result);
    }
    return code;
}

/* From now on unless --after says more. What is yet to come is not "too old". */
static int begin_of(struct sw_cli *cli, struct swarm_watch_options *options)
{
    uint64_t present = 0;
    const int code = now(cli, options->scope, &present);

    if (code != 0) {
        return code;
    }
    if (!sw_cli_has(cli, "after")) {
        options->after = present;
    }
    return options->after <= present
               ? 0
               : sw_cli_fail_format(SW_ERR_FUTURE_REVISION,
                                    "--after %" PRIu64 ", and the present revision is %" PRIu64,
                                    options->after,
                                    present);
}

static int
follow(struct sw_cli *cli, const struct swarm_watch_options *options, struct following *following)
{
    struct swarm_watch *watch = NULL;
    char why[SW_WHY_SIZE] = "";
    const enum swarm_status status =
        swarm_watch_new(cli->client, options, changed, following, &watch, why, sizeof why);

    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    while (sem_wait(&following->done) != 0) {
    }
    swarm_watch_free(watch);
    return following->code;
}

int sw_cmd_follow(struct sw_cli *cli,
                  struct swarm_watch_options *options,
                  void (*print)(void *arg, const struct swarm_record *record),
                  void *arg)
{
    struct following following = {.print = print, .arg = arg};
    enum sw_err err;
    int code;

    options->scope = sw_cli_scope(cli);
    if (!sw_cli_number(cli, "limit", 0, &following.left) ||
        !sw_cli_number(cli, "after", 0, &options->after)) {
        return sw_cmd_usage();
    }
    err = sw_cli_open(cli);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    code = begin_of(cli, options);
    (void)sem_init(&following.done, 0, 0);
    if (code == 0) {
        code = follow(cli, options, &following);
    }
    (void)sem_destroy(&following.done);
    return code;
}

/* One key is the range up to itself and a 0x00; a prefix is the range up to what follows it. */
static int range_of(const struct sw_cli *cli,
                    struct swarm_watch_options *options,
                    char end_key[SW_KEY_SIZE_MAX + 2])
{
    const char *prefix = sw_cli_flag(cli, "prefix");
    const char *key = cli->arg_count > 0 ? cli->args[0] : prefix;
    size_t size = key == NULL ? 0 : strlen(key);

    if (key == NULL) {
        return 0;
    }
    if (cli->arg_count > 0 && prefix != NULL) {
        return sw_cli_fail(SW_ERR_INVALID, "--prefix stands in the place of a key");
    }
    if (size > SW_KEY_SIZE_MAX - 1) {
        return sw_cli_fail_format(
            SW_ERR_TOO_LARGE, "a key to watch has at most %d bytes", SW_KEY_SIZE_MAX - 1);
    }
    options->key = swarm_str(key);
    memcpy(end_key, key, size + 1);
    if (cli->arg_count > 0) {
        options->end_key = (struct swarm_slice){.data = end_key, .size = size + 1};
    } else if (sw_cmd_above_prefix(end_key, &size)) {
        options->end_key = (struct swarm_slice){.data = end_key, .size = size};
    }
    return 0;
}

int sw_cmd_watch(struct sw_cli *cli)
{
    struct swarm_watch_options options = SWARM_INIT(struct swarm_watch_options);
    struct printing printing = {.cli = cli, .encoding = SW_ENCODING_AUTO};
    char end_key[SW_KEY_SIZE_MAX + 2] = "";
    int code;

    options.flags = (sw_cli_has(cli, "keys-only") ? (uint32_t)SWARM_KEYS_ONLY : 0) |
                    (sw_cli_has(cli, "puts") ? (uint32_t)SWARM_PUTS : 0) |
                    (sw_cli_has(cli, "deletes") ? (uint32_t)SWARM_DELETES : 0);
    if (sw_cmd_encoding(cli, &printing.encoding) != SW_ERR_OK) {
        return sw_cmd_usage();
    }
    code = range_of(cli, &options, end_key);
    return code == 0 ? sw_cmd_follow(cli, &options, print_change, &printing) : code;
}
