/* swarmctl experience: append and list. */
#include <stdlib.h>

#include "tools/cli.h"
#include "tools/cmd.h"

enum { REVISION, VALUE, TIME, COLUMNS };

static const struct sw_column columns[COLUMNS] = {
    [REVISION] = {"revision", SW_CELL_TEXT},
    [VALUE] = {"value", SW_CELL_BYTES},
    [TIME] = {"time_ms", SW_CELL_TEXT},
};

int sw_cmd_experience_append(struct sw_cli *cli)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    struct sw_cmd_value value;
    int code = 0;

    if (sw_cmd_value(cli, 0, &value) != SW_ERR_OK) {
        return sw_err_info(SW_ERR_IO)->exit_code;
    }
    request.op = SWARM_EXPERIENCE_APPEND;
    request.scope = sw_cli_scope(cli);
    request.value = value.slice;
    if (sw_cmd_call(cli, &request, &result, &code) == SW_ERR_OK) {
        code = result->status == SWARM_OK ? sw_cmd_report_write(cli, result)
                                          : sw_cli_fail_write(result);
    }
    swarm_result_free(result);
    free(value.owned);
    return code;
}

static void add_experience(struct sw_output *out, const struct swarm_record *record)
{
    sw_output_row(out);
    sw_output_number(out, REVISION, record->mod_revision);
    sw_output_cell(out, VALUE, sw_span_of(record->value.data, record->value.size));
    sw_output_number(out, TIME, record->time_ms);
}

int sw_cmd_experience_list(struct sw_cli *cli)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct sw_output out;
    uint64_t limit = 0;
    int code;

    sw_output_init(&out, "experiences", columns, COLUMNS);
    if (sw_cmd_encoding(cli, &out.encoding) != SW_ERR_OK ||
        !sw_cli_number(cli, "after", 0, &request.expected) ||
        !sw_cli_number(cli, "limit", 0, &limit)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    request.op = SWARM_EXPERIENCE_SCAN;
    request.scope = sw_cli_scope(cli);
    request.flags = sw_cli_has(cli, "reverse") ? (uint32_t)SWARM_REVERSE : 0;
    request.limit = limit > 0 && limit < SW_SCAN_COUNT_MAX ? (uint32_t)limit : 0;
    code = sw_cmd_walk(cli, &request, limit, &out, add_experience);
    sw_output_release(&out);
    return code;
}
