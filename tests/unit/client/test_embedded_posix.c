/* Embedded mode as a program sees it: every kind of request in one process without a server, kept
 * over a reopen, one owner a directory, clients of one pool together. Kills:
 * tests/integration/test_embedded.py. */
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
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/include/swarm.h"
#include "tests/unit/storage/temp_dir.h"

enum { MANY = 20000 };

static const struct swarm_scope scope = {.partition = "p"};

struct place {
    char root[TEMP_DIR_SIZE];
    char url[TEMP_DIR_SIZE + 32];
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    assert_non_null(place);
    temp_dir_make(place->root);
    (void)snprintf(place->url, sizeof place->url, "file:%s/data", place->root);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    temp_dir_remove(place->root);
    free(place);
    return 0;
}

static struct swarm_client *open_url(const char *url, struct swarm_pool *pool)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;
    char why[160] = "";
    enum swarm_status status;

    options.url = url;
    options.pool = pool;
    status = swarm_open(&options, &client, why, sizeof why);
    if (status != SWARM_OK) {
        fail_msg("%s: %s", swarm_status_name(status), why);
    }
    return client;
}

static void put(struct swarm_client *client, const char *key, const char *value)
{
    assert_int_equal(swarm_put(client, scope, swarm_str(key), swarm_str(value), NULL), SWARM_OK);
}

static void expect_got(struct swarm_client *client, const char *key, const char *value)
{
    struct swarm_result *result = NULL;

    assert_int_equal(swarm_get(client, scope, swarm_str(key), &result), SWARM_OK);
    assert_int_equal(result->record_count, 1);
    assert_int_equal(result->records[0].value.size, strlen(value));
    assert_memory_equal(result->records[0].value.data, value, strlen(value));
    swarm_result_free(result);
}

static void keys_live_as_in_a_swarm(struct swarm_client *client)
{
    struct swarm_result *result = NULL;

    put(client, "a", "1");
    expect_got(client, "a", "1");
    assert_int_equal(swarm_cas(client, scope, swarm_str("a"), 77, swarm_str("x"), &result),
                     SWARM_CONFLICT);
    assert_int_equal(swarm_cas(client, scope, swarm_str("a"), result->value, swarm_str("2"), NULL),
                     SWARM_OK);
    swarm_result_free(result);
    expect_got(client, "a", "2");
    assert_int_equal(swarm_get(client, scope, swarm_str("none"), NULL), SWARM_NOT_FOUND);
    assert_int_equal(swarm_delete(client, scope, swarm_str("a"), &result), SWARM_OK);
    assert_int_equal(result->value, 1);
    assert_int_equal(result->node, 1);
    assert_int_equal(result->durability, SWARM_DURABILITY_LOCAL);
    swarm_result_free(result);
    assert_int_equal(swarm_append(client, scope, swarm_str("seen"), NULL), SWARM_OK);
    assert_int_equal(swarm_status_of(client, 0, &result), SWARM_OK);
    assert_non_null(strstr(result->detail, "leader"));
    assert_int_equal(result->durability, SWARM_DURABILITY_NONE);
    swarm_result_free(result);
}

static void transactions_are_one_change(struct swarm_client *client)
{
    const struct swarm_compare compare = {
        .target = SWARM_COMPARE_VERSION, .relation = SWARM_EQUAL, .key = swarm_str("t1")};
    const struct swarm_txn_op ops[] = {
        {.kind = SWARM_TXN_PUT, .key = swarm_str("t1"), .value = swarm_str("1")},
        {.kind = SWARM_TXN_MERGE,
         .merge = SWARM_MERGE_ADD,
         .key = swarm_str("t2"),
         .value = swarm_str("5")}};
    const struct swarm_txn txn = {
        .compares = &compare, .compare_count = 1, .then_ops = ops, .then_count = 2};
    const struct swarm_slice keys[] = {swarm_str("t1"), swarm_str("t2"), swarm_str("t3")};
    struct swarm_result *result = NULL;

    assert_int_equal(swarm_txn(client, scope, &txn, &result), SWARM_OK);
    assert_true(result->succeeded);
    swarm_result_free(result);
    assert_int_equal(swarm_txn(client, scope, &txn, &result), SWARM_OK);
    assert_false(result->succeeded);
    swarm_result_free(result);
    assert_int_equal(swarm_multi_get(client, scope, keys, 3, &result), SWARM_OK);
    assert_int_equal(result->record_count, 3);
    assert_int_equal(result->records[1].version, 1);
    assert_int_equal(result->records[2].version, 0);
    swarm_result_free(result);
}

static void leases_end_and_locks_exclude(struct swarm_client *client)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    struct swarm_lock *lock = NULL;
    struct swarm_lock *second = NULL;

    assert_int_equal(swarm_lease_grant(client, scope, 100, &result), SWARM_OK);
    request.op = SWARM_PUT;
    request.scope = scope;
    request.key = swarm_str("ephemeral");
    request.value = swarm_str("x");
    request.lease = result->value;
    swarm_result_free(result);
    assert_int_equal(swarm_call(client, &request, NULL), SWARM_OK);
    while (swarm_get(client, scope, swarm_str("ephemeral"), NULL) == SWARM_OK) {
        (void)usleep(5000);
    }
    assert_int_equal(swarm_get(client, scope, swarm_str("ephemeral"), NULL), SWARM_NOT_FOUND);
    assert_int_equal(swarm_lock(client,
                                scope,
                                swarm_str("lock"),
                                swarm_str("me"),
                                60000,
                                swarm_now_ms() + 10000,
                                &lock,
                                NULL,
                                0),
                     SWARM_OK);
    assert_int_equal(swarm_lock(client,
                                scope,
                                swarm_str("lock"),
                                swarm_str("you"),
                                60000,
                                swarm_now_ms() + 50,
                                &second,
                                NULL,
                                0),
                     SWARM_DEADLINE);
    assert_int_equal(swarm_unlock(lock), SWARM_OK);
}

struct watcher {
    sem_t told;
    uint32_t records;
    uint64_t revision;
};

static void on_change(void *arg, const struct swarm_result *result)
{
    struct watcher *watcher = arg;

    if (result->status != SWARM_OK) {
        return; /* the end */
    }
    for (size_t i = 0; i < result->record_count; i++) {
        assert_true(result->records[i].mod_revision > watcher->revision);
        watcher->revision = result->records[i].mod_revision;
        watcher->records++;
        (void)sem_post(&watcher->told);
    }
}

static void watches_tell_each_change_once(struct swarm_client *client)
{
    struct swarm_watch_options options = SWARM_INIT(struct swarm_watch_options);
    struct watcher watcher = {.records = 0};
    struct swarm_watch *watch = NULL;
    struct swarm_result *result = NULL;

    assert_int_equal(sem_init(&watcher.told, 0, 0), 0);
    assert_int_equal(swarm_put(client, scope, swarm_str("w0"), swarm_str(""), &result), SWARM_OK);
    options.scope = scope;
    options.after = result->revision;
    swarm_result_free(result);
    assert_int_equal(swarm_watch_new(client, &options, on_change, &watcher, &watch, NULL, 0),
                     SWARM_OK);
    for (int i = 0; i < 10; i++) {
        put(client, "w1", "x");
    }
    for (int i = 0; i < 10; i++) {
        while (sem_wait(&watcher.told) != 0) {
        }
    }
    swarm_watch_free(watch);
    assert_int_equal(watcher.records, 10);
    assert_int_equal(sem_destroy(&watcher.told), 0);
}

static void every_kind_of_request_works(void **state)
{
    const struct place *place = *state;
    struct swarm_client *client = open_url(place->url, NULL);

    keys_live_as_in_a_swarm(client);
    transactions_are_one_change(client);
    leases_end_and_locks_exclude(client);
    watches_tell_each_change_once(client);
    swarm_close(client);
}

static void what_was_written_is_there_after_a_reopen(void **state)
{
    const struct place *place = *state;
    struct swarm_client *client = open_url(place->url, NULL);
    char value[16];

    for (int i = 0; i < 5; i++) {
        (void)snprintf(value, sizeof value, "%d", i);
        put(client, "round", value);
        swarm_close(client);
        client = open_url(place->url, NULL);
        expect_got(client, "round", value);
    }
    swarm_close(client);
}

static void a_second_opener_is_refused(void **state)
{
    const struct place *place = *state;
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = open_url(place->url, NULL);
    struct swarm_client *second = NULL;
    char why[160] = "";

    options.url = place->url;
    assert_int_equal(swarm_open(&options, &second, why, sizeof why), SWARM_LOCKED);
    assert_non_null(strstr(why, "in use by process"));
    put(client, "a", "1");
    swarm_close(client);
}

static void clients_of_one_pool_share_a_directory(void **state)
{
    const struct place *place = *state;
    struct swarm_pool *pool = NULL;
    struct swarm_client *first;
    struct swarm_client *second;

    assert_int_equal(swarm_pool_new(&pool), SWARM_OK);
    first = open_url(place->url, pool);
    second = open_url(place->url, pool);
    put(first, "a", "1");
    expect_got(second, "a", "1");
    swarm_close(first);
    put(second, "a", "2");
    expect_got(second, "a", "2");
    swarm_close(second);
    swarm_pool_free(pool);
}

static void a_url_names_what_requests_do_not(void **state)
{
    const struct place *place = *state;
    const struct swarm_scope elsewhere = {
        .tenant = "acme", .name_space = "notes", .partition = "q"};
    char url[TEMP_DIR_SIZE + 96];
    struct swarm_client *client;

    (void)snprintf(url, sizeof url, "%s?tenant=acme&namespace=notes&partition=q", place->url);
    client = open_url(url, NULL);
    assert_int_equal(
        swarm_put(
            client, (struct swarm_scope){.tenant = NULL}, swarm_str("k"), swarm_str("v"), NULL),
        SWARM_OK);
    assert_int_equal(swarm_get(client, elsewhere, swarm_str("k"), NULL), SWARM_OK);
    assert_int_equal(swarm_get(client, scope, swarm_str("k"), NULL), SWARM_NOT_FOUND);
    swarm_close(client);
}

struct pipeline {
    struct swarm_client *client;
    _Atomic uint32_t done, failed;
};

static void on_put(void *arg, struct swarm_result *result)
{
    struct pipeline *pipeline = arg;

    if (result->status != SWARM_OK) {
        atomic_fetch_add(&pipeline->failed, 1);
    }
    swarm_result_free(result);
    atomic_fetch_add(&pipeline->done, 1);
}

static void submit(struct pipeline *pipeline, uint32_t i)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char key[16];

    (void)snprintf(key, sizeof key, "%u", (unsigned)i);
    request.op = SWARM_PUT;
    request.scope = scope;
    request.key = swarm_str(key);
    request.value = swarm_str("value");
    request.deadline_ms = swarm_now_ms() + 600000;
    while (swarm_submit(pipeline->client, &request, on_put, pipeline, NULL, 0) == SWARM_BUSY) {
        (void)usleep(200);
    }
}

static void many_requests_at_once_all_end_well(void **state)
{
    const struct place *place = *state;
    struct pipeline pipeline = {.client = open_url(place->url, NULL)};
    struct swarm_request scan = SWARM_INIT(struct swarm_request);
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record;
    uint32_t count = 0;

    for (uint32_t i = 0; i < MANY; i++) {
        submit(&pipeline, i);
    }
    while (atomic_load(&pipeline.done) < MANY) {
        (void)usleep(1000);
    }
    assert_int_equal(pipeline.failed, 0);
    scan.op = SWARM_SCAN;
    scan.scope = scope;
    assert_int_equal(swarm_cursor_new(pipeline.client, &scan, &cursor), SWARM_OK);
    while (swarm_cursor_next(cursor, &record) == SWARM_OK) {
        count++;
    }
    assert_int_equal(count, MANY);
    swarm_cursor_free(cursor);
    swarm_close(pipeline.client);
}

struct in_order {
    uint64_t last_revision;
    _Atomic uint32_t answered;
};

static void on_ordered(void *arg, struct swarm_result *result)
{
    struct in_order *order = arg;

    assert_int_equal(result->status, SWARM_OK);
    assert_true(result->revision > order->last_revision);
    order->last_revision = result->revision;
    swarm_result_free(result);
    atomic_fetch_add(&order->answered, 1);
}

static void an_ordered_client_reads_what_it_wrote_without_waiting(void **state)
{
    const struct place *place = *state;
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct in_order order = {.last_revision = 0};
    struct swarm_client *client = NULL;
    char text[16];

    options.url = place->url;
    options.flags = SWARM_ORDERED | SWARM_WITHOUT_SESSION;
    assert_int_equal(swarm_open(&options, &client, NULL, 0), SWARM_INVALID);
    options.flags = SWARM_ORDERED;
    assert_int_equal(swarm_open(&options, &client, NULL, 0), SWARM_OK);
    request.op = SWARM_PUT;
    request.scope = scope;
    request.key = swarm_str("counter");
    for (uint32_t i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof text, "%u", (unsigned)i);
        request.value = swarm_str(text);
        assert_int_equal(swarm_submit(client, &request, on_ordered, &order, NULL, 0), SWARM_OK);
    }
    expect_got(client, "counter", "999"); /* submitted behind all of them */
    assert_int_equal(order.answered, 1000);
    swarm_close(client);
}

static void closing_ends_what_is_under_way(void **state)
{
    const struct place *place = *state;
    struct pipeline pipeline = {.client = open_url(place->url, NULL)};

    for (uint32_t i = 0; i < 2000; i++) {
        submit(&pipeline, i);
    }
    swarm_close(pipeline.client);
    assert_int_equal(pipeline.done, 2000);
}

/* The limit on the size of files stands for a disk that fails: what was acknowledged before is
 * there, and nothing is acknowledged after. */
static void nothing_is_acknowledged_after_a_failure_of_the_disk(void **state)
{
    const struct place *place = *state;
    struct swarm_client *client = open_url(place->url, NULL);
    const struct rlimit tiny = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    struct rlimit before;

    put(client, "before", "1");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    assert_int_equal(swarm_put(client, scope, swarm_str("a"), swarm_str("1"), NULL),
                     SWARM_UNKNOWN_OUTCOME);
    assert_int_equal(swarm_put(client, scope, swarm_str("a"), swarm_str("2"), NULL),
                     SWARM_DISK_FULL);
    assert_int_equal(swarm_get(client, scope, swarm_str("before"), NULL), SWARM_DISK_FULL);
    swarm_close(client);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    client = open_url(place->url, NULL);
    expect_got(client, "before", "1");
    swarm_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_of_request_works, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_was_written_is_there_after_a_reopen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_opener_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clients_of_one_pool_share_a_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_url_names_what_requests_do_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_requests_at_once_all_end_well, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_ordered_client_reads_what_it_wrote_without_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_ends_what_is_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            nothing_is_acknowledged_after_a_failure_of_the_disk, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
