/* The WAL port in memory, as plain as it can be: an array of entries per group. */
#include "storage/wal_mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/rw.h"
#include "storage/wal_engine.h"
#include "storage/wal_format.h"

struct entry {
    uint64_t index;
    uint64_t term;
    uint8_t type;
    struct sw_buf body; /* owned */
};

struct group {
    struct sw_group_id id;
    struct sw_wal_hard hard;
    bool has_snapshot;
    uint64_t snapshot_index;
    uint64_t snapshot_term;
    struct sw_buf descriptor; /* owned */
    uint64_t first_index;
    struct entry *entries; /* owned; indexes from first_index on */
    size_t entry_count;
    size_t entry_capacity;
};

struct sw_wal_mem {
    struct sw_wal port;
    struct group *groups; /* owned */
    size_t group_count;
    struct sw_wal_op *ops; /* owned; not completed yet, in order */
    size_t op_count;
    size_t op_capacity;
    struct sw_wal_stats stats;
};

static struct group *group_find(const struct sw_wal_mem *mem, struct sw_group_id id)
{
    for (size_t i = 0; i < mem->group_count; i++) {
        if (mem->groups[i].id.value == id.value) {
            return &mem->groups[i];
        }
    }
    return NULL;
}

static struct group *group_get(struct sw_wal_mem *mem, struct sw_group_id id)
{
    struct group *group = group_find(mem, id);

    SW_ASSERT(id.value != 0);
    if (group == NULL) {
        mem->groups = realloc(mem->groups, (mem->group_count + 1) * sizeof(*mem->groups));
        SW_ASSERT(mem->groups != NULL);
        group = &mem->groups[mem->group_count];
        *group = (struct group){.id = id, .first_index = 1};
        mem->group_count++;
    }
    return group;
}

static void entries_cut(struct group *group, uint64_t from_index)
{
    while (group->entry_count > 0 && group->entries[group->entry_count - 1].index >= from_index) {
        group->entry_count--;
        sw_buf_release(&group->entries[group->entry_count].body);
    }
}

static void entry_push(struct group *group, const struct sw_wal_entry *entry)
{
    struct entry *stored;

    SW_ASSERT(entry->index >= group->first_index);
    SW_ASSERT(entry->term > 0);
    SW_ASSERT(entry->term <= group->hard.term);
    entries_cut(group, entry->index);
    SW_ASSERT(entry->index == group->first_index + group->entry_count);
    if (group->entry_count == group->entry_capacity) {
        group->entry_capacity = group->entry_capacity == 0 ? 16 : group->entry_capacity * 2;
        group->entries = realloc(group->entries, group->entry_capacity * sizeof(*group->entries));
        SW_ASSERT(group->entries != NULL);
    }
    stored = &group->entries[group->entry_count];
    *stored = (struct entry){.index = entry->index, .term = entry->term, .type = entry->type};
    sw_write_bytes(&stored->body, entry->body);
    group->entry_count++;
}

static void snapshot_apply(struct group *group, const struct sw_wal_op *op)
{
    size_t gone = 0;

    SW_ASSERT(op->index >= group->first_index);
    group->has_snapshot = true;
    group->snapshot_index = op->snapshot.index;
    group->snapshot_term = op->snapshot.term;
    sw_buf_clear(&group->descriptor);
    sw_write_bytes(&group->descriptor, op->snapshot.descriptor);
    if (op->reset) {
        entries_cut(group, 0);
    }
    while (gone < group->entry_count && group->entries[gone].index < op->index) {
        sw_buf_release(&group->entries[gone].body);
        gone++;
    }
    if (gone > 0) {
        group->entry_count -= gone;
        memmove(group->entries, group->entries + gone, group->entry_count * sizeof(struct entry));
    }
    group->first_index = op->index;
}

static void op_apply(struct sw_wal_mem *mem, const struct sw_wal_op *op)
{
    struct group *group = group_get(mem, op->group);

    switch (op->kind) {
    case SW_WAL_OP_APPEND:
        for (size_t i = 0; i < op->entry_count; i++) {
            entry_push(group, &op->entries[i]);
            mem->stats.bytes_payload += op->entries[i].body.size;
        }
        mem->stats.appends += op->entry_count;
        break;
    case SW_WAL_OP_TRUNCATE:
        SW_ASSERT(op->index >= group->first_index);
        entries_cut(group, op->index);
        break;
    case SW_WAL_OP_HARD:
        SW_ASSERT(op->hard.term >= group->hard.term);
        group->hard = op->hard;
        break;
    case SW_WAL_OP_SNAPSHOT:
        snapshot_apply(group, op);
        break;
    default:
        SW_ASSERT(false);
    }
}

static void op_add(struct sw_wal_mem *mem, struct sw_wal_op op)
{
    if (mem->op_count == mem->op_capacity) {
        mem->op_capacity = mem->op_capacity == 0 ? 16 : mem->op_capacity * 2;
        mem->ops = realloc(mem->ops, mem->op_capacity * sizeof(*mem->ops));
        SW_ASSERT(mem->ops != NULL);
    }
    mem->ops[mem->op_count] = op;
    mem->op_count++;
}

static void entries_load(const struct group *group, struct sw_wal_group *loaded)
{
    size_t size = 0;
    size_t at = 0;

    for (size_t i = 0; i < group->entry_count; i++) {
        size += sw_wal_align(group->entries[i].body.size, SW_WAL_ALIGNMENT);
    }
    loaded->entries = calloc(group->entry_count + 1, sizeof(*loaded->entries));
    loaded->blob = calloc(1, size + 1);
    SW_ASSERT(loaded->entries != NULL);
    SW_ASSERT(loaded->blob != NULL);
    loaded->entry_count = group->entry_count;
    for (size_t i = 0; i < group->entry_count; i++) {
        const struct entry *entry = &group->entries[i];
        loaded->entries[i] =
            (struct sw_wal_entry){.index = entry->index,
                                  .term = entry->term,
                                  .type = entry->type,
                                  .body = sw_span_of(loaded->blob + at, entry->body.size)};
        if (entry->body.size > 0) {
            memcpy(loaded->blob + at, entry->body.data, entry->body.size);
        }
        at += sw_wal_align(entry->body.size, SW_WAL_ALIGNMENT);
    }
}

static enum sw_err
mem_load(struct sw_wal *wal, struct sw_group_id id, struct sw_wal_group *ret_group)
{
    const struct sw_wal_mem *mem = wal->impl;
    const struct group *group = group_find(mem, id);
    struct sw_wal_group loaded = {.first_index = 1};

    SW_ASSERT(ret_group != NULL);
    if (mem->op_count > 0) {
        return SW_ERR_BUSY;
    }
    if (group != NULL) {
        loaded.hard = group->hard;
        loaded.has_snapshot = group->has_snapshot;
        loaded.snapshot_index = group->snapshot_index;
        loaded.snapshot_term = group->snapshot_term;
        loaded.first_index = group->first_index;
        entries_load(group, &loaded);
    }
    if (group != NULL && group->has_snapshot) {
        loaded.descriptor_size = group->descriptor.size;
        loaded.descriptor = malloc(group->descriptor.size + 1);
        SW_ASSERT(loaded.descriptor != NULL);
        if (group->descriptor.size > 0) {
            memcpy(loaded.descriptor, group->descriptor.data, group->descriptor.size);
        }
    }
    *ret_group = loaded;
    return SW_ERR_OK;
}

static void mem_append(struct sw_wal *wal,
                       struct sw_group_id group,
                       const struct sw_wal_entry *entries,
                       size_t count,
                       sw_wal_done_fn done,
                       void *arg)
{
    SW_ASSERT(count == 0 || entries != NULL);
    op_add(wal->impl,
           (struct sw_wal_op){.kind = SW_WAL_OP_APPEND,
                              .group = group,
                              .entries = entries,
                              .entry_count = count,
                              .done = done,
                              .arg = arg});
}

static void mem_truncate(struct sw_wal *wal,
                         struct sw_group_id group,
                         uint64_t from_index,
                         sw_wal_done_fn done,
                         void *arg)
{
    SW_ASSERT(from_index > 0);
    op_add(wal->impl,
           (struct sw_wal_op){.kind = SW_WAL_OP_TRUNCATE,
                              .group = group,
                              .index = from_index,
                              .done = done,
                              .arg = arg});
}

static void mem_set_hard(struct sw_wal *wal,
                         struct sw_group_id group,
                         struct sw_wal_hard hard,
                         sw_wal_done_fn done,
                         void *arg)
{
    SW_ASSERT(group.value != 0);
    op_add(wal->impl,
           (struct sw_wal_op){
               .kind = SW_WAL_OP_HARD, .group = group, .hard = hard, .done = done, .arg = arg});
}

/* NOLINTNEXTLINE(readability-function-size): the port dictates the parameters */
static void mem_set_snapshot(struct sw_wal *wal,
                             struct sw_group_id group,
                             struct sw_wal_snapshot snapshot,
                             uint64_t first_index,
                             bool reset,
                             sw_wal_done_fn done,
                             void *arg)
{
    SW_ASSERT(first_index > 0);
    op_add(wal->impl,
           (struct sw_wal_op){.kind = SW_WAL_OP_SNAPSHOT,
                              .group = group,
                              .snapshot = snapshot,
                              .index = first_index,
                              .reset = reset,
                              .done = done,
                              .arg = arg});
}

/* Of completed requests only; the queue counts requests as they are made. */
static uint64_t mem_group_bytes(struct sw_wal *wal, struct sw_group_id id)
{
    const struct group *group = group_find(wal->impl, id);
    uint64_t bytes = 0;

    SW_ASSERT(id.value != 0);
    for (size_t i = 0; group != NULL && i < group->entry_count; i++) {
        bytes += sw_wal_record_size(group->entries[i].body.size);
    }
    return bytes;
}

static void mem_stats(struct sw_wal *wal, struct sw_wal_stats *ret_stats)
{
    const struct sw_wal_mem *mem = wal->impl;

    SW_ASSERT(ret_stats != NULL);
    *ret_stats = mem->stats;
    for (size_t i = 0; i < mem->group_count; i++) {
        ret_stats->live_bytes += mem_group_bytes(wal, mem->groups[i].id);
    }
}

static const struct sw_wal_ops mem_ops = {.load = mem_load,
                                          .append = mem_append,
                                          .truncate = mem_truncate,
                                          .set_hard = mem_set_hard,
                                          .set_snapshot = mem_set_snapshot,
                                          .group_bytes = mem_group_bytes,
                                          .stats = mem_stats};

struct sw_wal_mem *sw_wal_mem_new(void)
{
    struct sw_wal_mem *mem = calloc(1, sizeof(*mem));

    SW_ASSERT(mem != NULL);
    mem->port = (struct sw_wal){.impl = mem, .ops = &mem_ops};
    return mem;
}

void sw_wal_mem_free(struct sw_wal_mem *mem)
{
    if (mem == NULL) {
        return;
    }
    for (size_t i = 0; i < mem->group_count; i++) {
        struct group *group = &mem->groups[i];
        entries_cut(group, 0);
        SW_ASSERT(group->entry_count == 0);
        sw_buf_release(&group->descriptor);
        free(group->entries);
    }
    free(mem->groups);
    free(mem->ops);
    free(mem);
}

struct sw_wal *sw_wal_mem_port(struct sw_wal_mem *mem)
{
    SW_ASSERT(mem != NULL);
    return &mem->port;
}

size_t sw_wal_mem_pending(const struct sw_wal_mem *mem)
{
    SW_ASSERT(mem != NULL);
    return mem->op_count;
}

bool sw_wal_mem_step(struct sw_wal_mem *mem)
{
    struct sw_wal_op op;

    SW_ASSERT(mem->op_count <= mem->op_capacity);
    if (mem->op_count == 0) {
        return false;
    }
    op = mem->ops[0];
    mem->op_count--;
    memmove(mem->ops, mem->ops + 1, mem->op_count * sizeof(op));
    op_apply(mem, &op);
    mem->stats.batches++;
    if (op.done != NULL) {
        op.done(op.arg);
    }
    return true;
}

void sw_wal_mem_crash(struct sw_wal_mem *mem)
{
    SW_ASSERT(mem != NULL);
    mem->op_count = 0;
}
