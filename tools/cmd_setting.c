/* Settings from flags to text, and from records to rows. */
#include "tools/cmd_setting.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"

void sw_setting_line(struct sw_buf *text, const char *name, const char *value)
{
    sw_write_bytes(text, sw_span_str(name));
    sw_write_u8(text, '=');
    sw_write_bytes(text, sw_span_str(value));
    sw_write_u8(text, '\n');
}

bool sw_setting_flag_number(const struct sw_cli *cli,
                            const char *flag,
                            const char *name,
                            struct sw_buf *text)
{
    uint64_t number = 0;
    char value[24];

    if (!sw_cli_has(cli, flag)) {
        return true;
    }
    if (!sw_cli_number(cli, flag, 0, &number)) {
        return false;
    }
    (void)snprintf(value, sizeof value, "%" PRIu64, number);
    sw_setting_line(text, name, value);
    return true;
}

bool sw_setting_flag_rights(const struct sw_cli *cli, struct sw_buf *text)
{
    const char *at = sw_cli_flag(cli, "rights");

    while (at != NULL && *at != '\0') {
        const char *end = strchr(at, ',');
        const size_t size = end == NULL ? strlen(at) : (size_t)(end - at);
        struct sw_right right;

        if (!sw_right_parse(sw_span_of(at, size), &right)) {
            (void)sw_cli_fail_format(
                SW_ERR_INVALID,
                "a right is like \"rw TENANT\" or \"r TENANT PREFIX\", with r, "
                "w and a in this order, not %.*s",
                (int)size,
                at);
            return false;
        }
        sw_write_bytes(text, sw_span_str("right="));
        sw_write_bytes(text, sw_span_of(at, size));
        sw_write_u8(text, '\n');
        at = end == NULL ? NULL : end + 1;
    }
    return true;
}

bool sw_setting_scope(const struct sw_cli *cli, char out[SW_SETTING_NAME_SIZE_MAX + 1])
{
    const char *name_space = cli->arg_count > 1 ? cli->args[1] : NULL;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err = SW_ERR_INVALID;
    int size;

    size = snprintf(out,
                    SW_SETTING_NAME_SIZE_MAX + 1,
                    "%s%s%s",
                    cli->args[0],
                    name_space == NULL ? "" : " ",
                    name_space == NULL ? "" : name_space);
    if (size >= 0 && size <= SW_SETTING_NAME_SIZE_MAX) {
        err = sw_setting_check_name(SW_SETTING_QUOTA, sw_span_str(out), why);
    }
    if (err != SW_ERR_OK) {
        (void)sw_cli_fail(err, why[0] != '\0' ? why : "names are too long");
    }
    return err == SW_ERR_OK;
}

static struct swarm_request
request_of(enum swarm_op op, enum sw_setting_kind kind, const char *name)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = op;
    request.scope.partition = sw_setting_kind_name(kind);
    request.key = swarm_str(name);
    return request;
}

/* What it means that a name was to be new and is not, or was to be there and is not. */
static int fail_named(const struct swarm_request *request, const struct swarm_result *result)
{
    const char *kind = request->scope.partition;
    const int size = (int)request->key.size;
    const char *name = request->key.data;

    if (result->status == SWARM_OK || result->status == SWARM_NOT_FOUND) {
        return sw_cli_fail_format(
            SW_ERR_NOT_FOUND, "there is no %s %.*s; nothing was changed", kind, size, name);
    }
    if (result->status == SWARM_CONFLICT) {
        return sw_cli_fail_format(SW_ERR_CONFLICT,
                                  "there is a record of %s %.*s%s already; nothing was written",
                                  kind,
                                  size,
                                  name,
                                  strcmp(kind, "tenant") == 0 ? "" : " or of this key");
    }
    return sw_cli_fail_write(result);
}

/* Makes the call; prints `name` and the revision if the write was done, unless `quiet`. */
static int
write_setting(struct sw_cli *cli, const struct swarm_request *request, const char *name, bool quiet)
{
    struct swarm_result *result = NULL;
    struct sw_output out;
    int code = 0;

    if (sw_cmd_call(cli, request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK || (request->op == SWARM_SETTING_DELETE && result->value == 0)) {
        code = fail_named(request, result);
    } else if (!quiet) {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field(&out, "name", SW_CELL_TEXT, name);
        sw_output_field_number(&out, "revision", result->revision);
        if (request->op == SWARM_SETTING_DELETE) {
            sw_output_field_number(&out, "deleted", result->value);
        }
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    swarm_result_free(result);
    return code;
}

static int put(struct sw_cli *cli,
               enum sw_setting_kind kind,
               const char *name,
               const struct sw_buf *text,
               bool is_new,
               bool quiet)
{
    struct swarm_request request = request_of(SWARM_SETTING_PUT, kind, name);
    struct sw_setting setting;
    char why[SW_WHY_SIZE] = "";
    const enum sw_err err =
        sw_setting_parse(kind, sw_span_str(name), sw_buf_span(text), &setting, why);

    if (err != SW_ERR_OK) {
        return sw_cli_fail(err, why);
    }
    request.value = (struct swarm_slice){.data = text->data, .size = text->size};
    request.expected = is_new ? SW_SETTING_ABSENT : 0;
    return write_setting(cli, &request, name, quiet);
}

int sw_setting_put(struct sw_cli *cli,
                   enum sw_setting_kind kind,
                   const char *name,
                   const struct sw_buf *text,
                   bool is_new)
{
    return put(cli, kind, name, text, is_new, false);
}

int sw_setting_put_quietly(struct sw_cli *cli,
                           enum sw_setting_kind kind,
                           const char *name,
                           const struct sw_buf *text,
                           bool is_new)
{
    return put(cli, kind, name, text, is_new, true);
}

int sw_setting_delete(struct sw_cli *cli, enum sw_setting_kind kind, const char *name)
{
    const struct swarm_request request = request_of(SWARM_SETTING_DELETE, kind, name);

    return write_setting(cli, &request, name, false);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct swarm_request sw_system_scan(const char *name_space, const char *partition)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = SWARM_SCAN;
    request.scope.tenant = SW_SYSTEM_TENANT;
    request.scope.name_space = name_space;
    request.scope.partition = partition;
    return request;
}

/* A row of a record; false if it is none that this program knows. */
static bool add_row(enum sw_setting_kind kind,
                    const struct swarm_record *record,
                    struct sw_output *out,
                    void (*add)(struct sw_output *out, const struct sw_setting *setting))
{
    struct sw_setting setting;
    char why[SW_WHY_SIZE];

    if (sw_setting_parse(kind,
                         sw_span_of(record->key.data, record->key.size),
                         sw_span_of(record->value.data, record->value.size),
                         &setting,
                         why) != SW_ERR_OK) {
        return false;
    }
    setting.revision = record->mod_revision;
    add(out, &setting);
    return true;
}

/* The walk of all settings of a kind into rows. */
static int walk(struct sw_cli *cli,
                enum sw_setting_kind kind,
                struct sw_output *out,
                void (*add)(struct sw_output *out, const struct sw_setting *setting))
{
    const struct swarm_request scan =
        sw_system_scan(SW_SYSTEM_SETTINGS, sw_setting_kind_name(kind));
    const struct swarm_record *record = NULL;
    struct swarm_cursor *cursor = NULL;
    enum swarm_status status;
    int code = 0;

    status = swarm_cursor_new(cli->client, &scan, &cursor);
    while (status == SWARM_OK) {
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK && !add_row(kind, record, out, add)) {
            status = SWARM_MALFORMED;
        }
    }
    if (status != SWARM_NOT_FOUND) {
        code = sw_cli_fail((enum sw_err)status, cursor == NULL ? "" : swarm_cursor_detail(cursor));
    }
    swarm_cursor_free(cursor);
    return code;
}

static int one(struct sw_cli *cli,
               enum sw_setting_kind kind,
               const char *name,
               struct sw_output *out,
               void (*add)(struct sw_output *out, const struct sw_setting *setting))
{
    struct swarm_request request = sw_system_scan(SW_SYSTEM_SETTINGS, sw_setting_kind_name(kind));
    struct swarm_result *result = NULL;
    int code = 0;

    request.op = SWARM_GET;
    request.key = swarm_str(name);
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status == SWARM_NOT_FOUND) {
        code = sw_cli_fail_format(
            SW_ERR_NOT_FOUND, "there is no %s %s", sw_setting_kind_name(kind), name);
    } else if (result->status != SWARM_OK) {
        code = sw_cli_fail_result(result);
    } else if (result->record_count == 0 || !add_row(kind, &result->records[0], out, add)) {
        code = sw_cli_fail(SW_ERR_MALFORMED, "");
    }
    swarm_result_free(result);
    return code;
}

int sw_setting_rows(struct sw_cli *cli,
                    enum sw_setting_kind kind,
                    const char *name,
                    struct sw_output *out,
                    void (*add)(struct sw_output *out, const struct sw_setting *setting))
{
    const enum sw_err err = cli->client == NULL ? sw_cli_open(cli) : SW_ERR_OK;

    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    return name == NULL ? walk(cli, kind, out, add) : one(cli, kind, name, out, add);
}

/* --- usage ------------------------------------------------------------------------------------ */

/* "name=NUMBER\n" at the front of `text`, cut off. */
static bool cut_line(struct sw_span *text, const char *name, uint64_t *ret_number)
{
    const size_t size = strlen(name);
    const uint8_t *end = text->size == 0 ? NULL : memchr(text->data, '\n', text->size);
    char number[24] = "";
    size_t digits;

    if (end == NULL || text->size <= size || memcmp(text->data, name, size) != 0 ||
        text->data[size] != '=') {
        return false;
    }
    digits = (size_t)(end - text->data) - size - 1;
    if (digits >= sizeof number) {
        return false;
    }
    memcpy(number, text->data + size + 1, digits);
    *text = sw_span_of(end + 1, text->size - (size_t)(end - text->data) - 1);
    return sw_text_number(number, ret_number);
}

bool sw_usage_parse(struct sw_span value, struct sw_usage_shown *ret_usage)
{
    return cut_line(&value, "keys", &ret_usage->keys) &&
           cut_line(&value, "experiences", &ret_usage->experiences) &&
           cut_line(&value, "bytes", &ret_usage->bytes) &&
           cut_line(&value, "leases", &ret_usage->leases);
}

int sw_usage_of(struct sw_cli *cli, const char *scope, struct sw_usage_shown *ret_usage)
{
    struct swarm_request request = sw_system_scan(SW_SYSTEM_USAGE, "all");
    struct swarm_result *result = NULL;
    int code = 0;

    *ret_usage = (struct sw_usage_shown){0};
    request.key = swarm_str(scope);
    request.limit = 1;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_result(result);
    } else if (result->record_count > 0 &&
               sw_span_equal(sw_span_of(result->records[0].key.data, result->records[0].key.size),
                             sw_span_str(scope)) &&
               !sw_usage_parse(
                   sw_span_of(result->records[0].value.data, result->records[0].value.size),
                   ret_usage)) {
        code = sw_cli_fail(SW_ERR_MALFORMED, "");
    }
    swarm_result_free(result);
    return code;
}
