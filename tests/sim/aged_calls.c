/* One question at a time, and how old its answer may be. */
#include "tests/sim/aged_calls.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "tests/sim/txn_calls.h"

void sim_aged_note(struct sim_clients *clients)
{
    struct sim_told_by *told = &clients->told_by;
    const uint64_t revision = clients->history.revision_max;

    if (told->count > 0 && told->items[told->count - 1].revision == revision) {
        return;
    }
    if (told->count == told->capacity) {
        told->capacity = told->capacity == 0 ? 256 : told->capacity * 2;
        told->items = realloc(told->items, told->capacity * sizeof *told->items);
        SW_ASSERT(told->items != NULL);
    }
    told->items[told->count++] =
        (struct sim_told_at){.us = clients->world->now_us, .revision = revision};
}

/* The highest revision that somebody had been told of by then. */
static uint64_t told_by(const struct sim_clients *clients, uint64_t us)
{
    const struct sim_told_by *told = &clients->told_by;

    for (size_t i = told->count; i > 0; i--) {
        if (told->items[i - 1].us <= us) {
            return told->items[i - 1].revision;
        }
    }
    return 0;
}

static void check_age(const struct sim_client *client, const struct sw_reply *reply)
{
    const struct sim_aged *aged = &client->aged;
    const uint64_t age_us = (uint64_t)reply->age_ms * 1000;
    const uint64_t as_of_us = aged->began_us > age_us ? aged->began_us - age_us : 0;
    const uint64_t wanted = told_by(client->all, as_of_us);
    struct sim_world *world = client->all->world;

    if (reply->age_ms > aged->max_age_ms) {
        sim_fail(world,
                 "client %u gets a state %" PRIu32 " ms old and wants none over %" PRIu32,
                 client->number,
                 reply->age_ms,
                 aged->max_age_ms);
    } else if (reply->revision < wanted) {
        sim_fail(world,
                 "time travel: client %u gets revision %" PRIu64 ", said to be %" PRIu32
                 " ms old at most, when somebody had been told of revision %" PRIu64,
                 client->number,
                 reply->revision,
                 reply->age_ms,
                 wanted);
    } else if (reply->revision < aged->min_revision || reply->revision < aged->seen) {
        sim_fail(world,
                 "time travel: client %u gets revision %" PRIu64 " after %" PRIu64
                 ", and asked for %" PRIu64 " at least",
                 client->number,
                 reply->revision,
                 aged->seen,
                 aged->min_revision);
    }
}

/* Like sim_clients_see, but the client goes on with what it knows of the present. */
static void see(struct sim_client *client, uint64_t at, const struct sw_record *record)
{
    const struct sim_aged *aged = &client->aged;
    const uint64_t present = client->mod_revision[aged->key];
    struct sim_running as = {.client = client, .call = aged->call};

    sim_clients_see(&as, aged->key, at, record);
    client->mod_revision[aged->key] = present;
}

static void done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_aged *aged = &client->aged;
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;

    aged->pending = false;
    sim_trace3(client->all->world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               aged->call);
    sim_history_end(&client->all->history, aged->call, SIM_CALL_DONE, 0, false);
    if (reply->err != SW_ERR_OK && reply->err != SW_ERR_NOT_FOUND) {
        return;
    }
    check_age(client, reply);
    aged->seen = reply->revision;
    if (reply->err == SW_ERR_NOT_FOUND) {
        see(client, reply->revision, NULL);
    } else if (reply->record_count != 1 || sw_record_decode(&in, &record) != SW_ERR_OK) {
        sim_fail(client->all->world, "a get is answered by %u records", reply->record_count);
    } else {
        see(client, reply->revision, &record);
    }
}

void sim_aged_step(struct sim_client *client, uint32_t timeout_ms)
{
    static const uint32_t ages[4] = {5, 50, 500, 5000};
    struct sim_world *world = client->all->world;
    struct sim_history *history = &client->all->history;
    struct sim_aged *aged = &client->aged;
    struct sw_core_submission submission = {.request = {.op = SW_OP_GET,
                                                        .tenant = sw_span_str("t"),
                                                        .name_space = sw_span_str("n"),
                                                        .partition = sw_span_str("p")},
                                            .deadline_ms = world->now_us / 1000 + timeout_ms,
                                            .done = done,
                                            .arg = client};
    char why[SW_WHY_SIZE] = "";
    char name[3];
    enum sw_err err;

    if (aged->pending) {
        return;
    }
    *aged = (struct sim_aged){
        .pending = true,
        .key = (uint32_t)sw_prng_below(&world->prng, world->plan.keys),
        .max_age_ms = ages[sw_prng_below(&world->prng, 4)],
        .min_revision = sw_prng_chance(&world->prng, 1, 3) ? history->revision_max : 0,
        .seen = aged->seen,
        .began_us = world->now_us,
    };
    aged->call = sim_history_begin(
        history,
        &(struct sim_call){.kind = SIM_CALL_TXN, .client = client->number, .key = SIM_KEY_COUNT});
    submission.request.key = sim_key_name(aged->key, name);
    submission.request.max_age_ms = aged->max_age_ms;
    submission.request.min_revision = aged->min_revision;
    sim_trace3(world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_CALL,
               SW_OP_GET,
               aged->key,
               aged->call);
    err = sw_core_submit(client->core, &submission, NULL, why);
    if (err != SW_ERR_OK) {
        sim_fail(world, "client %u may not read: %s, %s", client->number, sw_err_name(err), why);
    }
    sim_client_poke(client);
}

void sim_aged_release(struct sim_clients *clients)
{
    free(clients->told_by.items);
    clients->told_by = (struct sim_told_by){0};
}
