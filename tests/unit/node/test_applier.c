/* The applier: order of jobs, moments of commits, skipped entries, and stopping when the store
 * fails. The worker here runs a job when the test says so. */
#include <stdio.h>

#include "base/prng.h"
#include "node/applier.h"
#include "node/transfer.h"
#include "tests/unit/node/state_kit.h"

enum { EVENTS_MAX = 4096 };

/* A worker by hand: `run` and `done` happen in order, when asked for. */
struct hand_worker {
    struct sw_worker port;
    struct sw_job *jobs[EVENTS_MAX];
    uint32_t submitted, ran, done;
};

struct event {
    char what; /* e, r, f, F(atal) */
    uint64_t index;
    uint64_t token;
    uint32_t count;
    enum sw_err err;
    uint64_t digest;
    bool complete;
    struct sw_command_result first;
};

struct world {
    struct sw_store *store;
    struct hand_worker worker;
    struct sw_env env;
    uint64_t now_ms;
    struct sw_applier *applier;
    struct event events[EVENTS_MAX];
    uint32_t event_count;
    char value[32];
    char why[SW_WHY_SIZE];
    bool submitting;
    struct sw_buf chunk;  /* of the last export */
    struct sw_buf cursor; /* of the last import */
};

static void hand_submit(struct sw_worker *port, struct sw_job *job)
{
    struct hand_worker *worker = port->impl;

    assert_true(worker->submitted < EVENTS_MAX);
    worker->jobs[worker->submitted++] = job;
}

static void hand_run(struct hand_worker *worker, uint32_t count)
{
    while (count-- > 0 && worker->ran < worker->submitted) {
        struct sw_job *job = worker->jobs[worker->ran++];

        job->run(job);
    }
}

static void hand_done(struct hand_worker *worker)
{
    while (worker->done < worker->ran) {
        struct sw_job *job = worker->jobs[worker->done++];

        job->done(job);
    }
}

static void settle(struct world *world)
{
    hand_run(&world->worker, EVENTS_MAX);
    hand_done(&world->worker);
    assert_int_equal(sw_applier_pending(world->applier), 0);
}

static uint64_t world_now_ms(void *impl)
{
    return ((struct world *)impl)->now_ms;
}

static struct event *note(struct world *world, char what)
{
    struct event *event = &world->events[world->event_count++];

    assert_false(world->submitting); /* a callback never comes from inside a submission */
    assert_true(world->event_count < EVENTS_MAX);
    *event = (struct event){.what = what};
    return event;
}

static void on_entry(void *arg,
                     struct sw_group_id group,
                     uint64_t index,
                     uint64_t term,
                     const struct sw_command_result *results,
                     uint32_t count)
{
    struct event *event = note(arg, 'e');

    assert_int_equal(group.value, 1);
    assert_int_equal(term, 7);
    event->index = index;
    event->count = count;
    if (count > 0) {
        event->first = results[0];
    }
}

static void on_read(void *arg, uint64_t token, const struct sw_reply *reply)
{
    struct world *world = arg;
    struct event *event = note(world, 'r');
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record = {0};

    event->token = token;
    event->err = reply->err;
    event->count = reply->record_count;
    if (reply->record_count > 0) {
        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        assert_true(record.value.size < sizeof world->value);
        memset(world->value, 0, sizeof world->value);
        memcpy(world->value, record.value.data, record.value.size);
    }
}

static void
on_flush(void *arg, struct sw_group_id group, enum sw_err err, uint64_t index, uint64_t digest)
{
    struct event *event = note(arg, 'f');

    assert_int_equal(group.value, 1);
    event->err = err;
    event->index = index;
    event->digest = digest;
}

static void on_export(
    void *arg, struct sw_group_id group, uint64_t token, enum sw_err err, struct sw_span chunk)
{
    struct world *world = arg;
    struct event *event = note(world, 'x');

    assert_int_equal(group.value, 1);
    sw_buf_clear(&world->chunk);
    sw_write_bytes(&world->chunk, chunk);
    event->token = token;
    event->err = err;
    event->count = (uint32_t)chunk.size;
}

static void on_import(void *arg,
                      struct sw_group_id group,
                      enum sw_err err,
                      bool complete,
                      uint64_t index,
                      uint64_t digest,
                      struct sw_span cursor)
{
    struct world *world = arg;
    struct event *event = note(world, 'i');

    assert_int_equal(group.value, 1);
    sw_buf_clear(&world->cursor);
    sw_write_bytes(&world->cursor, cursor);
    event->complete = complete;
    event->err = err;
    event->index = index;
    event->digest = digest;
}

static void on_fatal(void *arg, enum sw_err err, const char *why)
{
    struct world *world = arg;

    note(world, 'F')->err = err;
    (void)snprintf(world->why, sizeof world->why, "%s", why);
}

static enum sw_err try_start(struct world *world, uint32_t commit_bytes)
{
    const struct sw_applier_config config = {.store = world->store,
                                             .worker = &world->worker.port,
                                             .env = &world->env,
                                             .handler = {.arg = world,
                                                         .entry_done = on_entry,
                                                         .read_done = on_read,
                                                         .flush_done = on_flush,
                                                         .export_done = on_export,
                                                         .import_done = on_import,
                                                         .fatal = on_fatal},
                                             .commit_interval_ms = 100,
                                             .commit_bytes = commit_bytes};

    world->worker.submitted = world->worker.ran = world->worker.done = 0;
    return sw_applier_new(&config, &world->applier, world->why);
}

static void start(struct world *world, uint32_t commit_bytes)
{
    assert_int_equal(try_start(world, commit_bytes), SW_ERR_OK);
}

static struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->store = sw_store_mem_new(0, 0);
    world->worker.port = (struct sw_worker){.impl = &world->worker, .submit = hand_submit};
    world->env = (struct sw_env){.impl = world, .now_ms = world_now_ms};
    start(world, 0);
    return world;
}

static void world_free(struct world *world)
{
    sw_applier_free(world->applier);
    sw_store_mem_free(world->store);
    sw_buf_release(&world->chunk);
    sw_buf_release(&world->cursor);
    free(world);
}

static void submit_entry(struct world *world, uint64_t index, const struct sw_request *request)
{
    struct sw_buf body = {0};

    sw_entry_begin(&body, 1000 + index);
    kit_entry_add(&body, request);
    world->submitting = true;
    sw_applier_entry(world->applier, kit_group, index, 7, sw_buf_span(&body));
    world->submitting = false;
    memset(body.data, 0xee, body.size); /* it was copied, or else it will not decode */
    sw_buf_release(&body);
}

static void submit_put(struct world *world, uint64_t index, const char *value)
{
    const struct sw_request request = kit_put("k", value);

    submit_entry(world, index, &request);
}

static void submit_get(struct world *world, uint64_t token)
{
    struct sw_request request = kit_request(SW_OP_GET);
    char key[] = "k";

    request.key = sw_span_str(key);
    sw_applier_read(world->applier, kit_group, &administrator, &request, token);
    key[0] = '?';
}

static struct sw_applied applied(struct world *world)
{
    struct sw_applied found = {0};

    assert_int_equal(sw_applier_applied(world->applier, kit_group, &found), SW_ERR_OK);
    return found;
}

/* The applier goes and comes back over what the store kept. */
static struct sw_applied restart(struct world *world)
{
    sw_applier_free(world->applier);
    sw_store_mem_crash(world->store, false);
    start(world, 0);
    return applied(world);
}

static void jobs_answer_in_order_and_later(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    submit_put(world, 1, "one");
    submit_get(world, 11);
    submit_put(world, 2, "two");
    submit_get(world, 12);
    assert_int_equal(world->event_count, 0);
    assert_int_equal(sw_applier_pending(world->applier), 4);
    hand_run(&world->worker, 2);
    hand_done(&world->worker);
    assert_int_equal(world->event_count, 2);
    assert_string_equal(world->value, "one");
    settle(world);
    assert_int_equal(world->events[0].what, 'e');
    assert_int_equal(world->events[0].first.revision, 1);
    assert_int_equal(world->events[1].token, 11);
    assert_int_equal(world->events[2].index, 2);
    assert_int_equal(world->events[3].token, 12);
    assert_string_equal(world->value, "two"); /* executed, though nothing is committed yet */
    world_free(world);
}

static void it_says_how_many_entries_it_takes(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    for (uint64_t i = 1; i <= SW_APPLY_ENTRY_COUNT_MAX; i++) {
        assert_true(sw_applier_has_room(world->applier));
        submit_put(world, i, "v");
        submit_get(world, i); /* reads do not count: their number is bounded at admission */
    }
    assert_false(sw_applier_has_room(world->applier));
    assert_int_equal(sw_applier_entries(world->applier), SW_APPLY_ENTRY_COUNT_MAX);
    hand_run(&world->worker, 1);
    hand_done(&world->worker);
    assert_true(sw_applier_has_room(world->applier));
    settle(world);
    assert_int_equal(sw_applier_entries(world->applier), 0);
    world_free(world);
}

static void it_says_how_many_bytes_it_takes(void **unused)
{
    enum { SIZE = 1 << 20 };
    struct world *world = world_new();
    char *value = calloc(1, SIZE + 1);

    (void)unused;
    assert_non_null(value);
    memset(value, 'x', SIZE);
    for (uint64_t i = 1; i <= SW_APPLY_SIZE_MAX / SIZE; i++) {
        assert_true(sw_applier_has_room(world->applier));
        submit_put(world, i, value);
    }
    assert_false(sw_applier_has_room(world->applier));
    settle(world);
    assert_true(sw_applier_has_room(world->applier));
    free(value);
    world_free(world);
}

static void applied_entries_are_skipped(void **unused)
{
    struct world *world = world_new();
    struct sw_applier_stats stats;
    struct sw_applied before, after;

    (void)unused;
    submit_put(world, 1, "one");
    submit_put(world, 2, "two");
    sw_applier_flush(world->applier, kit_group);
    settle(world);
    before = restart(world);
    assert_int_equal(before.index, 2);
    assert_int_equal(before.digest, world->events[2].digest);
    world->event_count = 0;
    submit_put(world, 1, "one");
    submit_put(world, 2, "two");
    settle(world);
    assert_int_equal(world->event_count, 2);
    assert_int_equal(world->events[1].index, 2);
    assert_int_equal(world->events[1].count, 0);
    after = applied(world);
    assert_memory_equal(&before, &after, sizeof before);
    sw_applier_stats(world->applier, &stats);
    assert_int_equal(stats.skipped, 2);
    assert_int_equal(stats.entries, 0);
    world_free(world);
}

static void commits_come_by_time(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    world->now_ms = 1000;
    submit_put(world, 1, "one");
    settle(world);
    world->now_ms = 1099;
    sw_applier_tick(world->applier);
    sw_applier_tick(world->applier); /* one under way is enough */
    assert_int_equal(sw_applier_pending(world->applier), 1);
    settle(world);
    assert_true(world->store->ops->dirty(world->store));
    world->now_ms = 1100;
    sw_applier_tick(world->applier);
    settle(world);
    assert_false(world->store->ops->dirty(world->store));
    assert_int_equal(restart(world).index, 1);
    /* Without a tick, the next entry finds that it is time. */
    submit_put(world, 2, "two");
    settle(world);
    world->now_ms = 1200;
    submit_put(world, 3, "three");
    settle(world);
    assert_int_equal(restart(world).index, 3);
    world_free(world);
}

static void commits_come_by_size(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    sw_applier_free(world->applier);
    start(world, 500);
    submit_put(world, 1, "one");
    settle(world);
    assert_true(world->store->ops->dirty(world->store));
    for (uint64_t index = 2; index <= 5; index++) {
        submit_put(world, index, "more");
    }
    settle(world);
    assert_true(restart(world).index >= 3);
    world_free(world);
}

static void what_is_not_committed_is_gone_after_a_crash(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    submit_put(world, 1, "one");
    sw_applier_flush(world->applier, kit_group);
    submit_put(world, 2, "two");
    settle(world);
    assert_int_equal(restart(world).index, 1);
    world->event_count = 0;
    submit_put(world, 2, "two");
    submit_get(world, 5);
    settle(world);
    assert_int_equal(world->events[0].first.revision, 2);
    assert_string_equal(world->value, "two");
    world_free(world);
}

/* The same history, cut into batches of jobs, commits and crashes at random. */
static void any_schedule_gives_the_same_digest(void **unused)
{
    enum { COUNT = 60 };
    uint64_t digest = 0;

    (void)unused;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct sw_prng prng = sw_prng_of(seed);
        struct world *world = world_new();
        uint64_t next = 1;

        while (applied(world).index < COUNT) {
            for (uint64_t n = 1 + sw_prng_below(&prng, 9); n > 0 && next <= COUNT; n--) {
                char value[24];

                (void)snprintf(value, sizeof value, "value %d", (int)next);
                submit_put(world, next++, value);
            }
            world->now_ms += sw_prng_below(&prng, 60);
            sw_applier_tick(world->applier);
            settle(world);
            if (sw_prng_chance(&prng, 1, 6)) {
                next = restart(world).index + 1;
            }
        }
        if (seed == 0) {
            digest = applied(world).digest;
        }
        assert_int_equal(applied(world).digest, digest);
        world_free(world);
    }
}

static uint32_t count_events(const struct world *world, char what)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world->event_count; i++) {
        count += world->events[i].what == what ? 1 : 0;
    }
    return count;
}

static void no_space_stops_the_node_with_its_state_intact(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    submit_put(world, 1, "one");
    sw_applier_flush(world->applier, kit_group);
    settle(world);
    submit_put(world, 2, "two");
    settle(world);
    world->event_count = 0;
    sw_store_mem_set_full(world->store, true);
    submit_put(world, 3, "three");
    submit_put(world, 4, "four");
    submit_get(world, 5);
    sw_applier_flush(world->applier, kit_group);
    settle(world);
    assert_int_equal(count_events(world, 'e'), 0);
    assert_int_equal(count_events(world, 'F'), 1);
    assert_int_equal(world->events[0].err, SW_ERR_DISK_FULL);
    assert_non_null(strstr(world->why, "free space"));
    assert_int_equal(world->events[1].what, 'r');
    assert_int_equal(world->events[1].err, SW_ERR_DISK_FULL);
    assert_int_equal(world->events[2].what, 'f');
    assert_int_equal(world->events[2].err, SW_ERR_DISK_FULL);
    /* Nobody may commit by accident what is there in part. */
    assert_false(world->store->ops->dirty(world->store));
    /* More space, and it goes on where it stood. */
    sw_store_mem_set_full(world->store, false);
    assert_int_equal(restart(world).index, 1);
    submit_put(world, 2, "two");
    submit_get(world, 6);
    settle(world);
    assert_string_equal(world->value, "two");
    world_free(world);
}

static void a_failed_commit_is_fatal(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    submit_put(world, 1, "one");
    settle(world);
    sw_store_mem_fail_next_commit(world->store);
    sw_applier_flush(world->applier, kit_group);
    submit_put(world, 2, "two");
    settle(world);
    assert_int_equal(world->events[1].what, 'f');
    assert_int_equal(world->events[1].err, SW_ERR_IO);
    assert_int_equal(world->events[2].what, 'F');
    assert_int_equal(world->event_count, 3);
    world_free(world);
}

static void a_damaged_record_is_fatal_when_read(void **unused)
{
    const struct sw_request put = kit_put("k", "");
    const struct sw_place place = {
        .tenant = put.tenant, .name_space = put.name_space, .partition = put.partition};
    struct world *world = world_new();
    struct sw_key key;

    (void)unused;
    submit_put(world, 1, "one");
    settle(world);
    sw_key_kv(&place, put.key, &key);
    assert_true(sw_store_mem_flip(world->store, SW_TABLE_KV, sw_key_span(&key), 5));
    submit_get(world, 5);
    settle(world);
    assert_int_equal(world->events[1].err, SW_ERR_CORRUPT);
    assert_int_equal(world->events[1].count, 0);
    assert_int_equal(world->events[2].what, 'F');
    assert_int_equal(world->events[2].err, SW_ERR_CORRUPT);
    world_free(world);
}

static void a_damaged_state_record_is_found_at_start(void **unused)
{
    struct world *world = world_new();
    struct sw_key key;

    (void)unused;
    submit_put(world, 1, "one");
    sw_applier_flush(world->applier, kit_group);
    settle(world);
    sw_applier_free(world->applier);
    sw_state_key(kit_group, &key);
    assert_true(sw_store_mem_flip(world->store, SW_TABLE_META, sw_key_span(&key), 5));
    world->applier = NULL;
    assert_int_equal(try_start(world, 0), SW_ERR_CORRUPT);
    assert_true(world->why[0] != '\0');
    assert_null(world->applier);
    world_free(world);
}

static void staged_leftovers_are_dropped_at_start(void **unused)
{
    struct world *world = world_new();
    struct sw_store_record record;
    struct sw_key key;

    (void)unused;
    sw_key_stage(kit_group, SW_TABLE_KV, sw_span_str("anything"), &key);
    assert_int_equal(world->store->ops->put(
                         world->store, SW_TABLE_STAGE, sw_key_span(&key), sw_span_str("left")),
                     SW_ERR_OK);
    assert_int_equal(world->store->ops->commit(world->store), SW_ERR_OK);
    (void)restart(world);
    sw_store_mem_crash(world->store, false);
    assert_int_equal(
        world->store->ops->seek(world->store, SW_TABLE_STAGE, sw_span_of(NULL, 0), false, &record),
        SW_ERR_NOT_FOUND);
    world_free(world);
}

static void exports_and_imports_pass_through(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    submit_put(world, 1, "one");
    sw_applier_export(world->applier, kit_group, sw_span_of(NULL, 0), 33);
    sw_applier_export(world->applier, kit_group, sw_span_str("no cursor"), 34);
    sw_applier_export_stop(world->applier, kit_group);
    sw_applier_import(world->applier, kit_group, sw_span_str("no chunk"));
    settle(world);
    assert_int_equal(world->event_count, 4);
    assert_int_equal(world->events[1].token, 33);
    assert_int_equal(world->events[1].err, SW_ERR_OK);
    assert_true(world->events[1].count > 0);
    assert_int_equal(world->events[2].err, SW_ERR_MALFORMED);
    assert_int_equal(world->events[2].count, 0);
    assert_int_equal(world->events[3].what, 'i');
    assert_int_equal(world->events[3].err, SW_ERR_MALFORMED);
    assert_false(world->events[3].complete);
    assert_int_equal(world->cursor.size, 0);
    world_free(world);
}

/* The last event of `world`, after everything is done. */
static const struct event *settled(struct world *world)
{
    settle(world);
    assert_true(world->event_count > 0);
    return &world->events[world->event_count - 1];
}

static void submit_big(struct world *world, uint64_t index)
{
    static char value[300 * 1000];
    struct sw_request request = kit_put("big", "");
    char key[24];

    (void)snprintf(key, sizeof key, "big %d", (int)index);
    request.key = sw_span_str(key);
    memset(value, (int)index, sizeof value);
    request.value = sw_span_of(value, sizeof value);
    submit_entry(world, index, &request);
}

/* A node that lags gets the state of another one, and goes on with the entry after it. */
static void a_copy_takes_the_place_of_the_state(void **unused)
{
    struct world *from = world_new();
    struct world *to = world_new();
    struct sw_applied given, taken;
    uint32_t chunks = 0;

    (void)unused;
    for (uint64_t index = 1; index <= 6; index++) {
        submit_big(from, index);
    }
    submit_put(from, 7, "seven");
    settle(from);
    submit_put(to, 1, "old"); /* not committed when the copy begins */
    do {
        sw_applier_export(from->applier, kit_group, sw_buf_span(&to->cursor), chunks);
        assert_int_equal(settled(from)->err, SW_ERR_OK);
        assert_true(from->chunk.size <= SW_SNAPSHOT_CHUNK_SIZE_MAX);
        sw_applier_import(to->applier, kit_group, sw_buf_span(&from->chunk));
        assert_int_equal(settled(to)->err, SW_ERR_OK);
        chunks++;
    } while (!settled(to)->complete);
    assert_true(chunks > 3);
    assert_int_equal(settled(to)->index, 7);
    given = applied(from);
    taken = applied(to);
    assert_memory_equal(&given, &taken, sizeof given);
    assert_int_equal(settled(to)->digest, given.digest);
    taken = restart(to); /* it survives a power cut without a flush */
    assert_memory_equal(&given, &taken, sizeof given);
    submit_put(from, 8, "eight");
    submit_put(to, 8, "eight");
    submit_get(to, 1);
    settle(from);
    settle(to);
    assert_string_equal(to->value, "eight");
    assert_int_equal(applied(from).digest, applied(to).digest);
    world_free(from);
    world_free(to);
}

static void a_view_that_nobody_asks_for_is_let_go(void **unused)
{
    struct world *from = world_new();
    struct world *to = world_new();

    (void)unused;
    for (uint64_t index = 1; index <= 6; index++) {
        submit_big(from, index);
    }
    sw_applier_export(from->applier, kit_group, sw_span_of(NULL, 0), 1);
    settle(from);
    sw_applier_import(to->applier, kit_group, sw_buf_span(&from->chunk));
    settle(to);
    from->now_ms += SW_EXPORT_IDLE_MS - 1;
    sw_applier_tick(from->applier);
    sw_applier_export(from->applier, kit_group, sw_buf_span(&to->cursor), 2);
    assert_int_equal(settled(from)->err, SW_ERR_OK);
    from->now_ms += SW_EXPORT_IDLE_MS;
    sw_applier_tick(from->applier);
    sw_applier_export(from->applier, kit_group, sw_buf_span(&to->cursor), 3);
    assert_int_equal(settled(from)->err, SW_ERR_CONFLICT);
    world_free(from);
    world_free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_answer_in_order_and_later),
        cmocka_unit_test(it_says_how_many_entries_it_takes),
        cmocka_unit_test(it_says_how_many_bytes_it_takes),
        cmocka_unit_test(applied_entries_are_skipped),
        cmocka_unit_test(commits_come_by_time),
        cmocka_unit_test(commits_come_by_size),
        cmocka_unit_test(what_is_not_committed_is_gone_after_a_crash),
        cmocka_unit_test(any_schedule_gives_the_same_digest),
        cmocka_unit_test(no_space_stops_the_node_with_its_state_intact),
        cmocka_unit_test(a_failed_commit_is_fatal),
        cmocka_unit_test(a_damaged_record_is_fatal_when_read),
        cmocka_unit_test(a_damaged_state_record_is_found_at_start),
        cmocka_unit_test(staged_leftovers_are_dropped_at_start),
        cmocka_unit_test(a_copy_takes_the_place_of_the_state),
        cmocka_unit_test(a_view_that_nobody_asks_for_is_let_go),
        cmocka_unit_test(exports_and_imports_pass_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
