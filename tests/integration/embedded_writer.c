/* A program in embedded mode that writes as fast as it can and says which writes were acknowledged,
 * to be killed: embedded_writer URL FIRST puts keys FIRST, FIRST + 1, ... and prints the number of
 * each one when its answer has come, each number with a write() of its own. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <swarm.h>
#include <unistd.h>

enum { IN_FLIGHT = 200 };

static sem_t room;

static void on_put(void *arg, struct swarm_result *result)
{
    char line[32];
    const int size = snprintf(line, sizeof line, "%zu\n", (size_t)arg);

    if (result->status != SWARM_OK) {
        (void)fprintf(stderr, "%s: %s\n", swarm_status_name(result->status), result->detail);
        exit(1);
    }
    if (write(STDOUT_FILENO, line, (size_t)size) != size) {
        exit(1);
    }
    swarm_result_free(result);
    (void)sem_post(&room);
}

static void put(struct swarm_client *client, size_t number)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char text[32];

    (void)snprintf(text, sizeof text, "%zu", number);
    request.op = SWARM_PUT;
    request.key = swarm_str(text);
    request.value = swarm_str(text);
    if (swarm_submit(client, &request, on_put, (void *)number, NULL, 0) != SWARM_OK) {
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;
    char why[160] = "";
    size_t number;

    if (argc != 3) {
        return 2;
    }
    options.url = argv[1];
    if (swarm_open(&options, &client, why, sizeof why) != SWARM_OK) {
        (void)fprintf(stderr, "%s\n", why);
        return 1;
    }
    (void)sem_init(&room, 0, IN_FLIGHT);
    for (number = strtoul(argv[2], NULL, 10);; number++) {
        while (sem_wait(&room) != 0) {
        }
        put(client, number);
    }
}
