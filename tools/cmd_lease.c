/* swarmctl lease: grant, keepalive, revoke, list. */
#include <stdio.h>

#include "base/text.h"
#include "tools/cli.h"
#include "tools/cmd.h"

/* An argument that names a lease; false and the line printed if it does not. */
static bool lease_of(const struct sw_cli *cli, uint64_t *ret_lease)
{
    if (sw_text_number(cli->args[0], ret_lease) && *ret_lease != 0) {
        return true;
    }
    (void)sw_cli_fail_format(
        SW_ERR_INVALID, "a lease is a number of 1 or more, not %s", cli->args[0]);
    return false;
}

static struct swarm_request request_of(const struct sw_cli *cli, enum swarm_op op)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = op;
    request.scope = sw_cli_scope(cli);
    return request;
}

int sw_cmd_lease_grant(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_LEASE_GRANT);
    uint64_t ttl_ms;

    if (!sw_parse_duration(cli->args[0], &ttl_ms) || ttl_ms > UINT32_MAX) {
        return sw_cli_fail_format(
            SW_ERR_INVALID, "a time to live is a time such as 500ms or 10s, not %s", cli->args[0]);
    }
    request.limit = (uint32_t)ttl_ms;
    return sw_cmd_write_value(cli, &request, "lease");
}

int sw_cmd_lease_keepalive(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_LEASE_KEEP_ALIVE);

    return lease_of(cli, &request.lease) ? sw_cmd_write_value(cli, &request, "ttl_ms")
                                         : sw_err_info(SW_ERR_INVALID)->exit_code;
}

int sw_cmd_lease_revoke(struct sw_cli *cli)
{
    struct swarm_request request = request_of(cli, SWARM_LEASE_REVOKE);

    return lease_of(cli, &request.lease) ? sw_cmd_write_value(cli, &request, "keys")
                                         : sw_err_info(SW_ERR_INVALID)->exit_code;
}

static void add_lease(struct sw_output *out, const struct swarm_record *record)
{
    sw_output_row(out);
    sw_output_number(out, 0, record->lease);
    sw_output_number(out, 1, record->mod_revision);
    sw_output_number(out, 2, record->time_ms);
    sw_output_number(out, 3, record->version);
}

static void
add_lease_row(struct sw_output *out, const struct swarm_record *record, struct swarm_request *next)
{
    add_lease(out, record);
    next->lease = record->lease;
}

int sw_cmd_lease_list(struct sw_cli *cli)
{
    static const struct sw_column columns[] = {{"lease", SW_CELL_TEXT},
                                               {"ttl_ms", SW_CELL_TEXT},
                                               {"left_ms", SW_CELL_TEXT},
                                               {"keys", SW_CELL_SMALL}};
    struct swarm_request request = request_of(cli, SWARM_LEASE_LIST);
    struct sw_output out;
    int code;

    sw_output_init(&out, "leases", columns, sizeof columns / sizeof columns[0]);
    code = sw_cmd_pages(cli, &request, &out, add_lease_row);
    sw_output_release(&out);
    return code;
}
