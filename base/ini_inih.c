/* Reads INI with libinih. Lines over its limit of 200 bytes are the caller's business. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/ini.h"

struct reading {
    const struct sw_ini_taker *taker;
    char why[SW_WHY_SIZE];
    enum sw_err err;
};

static int on_value(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    const struct sw_ini_taker *taker = reading->taker;

    if (reading->err != SW_ERR_OK) {
        return 0; /* libinih reads on; the first error is the one to tell */
    }
    reading->err = taker->take(taker->arg, section, name, value == NULL ? "" : value, reading->why);
    return reading->err == SW_ERR_OK;
}

/* `line` is what libinih answered: the number of the first bad line, or below zero. */
static enum sw_err result(const struct reading *reading, int line, char *ret_why)
{
    if (line == 0) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "line %d: %.140s",
                   line,
                   reading->err == SW_ERR_OK ? "not \"key = value\" nor [section]" : reading->why);
    return SW_ERR_CONFIG;
}

enum sw_err
sw_ini_parse(const char *text, const struct sw_ini_taker *taker, char ret_why[SW_WHY_SIZE])
{
    struct reading reading = {.taker = taker, .err = SW_ERR_OK};

    return result(&reading, ini_parse_string(text, on_value, &reading), ret_why);
}

enum sw_err
sw_ini_load(const char *path, const struct sw_ini_taker *taker, char ret_why[SW_WHY_SIZE])
{
    struct reading reading = {.taker = taker, .err = SW_ERR_OK};
    FILE *file = fopen(path, "re");
    enum sw_err err;
    bool failed;

    if (file == NULL) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "cannot open %.100s: %s", path, strerrordesc_np(errno));
        return SW_ERR_CONFIG;
    }
    err = result(&reading, ini_parse_file(file, on_value, &reading), ret_why);
    failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) { /* a directory opens, but does not read */
        (void)snprintf(ret_why, SW_WHY_SIZE, "cannot read %.100s", path);
        return SW_ERR_CONFIG;
    }
    return err;
}
