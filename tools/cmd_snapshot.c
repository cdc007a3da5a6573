/* swarmctl snapshot: take. */
#include "tools/cli.h"
#include "tools/cmd.h"

static void add_snapshot(struct sw_output *out, const struct swarm_result *result)
{
    sw_output_field_number(out, "node", result->node);
    sw_output_field_number(out, "index", result->value);
}

int sw_cmd_snapshot_take(struct sw_cli *cli)
{
    return sw_cmd_at_node(cli, SWARM_SNAPSHOT, add_snapshot);
}
