/* Long searches: a second worker answers them from a view that all who wait share, while entries
 * go on; and what becomes of them when the node stops. Both workers run when the test says so. */
#include "base/worker_inline.h"
#include "node/applier.h"
#include "tests/unit/node/vector_kit.h"

enum { LONG_K = 500, ANSWERS_MAX = 64, TIMEOUT_MS = 1000 };

struct answer {
    uint64_t token;
    enum sw_err err;
    uint32_t count;
    uint64_t revision;
};

struct world {
    struct sw_store *store;
    struct sw_worker_inline worker, search_worker;
    struct sw_env env;
    uint64_t now_ms;
    uint64_t commit_ms; /* what a commit takes */
    uint64_t commits;
    struct sw_applier *applier;
    uint64_t index; /* of the last entry */
    struct answer answers[ANSWERS_MAX];
    uint32_t answer_count, entries_done, moved;
    bool fatal;
};

static uint64_t commits(struct world *world)
{
    struct sw_store_stats stats;

    world->store->ops->stats(world->store, &stats);
    return stats.commits;
}

static uint64_t now_ms(void *impl)
{
    struct world *world = impl;

    if (commits(world) > world->commits) {
        world->commits++;
        world->now_ms += world->commit_ms;
    }
    return world->now_ms;
}

static void on_entry(void *arg,
                     struct sw_group_id group,
                     uint64_t index,
                     uint64_t term,
                     const struct sw_command_result *results,
                     uint32_t count)
{
    struct world *world = arg;

    (void)group;
    (void)index;
    (void)term;
    assert_int_equal(count, 1);
    assert_int_equal(results[0].err, SW_ERR_OK);
    world->entries_done++;
}

static void on_read(void *arg, uint64_t token, const struct sw_reply *reply)
{
    struct world *world = arg;

    assert_true(world->answer_count < ANSWERS_MAX);
    world->answers[world->answer_count++] = (struct answer){.token = token,
                                                            .err = reply->err,
                                                            .count = reply->record_count,
                                                            .revision = reply->revision};
}

static void on_moved(void *arg, uint64_t token)
{
    struct world *world = arg;

    assert_true(token > 0);
    world->moved++;
}

static void on_fatal(void *arg, enum sw_err err, const char *why)
{
    (void)err;
    (void)why;
    ((struct world *)arg)->fatal = true;
}

static void
on_flush(void *arg, struct sw_group_id group, enum sw_err err, uint64_t index, uint64_t digest)
{
    (void)arg;
    (void)group;
    (void)err;
    (void)index;
    (void)digest;
}

/* What has been submitted so far, and what comes of it on the loop. */
static void turn(struct sw_worker_inline *worker)
{
    (void)sw_worker_inline_drain(worker);
}

static void settle(struct world *world)
{
    while (!sw_worker_inline_idle(&world->worker) ||
           !sw_worker_inline_idle(&world->search_worker)) {
        turn(&world->worker);
        turn(&world->search_worker);
    }
    assert_int_equal(sw_applier_pending(world->applier), 0);
    assert_false(sw_applier_searching(world->applier));
}

static void entry(struct world *world, const struct sw_request *request)
{
    struct sw_buf body = {0};

    world->index++;
    sw_entry_begin(&body, 1000 + world->index);
    kit_entry_add(&body, request);
    sw_applier_entry(world->applier, kit_group, world->index, 7, sw_buf_span(&body));
    sw_buf_release(&body);
}

static void put(struct world *world, const char *key, uint64_t number)
{
    const struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_item item = kit_item("notes", &vector, "text");
    const struct sw_request request = kit_vector_put(key, &item);

    entry(world, &request);
}

static void ask(struct world *world, uint32_t k, uint64_t token)
{
    const struct kit_vector vector = kit_vector_of(1);
    struct sw_vector_query query = kit_question("notes", &vector);
    struct sw_request request = kit_request(SW_OP_VECTOR_SEARCH);

    query.k = k;
    sw_buf_clear(&kit_value);
    sw_vector_query_encode(&query, &kit_value);
    request.value = sw_buf_span(&kit_value);
    request.timeout_ms = TIMEOUT_MS;
    sw_applier_read(world->applier, kit_group, &administrator, &request, token);
}

static struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    struct sw_applier_config config = {.commit_interval_ms = 1000000};
    struct sw_request request = kit_index_create("notes", KIT_DIM);
    char why[SW_WHY_SIZE];

    assert_non_null(world);
    sw_worker_inline_init(&world->worker);
    sw_worker_inline_init(&world->search_worker);
    world->store = sw_store_mem_new(0, 0);
    world->env = (struct sw_env){.impl = world, .now_ms = now_ms};
    config.store = world->store;
    config.worker = sw_worker_inline_port(&world->worker);
    config.search_worker = sw_worker_inline_port(&world->search_worker);
    config.env = &world->env;
    config.handler = (struct sw_applier_handler){.arg = world,
                                                 .entry_done = on_entry,
                                                 .read_done = on_read,
                                                 .read_moved = on_moved,
                                                 .flush_done = on_flush,
                                                 .fatal = on_fatal};
    assert_int_equal(sw_applier_new(&config, &world->applier, why), SW_ERR_OK);
    entry(world, &request);
    put(world, "a", 1);
    settle(world);
    return world;
}

static void world_free(struct world *world)
{
    sw_applier_free(world->applier);
    sw_store_mem_free(world->store);
    free(world);
}

/* Nothing was committed when it was asked, and its view does not move with what comes after. */
static void it_sees_what_was_written_before_and_nothing_after(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    assert_int_equal(commits(world), 0);
    put(world, "b", 2);
    ask(world, LONG_K, 11);
    put(world, "c", 3);
    turn(&world->worker); /* too long; the view opens behind c */
    turn(&world->worker);
    assert_int_equal(world->answer_count, 0);
    assert_int_equal(world->moved, 1);
    assert_true(sw_applier_searching(world->applier));
    put(world, "d", 4);
    turn(&world->worker); /* entries go on */
    assert_int_equal(world->entries_done, 5);
    assert_int_equal(world->answer_count, 0);
    settle(world);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err, SW_ERR_OK);
    assert_int_equal(world->answers[0].count, 3);
    assert_int_equal(world->answers[0].revision, 4);
    ask(world, LONG_K, 12);
    settle(world);
    assert_int_equal(world->answers[1].count, 4);
    assert_int_equal(world->answers[1].revision, 5);
    world_free(world);
}

/* Those that come while a view is in use share the next one, and its commit. */
static void those_who_wait_share_a_commit(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    ask(world, LONG_K, 1);
    turn(&world->worker);
    for (uint64_t i = 2; i <= 11; i++) {
        put(world, "b", i);
        ask(world, LONG_K, i);
    }
    settle(world);
    assert_int_equal(world->answer_count, 11);
    assert_true(commits(world) <= 2);
    for (uint32_t i = 1; i < world->answer_count; i++) {
        assert_int_equal(world->answers[i].token, i + 1);
        assert_int_equal(world->answers[i].revision,
                         12); /* of the last put, or it would be older */
    }
    ask(world, LONG_K, 12); /* nothing changed: no commit */
    settle(world);
    assert_true(commits(world) <= 2);
    assert_int_equal(world->answers[11].count, 2);
    world_free(world);
}

/* A slow disk: after a commit for a view entries have the applier for four times as long. */
static void commits_for_views_leave_entries_their_time(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    world->commit_ms = 10;
    ask(world, LONG_K, 1);
    settle(world);
    assert_int_equal(world->answer_count, 1);
    put(world, "b", 2);
    ask(world, LONG_K, 2);
    turn(&world->worker);
    turn(&world->search_worker);
    assert_true(sw_worker_inline_idle(&world->worker));
    world->now_ms += 30;
    sw_applier_tick(world->applier);
    turn(&world->worker);
    assert_int_equal(world->answer_count, 1);
    world->now_ms += 20;
    sw_applier_tick(world->applier);
    settle(world);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(world->answers[1].count, 2);
    world_free(world);
}

static void a_short_one_is_answered_at_once(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    ask(world, 3, 1);
    turn(&world->worker);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].count, 1);
    assert_int_equal(world->moved, 0);
    world_free(world);
}

static void it_does_not_begin_after_its_deadline(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    ask(world, LONG_K, 1);
    turn(&world->worker);
    turn(&world->worker);
    world->now_ms += TIMEOUT_MS;
    settle(world);
    assert_int_equal(world->answers[0].err, SW_ERR_DEADLINE);
    world_free(world);
}

/* In each of the places where a search can be: before and in the view, and behind it. */
static void a_stop_answers_all_of_them(void **unused)
{
    for (int turns = 0; turns < 4; turns++) {
        struct world *world = world_new();

        (void)unused;
        ask(world, LONG_K, 1);
        for (int i = 0; i < turns; i++) {
            turn(&world->worker);
        }
        ask(world, LONG_K, 2);
        if (turns == 3) {
            turn(&world->worker);
        }
        sw_applier_end_searches(world->applier);
        settle(world);
        assert_int_equal(world->answer_count, 2);
        for (uint32_t i = 0; i < 2; i++) {
            assert_true(world->answers[i].err == SW_ERR_SHUTTING_DOWN ||
                        world->answers[i].err == SW_ERR_OK);
        }
        assert_false(world->fatal);
        world_free(world);
    }
}

static void a_store_that_fails_ends_it(void **unused)
{
    struct world *world = world_new();

    (void)unused;
    sw_store_mem_fail_next_commit(world->store);
    ask(world, LONG_K, 1);
    ask(world, LONG_K, 2);
    settle(world);
    assert_true(world->fatal);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(world->answers[0].err, SW_ERR_IO);
    assert_int_equal(world->answers[1].err, SW_ERR_IO);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_sees_what_was_written_before_and_nothing_after),
        cmocka_unit_test(those_who_wait_share_a_commit),
        cmocka_unit_test(commits_for_views_leave_entries_their_time),
        cmocka_unit_test(a_short_one_is_answered_at_once),
        cmocka_unit_test(it_does_not_begin_after_its_deadline),
        cmocka_unit_test(a_stop_answers_all_of_them),
        cmocka_unit_test(a_store_that_fails_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
