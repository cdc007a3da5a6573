/* swarmctl quota: how much a tenant or a namespace may use, and what it does use. */
#include "tools/cmd_setting.h"

int sw_cmd_quota_set(struct sw_cli *cli)
{
    char scope[SW_SETTING_NAME_SIZE_MAX + 1];
    struct sw_buf text = {0};
    int code = sw_err_info(SW_ERR_INVALID)->exit_code;

    if (sw_setting_scope(cli, scope) && sw_setting_flag_number(cli, "keys", "keys", &text) &&
        sw_setting_flag_number(cli, "bytes", "bytes", &text) &&
        sw_setting_flag_number(cli, "ops", "ops_per_second", &text) &&
        sw_setting_flag_number(cli, "in-flight", "in_flight", &text)) {
        code =
            text.size == 0
                ? sw_cli_fail(SW_ERR_INVALID,
                              "a quota needs --keys, --bytes, --ops or --in-flight; 0 = no limit")
                : sw_setting_put(cli, SW_SETTING_QUOTA, scope, &text, false);
    }
    sw_buf_release(&text);
    return code;
}

int sw_cmd_quota_delete(struct sw_cli *cli)
{
    char scope[SW_SETTING_NAME_SIZE_MAX + 1];

    return sw_setting_scope(cli, scope) ? sw_setting_delete(cli, SW_SETTING_QUOTA, scope)
                                        : sw_err_info(SW_ERR_INVALID)->exit_code;
}

/* --- lists ------------------------------------------------------------------------------------ */

enum { SCOPE, KEYS, KEYS_MAX, BYTES, BYTES_MAX, OPS_MAX, IN_FLIGHT_MAX, REVISION, COLUMN_COUNT };

static const struct sw_column columns[COLUMN_COUNT] = {
    [SCOPE] = {"scope", SW_CELL_TEXT},
    [KEYS] = {"keys", SW_CELL_TEXT},
    [KEYS_MAX] = {"keys_max", SW_CELL_TEXT},
    [BYTES] = {"bytes", SW_CELL_TEXT},
    [BYTES_MAX] = {"bytes_max", SW_CELL_TEXT},
    [OPS_MAX] = {"ops_per_second", SW_CELL_TEXT},
    [IN_FLIGHT_MAX] = {"in_flight_max", SW_CELL_TEXT},
    [REVISION] = {"revision", SW_CELL_TEXT}};

/* A limit of 0 is none, and an absent cell. */
static void add_limit(struct sw_output *out, size_t column, uint64_t limit)
{
    if (limit > 0) {
        sw_output_number(out, column, limit);
    }
}

static void add_quota(struct sw_output *out, const struct sw_setting *setting)
{
    sw_output_row(out);
    sw_output_text(out, SCOPE, setting->name);
    add_limit(out, KEYS_MAX, setting->quota.keys);
    add_limit(out, BYTES_MAX, setting->quota.bytes);
    add_limit(out, OPS_MAX, setting->quota.ops_per_second);
    add_limit(out, IN_FLIGHT_MAX, setting->quota.in_flight);
    sw_output_number(out, REVISION, setting->revision);
}

static void
copy_cell(struct sw_output *out, const struct sw_output *from, size_t row, size_t column)
{
    const struct sw_cell *cell = sw_output_at(from, row, column);

    if (cell->text != NULL) {
        sw_output_cell(out, column, sw_span_of(cell->text, cell->size));
    }
}

/* The rows again, with what their scopes use. */
static int add_usage(struct sw_cli *cli, const struct sw_output *quotas, struct sw_output *out)
{
    for (size_t row = 0; row < quotas->row_count; row++) {
        struct sw_usage_shown usage;
        const int code = sw_usage_of(cli, sw_output_at(quotas, row, SCOPE)->text, &usage);

        if (code != 0) {
            return code;
        }
        sw_output_row(out);
        for (size_t column = 0; column < COLUMN_COUNT; column++) {
            copy_cell(out, quotas, row, column);
        }
        sw_output_number(out, KEYS, usage.keys);
        sw_output_number(out, BYTES, usage.bytes);
    }
    return 0;
}

static int show(struct sw_cli *cli, const char *scope)
{
    struct sw_output quotas;
    struct sw_output out;
    int code;

    sw_output_init(&quotas, "", columns, COLUMN_COUNT);
    sw_output_init(&out, scope == NULL ? "quotas" : "quota", columns, COLUMN_COUNT);
    out.single = scope != NULL;
    code = sw_setting_rows(cli, SW_SETTING_QUOTA, scope, &quotas, add_quota);
    if (code == 0) {
        code = add_usage(cli, &quotas, &out);
    }
    if (code == 0) {
        (void)sw_output_print(&out, cli->format, stdout);
    }
    sw_output_release(&quotas);
    sw_output_release(&out);
    return code;
}

int sw_cmd_quota_list(struct sw_cli *cli)
{
    return show(cli, NULL);
}

int sw_cmd_quota_show(struct sw_cli *cli)
{
    char scope[SW_SETTING_NAME_SIZE_MAX + 1];

    return sw_setting_scope(cli, scope) ? show(cli, scope) : sw_err_info(SW_ERR_INVALID)->exit_code;
}
