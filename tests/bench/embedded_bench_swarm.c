/* Embedded mode in the bench: through swarm.h alone, as any program would; with the client's
 * thread, and on a loop of the caller's own. */
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "client/include/swarm.h"
#include "tests/bench/embedded_bench.h"

enum { IN_FLIGHT = 1000 };

struct store {
    struct swarm_client *client;
    sem_t room;
    _Atomic uint64_t acknowledged;
};

static const struct swarm_scope scope = {.partition = "bench"};

static void *open_with(const char *folder, uint32_t flags)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct store *store = calloc(1, sizeof *store);
    char url[512];
    char why[160] = "";

    SW_ASSERT(store != NULL);
    (void)snprintf(url, sizeof url, "file:%s", folder);
    options.url = url;
    options.flags = flags;
    if (swarm_open(&options, &store->client, why, sizeof why) != SWARM_OK) {
        (void)fprintf(stderr, "%s\n", why);
        abort();
    }
    SW_ASSERT(sem_init(&store->room, 0, IN_FLIGHT) == 0);
    return store;
}

static void *open_threaded(const char *folder)
{
    return open_with(folder, 0);
}

static void *open_loop(const char *folder)
{
    return open_with(folder, SWARM_OWN_LOOP);
}

static void close_store(void *arg)
{
    struct store *store = arg;

    swarm_close(store->client);
    (void)sem_destroy(&store->room);
    free(store);
}

static struct swarm_slice slice(const uint8_t *data, size_t size)
{
    return (struct swarm_slice){.data = data, .size = size};
}

static void put(void *arg, const uint8_t *key, const uint8_t *value)
{
    struct store *store = arg;
    const enum swarm_status status = swarm_put(store->client,
                                               scope,
                                               slice(key, SW_BENCH_KEY_SIZE),
                                               slice(value, SW_BENCH_VALUE_SIZE),
                                               NULL);

    SW_ASSERT(status == SWARM_OK);
}

static void on_put(void *arg, struct swarm_result *result)
{
    struct store *store = arg;

    SW_ASSERT(result->status == SWARM_OK);
    swarm_result_free(result);
    atomic_fetch_add(&store->acknowledged, 1);
    (void)sem_post(&store->room);
}

static void take_room(struct store *store)
{
    struct pollfd polled = {.fd = swarm_fd(store->client), .events = POLLIN};

    if (polled.fd < 0) {
        while (sem_wait(&store->room) != 0) { /* a signal came between */
        }
        return;
    }
    while (sem_trywait(&store->room) != 0) {
        (void)poll(&polled, 1, swarm_timeout_ms(store->client));
        (void)swarm_process(store->client);
    }
}

static uint64_t pipeline(void *arg, bool (*over)(void *arg), void *over_arg)
{
    struct store *store = arg;
    uint64_t i = 0;

    atomic_store(&store->acknowledged, 0);
    for (; i % 64 != 0 || !over(over_arg); i++) {
        struct swarm_request request = SWARM_INIT(struct swarm_request);
        uint8_t key[SW_BENCH_KEY_SIZE];
        enum swarm_status status;

        sw_bench_key(i, key);
        request.op = SWARM_PUT;
        request.scope = scope;
        request.key = slice(key, SW_BENCH_KEY_SIZE);
        request.value = slice(sw_bench_value, SW_BENCH_VALUE_SIZE);
        take_room(store);
        status = swarm_submit(store->client, &request, on_put, store, NULL, 0);
        SW_ASSERT(status == SWARM_OK);
    }
    for (int j = 0; j < IN_FLIGHT; j++) {
        take_room(store);
    }
    for (int j = 0; j < IN_FLIGHT; j++) {
        (void)sem_post(&store->room);
    }
    SW_ASSERT(store->acknowledged == i);
    return i;
}

static bool get(void *arg, const uint8_t *key)
{
    struct store *store = arg;

    return swarm_get(store->client, scope, slice(key, SW_BENCH_KEY_SIZE), NULL) == SWARM_OK;
}

const struct sw_bench_store sw_bench_swarm = {.name = "swarm",
                                              .open = open_threaded,
                                              .close = close_store,
                                              .put = put,
                                              .pipeline = pipeline,
                                              .get = get};
const struct sw_bench_store sw_bench_swarm_loop = {.name = "swarm-loop",
                                                   .open = open_loop,
                                                   .close = close_store,
                                                   .put = put,
                                                   .pipeline = pipeline,
                                                   .get = get};
