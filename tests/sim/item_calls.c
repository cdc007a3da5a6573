/* Items, the model of what is known about them, and what an answer has to be. */
#include "tests/sim/item_calls.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/prng.h"
#include "transport/vector.h"

enum { DIM = 16, COSINE = 1, F32 = 1, I8 = 3, VECTORS = 40, KINDS = 3, PARTITIONS = 2 };
/* So wide that a few puts fill a segment, which a lowering writes anew. */
enum { WIDE = 4096 };
enum { SHORT = 48, LONG = 600 }; /* how many are asked for: the latter is always a long search */

static const char *const partitions[PARTITIONS] = {"items", "more-items"};
static const char *const names[SIM_ITEM_INDEX_COUNT / PARTITIONS] = {"left", "right"};
static const char passing[] = "passing"; /* the index that comes and goes */
static const double exact_enough = 0.002;

static void vector_of(uint32_t number, float vector[DIM])
{
    struct sw_prng prng = sw_prng_of(7000 + number);

    for (int i = 0; i < DIM; i++) {
        vector[i] = (float)sw_prng_below(&prng, 2001) / 1000 - 1;
    }
}

/* Newton's way: libm is not among what this links. */
static double root_of(double square)
{
    double root = square + 1;

    for (int i = 0; i < 64; i++) {
        root = (root + square / root) / 2;
    }
    return root;
}

static struct sw_span wide_of(uint32_t number, int8_t vector[WIDE])
{
    struct sw_prng prng = sw_prng_of(9000 + number);

    for (int i = 0; i < WIDE; i++) {
        vector[i] = (int8_t)((int)sw_prng_below(&prng, 255) - 127);
    }
    return sw_span_of(vector, WIDE);
}

static double distance_of(uint32_t a, uint32_t b)
{
    float one[DIM], two[DIM];
    double dot = 0, aa = 0, bb = 0;

    vector_of(a, one);
    vector_of(b, two);
    for (int i = 0; i < DIM; i++) {
        dot += (double)one[i] * (double)two[i];
        aa += (double)one[i] * (double)one[i];
        bb += (double)two[i] * (double)two[i];
    }
    return 1 - dot / root_of(aa * bb);
}

static bool is_near(double a, double b)
{
    return a - b <= exact_enough && b - a <= exact_enough;
}

/* --- answers to searches ---------------------------------------------------------------------- */

struct look {
    struct sim_client *client;
    const struct sim_item_call *call;
    bool found[SIM_CLIENT_MAX][SIM_ITEM_COUNT];
};

static void wrong(const struct look *look, const char *what, struct sw_span key)
{
    sim_fail(look->client->all->world,
             "items: client %u searches for %u, kind %d, %u of them in %s of %s: %s %.*s",
             look->client->number,
             look->call->vector,
             look->call->kind,
             look->call->k,
             names[look->call->index / PARTITIONS],
             partitions[look->call->index % PARTITIONS],
             what,
             (int)key.size,
             (const char *)key.data);
}

/* Nothing was done about it since before the question was asked. */
static bool is_settled(const struct look *look, const struct sim_item *item)
{
    return item->since <= look->call->began;
}

static bool is_wanted(const struct look *look, const struct sim_item *item)
{
    return item->there && (look->call->kind < 0 || item->kind == (uint32_t)look->call->kind);
}

static struct sw_span key_of(uint32_t client, uint32_t at, uint32_t generation, char name[32])
{
    (void)snprintf(name, 32, "i%u-%u-%u", client, at, generation);
    return sw_span_str(name);
}

/* "i1-2-3" in parts; false if it is no such name. */
static bool parts_of(struct sw_span key, uint32_t *client, uint32_t *at, uint32_t *generation)
{
    uint32_t *const parts[3] = {client, at, generation};
    char name[32] = "";
    char *end = name;

    if (key.size == 0 || key.size >= sizeof name || key.data[0] != 'i') {
        return false;
    }
    memcpy(name, key.data, key.size);
    for (int i = 0; i < 3; i++) {
        const char *from = end + 1; /* behind the letter, or a dash */

        if (*end == '\0') {
            return false;
        }
        *parts[i] = (uint32_t)strtoul(from, &end, 10);
        if (end == from) {
            return false;
        }
    }
    return *end == '\0';
}

static void check_hit(struct look *look, const struct sw_record *record)
{
    struct sim_clients *all = look->client->all;
    uint32_t client, at, generation;
    const struct sim_item *item;
    double distance;

    if (!parts_of(record->key, &client, &at, &generation) || client == 0 ||
        client > SIM_CLIENT_MAX || at >= SIM_ITEM_COUNT ||
        at % SIM_ITEM_INDEX_COUNT != look->call->index) {
        wrong(look, "finds what nobody put there:", record->key);
        return;
    }
    item = &all->items[client - 1][at];
    if (generation != item->generation) {
        return; /* given up */
    }
    if (look->found[client - 1][at]) {
        wrong(look, "finds twice", record->key);
    }
    look->found[client - 1][at] = true;
    if (!is_settled(look, item)) {
        return;
    }
    memcpy(&distance, &record->lease, sizeof distance);
    if (!is_wanted(look, item)) {
        wrong(look, "finds what is not there, or of another kind:", record->key);
    } else if (!is_near(distance, distance_of(look->call->vector, item->vector))) {
        wrong(look, "finds an old vector of", record->key);
    }
}

static void check_missing(struct look *look)
{
    char name[32];

    for (uint32_t i = 0; i < SIM_CLIENT_MAX; i++) {
        for (uint32_t at = look->call->index; at < SIM_ITEM_COUNT; at += SIM_ITEM_INDEX_COUNT) {
            const struct sim_item *item = &look->client->all->items[i][at];

            if (is_settled(look, item) && is_wanted(look, item) && !look->found[i][at]) {
                wrong(look, "misses", key_of(i + 1, at, item->generation, name));
            }
        }
    }
}

/* The same question at the same revision has one answer. */
static void check_equal(const struct look *look, const struct sw_reply *reply)
{
    const uint32_t question[4] = {
        look->call->vector, (uint32_t)look->call->kind, look->call->k, look->call->index};
    const uint64_t asked =
        XXH3_64bits_withSeed(question, sizeof question, reply->revision) | UINT64_C(1);
    const uint64_t told =
        XXH3_64bits_withSeed(reply->detail.data,
                             reply->detail.size,
                             XXH3_64bits(reply->records.data, reply->records.size));
    struct sim_item_answer *known = &look->client->all->item_answers[asked % SIM_ITEM_ANSWER_COUNT];

    if (known->asked == asked && known->told != told) {
        wrong(look, "gets another answer at the same revision", sw_span_of(NULL, 0));
    }
    *known = (struct sim_item_answer){.asked = asked, .told = told};
}

static void searched(struct sim_client *client, const struct sw_reply *reply)
{
    struct look look = {.client = client, .call = &client->item};
    struct sw_reader in = sw_reader_of(reply->records);
    uint64_t last = 0;

    check_equal(&look, reply);
    if (look.call->aged) {
        return; /* of a moment before the question, perhaps */
    }
    for (uint32_t i = 0; i < reply->record_count; i++) {
        struct sw_record record;
        double distance;

        if (sw_record_decode(&in, &record) != SW_ERR_OK) {
            sim_fail(client->all->world, "items: a search is answered by no records");
            return;
        }
        memcpy(&distance, &record.lease, sizeof distance);
        if (i > 0) {
            double before;

            memcpy(&before, &last, sizeof before);
            if (distance < before) {
                wrong(&look, "is told in another order than of distances:", record.key);
            }
        }
        last = record.lease;
        check_hit(&look, &record);
    }
    if (reply->record_count < look.call->k && !reply->more) {
        check_missing(&look);
    }
}

/* --- answers to writes ------------------------------------------------------------------------ */

static void wrote(struct sim_client *client, enum sw_err err)
{
    const struct sim_item_call *call = &client->item;
    struct sim_item *item = &client->all->items[client->number - 1][call->at];

    item->since = ++client->all->item_clock;
    if (err == SW_ERR_OK) {
        item->there = call->op == SW_OP_VECTOR_PUT;
        item->vector = call->vector;
        item->kind = (uint32_t)call->kind;
    } else {
        item->generation++;
        item->there = false;
    }
}

/* These indexes have less than a segment of vectors, so what is found stays as it was. */
static void check_lowered(struct sim_client *client, const struct sw_reply *reply)
{
    uint32_t *bits = &client->all->item_bits[client->item.index];

    if (reply->err == SW_ERR_OK && client->item.lowest != 0 &&
        client->item.bits >= client->item.lowest) {
        sim_fail(client->all->world, "items: an index was lowered upwards");
    } else if (reply->err == SW_ERR_CONFLICT &&
               (reply->value == 0 || client->item.bits < reply->value)) {
        sim_fail(client->all->world, "items: an index is not lowered, without a reason");
    }
    if (reply->err == SW_ERR_OK && (*bits == 0 || client->item.bits < *bits)) {
        *bits = client->item.bits;
    }
}

static void done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_item_call *call = &client->item;
    struct sim_clients *all = client->all;
    const bool ok = reply->err == SW_ERR_OK;
    const bool reads = call->op == SW_OP_VECTOR_SEARCH;

    SW_ASSERT(call->pending);
    call->pending = false;
    sim_trace3(all->world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               call->call);
    sim_history_end(&all->history,
                    call->call,
                    ok ? SIM_CALL_DONE : SIM_CALL_UNKNOWN,
                    ok && !call->aged ? reply->revision : 0,
                    ok && !reads);
    if (call->passing) {
        all->item_passing = reply->err != SW_ERR_NO_INDEX;
        return;
    }
    if (call->op == SW_OP_INDEX_CREATE) {
        all->item_index[call->index] |= ok || reply->err == SW_ERR_CONFLICT;
    } else if (reply->err == SW_ERR_NO_INDEX && !call->aged) {
        sim_fail(all->world, "items: the index that was made is not there");
    } else if (reads && ok) {
        searched(client, reply);
    } else if (call->op == SW_OP_INDEX_LOWER) {
        check_lowered(client, reply);
    } else if (!reads) {
        if (call->op == SW_OP_DELETE && reply->err == SW_ERR_NOT_FOUND) {
            sim_fail(
                all->world, "items: client %u deletes item %u: lost", client->number, call->at);
        }
        wrote(client, reply->err);
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

static void ask_create(
    const char *name, uint32_t seed, bool wide, struct sw_request *request, struct sw_buf *value)
{
    const struct sw_vector_space space = {
        .metric = COSINE, .dtype = wide ? I8 : F32, .dim = wide ? WIDE : DIM, .seed = 1000 + seed};

    request->op = SW_OP_INDEX_CREATE;
    request->key = sw_span_str(name);
    sw_vector_space_encode(&space, value);
}

static void ask_put(struct sim_client *client,
                    const char *index,
                    struct sw_span vector,
                    struct sw_request *request,
                    struct sw_buf *value)
{
    struct sw_vector_item item = {.index = sw_span_str(index),
                                  .vector = vector,
                                  .attribute_count = 1,
                                  .content = sw_span_str("an item")};

    item.attributes[0] = (struct sw_attribute){
        .kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("kind"), .number = client->item.kind};
    request->op = SW_OP_VECTOR_PUT;
    sw_vector_item_encode(&item, value);
}

static void ask_search(const struct sim_item_call *call,
                       const char *index,
                       struct sw_span vector,
                       struct sw_request *request,
                       struct sw_buf *value)
{
    struct sw_vector_query query = {.index = sw_span_str(index), .vector = vector, .k = call->k};

    if (call->kind >= 0) {
        query.condition_count = 1;
        query.conditions[0] = (struct sw_condition){.kind = SW_CONDITION_EQUAL,
                                                    .attribute = {.kind = SW_ATTRIBUTE_NUMBER,
                                                                  .name = sw_span_str("kind"),
                                                                  .number = call->kind}};
    }
    request->op = SW_OP_VECTOR_SEARCH;
    request->max_age_ms = call->aged ? 5000 : 0;
    sw_vector_query_encode(&query, value);
}

static void ask_lower(struct sim_client *client,
                      const char *index,
                      struct sw_request *request,
                      struct sw_buf *value)
{
    static const uint8_t ladder[] = {16, 8, 6, 4, 2, 1};

    request->op = SW_OP_INDEX_LOWER;
    request->key = sw_span_str(index);
    client->item.lowest = client->all->item_bits[client->item.index];
    client->item.bits = ladder[sw_prng_below(&client->all->world->prng, sizeof ladder)];
    sw_write_u8(value, (uint8_t)client->item.bits);
}

/* Made, filled, lowered, asked and dropped by whoever likes; any answer is right. */
static void pass(struct sim_client *client, struct sw_request *request, struct sw_buf *value)
{
    struct sw_prng *prng = &client->all->world->prng;
    struct sim_item_call *call = &client->item;
    const uint64_t what = client->all->item_passing ? sw_prng_below(prng, 24) : 0;
    int8_t vector[WIDE];

    call->passing = true;
    call->kind = 1;
    call->k = sw_prng_chance(prng, 1, 2) ? SHORT : LONG;
    call->vector = (uint32_t)sw_prng_below(prng, VECTORS);
    if (what < 1) {
        ask_create(passing, 99, true, request, value);
    } else if (what < 2) {
        request->op = SW_OP_INDEX_DROP;
        request->key = sw_span_str(passing);
    } else if (what < 15) {
        (void)snprintf(call->key, sizeof call->key, "passing-%u", call->vector % 8);
        request->key = sw_span_str(call->key);
        ask_put(client, passing, wide_of(call->vector, vector), request, value);
    } else if (what < 18) {
        ask_lower(client, passing, request, value);
    } else {
        ask_search(call, passing, wide_of(call->vector, vector), request, value);
    }
}

static void write(struct sim_client *client, struct sw_request *request, struct sw_buf *value)
{
    struct sw_prng *prng = &client->all->world->prng;
    struct sim_item_call *call = &client->item;
    struct sim_item *item;
    float vector[DIM];

    call->at = (uint32_t)sw_prng_below(prng, SIM_ITEM_COUNT / SIM_ITEM_INDEX_COUNT) *
                   SIM_ITEM_INDEX_COUNT +
               call->index;
    item = &client->all->items[client->number - 1][call->at];
    call->vector = (uint32_t)sw_prng_below(prng, VECTORS);
    call->kind = (int32_t)sw_prng_below(prng, KINDS);
    request->key = key_of(client->number, call->at, item->generation, call->key);
    if (item->there && sw_prng_chance(prng, 1, 4)) {
        request->op = SW_OP_DELETE;
    } else {
        vector_of(call->vector, vector);
        ask_put(client,
                names[call->index / PARTITIONS],
                sw_span_of(vector, sizeof vector),
                request,
                value);
    }
    item->since = UINT64_MAX; /* until it is known what becomes of it */
}

static void submit(struct sim_client *client,
                   struct sw_request *request,
                   struct sw_buf *value,
                   uint32_t timeout_ms)
{
    struct sim_item_call *call = &client->item;

    request->value = sw_buf_span(value);
    call->op = request->op;
    sim_client_submit(
        client, request, partitions[call->index % PARTITIONS], timeout_ms, done, &call->call);
    sw_buf_release(value);
}

/* Who is free joins in, so that segments fill. */
static void pass_together(struct sim_client *client, uint32_t timeout_ms)
{
    struct sim_clients *all = client->all;

    for (uint32_t i = 0; i < all->world->plan.clients; i++) {
        struct sim_item_call *call = &all->client[i].item;
        struct sw_request request = {.op = 0};
        struct sw_buf value = {0};

        if (&all->client[i] == client || !call->pending) {
            *call = (struct sim_item_call){.pending = true};
            pass(&all->client[i], &request, &value);
            submit(&all->client[i], &request, &value, timeout_ms);
        }
    }
}

static void
search(struct sim_client *client, const struct sim_item_call *question, uint32_t timeout_ms)
{
    struct sim_item_call *call = &client->item;
    struct sw_request request = {.op = 0};
    struct sw_buf value = {0};
    float vector[DIM];

    *call = *question;
    call->pending = true;
    call->aged = sw_prng_chance(&client->all->world->prng, 1, 3);
    call->began = client->all->item_clock;
    vector_of(call->vector, vector);
    ask_search(
        call, names[call->index / PARTITIONS], sw_span_of(vector, sizeof vector), &request, &value);
    submit(client, &request, &value, timeout_ms);
}

/* Often all who are free ask the same at once, of any replica: so answers come to be of one
 * revision. */
static void search_together(struct sim_client *client, uint32_t timeout_ms)
{
    struct sim_clients *all = client->all;
    struct sw_prng *prng = &all->world->prng;
    const struct sim_item_call question = {
        .index = client->item.index,
        .vector = (uint32_t)sw_prng_below(prng, VECTORS),
        .kind = (int32_t)sw_prng_below(prng, KINDS + 1) - 1,
        .k = sw_prng_chance(prng, 1, 3) ? LONG : SHORT,
    };
    const bool together = sw_prng_chance(prng, 1, 3);

    search(client, &question, timeout_ms);
    for (uint32_t i = 0; together && i < all->world->plan.clients; i++) {
        if (!all->client[i].item.pending) {
            search(&all->client[i], &question, timeout_ms);
        }
    }
}

void sim_item_step(struct sim_client *client, uint32_t timeout_ms)
{
    struct sim_clients *all = client->all;
    struct sw_prng *prng = &all->world->prng;
    struct sim_item_call *call = &client->item;
    struct sw_request request = {.op = 0};
    struct sw_buf value = {0};

    if (call->pending) {
        return;
    }
    *call = (struct sim_item_call){.pending = true,
                                   .index = (uint32_t)sw_prng_below(prng, SIM_ITEM_INDEX_COUNT)};
    if (!all->item_index[call->index]) {
        ask_create(names[call->index / PARTITIONS], call->index, false, &request, &value);
    } else if (sw_prng_chance(prng, 1, 6)) {
        pass_together(client, timeout_ms);
        return;
    } else if (sw_prng_chance(prng, 1, 40)) {
        ask_lower(client, names[call->index / PARTITIONS], &request, &value);
    } else if (sw_prng_chance(prng, 2, 5)) {
        write(client, &request, &value);
    } else {
        search_together(client, timeout_ms);
        return;
    }
    submit(client, &request, &value, timeout_ms);
}
