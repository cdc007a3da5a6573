/* Proves what the public functions promise without any server: refusals, bounds, one callback for
 * each request whatever happens, closing with requests under way, fork, threads. */
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

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/include/swarm.h"
#include "transport/keyfile_posix.h"

/* Port 9 of loopback: nobody listens there, connections are refused. */
static const char text[] =
    "[swarm]\nid = 00112233445566778899aabbccddeeff\n[client]\nkey_file = client.key\n[nodes]\n"
    "1 = 127.0.0.1:9, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";

struct files {
    char folder[32];
    char config[64];
    char key[64];
};

static int make_files(void **state)
{
    struct files *files = calloc(1, sizeof *files);
    char why[SW_WHY_SIZE] = "";
    struct sw_keypair *keys;
    FILE *file;

    assert_non_null(files);
    assert_int_equal(sw_crypto_init(), SW_ERR_OK);
    (void)snprintf(files->folder, sizeof files->folder, "/tmp/swarm-test-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
    (void)snprintf(files->config, sizeof files->config, "%s/client.conf", files->folder);
    (void)snprintf(files->key, sizeof files->key, "%s/client.key", files->folder);
    file = fopen(files->config, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    keys = sw_secret_new(sizeof *keys);
    sw_keypair_generate(keys);
    assert_int_equal(sw_keyfile_save_secret(files->key, keys, why), SW_ERR_OK);
    sw_secret_free(keys);
    *state = files;
    return 0;
}

static int remove_files(void **state)
{
    struct files *files = *state;

    (void)unlink(files->config);
    (void)unlink(files->key);
    (void)rmdir(files->folder);
    free(files);
    return 0;
}

static struct swarm_client *open_client(void **state, struct swarm_options options)
{
    const struct files *files = *state;
    struct swarm_client *client = NULL;
    char why[SW_WHY_SIZE] = "";

    options.config_path = files->config;
    assert_int_equal(swarm_open(&options, &client, why, sizeof why), SWARM_OK);
    return client;
}

static struct swarm_request get_request(void)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    request.op = SWARM_GET;
    request.key = swarm_str("key");
    request.deadline_ms = swarm_now_ms() + 600000;
    return request;
}

struct counter {
    _Atomic uint32_t cancelled, others;
};

static void count(void *arg, struct swarm_result *result)
{
    struct counter *counter = arg;

    if (result->status == SWARM_CANCELLED) {
        counter->cancelled++;
    } else {
        counter->others++;
    }
    swarm_result_free(result);
}

static void wrong_settings_are_refused_with_a_sentence(void **state)
{
    const struct files *files = *state;
    struct swarm_options options = {0};
    struct swarm_client *client = NULL;
    char why[SW_WHY_SIZE] = "";

    assert_int_equal(swarm_open(&options, &client, why, sizeof why), SWARM_INVALID);
    assert_non_null(strstr(why, "SWARM_INIT"));
    options = SWARM_INIT(struct swarm_options);
    options.config_path = "/nowhere/client.conf";
    assert_int_equal(swarm_open(&options, &client, why, sizeof why), SWARM_CONFIG);
    assert_non_null(strstr(why, "/nowhere"));
    options.config_path = files->config;
    options.flags = 1U << 31;
    assert_int_equal(swarm_open(&options, &client, NULL, 0), SWARM_INVALID);
    assert_null(client);
}

static void wrong_requests_are_refused_at_once(void **state)
{
    struct swarm_client *client = open_client(state, SWARM_INIT(struct swarm_options));
    struct swarm_request request = get_request();
    struct swarm_result *result = NULL;
    struct counter counter = {0};
    char why[SW_WHY_SIZE] = "";

    request.size = 8;
    assert_int_equal(swarm_submit(client, &request, count, &counter, why, sizeof why),
                     SWARM_INVALID);
    request = get_request();
    request.scope.partition = "a b";
    assert_int_equal(swarm_submit(client, &request, count, &counter, why, sizeof why),
                     SWARM_INVALID);
    assert_non_null(strstr(why, "partition"));
    assert_int_equal(swarm_call(client, &request, &result), SWARM_INVALID);
    assert_non_null(strstr(result->detail, "partition"));
    swarm_result_free(result);
    swarm_close(client);
    assert_int_equal(counter.others + counter.cancelled, 0);
}

static void close_ends_what_is_under_way(void **state)
{
    struct swarm_client *client = open_client(state, SWARM_INIT(struct swarm_options));
    const struct swarm_request request = get_request();
    struct counter counter = {0};

    for (int i = 0; i < 100; i++) {
        assert_int_equal(swarm_submit(client, &request, count, &counter, NULL, 0), SWARM_OK);
    }
    swarm_close(client);
    assert_int_equal(counter.cancelled, 100);
    assert_int_equal(counter.others, 0);
}

static void requests_under_way_are_bounded(void **state)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    const struct swarm_request request = get_request();
    struct swarm_client *client;
    struct counter counter = {0};

    options.in_flight_max = 3;
    client = open_client(state, options);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(swarm_submit(client, &request, count, &counter, NULL, 0), SWARM_OK);
    }
    assert_int_equal(swarm_submit(client, &request, count, &counter, NULL, 0), SWARM_BUSY);
    swarm_close(client);
    assert_int_equal(counter.cancelled, 3);
}

static void command_lines_fail_when_nobody_listens(void **state)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    const struct swarm_request request = get_request();
    struct swarm_result *result = NULL;
    struct swarm_client *client;

    options.flags = SWARM_FAIL_WHEN_DOWN;
    client = open_client(state, options);
    assert_int_equal(swarm_call(client, &request, &result), SWARM_UNREACHABLE);
    assert_non_null(strstr(result->detail, "node 1 at 127.0.0.1:9: UNREACHABLE"));
    swarm_result_free(result);
    swarm_close(client);
}

struct waiting {
    struct swarm_client *client;
    sem_t done;
    enum swarm_status inside;
};

static void wait_inside(void *arg, struct swarm_result *result)
{
    struct waiting *waiting = arg;
    const struct swarm_request request = get_request();

    swarm_result_free(result);
    waiting->inside = swarm_call(waiting->client, &request, NULL);
    (void)sem_post(&waiting->done);
}

static void waiting_in_a_callback_is_refused(void **state)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    const struct swarm_request request = get_request();
    struct waiting waiting = {0};

    options.flags = SWARM_FAIL_WHEN_DOWN;
    assert_int_equal(sem_init(&waiting.done, 0, 0), 0);
    waiting.client = open_client(state, options);
    assert_int_equal(swarm_submit(waiting.client, &request, wait_inside, &waiting, NULL, 0),
                     SWARM_OK);
    while (sem_wait(&waiting.done) != 0) {
    }
    assert_int_equal(waiting.inside, SWARM_INVALID);
    swarm_close(waiting.client);
    (void)sem_destroy(&waiting.done);
}

static void child_of_a_fork_is_refused(void **state)
{
    struct swarm_client *client = open_client(state, SWARM_INIT(struct swarm_options));
    const struct swarm_request request = get_request();
    const pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        const enum swarm_status got = swarm_call(client, &request, NULL);

        swarm_close(client); /* does nothing: the thread is not here */
        _exit(got == SWARM_INVALID ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    swarm_close(client);
}

enum { THREADS = 4, EACH = 200, SHORT_CLIENTS = 1000 };

struct submitter {
    struct swarm_client *client;
    struct counter *counter;
};

static void *submit_many(void *arg)
{
    const struct submitter *submitter = arg;
    const struct swarm_request request = get_request();

    for (int i = 0; i < EACH; i++) {
        if (swarm_submit(submitter->client, &request, count, submitter->counter, NULL, 0) !=
            SWARM_OK) {
            submitter->counter->others++;
        }
    }
    return NULL;
}

static void any_thread_may_submit_and_clients_share_a_pool(void **state)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_pool *pool = NULL;
    struct submitter submitters[THREADS];
    pthread_t threads[THREADS];
    struct counter counter = {0};

    assert_int_equal(swarm_pool_new(&pool), SWARM_OK);
    options.pool = pool;
    for (int i = 0; i < THREADS; i++) {
        submitters[i] = (struct submitter){.client = i % 2 == 0 ? open_client(state, options)
                                                                : submitters[i - 1].client,
                                           .counter = &counter};
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &submitters[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < THREADS; i += 2) {
        swarm_close(submitters[i].client);
    }
    swarm_pool_free(pool);
    assert_int_equal(counter.cancelled, THREADS * EACH);
    assert_int_equal(counter.others, 0);
}

/* ZeroMQ lets go of names inside the process later than of the sockets that had them. */
static void a_pool_outlives_many_short_clients(void **state)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_pool *pool = NULL;

    assert_int_equal(swarm_pool_new(&pool), SWARM_OK);
    options.pool = pool;
    for (int i = 0; i < SHORT_CLIENTS; i++) {
        swarm_close(open_client(state, options));
    }
    swarm_pool_free(pool);
}

static void nodes_of_the_settings_are_known(void **state)
{
    struct swarm_client *client = open_client(state, SWARM_INIT(struct swarm_options));
    uint64_t ids[2] = {0};

    assert_int_equal(swarm_nodes(client, ids, 2), 1);
    assert_int_equal(ids[0], 1);
    assert_string_equal(swarm_node_address(client, 1), "127.0.0.1:9");
    assert_null(swarm_node_address(client, 2));
    swarm_close(client);
    swarm_close(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_files, remove_files)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(wrong_settings_are_refused_with_a_sentence),
        CASE(wrong_requests_are_refused_at_once),
        CASE(close_ends_what_is_under_way),
        CASE(requests_under_way_are_bounded),
        CASE(command_lines_fail_when_nobody_listens),
        CASE(waiting_in_a_callback_is_refused),
        CASE(child_of_a_fork_is_refused),
        CASE(any_thread_may_submit_and_clients_share_a_pool),
        CASE(a_pool_outlives_many_short_clients),
        CASE(nodes_of_the_settings_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
