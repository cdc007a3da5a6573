/* A client on a libuv loop of the program's own: no thread of the library, callbacks come from the
 * loop. Takes a URL, such as file:DIR; puts ten values and ends when all are acknowledged. */
#include <stdio.h>
#include <swarm.h>

#include <uv.h>

enum { PUTS = 10 };

struct program {
    struct swarm_client *client;
    uv_poll_t poll;       /* the client's descriptor is readable */
    uv_timer_t timer;     /* or its time has come */
    uv_prepare_t prepare; /* which is asked for before each wait */
    int answered;
};

static void on_put(void *arg, struct swarm_result *result)
{
    struct program *program = arg;

    printf("%s at revision %llu\n",
           swarm_status_name(result->status),
           (unsigned long long)result->revision);
    swarm_result_free(result);
    program->answered++;
}

static void serve(struct program *program)
{
    (void)swarm_process(program->client);
    if (program->answered == PUTS) { /* nothing is left that keeps the loop alive */
        uv_close((uv_handle_t *)&program->poll, NULL);
        uv_close((uv_handle_t *)&program->timer, NULL);
        uv_close((uv_handle_t *)&program->prepare, NULL);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    serve(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
    serve(timer->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct program *program = prepare->data;

    uv_update_time(prepare->loop);
    (void)uv_timer_start(&program->timer, on_timer, (uint64_t)swarm_timeout_ms(program->client), 0);
}

static void watch(struct program *program, uv_loop_t *loop)
{
    (void)uv_poll_init(loop, &program->poll, swarm_fd(program->client));
    (void)uv_timer_init(loop, &program->timer);
    (void)uv_prepare_init(loop, &program->prepare);
    program->poll.data = program;
    program->timer.data = program;
    program->prepare.data = program;
    (void)uv_poll_start(&program->poll, UV_READABLE, on_readable);
    (void)uv_prepare_start(&program->prepare, on_prepare);
}

static void put(struct program *program, int number)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    char key[16];

    (void)snprintf(key, sizeof key, "key-%d", number);
    request.op = SWARM_PUT;
    request.key = swarm_str(key);
    request.value = swarm_str("value");
    if (swarm_submit(program->client, &request, on_put, program, NULL, 0) != SWARM_OK) {
        program->answered++;
    }
}

int main(int argc, char **argv)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct program program = {.answered = 0};
    char why[160] = "";

    options.url = argc > 1 ? argv[1] : NULL;
    options.flags = SWARM_OWN_LOOP;
    if (swarm_open(&options, &program.client, why, sizeof why) != SWARM_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    watch(&program, uv_default_loop());
    for (int i = 0; i < PUTS; i++) {
        put(&program, i);
    }
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    swarm_close(program.client);
    return uv_loop_close(uv_default_loop()) == 0 ? 0 : 1;
}
