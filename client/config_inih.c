/* Reads a client's settings with libinih. */
#include <stdio.h>
#include <string.h>

#include "base/ini.h"
#include "client/config.h"

static enum sw_err
take(void *arg, const char *section, const char *name, const char *value, char ret_why[SW_WHY_SIZE])
{
    return sw_client_config_set(arg, section, name, value, ret_why);
}

enum sw_err
sw_client_config_parse(struct sw_client_config *config, const char *text, char ret_why[SW_WHY_SIZE])
{
    const struct sw_ini_taker taker = {.take = take, .arg = config};

    return sw_ini_parse(text, &taker, ret_why);
}

/* A relative key path is meant from where the file that names it stands. */
static enum sw_err resolve(struct sw_client_config *config, const char *path, char *ret_why)
{
    const char *slash = strrchr(path, '/');
    char joined[SW_CLIENT_PATH_SIZE];
    int size;

    if (config->key_file[0] == '/' || slash == NULL) {
        return SW_ERR_OK;
    }
    size = snprintf(joined, sizeof joined, "%.*s/%s", (int)(slash - path), path, config->key_file);
    if (size < 0 || (size_t)size >= sizeof joined) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the path of the key file is too long");
        return SW_ERR_CONFIG;
    }
    memcpy(config->key_file, joined, (size_t)size + 1);
    return SW_ERR_OK;
}

enum sw_err
sw_client_config_load(struct sw_client_config *config, const char *path, char ret_why[SW_WHY_SIZE])
{
    const struct sw_ini_taker taker = {.take = take, .arg = config};
    enum sw_err err = sw_ini_load(path, &taker, ret_why);

    if (err == SW_ERR_OK) {
        err = sw_client_config_check(config, ret_why);
    }
    return err == SW_ERR_OK ? resolve(config, path, ret_why) : err;
}
