/* What watchers by meaning are told, against all puts there were. */
#include "tests/sim/near_calls.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"
#include "transport/vector.h"

enum { DIM = 16, COSINE = 1, F32 = 1, CROWDS = 3, KEYS = 6 };

/* Those of a crowd are this near to its middle, and those of others farther than that. */
static const double near_enough = 0.1;
static const char index_name[] = "meaning";

/* The middle of the crowd, with a little of `own` to it. */
static void vector_of(uint32_t crowd, uint64_t own, float vector[DIM])
{
    struct sw_prng middle = sw_prng_of(7000 + crowd);
    struct sw_prng prng = sw_prng_of(own);

    for (int i = 0; i < DIM; i++) {
        vector[i] = (float)sw_prng_below(&middle, 2001) / 1000 - 1;
        vector[i] += own == 0 ? 0 : (float)sw_prng_below(&prng, 201) / 1000 - 0.1F;
    }
}

static uint32_t crowd_of(const struct sim_client *client)
{
    return client->number % CROWDS;
}

static void wrong(const struct sim_client *client, const char *what, const struct sw_record *record)
{
    sim_fail(client->all->world,
             "%s: the watch by meaning of client %u stands at revision %" PRIu64
             " and is told of %.*s, %.*s, at revision %" PRIu64,
             what,
             client->number,
             client->near.after,
             (int)record->key.size,
             (const char *)record->key.data,
             (int)record->value.size,
             (const char *)record->value.data,
             record->mod_revision);
}

/* --- what is told ----------------------------------------------------------------------------- */

/* The put that has this content; NULL if there was none. */
static struct sim_near_put *put_of(struct sim_clients *clients, struct sw_span content)
{
    char text[16] = "";
    unsigned long number;

    if (content.size < 2 || content.size >= sizeof text || content.data[0] != 'n') {
        return NULL;
    }
    memcpy(text, content.data + 1, content.size - 1);
    number = strtoul(text, NULL, 10);
    return number < clients->near_put_count ? &clients->near_puts[number] : NULL;
}

static void keep(struct sim_near *near, uint64_t revision)
{
    if (near->told_count == near->told_capacity) {
        near->told_capacity = near->told_capacity == 0 ? 64 : near->told_capacity * 2;
        near->told = realloc(near->told, near->told_capacity * sizeof(near->told[0]));
        SW_ASSERT(near->told != NULL);
    }
    near->told[near->told_count++] = revision;
}

static void take(struct sim_client *client, const struct sw_record *record)
{
    struct sim_near *near = &client->near;
    struct sim_near_put *put = put_of(client->all, record->value);
    const uint64_t last = near->told_count == 0 ? 0 : near->told[near->told_count - 1];
    char key[16];
    double distance;

    memcpy(&distance, &record->lease, sizeof distance);
    if (put == NULL) {
        wrong(client, "a put that was none", record);
        return;
    }
    (void)snprintf(key, sizeof key, "k%u", put->key);
    if (record->mod_revision <= near->after || record->mod_revision <= last) {
        wrong(client, "time travel", record);
    } else if (put->revision != 0 && put->revision != record->mod_revision) {
        wrong(client, "twice", record);
    } else if (put->crowd != crowd_of(client) || !(distance <= near_enough) ||
               !sw_span_equal(record->key, sw_span_str(key))) {
        wrong(client, "another put", record);
    }
    put->revision = record->mod_revision;
    keep(near, record->mod_revision);
}

/* It goes on from what it could read now; that happens where little is kept, and to whoever begins
 * before there was an index. */
static void resync(struct sim_client *client, uint64_t revision)
{
    struct sim_near *near = &client->near;

    if ((client->all->world->plan.change_count_max == 0 && near->after != 0) ||
        revision <= near->after) {
        sim_fail(client->all->world,
                 "the watch by meaning of client %u stands at revision %" PRIu64
                 " and is told for no reason to begin anew at revision %" PRIu64,
                 client->number,
                 near->after,
                 revision);
        return;
    }
    near->gaps = realloc(near->gaps, (near->gap_count + 1) * sizeof(*near->gaps));
    SW_ASSERT(near->gaps != NULL);
    near->gaps[near->gap_count++] = (struct sim_gap){.after = near->after, .upto = revision};
    near->after = revision;
}

static void told(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_near *near = &client->near;
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;

    near->watching = false;
    sim_trace3(client->all->world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               near->watch_call);
    sim_history_end(&client->all->history, near->watch_call, SIM_CALL_DONE, 0, false);
    if (reply->err == SW_ERR_RESYNC) {
        resync(client, reply->revision);
    }
    if (reply->err == SW_ERR_NO_INDEX) {
        sim_fail(client->all->world, "the index that was made is not there");
    }
    if (reply->err != SW_ERR_OK) {
        return; /* it stands where it stood */
    }
    for (uint32_t i = 0; i < reply->record_count; i++) {
        if (sw_record_decode(&in, &record) != SW_ERR_OK) {
            sim_fail(client->all->world, "a watch by meaning is told what does not decode");
            return;
        }
        take(client, &record);
    }
    if (reply->revision < near->after) {
        sim_fail(client->all->world,
                 "time travel: the watch by meaning of client %u goes back to revision %" PRIu64,
                 client->number,
                 reply->revision);
    }
    near->after = reply->revision;
}

/* --- what is written -------------------------------------------------------------------------- */

static void written(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_clients *clients = client->all;
    struct sim_near *near = &client->near;
    const bool ok = reply->err == SW_ERR_OK;

    SW_ASSERT(near->pending);
    near->pending = false;
    sim_trace3(clients->world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               near->call);
    sim_history_end(&clients->history,
                    near->call,
                    ok ? SIM_CALL_DONE : SIM_CALL_UNKNOWN,
                    ok ? reply->revision : 0,
                    ok && (near->op != SW_OP_DELETE || reply->value == 1));
    if (near->op == SW_OP_INDEX_CREATE) {
        clients->has_meaning = clients->has_meaning || ok || reply->err == SW_ERR_CONFLICT;
    } else if (near->op == SW_OP_VECTOR_PUT && ok) {
        struct sim_near_put *put = &clients->near_puts[near->put];

        if (put->revision != 0 && put->revision != reply->revision) {
            sim_fail(clients->world,
                     "put n%u was told at revision %" PRIu64 " and acknowledged at %" PRIu64,
                     near->put,
                     put->revision,
                     reply->revision);
        }
        put->revision = reply->revision;
    }
}

static void ask_create(struct sw_request *request, struct sw_buf *value)
{
    const struct sw_vector_space space = {.metric = COSINE, .dtype = F32, .dim = DIM, .seed = 77};

    request->op = SW_OP_INDEX_CREATE;
    request->key = sw_span_str(index_name);
    sw_vector_space_encode(&space, value);
}

static void add_put(struct sim_clients *clients, uint32_t key, uint32_t crowd)
{
    if (clients->near_put_count == clients->near_put_capacity) {
        clients->near_put_capacity =
            clients->near_put_capacity == 0 ? 256 : clients->near_put_capacity * 2;
        clients->near_puts =
            realloc(clients->near_puts, clients->near_put_capacity * sizeof(clients->near_puts[0]));
        SW_ASSERT(clients->near_puts != NULL);
    }
    clients->near_puts[clients->near_put_count++] =
        (struct sim_near_put){.key = key, .crowd = crowd};
}

static void
ask_put(struct sim_client *client, uint32_t key, struct sw_request *request, struct sw_buf *value)
{
    struct sim_clients *clients = client->all;
    const uint32_t crowd = (uint32_t)sw_prng_below(&clients->world->prng, CROWDS);
    struct sw_vector_item item = {.index = sw_span_str(index_name)};
    float vector[DIM];
    char content[16];

    client->near.put = (uint32_t)clients->near_put_count;
    add_put(clients, key, crowd);
    vector_of(crowd, 1 + client->near.put, vector);
    (void)snprintf(content, sizeof content, "n%u", client->near.put);
    item.vector = sw_span_of(vector, sizeof vector);
    item.content = sw_span_str(content);
    request->op = SW_OP_VECTOR_PUT;
    sw_vector_item_encode(&item, value);
}

/* A put with a vector, mostly; else a delete, or a plain put, which nobody is told of. */
static void write_something(struct sim_client *client, uint32_t timeout_ms)
{
    struct sw_prng *prng = &client->all->world->prng;
    const uint32_t key = (uint32_t)sw_prng_below(prng, KEYS);
    const uint64_t what = sw_prng_below(prng, 10);
    struct sim_near *near = &client->near;
    struct sw_request request = {.op = 0};
    struct sw_buf value = {0};
    char name[16];

    (void)snprintf(name, sizeof name, "k%u", key);
    request.key = sw_span_str(name);
    if (!client->all->has_meaning) {
        ask_create(&request, &value);
    } else if (what < 6) {
        ask_put(client, key, &request, &value);
    } else if (what < 8) {
        request.op = SW_OP_DELETE;
    } else {
        request.op = SW_OP_PUT;
        sw_write_bytes(&value, sw_span_str("plain"));
    }
    request.value = sw_buf_span(&value);
    near->op = request.op;
    near->pending = true;
    sim_client_submit(client, &request, "meaning", timeout_ms, written, &near->call);
    sw_buf_release(&value);
}

void sim_near_watch(struct sim_client *client, uint32_t timeout_ms)
{
    struct sim_near *near = &client->near;
    struct sw_request request = {.op = SW_OP_WATCH, .expected = near->after};
    struct sw_vector_query query = {.index = sw_span_str(index_name),
                                    .flags = SW_VECTOR_BOUNDED,
                                    .k = 1,
                                    .distance_max = near_enough};
    struct sw_buf value = {0};
    float vector[DIM];

    if (near->watching || !client->all->has_meaning) {
        return;
    }
    vector_of(crowd_of(client), 0, vector);
    query.vector = sw_span_of(vector, sizeof vector);
    sw_vector_query_encode(&query, &value);
    request.value = sw_buf_span(&value);
    if (sw_prng_chance(&client->all->world->prng, 1, 3)) {
        request.limit = 1 + (uint32_t)sw_prng_below(&client->all->world->prng, 4);
    }
    near->watching = true;
    sim_client_submit(client, &request, "meaning", timeout_ms, told, &near->watch_call);
    sw_buf_release(&value);
}

void sim_near_step(struct sim_client *client, uint32_t timeout_ms)
{
    if (sw_prng_chance(&client->all->world->prng, 1, 3)) {
        sim_near_watch(client, timeout_ms);
    } else if (!client->near.pending) {
        write_something(client, timeout_ms);
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

bool sim_near_is_idle(const struct sim_client *client)
{
    return !client->near.pending && !client->near.watching;
}

bool sim_near_is_done(const struct sim_client *client)
{
    const struct sim_clients *clients = client->all;

    for (size_t i = 0; i < clients->near_put_count; i++) {
        if (clients->near_puts[i].revision > client->near.after) {
            return false;
        }
    }
    return true;
}

static bool was_told(const struct sim_near *near, uint64_t revision)
{
    for (size_t i = 0; i < near->told_count; i++) {
        if (near->told[i] == revision) {
            return true;
        }
    }
    for (size_t i = 0; i < near->gap_count; i++) {
        if (revision > near->gaps[i].after && revision <= near->gaps[i].upto) {
            return true; /* or told that it was not */
        }
    }
    return false;
}

void sim_near_verdict(const struct sim_clients *clients)
{
    for (uint32_t c = 0; c < clients->world->plan.clients; c++) {
        const struct sim_client *client = &clients->client[c];

        for (size_t i = 0; i < clients->near_put_count; i++) {
            const struct sim_near_put *put = &clients->near_puts[i];

            if (put->revision != 0 && put->revision <= client->near.after &&
                put->crowd == crowd_of(client) && !was_told(&client->near, put->revision)) {
                sim_fail(clients->world,
                         "gap: client %u watched by meaning up to revision %" PRIu64
                         " and was not told of n%zu at revision %" PRIu64,
                         client->number,
                         client->near.after,
                         i,
                         put->revision);
            }
        }
    }
}

void sim_near_release(struct sim_clients *clients)
{
    for (uint32_t i = 0; i < clients->count; i++) {
        free(clients->client[i].near.told);
        free(clients->client[i].near.gaps);
    }
    free(clients->near_puts);
}
