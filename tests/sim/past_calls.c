/* What a key was: one question at a time, and what may be answered. */
#include "tests/sim/past_calls.h"

#include <inttypes.h>

#include "tests/sim/txn_calls.h"

enum { LIMIT_MAX = 6 };

/* Like sim_clients_see, but the client goes on with what it knows of the present. */
static void see(struct sim_client *client, uint64_t at, const struct sw_record *record)
{
    const struct sim_past *past = &client->past;
    const uint64_t present = client->mod_revision[past->key];
    struct sim_running as = {.client = client, .call = past->call};

    sim_clients_see(&as, past->key, at, record);
    client->mod_revision[past->key] = present;
}

static void refused(const struct sim_client *client, const struct sw_reply *reply)
{
    const struct sim_past *past = &client->past;
    struct sim_world *world = client->all->world;

    if (reply->err == SW_ERR_FUTURE_REVISION) {
        sim_fail(world,
                 "time travel: revision %" PRIu64 ", which somebody was told of, is yet to come",
                 past->revision);
    } else if (reply->err == SW_ERR_COMPACTED &&
               (world->plan.change_count_max == 0 || reply->value <= past->revision)) {
        sim_fail(world,
                 "revision %" PRIu64 " is not kept for no reason, all since %" PRIu64 " is",
                 past->revision,
                 reply->value);
    }
}

/* Newest first: the first is what the key was at the revision that was asked about. */
static void take_versions(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_world *world = client->all->world;
    struct sw_reader in = sw_reader_of(reply->records);
    uint64_t at = client->past.revision;

    for (uint32_t i = 0; i < reply->record_count; i++) {
        struct sw_record record;

        if (sw_record_decode(&in, &record) != SW_ERR_OK || record.mod_revision == 0 ||
            record.mod_revision > at) {
            sim_fail(world, "the versions of a key are out of order or broken");
            return;
        }
        see(client, at, record.version == 0 ? NULL : &record);
        at = record.mod_revision - 1;
    }
    if (reply->record_count == 0 && world->plan.change_count_max == 0) {
        see(client, at, NULL);
    }
}

static void take_record(struct sim_client *client, const struct sw_reply *reply)
{
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;

    if (reply->err == SW_ERR_NOT_FOUND) {
        see(client, client->past.revision, NULL);
    } else if (reply->record_count != 1 || sw_record_decode(&in, &record) != SW_ERR_OK) {
        sim_fail(client->all->world, "a get is answered by %u records", reply->record_count);
    } else {
        see(client, client->past.revision, &record);
    }
}

static void done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_past *past = &client->past;

    past->pending = false;
    sim_trace3(client->all->world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               past->call);
    sim_history_end(&client->all->history, past->call, SIM_CALL_DONE, 0, false);
    if (past->list && reply->err == SW_ERR_OK) {
        take_versions(client, reply);
    } else if (!past->list && (reply->err == SW_ERR_OK || reply->err == SW_ERR_NOT_FOUND)) {
        take_record(client, reply);
    } else {
        refused(client, reply);
    }
}

static void submit(struct sim_client *client, struct sw_request request, uint32_t timeout_ms)
{
    struct sim_world *world = client->all->world;
    const struct sw_core_submission submission = {.request = request,
                                                  .deadline_ms = world->now_us / 1000 + timeout_ms,
                                                  .done = done,
                                                  .arg = client};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    sim_trace3(world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_CALL,
               request.op,
               client->past.key,
               client->past.call);
    err = sw_core_submit(client->core, &submission, NULL, why);
    if (err != SW_ERR_OK) {
        sim_fail(world,
                 "client %u may not ask about the past: %s, %s",
                 client->number,
                 sw_err_name(err),
                 why);
    }
    sim_client_poke(client);
}

void sim_past_step(struct sim_client *client, uint32_t timeout_ms)
{
    struct sim_world *world = client->all->world;
    struct sim_history *history = &client->all->history;
    struct sim_past *past = &client->past;
    struct sw_request request = {
        .tenant = sw_span_str("t"), .name_space = sw_span_str("n"), .partition = sw_span_str("p")};
    char name[3];

    if (past->pending || history->revision_max == 0) {
        return;
    }
    *past = (struct sim_past){
        .pending = true,
        .list = sw_prng_chance(&world->prng, 1, 2),
        .key = (uint32_t)sw_prng_below(&world->prng, world->plan.keys),
        .revision = 1 + sw_prng_below(&world->prng, history->revision_max),
    };
    past->call = sim_history_begin(
        history,
        &(struct sim_call){.kind = SIM_CALL_TXN, .client = client->number, .key = SIM_KEY_COUNT});
    request.op = past->list ? SW_OP_HISTORY : SW_OP_GET;
    request.key = sim_key_name(past->key, name);
    request.expected = past->list ? past->revision + 1 : past->revision;
    if (past->list && sw_prng_chance(&world->prng, 1, 2)) {
        request.limit = 1 + (uint32_t)sw_prng_below(&world->prng, LIMIT_MAX);
    }
    submit(client, request, timeout_ms);
}
