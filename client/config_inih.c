/* Reads a client's settings with libinih. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "client/config.h"

struct parse {
    struct sw_client_config *config;
    char *why;
    enum sw_err err;
};

static int on_value(void *user, const char *section, const char *name, const char *value)
{
    struct parse *parse = user;

    if (parse->err != SW_ERR_OK) {
        return 0; /* libinih reads on; the first error is the one to tell */
    }
    parse->err =
        sw_client_config_set(parse->config, section, name, value == NULL ? "" : value, parse->why);
    return parse->err == SW_ERR_OK;
}

static enum sw_err result_of(const struct parse *parse, int line, char *ret_why)
{
    char detail[SW_WHY_SIZE];

    if (line == 0) {
        return SW_ERR_OK;
    }
    if (parse->err == SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "line %d: not \"key = value\" nor [section]", line);
        return SW_ERR_CONFIG;
    }
    (void)snprintf(detail, sizeof detail, "%s", ret_why);
    (void)snprintf(ret_why, SW_WHY_SIZE, "line %d: %.140s", line, detail);
    return SW_ERR_CONFIG;
}

enum sw_err
sw_client_config_parse(struct sw_client_config *config, const char *text, char ret_why[SW_WHY_SIZE])
{
    struct parse parse = {.config = config, .why = ret_why, .err = SW_ERR_OK};

    return result_of(&parse, ini_parse_string(text, on_value, &parse), ret_why);
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
    struct parse parse = {.config = config, .why = ret_why, .err = SW_ERR_OK};
    FILE *file = fopen(path, "re");
    enum sw_err err;
    bool failed;

    if (file == NULL) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "cannot open %.100s: %s", path, strerrordesc_np(errno));
        return SW_ERR_CONFIG;
    }
    err = result_of(&parse, ini_parse_file(file, on_value, &parse), ret_why);
    failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) { /* a directory opens, but does not read */
        (void)snprintf(ret_why, SW_WHY_SIZE, "cannot read %.100s", path);
        return SW_ERR_CONFIG;
    }
    if (err == SW_ERR_OK) {
        err = sw_client_config_check(config, ret_why);
    }
    return err == SW_ERR_OK ? resolve(config, path, ret_why) : err;
}
