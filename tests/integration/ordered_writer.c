/* An ordered client that writes as fast as it can: ordered_writer CONFIG SECONDS puts keys 1, 2,
 * ... with a hundred under way, and prints "NUMBER STATUS REVISION" for each answer. What the swarm
 * has in the end says in which order they ran. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <swarm.h>

enum { IN_FLIGHT = 100, TIMEOUT_MS = 60000 };

static sem_t room;

static void on_put(void *arg, struct swarm_result *result)
{
    (void)printf("%zu %s %llu\n",
                 (size_t)arg,
                 swarm_status_name(result->status),
                 (unsigned long long)result->revision);
    swarm_result_free(result);
    (void)sem_post(&room);
}

static void put(struct swarm_client *client, size_t number)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char text[32];

    (void)snprintf(text, sizeof text, "%zu", number);
    request.op = SWARM_PUT;
    request.scope.partition = "ordered";
    request.key = swarm_str(text);
    request.value = swarm_str(text);
    if (swarm_submit(client, &request, on_put, (void *)number, NULL, 0) != SWARM_OK) {
        exit(1);
    }
}

static void take_room(void)
{
    while (sem_wait(&room) != 0) {
    }
}

int main(int argc, char **argv)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;
    char why[160] = "";
    uint64_t until_ms;

    if (argc != 3) {
        return 2;
    }
    options.config_path = argv[1];
    options.timeout_ms = TIMEOUT_MS;
    options.flags = SWARM_ORDERED;
    if (swarm_open(&options, &client, why, sizeof why) != SWARM_OK) {
        (void)fprintf(stderr, "%s\n", why);
        return 1;
    }
    (void)sem_init(&room, 0, IN_FLIGHT);
    until_ms = swarm_now_ms() + strtoul(argv[2], NULL, 10) * 1000;
    for (size_t number = 1; swarm_now_ms() < until_ms; number++) {
        take_room();
        put(client, number);
    }
    for (int i = 0; i < IN_FLIGHT; i++) {
        take_room();
    }
    swarm_close(client);
    return 0;
}
