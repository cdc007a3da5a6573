/* A calibrated budget reaches its recall on queries of the same kind, costs less where less will
 * do, and comes out the same from any reader. */
#include "index/calibrate.h"
#include "tests/unit/index/index_world.h"

enum { DIM = 64, ENTRIES = 4000, K = 10, QUERIES = 100 };

static struct world filled(void)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(11);

    for (uint32_t at = 0; at < ENTRIES; at++) {
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, 200), SW_ERR_OK);
    world_settle(&world);
    world_open(&world);
    return world;
}

static double recall_of(struct world *world, struct sw_index_budget budget)
{
    const struct sw_index_query exact = {.k = K, .recall_permille = 1000};
    const struct sw_index_query fast = {.k = K, .budget = budget};
    struct sw_prng prng = sw_prng_of(12);
    uint32_t right = 0;

    for (uint32_t i = 0; i < QUERIES; i++) {
        struct sw_index_hit want[K], got[K];
        struct sw_index_query query = exact;
        float vector[WORLD_DIM_MAX];
        uint32_t count = 0;

        world_vector(&prng, DIM, vector);
        query.vector = world_span(world, vector);
        assert_int_equal(sw_index_search(world->reader, &query, want, &count, NULL), SW_ERR_OK);
        query = fast;
        query.vector = world_span(world, vector);
        assert_int_equal(sw_index_search(world->reader, &query, got, &count, NULL), SW_ERR_OK);
        for (uint32_t j = 0; j < count; j++) {
            right += got[j].distance <= want[K - 1].distance;
        }
    }
    return (double)right / (K * QUERIES);
}

static enum sw_err calibrate(struct sw_index_reader *reader,
                             uint32_t permille,
                             uint32_t samples,
                             uint32_t k,
                             struct sw_index_calibration *ret_found)
{
    const struct sw_index_sampling sampling = {.count = samples, .seed = 7, .k = k};

    return sw_index_calibrate(reader, permille, &sampling, ret_found);
}

/* Past queries say what entries cannot: these are all far from everything. */
static void strangers_cost_more(void **state)
{
    struct world world = filled();
    static float vectors[QUERIES][WORLD_DIM_MAX];
    struct sw_span spans[QUERIES];
    const struct sw_index_sampling sampling = {.vectors = spans, .count = QUERIES, .k = K};
    struct sw_index_calibration entries, strangers;
    struct sw_prng prng = sw_prng_of(13);

    (void)state;
    for (uint32_t i = 0; i < QUERIES; i++) {
        for (uint32_t d = 0; d < DIM; d++) {
            vectors[i][d] = (float)sw_prng_below(&prng, 2000) - 1000;
        }
        spans[i] = world_span(&world, vectors[i]);
    }
    assert_int_equal(calibrate(world.reader, 900, QUERIES, K, &entries), SW_ERR_OK);
    assert_int_equal(sw_index_calibrate(world.reader, 900, &sampling, &strangers), SW_ERR_OK);
    assert_true(strangers.budget.probe_percent > entries.budget.probe_percent);
    assert_true(strangers.recall_permille >= 900);
    spans[3].size--;
    assert_int_equal(sw_index_calibrate(world.reader, 900, &sampling, &strangers), SW_ERR_INVALID);
    world_free(&world);
}

static void a_budget_reaches_its_recall(void **state)
{
    struct world world = filled();
    struct sw_index_calibration low, high;

    (void)state;
    assert_int_equal(calibrate(world.reader, 800, 200, K, &low), SW_ERR_OK);
    assert_int_equal(calibrate(world.reader, 980, 200, K, &high), SW_ERR_OK);
    assert_int_equal(low.samples, 200);
    assert_true(low.recall_permille >= 800);
    assert_true(high.recall_permille >= 980);
    assert_true(low.budget.probe_percent < high.budget.probe_percent);
    assert_true(recall_of(&world, low.budget) > 0.78);
    assert_true(recall_of(&world, high.budget) > 0.96);
    world_free(&world);
}

static void any_reader_says_the_same(void **state)
{
    struct world world = filled();
    struct sw_index_reader *other = sw_index_reader_new(sw_span_str("ab"));
    struct sw_index_calibration a, b;

    (void)state;
    (void)recall_of(&world, (struct sw_index_budget){30, 40}); /* it has looked around already */
    assert_int_equal(sw_index_reader_open(other, world.map, false), SW_ERR_OK);
    assert_int_equal(calibrate(world.reader, 900, 100, K, &a), SW_ERR_OK);
    assert_int_equal(calibrate(other, 900, 100, K, &b), SW_ERR_OK);
    assert_memory_equal(&a, &b, sizeof(a));
    sw_index_reader_free(other);
    world_free(&world);
}

static void refusals_name_the_field(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_index_calibration found;

    (void)state;
    world_open(&world);
    assert_int_equal(calibrate(world.reader, 900, 10, K, &found), SW_ERR_NOT_FOUND);
    assert_int_equal(calibrate(world.reader, 1000, 10, K, &found), SW_ERR_INVALID);
    assert_non_null(strstr(sw_index_reader_why(world.reader), "recall"));
    assert_int_equal(calibrate(world.reader, 900, 10, 0, &found), SW_ERR_INVALID);
    assert_non_null(strstr(sw_index_reader_why(world.reader), "k:"));
    assert_int_equal(calibrate(world.reader, 900, 257, K, &found), SW_ERR_INVALID);
    assert_non_null(strstr(sw_index_reader_why(world.reader), "samples"));
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_reaches_its_recall),
        cmocka_unit_test(strangers_cost_more),
        cmocka_unit_test(any_reader_says_the_same),
        cmocka_unit_test(refusals_name_the_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
