/* What several commands of swarmctl share. */
#include "tools/cmd.h"

#include <inttypes.h>

#include "base/text.h"

enum sw_err sw_cmd_call(struct sw_cli *cli,
                        const struct swarm_request *request,
                        struct swarm_result **ret_result,
                        int *ret_code)
{
    enum sw_err err = SW_ERR_OK;

    if (cli->client == NULL) {
        err = sw_cli_open(cli);
    }
    if (err != SW_ERR_OK) {
        *ret_code = sw_err_info(err)->exit_code;
        return err;
    }
    (void)swarm_call(cli->client, request, ret_result);
    return SW_ERR_OK;
}

bool sw_cmd_node(const struct sw_cli *cli, size_t arg, uint64_t *ret_node)
{
    *ret_node = 0;
    if (cli->arg_count <= arg || (sw_text_number(cli->args[arg], ret_node) && *ret_node != 0)) {
        return true;
    }
    (void)sw_cli_fail_format(
        SW_ERR_INVALID, "a node is a number of 1 or more, not %s", cli->args[arg]);
    return false;
}

int sw_cmd_pages(struct sw_cli *cli,
                 struct swarm_request *request,
                 struct sw_output *out,
                 void (*add)(struct sw_output *out,
                             const struct swarm_record *record,
                             struct swarm_request *next))
{
    struct swarm_result *result = NULL;
    bool more = true;
    int code = 0;

    while (more && code == 0) {
        if (sw_cmd_call(cli, request, &result, &code) != SW_ERR_OK) {
            break;
        }
        if (result->status != SWARM_OK) {
            code = sw_cli_fail_result(result);
        }
        for (size_t i = 0; i < result->record_count; i++) {
            add(out, &result->records[i], request);
        }
        more = result->more;
        swarm_result_free(result);
    }
    if (code == 0) {
        (void)sw_output_print(out, cli->format, stdout);
    }
    return code;
}

int sw_cmd_at_node(struct sw_cli *cli,
                   enum swarm_op op,
                   void (*add)(struct sw_output *out, const struct swarm_result *result))
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    struct sw_output out;
    int code = 0;

    if (!sw_cmd_node(cli, 0, &request.node)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    request.op = op;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_result(result);
    } else {
        sw_output_init(&out, "", NULL, 0);
        add(&out, result);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    swarm_result_free(result);
    return code;
}

int sw_cmd_write_value(struct sw_cli *cli, const struct swarm_request *request, const char *name)
{
    struct swarm_result *result = NULL;
    struct sw_output out;
    int code = 0;

    if (sw_cmd_call(cli, request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_write(result);
    } else {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field_number(&out, name, result->value);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    swarm_result_free(result);
    return code;
}

void sw_cmd_header(struct sw_output *out, const struct swarm_result *result)
{
    static const char *const durabilities[] = {[SWARM_DURABILITY_NONE] = "none",
                                               [SWARM_DURABILITY_MAJORITY] = "majority",
                                               [SWARM_DURABILITY_LOCAL] = "local"};
    char swarm[2 * sizeof result->swarm + 1];
    char text[256];

    for (size_t i = 0; i < sizeof result->swarm; i++) {
        (void)snprintf(swarm + 2 * i, 3, "%02x", result->swarm[i]);
    }
    (void)snprintf(text,
                   sizeof text,
                   "{\"swarm\":\"%s\",\"node\":\"%" PRIu64 "\",\"shard\":\"%" PRIu64
                   "\",\"term\":\"%" PRIu64 "\",\"durability\":\"%s\"}",
                   swarm,
                   result->node,
                   result->shard,
                   result->term,
                   durabilities[result->durability]);
    sw_output_field_number(out, "revision", result->revision);
    sw_output_field(out, "header", SW_CELL_JSON, text);
}

int sw_cmd_usage(void)
{
    return sw_err_info(SW_ERR_INVALID)->exit_code;
}

bool sw_cmd_before_command(const struct sw_cli *cli, size_t count)
{
    if (cli->args_before == SIZE_MAX || cli->args_before == count) {
        return true;
    }
    (void)sw_cli_fail_format(SW_ERR_INVALID,
                             "%zu argument%s belong%s before the `--`, not %zu; see --help",
                             count,
                             count == 1 ? "" : "s",
                             count == 1 ? "s" : "",
                             cli->args_before);
    return false;
}

bool sw_cmd_small_number(const struct sw_cli *cli, const char *name, uint32_t *ret)
{
    uint64_t number;

    if (!sw_cli_number(cli, name, 0, &number)) {
        return false;
    }
    if (number > UINT32_MAX) {
        (void)sw_cli_fail_format(SW_ERR_INVALID, "--%s is too large", name);
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}
