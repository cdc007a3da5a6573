/* Whoever aims fifty thousand vectors at one bucket fills other buckets with them: splits bound
 * each, so searches elsewhere look at no more than before and find as much. */
#include "index/index_private.h"
#include "tests/unit/index/index_world.h"

enum { DIM = 32, OTHERS = 4096, AIMED = 50000, BUCKETS = 48, QUERIES = 40, K = 10 };

/* Entries that a search of the k nearest looks at, at most over all queries; and their recall. */
struct cost {
    uint64_t scanned;
    uint32_t probed, recall; /* permille */
};

static struct cost search_elsewhere(struct world *world)
{
    struct sw_prng prng = sw_prng_of(500);
    struct cost cost = {0};
    uint32_t found = 0, all = 0;

    for (int i = 0; i < QUERIES; i++) {
        struct sw_index_query query = {.k = K};
        struct sw_index_hit truth[K], hits[K];
        struct sw_index_certificate certificate;
        uint32_t count = 0, truth_count = 0;
        float vector[WORLD_DIM_MAX];

        world_vector(&prng, DIM, vector);
        query.vector = world_span(world, vector);
        assert_int_equal(sw_index_search(world->reader, &query, hits, &count, &certificate), 0);
        query.recall_permille = 1000;
        assert_int_equal(sw_index_search(world->reader, &query, truth, &truth_count, NULL), 0);
        for (uint32_t j = 0; j < count; j++) {
            found += hits[j].distance <= truth[truth_count - 1].distance ? 1 : 0;
        }
        all += truth_count;
        cost.scanned = certificate.scanned > cost.scanned ? certificate.scanned : cost.scanned;
        cost.probed = certificate.probed > cost.probed ? certificate.probed : cost.probed;
    }
    cost.recall = found * 1000 / all;
    return cost;
}

static uint32_t largest(const struct world *world)
{
    struct sw_index_histogram histogram;

    sw_index_histogram(world->index, &histogram);
    return histogram.largest;
}

/* All around the first entry, which lies in one bucket; steps go on meanwhile, as in apply. */
static void aim(struct world *world, struct sw_prng *prng)
{
    bool working = true;

    for (uint64_t i = 0; i < AIMED; i++) {
        const struct sw_index_entry entry = {.id = 1000000 + i, .seq = 10000 + i};
        struct sw_index_entry put = entry;
        float vector[DIM];

        for (uint32_t d = 0; d < DIM; d++) {
            vector[d] =
                world->entries[0].vector[d] + ((float)sw_prng_below(prng, 400) - 200) / 16384.0F;
        }
        put.vector = sw_span_of(vector, sizeof vector);
        assert_int_equal(sw_index_put(world->index, &put), SW_ERR_OK);
        assert_int_equal(sw_index_step(world->index, SW_INDEX_STEP_BUDGET, &working), SW_ERR_OK);
    }
}

static void splits_bound_what_others_pay(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(9);
    struct cost before, after;

    (void)state;
    for (uint32_t at = 0; at < OTHERS; at++) {
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, BUCKETS), SW_ERR_OK);
    world_settle(&world);
    world_open(&world);
    before = search_elsewhere(&world);
    aim(&world, &prng);
    world_settle(&world);
    world_open(&world);
    after = search_elsewhere(&world);
    print_message("before: %llu entries of %u buckets, recall %u; after: %llu of %u, recall %u; "
                  "largest bucket %u\n",
                  (unsigned long long)before.scanned,
                  before.probed,
                  before.recall,
                  (unsigned long long)after.scanned,
                  after.probed,
                  after.recall,
                  largest(&world));
    assert_true(largest(&world) <= SW__BUCKET_ENTRIES_MAX);
    assert_true(after.scanned <= (uint64_t)after.probed * SW__BUCKET_ENTRIES_MAX);
    assert_true(after.scanned < AIMED / 5); /* not what was aimed */
    assert_true(after.recall + 50 >= before.recall);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(splits_bound_what_others_pay)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
