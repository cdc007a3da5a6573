/* swarmctl swarm create: keys and configuration files of a new swarm, in a directory that is new.
 *
 *     DIR/node-1/swarmd.conf  node-1/node.key  node-1/clients.allow   ... node-2/
 *     DIR/node-1/data/first-start      lets swarmd start empty, once (base/first_start.h)
 *     DIR/client.conf         client.key
 *
 * Everything is made in a directory beside DIR that takes DIR's name at the very end: whoever finds
 * DIR finds all of it. Nothing is ever overwritten: keys cannot be made again. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/first_start.h"
#include "base/text.h"
#include "tools/cli.h"
#include "transport/keyfile_posix.h"

enum { PORTS_PER_NODE = 10, BASE_PORT = 6700, NODES = 3, HEX_KEY_SIZE = 2 * SW_KEY_SIZE + 1 };

struct plan_node {
    uint64_t id;
    char host[SW_ADDRESS_SIZE_MAX];
    uint16_t client_port, peer_port, http_port;
    char public_key[HEX_KEY_SIZE];
};

struct plan {
    struct plan_node nodes[SW_NODE_COUNT_MAX];
    size_t count;
    struct sw_swarm_id id;
    char swarm[2 * sizeof(struct sw_swarm_id) + 1]; /* the id in hex */
    char client_key[HEX_KEY_SIZE];
    char target[PATH_MAX]; /* absolute */
    char work[PATH_MAX];   /* where it is made */
    char why[SW_WHY_SIZE + PATH_MAX];
};

static enum sw_err fail(struct plan *plan, enum sw_err err, const char *what, const char *path)
{
    (void)snprintf(plan->why, sizeof plan->why, "%s %s: %s", what, path, strerrordesc_np(errno));
    return err;
}

static void to_hex(const uint8_t *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", (unsigned)bytes[i]);
    }
}

/* --- the plan --------------------------------------------------------------------------------- */

static bool parse_port(const char *text, uint16_t *ret_port)
{
    uint64_t value = 0;

    if (!sw_text_number(text, &value) || value == 0 || value > UINT16_MAX) {
        return false;
    }
    *ret_port = (uint16_t)value;
    return true;
}

/* Cuts the last ":port" off `text`. */
static bool cut_port(char *text, uint16_t *ret_port)
{
    char *colon = strrchr(text, ':');

    if (colon == NULL || !parse_port(colon + 1, ret_port)) {
        return false;
    }
    *colon = '\0';
    return true;
}

/* "1=host:6700:6701:6702" */
static enum sw_err plan_node(struct plan *plan, const char *text)
{
    struct plan_node node = {0};
    const char *equals = strchr(text, '=');
    char id[24] = "";

    if (equals != NULL && (size_t)(equals - text) < sizeof id &&
        strlen(equals + 1) < sizeof node.host) {
        memcpy(id, text, (size_t)(equals - text));
        (void)snprintf(node.host, sizeof node.host, "%s", equals + 1);
    }
    if (!sw_text_number(id, &node.id) || node.id == 0 || !cut_port(node.host, &node.http_port) ||
        !cut_port(node.host, &node.peer_port) || !cut_port(node.host, &node.client_port) ||
        node.host[0] == '\0') {
        (void)snprintf(plan->why,
                       sizeof plan->why,
                       "--node is ID=HOST:CLIENTPORT:PEERPORT:HTTPPORT, not %s",
                       text);
        return SW_ERR_INVALID;
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->nodes[i].id == node.id) {
            (void)snprintf(plan->why, sizeof plan->why, "node %s is given twice", id);
            return SW_ERR_INVALID;
        }
    }
    if (plan->count == SW_NODE_COUNT_MAX) {
        (void)snprintf(
            plan->why, sizeof plan->why, "a swarm has at most %d nodes", SW_NODE_COUNT_MAX);
        return SW_ERR_INVALID;
    }
    plan->nodes[plan->count] = node;
    plan->count++;
    return SW_ERR_OK;
}

static enum sw_err plan_one_host(struct plan *plan, const struct sw_cli *cli)
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
        struct plan_node *node = &plan->nodes[i];
        const uint16_t first = (uint16_t)(port + i * PORTS_PER_NODE);

        *node = (struct plan_node){.id = i + 1,
                                   .client_port = first,
                                   .peer_port = (uint16_t)(first + 1),
                                   .http_port = (uint16_t)(first + 2)};
        (void)snprintf(node->host, sizeof node->host, "%s", host == NULL ? "127.0.0.1" : host);
    }
    plan->count = count;
    return SW_ERR_OK;
}

static enum sw_err plan_nodes(struct plan *plan, const struct sw_cli *cli)
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
            err = plan_node(plan, cli->flags[i].value);
        }
    }
    return err;
}

/* An absolute path, since swarmd may be started from anywhere. */
static enum sw_err plan_paths(struct plan *plan, const char *given)
{
    char parent[PATH_MAX];
    char copy[PATH_MAX];
    struct stat found;
    char *slash;
    int size;

    (void)snprintf(copy, sizeof copy, "%s", given);
    while (strlen(copy) > 1 && copy[strlen(copy) - 1] == '/') {
        copy[strlen(copy) - 1] = '\0';
    }
    slash = strrchr(copy, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    if (realpath(slash == NULL ? "." : slash == copy ? "/" : copy, parent) == NULL) {
        return fail(plan, SW_ERR_CONFIG, "no directory", slash == NULL ? "." : copy);
    }
    size = snprintf(
        plan->target, sizeof plan->target, "%s/%s", parent, slash == NULL ? copy : slash + 1);
    if (size < 0 || (size_t)size >= sizeof plan->target - 64) {
        (void)snprintf(plan->why, sizeof plan->why, "the path is too long");
        return SW_ERR_CONFIG;
    }
    if (lstat(plan->target, &found) == 0 && rmdir(plan->target) != 0) {
        (void)snprintf(plan->why,
                       sizeof plan->why,
                       "%s exists and is not empty; keys are never overwritten: name another",
                       plan->target);
        return SW_ERR_INVALID;
    }
    (void)snprintf(plan->work, sizeof plan->work, "%.4000s.new-%ld", plan->target, (long)getpid());
    return SW_ERR_OK;
}

/* --- files ------------------------------------------------------------------------------------ */

static enum sw_err make_directory(struct plan *plan, const char *name)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%.4000s%s", plan->work, name);
    return mkdir(path, 0700) == 0 ? SW_ERR_OK : fail(plan, SW_ERR_IO, "cannot make", path);
}

static enum sw_err make_key(struct plan *plan, const char *name, char ret_public[HEX_KEY_SIZE])
{
    struct sw_keypair *keys = sw_secret_new(sizeof *keys);
    char path[PATH_MAX];
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    (void)snprintf(path, sizeof path, "%.4000s%s", plan->work, name);
    sw_keypair_generate(keys);
    to_hex(keys->public_key.bytes, sizeof keys->public_key.bytes, ret_public);
    err = sw_keyfile_save_secret(path, keys, why);
    sw_secret_free(keys);
    if (err != SW_ERR_OK) {
        (void)snprintf(plan->why, sizeof plan->why, "%s", why);
    }
    return err;
}

static FILE *open_new(struct plan *plan, const char *name)
{
    char path[PATH_MAX];
    FILE *file;

    (void)snprintf(path, sizeof path, "%.4000s%s", plan->work, name);
    file = fopen(path, "wxe");
    if (file == NULL) {
        (void)fail(plan, SW_ERR_IO, "cannot write", path);
    }
    return file;
}

static enum sw_err close_new(struct plan *plan, FILE *file)
{
    const bool bad = fflush(file) != 0 || ferror(file) != 0 || fsync(fileno(file)) != 0;

    if (fclose(file) != 0 || bad) {
        return fail(plan, SW_ERR_IO, "cannot write into", plan->work);
    }
    return SW_ERR_OK;
}

static void print_members(const struct plan *plan, FILE *file)
{
    (void)fprintf(file, "\n[members]\n# id = peer address, client address, public key\n");
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_node *node = &plan->nodes[i];

        (void)fprintf(file,
                      "%llu = %s:%u, %s:%u, %s\n",
                      (unsigned long long)node->id,
                      node->host,
                      (unsigned)node->peer_port,
                      node->host,
                      (unsigned)node->client_port,
                      node->public_key);
    }
}

static enum sw_err write_node(struct plan *plan, const struct plan_node *node)
{
    char name[64];
    FILE *file;

    (void)snprintf(name, sizeof name, "/node-%llu/swarmd.conf", (unsigned long long)node->id);
    file = open_new(plan, name);
    if (file == NULL) {
        return SW_ERR_IO;
    }
    (void)fprintf(file,
                  "# Node %llu. swarmd --help explains every key.\n"
                  "[swarm]\nid = %s\n\n"
                  "[node]\nid = %llu\n"
                  "data_dir = %s/node-%llu/data\n"
                  "key_file = %s/node-%llu/node.key\n"
                  "clients_file = %s/node-%llu/clients.allow\n\n"
                  "[listen]\nclient = %s:%u\npeer = %s:%u\nhttp = 127.0.0.1:%u\n",
                  (unsigned long long)node->id,
                  plan->swarm,
                  (unsigned long long)node->id,
                  plan->target,
                  (unsigned long long)node->id,
                  plan->target,
                  (unsigned long long)node->id,
                  plan->target,
                  (unsigned long long)node->id,
                  node->host,
                  (unsigned)node->client_port,
                  node->host,
                  (unsigned)node->peer_port,
                  (unsigned)node->http_port);
    print_members(plan, file);
    return close_new(plan, file);
}

static enum sw_err write_allow(struct plan *plan, const struct plan_node *node)
{
    char name[64];
    FILE *file;

    (void)snprintf(name, sizeof name, "/node-%llu/clients.allow", (unsigned long long)node->id);
    file = open_new(plan, name);
    if (file == NULL) {
        return SW_ERR_IO;
    }
    (void)fprintf(file,
                  "# public key of a client, its rights (read, write, admin), a name for people\n"
                  "%s admin client\n",
                  plan->client_key);
    return close_new(plan, file);
}

static enum sw_err write_client(struct plan *plan)
{
    FILE *file = open_new(plan, "/client.conf");

    if (file == NULL) {
        return SW_ERR_IO;
    }
    (void)fprintf(file,
                  "# Settings of clients: swarmctl --config, libswarm.\n"
                  "[swarm]\nid = %s\n\n[client]\nkey_file = client.key\n\n"
                  "[nodes]\n# id = client address, public key of the node\n",
                  plan->swarm);
    for (size_t i = 0; i < plan->count; i++) {
        (void)fprintf(file,
                      "%llu = %s:%u, %s\n",
                      (unsigned long long)plan->nodes[i].id,
                      plan->nodes[i].host,
                      (unsigned)plan->nodes[i].client_port,
                      plan->nodes[i].public_key);
    }
    return close_new(plan, file);
}

static enum sw_err write_marker(struct plan *plan, const struct plan_node *node)
{
    char text[SW_FIRST_START_SIZE_MAX];
    char name[64];
    FILE *file;

    (void)snprintf(
        name, sizeof name, "/node-%llu/data/" SW_FIRST_START_NAME, (unsigned long long)node->id);
    file = open_new(plan, name);
    if (file == NULL) {
        return SW_ERR_IO;
    }
    (void)sw_first_start_print(plan->id, (struct sw_node_id){node->id}, text);
    (void)fputs(text, file);
    return close_new(plan, file);
}

/* The directory of a node, its data directory with the marker, and its key. */
static enum sw_err make_node(struct plan *plan, struct plan_node *node)
{
    char name[64];
    enum sw_err err;

    (void)snprintf(name, sizeof name, "/node-%llu", (unsigned long long)node->id);
    err = make_directory(plan, name);
    if (err == SW_ERR_OK) {
        (void)snprintf(name, sizeof name, "/node-%llu/data", (unsigned long long)node->id);
        err = make_directory(plan, name);
    }
    if (err == SW_ERR_OK) {
        err = write_marker(plan, node);
    }
    if (err == SW_ERR_OK) {
        (void)snprintf(name, sizeof name, "/node-%llu/node.key", (unsigned long long)node->id);
        err = make_key(plan, name, node->public_key);
    }
    return err;
}

static enum sw_err make_all(struct plan *plan)
{
    enum sw_err err = make_directory(plan, "");

    sw_crypto_random(plan->id.bytes, sizeof plan->id.bytes);
    to_hex(plan->id.bytes, sizeof plan->id.bytes, plan->swarm);
    for (size_t i = 0; i < plan->count && err == SW_ERR_OK; i++) {
        err = make_node(plan, &plan->nodes[i]);
    }
    if (err == SW_ERR_OK) {
        err = make_key(plan, "/client.key", plan->client_key);
    }
    for (size_t i = 0; i < plan->count && err == SW_ERR_OK; i++) {
        err = write_node(plan, &plan->nodes[i]);
        if (err == SW_ERR_OK) {
            err = write_allow(plan, &plan->nodes[i]);
        }
    }
    if (err == SW_ERR_OK) {
        err = write_client(plan);
    }
    if (err == SW_ERR_OK &&
        renameat2(AT_FDCWD, plan->work, AT_FDCWD, plan->target, RENAME_NOREPLACE) != 0) {
        err = fail(plan, SW_ERR_INVALID, "cannot create", plan->target);
    }
    return err;
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *walk)
{
    (void)found;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* What a failure left: only ever the directory that this process has just made. */
static void remove_work(const struct plan *plan)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    (void)nftw(plan->work, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- the command ------------------------------------------------------------------------------ */

static void print_plan(const struct sw_cli *cli, const struct plan *plan)
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
        const struct plan_node *node = &plan->nodes[i];

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

static void print_next_steps(const struct plan *plan)
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
    struct plan *plan = calloc(1, sizeof *plan);
    int code = 0;
    enum sw_err err;

    SW_ASSERT(plan != NULL);
    err = sw_crypto_init();
    if (err == SW_ERR_OK) {
        err = plan_nodes(plan, cli);
    }
    if (err == SW_ERR_OK) {
        err = plan_paths(plan, cli->args[0]);
    }
    if (err == SW_ERR_OK) {
        err = make_all(plan);
        if (err != SW_ERR_OK) {
            remove_work(plan);
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
