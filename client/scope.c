/* Copies the names of a scope. */
#include "client/scope.h"

#include <string.h>

static enum swarm_status copy_name(char to[SW_SCOPE_NAME_SIZE], const char *from, const char **ret)
{
    const size_t size = from == NULL ? 0 : strlen(from) + 1;

    if (size > SW_SCOPE_NAME_SIZE) {
        return SWARM_TOO_LARGE;
    }
    *ret = from == NULL ? NULL : to;
    if (from != NULL) {
        memcpy(to, from, size);
    }
    return SWARM_OK;
}

enum swarm_status sw_scope_copy(struct sw_scope *to, struct swarm_scope from)
{
    enum swarm_status status;

    status = copy_name(to->names[0], from.tenant, &to->scope.tenant);
    if (status == SWARM_OK) {
        status = copy_name(to->names[1], from.name_space, &to->scope.name_space);
    }
    if (status == SWARM_OK) {
        status = copy_name(to->names[2], from.partition, &to->scope.partition);
    }
    return status;
}
