/* swarmctl swarm create: keys and configuration files of a new swarm, in a directory that is new.
 *
 *     DIR/node-1/swarmd.conf  node-1/node.key  node-1/clients.allow   ... node-2/
 *     DIR/node-1/data/first-start      lets swarmd start empty, once (base/first_start.h)
 *     DIR/client.conf         client.key
 *
 * Everything is made in a directory beside DIR that takes DIR's name at the very end: whoever finds
 * DIR finds all of it. Nothing is ever overwritten: keys cannot be made again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/cli.h"
#include "tools/swarm_plan.h"

enum { PORTS_PER_NODE = 10, BASE_PORT = 6700, NODES = 3 };

/* --- the plan --------------------------------------------------------------------------------- */

static enum sw_err plan_one_host(struct sw_plan *plan, const struct sw_cli *cli)
{
    const char *host = sw_cli_flag(cli, "host");
    uint64_t count = NODES;
    uint64_t port = BASE_PORT;

    plan->why[0] = '\0';
    if (!sw_cli_number(cli, "nodes", NODES, &count) ||
        !sw_cli_number(cli, "base-port", BASE_PORT, &port)) {
        return SW_ERR_CANCELLED; /* the line is printed */
    }
    if (count == 0 || count > SW_NODE_COUNT_MAX || port == 0 ||
        port + count * PORTS_PER_NODE > UINT16_MAX) {
        (void)snprintf(plan->why,
                       sizeof plan->why,
                       "--nodes is 1 to %d, and the ports end at 65535",
                       SW_NODE_COUNT_MAX);
        return SW_ERR_INVALID;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct sw_plan_node *node = &plan->nodes[i];
        const uint16_t first = (uint16_t)(port + i * PORTS_PER_NODE);

        *node = (struct sw_plan_node){.id = i + 1,
                                      .client_port = first,
                                      .peer_port = (uint16_t)(first + 1),
                                      .http_port = (uint16_t)(first + 2)};
        (void)snprintf(node->host, sizeof node->host, "%s", host == NULL ? "127.0.0.1" : host);
    }
    plan->count = count;
    return SW_ERR_OK;
}

static enum sw_err plan_nodes(struct sw_plan *plan, const struct sw_cli *cli)
{
    enum sw_err err = SW_ERR_OK;

    if (!sw_cli_has(cli, "node")) {
        return plan_one_host(plan, cli);
    }
    if (sw_cli_has(cli, "nodes") || sw_cli_has(cli, "host") || sw_cli_has(cli, "base-port")) {
        (void)snprintf(
            plan->why, sizeof plan->why, "--node excludes --nodes, --host and --base-port");
        return SW_ERR_INVALID;
    }
    for (size_t i = 0; i < cli->flag_count && err == SW_ERR_OK; i++) {
        if (strcmp(cli->flags[i].name, "node") == 0) {
            err = sw_plan_node(plan, cli->flags[i].value);
        }
    }
    return err;
}

/* --- the command ------------------------------------------------------------------------------ */

static void print_plan(const struct sw_cli *cli, const struct sw_plan *plan)
{
    static const struct sw_column columns[] = {{"node", SW_CELL_TEXT},
                                               {"client", SW_CELL_TEXT},
                                               {"peer", SW_CELL_TEXT},
                                               {"http", SW_CELL_TEXT},
                                               {"config", SW_CELL_TEXT}};
    struct sw_output out;
    char text[PATH_MAX + SW_ADDRESS_SIZE_MAX];

    sw_output_init(&out, "nodes", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < plan->count; i++) {
        const struct sw_plan_node *node = &plan->nodes[i];

        sw_output_row(&out);
        sw_output_number(&out, 0, node->id);
        (void)snprintf(text, sizeof text, "%s:%u", node->host, (unsigned)node->client_port);
        sw_output_text(&out, 1, text);
        (void)snprintf(text, sizeof text, "%s:%u", node->host, (unsigned)node->peer_port);
        sw_output_text(&out, 2, text);
        (void)snprintf(text, sizeof text, "127.0.0.1:%u", (unsigned)node->http_port);
        sw_output_text(&out, 3, text);
        (void)snprintf(text,
                       sizeof text,
                       "%s/node-%llu/swarmd.conf",
                       plan->target,
                       (unsigned long long)node->id);
        sw_output_text(&out, 4, text);
    }
    sw_output_field(&out, "swarm", SW_CELL_TEXT, plan->swarm);
    (void)snprintf(text, sizeof text, "%s/client.conf", plan->target);
    sw_output_field(&out, "client_config", SW_CELL_TEXT, text);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

static void print_next_steps(const struct sw_plan *plan)
{
    (void)printf("\nStart each node (copy its directory to its host first, if it is another):\n");
    for (size_t i = 0; i < plan->count; i++) {
        (void)printf("  swarmd --config %s/node-%llu/swarmd.conf\n",
                     plan->target,
                     (unsigned long long)plan->nodes[i].id);
    }
    (void)printf("Then:\n  export SWARMCTL_CONFIG=%s/client.conf\n"
                 "  swarmctl health\n",
                 plan->target);
}

int sw_cmd_swarm_create(struct sw_cli *cli)
{
    struct sw_plan *plan = calloc(1, sizeof *plan);
    int code = 0;
    enum sw_err err;

    SW_ASSERT(plan != NULL);
    err = sw_crypto_init();
    if (err == SW_ERR_OK) {
        err = plan_nodes(plan, cli);
    }
    if (err == SW_ERR_OK) {
        err = sw_plan_paths(plan, cli->args[0]);
    }
    if (err == SW_ERR_OK) {
        err = sw_plan_make_all(plan);
        if (err != SW_ERR_OK) {
            sw_plan_remove_work(plan);
        }
    }
    if (err == SW_ERR_OK) {
        print_plan(cli, plan);
        if (cli->format == SW_FORMAT_TABLE) {
            print_next_steps(plan);
        }
    } else {
        code = err == SW_ERR_CANCELLED ? sw_err_info(SW_ERR_INVALID)->exit_code
                                       : sw_cli_fail(err, plan->why);
    }
    free(plan);
    return code;
}
