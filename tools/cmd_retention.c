/* swarmctl retention: how much a namespace keeps of what its keys were. The bound of a tenant is
 * one for each of its namespaces that has none of its own, not one for all together. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd_setting.h"

static bool age_line(const struct sw_cli *cli, struct sw_buf *text)
{
    char number[24];
    uint64_t ms = 0;

    if (!sw_cli_has(cli, "max-age")) {
        return true;
    }
    if (!sw_cli_time(cli, "max-age", 0, &ms)) {
        return false;
    }
    (void)snprintf(number, sizeof number, "%" PRIu64, ms);
    sw_setting_line(text, "max_age_ms", number);
    return true;
}

int sw_cmd_retention_set(struct sw_cli *cli)
{
    char scope[SW_SETTING_NAME_SIZE_MAX + 1];
    struct sw_buf text = {0};
    int code = sw_err_info(SW_ERR_INVALID)->exit_code;

    if (sw_setting_scope(cli, scope) &&
        sw_setting_flag_number(cli, "keep-last", "keep_last", &text) && age_line(cli, &text) &&
        sw_setting_flag_number(cli, "max-bytes", "max_bytes", &text)) {
        code = text.size == 0
                   ? sw_cli_fail(SW_ERR_INVALID,
                                 "a retention needs --keep-last, --max-age or --max-bytes")
                   : sw_setting_put(cli, SW_SETTING_RETENTION, scope, &text, false);
    }
    sw_buf_release(&text);
    return code;
}

int sw_cmd_retention_delete(struct sw_cli *cli)
{
    char scope[SW_SETTING_NAME_SIZE_MAX + 1];

    return sw_setting_scope(cli, scope) ? sw_setting_delete(cli, SW_SETTING_RETENTION, scope)
                                        : sw_err_info(SW_ERR_INVALID)->exit_code;
}

/* --- list ------------------------------------------------------------------------------------- */

enum { SCOPE, KEEP_LAST, MAX_AGE, MAX_BYTES, REVISION, COLUMN_COUNT };

/* A limit of 0 is none, and an absent cell. */
static void add_limit(struct sw_output *out, size_t column, uint64_t limit)
{
    if (limit > 0) {
        sw_output_number(out, column, limit);
    }
}

static void add_retention(struct sw_output *out, const struct sw_setting *setting)
{
    sw_output_row(out);
    sw_output_text(out, SCOPE, setting->name);
    add_limit(out, KEEP_LAST, setting->retention.keep_last);
    add_limit(out, MAX_AGE, setting->retention.max_age_ms);
    add_limit(out, MAX_BYTES, setting->retention.max_bytes);
    sw_output_number(out, REVISION, setting->revision);
}

int sw_cmd_retention_list(struct sw_cli *cli)
{
    static const struct sw_column columns[COLUMN_COUNT] = {
        [SCOPE] = {"scope", SW_CELL_TEXT},
        [KEEP_LAST] = {"keep_last", SW_CELL_TEXT},
        [MAX_AGE] = {"max_age_ms", SW_CELL_TEXT},
        [MAX_BYTES] = {"max_bytes", SW_CELL_TEXT},
        [REVISION] = {"revision", SW_CELL_TEXT}};
    struct sw_output out;
    int code;

    sw_output_init(&out, "retentions", columns, COLUMN_COUNT);
    code = sw_setting_rows(cli, SW_SETTING_RETENTION, NULL, &out, add_retention);
    if (code == 0) {
        (void)sw_output_print(&out, cli->format, stdout);
    }
    sw_output_release(&out);
    return code;
}
