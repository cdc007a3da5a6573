/* Asks every configured node for its STATUS, all at once. */
#ifndef SW_TOOLS_SURVEY_H
#define SW_TOOLS_SURVEY_H

#include "tools/cli.h"
#include "tools/status.h"

struct sw_survey_row {
    uint64_t node;
    const char *address;         /* borrowed from the client */
    struct swarm_result *result; /* owned; its status says whether the node answered */
    struct sw_status status;     /* zero if it did not */
    bool answered;
};

struct sw_survey {
    struct sw_survey_row rows[SW_NODE_COUNT_MAX];
    size_t count;
    size_t answered;
};

/* `only` = one node, 0 = all. Fails, with the line printed, if the client cannot be opened or the
 * node is not configured. */
enum sw_err sw_survey_run(struct sw_cli *cli, uint64_t only, struct sw_survey *ret_survey);
/* The node that says it leads, in the newest term; 0 = none that answered. */
uint64_t sw_survey_leader(const struct sw_survey *survey);
/* True if two nodes or more answered and all of them stand at one index; `ret_equal` is false only
 * if two nodes at one index have different states. */
bool sw_survey_digests(const struct sw_survey *survey, bool *ret_equal);
void sw_survey_release(struct sw_survey *survey);

#endif
