/* Bytes of each group's live entries. A list of sizes per group; dropping from the front only
 * moves a head, and the space is taken back when half of it is unused. */
#include "storage/wal_sizes.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "storage/wal_format.h"

static size_t position(const struct sw_wal_sizes *sizes, struct sw_group_id group)
{
    size_t low = 0;
    size_t high = sizes->count;

    SW_ASSERT(group.value != 0);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (sizes->groups[middle].group.value < group.value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct sw_wal_sizes_group *group_get(struct sw_wal_sizes *sizes, struct sw_group_id group)
{
    const size_t at = position(sizes, group);

    if (at < sizes->count && sizes->groups[at].group.value == group.value) {
        return &sizes->groups[at];
    }
    if (sizes->count == sizes->capacity) {
        sizes->capacity = sizes->capacity == 0 ? 4 : sizes->capacity * 2;
        sizes->groups = realloc(sizes->groups, sizes->capacity * sizeof(*sizes->groups));
        SW_ASSERT(sizes->groups != NULL);
    }
    memmove(
        &sizes->groups[at + 1], &sizes->groups[at], (sizes->count - at) * sizeof(*sizes->groups));
    sizes->groups[at] = (struct sw_wal_sizes_group){.group = group, .start = 1};
    sizes->count++;
    return &sizes->groups[at];
}

void sw_wal_sizes_release(struct sw_wal_sizes *sizes)
{
    SW_ASSERT(sizes != NULL);
    for (size_t i = 0; i < sizes->count; i++) {
        free(sizes->groups[i].sizes);
    }
    free(sizes->groups);
    *sizes = (struct sw_wal_sizes){0};
}

static void cut(struct sw_wal_sizes *sizes, struct sw_wal_sizes_group *group, uint64_t from_index)
{
    while (group->count > 0 && group->start + group->count > from_index) {
        const uint32_t size = group->sizes[group->head + group->count - 1];
        SW_ASSERT(group->bytes >= size);
        SW_ASSERT(sizes->bytes >= size);
        group->bytes -= size;
        sizes->bytes -= size;
        group->count--;
    }
    if (group->count == 0) {
        group->start = from_index;
    }
}

static void make_room(struct sw_wal_sizes_group *group)
{
    if (group->head > 0 && group->head >= group->count) {
        memmove(group->sizes, group->sizes + group->head, group->count * sizeof(*group->sizes));
        group->head = 0;
    }
    if (group->head + group->count == group->capacity) {
        group->capacity = group->capacity == 0 ? 64 : group->capacity * 2;
        group->sizes = realloc(group->sizes, group->capacity * sizeof(*group->sizes));
        SW_ASSERT(group->sizes != NULL);
    }
    SW_ASSERT(group->head + group->count < group->capacity);
}

void sw_wal_sizes_append(struct sw_wal_sizes *sizes,
                         struct sw_group_id id,
                         const struct sw_wal_entry *entries,
                         size_t count)
{
    struct sw_wal_sizes_group *group = group_get(sizes, id);

    for (size_t i = 0; i < count; i++) {
        const uint64_t size = sw_wal_record_size(entries[i].body.size);
        cut(sizes, group, entries[i].index);
        SW_ASSERT(group->start + group->count == entries[i].index);
        make_room(group);
        group->sizes[group->head + group->count] = (uint32_t)size;
        group->count++;
        group->bytes += size;
        sizes->bytes += size;
    }
}

void sw_wal_sizes_truncate(struct sw_wal_sizes *sizes, struct sw_group_id id, uint64_t from_index)
{
    struct sw_wal_sizes_group *group = group_get(sizes, id);

    SW_ASSERT(from_index > 0);
    if (from_index < group->start + group->count) {
        cut(sizes, group, from_index);
    }
}

void sw_wal_sizes_drop_below(struct sw_wal_sizes *sizes,
                             struct sw_group_id id,
                             uint64_t first_index,
                             bool reset)
{
    struct sw_wal_sizes_group *group = group_get(sizes, id);

    SW_ASSERT(first_index > 0);
    if (reset || first_index >= group->start + group->count) {
        cut(sizes, group, 0);
        group->start = first_index;
        group->head = 0;
        return;
    }
    while (group->start < first_index) {
        const uint32_t size = group->sizes[group->head];
        SW_ASSERT(group->bytes >= size);
        group->bytes -= size;
        sizes->bytes -= size;
        group->head++;
        group->start++;
        group->count--;
    }
}

void sw_wal_sizes_load(struct sw_wal_sizes *sizes,
                       struct sw_group_id id,
                       const struct sw_wal_group *loaded)
{
    SW_ASSERT(loaded->first_index > 0);
    sw_wal_sizes_drop_below(sizes, id, loaded->first_index, true);
    sw_wal_sizes_append(sizes, id, loaded->entries, loaded->entry_count);
}

uint64_t sw_wal_sizes_group(const struct sw_wal_sizes *sizes, struct sw_group_id id)
{
    const size_t at = position(sizes, id);

    SW_ASSERT(at <= sizes->count);
    if (at == sizes->count || sizes->groups[at].group.value != id.value) {
        return 0;
    }
    return sizes->groups[at].bytes;
}
