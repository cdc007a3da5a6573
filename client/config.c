/* Settings of a client: the table of keys and the checks. */
#include "client/config.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"

enum { ENDPOINTS_SIZE_MAX = 4096, PUBLIC_KEY_DIGITS = 64 };

bool sw_client_address_valid(const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;

    if (colon == NULL || colon == text || strlen(text) >= SW_ADDRESS_SIZE_MAX ||
        !sw_text_number(colon + 1, &port) || port == 0 || port > UINT16_MAX) {
        return false;
    }
    if (text[0] == '[') {
        return colon[-1] == ']';
    }
    return memchr(text, ':', (size_t)(colon - text)) == NULL && strpbrk(text, " ,/\t") == NULL;
}

static struct sw_client_node *find_node(struct sw_client_config *config, uint64_t id)
{
    for (uint32_t i = 0; i < config->node_count; i++) {
        if (config->nodes[i].id.value == id) {
            return &config->nodes[i];
        }
    }
    return NULL;
}

static enum sw_err fail(char *ret_why, const char *what, const char *value)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "%.80s, not \"%.60s\"", what, value);
    return SW_ERR_CONFIG;
}

/* "address, public key" */
static enum sw_err parse_node(const char *value, struct sw_client_node *ret_node, char *ret_why)
{
    static const char expected[] = "a node is \"host:port, public key in 64 hex digits\"";
    const char *comma = strchr(value, ',');
    const char *key;

    if (comma == NULL || (size_t)(comma - value) >= sizeof ret_node->address) {
        return fail(ret_why, expected, value);
    }
    memcpy(ret_node->address, value, (size_t)(comma - value));
    ret_node->address[comma - value] = '\0';
    key = comma + 1 + strspn(comma + 1, " \t");
    if (!sw_client_address_valid(ret_node->address) ||
        !sw_text_hex(key, ret_node->public_key, sizeof ret_node->public_key)) {
        return fail(ret_why, expected, value);
    }
    return SW_ERR_OK;
}

static enum sw_err
set_node(struct sw_client_config *config, const char *name, const char *value, char *ret_why)
{
    struct sw_client_node node = {0};
    enum sw_err err;

    if (!sw_text_number(name, &node.id.value) || node.id.value == 0) {
        return fail(ret_why, "[nodes] names nodes by number, 1 or more", name);
    }
    if (find_node(config, node.id.value) != NULL) {
        return fail(ret_why, "[nodes] names each node once", name);
    }
    if (config->node_count == SW_NODE_COUNT_MAX) {
        return fail(ret_why, "[nodes] holds at most 15 nodes", name);
    }
    err = parse_node(value, &node, ret_why);
    if (err == SW_ERR_OK) {
        config->nodes[config->node_count] = node;
        config->node_count++;
    }
    return err;
}

static_assert(SW_NODE_COUNT_MAX == 15, "the text above names the limit");

enum sw_err sw_client_config_set(struct sw_client_config *config,
                                 const char *section,
                                 const char *name,
                                 const char *value,
                                 char ret_why[SW_WHY_SIZE])
{
    if (strcmp(section, "nodes") == 0) {
        return set_node(config, name, value, ret_why);
    }
    if (strcmp(section, "swarm") == 0 && strcmp(name, "id") == 0) {
        config->has_swarm = sw_text_hex(value, config->swarm.bytes, sizeof config->swarm.bytes);
        return config->has_swarm ? SW_ERR_OK : fail(ret_why, "swarm.id is 32 hex digits", value);
    }
    if (strcmp(section, "client") == 0 && strcmp(name, "key_file") == 0) {
        if (value[0] == '\0' || strlen(value) >= sizeof config->key_file) {
            return fail(ret_why, "client.key_file is the path of a secret key file", value);
        }
        (void)snprintf(config->key_file, sizeof config->key_file, "%s", value);
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why, SW_WHY_SIZE, "unknown key \"%.60s\" in section [%.60s]", name, section);
    return SW_ERR_CONFIG;
}

enum sw_err sw_client_config_check(const struct sw_client_config *config, char ret_why[SW_WHY_SIZE])
{
    const char *missing = NULL;

    if (!config->has_swarm) {
        missing = "[swarm] id";
    } else if (config->key_file[0] == '\0') {
        missing = "[client] key_file";
    } else if (config->node_count == 0) {
        missing = "a node in [nodes]";
    }
    if (missing == NULL) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s is missing", missing);
    return SW_ERR_CONFIG;
}

static enum sw_err set_endpoint(struct sw_client_config *config, char *text, char *ret_why)
{
    char *equals = strchr(text, '=');
    struct sw_client_node *node = NULL;
    uint64_t id = 0;

    if (equals == NULL) {
        return fail(ret_why, "an endpoint is \"node=host:port\"", text);
    }
    *equals = '\0';
    if (sw_text_number(text, &id)) {
        node = find_node(config, id);
    }
    if (node == NULL) {
        return fail(ret_why, "an endpoint names a node of the configuration file", text);
    }
    if (!sw_client_address_valid(equals + 1)) {
        return fail(ret_why, "an endpoint is \"node=host:port\"", equals + 1);
    }
    (void)snprintf(node->address, sizeof node->address, "%s", equals + 1);
    return SW_ERR_OK;
}

/* A node is known by its key; an address alone does not say which node it is. */
static enum sw_err set_host(struct sw_client_config *config, char *text, char *ret_why)
{
    if (strchr(text, '=') != NULL) {
        return set_endpoint(config, text, ret_why);
    }
    for (uint32_t i = 0; i < config->node_count; i++) {
        if (strcmp(config->nodes[i].address, text) == 0) {
            return SW_ERR_OK;
        }
    }
    return fail(
        ret_why, "a host without NUMBER= is the address of a node of the configuration file", text);
}

static enum sw_err
each_of(struct sw_client_config *config,
        const char *text,
        enum sw_err (*set)(struct sw_client_config *config, char *text, char *ret_why),
        char *ret_why)
{
    char copy[ENDPOINTS_SIZE_MAX];
    char *at = copy;
    enum sw_err err = SW_ERR_OK;

    if (strlen(text) >= sizeof copy) {
        return fail(ret_why, "the list of endpoints is too long", text);
    }
    (void)snprintf(copy, sizeof copy, "%s", text);
    while (err == SW_ERR_OK && at != NULL) {
        char *comma = strchr(at, ',');

        if (comma != NULL) {
            *comma = '\0';
        }
        err = set(config, at, ret_why);
        at = comma == NULL ? NULL : comma + 1;
    }
    return err;
}

enum sw_err sw_client_config_endpoints(struct sw_client_config *config,
                                       const char *text,
                                       char ret_why[SW_WHY_SIZE])
{
    return each_of(config, text, set_endpoint, ret_why);
}

enum sw_err
sw_client_config_hosts(struct sw_client_config *config, const char *text, char ret_why[SW_WHY_SIZE])
{
    return each_of(config, text, set_host, ret_why);
}
