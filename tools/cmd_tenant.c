/* swarmctl tenant: who shares the swarm, and what they use.
 *
 * A tenant needs no record to be used: whoever has rights in it can write. A record gives it a note
 * and a place in the list; the list shows all others that use something, too. */
#include <string.h>

#include "tools/cmd_setting.h"

int sw_cmd_tenant_create(struct sw_cli *cli)
{
    struct sw_buf text = {0};
    int code;

    if (sw_cli_has(cli, "note")) {
        sw_setting_line(&text, "note", sw_cli_flag(cli, "note"));
    }
    code = sw_setting_put(cli, SW_SETTING_TENANT, cli->args[0], &text, true);
    sw_buf_release(&text);
    return code;
}

/* The record of a tenant with data may only go with --keep-data: it is easily taken for the data.
 */
int sw_cmd_tenant_delete(struct sw_cli *cli)
{
    struct sw_usage_shown usage;
    int code = 0;

    if (!sw_cli_has(cli, "keep-data")) {
        code = sw_usage_of(cli, cli->args[0], &usage);
        if (code == 0 && usage.keys + usage.experiences > 0) {
            return sw_cli_fail_format(SW_ERR_CONFLICT,
                                      "tenant %s has %llu keys and %llu experiences, which stay: "
                                      "delete them first, or say --keep-data",
                                      cli->args[0],
                                      (unsigned long long)usage.keys,
                                      (unsigned long long)usage.experiences);
        }
    }
    return code == 0 ? sw_setting_delete(cli, SW_SETTING_TENANT, cli->args[0]) : code;
}

/* --- list ------------------------------------------------------------------------------------- */

static const struct sw_column columns[] = {{"tenant", SW_CELL_TEXT},
                                           {"registered", SW_CELL_BOOL},
                                           {"keys", SW_CELL_TEXT},
                                           {"experiences", SW_CELL_TEXT},
                                           {"bytes", SW_CELL_TEXT},
                                           {"leases", SW_CELL_TEXT},
                                           {"note", SW_CELL_TEXT}};

static void add_row(struct sw_output *out,
                    struct sw_span tenant,
                    bool registered,
                    const struct sw_usage_shown *usage,
                    const char *note)
{
    sw_output_row(out);
    sw_output_cell(out, 0, tenant);
    sw_output_text(out, 1, registered ? "true" : "false");
    sw_output_number(out, 2, usage->keys);
    sw_output_number(out, 3, usage->experiences);
    sw_output_number(out, 4, usage->bytes);
    sw_output_number(out, 5, usage->leases);
    sw_output_text(out, 6, note);
}

static void add_record(struct sw_output *out, const struct sw_setting *setting)
{
    sw_output_row(out);
    sw_output_text(out, 0, setting->name);
    sw_output_text(out, 1, setting->note);
}

/* Rows of `records` (name and note, in order) whose name is before `until` (size 0: all of them).
 */
static void
add_unused(struct sw_output *out, const struct sw_output *records, size_t *at, struct sw_span until)
{
    const struct sw_usage_shown nothing = {0};

    while (*at < records->row_count) {
        const struct sw_cell *name = sw_output_at(records, *at, 0);
        const struct sw_span tenant = sw_span_of(name->text, name->size);

        if (until.size > 0 && sw_span_compare(tenant, until) >= 0) {
            return;
        }
        add_row(out, tenant, true, &nothing, sw_output_at(records, *at, 1)->text);
        (*at)++;
    }
}

/* The row of a tenant that uses something; both lists are in order. */
static bool add_used(struct sw_output *out,
                     const struct sw_output *records,
                     size_t *at,
                     const struct swarm_record *record)
{
    const struct sw_span scope = sw_span_of(record->key.data, record->key.size);
    struct sw_usage_shown usage;
    const struct sw_cell *name;
    bool registered;

    if (memchr(scope.data, ' ', scope.size) != NULL) {
        return true; /* a namespace */
    }
    if (!sw_usage_parse(sw_span_of(record->value.data, record->value.size), &usage)) {
        return false;
    }
    add_unused(out, records, at, scope);
    name = *at < records->row_count ? sw_output_at(records, *at, 0) : NULL;
    registered = name != NULL && sw_span_equal(sw_span_of(name->text, name->size), scope);
    add_row(out, scope, registered, &usage, registered ? sw_output_at(records, *at, 1)->text : "");
    *at += registered ? 1 : 0;
    return true;
}

static int walk_usage(struct sw_cli *cli, const struct sw_output *records, struct sw_output *out)
{
    const struct swarm_request scan = sw_system_scan(SW_SYSTEM_USAGE, "all");
    const struct swarm_record *record = NULL;
    struct swarm_cursor *cursor = NULL;
    enum swarm_status status;
    size_t at = 0;
    int code = 0;

    status = swarm_cursor_new(cli->client, &scan, &cursor);
    while (status == SWARM_OK) {
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK && !add_used(out, records, &at, record)) {
            status = SWARM_MALFORMED;
        }
    }
    if (status != SWARM_NOT_FOUND) {
        code = sw_cli_fail((enum sw_err)status, cursor == NULL ? "" : swarm_cursor_detail(cursor));
    }
    add_unused(out, records, &at, sw_span_of(NULL, 0));
    swarm_cursor_free(cursor);
    return code;
}

int sw_cmd_tenant_list(struct sw_cli *cli)
{
    struct sw_output records;
    struct sw_output out;
    int code;

    sw_output_init(&records, "", columns, sizeof columns / sizeof columns[0]);
    sw_output_init(&out, "tenants", columns, sizeof columns / sizeof columns[0]);
    code = sw_setting_rows(cli, SW_SETTING_TENANT, NULL, &records, add_record);
    if (code == 0) {
        code = walk_usage(cli, &records, &out);
    }
    if (code == 0) {
        (void)sw_output_print(&out, cli->format, stdout);
    }
    sw_output_release(&records);
    sw_output_release(&out);
    return code;
}
