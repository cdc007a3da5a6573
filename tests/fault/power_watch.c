/* The marking decorator of wal.h. */
#include "tests/fault/power_watch.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "jepsen/fault/mark.h"
#include "tests/fault/power_mark.h"

/* One request on its way, with what to say when it is durable. */
struct power_request {
    struct power_request *next;
    struct power_watch *watch;
    sw_wal_done_fn done;
    void *arg;
    size_t count;
    struct power_mark marks[];
};

void power_mark(const struct power_mark *mark, struct sw_span body)
{
    uint8_t *bytes = malloc(sizeof *mark + body.size);

    SW_ASSERT(bytes != NULL);
    memcpy(bytes, mark, sizeof *mark);
    if (body.size > 0) {
        memcpy(bytes + sizeof *mark, body.data, body.size);
    }
    swarm_fault_mark(bytes, sizeof *mark + body.size);
    free(bytes);
}

uint64_t power_hash(uint64_t term, uint64_t type, struct sw_span body)
{
    return XXH3_64bits_withSeed(body.data, body.size, term * 256 + type);
}

static struct power_request *
request_new(struct power_watch *watch, size_t count, sw_wal_done_fn done, void *arg)
{
    struct power_request *request = calloc(1, sizeof *request + count * sizeof request->marks[0]);

    SW_ASSERT(request != NULL);
    request->watch = watch;
    request->done = done;
    request->arg = arg;
    request->count = count;
    request->next = watch->requests;
    watch->requests = request;
    return request;
}

static void request_done(void *arg)
{
    struct power_request *request = arg;
    struct power_request **place = &request->watch->requests;
    const sw_wal_done_fn done = request->done;
    void *done_arg = request->arg;

    for (size_t i = 0; i < request->count; i++) {
        power_mark(&request->marks[i], sw_span_of(NULL, 0));
    }
    while (*place != request) {
        place = &(*place)->next;
    }
    *place = request->next;
    free(request);
    if (done != NULL) {
        done(done_arg);
    }
}

static enum sw_err
watch_load(struct sw_wal *port, struct sw_group_id group, struct sw_wal_group *ret_group)
{
    const struct power_watch *watch = port->impl;

    return watch->inner->ops->load(watch->inner, group, ret_group);
}

static void watch_append(struct sw_wal *port,
                         struct sw_group_id group,
                         const struct sw_wal_entry *entries,
                         size_t count,
                         sw_wal_done_fn done,
                         void *arg)
{
    struct power_watch *watch = port->impl;
    struct power_request *request = request_new(watch, count, done, arg);

    for (size_t i = 0; i < count; i++) {
        struct power_mark *mark = &request->marks[i];

        *mark =
            (struct power_mark){.kind = POWER_ASKED_ENTRY,
                                .node = watch->node,
                                .a = entries[i].index,
                                .b = entries[i].term,
                                .c = power_hash(entries[i].term, entries[i].type, entries[i].body),
                                .type = entries[i].type};
        power_mark(mark, entries[i].body);
        mark->kind = POWER_DURABLE_ENTRY;
    }
    watch->inner->ops->append(watch->inner, group, entries, count, request_done, request);
}

static void watch_truncate(struct sw_wal *port,
                           struct sw_group_id group,
                           uint64_t from_index,
                           sw_wal_done_fn done,
                           void *arg)
{
    struct power_watch *watch = port->impl;
    const struct power_mark mark = {
        .kind = POWER_ASKED_TRUNCATE, .node = watch->node, .a = from_index};

    power_mark(&mark, sw_span_of(NULL, 0));
    watch->inner->ops->truncate(
        watch->inner, group, from_index, request_done, request_new(watch, 0, done, arg));
}

static void watch_set_hard(struct sw_wal *port,
                           struct sw_group_id group,
                           struct sw_wal_hard hard,
                           sw_wal_done_fn done,
                           void *arg)
{
    struct power_watch *watch = port->impl;
    struct power_request *request = request_new(watch, 1, done, arg);

    request->marks[0] = (struct power_mark){
        .kind = POWER_ASKED_HARD, .node = watch->node, .a = hard.term, .b = hard.vote.value};
    power_mark(&request->marks[0], sw_span_of(NULL, 0));
    request->marks[0].kind = POWER_DURABLE_HARD;
    watch->inner->ops->set_hard(watch->inner, group, hard, request_done, request);
}

/* The type of the port's function. NOLINTNEXTLINE(readability-function-size) */
static void watch_set_snapshot(struct sw_wal *port,
                               struct sw_group_id group,
                               struct sw_wal_snapshot snapshot,
                               uint64_t first_index,
                               bool reset,
                               sw_wal_done_fn done,
                               void *arg)
{
    struct power_watch *watch = port->impl;
    struct power_request *request = request_new(watch, 1, done, arg);

    request->marks[0] = (struct power_mark){.kind = POWER_ASKED_SNAPSHOT,
                                            .node = watch->node,
                                            .a = snapshot.index,
                                            .b = snapshot.term,
                                            .c = first_index,
                                            .d = reset ? 1 : 0};
    power_mark(&request->marks[0], sw_span_of(NULL, 0));
    request->marks[0].kind = POWER_DURABLE_SNAPSHOT;
    watch->inner->ops->set_snapshot(
        watch->inner, group, snapshot, first_index, reset, request_done, request);
}

static uint64_t watch_group_bytes(struct sw_wal *port, struct sw_group_id group)
{
    const struct power_watch *watch = port->impl;

    return watch->inner->ops->group_bytes(watch->inner, group);
}

static void watch_stats(struct sw_wal *port, struct sw_wal_stats *ret_stats)
{
    const struct power_watch *watch = port->impl;

    watch->inner->ops->stats(watch->inner, ret_stats);
}

static const struct sw_wal_ops watch_ops = {.load = watch_load,
                                            .append = watch_append,
                                            .truncate = watch_truncate,
                                            .set_hard = watch_set_hard,
                                            .set_snapshot = watch_set_snapshot,
                                            .group_bytes = watch_group_bytes,
                                            .stats = watch_stats};

struct sw_wal *power_watch_init(struct power_watch *watch, struct sw_wal *inner, uint32_t node)
{
    *watch = (struct power_watch){.inner = inner, .node = node};
    watch->port = (struct sw_wal){.impl = watch, .ops = &watch_ops};
    return &watch->port;
}

void power_watch_release(struct power_watch *watch)
{
    while (watch->requests != NULL) {
        struct power_request *request = watch->requests;

        watch->requests = request->next;
        free(request);
    }
}
