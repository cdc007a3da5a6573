/* swarmctl member: list, config, prepare, add, promote, demote, remove, replace.
 *
 * The leader makes one change at a time and says BUSY where it has to be asked again: before it has
 * committed in its own term, while a learner has not caught up, while it hands over because it is
 * the one to go. All of this is waited for here. Every change can be asked for again: what is done
 * already is done. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "client/config.h"
#include "tools/cli.h"
#include "tools/cmd.h"
#include "tools/members.h"
#include "tools/swarm_plan.h"

enum {
    ASK_AGAIN_MS = 200,
    WAIT_MS = 60 * 1000,
    REPLACE_WAIT_MS = 10 * 60 * 1000, /* a copy of the state takes its time */
    LAG_MAX = 64,
};

static void pause_ms(uint64_t ms)
{
    (void)nanosleep(
        &(struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000},
        NULL);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* On failure the line is printed. */
static enum sw_err ask_members(struct sw_cli *cli, struct sw_members *ret_members)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    enum sw_err err = SW_ERR_OK;
    int code = 0;

    request.op = SWARM_MEMBER_LIST;
    if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
        return SW_ERR_CANCELLED;
    }
    if (result->status != SWARM_OK) {
        (void)sw_cli_fail_result(result);
        err = (enum sw_err)result->status;
    } else if (!sw_members_parse(result->detail, ret_members)) {
        (void)sw_cli_fail(SW_ERR_MALFORMED, "the list of members cannot be read");
        err = SW_ERR_MALFORMED;
    }
    swarm_result_free(result);
    return err;
}

struct step {
    enum swarm_op op;
    uint64_t node;
    const char *text; /* of ADD */
    uint64_t until_ms;
    bool maybe; /* an earlier try may have done it */
    bool told;
};

static bool worth_another_try(enum sw_err err)
{
    return sw_err_outcome(err) == SW_OUTCOME_UNKNOWN || sw_err_info(err)->retry == SW_RETRY_LATER ||
           sw_err_info(err)->retry == SW_RETRY_OTHER_NODE;
}

/* Who asks has asked for the command timeout by now: people are told what is waited for. */
static void tell_waiting(const struct sw_cli *cli, struct step *step, const char *why)
{
    const uint64_t now_ms = swarm_now_ms();
    const uint64_t left_ms = step->until_ms > now_ms ? step->until_ms - now_ms : 0;

    if (!step->told && cli->format == SW_FORMAT_TABLE) {
        step->told = true;
        (void)fprintf(stderr,
                      "%s: node %llu: %s; asking again for %llu s\n",
                      sw_cli_program,
                      (unsigned long long)step->node,
                      why,
                      (unsigned long long)(left_ms + 999) / 1000);
    }
}

/* Asks until it is done, refused for good, or the time is up. The exit code; on failure the line is
 * printed. */
static int change(struct sw_cli *cli, struct step *step)
{
    for (;;) {
        struct swarm_request request = SWARM_INIT(struct swarm_request);
        struct swarm_result *result = NULL;
        enum sw_err err;
        int code = 0;

        request.op = step->op;
        request.expected = step->node;
        request.value = swarm_str(step->text == NULL ? "" : step->text);
        if (sw_cmd_call(cli, &request, &result, &code) != SW_ERR_OK) {
            return code;
        }
        err = (enum sw_err)result->status;
        if (err == SW_ERR_OK ||
            (err == SW_ERR_NOT_FOUND && step->maybe && step->op == SWARM_MEMBER_REMOVE)) {
            swarm_result_free(result);
            return 0;
        }
        step->maybe = step->maybe || sw_err_outcome(err) == SW_OUTCOME_UNKNOWN;
        if (!worth_another_try(err) || swarm_now_ms() >= step->until_ms) {
            code = sw_cli_fail_result(result);
            swarm_result_free(result);
            return code;
        }
        tell_waiting(cli, step, result->detail);
        swarm_result_free(result);
        pause_ms(ASK_AGAIN_MS);
    }
}

static bool wait_of(const struct sw_cli *cli, uint64_t standard_ms, uint64_t *ret_until_ms)
{
    uint64_t wait_ms = 0;

    if (!sw_cli_time(cli, "wait", standard_ms, &wait_ms)) {
        return false;
    }
    *ret_until_ms = swarm_now_ms() + wait_ms;
    return true;
}

static int usage_code(void)
{
    return sw_err_info(SW_ERR_INVALID)->exit_code;
}

static void report(const struct sw_cli *cli, const char *what, uint64_t node)
{
    struct sw_output out;

    sw_output_init(&out, "", NULL, 0);
    sw_output_field_number(&out, what, node);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

static int change_one(struct sw_cli *cli, enum swarm_op op, const char *what)
{
    struct step step = {.op = op};
    int code;

    if (!sw_cmd_node(cli, 0, &step.node) || !wait_of(cli, WAIT_MS, &step.until_ms)) {
        return usage_code();
    }
    code = change(cli, &step);
    if (code == 0) {
        report(cli, what, step.node);
    }
    return code;
}

int sw_cmd_member_promote(struct sw_cli *cli)
{
    return change_one(cli, SWARM_MEMBER_PROMOTE, "promoted");
}

int sw_cmd_member_demote(struct sw_cli *cli)
{
    return change_one(cli, SWARM_MEMBER_DEMOTE, "demoted");
}

int sw_cmd_member_remove(struct sw_cli *cli)
{
    return change_one(cli, SWARM_MEMBER_REMOVE, "removed");
}

/* --- list ------------------------------------------------------------------------------------- */

int sw_cmd_member_list(struct sw_cli *cli)
{
    static const struct sw_column columns[] = {{"node", SW_CELL_TEXT},
                                               {"role", SW_CELL_TEXT},
                                               {"state", SW_CELL_TEXT},
                                               {"lag", SW_CELL_TEXT},
                                               {"peer", SW_CELL_TEXT},
                                               {"client", SW_CELL_TEXT},
                                               {"key", SW_CELL_TEXT}};
    struct sw_members members = {0};
    struct sw_output out;
    enum sw_err err = ask_members(cli, &members);

    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    sw_output_init(&out, "members", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < members.count; i++) {
        const struct sw_member_row *row = &members.rows[i];

        sw_output_row(&out);
        sw_output_number(&out, 0, row->id);
        sw_output_text(&out, 1, row->leader ? "leader" : row->role);
        sw_output_text(&out, 2, row->up ? "up" : "down");
        if (members.leading) {
            sw_output_number(&out, 3, row->lag);
        }
        sw_output_text(&out, 4, row->peer);
        sw_output_text(&out, 5, row->client);
        sw_output_text(&out, 6, row->key);
    }
    sw_output_field_number(&out, "next_id", members.next_id);
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
    return 0;
}

/* --- settings of this client ------------------------------------------------------------------ */

static enum sw_err load_settings(const struct sw_cli *cli, struct sw_client_config *ret_config)
{
    struct swarm_options options;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err = sw_cli_options(cli, &options);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (options.config_path == NULL) {
        (void)sw_cli_fail(SW_ERR_CONFIG, "--config FILE or $SWARMCTL_CONFIG names the settings");
        return SW_ERR_CONFIG;
    }
    err = sw_client_config_load(ret_config, options.config_path, why);
    if (err != SW_ERR_OK) {
        (void)sw_cli_fail(err, why);
    }
    return err;
}

int sw_cmd_member_config(struct sw_cli *cli)
{
    struct sw_client_config *config = calloc(1, sizeof *config);
    struct sw_members members = {0};
    char swarm[2 * sizeof(struct sw_swarm_id) + 1];
    char *key_file = NULL;
    enum sw_err err;

    SW_ASSERT(config != NULL);
    err = load_settings(cli, config);
    if (err == SW_ERR_OK) {
        err = ask_members(cli, &members);
    }
    if (err == SW_ERR_OK) {
        /* A path from here would mean another file in settings that are put elsewhere. */
        key_file = realpath(config->key_file, NULL);
        sw_plan_hex(config->swarm.bytes, sizeof config->swarm.bytes, swarm);
        (void)printf("# Settings of clients: swarmctl --config, libswarm.\n"
                     "[swarm]\nid = %s\n\n[client]\nkey_file = %s\n\n"
                     "[nodes]\n# id = client address, public key of the node\n",
                     swarm,
                     key_file != NULL ? key_file : config->key_file);
        for (size_t i = 0; i < members.count; i++) {
            (void)printf("%llu = %s, %s\n",
                         (unsigned long long)members.rows[i].id,
                         members.rows[i].client,
                         members.rows[i].key);
        }
    }
    free(key_file);
    free(config);
    return err == SW_ERR_OK ? 0 : sw_err_info(err)->exit_code;
}

/* --- a new node ------------------------------------------------------------------------------- */

static int plan_failed(const struct sw_plan *plan, enum sw_err err)
{
    return err == SW_ERR_CANCELLED ? sw_err_info(SW_ERR_CONFIG)->exit_code
                                   : sw_cli_fail(err, plan->why);
}

/* "ID=HOST:CLIENT:PEER:HTTP" of the arguments, as the plan's first node. */
static enum sw_err plan_new(struct sw_cli *cli, struct sw_plan *plan, uint64_t id)
{
    const char *address = sw_cli_flag(cli, "address");
    char text[SW_ADDRESS_SIZE_MAX + 64];
    enum sw_err err;

    (void)snprintf(
        text, sizeof text, "%llu=%s", (unsigned long long)id, address == NULL ? "" : address);
    err = sw_plan_node(plan, text);
    if (err != SW_ERR_OK) {
        (void)snprintf(plan->why,
                       sizeof plan->why,
                       "--address is HOST:CLIENTPORT:PEERPORT:HTTPPORT, not %s",
                       address == NULL ? "absent" : address);
        return err;
    }
    plan->nodes[0].join = true;
    return SW_ERR_OK;
}

/* "host:port" of another member into the plan, whose settings name all of them. */
static bool plan_address(const char *text, char host[SW_ADDRESS_SIZE_MAX], uint16_t *ret_port)
{
    const char *colon = strrchr(text, ':');

    if (colon == NULL || (size_t)(colon - text) >= SW_ADDRESS_SIZE_MAX) {
        return false;
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    *ret_port = (uint16_t)strtoul(colon + 1, NULL, 10); /* the swarm has checked it */
    return true;
}

static enum sw_err plan_others(struct sw_plan *plan, const struct sw_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        const struct sw_member_row *row = &members->rows[i];
        struct sw_plan_node node = {.id = row->id};

        if (row->id == plan->nodes[0].id) {
            continue;
        }
        if (row->key[0] == '\0' || plan->count == SW_NODE_COUNT_MAX ||
            !plan_address(row->peer, node.host, &node.peer_port) ||
            !plan_address(row->client, node.client_host, &node.client_port)) {
            (void)snprintf(plan->why,
                           sizeof plan->why,
                           "the swarm does not say how member %llu is reached",
                           (unsigned long long)row->id);
            return SW_ERR_INVALID;
        }
        (void)snprintf(node.public_key, sizeof node.public_key, "%s", row->key);
        plan->nodes[plan->count++] = node;
    }
    return SW_ERR_OK;
}

/* The swarm's id, and the public key of this client, which administers the new node too. */
static enum sw_err plan_settings(const struct sw_cli *cli, struct sw_plan *plan)
{
    struct sw_client_config *config = calloc(1, sizeof *config);
    struct sw_keypair *keys = NULL;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    SW_ASSERT(config != NULL);
    err = load_settings(cli, config);
    if (err != SW_ERR_OK) {
        err = SW_ERR_CANCELLED; /* the line is printed */
        goto out;
    }
    err = sw_keyfile_load_secret(config->key_file, &keys, why);
    if (err != SW_ERR_OK) {
        (void)snprintf(plan->why, sizeof plan->why, "%s", why);
        goto out;
    }
    plan->id = config->swarm;
    sw_plan_hex(plan->id.bytes, sizeof plan->id.bytes, plan->swarm);
    sw_plan_hex(keys->public_key.bytes, sizeof keys->public_key.bytes, plan->client_key);
out:
    sw_secret_free(keys);
    free(config);
    return err;
}

/* DIR/node-N with key, settings and the permission to start empty, by one rename. */
static enum sw_err make_files(struct sw_plan *plan)
{
    struct sw_plan_node *node = &plan->nodes[0];
    char from[2 * PATH_MAX];
    char to[2 * PATH_MAX];
    enum sw_err err;

    (void)snprintf(plan->work,
                   sizeof plan->work,
                   "%.3900s/.node-%llu.new-%ld",
                   plan->target,
                   (unsigned long long)node->id,
                   (long)getpid());
    err = sw_plan_make_directory(plan, "");
    if (err == SW_ERR_OK) {
        err = sw_plan_make_node(plan, node);
    }
    if (err == SW_ERR_OK) {
        err = sw_plan_write_node(plan, node);
    }
    if (err == SW_ERR_OK) {
        err = sw_plan_write_allow(plan, node);
    }
    (void)snprintf(from, sizeof from, "%s/node-%llu", plan->work, (unsigned long long)node->id);
    (void)snprintf(to, sizeof to, "%s/node-%llu", plan->target, (unsigned long long)node->id);
    if (err == SW_ERR_OK && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
        err = sw_plan_fail(plan, SW_ERR_INVALID, "cannot create", to);
    }
    sw_plan_remove_work(plan);
    return err;
}

static enum sw_err plan_target(struct sw_plan *plan, const char *directory)
{
    if (realpath(directory, plan->target) == NULL || strlen(plan->target) > 3900) {
        return sw_plan_fail(plan, SW_ERR_CONFIG, "no directory", directory);
    }
    return SW_ERR_OK;
}

/* The exit code; on failure the line is printed. */
static int prepare(struct sw_cli *cli, struct sw_plan *plan, uint64_t id, const char *directory)
{
    struct sw_members members = {0};
    enum sw_err err = sw_crypto_init();

    if (err == SW_ERR_OK) {
        err = plan_new(cli, plan, id);
    }
    if (err == SW_ERR_OK) {
        err = plan_target(plan, directory);
    }
    if (err == SW_ERR_OK) {
        err = plan_settings(cli, plan);
    }
    if (err == SW_ERR_OK) {
        err = ask_members(cli, &members);
        if (err != SW_ERR_OK) {
            return sw_err_info(err)->exit_code;
        }
        err = plan_others(plan, &members);
    }
    if (err == SW_ERR_OK) {
        err = make_files(plan);
    }
    return err == SW_ERR_OK ? 0 : plan_failed(plan, err);
}

static void report_new(const struct sw_cli *cli, const struct sw_plan *plan, const char *what)
{
    const struct sw_plan_node *node = &plan->nodes[0];
    struct sw_output out;
    char path[2 * PATH_MAX];

    sw_output_init(&out, "", NULL, 0);
    sw_output_field_number(&out, what, node->id);
    sw_output_field(&out, "key", SW_CELL_TEXT, node->public_key);
    if (plan->target[0] != '\0') {
        (void)snprintf(path,
                       sizeof path,
                       "%s/node-%llu/swarmd.conf",
                       plan->target,
                       (unsigned long long)node->id);
        sw_output_field(&out, "config", SW_CELL_TEXT, path);
    }
    (void)sw_output_print(&out, cli->format, stdout);
    sw_output_release(&out);
}

int sw_cmd_member_prepare(struct sw_cli *cli)
{
    struct sw_plan *plan = calloc(1, sizeof *plan);
    const char *directory = sw_cli_flag(cli, "out");
    uint64_t id = 0;
    int code;

    SW_ASSERT(plan != NULL);
    if (directory == NULL) {
        code = sw_cli_fail(SW_ERR_INVALID, "--out names the directory for the node's own");
    } else if (!sw_cmd_node(cli, 0, &id)) {
        code = usage_code();
    } else {
        code = prepare(cli, plan, id, directory);
    }
    if (code == 0) {
        report_new(cli, plan, "prepared");
    }
    free(plan);
    return code;
}

/* With --out the node is prepared, with --key it was. */
static int get_ready(struct sw_cli *cli, struct sw_plan *plan, uint64_t id)
{
    const char *directory = sw_cli_flag(cli, "out");
    const char *key = sw_cli_flag(cli, "key");
    enum sw_err err;

    if ((directory == NULL) == (key == NULL)) {
        return sw_cli_fail(SW_ERR_INVALID,
                           "give --key KEY of a node that is prepared, or --out DIR to prepare it");
    }
    if (directory != NULL) {
        return prepare(cli, plan, id, directory);
    }
    err = plan_new(cli, plan, id);
    if (err == SW_ERR_OK && strlen(key) != SW_PLAN_HEX_KEY_SIZE - 1) {
        (void)snprintf(plan->why, sizeof plan->why, "--key is a public key of 64 hex digits");
        err = SW_ERR_INVALID;
    }
    if (err != SW_ERR_OK) {
        return plan_failed(plan, err);
    }
    (void)snprintf(plan->nodes[0].public_key, sizeof plan->nodes[0].public_key, "%s", key);
    return 0;
}

static int add(struct sw_cli *cli, const struct sw_plan *plan, uint64_t until_ms)
{
    const struct sw_plan_node *node = &plan->nodes[0];
    char text[2 * SW_ADDRESS_SIZE_MAX + SW_PLAN_HEX_KEY_SIZE + 32];
    struct step step = {
        .op = SWARM_MEMBER_ADD, .node = node->id, .text = text, .until_ms = until_ms};

    (void)snprintf(text,
                   sizeof text,
                   "%s:%u,%s:%u,%s",
                   node->host,
                   (unsigned)node->peer_port,
                   node->host,
                   (unsigned)node->client_port,
                   node->public_key);
    return change(cli, &step);
}

int sw_cmd_member_add(struct sw_cli *cli)
{
    struct sw_plan *plan = calloc(1, sizeof *plan);
    uint64_t until_ms = 0;
    uint64_t id = 0;
    int code;

    SW_ASSERT(plan != NULL);
    if (!sw_cmd_node(cli, 0, &id) || !wait_of(cli, WAIT_MS, &until_ms)) {
        code = usage_code();
    } else {
        code = get_ready(cli, plan, id);
        code = code == 0 ? add(cli, plan, until_ms) : code;
    }
    if (code == 0) {
        report_new(cli, plan, "added");
    }
    free(plan);
    return code;
}

/* --- replace ---------------------------------------------------------------------------------- */

/* Until the leader says that the learner has nearly all of the log. */
static int wait_caught_up(struct sw_cli *cli, uint64_t id, uint64_t until_ms)
{
    for (;;) {
        struct sw_members members = {0};
        const struct sw_member_row *row;
        enum sw_err err = ask_members(cli, &members);

        if (err != SW_ERR_OK && !worth_another_try(err)) {
            return sw_err_info(err)->exit_code;
        }
        row = sw_members_find(&members, id);
        if (err == SW_ERR_OK && members.leading && row != NULL && row->up && row->lag <= LAG_MAX) {
            return 0;
        }
        if (swarm_now_ms() >= until_ms) {
            return sw_cli_fail_format(
                SW_ERR_DEADLINE,
                "node %llu has not caught up, start it, or wait longer with --wait; nothing was "
                "removed, and the command may be given again (with --key)",
                (unsigned long long)id);
        }
        pause_ms(ASK_AGAIN_MS);
    }
}

/* A typing error must not add a node for nothing. */
static int check_old(struct sw_cli *cli, uint64_t old, uint64_t new)
{
    struct sw_members members = {0};
    const enum sw_err err = ask_members(cli, &members);

    if (err != SW_ERR_OK) {
        return sw_err_info(err)->exit_code;
    }
    if (sw_members_find(&members, old) == NULL && sw_members_find(&members, new) == NULL) {
        return sw_cli_fail_format(
            SW_ERR_NOT_FOUND, "node %llu is not a member", (unsigned long long)old);
    }
    return 0;
}

static int replace(struct sw_cli *cli, struct sw_plan *plan, uint64_t old, uint64_t until_ms)
{
    struct step removal = {
        .op = SWARM_MEMBER_REMOVE, .node = old, .until_ms = until_ms, .maybe = true};
    struct step promotion = {
        .op = SWARM_MEMBER_PROMOTE, .node = plan->nodes[0].id, .until_ms = until_ms};
    int code = add(cli, plan, until_ms);

    if (code == 0 && cli->format == SW_FORMAT_TABLE && plan->target[0] != '\0') {
        (void)printf("now start it: swarmd --config %s/node-%llu/swarmd.conf\n",
                     plan->target,
                     (unsigned long long)plan->nodes[0].id);
        (void)fflush(stdout);
    }
    code = code == 0 ? wait_caught_up(cli, plan->nodes[0].id, until_ms) : code;
    code = code == 0 ? change(cli, &removal) : code;
    return code == 0 ? change(cli, &promotion) : code;
}

int sw_cmd_member_replace(struct sw_cli *cli)
{
    struct sw_plan *plan = calloc(1, sizeof *plan);
    uint64_t until_ms = 0;
    uint64_t old = 0;
    uint64_t new = 0;
    int code;

    SW_ASSERT(plan != NULL);
    if (!sw_cmd_node(cli, 0, &old) || !sw_cmd_node(cli, 1, &new) ||
        !wait_of(cli, REPLACE_WAIT_MS, &until_ms)) {
        code = usage_code();
    } else if (old == new) {
        code = sw_cli_fail(SW_ERR_INVALID, "a node that lost its data comes back under a new id");
    } else {
        code = check_old(cli, old, new);
        code = code == 0 ? get_ready(cli, plan, new) : code;
        code = code == 0 ? replace(cli, plan, old, until_ms) : code;
    }
    if (code == 0) {
        report_new(cli, plan, "promoted");
    }
    free(plan);
    return code;
}
