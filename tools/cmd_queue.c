/* swarmctl queue: put, take, done, release, list.
 *
 * An item that was taken without a command stays taken when this program ends, for the time to live
 * of its claim: whoever does the work says `done` from another process, with item and token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/child.h"
#include "tools/cli.h"
#include "tools/cmd.h"

enum { TTL_MS = 60000, PRIORITY = 128, ITEM_SIZE = 32 };

static const struct sw_column columns[] = {{"item", SW_CELL_TEXT},
                                           {"deliveries", SW_CELL_SMALL},
                                           {"token", SW_CELL_TEXT},
                                           {"owner", SW_CELL_BYTES},
                                           {"value", SW_CELL_BYTES}};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* "PRIORITY-NUMBER" */
static void add_item(struct sw_output *out, uint8_t priority, uint64_t number)
{
    char text[ITEM_SIZE];

    (void)snprintf(text, sizeof text, "%u-%llu", priority, (unsigned long long)number);
    sw_output_text(out, 0, text);
}

static bool read_item(const char *text, uint8_t *ret_priority, uint64_t *ret_number)
{
    uint64_t priority = 0;
    const char *dash = sw_text_digits(text, &priority);

    if (dash != NULL && *dash == '-' && priority <= UINT8_MAX &&
        sw_text_number(dash + 1, ret_number)) {
        *ret_priority = (uint8_t)priority;
        return true;
    }
    (void)sw_cli_fail_format(
        SW_ERR_INVALID, "an item is PRIORITY-NUMBER, as take and list tell, not %s", text);
    return false;
}

/* Of the first argument; NULL, and the line printed: `ret_code` is the exit code. */
static struct swarm_queue *open_queue(struct sw_cli *cli, uint64_t ttl_ms, int *ret_code)
{
    const char *owner = sw_cli_flag(cli, "owner");
    struct swarm_queue *queue = NULL;
    enum swarm_status status;
    const enum sw_err err = sw_cli_open(cli);

    if (err != SW_ERR_OK) {
        *ret_code = sw_err_info(err)->exit_code;
        return NULL;
    }
    status = swarm_queue_open(cli->client,
                              sw_cli_scope(cli),
                              swarm_str(cli->args[0]),
                              swarm_str(owner == NULL ? "swarmctl" : owner),
                              (uint32_t)ttl_ms,
                              &queue);
    if (status != SWARM_OK) {
        *ret_code =
            sw_cli_fail((enum sw_err)status,
                        "a queue's name has 1 to 200 bytes, and a claim lives 100ms to 24h");
    }
    return queue;
}

int sw_cmd_queue_put(struct sw_cli *cli)
{
    struct swarm_queue *queue;
    struct sw_cmd_value value;
    struct sw_output out;
    uint64_t priority, number = 0;
    enum swarm_status status;
    int code = 0;

    if (!sw_cli_number(cli, "priority", PRIORITY, &priority)) {
        return sw_cmd_usage();
    }
    if (priority > UINT8_MAX) {
        return sw_cli_fail(SW_ERR_INVALID, "a priority is 0 (the first) to 255");
    }
    if (sw_cmd_value(cli, 1, &value) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_IO)->exit_code;
    }
    queue = open_queue(cli, TTL_MS, &code);
    if (queue != NULL) {
        status = swarm_queue_put(queue, (uint8_t)priority, value.slice, &number);
        if (status == SWARM_OK) {
            sw_output_init(&out, "item", columns, 1);
            out.single = true;
            sw_output_row(&out);
            add_item(&out, (uint8_t)priority, number);
            (void)sw_output_print(&out, cli->format, stdout);
            sw_output_release(&out);
        } else {
            code = sw_cli_fail((enum sw_err)status, "the item may be there or not: see queue list");
        }
        (void)swarm_queue_close(queue);
    }
    free(value.owned);
    return code;
}

/* --- taking ----------------------------------------------------------------------------------- */

static void add_row(struct sw_output *out, const struct swarm_queue_row *row)
{
    sw_output_row(out);
    add_item(out, row->priority, row->number);
    sw_output_number(out, 1, row->deliveries);
    if (row->token != 0) {
        sw_output_number(out, 2, row->token);
        sw_output_cell(out, 3, sw_span_of(row->owner.data, row->owner.size));
    }
    sw_output_cell(out, 4, sw_span_of(row->value.data, row->value.size));
}

static int show(struct sw_cli *cli, const struct swarm_queue_item *item)
{
    const char *owner = sw_cli_flag(cli, "owner");
    const struct swarm_queue_row row = {.priority = item->priority,
                                        .number = item->number,
                                        .deliveries = item->deliveries,
                                        .token = item->token,
                                        .owner = swarm_str(owner == NULL ? "swarmctl" : owner),
                                        .value = item->value};
    struct sw_output out;

    sw_output_init(&out, "item", columns, COLUMNS);
    out.single = true;
    add_row(&out, &row);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}

static bool always(const void *arg)
{
    (void)arg;
    return true;
}

/* The command's success is the acknowledgement, its failure gives the item back. Whether the claim
 * still stands is found out then: the acknowledgement is a transaction that asks for it. */
static int work(const struct sw_cli *cli, struct swarm_queue *queue, struct swarm_queue_item *item)
{
    const int code =
        sw_child_run(&(struct sw_child){.words = &cli->args[1],
                                        .count = cli->arg_count - 1,
                                        .variables = {{"SWARM_QUEUE_NUMBER", item->number},
                                                      {"SWARM_QUEUE_TOKEN", item->token},
                                                      {"SWARM_QUEUE_DELIVERIES", item->deliveries}},
                                        .input = &item->value,
                                        .holds = always,
                                        .lost = "the item was lost"});
    enum swarm_status status;

    if (code != 0) {
        (void)swarm_queue_release(queue, item); /* else it comes back with the lease */
        return code;
    }
    status = swarm_queue_ack(queue, item);
    return status == SWARM_OK
               ? 0
               : sw_cli_fail((enum sw_err)status,
                             status == SWARM_CONFLICT
                                 ? "the work was done, but the item had come back to the queue"
                                 : "the work was done; the item may come again");
}

int sw_cmd_queue_take(struct sw_cli *cli)
{
    struct swarm_queue_item *item = NULL;
    struct swarm_queue *queue;
    uint64_t ttl_ms, wait_ms;
    enum swarm_status status;
    int code = 0;

    if (!sw_cmd_before_command(cli, 1) || !sw_cli_time(cli, "ttl", TTL_MS, &ttl_ms) ||
        !sw_cli_time(cli, "wait", 0, &wait_ms)) {
        return sw_cmd_usage();
    }
    queue = open_queue(cli, ttl_ms, &code);
    if (queue == NULL) {
        return code;
    }
    status = swarm_queue_take(queue, swarm_now_ms() + wait_ms, &item);
    if (status != SWARM_OK) {
        code = sw_cli_fail((enum sw_err)status,
                           status == SWARM_NOT_FOUND ? "no item is free; --wait TIME waits for one"
                                                     : "no item was taken");
        (void)swarm_queue_close(queue);
    } else if (cli->arg_count > 1) {
        code = work(cli, queue, item);
        (void)swarm_queue_close(queue);
    } else {
        code = show(cli, item);
        swarm_queue_leave(queue);
    }
    swarm_queue_item_free(item);
    return code;
}

/* --- what becomes of an item ------------------------------------------------------------------ */

static int finish(struct sw_cli *cli,
                  enum swarm_status (*how)(struct swarm_queue *queue,
                                           struct swarm_queue_item *item),
                  const char *name)
{
    struct swarm_queue_item *item;
    struct swarm_queue *queue;
    struct sw_output out;
    uint64_t number, token;
    uint8_t priority;
    enum swarm_status status;
    int code = 0;

    if (!read_item(cli->args[1], &priority, &number) || !sw_cli_number(cli, "token", 0, &token)) {
        return sw_cmd_usage();
    }
    if (token == 0) {
        return sw_cli_fail(SW_ERR_INVALID, "--token TOKEN says whose item it is; take told it");
    }
    queue = open_queue(cli, TTL_MS, &code);
    if (queue == NULL) {
        return code;
    }
    item = swarm_queue_item_of(queue, priority, number, token);
    status = how(queue, item);
    if (status == SWARM_OK) {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field(&out, name, SW_CELL_TEXT, cli->args[1]);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    } else {
        code = sw_cli_fail((enum sw_err)status,
                           status == SWARM_CONFLICT
                               ? "the item is not, or no more, this token's; nothing was changed"
                               : "it may be done or not: see queue list");
    }
    swarm_queue_item_free(item);
    (void)swarm_queue_close(queue);
    return code;
}

int sw_cmd_queue_done(struct sw_cli *cli)
{
    return finish(cli, swarm_queue_ack, "done");
}

int sw_cmd_queue_release(struct sw_cli *cli)
{
    return finish(cli, swarm_queue_release, "released");
}

int sw_cmd_queue_list(struct sw_cli *cli)
{
    enum sw_encoding encoding = SW_ENCODING_AUTO;
    struct swarm_queue_rows *rows = NULL;
    struct swarm_queue *queue;
    struct sw_output out;
    uint64_t limit;
    enum swarm_status status;
    int code = 0;

    if (sw_cmd_encoding(cli, &encoding) != SW_ERR_OK || !sw_cli_number(cli, "limit", 0, &limit)) {
        return sw_cmd_usage();
    }
    queue = open_queue(cli, TTL_MS, &code);
    if (queue == NULL) {
        return code;
    }
    status = swarm_queue_list(queue, limit, &rows);
    if (status == SWARM_OK) {
        sw_output_init(&out, "items", columns, COLUMNS);
        out.encoding = encoding;
        for (size_t i = 0; i < swarm_queue_rows_count(rows); i++) {
            add_row(&out, swarm_queue_rows_at(rows, i));
        }
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
        swarm_queue_rows_free(rows);
    } else {
        code = sw_cli_fail((enum sw_err)status, "");
    }
    (void)swarm_queue_close(queue);
    return code;
}
