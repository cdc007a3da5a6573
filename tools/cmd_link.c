/* swarmctl link: put, delete, list, follow. */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cmd.h"

enum { SCORE_DEFAULT = 1000, DEPTH_DEFAULT = 8 };

static int not_open(void)
{
    return sw_err_info(SW_ERR_CONFIG)->exit_code;
}

static struct swarm_link link_of(const struct sw_cli *cli)
{
    return (struct swarm_link){.from = swarm_str(cli->args[0]),
                               .type = swarm_str(cli->args[1]),
                               .to = swarm_str(cli->args[2])};
}

/* Prints the revision, and whether there was one, and frees the result. */
static int report(const struct sw_cli *cli,
                  enum swarm_status status,
                  struct swarm_result *result,
                  const char *why,
                  bool tells_deleted)
{
    struct sw_output out;

    if (status != SWARM_OK) {
        swarm_result_free(result);
        return sw_cli_fail((enum sw_err)status, why);
    }
    sw_output_init(&out, "", NULL, 0);
    if (tells_deleted) {
        sw_output_field(&out, "deleted", SW_CELL_BOOL, result->value != 0 ? "true" : "false");
    }
    sw_output_field_number(&out, "revision", result->revision);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    swarm_result_free(result);
    return 0;
}

int sw_cmd_link_put(struct sw_cli *cli)
{
    struct swarm_link link = link_of(cli);
    struct swarm_result *result = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (!sw_cmd_small_number(cli, "score", &link.score)) {
        return sw_cmd_usage();
    }
    link.score = sw_cli_has(cli, "score") ? link.score : SCORE_DEFAULT;
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_link_put(cli->client, sw_cli_scope(cli), &link, &result, why, sizeof why);
    return report(cli, status, result, why, false);
}

int sw_cmd_link_delete(struct sw_cli *cli)
{
    const struct swarm_link link = link_of(cli);
    struct swarm_result *result = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_link_delete(cli->client, sw_cli_scope(cli), &link, &result, why, sizeof why);
    return report(cli, status, result, why, true);
}

static void print(const struct sw_cli *cli, const struct swarm_links *links)
{
    static const struct sw_column columns[] = {{"from", SW_CELL_BYTES},
                                               {"type", SW_CELL_TEXT},
                                               {"to", SW_CELL_BYTES},
                                               {"score", SW_CELL_SMALL},
                                               {"depth", SW_CELL_SMALL},
                                               {"revision", SW_CELL_TEXT}};
    struct sw_output out;

    sw_output_init(&out, "links", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < swarm_links_count(links); i++) {
        const struct swarm_link *link = swarm_links_at(links, i);

        sw_output_row(&out);
        sw_output_cell(&out, 0, sw_span_of(link->from.data, link->from.size));
        sw_output_cell(&out, 1, sw_span_of(link->type.data, link->type.size));
        sw_output_cell(&out, 2, sw_span_of(link->to.data, link->to.size));
        sw_output_number(&out, 3, link->score);
        sw_output_number(&out, 4, link->depth);
        sw_output_number(&out, 5, link->revision);
    }
    sw_output_field(&out, "more", SW_CELL_BOOL, swarm_links_more(links) ? "true" : "false");
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

static int follow(struct sw_cli *cli, struct swarm_link_query *query)
{
    struct swarm_links *links = NULL;
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    query->key = swarm_str(cli->args[0]);
    query->backward = sw_cli_has(cli, "backward");
    if (!sw_cmd_small_number(cli, "limit", &query->limit)) {
        return sw_cmd_usage();
    }
    if (sw_cli_open(cli) != SW_ERR_OK) {
        return not_open();
    }
    status = swarm_link_follow(cli->client, sw_cli_scope(cli), query, &links, why, sizeof why);
    if (status != SWARM_OK) {
        return sw_cli_fail((enum sw_err)status, why);
    }
    print(cli, links);
    swarm_links_free(links);
    return 0;
}

int sw_cmd_link_list(struct sw_cli *cli)
{
    struct swarm_link_query query = {.type = sw_cli_flag(cli, "type")};

    return follow(cli, &query);
}

int sw_cmd_link_follow(struct sw_cli *cli)
{
    struct swarm_link_query query = {.type = cli->args[1]};

    if (!sw_cmd_small_number(cli, "depth", &query.depth)) {
        return sw_cmd_usage();
    }
    query.depth = query.depth == 0 ? DEPTH_DEFAULT : query.depth;
    return follow(cli, &query);
}
