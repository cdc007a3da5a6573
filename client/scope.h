/* A scope that owns its names, for what outlives the call that named it. */
#ifndef SW_CLIENT_SCOPE_H
#define SW_CLIENT_SCOPE_H

#include "base/limits.h"
#include "client/include/swarm.h"

enum { SW_SCOPE_NAME_SIZE = SW_PARTITION_SIZE_MAX + 1 };

struct sw_scope {
    struct swarm_scope scope; /* points into `names`; not to be moved */
    char names[3][SW_SCOPE_NAME_SIZE];
};

/* TOO_LARGE if a name is longer than any may be. */
enum swarm_status sw_scope_copy(struct sw_scope *to, struct swarm_scope from);

#endif
