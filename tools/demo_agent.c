/* An agent of the demo: one process on libswarm that writes what it learns and reads the others.
 *
 * It speaks lines on stdout, for tools/demo.py and tools/bench.py; nanoseconds are since 1970, so
 * that they can be compared with the moment of a kill.
 *
 * | arguments              | what it does                | lines                         |
 * |------------------------|-----------------------------|-------------------------------|
 * | run CONFIG AGENT TRACE | appends its lines of TRACE, | wrote STEP REVISION NODE      |
 * |                        | reads all other agents      | ASKED ANSWERED; read N; done  |
 * | found CONFIG AGENT     | reads all of an agent       | REVISION TEXT                 |
 * | tick CONFIG SECONDS    | puts one key after another  | STEP ASKED ANSWERED           |
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <swarm.h>
#include <time.h>

enum {
    AGENT_COUNT_MAX = 16,
    AGENT_NAME_SIZE = 32,
    LINE_COUNT_MAX = 1 << 16,
    LINE_SIZE_MAX = 4096,
    WRITES_BETWEEN_READS = 8,
    PAGE = 512,
    PATIENCE_MS = 30000, /* longer than any failover; a write that takes this long is a failure */
    PAUSE_MS = 10,
};

struct other {
    char name[AGENT_NAME_SIZE];
    uint64_t expected;      /* experiences that the trace holds of it */
    uint64_t read;          /* experiences seen so far */
    uint64_t last_revision; /* of these */
};

struct agent {
    struct swarm_client *client; /* owned by main */
    const char *name;
    char **lines; /* owned: this agent's part of the trace */
    size_t line_count;
    struct other others[AGENT_COUNT_MAX];
    size_t other_count;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void pause_ms(unsigned ms)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)ms * 1000000L};

    (void)nanosleep(&pause, NULL);
}

static int complain(const char *what, enum swarm_status status, const char *detail)
{
    (void)fprintf(stderr, "demo-agent: %s: %s: %s\n", what, swarm_strerror(status), detail);
    return 1;
}

static struct swarm_scope scope_of(const char *agent)
{
    return (struct swarm_scope){.tenant = "demo", .name_space = "experience", .partition = agent};
}

/* ---- the trace ----------------------------------------------------------------------------- */

/* Every line begins with {"agent":"NAME"; that is all an agent needs to understand of it. */
static bool name_of(const char *line, char ret_name[AGENT_NAME_SIZE])
{
    static const char head[] = "{\"agent\":\"";
    const char *start = line + sizeof head - 1;
    const char *end;

    if (strncmp(line, head, sizeof head - 1) != 0) {
        return false;
    }
    end = strchr(start, '"');
    if (end == NULL || end - start >= AGENT_NAME_SIZE) {
        return false;
    }
    memcpy(ret_name, start, (size_t)(end - start));
    ret_name[end - start] = '\0';
    return true;
}

static bool count_other(struct agent *agent, const char *name)
{
    for (size_t i = 0; i < agent->other_count; i++) {
        if (strcmp(agent->others[i].name, name) == 0) {
            agent->others[i].expected++;
            return true;
        }
    }
    if (agent->other_count == AGENT_COUNT_MAX) {
        return false;
    }
    (void)snprintf(agent->others[agent->other_count].name, AGENT_NAME_SIZE, "%s", name);
    agent->others[agent->other_count++].expected = 1;
    return true;
}

static bool take_line(struct agent *agent, const char *line)
{
    char name[AGENT_NAME_SIZE];

    if (!name_of(line, name)) {
        return false;
    }
    if (strcmp(name, agent->name) != 0) {
        return count_other(agent, name);
    }
    if (agent->line_count == LINE_COUNT_MAX) {
        return false;
    }
    agent->lines[agent->line_count] = strdup(line);
    return agent->lines[agent->line_count++] != NULL;
}

static bool load_trace(struct agent *agent, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[LINE_SIZE_MAX];
    bool good = file != NULL;

    agent->lines = calloc(LINE_COUNT_MAX, sizeof agent->lines[0]);
    good = good && agent->lines != NULL;
    while (good && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        good = take_line(agent, line);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return good && agent->line_count > 0;
}

/* ---- writing and reading --------------------------------------------------------------------- */

static int write_one(const struct agent *agent, size_t step)
{
    struct swarm_result *result = NULL;
    const uint64_t asked = now_ns();
    const enum swarm_status status =
        swarm_append(agent->client, scope_of(agent->name), swarm_str(agent->lines[step]), &result);
    int code = 0;

    if (status == SWARM_OK) {
        (void)printf("wrote %zu %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                     step,
                     result->revision,
                     result->node,
                     asked,
                     now_ns());
    } else {
        code = complain("append", status, result != NULL ? result->detail : "");
    }
    swarm_result_free(result);
    return code;
}

/* One page after the other until the end. Revisions must rise: a doubled or reordered experience is
 * a broken promise of the swarm, not something to work around. */
static int read_other(const struct agent *agent, struct other *other)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    bool more = true;

    request.op = SWARM_EXPERIENCE_SCAN;
    request.scope = scope_of(other->name);
    request.limit = PAGE;
    while (more) {
        enum swarm_status status;

        request.expected = other->last_revision;
        status = swarm_call(agent->client, &request, &result);
        if (status != SWARM_OK) {
            const int code = complain("read", status, result != NULL ? result->detail : "");

            swarm_result_free(result);
            return code;
        }
        for (size_t i = 0; i < result->record_count; i++) {
            if (result->records[i].mod_revision <= other->last_revision) {
                swarm_result_free(result);
                return complain("read", SWARM_CORRUPT, "revisions do not rise");
            }
            other->last_revision = result->records[i].mod_revision;
            other->read++;
        }
        more = result->more;
        swarm_result_free(result);
        result = NULL;
    }
    return 0;
}

static int read_others(struct agent *agent, bool *ret_complete)
{
    uint64_t sum = 0;

    *ret_complete = true;
    for (size_t i = 0; i < agent->other_count; i++) {
        struct other *other = &agent->others[i];

        if (other->read < other->expected && read_other(agent, other) != 0) {
            return 1;
        }
        sum += other->read;
        *ret_complete = *ret_complete && other->read >= other->expected;
    }
    (void)printf("read %" PRIu64 "\n", sum);
    return 0;
}

static int work(struct agent *agent)
{
    bool complete = false;

    for (size_t step = 0; step < agent->line_count; step++) {
        if (write_one(agent, step) != 0) {
            return 1;
        }
        if (step % WRITES_BETWEEN_READS == 0 && read_others(agent, &complete) != 0) {
            return 1;
        }
    }
    for (;;) {
        if (read_others(agent, &complete) != 0) {
            return 1;
        }
        if (complete) {
            (void)printf("done\n");
            return 0;
        }
        pause_ms(PAUSE_MS);
    }
}

static int run(struct swarm_client *client, const char *name, const char *trace)
{
    struct agent agent = {.client = client, .name = name};
    int code = 1;

    if (load_trace(&agent, trace)) {
        code = work(&agent);
    } else {
        (void)fprintf(stderr, "demo-agent: %s is not a trace with lines of %s\n", trace, name);
    }
    for (size_t i = 0; i < agent.line_count; i++) {
        free(agent.lines[i]);
    }
    free(agent.lines);
    return code;
}

static int found(struct swarm_client *client, const char *name)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_cursor *cursor = NULL;
    const struct swarm_record *record = NULL;
    enum swarm_status status;

    request.op = SWARM_EXPERIENCE_SCAN;
    request.scope = scope_of(name);
    request.limit = PAGE;
    status = swarm_cursor_new(client, &request, &cursor);
    while (status == SWARM_OK) {
        status = swarm_cursor_next(cursor, &record);
        if (status == SWARM_OK) {
            (void)printf("%" PRIu64 " %.*s\n",
                         record->mod_revision,
                         (int)record->value.size,
                         (const char *)record->value.data);
        }
    }
    if (status != SWARM_NOT_FOUND) {
        (void)complain("read back", status, cursor != NULL ? swarm_cursor_detail(cursor) : "");
    }
    swarm_cursor_free(cursor);
    return status == SWARM_NOT_FOUND ? 0 : 1;
}

static int tick(struct swarm_client *client, const char *seconds)
{
    const uint64_t end = now_ns() + strtoull(seconds, NULL, 10) * 1000000000U;
    char key[32];

    for (unsigned step = 0; now_ns() < end; step++) {
        const uint64_t asked = now_ns();
        struct swarm_result *result = NULL;
        enum swarm_status status;

        (void)snprintf(key, sizeof key, "bench/%012u", step);
        status = swarm_put(client, scope_of("tick"), swarm_str(key), swarm_str(key), &result);
        if (status != SWARM_OK) {
            const int code = complain("put", status, result != NULL ? result->detail : "");

            swarm_result_free(result);
            return code;
        }
        swarm_result_free(result);
        (void)printf("%u %" PRIu64 " %" PRIu64 "\n", step, asked, now_ns());
        pause_ms(2);
    }
    return 0;
}

static int dispatch(struct swarm_client *client, int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "run") == 0) {
        return run(client, argv[3], argv[4]);
    }
    if (argc == 4 && strcmp(argv[1], "found") == 0) {
        return found(client, argv[3]);
    }
    if (argc == 4 && strcmp(argv[1], "tick") == 0) {
        return tick(client, argv[3]);
    }
    (void)fprintf(stderr, "demo-agent: cannot do `%s`\n", argv[1]);
    return 2;
}

int main(int argc, char **argv)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct swarm_client *client = NULL;
    enum swarm_status status;
    char why[256] = "";
    int code;

    if (argc < 4) {
        (void)fprintf(stderr, "usage: demo-agent run|found|tick CONFIG AGENT|SECONDS [TRACE]\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    options.config_path = argv[2];
    options.timeout_ms = PATIENCE_MS;
    options.attempt_timeout_ms = 100;
    options.attempts_max = 1000; /* the deadline is the bound */
    status = swarm_open(&options, &client, why, sizeof why);
    if (status != SWARM_OK) {
        return complain("open", status, why);
    }
    code = dispatch(client, argc, argv);
    swarm_close(client);
    return code;
}
