/* An index says how it is, and a tuning is one value on every replica from its revision on. */
#include "node/vectors_private.h"
#include "tests/unit/node/vector_kit.h"

static struct sw_reply reply;
static struct sw_buf records;

static struct sw_request tune(uint32_t target, uint32_t probe, uint32_t rerank)
{
    const struct sw_vector_tuning tuning = {target, probe, rerank};
    struct sw_request request = kit_request(SW_OP_INDEX_TUNE);

    sw_buf_clear(&kit_value);
    sw_vector_tuning_encode(&tuning, &kit_value);
    request.key = sw_span_str("facts");
    request.value = sw_buf_span(&kit_value);
    return request;
}

static void ask(struct kit *kit, struct sw_request request)
{
    assert_int_equal(sw_query(&kit->state, kit->store, &request, &records, &reply), SW_ERR_OK);
}

static struct sw_request status(uint32_t samples)
{
    struct sw_request request = kit_request(SW_OP_INDEX_STATUS);

    request.key = sw_span_str("facts");
    request.limit = samples;
    request.expected = 77;
    return request;
}

static bool says(const char *what)
{
    char text[2048];

    assert_true(reply.detail.size < sizeof text);
    memcpy(text, reply.detail.data, reply.detail.size);
    text[reply.detail.size] = '\0';
    return strstr(text, what) != NULL;
}

static void fill(struct kit *kit, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const struct kit_vector vector = kit_vector_of(i);
        const struct sw_vector_item item = kit_item("facts", &vector, "content");
        char key[24];

        (void)snprintf(key, sizeof key, "k%llu", (unsigned long long)i);
        (void)kit_run(kit, 1, kit_vector_put(key, &item));
    }
}

static void an_index_tells_its_recall(void **state)
{
    struct kit kit = kit_open();
    struct sw_request anybody = {.op = SW_OP_INDEX_STATUS, .limit = 1, .expected = 5};
    struct sw_record record;
    struct sw_reader in;

    (void)state;
    ask(&kit, status(0));
    assert_int_equal(reply.err, SW_ERR_NO_INDEX);
    ask(&kit, anybody);
    assert_int_equal(reply.err, SW_ERR_NO_INDEX);
    (void)kit_run(&kit, 1, kit_index_create("facts", KIT_DIM));
    ask(&kit, status(8));
    assert_int_equal(reply.err, SW_ERR_OK);
    assert_true(says("\"samples\":0")); /* nothing to ask about */
    fill(&kit, 300);
    ask(&kit, status(20));
    assert_true(says("\"entries\":\"300\""));
    assert_true(says("\"samples\":20"));
    ask(&kit, status(SW_INDEX_SAMPLE_COUNT_MAX));
    assert_true(says("\"samples\":84"));
    ask(&kit, status(SW_INDEX_SAMPLE_COUNT_MAX + 1));
    assert_int_equal(reply.err, SW_ERR_INVALID);
    ask(&kit, anybody);
    assert_int_equal(reply.record_count, 1);
    in = sw_reader_of(reply.records);
    assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
    assert_true(sw_span_equal(record.key, sw_span_str("acme/prod/agents/facts")));
    assert_int_equal(record.version, 85);
    assert_int_equal(record.value.size, 0); /* a small index is left alone */
    kit_close(&kit);
}

/* What another budget would find is told, and forgotten. */
static void another_budget_may_be_tried(void **state)
{
    struct kit kit = kit_open();
    struct sw_request request = status(10);

    (void)state;
    (void)kit_run(&kit, 1, kit_index_create("facts", KIT_DIM));
    fill(&kit, 300);
    request.value = tune(0, 30, 15).value;
    ask(&kit, request);
    assert_true(says("\"samples\":10"));
    assert_true(says("\"probe_percent\":30,\"rerank_tenths\":15"));
    ask(&kit, status(0));
    assert_true(says("\"samples\":0"));
    request.value = tune(950, 0, 0).value; /* no budget */
    ask(&kit, request);
    assert_int_equal(reply.err, SW_ERR_INVALID);
    kit_close(&kit);
}

static void a_tuning_is_kept(void **state)
{
    struct kit kit = kit_open();
    struct kit_vector vector = kit_vector_of(7);
    struct sw_vector_query query = kit_question("facts", &vector);

    (void)state;
    kit_assert_result(kit_run(&kit, 1, tune(950, 0, 0)), SW_ERR_NO_INDEX, 0, 0);
    (void)kit_run(&kit, 1, kit_index_create("facts", KIT_DIM));
    fill(&kit, 300);
    kit_assert_result(kit_run(&kit, 1, tune(950, 100, 200)), SW_ERR_OK, 302, 0);
    kit_commit(&kit);
    kit_restart(&kit);
    ask(&kit, status(0));
    assert_true(says("\"target_permille\":950,\"probe_percent\":100,\"rerank_tenths\":200"));
    query.k = 10;
    assert_non_null(strstr(kit_search(&kit, &query).detail, "\"reranked\":200"));
    query.recall_permille = 990; /* who names one gets what it costs */
    assert_null(strstr(kit_search(&kit, &query).detail, "\"reranked\":200"));
    assert_int_equal(kit_run(&kit, 1, tune(0, 0, 0)).err, SW_ERR_OK);
    ask(&kit, status(0));
    assert_true(says("\"target_permille\":0"));
    kit_close(&kit);
}

static void hostile_tunings(void **state)
{
    static const struct sw_vector_tuning wrong[] = {{499, 0, 0},
                                                    {1000, 0, 0},
                                                    {0, 100, 0},
                                                    {0, 0, 100},
                                                    {0, SW_VECTOR_PROBE_MIN - 1, 100},
                                                    {0, SW_VECTOR_PROBE_MAX + 1, 100},
                                                    {0, 100, SW_VECTOR_RERANK_MIN - 1},
                                                    {0, 100, SW_VECTOR_RERANK_MAX + 1},
                                                    {65535, UINT32_MAX, UINT32_MAX}};
    char why[SW_WHY_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct sw_request request =
            tune(wrong[i].target_permille, wrong[i].probe_percent, wrong[i].rerank_tenths);

        assert_int_equal(sw_request_validate(&request, why), SW_ERR_INVALID);
    }
    for (size_t size = 1; size < SW_VECTOR_TUNING_SIZE; size++) {
        struct sw_request request = tune(950, 100, 100);

        request.value.size = size;
        assert_int_equal(sw_request_validate(&request, why), SW_ERR_INVALID);
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
        cmocka_unit_test(an_index_tells_its_recall),
        cmocka_unit_test(another_budget_may_be_tried),
        cmocka_unit_test(a_tuning_is_kept),
        cmocka_unit_test(hostile_tunings),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
