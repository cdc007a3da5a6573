/* swarmctl doctor: what is wrong with this swarm, and what to do about it, one row a finding.
 *
 * It looks from where it runs: settings, every node's own word, and what the words say together.
 * Only what it could look at is called "ok". */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/survey.h"

enum { LAG_MAX = 10000, COLUMN_COUNT = 4 };

enum grade { GRADE_OK, GRADE_WARN, GRADE_FAIL };

static const char *const grade_names[] = {
    [GRADE_OK] = "ok", [GRADE_WARN] = "warn", [GRADE_FAIL] = "FAIL"};

struct findings {
    struct sw_output out;
    size_t warnings, failures;
};

static void add(struct findings *findings,
                const char *check,
                enum grade grade,
                const char *what,
                const char *todo)
{
    sw_output_row(&findings->out);
    sw_output_text(&findings->out, 0, check);
    sw_output_text(&findings->out, 1, grade_names[grade]);
    sw_output_text(&findings->out, 2, what);
    sw_output_text(&findings->out, 3, todo);
    findings->warnings += grade == GRADE_WARN ? 1 : 0;
    findings->failures += grade == GRADE_FAIL ? 1 : 0;
}

static bool refused(const struct sw_survey_row *row)
{
    return !row->answered && row->result != NULL &&
           (row->result->status == SWARM_UNAUTHORIZED ||
            row->result->status == SWARM_UNAUTHENTICATED);
}

static const char *todo_of(const struct sw_survey_row *row)
{
    if (!refused(row)) {
        return "is swarmd running there, and is the port open? If its disk is lost: "
               "`swarmctl member replace`; if it was removed: `swarmctl member config`";
    }
    return row->result->status == SWARM_UNAUTHORIZED
               ? "an administrator lets this client's key in: `swarmctl identity create`"
               : "do the settings name the id of its swarm and its public key? Is it of this "
                 "version?";
}

/* The detail of an answer that nobody gave tells of all nodes: here only this one's counts. */
static void
add_silent(struct findings *findings, const char *check, const struct sw_survey_row *row)
{
    char what[SW_WHY_SIZE];

    (void)snprintf(what,
                   sizeof what,
                   "%.60s %s: %s",
                   row->address,
                   refused(row) ? "runs and refuses this client" : "does not answer",
                   row->result == NULL ? "not asked" : swarm_status_name(row->result->status));
    add(findings, check, GRADE_FAIL, what, todo_of(row));
}

static void look_at_node(struct findings *findings, const struct sw_survey_row *row)
{
    char check[48];
    char what[SW_WHY_SIZE];

    (void)snprintf(check, sizeof check, "node %llu", (unsigned long long)row->node);
    if (!row->answered) {
        add_silent(findings, check, row);
        return;
    }
    if (row->status.disk_full) {
        add(findings,
            check,
            GRADE_FAIL,
            "no space left: it takes no writes",
            "free disk space or raise --max-map-size; it goes on by itself");
    } else if (!row->status.ready) {
        add(findings,
            check,
            GRADE_WARN,
            "runs, and is not ready: it knows no leader, or its state is far behind",
            "wait; if it stays so, look at its log");
    } else {
        (void)snprintf(what, sizeof what, "%.60s, %.15s, ready", row->address, row->status.role);
        add(findings, check, GRADE_OK, what, "");
    }
}

static size_t refused_count(const struct sw_survey *survey)
{
    size_t count = 0;

    for (size_t i = 0; i < survey->count; i++) {
        count += refused(&survey->rows[i]) ? 1 : 0;
    }
    return count;
}

static void look_at_leader(struct findings *findings, const struct sw_survey *survey)
{
    const uint64_t leader = sw_survey_leader(survey);
    char what[SW_WHY_SIZE];

    if (refused_count(survey) == survey->count) {
        return; /* nobody told anything: whether one leads is not known */
    }
    if (leader != 0) {
        (void)snprintf(what, sizeof what, "node %llu leads", (unsigned long long)leader);
        add(findings, "leader", GRADE_OK, what, "");
    } else if (2 * survey->answered <= survey->count) {
        add(findings,
            "leader",
            GRADE_FAIL,
            "no majority of the nodes answers: nothing can be written, nothing is lost",
            "start the nodes that are down");
    } else {
        add(findings,
            "leader",
            GRADE_FAIL,
            "none, though a majority answers",
            "an election takes about a second; if it stays so, do the nodes reach each other?");
    }
}

static void look_at_lag(struct findings *findings, const struct sw_survey *survey)
{
    uint64_t newest = 0;
    char what[SW_WHY_SIZE];
    bool lags = false;

    for (size_t i = 0; i < survey->count; i++) {
        if (survey->rows[i].answered && survey->rows[i].status.applied_index > newest) {
            newest = survey->rows[i].status.applied_index;
        }
    }
    for (size_t i = 0; i < survey->count; i++) {
        const struct sw_survey_row *row = &survey->rows[i];

        if (row->answered && newest - row->status.applied_index > LAG_MAX) {
            (void)snprintf(what,
                           sizeof what,
                           "node %llu is %llu entries behind",
                           (unsigned long long)row->node,
                           (unsigned long long)(newest - row->status.applied_index));
            add(findings,
                "replication",
                GRADE_WARN,
                what,
                "it catches up by itself; a slow disk or network there would show here");
            lags = true;
        }
    }
    if (!lags && survey->answered > 1) {
        add(findings, "replication", GRADE_OK, "no node is far behind", "");
    }
}

static void look_at_digests(struct findings *findings, const struct sw_survey *survey)
{
    bool equal = true;
    const bool compared = sw_survey_digests(survey, &equal);

    if (!equal) {
        add(findings,
            "digests",
            GRADE_FAIL,
            "two nodes at one index have different states",
            "keep the data of all nodes as it is, and report this");
    } else if (compared) {
        add(findings, "digests", GRADE_OK, "all states at one index are equal", "");
    } else if (survey->answered > 1) {
        add(findings,
            "digests",
            GRADE_OK,
            "not compared: the nodes stand at different indexes",
            "`swarmctl health` waits for a moment when they can be");
    }
}

static void look_at_versions(struct findings *findings, const struct sw_survey *survey)
{
    const char *first = NULL;
    bool same = true;

    for (size_t i = 0; i < survey->count; i++) {
        if (survey->rows[i].answered) {
            same = same && (first == NULL || strcmp(first, survey->rows[i].status.version) == 0);
            first = survey->rows[i].status.version;
        }
    }
    if (first != NULL && same && strcmp(first, swarm_version()) == 0) {
        add(findings, "versions", GRADE_OK, first, "");
    } else if (first != NULL) {
        add(findings,
            "versions",
            GRADE_WARN,
            same ? "the nodes have another version than this program" : "nodes differ in version",
            "bring all to one version: docs/OPERATING.md, Upgrades");
    }
}

static int code_of(const struct findings *findings, const struct sw_survey *survey)
{
    if (findings->failures == 0) {
        return 0;
    }
    return sw_cli_fail_format(refused_count(survey) == survey->count
                                  ? (enum sw_err)survey->rows[0].result->status
                                  : SW_ERR_UNREACHABLE,
                              "%zu of the checks failed: see the rows",
                              findings->failures);
}

int sw_cmd_doctor(struct sw_cli *cli)
{
    static const struct sw_column columns[COLUMN_COUNT] = {{"check", SW_CELL_TEXT},
                                                           {"result", SW_CELL_TEXT},
                                                           {"found", SW_CELL_TEXT},
                                                           {"what_to_do", SW_CELL_TEXT}};
    struct findings findings = {0};
    struct sw_survey survey;
    const enum sw_err err = sw_survey_run(cli, 0, &survey);
    int code;

    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code; /* settings or keys: the line says which */
    }
    sw_output_init(&findings.out, "checks", columns, COLUMN_COUNT);
    add(&findings, "settings", GRADE_OK, "read, with the key of this client", "");
    for (size_t i = 0; i < survey.count; i++) {
        look_at_node(&findings, &survey.rows[i]);
    }
    look_at_leader(&findings, &survey);
    look_at_lag(&findings, &survey);
    look_at_digests(&findings, &survey);
    look_at_versions(&findings, &survey);
    sw_output_field_number(&findings.out, "warnings", findings.warnings);
    sw_output_field_number(&findings.out, "failures", findings.failures);
    (void)sw_output_print(&findings.out, cli->format, stdout);
    code = code_of(&findings, &survey);
    sw_output_release(&findings.out);
    sw_survey_release(&survey);
    return code;
}
