/* The watching decorator of wal.h. */
#include "tests/sim/wal_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"

struct watched_group {
    struct sim_watched *entries; /* owned; [index] */
    size_t capacity;
    uint64_t last; /* highest index with an entry */
    uint64_t snapshot;
    struct sw_wal_hard hard; /* the newest that is durable */
};

/* One request on its way; in a list, because a crash frees all of them. */
struct request {
    struct sim_wal_watch *watch;
    struct sw_group_id group;
    uint64_t number;      /* 1.. */
    uint64_t first, last; /* entries appended; 0 = none */
    uint64_t snapshot;    /* 0 = none */
    struct sw_wal_hard hard;
    sw_wal_done_fn done;
    void *arg;
    struct request *next, **at;
};

struct sim_wal_watch {
    struct sw_wal port;
    struct sw_wal *inner; /* borrowed */
    struct watched_group group[SIM_WATCH_GROUP_MAX];
    struct request *requests; /* owned */
    uint64_t request_count;   /* ever */
    char why[160];            /* the promise that the log broke; empty so far */
};

static struct watched_group *group_of(struct sim_wal_watch *watch, struct sw_group_id group)
{
    SW_ASSERT(group.value >= 1);
    SW_ASSERT(group.value <= SIM_WATCH_GROUP_MAX);
    return &watch->group[group.value - 1];
}

static void group_truncate(struct watched_group *group, uint64_t from_index)
{
    for (uint64_t i = from_index; i <= group->last; i++) {
        group->entries[i] = (struct sim_watched){0};
    }
    if (group->last >= from_index) {
        group->last = from_index - 1;
    }
}

/* `request` appended it; 0: it was loaded, so it is durable. */
static void
group_set(struct watched_group *group, const struct sw_wal_entry *entry, uint64_t request)
{
    if (entry->index >= group->capacity) {
        const size_t capacity = (size_t)(entry->index + 1) * 2;

        group->entries = realloc(group->entries, capacity * sizeof(*group->entries));
        SW_ASSERT(group->entries != NULL);
        memset(group->entries + group->capacity,
               0,
               (capacity - group->capacity) * sizeof(*group->entries));
        group->capacity = capacity;
    }
    group->entries[entry->index] =
        (struct sim_watched){.term = entry->term,
                             .hash = XXH3_64bits(entry->body.data, entry->body.size),
                             .request = request,
                             .durable = request == 0};
    if (entry->index > group->last) {
        group->last = entry->index;
    }
}

static struct request *
request_new(struct sim_wal_watch *watch, struct sw_group_id group, sw_wal_done_fn done, void *arg)
{
    struct request *request = calloc(1, sizeof(*request));

    SW_ASSERT(request != NULL);
    request->watch = watch;
    request->number = ++watch->request_count;
    request->group = group;
    request->done = done;
    request->arg = arg;
    request->next = watch->requests;
    request->at = &watch->requests;
    if (watch->requests != NULL) {
        watch->requests->at = &request->next;
    }
    watch->requests = request;
    return request;
}

static void request_free(struct request *request)
{
    *request->at = request->next;
    if (request->next != NULL) {
        request->next->at = request->at;
    }
    free(request);
}

static void request_done(void *arg)
{
    struct request *request = arg;
    struct watched_group *group = group_of(request->watch, request->group);
    const sw_wal_done_fn done = request->done;
    void *done_arg = request->arg;

    /* Other entries may stand at these indexes by now, and those are not durable yet. */
    for (uint64_t i = request->first; i != 0 && i <= request->last && i <= group->last; i++) {
        if (group->entries[i].request == request->number) {
            group->entries[i].durable = true;
        }
    }
    if (request->snapshot > group->snapshot) {
        group->snapshot = request->snapshot;
    }
    if (request->hard.term > 0) {
        group->hard = request->hard; /* they complete in order */
    }
    request_free(request);
    if (done != NULL) {
        done(done_arg);
    }
}

/* Is what was reported durable there, whatever happened to the machine since? */
static void check_promise(struct sim_wal_watch *watch,
                          const struct watched_group *group,
                          const struct sw_wal_group *loaded)
{
    const struct sw_wal_hard *hard = &group->hard;

    if (loaded->hard.term < hard->term ||
        (loaded->hard.term == hard->term && hard->vote.value != 0 &&
         !sw_node_id_equal(loaded->hard.vote, hard->vote))) {
        (void)snprintf(watch->why, sizeof(watch->why), "term or vote went back");
    }
    if (loaded->snapshot_index < group->snapshot) {
        (void)snprintf(watch->why, sizeof(watch->why), "a durable snapshot is gone");
    }
    for (uint64_t i = loaded->first_index; i <= group->last; i++) {
        const struct sim_watched *promised = &group->entries[i];
        const struct sw_wal_entry *found = i - loaded->first_index < loaded->entry_count
                                               ? &loaded->entries[i - loaded->first_index]
                                               : NULL;

        if (promised->durable &&
            (found == NULL || found->term != promised->term ||
             XXH3_64bits(found->body.data, found->body.size) != promised->hash)) {
            (void)snprintf(watch->why,
                           sizeof(watch->why),
                           "entry %llu of term %llu was durable and is %s",
                           (unsigned long long)i,
                           (unsigned long long)promised->term,
                           found == NULL ? "gone" : "another one");
            return;
        }
    }
}

static enum sw_err
watch_load(struct sw_wal *port, struct sw_group_id id, struct sw_wal_group *ret_group)
{
    struct sim_wal_watch *watch = port->impl;
    struct watched_group *group = group_of(watch, id);
    const enum sw_err err = watch->inner->ops->load(watch->inner, id, ret_group);

    if (err != SW_ERR_OK) {
        return err;
    }
    check_promise(watch, group, ret_group);
    group_truncate(group, 1);
    group->hard = ret_group->hard;
    group->snapshot = ret_group->snapshot_index;
    for (size_t i = 0; i < ret_group->entry_count; i++) {
        group_set(group, &ret_group->entries[i], 0);
    }
    return SW_ERR_OK;
}

/* Replaced entries count as gone at once: pessimistic, as the disk may still show them. */
static void watch_append(struct sw_wal *port,
                         struct sw_group_id id,
                         const struct sw_wal_entry *entries,
                         size_t count,
                         sw_wal_done_fn done,
                         void *arg)
{
    struct sim_wal_watch *watch = port->impl;
    struct watched_group *group = group_of(watch, id);
    struct request *request = request_new(watch, id, done, arg);

    SW_ASSERT(count > 0);
    group_truncate(group, entries[0].index);
    for (size_t i = 0; i < count; i++) {
        group_set(group, &entries[i], request->number);
    }
    request->first = entries[0].index;
    request->last = entries[count - 1].index;
    watch->inner->ops->append(watch->inner, id, entries, count, request_done, request);
}

static void watch_truncate(
    struct sw_wal *port, struct sw_group_id id, uint64_t from_index, sw_wal_done_fn done, void *arg)
{
    struct sim_wal_watch *watch = port->impl;

    group_truncate(group_of(watch, id), from_index);
    watch->inner->ops->truncate(
        watch->inner, id, from_index, request_done, request_new(watch, id, done, arg));
}

static void watch_set_hard(struct sw_wal *port,
                           struct sw_group_id id,
                           struct sw_wal_hard hard,
                           sw_wal_done_fn done,
                           void *arg)
{
    struct sim_wal_watch *watch = port->impl;
    struct request *request = request_new(watch, id, done, arg);

    request->hard = hard;
    watch->inner->ops->set_hard(watch->inner, id, hard, request_done, request);
}

/* The type of the port's function. NOLINTNEXTLINE(readability-function-size) */
static void watch_set_snapshot(struct sw_wal *port,
                               struct sw_group_id id,
                               struct sw_wal_snapshot snapshot,
                               uint64_t first_index,
                               bool reset,
                               sw_wal_done_fn done,
                               void *arg)
{
    struct sim_wal_watch *watch = port->impl;
    struct request *request = request_new(watch, id, done, arg);

    request->snapshot = snapshot.index;
    if (reset) {
        group_truncate(group_of(watch, id), 1);
    }
    watch->inner->ops->set_snapshot(
        watch->inner, id, snapshot, first_index, reset, request_done, request);
}

static uint64_t watch_group_bytes(struct sw_wal *port, struct sw_group_id id)
{
    struct sim_wal_watch *watch = port->impl;

    return watch->inner->ops->group_bytes(watch->inner, id);
}

static void watch_stats(struct sw_wal *port, struct sw_wal_stats *ret_stats)
{
    struct sim_wal_watch *watch = port->impl;

    watch->inner->ops->stats(watch->inner, ret_stats);
}

static const struct sw_wal_ops watch_ops = {.load = watch_load,
                                            .append = watch_append,
                                            .truncate = watch_truncate,
                                            .set_hard = watch_set_hard,
                                            .set_snapshot = watch_set_snapshot,
                                            .group_bytes = watch_group_bytes,
                                            .stats = watch_stats};

struct sim_wal_watch *sim_wal_watch_new(void)
{
    struct sim_wal_watch *watch = calloc(1, sizeof(*watch));

    SW_ASSERT(watch != NULL);
    return watch;
}

struct sw_wal *sim_wal_watch_port(struct sim_wal_watch *watch, struct sw_wal *inner)
{
    watch->inner = inner;
    watch->port = (struct sw_wal){.impl = watch, .ops = &watch_ops};
    return &watch->port;
}

void sim_wal_watch_crash(struct sim_wal_watch *watch)
{
    struct request *request = watch->requests;

    watch->requests = NULL;
    while (request != NULL) {
        struct request *next = request->next;

        free(request);
        request = next;
    }
    watch->inner = NULL;
}

void sim_wal_watch_free(struct sim_wal_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    sim_wal_watch_crash(watch);
    for (uint32_t i = 0; i < SIM_WATCH_GROUP_MAX; i++) {
        free(watch->group[i].entries);
    }
    free(watch);
}

struct sim_watched
sim_wal_watch_entry(const struct sim_wal_watch *watch, struct sw_group_id group, uint64_t index)
{
    const struct watched_group *watched = &watch->group[group.value - 1];

    return index <= watched->last ? watched->entries[index] : (struct sim_watched){0};
}

const char *sim_wal_watch_why(const struct sim_wal_watch *watch)
{
    return watch->why[0] == '\0' ? NULL : watch->why;
}

uint64_t sim_wal_watch_snapshot(const struct sim_wal_watch *watch, struct sw_group_id group)
{
    return watch->group[group.value - 1].snapshot;
}
