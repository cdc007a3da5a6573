/* Asks every configured node for its STATUS: one thread-safe call each, all under way at once. */
#include "tools/survey.h"

#include <semaphore.h>
#include <string.h>

struct asked {
    struct sw_survey_row *row;
    sem_t *done;
};

static void on_answer(void *arg, struct swarm_result *result)
{
    struct asked *asked = arg;

    asked->row->result = result;
    (void)sem_post(asked->done);
}

static void ask(struct sw_cli *cli, struct asked *asked, char *why, size_t why_size)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    enum swarm_status status;

    request.op = SWARM_STATUS_OF;
    request.node = asked->row->node;
    status = swarm_submit(cli->client, &request, on_answer, asked, why, why_size);
    if (status != SWARM_OK) {
        (void)sem_post(asked->done); /* the row stays without a result */
    }
}

static void choose_rows(struct sw_cli *cli, uint64_t only, struct sw_survey *survey)
{
    uint64_t ids[SW_NODE_COUNT_MAX];
    const size_t count = swarm_nodes(cli->client, ids, SW_NODE_COUNT_MAX);

    *survey = (struct sw_survey){0};
    for (size_t i = 0; i < count; i++) {
        if (only == 0 || only == ids[i]) {
            survey->rows[survey->count] = (struct sw_survey_row){
                .node = ids[i], .address = swarm_node_address(cli->client, ids[i])};
            survey->count++;
        }
    }
}

enum sw_err sw_survey_run(struct sw_cli *cli, uint64_t only, struct sw_survey *ret_survey)
{
    struct asked asked[SW_NODE_COUNT_MAX];
    char why[SW_WHY_SIZE] = "";
    enum sw_err err = SW_ERR_OK;
    sem_t done;

    if (cli->client == NULL) {
        err = sw_cli_open(cli);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    choose_rows(cli, only, ret_survey);
    if (ret_survey->count == 0) {
        (void)sw_cli_fail_format(
            SW_ERR_INVALID, "the configuration names no node %llu", (unsigned long long)only);
        return SW_ERR_INVALID;
    }
    (void)sem_init(&done, 0, 0);
    for (size_t i = 0; i < ret_survey->count; i++) {
        asked[i] = (struct asked){.row = &ret_survey->rows[i], .done = &done};
        ask(cli, &asked[i], why, sizeof why);
    }
    for (size_t i = 0; i < ret_survey->count; i++) {
        while (sem_wait(&done) != 0) {
        }
    }
    (void)sem_destroy(&done);
    for (size_t i = 0; i < ret_survey->count; i++) {
        struct sw_survey_row *row = &ret_survey->rows[i];

        row->answered = row->result != NULL && row->result->status == SWARM_OK &&
                        sw_status_parse(row->result->detail, &row->status);
        ret_survey->answered += row->answered ? 1 : 0;
    }
    return SW_ERR_OK;
}

uint64_t sw_survey_leader(const struct sw_survey *survey)
{
    const struct sw_survey_row *leader = NULL;

    for (size_t i = 0; i < survey->count; i++) {
        const struct sw_survey_row *row = &survey->rows[i];

        if (row->answered && strcmp(row->status.role, "leader") == 0 &&
            (leader == NULL || row->status.term > leader->status.term)) {
            leader = row;
        }
    }
    return leader == NULL ? 0 : leader->node;
}

bool sw_survey_digests(const struct sw_survey *survey, bool *ret_equal)
{
    bool compared = survey->answered > 1;

    *ret_equal = true;
    for (size_t i = 0; i < survey->count; i++) {
        const struct sw_status *a = &survey->rows[i].status;

        for (size_t j = 0; j < i && survey->rows[i].answered; j++) {
            const struct sw_status *b = &survey->rows[j].status;

            if (!survey->rows[j].answered) {
                continue;
            }
            if (a->digest_index != b->digest_index) {
                compared = false;
            } else if (strcmp(a->digest, b->digest) != 0) {
                *ret_equal = false;
            }
        }
    }
    return compared;
}

void sw_survey_release(struct sw_survey *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        swarm_result_free(survey->rows[i].result);
    }
    *survey = (struct sw_survey){0};
}
