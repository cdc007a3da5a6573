/* Bytes of each group's live entries, kept on the loop from the requests alone, so that asking how
 * much compaction could free never waits for the disk. */
#ifndef SW_STORAGE_WAL_SIZES_H
#define SW_STORAGE_WAL_SIZES_H

#include <stddef.h>
#include <stdint.h>

#include "base/ids.h"
#include "storage/wal.h"

struct sw_wal_sizes_group {
    struct sw_group_id group;
    uint64_t start;  /* index of sizes[0] */
    uint32_t *sizes; /* owned; bytes in the log of each live entry */
    size_t head;     /* sizes before it are dropped */
    size_t count;    /* live ones, from head on */
    size_t capacity;
    uint64_t bytes;
};

struct sw_wal_sizes {
    struct sw_wal_sizes_group *groups; /* owned, ascending by id */
    size_t count;
    size_t capacity;
    uint64_t bytes; /* of all groups */
};

void sw_wal_sizes_release(struct sw_wal_sizes *sizes); /* accepts a zeroed one */
void sw_wal_sizes_load(struct sw_wal_sizes *sizes,
                       struct sw_group_id id,
                       const struct sw_wal_group *loaded);
void sw_wal_sizes_append(struct sw_wal_sizes *sizes,
                         struct sw_group_id id,
                         const struct sw_wal_entry *entries,
                         size_t count);
void sw_wal_sizes_truncate(struct sw_wal_sizes *sizes, struct sw_group_id id, uint64_t from_index);
/* Entries < first_index are gone; with `reset` all are. */
void sw_wal_sizes_drop_below(struct sw_wal_sizes *sizes,
                             struct sw_group_id id,
                             uint64_t first_index,
                             bool reset);
uint64_t sw_wal_sizes_group(const struct sw_wal_sizes *sizes, struct sw_group_id id);

#endif
