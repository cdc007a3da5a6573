/* swarmctl kv: get, put, del, cas, scan; what touches more than one key is in cmd_txn.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/cmd.h"

enum { KEY, VALUE, CREATED, MODIFIED, VERSION, TIME, LEASE };
enum { STALE_MS_DEFAULT = 1000 };

static_assert(LEASE + 1 == SW_CMD_RECORD_COLUMNS, "cmd.h says how many columns a record has");

const struct sw_column sw_cmd_record_columns[SW_CMD_RECORD_COLUMNS] = {
    [KEY] = {"key", SW_CELL_BYTES},
    [VALUE] = {"value", SW_CELL_BYTES},
    [CREATED] = {"create_revision", SW_CELL_TEXT},
    [MODIFIED] = {"mod_revision", SW_CELL_TEXT},
    [VERSION] = {"version", SW_CELL_TEXT},
    [TIME] = {"time_ms", SW_CELL_TEXT},
    [LEASE] = {"lease", SW_CELL_TEXT},
};

static struct sw_span span_of(struct swarm_slice slice)
{
    return sw_span_of(slice.data, slice.size);
}

void sw_cmd_add_record(struct sw_output *out, const struct swarm_record *record)
{
    sw_output_row(out);
    sw_output_cell(out, KEY, span_of(record->key));
    sw_output_cell(out, VALUE, span_of(record->value));
    sw_output_number(out, CREATED, record->create_revision);
    sw_output_number(out, MODIFIED, record->mod_revision);
    sw_output_number(out, VERSION, record->version);
    sw_output_number(out, TIME, record->time_ms);
    if (record->lease != 0) {
        sw_output_number(out, LEASE, record->lease);
    }
}

static struct swarm_request request_of(const struct sw_cli *cli, enum swarm_op op)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = op;
    request.scope = sw_cli_scope(cli);
    if (cli->arg_count > 0) {
        request.key = swarm_str(cli->args[0]);
    }
    return request;
}

enum sw_err sw_cmd_encoding(const struct sw_cli *cli, enum sw_encoding *ret_encoding)
{
    const char *given = sw_cli_flag(cli, "encoding");

    if (given == NULL || sw_encoding_parse(given, ret_encoding)) {
        return SW_ERR_OK;
    }
    (void)sw_cli_fail_format(
        SW_ERR_INVALID, "--encoding is auto, utf8, hex or base64, not %s", given);
    return SW_ERR_INVALID;
}

enum sw_err sw_cmd_read_options(const struct sw_cli *cli, struct swarm_request *request)
{
    const char *level = sw_cli_flag(cli, "consistency");
    const bool stale = level != NULL && strcmp(level, "s") == 0;
    uint64_t max_age_ms = 0;

    if (level != NULL && !stale && strcmp(level, "l") != 0) {
        (void)sw_cli_fail_format(SW_ERR_INVALID, "--consistency is l or s, not %s", level);
        return SW_ERR_INVALID;
    }
    if (!sw_cli_number(cli, "rev", 0, &request->expected) ||
        !sw_cli_number(cli, "min-revision", 0, &request->min_revision) ||
        !sw_cli_time(cli, "max-age", stale ? STALE_MS_DEFAULT : 0, &max_age_ms)) {
        return SW_ERR_INVALID;
    }
    if ((level != NULL && !stale && max_age_ms > 0) || max_age_ms > UINT32_MAX) {
        (void)sw_cli_fail(SW_ERR_INVALID,
                          "--consistency l reads the present state, without an age");
        return SW_ERR_INVALID;
    }
    request->max_age_ms = (uint32_t)max_age_ms;
    return SW_ERR_OK;
}

/* --- get -------------------------------------------------------------------------------------- */

static void print_value(const struct swarm_result *result, enum sw_encoding encoding)
{
    const struct sw_span value = span_of(result->records[0].value);
    char *text;

    if (encoding == SW_ENCODING_AUTO || encoding == SW_ENCODING_UTF8) {
        (void)fwrite(value.data, 1, value.size, stdout); /* bytes as they are */
    } else {
        text = sw_encode(value, encoding);
        (void)fputs(text, stdout);
        free(text);
    }
    (void)fputc('\n', stdout);
}

/* Named `kv` in JSON, or what a write replaced; null if there is no such key. */
static void print_named(const struct sw_cli *cli,
                        const struct swarm_result *result,
                        const char *name,
                        enum sw_encoding encoding)
{
    struct sw_output out;

    sw_output_init(&out, name, sw_cmd_record_columns, SW_CMD_RECORD_COLUMNS);
    out.single = true;
    out.encoding = encoding;
    if (result->record_count > 0 && result->records[0].version > 0) {
        sw_cmd_add_record(&out, &result->records[0]);
    }
    sw_cmd_header(&out, result);
    if (result->age_ms > 0) {
        sw_output_field_number(&out, "age_ms", result->age_ms);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

void sw_cmd_print_record(const struct sw_cli *cli,
                         const struct swarm_result *result,
                         enum sw_encoding encoding)
{
    if (cli->format == SW_FORMAT_PLAIN) {
        print_value(result, encoding);
    } else {
        print_named(cli, result, "kv", encoding);
    }
}

int sw_cmd_kv_get(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_GET);
    enum sw_encoding encoding = SW_ENCODING_AUTO;
    struct swarm_result *result = NULL;
    enum swarm_status status;
    int code = 0;

    if (sw_cmd_encoding(cli, &encoding) != SW_ERR_OK ||
        sw_cmd_read_options(cli, &request) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    status = result->status;
    if (status == SWARM_NOT_FOUND && cli->format == SW_FORMAT_JSON) {
        print_named(cli, result, "kv", encoding);
    }
    if (status != SWARM_OK) {
        code = sw_cli_fail_result(result);
    } else {
        sw_cmd_print_record(cli, result, encoding);
    }
    swarm_result_free(result);
    return code;
}

/* --- put, cas, del ---------------------------------------------------------------------------- */

/* Reads stdin up to one byte over the limit, so that too much is refused by name. */
static char *read_stdin(size_t *ret_size)
{
    char *bytes = malloc(SW_VALUE_SIZE_MAX + 1);

    SW_ASSERT(bytes != NULL);
    *ret_size = fread(bytes, 1, SW_VALUE_SIZE_MAX + 1, stdin);
    return bytes;
}

enum sw_err sw_cmd_value(const struct sw_cli *cli, size_t arg, struct sw_cmd_value *ret_value)
{
    *ret_value = (struct sw_cmd_value){0};
    if (cli->arg_count > arg && strcmp(cli->args[arg], "-") != 0) {
        ret_value->slice = swarm_str(cli->args[arg]);
        return SW_ERR_OK;
    }
    ret_value->owned = read_stdin(&ret_value->slice.size);
    ret_value->slice.data = ret_value->owned;
    if (ferror(stdin) != 0) {
        free(ret_value->owned);
        (void)sw_cli_fail(SW_ERR_IO, "stdin could not be read");
        return SW_ERR_IO;
    }
    return SW_ERR_OK;
}

int sw_cmd_report_write(const struct sw_cli *cli, const struct swarm_result *result)
{
    struct sw_output out;

    sw_output_init(&out, "", NULL, 0);
    sw_cmd_header(&out, result);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}

/* A compare that failed is an answer too: JSON shows what the key has now. */
static int report_conflict(const struct sw_cli *cli, const struct swarm_result *result)
{
    struct sw_output out;

    if (cli->format == SW_FORMAT_JSON) {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field(&out, "succeeded", SW_CELL_BOOL, "false");
        sw_output_field_number(&out, "mod_revision", result->value);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    if (result->value == 0) {
        return sw_cli_fail(SW_ERR_CONFLICT, "there is no such key; --expected 0 makes it");
    }
    return sw_cli_fail_format(SW_ERR_CONFLICT,
                              "the key's mod revision is %llu; read it, and if it is still to be "
                              "replaced: --expected %llu",
                              (unsigned long long)result->value,
                              (unsigned long long)result->value);
}

static int write_value(struct sw_cli *cli, struct swarm_request *request)
{
    struct sw_cmd_value value;
    struct swarm_result *result = NULL;
    int code = 0;

    if (sw_cmd_value(cli, 1, &value) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_IO)->exit_code;
    }
    request->value = value.slice;
    if (!sw_cli_number(cli, "lease", 0, &request->lease)) {
        free(value.owned);
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    request->flags = sw_cli_has(cli, "previous") ? (uint32_t)SWARM_PREVIOUS : 0;
    if (sw_cmd_call(cli, request, &result, &code) == SW_ERR_OK) {
        if (result->status == SWARM_OK && request->flags != 0) {
            print_named(cli, result, "previous", SW_ENCODING_AUTO);
        } else if (result->status == SWARM_OK) {
            code = sw_cmd_report_write(cli, result);
        } else if (result->status == SWARM_CONFLICT) {
            code = report_conflict(cli, result);
        } else {
            code = sw_cli_fail_write(result);
        }
    }
    swarm_result_free(result);
    free(value.owned);
    return code;
}

int sw_cmd_kv_put(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_PUT);
    uint64_t depth = 0;

    if (!sw_cli_number(cli, "depth", 0, &depth)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    request.depth = (uint32_t)(depth < UINT32_MAX ? depth : UINT32_MAX); /* far beyond the limit */
    return write_value(cli, &request);
}

int sw_cmd_kv_cas(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_CAS);

    if (!sw_cli_has(cli, "expected")) {
        return sw_cli_fail(SW_ERR_INVALID, "kv cas needs --expected REVISION (0: absent)");
    }
    if (!sw_cli_number(cli, "expected", 0, &request.expected)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    return write_value(cli, &request);
}

int sw_cmd_kv_del(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_DELETE);
    struct swarm_result *result = NULL;
    struct sw_output out;
    int code = 0;

    request.flags = sw_cli_has(cli, "previous") ? (uint32_t)SWARM_PREVIOUS : 0;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_write(result);
    } else if (request.flags != 0) {
        print_named(cli, result, "previous", SW_ENCODING_AUTO);
    } else {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field(&out, "deleted", SW_CELL_SMALL, result->value != 0 ? "1" : "0");
        sw_cmd_header(&out, result);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    swarm_result_free(result);
    return code;
}

/* --- scan ------------------------------------------------------------------------------------- */

int sw_cmd_walk(struct sw_cli *cli,
                const struct swarm_request *first,
                uint64_t limit,
                struct sw_output *out,
                void (*add)(struct sw_output *out, const struct swarm_record *record))
{
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record = NULL;
    enum swarm_status status;
    enum sw_err err;
    int code = 0;

    err = sw_cli_open(cli);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    status = swarm_cursor_new(cli->client, first, &cursor);
    while (status == SWARM_OK && (limit == 0 || out->row_count < limit)) {
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK) {
            add(out, record);
        }
    }
    if (status != SWARM_OK && status != SWARM_NOT_FOUND) {
        code = sw_cli_fail((enum sw_err)status, cursor == NULL ? "" : swarm_cursor_detail(cursor));
    } else {
        sw_output_field_number(out, "revision", swarm_cursor_revision(cursor));
        (void)sw_output_print(out, cli->format, stdout);
    }
    swarm_cursor_free(cursor);
    return code;
}

bool sw_cmd_above_prefix(char *prefix, size_t *size)
{
    while (*size > 0 && (uint8_t)prefix[*size - 1] == UINT8_MAX) {
        (*size)--;
    }
    if (*size == 0) {
        return false;
    }
    prefix[*size - 1] = (char)((uint8_t)prefix[*size - 1] + 1);
    return true;
}

/* A prefix is a range. In reverse the range's end is the start, which is included: what equals it
 * is no key with the prefix and is left out by the caller. */
static int prefix_range(const struct sw_cli *cli, struct swarm_request *request, char *upper)
{
    const char *prefix = sw_cli_flag(cli, "prefix");
    const size_t given = strlen(prefix);
    size_t size = given;

    if (given > SW_KEY_SIZE_MAX) {
        return sw_cli_fail_format(
            SW_ERR_TOO_LARGE, "prefix is %zu bytes, a key has at most %d", given, SW_KEY_SIZE_MAX);
    }
    if (sw_cli_has(cli, "from") || sw_cli_has(cli, "to") || sw_cli_has(cli, "reverse")) {
        return sw_cli_fail(SW_ERR_INVALID, "--prefix excludes --from, --to and --reverse");
    }
    memcpy(upper, prefix, given + 1);
    request->key = swarm_str(prefix);
    if (sw_cmd_above_prefix(upper, &size)) {
        request->end_key = (struct swarm_slice){.data = upper, .size = size};
    }
    return 0;
}

int sw_cmd_kv_scan(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_SCAN);
    char upper[SW_KEY_SIZE_MAX + 1] = "";
    struct sw_output out;
    uint64_t limit = 0;
    int code = 0;

    sw_output_init(&out, "records", sw_cmd_record_columns, SW_CMD_RECORD_COLUMNS);
    if (sw_cmd_encoding(cli, &out.encoding) != SW_ERR_OK ||
        sw_cmd_read_options(cli, &request) != SW_ERR_OK ||
        !sw_cli_number(cli, "limit", 0, &limit)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    if (sw_cli_has(cli, "prefix")) {
        code = prefix_range(cli, &request, upper);
        if (code != 0) {
            return code;
        }
    }
    if (sw_cli_has(cli, "from")) {
        request.key = swarm_str(sw_cli_flag(cli, "from"));
    }
    if (sw_cli_has(cli, "to")) {
        request.end_key = swarm_str(sw_cli_flag(cli, "to"));
    }
    request.flags = (sw_cli_has(cli, "reverse") ? (uint32_t)SWARM_REVERSE : 0) |
                    (sw_cli_has(cli, "keys-only") ? (uint32_t)SWARM_KEYS_ONLY : 0);
    request.limit = limit > 0 && limit < SW_SCAN_COUNT_MAX ? (uint32_t)limit : 0;
    code = sw_cmd_walk(cli, &request, limit, &out, sw_cmd_add_record);
    sw_output_release(&out);
    return code;
}
