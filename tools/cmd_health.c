/* swarmctl health: does every node answer, is there one leader, and are the states equal?
 *
 * Digests can be compared only where two nodes stand at the same index. Under load they rarely do
 * at the same moment, so the nodes are asked again until all stand at one index or the time is up:
 * then the digests are called "not compared", which is no failure. */
#include <string.h>
#include <time.h>

#include "tools/cli.h"
#include "tools/survey.h"

enum { ASK_AGAIN_MS = 100, PERMISSION_EXIT = 7 };

struct verdict {
    uint64_t leader; /* 0 = none that answers */
    bool compared;   /* two nodes or more answer, and all of them stand at one index */
    bool equal;      /* no two nodes at one index differ */
};

static struct verdict judge(const struct sw_survey *survey)
{
    struct verdict verdict = {.leader = sw_survey_leader(survey)};

    verdict.compared = sw_survey_digests(survey, &verdict.equal);
    return verdict;
}

static bool refused(const struct sw_survey_row *row)
{
    return !row->answered && row->result != NULL &&
           sw_err_info((enum sw_err)row->result->status)->exit_code == PERMISSION_EXIT;
}

static const char *state_of(const struct sw_survey_row *row)
{
    if (row->answered) {
        return row->status.ready ? "ready" : "not ready";
    }
    return refused(row) ? swarm_status_name(row->result->status) : "down";
}

static void
print(const struct sw_cli *cli, const struct sw_survey *survey, const struct verdict *verdict)
{
    static const struct sw_column columns[] = {{"node", SW_CELL_TEXT},
                                               {"address", SW_CELL_TEXT},
                                               {"state", SW_CELL_TEXT},
                                               {"role", SW_CELL_TEXT},
                                               {"digest_index", SW_CELL_TEXT},
                                               {"digest", SW_CELL_TEXT}};
    struct sw_output out;

    sw_output_init(&out, "nodes", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < survey->count; i++) {
        const struct sw_survey_row *row = &survey->rows[i];

        sw_output_row(&out);
        sw_output_number(&out, 0, row->node);
        sw_output_text(&out, 1, row->address);
        sw_output_text(&out, 2, state_of(row));
        if (row->answered) {
            sw_output_text(&out, 3, row->status.role);
            sw_output_number(&out, 4, row->status.digest_index);
            sw_output_text(&out, 5, row->status.digest);
        }
    }
    if (verdict->leader == 0 && cli->format == SW_FORMAT_TABLE) {
        sw_output_field(&out, "leader", SW_CELL_TEXT, "none");
    } else {
        sw_output_field_number(&out, "leader", verdict->leader);
    }
    sw_output_field(&out,
                    "digests",
                    SW_CELL_TEXT,
                    !verdict->equal     ? "DIFFERENT"
                    : verdict->compared ? "equal"
                                        : "not compared");
    sw_output_field(&out,
                    "healthy",
                    SW_CELL_BOOL,
                    survey->answered == survey->count && verdict->leader != 0 && verdict->equal
                        ? "true"
                        : "false");
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

static int code_of(const struct sw_survey *survey, const struct verdict *verdict)
{
    if (!verdict->equal) {
        return sw_cli_fail(SW_ERR_CORRUPT, "nodes at the same index have different states");
    }
    for (size_t i = 0; i < survey->count; i++) {
        if (refused(&survey->rows[i])) { /* it runs, so nothing is said about a majority */
            return sw_cli_fail_format((enum sw_err)survey->rows[i].result->status,
                                      "node %llu at %s refused this client",
                                      (unsigned long long)survey->rows[i].node,
                                      survey->rows[i].address);
        }
    }
    if (survey->answered < survey->count) {
        return sw_cli_fail_format(SW_ERR_UNREACHABLE,
                                  "%zu of %zu nodes answered, %s",
                                  survey->answered,
                                  survey->count,
                                  2 * survey->answered <= survey->count
                                      ? "no majority: reads and writes wait, nothing is lost"
                                  : verdict->leader == 0 ? "a majority, which elects a leader"
                                                         : "a majority: reads and writes go on");
    }
    return verdict->leader == 0 ? sw_cli_fail(SW_ERR_NO_LEADER, "") : 0;
}

int sw_cmd_health(struct sw_cli *cli)
{
    const uint64_t until_ms = swarm_now_ms() + cli->timeout_ms / 2;
    struct sw_survey survey;
    struct verdict verdict;
    enum sw_err err;
    int code;

    for (;;) {
        err = sw_survey_run(cli, 0, &survey);
        if (err != SW_ERR_OK) {
            return sw_err_info(err)->exit_code;
        }
        verdict = judge(&survey);
        if (verdict.compared || !verdict.equal || survey.answered < 2 ||
            swarm_now_ms() >= until_ms) {
            break;
        }
        sw_survey_release(&survey);
        (void)nanosleep(&(struct timespec){.tv_nsec = ASK_AGAIN_MS * 1000000L}, NULL);
    }
    print(cli, &survey, &verdict);
    code = code_of(&survey, &verdict);
    sw_survey_release(&survey);
    return code;
}
