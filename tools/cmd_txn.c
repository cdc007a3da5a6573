/* swarmctl txn, kv merge, kv mget: what touches many keys, or a key by what it holds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/cmd.h"
#include "tools/txn_text.h"
#include "transport/merge.h"

/* --- transactions ----------------------------------------------------------------------------- */

/* All of a file, or of stdin, up to what a transaction may be as text: every byte as \xNN. */
static enum sw_err read_text(const struct sw_cli *cli, char **ret_text, size_t *ret_size)
{
    const bool is_stdin = cli->arg_count == 0 || strcmp(cli->args[0], "-") == 0;
    const size_t size_max = 4 * (size_t)SW_VALUE_SIZE_MAX;
    FILE *file = is_stdin ? stdin : fopen(cli->args[0], "r");
    enum sw_err err = SW_ERR_OK;

    if (file == NULL) {
        (void)sw_cli_fail_format(
            SW_ERR_IO, "cannot open %s: %s", cli->args[0], strerrordesc_np(errno));
        return SW_ERR_IO;
    }
    *ret_text = malloc(size_max + 1);
    SW_ASSERT(*ret_text != NULL);
    *ret_size = fread(*ret_text, 1, size_max + 1, file);
    if (ferror(file) != 0) {
        err = SW_ERR_IO;
        (void)sw_cli_fail(err, "the transaction could not be read");
    } else if (*ret_size > size_max) {
        err = SW_ERR_TOO_LARGE;
        (void)sw_cli_fail(err, "the transaction's text is over 4 MiB");
    }
    if (!is_stdin) {
        (void)fclose(file);
    }
    return err;
}

/* The operations that ran, one for each record. */
static const struct swarm_txn_op *ran(const struct swarm_txn *txn,
                                      const struct swarm_result *result)
{
    SW_ASSERT(result->record_count == (result->succeeded ? txn->then_count : txn->else_count));
    return result->succeeded ? txn->then_ops : txn->else_ops;
}

static void
add_result(struct sw_output *out, const struct swarm_txn_op *op, const struct swarm_record *record)
{
    static const char *const names[] = {[SWARM_TXN_PUT] = "put",
                                        [SWARM_TXN_GET] = "get",
                                        [SWARM_TXN_DELETE] = "del",
                                        [SWARM_TXN_MERGE] = "merge"};

    sw_cmd_add_record(out, record);
    sw_output_text(out, SW_CMD_RECORD_COLUMNS, names[op->kind]);
}

static int report_txn(const struct sw_cli *cli,
                      const struct swarm_txn *txn,
                      const struct swarm_result *result,
                      enum sw_encoding encoding)
{
    struct sw_column columns[SW_CMD_RECORD_COLUMNS + 1];
    struct sw_output out;

    memcpy(columns, sw_cmd_record_columns, SW_CMD_RECORD_COLUMNS * sizeof columns[0]);
    columns[SW_CMD_RECORD_COLUMNS] = (struct sw_column){"op", SW_CELL_TEXT};
    sw_output_init(&out, "results", columns, SW_CMD_RECORD_COLUMNS + 1);
    out.encoding = encoding;
    for (size_t i = 0; i < result->record_count; i++) {
        add_result(&out, &ran(txn, result)[i], &result->records[i]);
    }
    sw_output_field(&out, "succeeded", SW_CELL_BOOL, result->succeeded ? "true" : "false");
    sw_cmd_header(&out, result);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return result->succeeded ? 0
                             : sw_cli_fail_format(SW_ERR_CONFLICT,
                                                  "compare %llu does not hold",
                                                  (unsigned long long)result->value);
}

/* Nothing was done: the line says which operation is the reason. */
static int fail_txn(const struct swarm_result *result)
{
    const enum sw_err err = (enum sw_err)result->status;

    if (result->value != 0 &&
        (err == SW_ERR_WRONG_TYPE || err == SW_ERR_OUT_OF_RANGE || err == SW_ERR_TOO_LARGE)) {
        return sw_cli_fail_format(
            err, "operation %llu; nothing was written", (unsigned long long)result->value);
    }
    return sw_cli_fail_write(result);
}

static int run_txn(struct sw_cli *cli, const struct swarm_txn *txn)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    enum sw_encoding encoding = SW_ENCODING_AUTO;
    struct swarm_result *result = NULL;
    int code = 0;

    if (sw_cmd_encoding(cli, &encoding) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    request.op = SWARM_TXN;
    request.scope = sw_cli_scope(cli);
    request.txn = txn;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    code = result->status == SWARM_OK ? report_txn(cli, txn, result, encoding) : fail_txn(result);
    swarm_result_free(result);
    return code;
}

int sw_cmd_txn(struct sw_cli *cli)
{
    struct sw_txn_text *txn = calloc(1, sizeof *txn);
    char why[SW_WHY_SIZE] = "";
    char *text = NULL;
    size_t size = 0;
    enum sw_err err;
    int code;

    SW_ASSERT(txn != NULL);
    err = read_text(cli, &text, &size);
    code = sw_err_info(err)->exit_code;
    if (err == SW_ERR_OK) {
        err = sw_txn_text_parse(text, size, txn, why);
        code = err == SW_ERR_OK ? run_txn(cli, &txn->txn) : sw_cli_fail(err, why);
    }
    sw_txn_text_release(txn);
    free(txn);
    free(text);
    return code;
}

/* --- merge ------------------------------------------------------------------------------------ */

static int merge(struct sw_cli *cli, enum sw_merge rule, struct swarm_slice operand)
{
    enum sw_encoding encoding = SW_ENCODING_AUTO;
    struct swarm_result *result = NULL;
    enum sw_err err;
    int code;

    if (sw_cmd_encoding(cli, &encoding) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    err = sw_cli_open(cli);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    (void)swarm_merge(cli->client,
                      sw_cli_scope(cli),
                      swarm_str(cli->args[0]),
                      (enum swarm_merge_operator)rule,
                      operand,
                      &result);
    if (result->status == SWARM_OK) {
        sw_cmd_print_record(cli, result, encoding);
        code = 0;
    } else {
        code = fail_txn(result);
    }
    swarm_result_free(result);
    return code;
}

int sw_cmd_kv_merge(struct sw_cli *cli)
{
    struct sw_cmd_value value;
    enum sw_merge rule;
    int code;

    if (!sw_merge_by_name(cli->args[1], &rule)) {
        return sw_cli_fail_format(SW_ERR_INVALID,
                                  "a merge is replace, append, set-union, add, max or min, not %s",
                                  cli->args[1]);
    }
    if (sw_cmd_value(cli, 2, &value) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_IO)->exit_code;
    }
    code = merge(cli, rule, value.slice);
    free(value.owned);
    return code;
}

/* --- mget ------------------------------------------------------------------------------------- */

static int
report_mget(const struct sw_cli *cli, struct sw_output *out, const struct swarm_result *result)
{
    const char *absent = NULL;

    if (result->status != SWARM_OK) {
        return sw_cli_fail_result(result);
    }
    if (result->more) { /* half of it now and half later would not be of one revision */
        return sw_cli_fail_format(SW_ERR_TOO_LARGE,
                                  "the values of %zu keys are over %d bytes: ask for fewer at once",
                                  cli->arg_count,
                                  SW_SCAN_SIZE_MAX);
    }
    for (size_t i = 0; i < result->record_count; i++) {
        if (result->records[i].version > 0) {
            sw_cmd_add_record(out, &result->records[i]);
        } else if (absent == NULL) {
            absent = cli->args[i];
        }
    }
    sw_cmd_header(out, result);
    (void)sw_output_print(out, cli->format, stdout);
    return absent == NULL ? 0 : sw_cli_fail_format(SW_ERR_NOT_FOUND, "there is no key %s", absent);
}

/* Prints the keys that exist, all as of one revision. */
int sw_cmd_kv_mget(struct sw_cli *cli)
{
    struct swarm_slice keys[SW_CLI_ARGS_MAX];
    struct swarm_result *result = NULL;
    struct sw_output out;
    enum sw_err err;
    int code;

    sw_output_init(&out, "records", sw_cmd_record_columns, SW_CMD_RECORD_COLUMNS);
    if (sw_cmd_encoding(cli, &out.encoding) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    for (size_t i = 0; i < cli->arg_count; i++) {
        keys[i] = swarm_str(cli->args[i]);
    }
    err = sw_cli_open(cli);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    (void)swarm_multi_get(cli->client, sw_cli_scope(cli), keys, cli->arg_count, &result);
    code = report_mget(cli, &out, result);
    sw_output_release(&out);
    swarm_result_free(result);
    return code;
}
