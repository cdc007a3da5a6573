/* Options before URL before environment before the usual place. */
#include "client/target_posix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *environment(const char *name)
{
    /* Programs that change their environment beside other threads are lost anyway. */
    const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe) */

    return value == NULL || value[0] == '\0' ? NULL : value;
}

static enum sw_err find_config(const struct sw_target_wanted *wanted,
                               const struct sw_url *url,
                               char path[SW_CLIENT_PATH_SIZE],
                               char *ret_why)
{
    const char *home = environment("HOME");
    const char *given = wanted->config_path;
    int size = -1;

    if (given == NULL && url->config[0] != '\0') {
        given = url->config;
    }
    if (given == NULL) {
        given = environment("SWARM_CLIENT_CONFIG");
    }
    if (given != NULL) {
        size = snprintf(path, SW_CLIENT_PATH_SIZE, "%s", given);
    } else if (home != NULL) {
        size = snprintf(path, SW_CLIENT_PATH_SIZE, "%s/.config/swarm/client.conf", home);
    }
    if (size < 0 || size >= SW_CLIENT_PATH_SIZE) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "no configuration file is named");
        return SW_ERR_CONFIG;
    }
    return SW_ERR_OK;
}

/* Takes the URL out of what is wanted; NULL if there is none. */
static const char *find_url(struct sw_target_wanted *wanted)
{
    const char *text = wanted->url;

    if (text == NULL && wanted->endpoints != NULL && sw_url_is(wanted->endpoints)) {
        text = wanted->endpoints;
        wanted->endpoints = NULL;
    }
    if (text == NULL && wanted->endpoints == NULL && wanted->config_path == NULL) {
        text = environment("SWARM_URL");
    }
    return text;
}

static enum sw_err
load(const struct sw_target_wanted *wanted, struct sw_target *target, char *ret_why)
{
    char path[SW_CLIENT_PATH_SIZE];
    enum sw_err err;

    err = find_config(wanted, &target->url, path, ret_why);
    if (err == SW_ERR_OK) {
        err = sw_client_config_load(&target->config, path, ret_why);
    }
    if (err == SW_ERR_OK && target->url.hosts[0] != '\0') {
        err = sw_client_config_hosts(&target->config, target->url.hosts, ret_why);
    }
    if (err == SW_ERR_OK && wanted->endpoints != NULL) {
        err = sw_client_config_endpoints(&target->config, wanted->endpoints, ret_why);
    }
    return err;
}

enum sw_err sw_target_find(struct sw_target_wanted wanted,
                           struct sw_target *ret_target,
                           char ret_why[SW_WHY_SIZE])
{
    const char *text = find_url(&wanted);
    enum sw_err err = SW_ERR_OK;

    memset(ret_target, 0, sizeof *ret_target);
    if (text != NULL) {
        err = sw_url_parse(text, &ret_target->url, ret_why);
    }
    if (err != SW_ERR_OK || ret_target->url.embedded) {
        return err;
    }
    return load(&wanted, ret_target, ret_why);
}
