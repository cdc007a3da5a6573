/* swarmctl version. */
#include "tools/cli.h"

int sw_cmd_version(struct sw_cli *cli)
{
    struct sw_output out;

    sw_output_init(&out, "", NULL, 0);
    sw_output_field(&out, "version", SW_CELL_TEXT, swarm_version());
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}
