/* A client that lives long, beyond the nodes of its settings: member_follower CONFIG puts a key for
 * each line of its input, and prints the name of each status; of a line "?N", whether it reaches
 * node N. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <swarm.h>

enum { TIMEOUT_MS = 30000, LINE_SIZE = 128 };

static enum swarm_status obey(struct swarm_client *client, const char *line)
{
    const struct swarm_scope scope = {.partition = "followed"};

    if (line[0] == '?') {
        return swarm_status_of(client, strtoull(line + 1, NULL, 10), NULL);
    }
    return swarm_put(client, scope, swarm_str(line), swarm_str("followed"), NULL);
}

int main(int argc, char **argv)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;
    char why[160] = "";
    char line[LINE_SIZE];

    if (argc != 2) {
        return 2;
    }
    options.config_path = argv[1];
    options.timeout_ms = TIMEOUT_MS;
    if (swarm_open(&options, &client, why, sizeof why) != SWARM_OK) {
        (void)fprintf(stderr, "%s\n", why);
        return 1;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        (void)puts(swarm_status_name(obey(client, line)));
        (void)fflush(stdout);
    }
    swarm_close(client);
    return 0;
}
