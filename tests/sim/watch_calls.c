/* What a watcher is told, one page after another. */
#include "tests/sim/watch_calls.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "tests/sim/txn_calls.h"

/* Every second client watches one key, as most agents do; the others all keys. */
static uint32_t only_key(const struct sim_client *client)
{
    const uint32_t key = client->number / 2 % SIM_KEY_COUNT;

    return client->number % 2 == 1 || key == SIM_KEY_EXPERIENCE ? (uint32_t)SIM_KEY_COUNT : key;
}

static void keep(struct sim_watch *watch, uint32_t key, uint64_t revision)
{
    if (watch->told_count == watch->told_capacity) {
        watch->told_capacity = watch->told_capacity == 0 ? 256 : watch->told_capacity * 2;
        watch->told = realloc(watch->told, watch->told_capacity * sizeof(*watch->told));
        SW_ASSERT(watch->told != NULL);
    }
    watch->told[watch->told_count++] = (struct sim_told){.key = key, .revision = revision};
}

static bool told_already(const struct sim_watch *watch, uint32_t key, uint64_t revision)
{
    for (size_t i = watch->told_count; i > 0 && watch->told[i - 1].revision == revision; i--) {
        if (watch->told[i - 1].key == key) {
            return true;
        }
    }
    return false;
}

/* The write of that revision, if a single one has been answered with it, had that depth. */
static void judge_depth(struct sim_client *client, const struct sw_record *record, uint8_t depth)
{
    const struct sim_history *history = &client->all->history;
    const uint64_t call = record->value.size < 8 ? 0 : sw_load_u64(record->value.data) - 1;
    uint64_t asked; /* its transaction, if it is one of a group */

    if (record->version == 0 || record->value.size < 8 || call >= history->call_count ||
        (history->calls[call].kind != SIM_CALL_PUT && history->calls[call].kind != SIM_CALL_CAS) ||
        history->calls[call].revision != record->mod_revision) {
        return;
    }
    asked = history->calls[call].group > 0 ? history->calls[call].group - 1 : call;
    if (depth != sim_clients_depth(asked)) {
        sim_fail(client->all->world,
                 "call %" PRIu64 " had depth %u, and its change is told with depth %u",
                 call,
                 sim_clients_depth(asked),
                 depth);
    }
}

static void take_change(struct sim_client *client, const struct sw_record *record)
{
    struct sim_watch *watch = &client->watch;
    struct sim_running as = {.client = client, .call = watch->call};
    const uint32_t key = sim_clients_key(record->key);
    const uint64_t last = watch->told_count == 0 ? 0 : watch->told[watch->told_count - 1].revision;

    if (only_key(client) != SIM_KEY_COUNT && only_key(client) != key) {
        sim_fail(client->all->world,
                 "client %u watches key %u and is told of key %u",
                 client->number,
                 only_key(client),
                 key);
        return;
    }
    if (key == SIM_KEY_COUNT || record->mod_revision <= watch->after ||
        record->mod_revision < last || told_already(watch, key, record->mod_revision)) {
        sim_fail(client->all->world,
                 "time travel: the watch of client %u stands at revision %" PRIu64
                 " and is told of key %u at revision %" PRIu64 ", after revision %" PRIu64,
                 client->number,
                 watch->after,
                 key,
                 record->mod_revision,
                 last);
        return;
    }
    keep(watch, key, record->mod_revision);
    sim_clients_see(&as, key, record->mod_revision, record->version == 0 ? NULL : record);
}

/* Told that the oldest of what comes next is not kept: it goes on from what it could read now. */
static void resync(struct sim_client *client, uint64_t revision)
{
    struct sim_watch *watch = &client->watch;
    struct sim_world *world = client->all->world;

    if (world->plan.change_count_max == 0 || revision <= watch->after) {
        sim_fail(world,
                 "the watch of client %u stands at revision %" PRIu64
                 " and is told for no reason to begin anew at revision %" PRIu64,
                 client->number,
                 watch->after,
                 revision);
        return;
    }
    watch->gaps = realloc(watch->gaps, (watch->gap_count + 1) * sizeof(*watch->gaps));
    SW_ASSERT(watch->gaps != NULL);
    watch->gaps[watch->gap_count++] = (struct sim_gap){.after = watch->after, .upto = revision};
    watch->after = revision;
}

static void done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_watch *watch = &client->watch;
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;

    watch->pending = false;
    sim_trace3(client->all->world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               watch->call);
    sim_history_end(&client->all->history, watch->call, SIM_CALL_DONE, 0, false);
    if (reply->err == SW_ERR_RESYNC) {
        resync(client, reply->revision);
    }
    if (reply->err != SW_ERR_OK) {
        return; /* it stands where it stood */
    }
    for (uint32_t i = 0; i < reply->record_count; i++) {
        if (sw_record_decode(&in, &record) != SW_ERR_OK) {
            sim_fail(client->all->world, "a watch is told what does not decode");
            return;
        }
        take_change(client, &record);
        judge_depth(client, &record, i < reply->detail.size ? reply->detail.data[i] : 0);
    }
    if (reply->revision < watch->after) {
        sim_fail(client->all->world,
                 "time travel: the watch of client %u stood at revision %" PRIu64
                 " and is to go on from revision %" PRIu64,
                 client->number,
                 watch->after,
                 reply->revision);
    }
    watch->after = reply->revision;
}

void sim_watch_step(struct sim_client *client, uint32_t timeout_ms)
{
    struct sim_world *world = client->all->world;
    struct sim_watch *watch = &client->watch;
    struct sw_core_submission submission = {.request = {.op = SW_OP_WATCH,
                                                        .tenant = sw_span_str("t"),
                                                        .name_space = sw_span_str("n"),
                                                        .partition = sw_span_str("p"),
                                                        .expected = watch->after},
                                            .deadline_ms = world->now_us / 1000 + timeout_ms,
                                            .done = done,
                                            .arg = client};
    char name[4] = {0}, why[SW_WHY_SIZE] = "";
    enum sw_err err;

    if (watch->pending) {
        return;
    }
    if (only_key(client) != SIM_KEY_COUNT) {
        submission.request.key = sim_key_name(only_key(client), name);
        name[submission.request.key.size] = '\0';
        submission.request.end_key = sw_span_of(name, submission.request.key.size + 1);
    }
    if (sw_prng_chance(&world->prng, 1, 3)) {
        submission.request.limit = 1 + (uint32_t)sw_prng_below(&world->prng, 4);
    }
    watch->pending = true;
    watch->call = sim_history_begin(
        &client->all->history,
        &(struct sim_call){.kind = SIM_CALL_TXN, .client = client->number, .key = SIM_KEY_COUNT});
    err = sw_core_submit(client->core, &submission, NULL, why);
    if (err != SW_ERR_OK) {
        sim_fail(world, "client %u may not watch: %s, %s", client->number, sw_err_name(err), why);
    }
    sim_client_poke(client);
}

bool sim_watch_is_done(const struct sim_client *client)
{
    return client->watch.after >= client->all->history.revision_max;
}

/* All but the gaps that it was told to have. */
static void verdict(const struct sim_clients *clients, uint32_t client)
{
    const struct sim_watch *watch = &clients->client[client - 1].watch;
    struct sim_gap range = {0};

    for (size_t i = 0; i <= watch->gap_count; i++) {
        range.upto = i < watch->gap_count ? watch->gaps[i].after : watch->after;
        sim_history_check_told(&clients->history,
                               client,
                               watch->told,
                               watch->told_count,
                               range,
                               only_key(&clients->client[client - 1]));
        range.after = i < watch->gap_count ? watch->gaps[i].upto : range.upto;
    }
}

void sim_watch_verdict(const struct sim_clients *clients)
{
    for (uint32_t i = 0; i < clients->world->plan.clients; i++) {
        verdict(clients, i + 1);
    }
}

void sim_watch_release(struct sim_client *client)
{
    free(client->watch.told);
    free(client->watch.gaps);
    client->watch = (struct sim_watch){0};
}
