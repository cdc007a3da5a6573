/* A measured distance is the one that a search gives, whatever the metric, and bytes that are not
 * the row that was meant are refused. */
#include "index/measure.h"
#include "tests/unit/index/index_world.h"

enum { DIM = 96, ENTRIES = 1500, K = 50 };

static void check(enum sw_metric metric)
{
    struct world world = world_new(DIM, metric);
    struct sw_prng prng = sw_prng_of(5);
    struct sw_index_query query = {.k = K, .recall_permille = 1000};
    struct sw_index_hit hits[K];
    struct sw_measure *measure = NULL;
    char why[SW_WHY_SIZE];
    float vector[WORLD_DIM_MAX];
    uint32_t count = 0;

    for (uint32_t at = 0; at < ENTRIES; at++) {
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    world_open(&world);
    world_vector(&prng, DIM, vector);
    query.vector = world_span(&world, vector);
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, NULL), SW_ERR_OK);
    assert_int_equal(count, K);
    assert_int_equal(sw_measure_new(&world.space, query.vector, why, &measure), SW_ERR_OK);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t copy[8192]; /* a row may outlive its entry, at an address of its own */
        struct sw_span row, same;
        int64_t distance = 0;

        assert_int_equal(sw_index_row(world.index, hits[i].id, &row), SW_ERR_OK);
        assert_int_equal(row.size, sw_measure_row_size(&world.space));
        memcpy(copy + 1, row.data, row.size);
        assert_int_equal(sw_index_reader_row(world.reader, hits[i].id, &same), SW_ERR_OK);
        assert_memory_equal(copy + 1, same.data, same.size);
        assert_int_equal(
            sw_measure_row(measure, hits[i].id, sw_span_of(copy + 1, same.size), &distance),
            SW_ERR_OK);
        assert_int_equal(distance, hits[i].distance);
        assert_int_equal(
            sw_measure_row(measure, hits[i].id + 1, sw_span_of(copy + 1, same.size), &distance),
            SW_ERR_CORRUPT);
        assert_int_equal(
            sw_measure_row(measure, hits[i].id, sw_span_of(copy + 1, same.size - 1), &distance),
            SW_ERR_CORRUPT);
    }
    sw_measure_free(measure);
    world_free(&world);
}

static void measures_as_a_search_does(void **state)
{
    (void)state;
    check(SW_METRIC_COSINE);
    check(SW_METRIC_INNER_PRODUCT);
    check(SW_METRIC_L2);
}

static void refuses_what_is_no_vector(void **state)
{
    const struct sw_space space = world_space(DIM, SW_METRIC_COSINE);
    const float zero[DIM] = {0};
    struct sw_measure *measure = NULL;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_measure_new(&space, sw_span_of(zero, sizeof zero), why, &measure),
                     SW_ERR_INVALID);
    assert_true(why[0] != 0);
    assert_int_equal(sw_measure_new(&space, sw_span_of(zero, 12), why, &measure), SW_ERR_INVALID);
    assert_null(measure);
}

/* An entry asked about by its own row finds itself first, and then what its vector would find. */
static void a_row_is_a_question(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(6);
    struct sw_index_hit by_row[K], by_vector[K];
    struct sw_index_query query = {.k = K, .recall_permille = 1000};
    uint32_t count = 0, same = 0;

    (void)state;
    for (uint32_t at = 0; at < ENTRIES; at++) {
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    world_open(&world);
    query.vector = world_span(&world, world.entries[700].vector);
    assert_int_equal(sw_index_search(world.reader, &query, by_vector, &count, NULL), SW_ERR_OK);
    query.vector = sw_span_of(NULL, 0);
    assert_int_equal(sw_index_reader_row(world.reader, 701, &query.row), SW_ERR_OK);
    assert_int_equal(sw_index_search(world.reader, &query, by_row, &count, NULL), SW_ERR_OK);
    assert_int_equal(count, K);
    assert_int_equal(by_row[0].id, 701);
    for (uint32_t i = 0; i < K; i++) {
        for (uint32_t j = 0; j < K; j++) {
            same += by_row[i].id == by_vector[j].id;
        }
    }
    assert_true(same >= K - 1); /* what is stored is rounded */
    assert_int_equal(sw_index_reader_row(world.reader, ENTRIES + 1, &query.row), SW_ERR_NOT_FOUND);
    world_free(&world);
}

static void a_budget_is_in_the_place_of_the_default(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(7);
    struct sw_index_query query = {.k = 10};
    struct sw_index_certificate usual, less, asked;
    struct sw_index_hit hits[K];
    uint32_t count = 0;

    (void)state;
    for (uint32_t at = 0; at < ENTRIES; at++) {
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, 64), SW_ERR_OK);
    world_settle(&world);
    world_open(&world);
    query.vector = world_span(&world, world.entries[3].vector);
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &usual), SW_ERR_OK);
    query.budget = (struct sw_index_budget){.probe_percent = 200, .rerank_tenths = 400};
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &less), SW_ERR_OK);
    assert_true(less.probed > usual.probed);
    assert_int_equal(less.reranked, 400);
    query.recall_permille = 950; /* who asks for a recall gets what it costs */
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &asked), SW_ERR_OK);
    assert_int_equal(asked.probed, usual.probed);
    assert_int_equal(sw_index_budget_of(0).probe_percent, sw_index_budget_of(950).probe_percent);
    assert_true(sw_index_budget_of(990).rerank_tenths > sw_index_budget_of(950).rerank_tenths);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_as_a_search_does),
        cmocka_unit_test(refuses_what_is_no_vector),
        cmocka_unit_test(a_row_is_a_question),
        cmocka_unit_test(a_budget_is_in_the_place_of_the_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
