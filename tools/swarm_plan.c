/* Plans and files of swarms. Nothing is ever overwritten: keys cannot be made again. */
#include "tools/swarm_plan.h"

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
#include "transport/keyfile_posix.h"

enum sw_err sw_plan_fail(struct sw_plan *plan, enum sw_err err, const char *what, const char *path)
{
    (void)snprintf(plan->why, sizeof plan->why, "%s %s: %s", what, path, strerrordesc_np(errno));
    return err;
}

void sw_plan_hex(const uint8_t *bytes, size_t size, char *out)
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
enum sw_err sw_plan_node(struct sw_plan *plan, const char *text)
{
    struct sw_plan_node node = {0};
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

/* An absolute path, since swarmd may be started from anywhere. */
enum sw_err sw_plan_paths(struct sw_plan *plan, const char *given)
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
        return sw_plan_fail(plan, SW_ERR_CONFIG, "no directory", slash == NULL ? "." : copy);
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

enum sw_err sw_plan_make_directory(struct sw_plan *plan, const char *name)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%.4000s%s", plan->work, name);
    return mkdir(path, 0700) == 0 ? SW_ERR_OK : sw_plan_fail(plan, SW_ERR_IO, "cannot make", path);
}

static enum sw_err
make_key(struct sw_plan *plan, const char *name, char ret_public[SW_PLAN_HEX_KEY_SIZE])
{
    struct sw_keypair *keys = sw_secret_new(sizeof *keys);
    char path[PATH_MAX];
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    (void)snprintf(path, sizeof path, "%.4000s%s", plan->work, name);
    sw_keypair_generate(keys);
    sw_plan_hex(keys->public_key.bytes, sizeof keys->public_key.bytes, ret_public);
    err = sw_keyfile_save_secret(path, keys, why);
    sw_secret_free(keys);
    if (err != SW_ERR_OK) {
        (void)snprintf(plan->why, sizeof plan->why, "%s", why);
    }
    return err;
}

static FILE *open_new(struct sw_plan *plan, const char *name)
{
    char path[PATH_MAX];
    FILE *file;

    (void)snprintf(path, sizeof path, "%.4000s%s", plan->work, name);
    file = fopen(path, "wxe");
    if (file == NULL) {
        (void)sw_plan_fail(plan, SW_ERR_IO, "cannot write", path);
    }
    return file;
}

static enum sw_err close_new(struct sw_plan *plan, FILE *file)
{
    const bool bad = fflush(file) != 0 || ferror(file) != 0 || fsync(fileno(file)) != 0;

    if (fclose(file) != 0 || bad) {
        return sw_plan_fail(plan, SW_ERR_IO, "cannot write into", plan->work);
    }
    return SW_ERR_OK;
}

static void print_members(const struct sw_plan *plan, FILE *file)
{
    (void)fprintf(file, "\n[members]\n# id = peer address, client address, public key\n");
    for (size_t i = 0; i < plan->count; i++) {
        const struct sw_plan_node *node = &plan->nodes[i];

        (void)fprintf(file,
                      "%llu = %s:%u, %s:%u, %s\n",
                      (unsigned long long)node->id,
                      node->host,
                      (unsigned)node->peer_port,
                      node->client_host[0] == '\0' ? node->host : node->client_host,
                      (unsigned)node->client_port,
                      node->public_key);
    }
}

enum sw_err sw_plan_write_node(struct sw_plan *plan, const struct sw_plan_node *node)
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
                  "[node]\nid = %llu\n%s"
                  "data_dir = %s/node-%llu/data\n"
                  "key_file = %s/node-%llu/node.key\n"
                  "clients_file = %s/node-%llu/clients.allow\n\n"
                  "[listen]\nclient = %s:%u\npeer = %s:%u\nhttp = 127.0.0.1:%u\n",
                  (unsigned long long)node->id,
                  plan->swarm,
                  (unsigned long long)node->id,
                  node->join ? "join = 1\n" : "",
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

enum sw_err sw_plan_write_allow(struct sw_plan *plan, const struct sw_plan_node *node)
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

static enum sw_err write_client(struct sw_plan *plan)
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

static enum sw_err write_marker(struct sw_plan *plan, const struct sw_plan_node *node)
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
enum sw_err sw_plan_make_node(struct sw_plan *plan, struct sw_plan_node *node)
{
    char name[64];
    enum sw_err err;

    (void)snprintf(name, sizeof name, "/node-%llu", (unsigned long long)node->id);
    err = sw_plan_make_directory(plan, name);
    if (err == SW_ERR_OK) {
        (void)snprintf(name, sizeof name, "/node-%llu/data", (unsigned long long)node->id);
        err = sw_plan_make_directory(plan, name);
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

enum sw_err sw_plan_make_all(struct sw_plan *plan)
{
    enum sw_err err = sw_plan_make_directory(plan, "");

    sw_crypto_random(plan->id.bytes, sizeof plan->id.bytes);
    sw_plan_hex(plan->id.bytes, sizeof plan->id.bytes, plan->swarm);
    for (size_t i = 0; i < plan->count && err == SW_ERR_OK; i++) {
        err = sw_plan_make_node(plan, &plan->nodes[i]);
    }
    if (err == SW_ERR_OK) {
        err = make_key(plan, "/client.key", plan->client_key);
    }
    for (size_t i = 0; i < plan->count && err == SW_ERR_OK; i++) {
        err = sw_plan_write_node(plan, &plan->nodes[i]);
        if (err == SW_ERR_OK) {
            err = sw_plan_write_allow(plan, &plan->nodes[i]);
        }
    }
    if (err == SW_ERR_OK) {
        err = write_client(plan);
    }
    if (err == SW_ERR_OK &&
        renameat2(AT_FDCWD, plan->work, AT_FDCWD, plan->target, RENAME_NOREPLACE) != 0) {
        err = sw_plan_fail(plan, SW_ERR_INVALID, "cannot create", plan->target);
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

void sw_plan_remove_work(const struct sw_plan *plan)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    (void)nftw(plan->work, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
