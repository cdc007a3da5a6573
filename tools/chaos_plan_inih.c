/* Reads a plan with libinih. */
#include "base/ini.h"
#include "tools/chaos_plan.h"

static enum sw_err
take(void *arg, const char *section, const char *name, const char *value, char ret_why[SW_WHY_SIZE])
{
    return sw_chaos_plan_set(arg, section, name, value, ret_why);
}

static enum sw_err finish(enum sw_err err,
                          const struct sw_chaos_plan *plan,
                          struct sw_chaos_plan *ret_plan,
                          char ret_why[SW_WHY_SIZE])
{
    if (err == SW_ERR_OK) {
        err = sw_chaos_plan_check(plan, ret_why);
    }
    if (err == SW_ERR_OK) {
        *ret_plan = *plan;
    }
    return err;
}

enum sw_err
sw_chaos_plan_parse(const char *text, struct sw_chaos_plan *ret_plan, char ret_why[SW_WHY_SIZE])
{
    struct sw_chaos_plan plan;
    const struct sw_ini_taker taker = {.take = take, .arg = &plan};

    sw_chaos_plan_init(&plan);
    return finish(sw_ini_parse(text, &taker, ret_why), &plan, ret_plan, ret_why);
}

enum sw_err
sw_chaos_plan_load(const char *path, struct sw_chaos_plan *ret_plan, char ret_why[SW_WHY_SIZE])
{
    struct sw_chaos_plan plan;
    const struct sw_ini_taker taker = {.take = take, .arg = &plan};

    sw_chaos_plan_init(&plan);
    return finish(sw_ini_load(path, &taker, ret_why), &plan, ret_plan, ret_why);
}
