/* What the subcommands of swarm-inspect share: where to look, and one way to fail. */
#include "tools/inspect.h"

#include <stdio.h>
#include <unistd.h>

const char *sw_inspect_dir(const char *dir, const char *name, char *place, size_t size)
{
    const int length = snprintf(place, size, "%s/%s", dir, name);

    return length > 0 && (size_t)length < size && access(place, F_OK) == 0 ? place : dir;
}

int sw_inspect_fail(enum sw_err err, const char *why)
{
    const struct sw_err_info *info = sw_err_info(err);
    const char *hint = err == SW_ERR_NOT_FOUND ? "nothing was read" : info->hint;

    (void)fprintf(
        stderr, "swarm-inspect: PA-%04u %s: %s (%s)\n", (unsigned)info->err, info->name, why, hint);
    return info->exit_code;
}
