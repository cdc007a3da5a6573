/* swarmctl node: list, status, transfer, restart. */
#include <time.h>

#include "tools/cli.h"
#include "tools/cmd.h"
#include "tools/survey.h"

enum { ASK_AGAIN_MS = 100 };

/* Exit code of a command that asked nodes: fine if all answered. The first that did not stands for
 * all: the rows name the others. */
static int survey_code(const struct sw_survey *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        const struct sw_survey_row *row = &survey->rows[i];

        if (!row->answered) {
            return sw_cli_fail_format(row->result == NULL || row->result->status == SWARM_OK
                                          ? SW_ERR_MALFORMED
                                          : (enum sw_err)row->result->status,
                                      "node %llu at %s did not answer",
                                      (unsigned long long)row->node,
                                      row->address);
        }
    }
    return 0;
}

int sw_cmd_node_list(struct sw_cli *cli)
{
    static const struct sw_column columns[] = {{"node", SW_CELL_TEXT},
                                               {"address", SW_CELL_TEXT},
                                               {"state", SW_CELL_TEXT},
                                               {"role", SW_CELL_TEXT}};
    struct sw_survey survey;
    struct sw_output out;
    enum sw_err err;
    int code;

    err = sw_survey_run(cli, 0, &survey);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    sw_output_init(&out, "nodes", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < survey.count; i++) {
        const struct sw_survey_row *row = &survey.rows[i];

        sw_output_row(&out);
        sw_output_number(&out, 0, row->node);
        sw_output_text(&out, 1, row->address);
        sw_output_text(&out,
                       2,
                       row->answered         ? "up"
                       : row->result == NULL ? "unknown"
                                             : swarm_status_name(row->result->status));
        sw_output_text(&out, 3, row->status.role);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    code = survey_code(&survey);
    sw_output_release(&out);
    sw_survey_release(&survey);
    return code;
}

enum { NODE, ADDRESS, ROLE, LEADER, TERM, REVISION, APPLIED, COMMIT, DIGEST, UPTIME, VERSION, RAW };

static void add_status(struct sw_output *out, const struct sw_survey_row *row)
{
    const struct sw_status *status = &row->status;

    sw_output_row(out);
    sw_output_number(out, NODE, row->node);
    sw_output_text(out, ADDRESS, row->address);
    if (!row->answered) {
        sw_output_text(
            out, ROLE, row->result == NULL ? "unknown" : swarm_status_name(row->result->status));
        return;
    }
    sw_output_text(out, ROLE, status->role);
    sw_output_number(out, LEADER, status->leader);
    sw_output_number(out, TERM, status->term);
    sw_output_number(out, REVISION, status->revision);
    sw_output_number(out, APPLIED, status->applied_index);
    sw_output_number(out, COMMIT, status->commit_index);
    sw_output_text(out, DIGEST, status->digest);
    sw_output_number(out, UPTIME, status->uptime_ms);
    sw_output_text(out, VERSION, status->version);
    sw_output_text(out, RAW, row->result->detail);
}

int sw_cmd_node_status(struct sw_cli *cli)
{
    static const struct sw_column columns[] = {[NODE] = {"node", SW_CELL_TEXT},
                                               [ADDRESS] = {"address", SW_CELL_TEXT},
                                               [ROLE] = {"role", SW_CELL_TEXT},
                                               [LEADER] = {"leader", SW_CELL_TEXT},
                                               [TERM] = {"term", SW_CELL_TEXT},
                                               [REVISION] = {"revision", SW_CELL_TEXT},
                                               [APPLIED] = {"applied_index", SW_CELL_TEXT},
                                               [COMMIT] = {"commit_index", SW_CELL_TEXT},
                                               [DIGEST] = {"digest", SW_CELL_TEXT},
                                               [UPTIME] = {"uptime_ms", SW_CELL_TEXT},
                                               [VERSION] = {"version", SW_CELL_TEXT},
                                               [RAW] = {"status", SW_CELL_JSON}};
    struct sw_survey survey;
    struct sw_output out;
    uint64_t node = 0;
    enum sw_err err;
    int code;

    if (!sw_cmd_node(cli, 0, &node)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    err = sw_survey_run(cli, node, &survey);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    sw_output_init(&out, "nodes", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < survey.count; i++) {
        add_status(&out, &survey.rows[i]);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    code = survey_code(&survey);
    sw_output_release(&out);
    sw_survey_release(&survey);
    return code;
}

/* The old leader answers once it has begun to hand over. Asks until another node leads (`target`,
 * or any if that is 0) or half the command's time is up. */
static enum sw_err
wait_for_leader(struct sw_cli *cli, uint64_t from, uint64_t target, uint64_t *ret_leader)
{
    const uint64_t until_ms = swarm_now_ms() + cli->timeout_ms / 2;
    struct sw_survey survey;
    enum sw_err err;

    for (;;) {
        uint64_t leader;

        err = sw_survey_run(cli, 0, &survey);
        if (err != SW_ERR_OK) {
            return err;
        }
        leader = sw_survey_leader(&survey);
        sw_survey_release(&survey);
        if ((leader != 0 && (target == 0 ? leader != from : leader == target)) ||
            swarm_now_ms() >= until_ms) {
            *ret_leader = leader;
            return SW_ERR_OK;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = ASK_AGAIN_MS * 1000000L}, NULL);
    }
}

static int report_transfer(struct sw_cli *cli, uint64_t from, uint64_t target)
{
    struct sw_output out;
    uint64_t leader = 0;
    enum sw_err err;

    err = wait_for_leader(cli, from, target, &leader);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    if (leader == 0) {
        return sw_cli_fail_format(
            SW_ERR_NO_LEADER, "node %llu gave the leadership up", (unsigned long long)from);
    }
    if (target == 0 ? leader == from : leader != target) {
        return sw_cli_fail_format(SW_ERR_UNREACHABLE,
                                  "nobody took the leadership over, node %llu leads",
                                  (unsigned long long)leader);
    }
    sw_output_init(&out, "", NULL, 0);
    sw_output_field_number(&out, "from", from);
    sw_output_field_number(&out, "to", leader);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}

int sw_cmd_node_transfer(struct sw_cli *cli)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    int code = 0;

    if (!sw_cmd_node(cli, 0, &request.expected)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    request.op = SWARM_TRANSFER;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_result(result);
    } else {
        code = report_transfer(cli, result->node, request.expected);
    }
    swarm_result_free(result);
    return code;
}

static void add_node(struct sw_output *out, const struct swarm_result *result)
{
    sw_output_field_number(out, "node", result->node);
}

int sw_cmd_node_restart(struct sw_cli *cli)
{
    return sw_cmd_at_node(cli, SWARM_RESTART, add_node);
}
