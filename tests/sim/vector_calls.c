/* What is asked about facts, and what may be concluded from each answer. */
#include "tests/sim/vector_calls.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"
#include "transport/vector.h"

enum { DIM = 16, COSINE = 1, F32 = 1, PUTS_IN_TEN = 5 };

static const double near_enough = 0.01;
static const char index_name[] = "facts";

/* The same direction for the same fact, far from those of the others. */
static void vector_of(uint32_t fact, float vector[DIM])
{
    struct sw_prng prng = sw_prng_of(9000 + fact);

    for (int i = 0; i < DIM; i++) {
        vector[i] = (float)sw_prng_below(&prng, 2001) / 1000 - 1;
    }
}

static void wrong(const struct sim_client *client, const char *what, struct sw_span key)
{
    const struct sim_fact *fact = &client->all->facts[client->vector.fact];

    sim_fail(client->all->world,
             "%s: client %u asked about fact %u and was told %.*s, acknowledged is %s",
             what,
             client->number,
             client->vector.fact,
             (int)key.size,
             (const char *)key.data,
             fact->key);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Somebody was told, or saw, that `key` is the one of the fact. */
static void learn(struct sim_client *client, struct sw_span key)
{
    struct sim_fact *fact = &client->all->facts[client->vector.fact];
    char prefix[16];
    const int size = snprintf(prefix, sizeof prefix, "f%u-", client->vector.fact);

    if (key.size >= sizeof fact->key || key.size < (size_t)size ||
        memcmp(key.data, prefix, (size_t)size) != 0) {
        wrong(client, "another fact", key);
    } else if (fact->key[0] == '\0') {
        memcpy(fact->key, key.data, key.size);
    } else if (!sw_span_equal(key, sw_span_str(fact->key))) {
        wrong(client, "remembered twice", key);
    }
}

static struct sw_span first_key(const struct sw_reply *reply)
{
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record = {.version = 0};

    return reply->record_count > 0 && sw_record_decode(&in, &record) == SW_ERR_OK
               ? record.key
               : sw_span_of(NULL, 0);
}

/* The nearest is the fact itself, if it is anywhere. */
static void searched(struct sim_client *client, const struct sw_reply *reply)
{
    const struct sw_span key = first_key(reply);

    if (client->vector.was_known && reply->record_count == 0) {
        wrong(client, "lost", key);
    } else if (reply->record_count > 0) {
        learn(client, key);
    }
}

static void done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_vector *vector = &client->vector;
    struct sim_clients *clients = client->all;
    const bool ok = reply->err == SW_ERR_OK;

    SW_ASSERT(vector->pending);
    vector->pending = false;
    sim_trace3(clients->world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               vector->call);
    sim_history_end(&clients->history,
                    vector->call,
                    ok ? SIM_CALL_DONE : SIM_CALL_UNKNOWN,
                    ok ? reply->revision : 0,
                    ok && vector->op != SW_OP_VECTOR_SEARCH);
    if (vector->op == SW_OP_INDEX_CREATE) {
        clients->has_index = clients->has_index || ok || reply->err == SW_ERR_CONFLICT;
    } else if (vector->op == SW_OP_VECTOR_PUT && ok) {
        learn(client, sw_span_str(vector->key));
    } else if (vector->op == SW_OP_VECTOR_PUT && reply->err == SW_ERR_EXISTS) {
        learn(client, first_key(reply));
    } else if (vector->op == SW_OP_VECTOR_SEARCH && ok) {
        searched(client, reply);
    } else if (reply->err == SW_ERR_NO_INDEX) {
        sim_fail(clients->world, "the index that was made is not there");
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

static void ask_create(struct sw_request *request, struct sw_buf *value)
{
    const struct sw_vector_space space = {
        .metric = COSINE, .dtype = F32, .dim = DIM, .seed = 1234567};

    request->op = SW_OP_INDEX_CREATE;
    request->key = sw_span_str(index_name);
    sw_vector_space_encode(&space, value);
}

static void ask_put(struct sim_client *client,
                    const float vector[DIM],
                    struct sw_request *request,
                    struct sw_buf *value)
{
    const struct sw_vector_item item = {.index = sw_span_str(index_name),
                                        .vector = sw_span_of(vector, DIM * sizeof vector[0]),
                                        .novel = true,
                                        .distance_max = near_enough,
                                        .content = sw_span_str("a fact")};

    client->vector.puts++;
    (void)snprintf(client->vector.key,
                   sizeof client->vector.key,
                   "f%u-c%u-%u",
                   client->vector.fact,
                   client->number,
                   client->vector.puts);
    request->op = SW_OP_VECTOR_PUT;
    request->key = sw_span_str(client->vector.key);
    sw_vector_item_encode(&item, value);
}

static void ask_search(const float vector[DIM], struct sw_request *request, struct sw_buf *value)
{
    const struct sw_vector_query query = {.index = sw_span_str(index_name),
                                          .vector = sw_span_of(vector, DIM * sizeof vector[0]),
                                          .flags = SW_VECTOR_BOUNDED,
                                          .distance_max = near_enough,
                                          .k = 3};

    request->op = SW_OP_VECTOR_SEARCH;
    sw_vector_query_encode(&query, value);
}

void sim_vector_step(struct sim_client *client, uint32_t timeout_ms)
{
    struct sim_clients *clients = client->all;
    struct sw_prng *prng = &clients->world->prng;
    struct sim_vector *vector = &client->vector;
    struct sw_request request = {.op = 0};
    struct sw_buf value = {0};
    float at[DIM];

    if (vector->pending) {
        return;
    }
    vector->fact = (uint32_t)sw_prng_below(prng, SIM_FACT_COUNT);
    vector->was_known = clients->facts[vector->fact].key[0] != '\0';
    vector_of(vector->fact, at);
    if (!clients->has_index) {
        ask_create(&request, &value);
    } else if (sw_prng_below(prng, 10) < PUTS_IN_TEN) {
        ask_put(client, at, &request, &value);
    } else {
        ask_search(at, &request, &value);
    }
    request.value = sw_buf_span(&value);
    vector->pending = true;
    vector->op = request.op;
    sim_client_submit(client, &request, "vectors", timeout_ms, done, &vector->call);
    sw_buf_release(&value);
}
