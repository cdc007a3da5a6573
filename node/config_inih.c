/* INI text through libinih into the table of settings. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "node/config.h"

struct parse {
    struct sw_config *config;
    char *why;
    enum sw_err err;
};

static int on_value(void *user, const char *section, const char *name, const char *value)
{
    struct parse *parse = user;

    if (parse->err != SW_ERR_OK) {
        return 0; /* libinih reads on; the first error is the one to tell */
    }
    parse->err = sw_config_set(
        parse->config, section, name, value == NULL ? "" : value, SW_CONFIG_FILE, parse->why);
    return parse->err == SW_ERR_OK;
}

/* `line` is what libinih answered: the number of the first bad line, or below zero. */
static enum sw_err result(const struct parse *parse, int line, char *ret_why)
{
    char detail[SW_WHY_SIZE];

    if (line == 0) {
        return SW_ERR_OK;
    }
    (void)snprintf(detail, sizeof detail, "%s", ret_why);
    if (parse->err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "line %d: %.140s", line, detail);
    } else {
        (void)snprintf(ret_why, SW_WHY_SIZE, "line %d: not \"key = value\" nor [section]", line);
    }
    return SW_ERR_CONFIG;
}

enum sw_err sw_config_parse(struct sw_config *config, const char *text, char ret_why[SW_WHY_SIZE])
{
    struct parse parse = {.config = config, .why = ret_why, .err = SW_ERR_OK};

    return result(&parse, ini_parse_string(text, on_value, &parse), ret_why);
}

enum sw_err sw_config_load(struct sw_config *config, const char *path, char ret_why[SW_WHY_SIZE])
{
    struct parse parse = {.config = config, .why = ret_why, .err = SW_ERR_OK};
    FILE *file = fopen(path, "re");
    int line;
    bool failed;

    if (file == NULL) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "cannot open %.100s: %s", path, strerror(errno));
        return SW_ERR_CONFIG;
    }
    line = ini_parse_file(file, on_value, &parse);
    failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) { /* a directory opens, but does not read */
        (void)snprintf(ret_why, SW_WHY_SIZE, "cannot read %.100s", path);
        return SW_ERR_CONFIG;
    }
    return result(&parse, line, ret_why);
}
