/* The standing world of fake_world.h: every port answers from a table. */
#include "tests/unit/raft/fake_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static uint64_t now_ms(void *impl)
{
    return ((struct fake_world *)impl)->now_ms;
}

static uint64_t now_ns(void *impl)
{
    return now_ms(impl) * 1000000;
}

static uint64_t not_random(void *impl)
{
    (void)impl;
    return 0;
}

static enum sw_err link_send(struct sw_link *link, struct sw_node_id peer, struct sw_span message)
{
    struct fake_world *world = link->impl;

    if (world->link_busy) {
        return SW_ERR_BUSY;
    }
    SW_ASSERT(world->sent_count < FAKE_SENT_MAX);
    world->sent[world->sent_count].to = peer;
    sw_write_bytes(&world->sent[world->sent_count].bytes, message);
    world->sent_count++;
    return SW_ERR_OK;
}

static bool link_peer_up(struct sw_link *link, struct sw_node_id peer)
{
    (void)peer;
    return !((struct fake_world *)link->impl)->peers_down;
}

static void op_add(struct fake_world *world, sw_wal_done_fn done, void *arg)
{
    if (done != NULL) {
        SW_ASSERT(world->op_count < FAKE_OPS_MAX);
        world->ops[world->op_count++] = (struct fake_op){.done = done, .arg = arg};
    }
}

static void cut(struct fake_world *world, uint64_t from)
{
    while (world->count > 0 && world->first + world->count > from) {
        world->count--;
        sw_buf_release(&world->entries[world->count].body);
    }
}

static void wal_append(struct sw_wal *wal,
                       struct sw_group_id group,
                       const struct sw_wal_entry *entries,
                       size_t count,
                       sw_wal_done_fn done,
                       void *arg)
{
    struct fake_world *world = wal->impl;

    (void)group;
    cut(world, entries[0].index);
    for (size_t i = 0; i < count; i++) {
        struct fake_stored *stored = &world->entries[world->count];

        SW_ASSERT(entries[i].index == world->first + world->count);
        SW_ASSERT(world->count < FAKE_ENTRIES_MAX);
        stored->term = entries[i].term;
        stored->type = entries[i].type;
        sw_write_bytes(&stored->body, entries[i].body);
        world->count++;
    }
    op_add(world, done, arg);
}

static void wal_truncate(struct sw_wal *wal,
                         struct sw_group_id group,
                         uint64_t from_index,
                         sw_wal_done_fn done,
                         void *arg)
{
    (void)group;
    cut(wal->impl, from_index);
    op_add(wal->impl, done, arg);
}

static void wal_set_hard(struct sw_wal *wal,
                         struct sw_group_id group,
                         struct sw_wal_hard hard,
                         sw_wal_done_fn done,
                         void *arg)
{
    (void)group;
    ((struct fake_world *)wal->impl)->hard = hard;
    op_add(wal->impl, done, arg);
}

static void drop_below(struct fake_world *world, uint64_t first)
{
    while (world->count > 0 && world->first < first) {
        sw_buf_release(&world->entries[0].body);
        world->count--;
        memmove(world->entries, world->entries + 1, world->count * sizeof world->entries[0]);
        world->entries[world->count] = (struct fake_stored){0};
        world->first++;
    }
    if (world->count == 0 && world->first < first) {
        world->first = first;
    }
}

static void wal_set_snapshot(struct sw_wal *wal,
                             struct sw_group_id group,
                             struct sw_wal_snapshot snapshot,
                             uint64_t first_index,
                             bool reset,
                             sw_wal_done_fn done,
                             void *arg)
{
    struct fake_world *world = wal->impl;

    (void)group;
    world->has_snapshot = true;
    world->snapshot_index = snapshot.index;
    world->snapshot_term = snapshot.term;
    sw_buf_clear(&world->descriptor);
    sw_write_bytes(&world->descriptor, snapshot.descriptor);
    if (reset) {
        cut(world, 0);
        world->first = snapshot.index + 1;
    } else {
        drop_below(world, first_index);
    }
    op_add(world, done, arg);
}

static uint64_t wal_group_bytes(struct sw_wal *wal, struct sw_group_id group)
{
    (void)group;
    return ((struct fake_world *)wal->impl)->bytes;
}

static void *copy(struct sw_span bytes)
{
    void *memory = calloc(1, bytes.size > 0 ? bytes.size : 1);

    SW_ASSERT(memory != NULL);
    if (bytes.size > 0) {
        memcpy(memory, bytes.data, bytes.size);
    }
    return memory;
}

static enum sw_err
wal_load(struct sw_wal *wal, struct sw_group_id group, struct sw_wal_group *ret_group)
{
    const struct fake_world *world = wal->impl;
    struct sw_buf blob = {0};
    size_t offset = 0;

    (void)group;
    *ret_group = (struct sw_wal_group){.hard = world->hard,
                                       .has_snapshot = world->has_snapshot,
                                       .snapshot_index = world->snapshot_index,
                                       .snapshot_term = world->snapshot_term,
                                       .first_index = world->first,
                                       .entry_count = world->count};
    if (world->has_snapshot) {
        ret_group->descriptor = copy(sw_buf_span(&world->descriptor));
        ret_group->descriptor_size = world->descriptor.size;
    }
    for (uint64_t i = 0; i < world->count; i++) {
        sw_write_bytes(&blob, sw_buf_span(&world->entries[i].body));
    }
    ret_group->blob = copy(sw_buf_span(&blob));
    ret_group->entries = calloc(world->count + 1, sizeof *ret_group->entries);
    SW_ASSERT(ret_group->entries != NULL);
    for (uint64_t i = 0; i < world->count; i++) {
        const struct fake_stored *stored = &world->entries[i];

        ret_group->entries[i] =
            (struct sw_wal_entry){.index = world->first + i,
                                  .term = stored->term,
                                  .type = stored->type,
                                  .body = sw_span_of(ret_group->blob + offset, stored->body.size)};
        offset += stored->body.size;
    }
    sw_buf_release(&blob);
    return SW_ERR_OK;
}

static const struct sw_wal_ops wal_ops = {.load = wal_load,
                                          .append = wal_append,
                                          .truncate = wal_truncate,
                                          .set_hard = wal_set_hard,
                                          .set_snapshot = wal_set_snapshot,
                                          .group_bytes = wal_group_bytes};
static const struct sw_link_ops link_ops = {.send = link_send, .peer_up = link_peer_up};

void fake_init(struct fake_world *world)
{
    *world = (struct fake_world){.first = 1, .now_ms = 1000};
    world->env = (struct sw_env){
        .impl = world, .now_ms = now_ms, .now_ns = now_ns, .wall_ms = now_ms, .random = not_random};
    world->wal = (struct sw_wal){.impl = world, .ops = &wal_ops};
    world->link = (struct sw_link){.impl = world, .ops = &link_ops};
}

void fake_forget_sent(struct fake_world *world)
{
    for (uint32_t i = 0; i < world->sent_count; i++) {
        sw_buf_release(&world->sent[i].bytes);
    }
    world->sent_count = 0;
}

void fake_release(struct fake_world *world)
{
    fake_forget_sent(world);
    cut(world, 0);
    sw_buf_release(&world->descriptor);
}

bool fake_wal_step(struct fake_world *world)
{
    struct fake_op op = world->ops[0];

    if (world->op_count == 0) {
        return false;
    }
    world->op_count--;
    memmove(world->ops, world->ops + 1, world->op_count * sizeof world->ops[0]);
    op.done(op.arg);
    return true;
}
