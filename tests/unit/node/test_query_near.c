/* A watch by meaning tells each put of a near vector once, in order, as it was put, whatever became
 * of it; against a model that remembers every put and compares it by itself. */
#include <math.h>

#include "node/vectors_private.h"
#include "tests/unit/node/vector_kit.h"

enum { PUT_MAX = 2000, KEYS = 40, CROWDS = 8 };

static const double near_enough = 0.25;

struct put {
    uint64_t revision;
    uint32_t number; /* of its key; content and label are the revision's number */
    struct kit_vector vector;
    int64_t label;
};

struct model {
    struct put puts[PUT_MAX];
    uint32_t count;
};

static struct sw_reply reply;
static struct sw_buf records;

/* One of some crowds, so that some are near one another. */
static struct kit_vector crowded(uint64_t number)
{
    struct kit_vector vector = kit_vector_of(number % CROWDS);
    const struct kit_vector own = kit_vector_of(1000 + number);

    for (int i = 0; i < KIT_DIM; i++) {
        vector.at[i] += 0.35F * own.at[i];
    }
    return vector;
}

static double cosine_distance(const struct kit_vector *a, const struct kit_vector *b)
{
    double dot = 0, x = 0, y = 0;

    for (int i = 0; i < KIT_DIM; i++) {
        const double left = (double)a->at[i];
        const double right = (double)b->at[i];

        dot += left * right;
        x += left * left;
        y += right * right;
    }
    return 1 - dot / sqrt(x * y);
}

static struct sw_request near_request(struct sw_vector_query *query, uint64_t after)
{
    struct sw_request request = kit_request(SW_OP_WATCH);

    query->k = 1;
    query->flags |= SW_VECTOR_BOUNDED;
    sw_buf_clear(&kit_value);
    sw_vector_query_encode(query, &kit_value);
    request.value = sw_buf_span(&kit_value);
    request.expected = after;
    return request;
}

static void ask(struct kit *kit, const struct sw_request *request)
{
    assert_int_equal(sw_query(&kit->state, kit->store, request, &records, &reply), SW_ERR_OK);
}

static const char *key_of(uint32_t number)
{
    static char name[16];

    (void)snprintf(name, sizeof name, "key-%u", number);
    return name;
}

static void put_one(struct kit *kit, struct model *model, uint32_t number, uint64_t seed)
{
    struct put *put = &model->puts[model->count++];
    struct sw_vector_item item;
    char content[24];

    assert_true(model->count < PUT_MAX);
    put->number = number;
    put->vector = crowded(seed);
    put->label = (int64_t)(seed % 3);
    (void)snprintf(content, sizeof content, "%llu", (unsigned long long)seed);
    item = kit_item("facts", &put->vector, content);
    item.attribute_count = 1;
    item.attributes[0] = (struct sw_attribute){
        .kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("label"), .number = put->label};
    item.context = number % 2;
    assert_int_equal(kit_run(kit, 1, kit_vector_put(key_of(number), &item)).err, SW_ERR_OK);
    put->revision = kit->state.revision;
}

/* Puts, puts again, plain puts that keep the vector, and deletes. */
static void step(struct kit *kit, struct model *model, struct sw_prng *prng)
{
    const uint32_t number = (uint32_t)sw_prng_below(prng, KEYS);

    switch (sw_prng_below(prng, 6)) {
    case 0:
        (void)kit_run(kit, 1, kit_delete(key_of(number)));
        break;
    case 1:
        (void)kit_run(kit, 1, kit_put(key_of(number), "plain"));
        break;
    default:
        put_one(kit, model, number, sw_prng_next(prng) % 100000);
    }
}

/* What the question asks for, by the model. */
static bool is_wanted(const struct put *put, const struct sw_vector_query *query)
{
    const struct kit_vector *asked = (const struct kit_vector *)(const void *)query->vector.data;

    if (query->condition_count > 0 && put->label != query->conditions[0].attribute.number) {
        return false;
    }
    if ((query->flags & SW_VECTOR_CONTEXT) != 0 && put->number % 2 != query->context) {
        return false;
    }
    return cosine_distance(asked, &put->vector) <= query->distance_max;
}

static void expect_put(struct sw_reader *in, const struct put *put, const struct kit_vector *asked)
{
    struct sw_record record;
    double distance;

    assert_int_equal(sw_record_decode(in, &record), SW_ERR_OK);
    assert_int_equal(record.mod_revision, put->revision);
    assert_true(sw_span_equal(record.key, sw_span_str(key_of(put->number))));
    assert_true(record.value.size > 0);
    memcpy(&distance, &record.lease, sizeof distance);
    assert_true(fabs(distance - cosine_distance(asked, &put->vector)) < 1e-4);
}

/* From `after` to the end, a page of `limit` at a time; how many were told. */
static uint32_t follow(struct kit *kit,
                       const struct model *model,
                       struct sw_vector_query *query,
                       uint64_t after,
                       uint32_t limit)
{
    const struct kit_vector *asked = (const struct kit_vector *)(const void *)query->vector.data;
    uint32_t told = 0;
    uint32_t at = 0;

    while (at < model->count && model->puts[at].revision <= after) {
        at++;
    }
    while (after < kit->state.revision) {
        struct sw_request request = near_request(query, after);
        struct sw_reader in;

        request.limit = limit;
        ask(kit, &request);
        assert_int_equal(reply.err, SW_ERR_OK);
        assert_true(reply.revision > after);
        assert_true(reply.record_count <= limit);
        after = reply.revision;
        in = sw_reader_of(reply.records);
        for (; at < model->count && model->puts[at].revision <= after; at++) {
            if (is_wanted(&model->puts[at], query)) {
                expect_put(&in, &model->puts[at], asked);
                told++;
            }
        }
        assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    }
    assert_int_equal(at, model->count);
    return told;
}

static struct sw_vector_query question(const struct kit_vector *vector)
{
    struct sw_vector_query query = kit_question("facts", vector);

    query.distance_max = near_enough;
    query.flags = SW_VECTOR_BOUNDED;
    return query;
}

static void tells_each_near_put_once(void **state)
{
    struct kit kit = kit_open();
    struct model *model = calloc(1, sizeof *model);
    struct sw_prng prng = sw_prng_of(3);
    uint64_t begin;
    uint32_t all = 0;

    (void)state;
    assert_int_equal(kit_run(&kit, 1, kit_index_create("facts", KIT_DIM)).err, SW_ERR_OK);
    begin = kit.state.revision;
    for (int i = 0; i < 900; i++) {
        step(&kit, model, &prng);
        if (i % 250 == 249) {
            kit_commit(&kit);
            kit_restart(&kit);
        }
    }
    for (uint64_t i = 0; i < CROWDS; i++) {
        const struct kit_vector asked = kit_vector_of(i);
        struct sw_vector_query query = question(&asked);

        all += follow(&kit, model, &query, begin, 1);
        assert_true(follow(&kit, model, &query, begin + 300, 7) > 0);
        query.condition_count = 1;
        query.conditions[0] = (struct sw_condition){
            .kind = SW_CONDITION_EQUAL,
            .attribute = {.kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("label"), .number = 1}};
        assert_true(follow(&kit, model, &query, begin, 100) > 0);
        query.condition_count = 0;
        query.flags |= SW_VECTOR_CONTEXT;
        query.context = 1;
        assert_true(follow(&kit, model, &query, begin, 100) > 0);
    }
    assert_true(all > 200);
    free(model);
    kit_close(&kit);
}

/* Compaction takes the oldest lost vectors with their changes, and whoever asks from before is told
 * so; everything above is still exact, and in the end nothing is left that leads nowhere. */
static void what_is_compacted_is_said(void **state)
{
    struct kit kit = kit_open();
    struct model *model = calloc(1, sizeof *model);
    struct sw_prng prng = sw_prng_of(4);
    const struct kit_vector asked = kit_vector_of(2);
    struct sw_vector_query query = question(&asked);
    struct sw_request request = kit_request(SW_OP_COMPACT);
    struct sw_store_record record;
    struct sw_key prefix;
    uint64_t begin;

    (void)state;
    assert_int_equal(kit_run(&kit, 1, kit_index_create("facts", KIT_DIM)).err, SW_ERR_OK);
    begin = kit.state.revision;
    for (int i = 0; i < 600; i++) {
        step(&kit, model, &prng);
    }
    request.tenant = request.name_space = request.partition = sw_span_of(NULL, 0);
    request.expected = begin + 200;
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    request = near_request(&query, begin + 100);
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_RESYNC);
    assert_int_equal(reply.revision, kit.state.revision);
    (void)follow(&kit, model, &query, begin + 200, 5);

    request = kit_request(SW_OP_COMPACT);
    request.tenant = request.name_space = request.partition = sw_span_of(NULL, 0);
    request.expected = kit.state.revision;
    assert_int_equal(kit_run(&kit, 1, request).err, SW_ERR_OK);
    assert_int_equal(kit.state.change_size, 0); /* what grew was counted */
    sw_vectors_lost_key(kit.state.vectors.all[0], 0, &prefix);
    assert_true(
        kit.store->ops->seek(kit.store, SW_TABLE_INDEX, sw_key_span(&prefix), false, &record) ==
            SW_ERR_NOT_FOUND ||
        !sw_key_has_prefix(record.key, sw_key_span(&prefix)));
    free(model);
    kit_close(&kit);
}

static void refusals(void **state)
{
    struct kit kit = kit_open();
    const struct kit_vector asked = kit_vector_of(2);
    struct kit_vector zero = {{0}};
    struct sw_vector_query query = question(&asked);
    struct sw_request request = near_request(&query, 0);

    (void)state;
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_NO_INDEX);
    assert_int_equal(kit_run(&kit, 1, kit_index_create("facts", KIT_DIM)).err, SW_ERR_OK);
    request = near_request(&query, 0);
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_RESYNC); /* there was no such index then */
    request = near_request(&query, kit.state.revision + 1);
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_RESYNC);
    request = near_request(&query, kit.state.revision);
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_OK);
    assert_int_equal(reply.record_count, 0);
    assert_int_equal(reply.revision, kit.state.revision);
    request.flags = SW_REQUEST_PREVIOUS;
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_INVALID);
    query.vector.size -= 4;
    request = near_request(&query, kit.state.revision);
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_DIMENSION);
    assert_int_equal(reply.value, (uint64_t)(KIT_DIM - 1) << 32 | KIT_DIM);
    query.vector = sw_span_of(&zero, sizeof zero);
    request = near_request(&query, kit.state.revision);
    ask(&kit, &request);
    assert_int_equal(reply.err, SW_ERR_INVALID);
    kit_close(&kit);
}

/* A question that says how to search is none for a watcher. */
static void hostile_questions(void **state)
{
    const struct kit_vector asked = kit_vector_of(2);
    char why[SW_WHY_SIZE];

    (void)state;
    for (int i = 0; i < 9; i++) {
        struct sw_vector_query query = question(&asked);

        query.k = i == 0 ? 2 : 1;
        query.flags = i == 1 ? 0 : SW_VECTOR_BOUNDED;
        query.flags |= i == 2 ? SW_VECTOR_STALE : 0;
        query.probe = i == 3 ? 1 : 0;
        query.rerank = i == 4 ? 1 : 0;
        query.recall_permille = i == 5 ? 900 : 0;
        query.revision_min = i == 6 ? 1 : 0;
        query.revision_max = i == 7 ? 1 : 0;
        query.distance_max = i == 1 ? 0 : i == 8 ? (double)INFINITY : near_enough;
        sw_buf_clear(&kit_value);
        sw_vector_query_encode(&query, &kit_value);
        assert_int_equal(sw_vector_watch_validate(sw_buf_span(&kit_value), why), SW_ERR_INVALID);
        for (size_t size = 0; size < kit_value.size; size++) {
            assert_int_equal(sw_vector_watch_validate(sw_span_of(kit_value.data, size), why),
                             SW_ERR_INVALID);
        }
    }
}

static int release(void **state)
{
    (void)state;
    sw_buf_release(&records);
    sw_buf_release(&kit_value);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_near_put_once),
        cmocka_unit_test(what_is_compacted_is_said),
        cmocka_unit_test(refusals),
        cmocka_unit_test(hostile_questions),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
