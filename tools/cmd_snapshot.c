/* swarmctl snapshot: take. */
#include "tools/cli.h"
#include "tools/cmd.h"

int sw_cmd_snapshot_take(struct sw_cli *cli)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    struct sw_output out;
    int code = 0;

    if (!sw_cmd_node(cli, 0, &request.node)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    request.op = SWARM_SNAPSHOT;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_result(result);
    } else {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field_number(&out, "node", result->node);
        sw_output_field_number(&out, "index", result->value);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    swarm_result_free(result);
    return code;
}
