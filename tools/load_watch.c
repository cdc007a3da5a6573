/* One client writes, the others watch: each value is the time at which its put was due, so whoever
 * is told of it knows how long that took. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/load_private.h"

static void on_change(void *arg, const struct swarm_result *result)
{
    struct sw__load_worker *worker = arg;
    const struct sw__load *load = worker->load;
    const uint64_t ended_ns = sw__load_now_ns();

    if (result->status != SWARM_OK && result->status != SWARM_CANCELLED) {
        sw__load_error(&worker->result, result->status);
    }
    for (size_t i = 0; i < result->record_count; i++) {
        uint64_t began_ns = 0;

        if (result->records[i].value.size >= sizeof began_ns) {
            memcpy(&began_ns, result->records[i].value.data, sizeof began_ns);
        }
        if (began_ns >= load->start_ns && began_ns < load->stop_ns) {
            sw__load_success(worker, began_ns, ended_ns);
        }
    }
}

/* All watch everything, or each a key of its own. */
static enum swarm_status
open_watch(struct sw__load *load, size_t number, uint64_t after, struct swarm_watch **ret_watch)
{
    struct swarm_watch_options options = SWARM_INIT(struct swarm_watch_options);
    const size_t client = number % load->client_count;
    char key[SW__LOAD_KEY_SIZE];

    options.scope = sw__load_scope();
    options.after = after;
    if (load->config->kind == SW_LOAD_MAILBOX) {
        options.key = sw__load_key(key, number % load->config->keys);
        options.end_key = (struct swarm_slice){.data = key, .size = options.key.size + 1};
    }
    return swarm_watch_new(load->clients[client],
                           &options,
                           on_change,
                           &load->workers[client % load->config->threads],
                           ret_watch,
                           NULL,
                           0);
}

static enum sw_err open_watches(struct sw__load *load, struct swarm_watch **watches, size_t count)
{
    struct swarm_result *result = NULL;
    enum swarm_status status =
        swarm_get(load->clients[0], sw__load_scope(), swarm_str("touch"), &result);
    const uint64_t after = result == NULL ? 0 : result->revision;

    swarm_result_free(result);
    status = status == SWARM_NOT_FOUND ? SWARM_OK : status;
    for (size_t i = 0; i < count && status == SWARM_OK; i++) {
        status = open_watch(load, i, after, &watches[i]);
    }
    return (enum sw_err)status;
}

/* One write after the other; with a rate each when it is due. */
static void write_times(struct sw__load *load)
{
    const uint64_t begin_ns = sw__load_now_ns();
    char key[SW__LOAD_KEY_SIZE];

    for (uint64_t number = 0;; number++) {
        uint64_t due_ns = sw__load_now_ns();

        if (load->config->rate > 0) {
            due_ns = begin_ns + number * 1000000000 / load->config->rate;
            sw__load_sleep_until(due_ns);
        }
        if (due_ns >= load->stop_ns) {
            return;
        }
        memcpy(load->value, &due_ns, sizeof due_ns);
        (void)swarm_put(load->clients[0],
                        sw__load_scope(),
                        sw__load_key(key, number % load->config->keys),
                        (struct swarm_slice){.data = load->value, .size = load->config->value_size},
                        NULL);
    }
}

enum sw_err sw__load_watch(struct sw__load *load)
{
    const size_t count = (size_t)load->client_count * load->config->in_flight;
    struct swarm_watch **watches = calloc(count, sizeof(struct swarm_watch *));
    enum sw_err err;

    SW_ASSERT(watches != NULL);
    err = open_watches(load, watches, count);
    if (err == SW_ERR_OK) {
        /* Nobody looks at these before there is a change. */
        load->start_ns = sw__load_now_ns() + load->config->warmup_ms * 1000000;
        load->stop_ns = load->start_ns + load->config->duration_ms * 1000000;
        write_times(load);
        sw__load_sleep_until(sw__load_now_ns() + 1000000000); /* the last are on their way */
    }
    for (size_t i = 0; i < count; i++) {
        swarm_watch_free(watches[i]);
    }
    free(watches);
    return err;
}
