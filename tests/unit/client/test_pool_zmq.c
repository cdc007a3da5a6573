/* A client without a thread, in embedded mode and with a swarm that is not there: callbacks come on
 * the thread of the loop and from nowhere else, libuv needs nothing but descriptor and timeout, and
 * waiting on the owner's thread serves the client. With a thread: tests/integration/test_cli.py. */
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

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include <uv.h>

#include "client/include/swarm.h"
#include "tests/unit/storage/temp_dir.h"
#include "transport/keyfile_posix.h"

enum { PUTS = 200, TURNS_MAX = 100000 };

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

static struct swarm_client *open_url(const char *url)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;
    char why[160] = "";

    options.url = url;
    options.flags = SWARM_OWN_LOOP;
    options.timeout_ms = 600000;
    if (swarm_open(&options, &client, why, sizeof why) != SWARM_OK) {
        fail_msg("%s", why);
    }
    return client;
}

struct counter {
    struct swarm_client *client;
    pthread_t thread;
    uint32_t ended, well, again;
    bool processing;
};

static bool submit(struct counter *counter, swarm_callback callback)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = SWARM_PUT;
    request.key = swarm_str("key");
    request.value = swarm_str("value");
    return swarm_submit(counter->client, &request, callback, counter, NULL, 0) == SWARM_OK;
}

static void on_put(void *arg, struct swarm_result *result)
{
    struct counter *counter = arg;

    assert_true(pthread_equal(pthread_self(), counter->thread));
    assert_true(counter->processing);
    assert_int_equal(swarm_process(counter->client), SWARM_INVALID); /* no turn inside of a turn */
    assert_int_equal(swarm_get(counter->client, (struct swarm_scope){NULL}, swarm_str("key"), NULL),
                     SWARM_INVALID); /* nor any waiting */
    counter->ended++;
    counter->well += result->status == SWARM_OK;
    swarm_result_free(result);
    if (counter->again > 0) {
        counter->again--;
        assert_true(submit(counter, on_put));
    }
}

static void process(struct counter *counter)
{
    counter->processing = true;
    assert_int_equal(swarm_process(counter->client), SWARM_OK);
    counter->processing = false;
}

static void callbacks_come_from_process_alone(void **state)
{
    const struct place *place = *state;
    struct counter counter = {
        .client = open_url(place->url), .thread = pthread_self(), .again = PUTS};

    for (int i = 0; i < PUTS; i++) {
        assert_true(submit(&counter, on_put));
    }
    for (int i = 0; counter.ended < 2 * PUTS && i < TURNS_MAX; i++) {
        struct pollfd polled = {.fd = swarm_fd(counter.client), .events = POLLIN};

        (void)poll(&polled, 1, swarm_timeout_ms(counter.client));
        process(&counter);
    }
    assert_int_equal(counter.well, 2 * PUTS);
    swarm_close(counter.client);
}

/* ---- libuv ----------------------------------------------------------------------------------- */

struct uv_program {
    struct counter counter; /* first */
    uv_poll_t poll;
    uv_timer_t timer;
    uv_prepare_t prepare;
};

static void serve(struct uv_program *program)
{
    process(&program->counter);
    if (program->counter.ended == 2 * PUTS) {
        uv_close((uv_handle_t *)&program->poll, NULL);
        uv_close((uv_handle_t *)&program->timer, NULL);
        uv_close((uv_handle_t *)&program->prepare, NULL);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    assert_int_equal(status, 0);
    (void)events;
    serve(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
    serve(timer->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct uv_program *program = prepare->data;
    const int timeout_ms = swarm_timeout_ms(program->counter.client);

    assert_true(timeout_ms >= 0);
    uv_update_time(prepare->loop);
    assert_int_equal(uv_timer_start(&program->timer, on_timer, (uint64_t)timeout_ms, 0), 0);
}

static void a_libuv_loop_serves_it(void **state)
{
    const struct place *place = *state;
    struct uv_program program = {
        .counter = {.client = open_url(place->url), .thread = pthread_self(), .again = PUTS}};
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_poll_init(&loop, &program.poll, swarm_fd(program.counter.client)), 0);
    assert_int_equal(uv_timer_init(&loop, &program.timer), 0);
    assert_int_equal(uv_prepare_init(&loop, &program.prepare), 0);
    program.poll.data = &program;
    program.timer.data = &program;
    program.prepare.data = &program;
    assert_int_equal(uv_poll_start(&program.poll, UV_READABLE, on_readable), 0);
    assert_int_equal(uv_prepare_start(&program.prepare, on_prepare), 0);
    for (int i = 0; i < PUTS; i++) {
        assert_true(submit(&program.counter, on_put));
    }
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(program.counter.well, 2 * PUTS);
    assert_int_equal(uv_loop_close(&loop), 0);
    swarm_close(program.counter.client);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void the_owner_serves_while_it_waits(void **state)
{
    const struct place *place = *state;
    struct swarm_client *client = open_url(place->url);
    struct swarm_result *result = NULL;
    const struct swarm_scope scope = {NULL};

    assert_int_equal(swarm_put(client, scope, swarm_str("a"), swarm_str("1"), NULL), SWARM_OK);
    assert_int_equal(swarm_get(client, scope, swarm_str("a"), &result), SWARM_OK);
    assert_int_equal(result->record_count, 1);
    swarm_result_free(result);
    swarm_close(client);
}

struct other {
    struct swarm_client *client;
    _Atomic bool ended;
    enum swarm_status process_status, put_status;
};

static void *other_main(void *arg)
{
    struct other *other = arg;

    other->process_status = swarm_process(other->client); /* not its owner */
    other->put_status =
        swarm_put(other->client, (struct swarm_scope){NULL}, swarm_str("a"), swarm_str("1"), NULL);
    atomic_store(&other->ended, true);
    return NULL;
}

static void another_thread_waits_for_the_loop(void **state)
{
    const struct place *place = *state;
    struct other other = {.client = open_url(place->url)};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, other_main, &other), 0);
    while (!atomic_load(&other.ended)) {
        struct pollfd polled = {.fd = swarm_fd(other.client), .events = POLLIN};
        const int wait_ms = swarm_timeout_ms(other.client);

        (void)poll(&polled, 1, wait_ms < 20 ? wait_ms : 20);
        assert_int_equal(swarm_process(other.client), SWARM_OK);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(other.process_status, SWARM_INVALID);
    assert_int_equal(other.put_status, SWARM_OK);
    swarm_close(other.client);
}

static void on_end(void *arg, struct swarm_result *result)
{
    struct counter *counter = arg;

    counter->ended++;
    swarm_result_free(result);
}

static void closing_ends_what_is_under_way(void **state)
{
    const struct place *place = *state;
    struct counter counter = {.client = open_url(place->url)};

    for (int i = 0; i < PUTS; i++) {
        assert_true(submit(&counter, on_end));
    }
    swarm_close(counter.client);
    assert_int_equal(counter.ended, PUTS);
}

static void a_pool_with_a_thread_is_refused(void **state)
{
    const struct place *place = *state;
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;

    options.url = place->url;
    options.flags = SWARM_OWN_LOOP;
    assert_int_equal(swarm_pool_new(&options.pool), SWARM_OK);
    assert_int_equal(swarm_open(&options, &client, NULL, 0), SWARM_INVALID);
    options.flags = 0;
    assert_int_equal(swarm_open(&options, &client, NULL, 0), SWARM_OK);
    assert_int_equal(swarm_fd(client), -1);
    assert_int_equal(swarm_timeout_ms(client), -1);
    assert_int_equal(swarm_process(client), SWARM_INVALID);
    swarm_close(client);
    swarm_pool_free(options.pool);
}

/* ---- a swarm that is not there --------------------------------------------------------------- */

static void make_settings(const struct place *place, char *config, size_t size)
{
    static const char text[] =
        "[swarm]\nid = 00112233445566778899aabbccddeeff\n[client]\nkey_file = client.key\n[nodes]\n"
        "1 = 127.0.0.1:9, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
    char why[SW_WHY_SIZE] = "";
    char key[TEMP_DIR_SIZE + 32];
    struct sw_keypair *keys;
    FILE *file;

    assert_int_equal(sw_crypto_init(), SW_ERR_OK);
    (void)snprintf(config, size, "%s/client.conf", place->root);
    (void)snprintf(key, sizeof key, "%s/client.key", place->root);
    file = fopen(config, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    keys = sw_secret_new(sizeof *keys);
    sw_keypair_generate(keys);
    assert_int_equal(sw_keyfile_save_secret(key, keys, why), SW_ERR_OK);
    sw_secret_free(keys);
}

static void sockets_are_served_by_the_loop_too(void **state)
{
    const struct place *place = *state;
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;
    char config[TEMP_DIR_SIZE + 32];

    make_settings(place, config, sizeof config);
    options.config_path = config;
    options.flags = SWARM_OWN_LOOP | SWARM_FAIL_WHEN_DOWN;
    assert_int_equal(swarm_open(&options, &client, NULL, 0), SWARM_OK);
    assert_int_equal(swarm_get(client, (struct swarm_scope){NULL}, swarm_str("a"), NULL),
                     SWARM_UNREACHABLE);
    swarm_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(callbacks_come_from_process_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_libuv_loop_serves_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_owner_serves_while_it_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_thread_waits_for_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_ends_what_is_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pool_with_a_thread_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sockets_are_served_by_the_loop_too, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
