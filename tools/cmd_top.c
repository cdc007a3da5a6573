/* swarmctl top: every node's figures again and again, with what changed in a second. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/survey.h"

enum { COLUMN_COUNT = 8, INTERVAL_MS = 1000 };

struct seen {
    uint64_t revision;
    uint64_t at_ms;
};

static void
add_row(struct sw_output *out, const struct sw_survey_row *row, const struct seen *before)
{
    const uint64_t now_ms = swarm_now_ms();
    const struct sw_status *status = &row->status;

    sw_output_row(out);
    sw_output_number(out, 0, row->node);
    sw_output_text(out, 1, row->answered ? status->role : "down");
    if (!row->answered) {
        return;
    }
    sw_output_text(out, 2, status->disk_full ? "disk full" : status->ready ? "yes" : "no");
    sw_output_number(out, 3, status->term);
    sw_output_number(out, 4, status->revision);
    if (before->at_ms != 0 && now_ms > before->at_ms && status->revision >= before->revision) {
        sw_output_number(
            out, 5, (status->revision - before->revision) * 1000 / (now_ms - before->at_ms));
    }
    sw_output_number(out,
                     6,
                     status->commit_index > status->applied_index
                         ? status->commit_index - status->applied_index
                         : 0);
    sw_output_number(out, 7, status->uptime_ms / 1000);
}

static enum sw_err show(struct sw_cli *cli, struct seen seen[SW_NODE_COUNT_MAX])
{
    static const struct sw_column columns[COLUMN_COUNT] = {{"node", SW_CELL_TEXT},
                                                           {"role", SW_CELL_TEXT},
                                                           {"ready", SW_CELL_TEXT},
                                                           {"term", SW_CELL_TEXT},
                                                           {"revision", SW_CELL_TEXT},
                                                           {"writes_per_s", SW_CELL_SMALL},
                                                           {"to_apply", SW_CELL_SMALL},
                                                           {"uptime_s", SW_CELL_TEXT}};
    struct sw_survey survey;
    struct sw_output out;
    const enum sw_err err = sw_survey_run(cli, 0, &survey);

    if (err != SW_ERR_OK) {
        return err;
    }
    sw_output_init(&out, "nodes", columns, COLUMN_COUNT);
    for (size_t i = 0; i < survey.count; i++) {
        add_row(&out, &survey.rows[i], &seen[i]);
        seen[i] = (struct seen){.revision = survey.rows[i].status.revision,
                                .at_ms = survey.rows[i].answered ? swarm_now_ms() : 0};
    }
    if (cli->format == SW_FORMAT_TABLE && isatty(STDOUT_FILENO) != 0) {
        (void)fputs("\033[H\033[2J", stdout); /* home, and all of the screen cleared */
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    sw_survey_release(&survey);
    return ferror(stdout) != 0 ? SW_ERR_IO : SW_ERR_OK;
}

int sw_cmd_top(struct sw_cli *cli)
{
    struct seen seen[SW_NODE_COUNT_MAX] = {0};
    uint64_t interval_ms, count;
    enum sw_err err = SW_ERR_OK;

    if (!sw_cli_time(cli, "interval", INTERVAL_MS, &interval_ms) ||
        !sw_cli_number(cli, "count", 0, &count)) {
        return sw_err_info(SW_ERR_INVALID)->exit_code;
    }
    for (uint64_t i = 0; err == SW_ERR_OK && (count == 0 || i < count); i++) {
        if (i > 0) {
            const struct timespec pause = {.tv_sec = (time_t)(interval_ms / 1000),
                                           .tv_nsec = (long)(interval_ms % 1000) * 1000000L};

            (void)nanosleep(&pause, NULL);
        }
        err = show(cli, seen);
    }
    return sw_err_info(err)->exit_code;
}
