/* Puts a value and gets it back: everything a first program needs. */
#include <stdio.h>
#include <swarm.h>

int main(int argc, char **argv)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_scope scope = {.partition = "hello"};
    struct swarm_client *client = NULL;
    struct swarm_result *result = NULL;
    enum swarm_status status;
    char why[160] = "";

    options.config_path = argc > 1 ? argv[1] : NULL;
    status = swarm_open(&options, &client, why, sizeof why);
    if (status != SWARM_OK) {
        fprintf(stderr, "%s: %s\n", swarm_strerror(status), why);
        return 1;
    }
    status = swarm_put(client, scope, swarm_str("greeting"), swarm_str("hello, swarm"), NULL);
    if (status == SWARM_OK) {
        status = swarm_get(client, scope, swarm_str("greeting"), &result);
    }
    if (status == SWARM_OK) {
        const struct swarm_record *record = &result->records[0];

        printf("%.*s\n", (int)record->value.size, (const char *)record->value.data);
    } else {
        fprintf(stderr, "%s: %s\n", swarm_status_name(status), swarm_strerror(status));
    }
    swarm_result_free(result);
    swarm_close(client);
    return status == SWARM_OK ? 0 : 1;
}
