/* swarmctl election: campaign, leader, observe, resign. An office is a key with a lease, whose
 * value is what its holder proclaims. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/child.h"
#include "tools/cli.h"
#include "tools/cmd.h"

enum { TTL_MS = 10000, POLL_MS = 10000 };

static const struct sw_column columns[] = {{"state", SW_CELL_TEXT},
                                           {"leader", SW_CELL_BYTES},
                                           {"token", SW_CELL_TEXT},
                                           {"revision", SW_CELL_TEXT}};

/* One line about who leads; `leader` NULL: nobody. */
static void
show(const struct sw_cli *cli, const struct swarm_slice *leader, uint64_t token, uint64_t revision)
{
    struct sw_output out;

    sw_output_init(&out, "office", columns, sizeof columns / sizeof columns[0]);
    out.single = true;
    sw_output_row(&out);
    sw_output_text(&out, 0, leader == NULL ? "vacant" : "held");
    if (leader != NULL) {
        sw_output_cell(&out, 1, sw_span_of(leader->data, leader->size));
        sw_output_number(&out, 2, token);
    }
    sw_output_number(&out, 3, revision);
    (void)sw_output_print(&out, cli->format, stdout);
    (void)fflush(stdout);
    sw_output_release(&out);
}

static void show_record(const struct sw_cli *cli, const struct swarm_record *record)
{
    show(cli, record->version == 0 ? NULL : &record->value, record->lease, record->mod_revision);
}

/* --- campaigning ------------------------------------------------------------------------------ */

static bool leads(const void *election)
{
    return swarm_election_leads(election);
}

/* Until it is told to end, or the office is lost. */
static int hold(const struct sw_cli *cli,
                const struct swarm_election *election,
                const struct swarm_slice *value)
{
    show(cli, value, swarm_election_token(election), swarm_election_revision(election));
    return sw_child_wait(leads, election) ? 0
                                          : sw_cli_fail(SW_ERR_LEASE_GONE, "the office was lost");
}

static int serve(const struct sw_cli *cli,
                 const struct swarm_election *election,
                 const struct swarm_slice *value)
{
    if (cli->arg_count == 1) {
        return hold(cli, election, value);
    }
    return sw_child_run(&(struct sw_child){
        .words = &cli->args[1],
        .count = cli->arg_count - 1,
        .variables = {{"SWARM_ELECTION_TOKEN", swarm_election_token(election)},
                      {"SWARM_ELECTION_REVISION", swarm_election_revision(election)}},
        .holds = leads,
        .arg = election,
        .lost = "the office was lost"});
}

int sw_cmd_election_campaign(struct sw_cli *cli)
{
    struct swarm_election *election = NULL;
    const char *given = sw_cli_flag(cli, "value");
    const struct swarm_slice value = swarm_str(given == NULL ? "swarmctl" : given);
    char why[SW_WHY_SIZE] = "";
    uint64_t ttl_ms, wait_ms;
    enum swarm_status status;
    enum sw_err err;
    int code;

    if (!sw_cmd_before_command(cli, 1) || !sw_cli_time(cli, "ttl", TTL_MS, &ttl_ms) ||
        !sw_cli_time(cli, "wait", cli->timeout_ms, &wait_ms)) {
        return sw_cmd_usage();
    }
    err = sw_cli_open(cli);
    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    status = swarm_campaign(cli->client,
                            sw_cli_scope(cli),
                            swarm_str(cli->args[0]),
                            value,
                            (uint32_t)ttl_ms,
                            swarm_now_ms() + wait_ms,
                            &election,
                            why,
                            sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    code = serve(cli, election, &value);
    (void)swarm_resign(election);
    return code;
}

/* --- looking on ------------------------------------------------------------------------------- */

/* The office's key as it is: a record of version 0 if nobody leads. The result is freed by the
 * caller; NULL, and the line printed: `ret_code` is the exit code. */
static struct swarm_result *look(struct sw_cli *cli, int *ret_code)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_slice key = swarm_str(cli->args[0]);
    struct swarm_result *result = NULL;

    request.op = SWARM_MULTI_GET; /* which says so if there is no such key */
    request.scope = sw_cli_scope(cli);
    request.keys = &key;
    request.key_count = 1;
    if (sw_cmd_call(cli, &request, &result, ret_code) == SW_ERR_OK && result->status != SWARM_OK) {
        *ret_code = sw_cli_fail_result(result);
        swarm_result_free(result);
        result = NULL;
    }
    return result;
}

int sw_cmd_election_leader(struct sw_cli *cli)
{
    int code = 0;
    struct swarm_result *result = look(cli, &code);

    if (result == NULL) {
        return code;
    }
    if (result->records[0].version == 0) {
        code = sw_cli_fail_format(SW_ERR_NOT_FOUND, "nobody leads %s", cli->args[0]);
    } else {
        show_record(cli, &result->records[0]);
    }
    swarm_result_free(result);
    return code;
}

/* The changes above `*revision`, and how far they go; false if they cannot be had any more. */
static bool
next_changes(const struct sw_cli *cli, uint64_t *revision, uint64_t *left, int *ret_code)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char end[SW_KEY_SIZE_MAX + 1];
    const size_t size = strlen(cli->args[0]);
    struct swarm_result *result = NULL;
    bool goes_on;

    memcpy(end, cli->args[0], size + 1);
    request.op = SWARM_WATCH;
    request.scope = sw_cli_scope(cli);
    request.key = swarm_str(cli->args[0]);
    request.end_key = (struct swarm_slice){.data = end, .size = size + 1};
    request.expected = *revision;
    request.deadline_ms = swarm_now_ms() + POLL_MS;
    goes_on = swarm_call(cli->client, &request, &result) == SWARM_OK;
    if (goes_on) {
        *revision = result->revision;
        for (size_t i = 0; i<result->record_count && * left> 0; i++) {
            show_record(cli, &result->records[i]);
            (*left)--;
        }
    } else if (result->status == SWARM_DEADLINE || swarm_retryable(result->status)) {
        goes_on = true; /* no news, or nobody leads the swarm for a while */
    } else {
        *ret_code = sw_cli_fail_result(result);
    }
    swarm_result_free(result);
    return goes_on;
}

int sw_cmd_election_observe(struct sw_cli *cli)
{
    struct swarm_result *result;
    uint64_t left, revision;
    int code = 0;

    if (!sw_cli_number(cli, "limit", 0, &left)) {
        return sw_cmd_usage();
    }
    if (strlen(cli->args[0]) >= SW_KEY_SIZE_MAX) {
        return sw_cli_fail(SW_ERR_TOO_LARGE, "the key of an office has at most 255 bytes");
    }
    left = left == 0 ? UINT64_MAX : left;
    result = look(cli, &code);
    if (result == NULL) {
        return code;
    }
    revision = result->revision;
    show_record(cli, &result->records[0]);
    swarm_result_free(result);
    left--;
    while (left > 0 && ferror(stdout) == 0 && next_changes(cli, &revision, &left, &code)) {
    }
    return code;
}

/* Ends the office of whoever has it: for people who know that it should not. */
int sw_cmd_election_resign(struct sw_cli *cli)
{
    struct swarm_result *result = NULL;
    struct sw_output out;
    uint64_t token, wanted;
    enum swarm_status status;
    int code = 0;

    if (!sw_cli_number(cli, "token", 0, &wanted)) {
        return sw_cmd_usage();
    }
    result = look(cli, &code);
    if (result == NULL) {
        return code;
    }
    token = result->records[0].lease;
    swarm_result_free(result);
    if (token == 0) {
        return sw_cli_fail_format(SW_ERR_NOT_FOUND, "nobody leads %s", cli->args[0]);
    }
    if (wanted != 0 && wanted != token) {
        return sw_cli_fail_format(SW_ERR_CONFLICT,
                                  "the token of who leads is %llu; nothing was written",
                                  (unsigned long long)token);
    }
    status = swarm_lease_revoke(cli->client, sw_cli_scope(cli), token, &result);
    if (status == SWARM_OK) {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field_number(&out, "resigned", token);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    } else {
        code = sw_cli_fail_write(result);
    }
    swarm_result_free(result);
    return code;
}
