/* swarmctl session: list, show, outcome, close. */
#include <stdio.h>

#include "base/text.h"
#include "tools/cli.h"
#include "tools/cmd.h"

/* An argument that is a number of 1 or more; false and the line printed if it is not. */
static bool number_of(const struct sw_cli *cli, int at, const char *what, uint64_t *ret_number)
{
    if (sw_text_number(cli->args[at], ret_number) && *ret_number != 0) {
        return true;
    }
    (void)sw_cli_fail_format(
        SW_ERR_INVALID, "%s is a number of 1 or more, not %s", what, cli->args[at]);
    return false;
}

static struct swarm_request request_of(enum swarm_op op)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = op;
    return request;
}

static void owner_text(const struct swarm_record *record, char ret_text[33])
{
    const uint8_t *bytes = record->value.data;

    ret_text[0] = '\0';
    for (size_t i = 0; i < record->value.size && i < 16; i++) {
        (void)snprintf(ret_text + 2 * i, 3, "%02x", bytes[i]);
    }
}

static const struct sw_column columns[] = {{"session", SW_CELL_TEXT},
                                           {"ttl_ms", SW_CELL_TEXT},
                                           {"left_ms", SW_CELL_TEXT},
                                           {"acknowledged", SW_CELL_TEXT},
                                           {"answers", SW_CELL_SMALL},
                                           {"owner", SW_CELL_TEXT}};

static void add_session(struct sw_output *out, const struct swarm_record *record)
{
    char owner[33];

    owner_text(record, owner);
    sw_output_row(out);
    sw_output_number(out, 0, record->create_revision);
    sw_output_number(out, 1, record->mod_revision);
    sw_output_number(out, 2, record->time_ms);
    sw_output_number(out, 3, record->lease);
    sw_output_number(out, 4, record->version);
    sw_output_text(out, 5, owner);
}

static void add_session_row(struct sw_output *out,
                            const struct swarm_record *record,
                            struct swarm_request *next)
{
    add_session(out, record);
    next->session = record->create_revision;
}

int sw_cmd_session_list(struct sw_cli *cli)
{
    struct swarm_request request = request_of(SWARM_SESSION_LIST);
    struct sw_output out;
    int code;

    sw_output_init(&out, "sessions", columns, sizeof columns / sizeof columns[0]);
    code = sw_cmd_pages(cli, &request, &out, add_session_row);
    sw_output_release(&out);
    return code;
}

int sw_cmd_session_show(struct sw_cli *cli)
{
    struct swarm_request request = request_of(SWARM_SESSION_LIST);
    struct swarm_result *result = NULL;
    struct sw_output out;
    uint64_t session;
    int code = 0;

    if (!number_of(cli, 0, "a session", &session)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    request.session = session - 1;
    request.limit = 1;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_result(result);
    } else if (result->record_count == 0 || result->records[0].create_revision != session) {
        code = sw_cli_fail(SW_ERR_SESSION_EXPIRED, "");
    } else {
        sw_output_init(&out, "sessions", columns, sizeof columns / sizeof columns[0]);
        add_session(&out, &result->records[0]);
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    swarm_result_free(result);
    return code;
}

/* "committed", its revision and the status of its answer; or the error that says what is known. */
int sw_cmd_session_outcome(struct sw_cli *cli)
{
    struct swarm_request request = request_of(SWARM_OUTCOME);
    struct swarm_result *result = NULL;
    struct sw_output out;
    int code = 0;

    if (!number_of(cli, 0, "a session", &request.session) ||
        !number_of(cli, 1, "a sequence number", &request.seq)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return code;
    }
    if (result->status != SWARM_OK) {
        code = sw_cli_fail_result(result);
    } else {
        sw_output_init(&out, "", NULL, 0);
        sw_output_field(&out, "outcome", SW_CELL_TEXT, "committed");
        sw_output_field_number(&out, "revision", result->revision);
        sw_output_field(
            &out, "answer", SW_CELL_TEXT, swarm_status_name((enum swarm_status)result->value));
        (void)sw_output_print(&out, cli->format, stdout);
        sw_output_release(&out);
    }
    swarm_result_free(result);
    return code;
}

int sw_cmd_session_close(struct sw_cli *cli)
{
    struct swarm_request request = request_of(SWARM_SESSION_CLOSE);

    if (!number_of(cli, 0, "a session", &request.session)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    return sw_cmd_write_value(cli, &request, "closed");
}
