/* Reads a plan with libinih. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "tools/chaos_plan.h"

struct parse {
    struct sw_chaos_plan plan;
    char why[SW_WHY_SIZE];
    enum sw_err err;
};

static int on_value(void *user, const char *section, const char *name, const char *value)
{
    struct parse *parse = user;

    if (parse->err != SW_ERR_OK) {
        return 0; /* libinih reads on; the first error is the one to tell */
    }
    parse->err =
        sw_chaos_plan_set(&parse->plan, section, name, value == NULL ? "" : value, parse->why);
    return parse->err == SW_ERR_OK;
}

static enum sw_err finish(struct parse *parse, int line, struct sw_chaos_plan *ret_plan, char *why)
{
    enum sw_err err;

    if (line != 0) {
        (void)snprintf(why,
                       SW_WHY_SIZE,
                       "line %d: %.140s",
                       line,
                       parse->err == SW_ERR_OK ? "not \"key = value\" nor [section]" : parse->why);
        return SW_ERR_CONFIG;
    }
    err = sw_chaos_plan_check(&parse->plan, why);
    if (err == SW_ERR_OK) {
        *ret_plan = parse->plan;
    }
    return err;
}

enum sw_err
sw_chaos_plan_parse(const char *text, struct sw_chaos_plan *ret_plan, char ret_why[SW_WHY_SIZE])
{
    struct parse parse = {.err = SW_ERR_OK};

    sw_chaos_plan_init(&parse.plan);
    return finish(&parse, ini_parse_string(text, on_value, &parse), ret_plan, ret_why);
}

enum sw_err
sw_chaos_plan_load(const char *path, struct sw_chaos_plan *ret_plan, char ret_why[SW_WHY_SIZE])
{
    struct parse parse = {.err = SW_ERR_OK};
    FILE *file = fopen(path, "re");
    enum sw_err err;
    bool failed;

    if (file == NULL) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "cannot open %.100s: %s", path, strerrordesc_np(errno));
        return SW_ERR_CONFIG;
    }
    sw_chaos_plan_init(&parse.plan);
    err = finish(&parse, ini_parse_file(file, on_value, &parse), ret_plan, ret_why);
    failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) { /* a directory opens, but does not read */
        (void)snprintf(ret_why, SW_WHY_SIZE, "cannot read %.100s", path);
        return SW_ERR_CONFIG;
    }
    return err;
}
