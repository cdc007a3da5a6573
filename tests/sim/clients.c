/* The load on whole nodes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/rw.h"
#include "tests/sim/aged_calls.h"
#include "tests/sim/clients_private.h"
#include "tests/sim/context_calls.h"
#include "tests/sim/item_calls.h"
#include "tests/sim/lease_calls.h"
#include "tests/sim/memory_calls.h"
#include "tests/sim/near_calls.h"
#include "tests/sim/past_calls.h"
#include "tests/sim/tenant_calls.h"
#include "tests/sim/txn_calls.h"
#include "tests/sim/vector_calls.h"
#include "tests/sim/watch_calls.h"

enum {
    CALM_CALLS = 4,
    FINAL_DEADLINE_MS = 20000,
    OUTCOME_DEADLINE_MS = 8000,
    VALUE_SIZE_MAX = 4096,
    PAGE_SIZE = 3,
    OPS = 25,
    LAST_WATCH_MS = 400
};

/* --- answers ---------------------------------------------------------------------------------- */

/* Every merge of the counter adds 1, so its value is its version. */
static void see_counter(const struct sim_running *running, const struct sw_record *record)
{
    char text[24];
    const int size = snprintf(text, sizeof(text), "%" PRIu64, record->version);

    if (!sw_span_equal(record->value, sw_span_of(text, (size_t)size))) {
        sim_fail(running->client->all->world,
                 "not exactly once: the counter is '%.*s' in version %s",
                 (int)record->value.size,
                 (const char *)record->value.data,
                 text);
    }
}

void sim_clients_see(struct sim_running *running,
                     uint32_t key,
                     uint64_t at,
                     const struct sw_record *record)
{
    struct sim_history *history = &running->client->all->history;
    struct sim_seen seen = {.call = running->call, .key = key, .at_revision = at};

    if (key == SIM_KEY_LIST && record != NULL) {
        sim_history_list(history,
                         &(struct sim_list_seen){.call = running->call,
                                                 .at_revision = at,
                                                 .mod_revision = record->mod_revision,
                                                 .version = record->version,
                                                 .bytes = record->value.data,
                                                 .size = record->value.size});
        return;
    }
    if (record != NULL) {
        seen.mod_revision = record->mod_revision;
        seen.create_revision = record->create_revision;
        seen.version = record->version;
        seen.value = record->value.size >= 8 ? sw_load_u64(record->value.data) : 0;
    }
    if (key == SIM_KEY_COUNTER && record != NULL) {
        see_counter(running, record);
    }
    if (key < SIM_KEY_MAX) {
        running->client->mod_revision[key] = seen.mod_revision;
    }
    sim_history_see(history, &seen);
}

uint32_t sim_clients_key(struct sw_span key)
{
    for (uint32_t i = 0; i < SIM_KEY_COUNT; i++) {
        char name[3];

        if (i != SIM_KEY_EXPERIENCE && sw_span_equal(key, sim_key_name(i, name))) {
            return i;
        }
    }
    return SIM_KEY_COUNT;
}

static void answer_get(struct sim_running *running, const struct sw_reply *reply)
{
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;

    if (reply->err == SW_ERR_NOT_FOUND) {
        sim_clients_see(running, running->key, reply->revision, NULL);
    } else if (reply->record_count != 1 || sw_record_decode(&in, &record) != SW_ERR_OK) {
        sim_fail(
            running->client->all->world, "a get is answered by %u records", reply->record_count);
    } else {
        sim_clients_see(running, running->key, reply->revision, &record);
    }
}

static void answer_scan(struct sim_running *running, const struct sw_reply *reply)
{
    struct sim_world *world = running->client->all->world;
    struct sw_reader in = sw_reader_of(reply->records);
    bool there[SIM_KEY_COUNT] = {false};

    for (uint32_t i = 0; i < reply->record_count; i++) {
        struct sw_record record;

        if (sw_record_decode(&in, &record) != SW_ERR_OK ||
            sim_clients_key(record.key) == SIM_KEY_COUNT || there[sim_clients_key(record.key)]) {
            sim_fail(world, "a scan holds a record that is broken, unknown or there twice");
            return;
        }
        there[sim_clients_key(record.key)] = true;
        sim_clients_see(running, sim_clients_key(record.key), reply->revision, &record);
    }
    running->client->all->final_cut = reply->more;
    for (uint32_t key = 0; key < SIM_KEY_COUNT && !reply->more; key++) {
        if (!there[key] && (key < world->plan.keys || key > SIM_KEY_EXPERIENCE)) {
            sim_clients_see(running, key, reply->revision, NULL);
        }
    }
}

static void answer_experiences(struct sim_running *running, const struct sw_reply *reply)
{
    struct sim_clients *clients = running->client->all;
    struct sw_reader in = sw_reader_of(reply->records);
    uint64_t last = running->after;

    for (uint32_t i = 0; i < reply->record_count; i++) {
        struct sw_record record;

        if (sw_record_decode(&in, &record) != SW_ERR_OK || record.mod_revision <= last) {
            sim_fail(clients->world, "experiences are out of order or broken");
            return;
        }
        last = record.mod_revision;
        sim_clients_see(running, SIM_KEY_EXPERIENCE, reply->revision, &record);
    }
    sim_history_scan(&clients->history,
                     &(struct sim_scan){.call = running->call,
                                        .after = running->after,
                                        .upto = reply->more ? last : reply->revision,
                                        .count = reply->record_count});
    clients->final_after = reply->more ? last : 0;
    running->client->page_after = clients->final_after;
}

static void answer_read(struct sim_running *running, const struct sw_reply *reply)
{
    switch ((int)running->request.op) {
    case SW_OP_GET:
        answer_get(running, reply);
        break;
    case SW_OP_SCAN:
        answer_scan(running, reply);
        break;
    case SW_OP_EXPERIENCE_SCAN:
        answer_experiences(running, reply);
        break;
    case SW_OP_MULTI_GET:
        sim_mget_end(running, reply);
        break;
    default:
        break;
    }
}

static void answer_write(struct sim_running *running, const struct sw_reply *reply)
{
    struct sim_clients *clients = running->client->all;
    const struct sim_call *call = &clients->history.calls[running->call];
    struct sim_seen seen = {
        .call = running->call, .key = running->key, .at_revision = reply->revision};

    if (running->key < SIM_KEY_MAX && reply->err == SW_ERR_OK) {
        running->client->mod_revision[running->key] =
            running->request.op == SW_OP_DELETE ? 0 : reply->revision;
    }
    if (running->request.op == SW_OP_DELETE && reply->value == 0) {
        sim_history_see(&clients->history, &seen);
    }
    if (running->request.op == SW_OP_CAS && call->expected == 0) {
        seen.at_revision--; /* it was absent just before */
        sim_history_see(&clients->history, &seen);
    }
}

static void note_term(struct sim_clients *clients, uint64_t term)
{
    if (term > clients->term) {
        clients->term = term;
        clients->term_us = clients->world->now_us;
    }
}

/* --- what has become of it ---------------------------------------------------------------------
 */

/* What the swarm says of a write whose answer was lost. Of a delete and of a transaction it does
 * not tell what they changed, so these stay unknown if they ran. */
static enum sim_call_end verdict_of(const struct sim_running *running, const struct sw_reply *reply)
{
    const bool is_told = running->request.op != SW_OP_TXN && running->request.op != SW_OP_DELETE;

    if (reply->err == SW_ERR_NOT_COMMITTED) {
        return SIM_CALL_NOT_DONE;
    }
    if (reply->err != SW_ERR_OK) {
        return SIM_CALL_UNKNOWN;
    }
    if (reply->value != SW_ERR_OK) {
        return SIM_CALL_NOT_DONE;
    }
    return is_told ? SIM_CALL_DONE : SIM_CALL_UNKNOWN;
}

/* From here on the judge holds the swarm to what it said: what was not committed must not be seen,
 * ever, and what was stands where it was said to. */
static void outcome_told(void *arg, const struct sw_reply *reply)
{
    struct sim_running *running = arg;
    struct sim_client *client = running->client;
    struct sim_world *world = client->all->world;
    const enum sim_call_end end = verdict_of(running, reply);

    sim_trace3(world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               running->call);
    world->stats.calls_ok += end == SIM_CALL_DONE ? 1 : 0;
    world->stats.calls_not_done += end == SIM_CALL_NOT_DONE ? 1 : 0;
    world->stats.calls_unknown += end == SIM_CALL_UNKNOWN ? 1 : 0;
    if (running->request.op == SW_OP_TXN) {
        (void)sim_txn_end(running, end, reply);
    }
    sim_history_end(&client->all->history,
                    running->call,
                    end,
                    end == SIM_CALL_DONE ? reply->revision : 0,
                    end == SIM_CALL_DONE);
    running->used = false;
    client->open--;
}

/* True if the swarm is asked what has become of the call, which ends with the answer. */
static bool ask_outcome(struct sim_running *running, const struct sw_reply *reply)
{
    struct sim_client *client = running->client;
    struct sim_world *world = client->all->world;
    const struct sw_core_submission question = {
        .request = {.op = SW_OP_OUTCOME, .session = reply->session, .seq = reply->seq},
        .deadline_ms = world->now_us / 1000 + OUTCOME_DEADLINE_MS,
        .done = outcome_told,
        .arg = running};
    char why[SW_WHY_SIZE] = "";

    if (reply->seq == 0 || world->plan.ask_outcome == 0 ||
        !sw_prng_chance(&world->prng, world->plan.ask_outcome, 100)) {
        return false;
    }
    return sw_core_submit(client->core, &question, NULL, why) == SW_ERR_OK;
}

static void done(void *arg, const struct sw_reply *reply)
{
    struct sim_running *running = arg;
    struct sim_client *client = running->client;
    struct sim_world *world = client->all->world;
    const bool write = sw_op_is_write(running->request.op);
    const bool ok = reply->err == SW_ERR_OK || (!write && reply->err == SW_ERR_NOT_FOUND);
    const bool is_txn = running->request.op == SW_OP_TXN;
    bool changed = ok && write && (running->request.op != SW_OP_DELETE || reply->value == 1);
    enum sim_call_end end = SIM_CALL_UNKNOWN;

    SW_ASSERT(running->used);
    sim_trace3(world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               running->call);
    if (ok) {
        note_term(client->all, reply->term);
        end = SIM_CALL_DONE;
    } else if (sw_err_outcome(reply->err) == SW_OUTCOME_NOT_DONE) {
        end = SIM_CALL_NOT_DONE;
    }
    if (end == SIM_CALL_UNKNOWN && write && ask_outcome(running, reply)) {
        return;
    }
    world->stats.calls_ok += end == SIM_CALL_DONE ? 1 : 0;
    world->stats.calls_not_done += end == SIM_CALL_NOT_DONE ? 1 : 0;
    world->stats.calls_unknown += end == SIM_CALL_UNKNOWN ? 1 : 0;
    client->calm_ok += world->calm && ok ? 1 : 0;
    if (is_txn) {
        changed = sim_txn_end(running, end, reply);
    }
    sim_history_end(&client->all->history, running->call, end, ok ? reply->revision : 0, changed);
    sim_aged_note(client->all);
    if (ok && write && !is_txn) {
        answer_write(running, reply);
    } else if (ok && !write) {
        answer_read(running, reply);
    } else if (reply->err == SW_ERR_CONFLICT) {
        client->mod_revision[running->key] = reply->value;
    }
    running->used = false;
    client->open--;
}

/* --- calls ------------------------------------------------------------------------------------ */

static struct sim_running *running_free(struct sim_client *client)
{
    for (uint32_t i = 0; i < SIM_CALLS_AT_ONCE; i++) {
        if (!client->running[i].used) {
            return &client->running[i];
        }
    }
    return NULL;
}

static enum sim_call_kind kind_of(enum sw_op op)
{
    switch ((int)op) {
    case SW_OP_PUT:
        return SIM_CALL_PUT;
    case SW_OP_CAS:
        return SIM_CALL_CAS;
    case SW_OP_DELETE:
        return SIM_CALL_DELETE;
    case SW_OP_EXPERIENCE_APPEND:
        return SIM_CALL_APPEND;
    case SW_OP_TXN:
        return SIM_CALL_TXN;
    default:
        return SIM_CALL_READ;
    }
}

static void
fill_request(struct sim_client *client, struct sim_running *running, struct sw_request *request)
{
    request->tenant = sw_span_str("t");
    request->name_space = sw_span_str("n");
    request->partition = sw_span_str("p");
    if (request->op == SW_OP_CAS) {
        request->expected = client->mod_revision[running->key];
    } else if (request->op == SW_OP_EXPERIENCE_SCAN) {
        request->expected = running->after;
    }
    if (client->all->phase < PHASE_SCAN &&
        (request->op == SW_OP_EXPERIENCE_SCAN || request->op == SW_OP_SCAN) &&
        sw_prng_chance(&client->all->world->prng, 1, 2)) {
        request->limit = PAGE_SIZE;
    }
    if (request->op == SW_OP_STATUS || request->op == SW_OP_SNAPSHOT) {
        *request = (struct sw_request){.op = request->op};
    }
}

/* Writes of all depths: a watcher who is told one knows which it must have. */
uint16_t sim_clients_depth(uint64_t call)
{
    return (uint16_t)(call % SW_DEPTH_MAX);
}

/* The value of a request; `value` and `made` hold it. */
static struct sw_span
value_of(struct sim_running *running, uint8_t value[VALUE_SIZE_MAX], struct sw_buf *made)
{
    struct sim_world *world = running->client->all->world;

    switch ((int)running->request.op) {
    case SW_OP_PUT:
    case SW_OP_CAS:
    case SW_OP_EXPERIENCE_APPEND:
        sw_store_u64(value, running->call + 1);
        return sw_span_of(value, 8 + sw_prng_below(&world->prng, world->plan.value_size_max + 1));
    case SW_OP_TXN:
        sim_txn_begin(running, made);
        break;
    case SW_OP_MULTI_GET:
        sim_mget_begin(running, made);
        break;
    default:
        break;
    }
    return sw_buf_span(made);
}

static void
call(struct sim_client *client, enum sw_op op, uint32_t key, uint32_t timeout_ms, uint32_t node)
{
    struct sim_clients *clients = client->all;
    struct sim_world *world = clients->world;
    struct sim_running *running = running_free(client);
    uint8_t value[VALUE_SIZE_MAX] = {0};
    struct sw_buf made = {0};
    char name[3];
    char why[SW_WHY_SIZE] = "";
    struct sw_core_submission submission = {.request = {.op = op},
                                            .deadline_ms = world->now_us / 1000 + timeout_ms,
                                            .node = {node},
                                            .done = done,
                                            .arg = running};
    const bool keyed = op == SW_OP_PUT || op == SW_OP_GET || op == SW_OP_CAS || op == SW_OP_DELETE;
    enum sw_err err;

    SW_ASSERT(running != NULL);
    running->used = true;
    running->client = client;
    running->key = op == SW_OP_EXPERIENCE_APPEND ? SIM_KEY_EXPERIENCE : key;
    running->after = 0;
    if (clients->phase == PHASE_EXPERIENCES) {
        running->after = clients->final_after;
    } else if (op == SW_OP_EXPERIENCE_SCAN && clients->phase < PHASE_SCAN &&
               sw_prng_chance(&world->prng, 1, 2)) {
        running->after = client->page_after; /* the next page */
    }
    running->request.op = op;
    fill_request(client, running, &submission.request);
    running->call = sim_history_begin(&clients->history,
                                      &(struct sim_call){.kind = kind_of(op),
                                                         .client = client->number,
                                                         .key = running->key,
                                                         .expected = submission.request.expected});
    clients->history.calls[running->call].value = running->call + 1;
    if (keyed) {
        submission.request.key = sim_key_name(key, name);
    }
    submission.request.depth = sw_op_is_write(op) ? sim_clients_depth(running->call) : 0;
    submission.request.value = value_of(running, value, &made);
    sim_trace3(
        world, SIM_TRACE_CLIENT + client->number, SIM_TRACE_CLIENT_CALL, op, key, running->call);
    client->open++;
    world->stats.calls++;
    err = sw_core_submit(client->core, &submission, NULL, why);
    if (err != SW_ERR_OK) {
        sim_fail(world, "client %u may not submit: %s, %s", client->number, sw_err_name(err), why);
    }
    sw_buf_release(&made);
    sim_client_poke(client);
}

static enum sw_op random_op(struct sw_prng *prng)
{
    static const enum sw_op ops[OPS] = {SW_OP_PUT,
                                        SW_OP_PUT,
                                        SW_OP_PUT,
                                        SW_OP_PUT,
                                        SW_OP_PUT,
                                        SW_OP_PUT,
                                        SW_OP_GET,
                                        SW_OP_GET,
                                        SW_OP_GET,
                                        SW_OP_GET,
                                        SW_OP_GET,
                                        SW_OP_CAS,
                                        SW_OP_CAS,
                                        SW_OP_CAS,
                                        SW_OP_DELETE,
                                        SW_OP_SCAN,
                                        SW_OP_EXPERIENCE_APPEND,
                                        SW_OP_EXPERIENCE_APPEND,
                                        SW_OP_EXPERIENCE_APPEND,
                                        SW_OP_EXPERIENCE_SCAN,
                                        SW_OP_TXN,
                                        SW_OP_TXN,
                                        SW_OP_TXN,
                                        SW_OP_TXN,
                                        SW_OP_MULTI_GET};

    return ops[sw_prng_below(prng, OPS)];
}

static void think(void *arg)
{
    struct sim_client *client = arg;
    struct sim_clients *clients = client->all;
    struct sim_world *world = clients->world;
    static const uint32_t timeouts[4] = {200, 1000, 3000, 8000};
    const bool enough = clients->phase > PHASE_CALM ||
                        (clients->phase == PHASE_CALM && client->calm_ok >= CALM_CALLS);

    if (enough) {
        return;
    }
    if (client->open < SIM_CALLS_AT_ONCE) {
        call(client,
             random_op(&world->prng),
             (uint32_t)sw_prng_below(&world->prng, world->plan.keys),
             world->calm ? 8000 : timeouts[sw_prng_below(&world->prng, 4)],
             0);
    }
    if (sw_prng_chance(&world->prng, 1, 2)) {
        sim_watch_step(client, world->calm ? 1000 : timeouts[sw_prng_below(&world->prng, 4)]);
    }
    if (world->plan.past != 0 && sw_prng_chance(&world->prng, 1, world->plan.past)) {
        sim_past_step(client, world->calm ? 8000 : timeouts[sw_prng_below(&world->prng, 4)]);
    }
    if (world->plan.aged != 0 && sw_prng_chance(&world->prng, 1, world->plan.aged)) {
        sim_aged_step(client, world->calm ? 8000 : timeouts[sw_prng_below(&world->prng, 4)]);
    }
    if (world->plan.facts != 0 && sw_prng_chance(&world->prng, 1, world->plan.facts)) {
        sim_vector_step(client, world->calm ? 8000 : timeouts[sw_prng_below(&world->prng, 4)]);
    }
    if (world->plan.facts != 0 && sw_prng_chance(&world->prng, 1, world->plan.facts)) {
        sim_item_step(client, world->calm ? 8000 : timeouts[sw_prng_below(&world->prng, 4)]);
    }
    if (world->plan.memories != 0 && sw_prng_chance(&world->prng, 1, world->plan.memories)) {
        sim_memory_step(client, world->calm ? 8000 : timeouts[sw_prng_below(&world->prng, 4)]);
    }
    if (world->plan.near != 0 && sw_prng_chance(&world->prng, 1, world->plan.near)) {
        sim_near_step(client, world->calm ? 1000 : timeouts[sw_prng_below(&world->prng, 4)]);
    }
    if (world->plan.contexts != 0 && sw_prng_chance(&world->prng, 1, world->plan.contexts)) {
        sim_context_step(client, world->calm ? 8000 : timeouts[sw_prng_below(&world->prng, 4)]);
    }
    if (sw_prng_chance(&world->prng, 1, 4)) {
        sim_lease_step(client, world->calm ? 8000 : timeouts[sw_prng_below(&world->prng, 4)]);
    }
    sim_after(world,
              0,
              1 + sw_prng_below(&world->prng, 2 * (uint64_t)world->plan.propose_us),
              think,
              NULL,
              client);
}

/* --- time ------------------------------------------------------------------------------------- */

static void wake(void *arg)
{
    struct sim_client *client = arg;

    client->wake_us = 0;
    sw_core_tick(client->core);
    sim_client_poke(client);
}

void sim_client_submit(struct sim_client *client,
                       struct sw_request *request,
                       const char *partition,
                       uint32_t timeout_ms,
                       sw_core_done_fn when_done,
                       size_t *ret_call)
{
    struct sim_clients *clients = client->all;
    struct sim_world *world = clients->world;
    struct sw_core_submission submission = {
        .deadline_ms = world->now_us / 1000 + timeout_ms, .done = when_done, .arg = client};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    request->tenant = sw_span_str("t");
    request->name_space = sw_span_str("n");
    request->partition = sw_span_str(partition);
    submission.request = *request;
    *ret_call = sim_history_begin(
        &clients->history,
        &(struct sim_call){.kind = SIM_CALL_TXN, .client = client->number, .key = SIM_KEY_COUNT});
    sim_trace3(world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_CALL,
               request->op,
               SIM_KEY_COUNT,
               *ret_call);
    err = sw_core_submit(client->core, &submission, NULL, why);
    if (err != SW_ERR_OK) {
        sim_fail(world, "client %u may not submit: %s, %s", client->number, sw_err_name(err), why);
    }
    sim_client_poke(client);
}

void sim_client_poke(struct sim_client *client)
{
    struct sim_world *world = client->all->world;
    uint64_t next_ms;
    uint64_t next_us;

    sw_core_flush(client->core);
    next_ms = sw_core_next_ms(client->core);
    if (next_ms == UINT64_MAX) {
        return;
    }
    next_us = next_ms * 1000 > world->now_us ? next_ms * 1000 : world->now_us + 1000;
    if (client->wake_us == 0 || next_us < client->wake_us) {
        client->wake_us = next_us;
        sim_after(world, 0, next_us - world->now_us, wake, NULL, client);
    }
}

static uint64_t client_now_ms(void *impl)
{
    const struct sim_client *client = impl;

    return client->all->world->now_us / 1000;
}

static uint64_t client_random(void *impl)
{
    struct sim_client *client = impl;

    return sw_prng_next(&client->all->world->prng);
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool all_idle(const struct sim_clients *clients)
{
    for (uint32_t i = 0; i < clients->world->plan.clients; i++) {
        const struct sim_client *client = &clients->client[i];

        if (client->open > 0 || client->lease.pending || client->watch.pending ||
            client->vector.pending || client->item.pending || client->past.pending ||
            client->aged.pending || !sim_near_is_idle(client)) {
            return false;
        }
    }
    return sim_tenants_idle(clients);
}

static bool all_had_enough(const struct sim_clients *clients)
{
    for (uint32_t i = 0; i < clients->world->plan.clients; i++) {
        if (clients->client[i].calm_ok < CALM_CALLS) {
            return false;
        }
    }
    return true;
}

/* Whoever has not been told everything asks on; false if all have been. */
static bool ask_watchers(struct sim_clients *clients)
{
    bool any = false;

    for (uint32_t i = 0; i < clients->world->plan.clients; i++) {
        if (!sim_watch_is_done(&clients->client[i])) {
            sim_watch_step(&clients->client[i], LAST_WATCH_MS);
            any = true;
        }
        if (!sim_near_is_done(&clients->client[i])) {
            sim_near_watch(&clients->client[i], LAST_WATCH_MS);
            any = true;
        }
    }
    return any;
}

/* Client 1 reads everything, page by page. */
static void finale(void *arg)
{
    struct sim_clients *clients = arg;
    struct sim_client *client = &clients->client[0];

    sim_after(clients->world, 0, 20000, finale, NULL, clients);
    if (!all_idle(clients)) {
        return;
    }
    if ((clients->phase == PHASE_CALM && all_had_enough(clients)) ||
        (clients->phase == PHASE_SCAN && clients->final_cut)) { /* a short page, for no reason */
        clients->phase = PHASE_SCAN;
        clients->final_cut = true;
        call(client, SW_OP_SCAN, 0, FINAL_DEADLINE_MS, 0);
    } else if (clients->phase == PHASE_SCAN) {
        clients->phase = PHASE_EXPERIENCES;
        clients->final_after = 0;
        call(client, SW_OP_EXPERIENCE_SCAN, 0, FINAL_DEADLINE_MS, 0);
    } else if (clients->phase == PHASE_EXPERIENCES && clients->final_after != 0) {
        call(client, SW_OP_EXPERIENCE_SCAN, 0, FINAL_DEADLINE_MS, 0);
    } else if (clients->phase == PHASE_EXPERIENCES && sim_leases_must_be_gone(clients)) {
        clients->phase = PHASE_LEASES;
        sim_lease_look(client, true, FINAL_DEADLINE_MS);
    } else if (clients->phase == PHASE_LEASES) {
        clients->phase = PHASE_LEASE_LIST;
        sim_lease_look(client, false, FINAL_DEADLINE_MS);
    } else if (clients->phase == PHASE_LEASE_LIST) {
        clients->phase = PHASE_WATCH;
    }
    if (clients->phase == PHASE_WATCH && !ask_watchers(clients)) {
        clients->phase = PHASE_END;
    }
}

void sim_clients_calm(struct sim_clients *clients)
{
    clients->phase = PHASE_CALM;
    sim_after(clients->world, 0, 20000, finale, NULL, clients);
}

bool sim_clients_settled(const struct sim_clients *clients)
{
    return clients->phase == PHASE_END && all_idle(clients);
}

void sim_clients_verdict(struct sim_clients *clients)
{
    for (uint32_t i = 0; i < clients->world->plan.clients; i++) {
        struct sw_core_stats stats;

        sw_core_stats(clients->client[i].core, &stats);
        clients->world->stats.retries += stats.retries;
    }
    sim_history_check(&clients->history);
    sim_watch_verdict(clients);
    sim_near_verdict(clients);
}

void sim_clients_describe(const struct sim_clients *clients, FILE *out)
{
    for (uint32_t i = 0; i < clients->world->plan.clients; i++) {
        const struct sim_client *client = &clients->client[i];

        (void)fprintf(
            out,
            "  client %u: %u calls open, %u done since the calm, phase %d, leader %" PRIu64 "\n",
            client->number,
            client->open,
            client->calm_ok,
            (int)clients->phase,
            sw_core_leader(client->core).value);
    }
}

static void client_open(struct sim_clients *clients, uint32_t number)
{
    struct sim_client *client = &clients->client[number - 1];
    struct sim_world *world = clients->world;
    const struct sim_plan *plan = &world->plan;
    struct sw_core_config config = {.node_count = world->plan.nodes,
                                    .port = {.impl = client,
                                             .now_ms = client_now_ms,
                                             .random = client_random,
                                             .send = sim_client_send},
                                    .policy = {.base_ms = plan->retry_base_ms,
                                               .cap_ms = plan->retry_cap_ms,
                                               .seek_cap_ms = plan->seek_cap_ms,
                                               .attempts_max = plan->attempts_max,
                                               .attempt_timeout_ms = plan->attempt_timeout_ms,
                                               .breaker_failures = plan->breaker_failures,
                                               .breaker_open_ms = plan->breaker_open_ms},
                                    .without_session = number <= plan->clients &&
                                                       (plan->sessionless >> (number - 1) & 1) != 0,
                                    .session_ttl_ms = plan->session_ttl_ms,
                                    .batch_size_max = plan->client_batch_size,
                                    .nodes_start_down = true};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    client->all = clients;
    client->number = number;
    client->key[0] = (uint8_t)number;
    if (number > plan->clients) {
        sim_tenant_init(client, number - plan->clients - 1);
    }
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        config.nodes[i] = (struct sw_node_id){i + 1};
        client->conn[i] = (struct sim_conn){.client = client, .host = &world->host[i]};
    }
    err = sw_core_new(&config, &client->core, why);
    SW_ASSERT(err == SW_ERR_OK);
    sim_after(world,
              0,
              sw_prng_range(&world->prng, 100000, 600000),
              number > plan->clients ? sim_tenant_think : think,
              NULL,
              client);
}

struct sim_clients *sim_clients_new(struct sim_world *world)
{
    struct sim_clients *clients = calloc(1, sizeof(*clients));

    SW_ASSERT(clients != NULL);
    SW_ASSERT(world->plan.clients <= SIM_CLIENT_MAX);
    clients->world = world;
    sim_history_init(&clients->history, world);
    clients->count = world->plan.clients + (world->plan.tenants != 0 ? SIM_TENANT_COUNT : 0);
    for (uint32_t i = 1; i <= clients->count; i++) {
        client_open(clients, i);
    }
    return clients;
}

void sim_clients_free(struct sim_clients *clients)
{
    if (clients == NULL) {
        return;
    }
    for (uint32_t i = 0; i < clients->count; i++) {
        sw_core_free(clients->client[i].core);
        sim_watch_release(&clients->client[i]);
    }
    sim_near_release(clients);
    sim_aged_release(clients);
    sim_history_release(&clients->history);
    free(clients);
}
