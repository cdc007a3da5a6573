/* What every implementation of the WAL port shares: releasing what load gave. */
#include "storage/wal.h"

#include <stdlib.h>

#include "base/assert.h"

void sw_wal_group_release(struct sw_wal_group *group)
{
    SW_ASSERT(group != NULL);
    SW_ASSERT(group->entry_count == 0 || group->entries != NULL);
    free(group->descriptor);
    free(group->entries);
    free(group->blob);
    *group = (struct sw_wal_group){0};
}
