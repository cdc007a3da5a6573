/* A watch tells how deep a change is in its cascade, and what is written because of it is one
 * deeper: two watchers that answer each other come to an end. On embedded mode, which is a node. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include <semaphore.h>

#include "base/limits.h"
#include "client/include/swarm.h"
#include "tests/unit/storage/temp_dir.h"

static const struct swarm_scope scope = {.partition = "p"};

struct world {
    char root[TEMP_DIR_SIZE];
    struct swarm_pool *pool;
    struct swarm_client *clients[2];
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    char url[TEMP_DIR_SIZE + 32];

    assert_non_null(world);
    temp_dir_make(world->root);
    (void)snprintf(url, sizeof url, "file:%s/data", world->root);
    assert_int_equal(swarm_pool_new(&world->pool), SWARM_OK);
    for (int i = 0; i < 2; i++) {
        struct swarm_options options = SWARM_INIT(struct swarm_options);

        options.url = url;
        options.pool = world->pool;
        assert_int_equal(swarm_open(&options, &world->clients[i], NULL, 0), SWARM_OK);
    }
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 2; i++) {
        swarm_close(world->clients[i]);
    }
    swarm_pool_free(world->pool);
    temp_dir_remove(world->root);
    free(world);
    return 0;
}

/* Writes the key of the other one whenever its own changes, and never stops by itself. */
struct watcher {
    struct swarm_client *client;
    const char *writes;
    bool by_hand; /* names the depth itself, from a thread's point of view that knows no watch */
    uint32_t deepest;
    uint32_t told;
    sem_t *refused;
};

static void on_written(void *arg, struct swarm_result *result)
{
    struct watcher *watcher = arg;

    if (result->status == SWARM_DEPTH) {
        (void)sem_post(watcher->refused);
    } else {
        assert_int_equal(result->status, SWARM_OK);
    }
    swarm_result_free(result);
}

static void on_changed(void *arg, const struct swarm_result *result)
{
    struct watcher *watcher = arg;

    if (result->status != SWARM_OK) {
        assert_int_equal(result->status, SWARM_CANCELLED);
        return;
    }
    assert_string_equal(result->detail, "");
    for (size_t i = 0; i < result->record_count; i++) {
        struct swarm_request put = SWARM_INIT(struct swarm_request);

        watcher->told++;
        watcher->deepest = result->records[i].depth;
        put.op = SWARM_PUT;
        put.scope = scope;
        put.key = swarm_str(watcher->writes);
        put.depth = watcher->by_hand ? result->records[i].depth + 1 : 0;
        assert_int_equal(swarm_submit(watcher->client, &put, on_written, watcher, NULL, 0),
                         SWARM_OK);
    }
}

static struct swarm_watch *watch(struct watcher *watcher, const char *key)
{
    struct swarm_watch_options options = SWARM_INIT(struct swarm_watch_options);
    struct swarm_watch *watch;

    options.scope = scope;
    options.key = swarm_str(key);
    options.end_key = (struct swarm_slice){.data = key, .size = strlen(key) + 1};
    assert_int_equal(
        swarm_watch_new(watcher->client, &options, on_changed, watcher, &watch, NULL, 0), SWARM_OK);
    return watch;
}

static void answer_each_other(struct world *world, bool by_hand)
{
    sem_t refused;
    struct watcher watchers[2] = {
        {.client = world->clients[0], .writes = "b", .by_hand = by_hand, .refused = &refused},
        {.client = world->clients[1], .writes = "a", .by_hand = by_hand, .refused = &refused}};
    struct swarm_watch *watches[2];
    struct swarm_result *result = NULL;

    assert_int_equal(sem_init(&refused, 0, 0), 0);
    watches[0] = watch(&watchers[0], "a");
    watches[1] = watch(&watchers[1], "b");
    assert_int_equal(swarm_put(world->clients[0], scope, swarm_str("a"), swarm_str(""), NULL),
                     SWARM_OK);
    assert_int_equal(sem_wait(&refused), 0);
    assert_int_equal(swarm_get(world->clients[0], scope, swarm_str("a"), &result), SWARM_OK);
    assert_int_equal(result->records[0].version, SW_DEPTH_MAX / 2);
    swarm_result_free(result);
    assert_int_equal(swarm_get(world->clients[0], scope, swarm_str("b"), &result), SWARM_OK);
    assert_int_equal(result->records[0].version, SW_DEPTH_MAX / 2);
    swarm_result_free(result);
    for (int i = 0; i < 2; i++) {
        swarm_watch_free(watches[i]);
        assert_int_equal(watchers[i].told, SW_DEPTH_MAX / 2);
    }
    assert_int_equal(watchers[0].deepest, SW_DEPTH_MAX - 2);
    assert_int_equal(watchers[1].deepest, SW_DEPTH_MAX - 1);
    (void)sem_destroy(&refused);
}

static void watchers_that_answer_each_other_come_to_an_end(void **state)
{
    answer_each_other(*state, false);
}

static void so_they_do_if_they_name_the_depth_themselves(void **state)
{
    answer_each_other(*state, true);
}

/* Outside of a watch's call nothing has a cause but what says so. */
static void a_request_that_is_too_deep_is_refused(void **state)
{
    struct world *world = *state;
    struct swarm_request put = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;

    put.op = SWARM_PUT;
    put.scope = scope;
    put.key = swarm_str("k");
    for (put.depth = 0; put.depth < SW_DEPTH_MAX; put.depth++) {
        assert_int_equal(swarm_call(world->clients[0], &put, NULL), SWARM_OK);
    }
    assert_int_equal(swarm_call(world->clients[0], &put, NULL), SWARM_DEPTH);
    put.depth = UINT32_MAX;
    assert_int_equal(swarm_call(world->clients[0], &put, &result), SWARM_DEPTH);
    assert_non_null(strstr(result->detail, "the limit is 10"));
    swarm_result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            watchers_that_answer_each_other_come_to_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            so_they_do_if_they_name_the_depth_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_is_too_deep_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
