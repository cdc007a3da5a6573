/* The simulated log. */
#include "tests/sim/wal_sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum op_kind { OP_APPEND, OP_TRUNCATE, OP_HARD, OP_SNAPSHOT };

enum { GROUP_MAX = 8, RECORD_OVERHEAD = 40 };

struct op {
    enum op_kind kind;
    struct sw_group_id group;
    const struct sw_wal_entry *entries; /* borrowed until done */
    size_t count;
    uint64_t index;
    struct sw_wal_hard hard;
    struct sw_wal_snapshot snapshot;
    uint8_t *descriptor; /* owned; what snapshot.descriptor shows */
    bool reset;
    sw_wal_done_fn done;
    void *arg;
    struct op *next;
};

struct stored {
    uint64_t term;
    uint8_t type;
    uint8_t *body; /* owned */
    size_t size;
};

struct image {
    struct sw_group_id id;
    struct sw_wal_hard hard;
    bool has_snapshot;
    uint64_t snapshot_index, snapshot_term;
    uint8_t *descriptor; /* owned */
    size_t descriptor_size;
    uint64_t first_index;
    struct stored *entries; /* owned */
    size_t count, capacity;
    uint64_t bytes; /* of all entries, with a record's overhead */
};

struct sim_wal {
    struct sw_wal port;
    struct sim_host *host; /* borrowed */
    struct image image[GROUP_MAX];
    struct op *first, *last; /* owned; not durable yet */
    size_t pending;
    size_t batch; /* of those, how many the running sync covers; 0 = idle */
    bool fail_next;
    struct sw_wal_stats stats;
};

static struct image *image_of(struct sim_wal *wal, struct sw_group_id group)
{
    for (uint32_t i = 0; i < GROUP_MAX; i++) {
        struct image *image = &wal->image[i];

        if (image->id.value == 0) {
            image->id = group;
            image->first_index = 1;
        }
        if (image->id.value == group.value) {
            return image;
        }
    }
    SW_ASSERT(false);
    return NULL;
}

static uint8_t *copy_of(struct sw_span bytes)
{
    uint8_t *copy = malloc(bytes.size == 0 ? 1 : bytes.size);

    SW_ASSERT(copy != NULL);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return copy;
}

static void image_forget(struct image *image, size_t at)
{
    image->bytes -= image->entries[at].size + RECORD_OVERHEAD;
    free(image->entries[at].body);
}

static void image_truncate(struct image *image, uint64_t from_index)
{
    while (image->count > 0 && image->first_index + image->count > from_index) {
        image_forget(image, --image->count);
    }
}

static void image_drop_head(struct image *image, uint64_t first_index)
{
    size_t drop = 0;

    while (drop < image->count && image->first_index + drop < first_index) {
        image_forget(image, drop++);
    }
    memmove(image->entries, image->entries + drop, (image->count - drop) * sizeof(*image->entries));
    image->count -= drop;
    image->first_index += drop;
    if (image->count == 0 && image->first_index < first_index) {
        image->first_index = first_index;
    }
}

static void image_push(struct image *image, const struct sw_wal_entry *entry)
{
    if (image->count == image->capacity) {
        image->capacity = image->capacity == 0 ? 64 : image->capacity * 2;
        image->entries = realloc(image->entries, image->capacity * sizeof(*image->entries));
        SW_ASSERT(image->entries != NULL);
    }
    SW_ASSERT(entry->index == image->first_index + image->count);
    image->bytes += entry->body.size + RECORD_OVERHEAD;
    image->entries[image->count++] = (struct stored){.term = entry->term,
                                                     .type = entry->type,
                                                     .body = copy_of(entry->body),
                                                     .size = entry->body.size};
}

static void apply_append(struct image *image, const struct op *op, size_t count)
{
    if (count == 0) {
        return;
    }
    image_truncate(image, op->entries[0].index);
    for (size_t i = 0; i < count; i++) {
        image_push(image, &op->entries[i]);
    }
}

static void apply_snapshot(struct image *image, const struct op *op)
{
    free(image->descriptor);
    image->descriptor = copy_of(op->snapshot.descriptor);
    image->descriptor_size = op->snapshot.descriptor.size;
    image->has_snapshot = true;
    image->snapshot_index = op->snapshot.index;
    image->snapshot_term = op->snapshot.term;
    if (op->reset) {
        image_truncate(image, 0);
        image->first_index = op->snapshot.index + 1;
    } else {
        image_drop_head(image, op->index);
    }
}

static void apply(struct sim_wal *wal, const struct op *op)
{
    struct image *image = image_of(wal, op->group);

    switch (op->kind) {
    case OP_APPEND:
        apply_append(image, op, op->count);
        break;
    case OP_TRUNCATE:
        image_truncate(image, op->index);
        break;
    case OP_HARD:
        image->hard = op->hard;
        break;
    case OP_SNAPSHOT:
        apply_snapshot(image, op);
        break;
    }
}

static struct op *pop(struct sim_wal *wal)
{
    struct op *op = wal->first;

    wal->first = op->next;
    if (wal->first == NULL) {
        wal->last = NULL;
    }
    wal->pending--;
    free(op->descriptor);
    return op;
}

static void batch_start(struct sim_wal *wal);

static void batch_end(void *arg)
{
    struct sim_wal *wal = arg;
    struct sim_host *host = wal->host;
    size_t batch = wal->batch;

    if (wal->fail_next) {
        wal->fail_next = false;
        sim_host_fatal(host, SW_ERR_IO);
        return;
    }
    wal->stats.syncs++;
    wal->stats.batches++;
    for (const struct op *op = wal->first; batch > 0; batch--, op = op->next) {
        apply(wal, op);
    }
    batch = wal->batch;
    wal->batch = 0;
    while (batch-- > 0) {
        struct op *op = pop(wal);

        sim_trace3(
            host->world, host->number, SIM_TRACE_WAL, op->group.value, op->kind, wal->pending);
        if (op->done != NULL) {
            op->done(op->arg);
        }
        free(op);
    }
    if (wal->pending > 0 && wal->batch == 0) {
        batch_start(wal);
    }
}

static void batch_start(struct sim_wal *wal)
{
    wal->batch = wal->pending;
    sim_after(wal->host->world, wal->host->number, sim_disk_delay(wal->host), batch_end, NULL, wal);
}

static void submit(struct sim_wal *wal, struct op values)
{
    struct op *op = malloc(sizeof(*op));

    SW_ASSERT(op != NULL);
    *op = values;
    if (wal->last == NULL) {
        wal->first = op;
    } else {
        wal->last->next = op;
    }
    wal->last = op;
    wal->pending++;
    if (wal->pending == 1) {
        batch_start(wal);
    }
}

static void wal_append(struct sw_wal *port,
                       struct sw_group_id group,
                       const struct sw_wal_entry *entries,
                       size_t count,
                       sw_wal_done_fn done,
                       void *arg)
{
    struct sim_wal *wal = port->impl;

    SW_ASSERT(count > 0);
    wal->stats.appends += count;
    submit(wal,
           (struct op){.kind = OP_APPEND,
                       .group = group,
                       .entries = entries,
                       .count = count,
                       .done = done,
                       .arg = arg});
}

static void wal_truncate(struct sw_wal *port,
                         struct sw_group_id group,
                         uint64_t from_index,
                         sw_wal_done_fn done,
                         void *arg)
{
    submit(port->impl,
           (struct op){
               .kind = OP_TRUNCATE, .group = group, .index = from_index, .done = done, .arg = arg});
}

static void wal_set_hard(struct sw_wal *port,
                         struct sw_group_id group,
                         struct sw_wal_hard hard,
                         sw_wal_done_fn done,
                         void *arg)
{
    submit(port->impl,
           (struct op){.kind = OP_HARD, .group = group, .hard = hard, .done = done, .arg = arg});
}

/* The type of the port's function. NOLINTNEXTLINE(readability-function-size) */
static void wal_set_snapshot(struct sw_wal *port,
                             struct sw_group_id group,
                             struct sw_wal_snapshot snapshot,
                             uint64_t first_index,
                             bool reset,
                             sw_wal_done_fn done,
                             void *arg)
{
    uint8_t *descriptor = copy_of(snapshot.descriptor);

    snapshot.descriptor = sw_span_of(descriptor, snapshot.descriptor.size);
    submit(port->impl,
           (struct op){.kind = OP_SNAPSHOT,
                       .group = group,
                       .snapshot = snapshot,
                       .descriptor = descriptor,
                       .index = first_index,
                       .reset = reset,
                       .done = done,
                       .arg = arg});
}

static enum sw_err
wal_load(struct sw_wal *port, struct sw_group_id group, struct sw_wal_group *ret_group)
{
    const struct image *image = image_of(port->impl, group);
    struct sw_wal_group loaded = {.hard = image->hard,
                                  .has_snapshot = image->has_snapshot,
                                  .snapshot_index = image->snapshot_index,
                                  .snapshot_term = image->snapshot_term,
                                  .first_index = image->first_index,
                                  .entry_count = image->count};
    size_t size = 0;

    if (image->has_snapshot) {
        loaded.descriptor = copy_of(sw_span_of(image->descriptor, image->descriptor_size));
        loaded.descriptor_size = image->descriptor_size;
    }
    if (image->count == 0) {
        *ret_group = loaded;
        return SW_ERR_OK;
    }
    for (size_t i = 0; i < image->count; i++) {
        size += (image->entries[i].size + 7) & ~(size_t)7;
    }
    loaded.blob = malloc(size + 1);
    loaded.entries = calloc(image->count + 1, sizeof(*loaded.entries));
    SW_ASSERT(loaded.blob != NULL && loaded.entries != NULL);
    size = 0;
    for (size_t i = 0; i < image->count; i++) {
        const struct stored *stored = &image->entries[i];

        if (stored->size > 0) {
            memcpy(loaded.blob + size, stored->body, stored->size);
        }
        loaded.entries[i] =
            (struct sw_wal_entry){.index = image->first_index + i,
                                  .term = stored->term,
                                  .type = stored->type,
                                  .body = sw_span_of(loaded.blob + size, stored->size)};
        size += (stored->size + 7) & ~(size_t)7;
    }
    *ret_group = loaded;
    return SW_ERR_OK;
}

static uint64_t wal_group_bytes(struct sw_wal *port, struct sw_group_id group)
{
    return image_of(port->impl, group)->bytes;
}

static void wal_stats(struct sw_wal *port, struct sw_wal_stats *ret_stats)
{
    const struct sim_wal *wal = port->impl;

    *ret_stats = wal->stats;
}

static const struct sw_wal_ops wal_ops = {.load = wal_load,
                                          .append = wal_append,
                                          .truncate = wal_truncate,
                                          .set_hard = wal_set_hard,
                                          .set_snapshot = wal_set_snapshot,
                                          .group_bytes = wal_group_bytes,
                                          .stats = wal_stats};

struct sim_wal *sim_wal_new(struct sim_host *host)
{
    struct sim_wal *wal = calloc(1, sizeof(*wal));

    SW_ASSERT(wal != NULL);
    wal->host = host;
    wal->port = (struct sw_wal){.impl = wal, .ops = &wal_ops};
    return wal;
}

struct sw_wal *sim_wal_port(struct sim_wal *wal)
{
    return &wal->port;
}

void sim_wal_crash(struct sim_wal *wal, enum sim_cut cut)
{
    struct sw_prng *prng = &wal->host->world->prng;
    size_t survive = 0;

    if (cut == SIM_CUT_NONE_LOST) {
        survive = wal->pending;
    } else if (cut != SIM_CUT_ALL_LOST) {
        survive = (size_t)sw_prng_below(prng, wal->pending + 1);
    }
    while (wal->pending > 0) {
        if (survive > 0) {
            apply(wal, wal->first);
            survive--;
        } else if (cut == SIM_CUT_TORN && wal->first->kind == OP_APPEND) {
            apply_append(image_of(wal, wal->first->group),
                         wal->first,
                         (size_t)sw_prng_below(prng, wal->first->count));
            wal->host->world->stats.torn++;
            cut = SIM_CUT_ALL_LOST;
        } else {
            cut = SIM_CUT_ALL_LOST;
        }
        free(pop(wal));
    }
    wal->batch = 0;
    wal->fail_next = false;
}

void sim_wal_fail_next_sync(struct sim_wal *wal)
{
    wal->fail_next = true;
}

void sim_wal_free(struct sim_wal *wal)
{
    if (wal == NULL) {
        return;
    }
    sim_wal_crash(wal, SIM_CUT_ALL_LOST);
    for (uint32_t i = 0; i < GROUP_MAX; i++) {
        image_truncate(&wal->image[i], 0);
        free(wal->image[i].entries);
        free(wal->image[i].descriptor);
    }
    free(wal);
}
