/* A search finds what is near within its budget, says how far it looked, and depends on nothing but
 * records and query. */
#include "index/reader_private.h"
#include "tests/unit/index/index_world.h"

enum { DIM = 96, QUERIES = 60, K = 10 };

static struct world trained_world(enum sw_metric metric)
{
    struct world world = world_new(DIM, metric);
    struct sw_prng prng = sw_prng_of(31);

    for (uint32_t at = 0; at < WORLD_ENTRIES; at++) {
        world.entries[at].slice = at % 2;
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, 48), SW_ERR_OK);
    world_settle(&world);
    world_open(&world);
    return world;
}

/* Part of the true k nearest that the query finds, in percent. */
static uint32_t recall(struct world *world, struct sw_index_query query)
{
    struct sw_prng prng = sw_prng_of(77);
    uint32_t found = 0;
    uint32_t all = 0;

    for (int i = 0; i < QUERIES; i++) {
        struct sw_index_query exact = query;
        struct sw_index_hit truth[K];
        struct sw_index_hit hits[K];
        uint32_t truth_count = 0;
        uint32_t count = 0;
        float vector[WORLD_DIM_MAX];

        world_vector(&prng, DIM, vector);
        query.vector = exact.vector = world_span(world, vector);
        query.k = exact.k = K;
        exact.recall_permille = 1000;
        exact.probe = exact.rerank = 0;
        assert_int_equal(sw_index_search(world->reader, &exact, truth, &truth_count, NULL), 0);
        assert_int_equal(sw_index_search(world->reader, &query, hits, &count, NULL), 0);
        all += truth_count;
        for (uint32_t j = 0; j < count; j++) {
            found += hits[j].distance <= truth[truth_count - 1].distance;
        }
    }
    return all == 0 ? 100 : 100 * found / all;
}

static void more_work_finds_more(void **state)
{
    static const enum sw_metric metrics[] = {
        SW_METRIC_COSINE, SW_METRIC_INNER_PRODUCT, SW_METRIC_L2};

    (void)state;
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        struct world world = trained_world(metrics[i]);
        const struct sw_index_query little = {.probe = 1, .rerank = 12};
        const struct sw_index_query usual = {0};
        const struct sw_index_query much = {.recall_permille = 999};

        assert_true(recall(&world, little) < recall(&world, much));
        assert_true(recall(&world, usual) >= 85);
        assert_true(recall(&world, much) >= 98);
        world_free(&world);
    }
}

static uint32_t every_97th(void *context, const uint64_t ids[], uint32_t count)
{
    uint32_t mask = 0;

    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        mask |= (uint32_t)(ids[i] % 97 == 5) << i;
    }
    return mask;
}

/* With a filter that lets few through, a fixed number of buckets would hold too few of them. */
static void a_filter_is_worth_more_buckets(void **state)
{
    struct world world = trained_world(SW_METRIC_COSINE);
    const struct sw_index_filter filter = {.mask = every_97th};
    const struct sw_index_query query = {.filter = &filter, .probe = 2};
    struct sw_index_query one = query;
    struct sw_index_certificate certificate;
    struct sw_index_hit hits[K];
    uint32_t count = 0;

    (void)state;
    assert_true(recall(&world, query) >= 95);
    one.vector = world_span(&world, world.entries[0].vector);
    one.k = K;
    assert_int_equal(sw_index_search(world.reader, &one, hits, &count, &certificate), SW_ERR_OK);
    assert_int_equal(count, K);
    assert_int_equal(certificate.passed, (WORLD_ENTRIES - 4) / 97 + 1);
    assert_int_equal(certificate.probed, certificate.buckets); /* there were not enough */
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(hits[i].id % 97, 5);
    }
    one.filter_pass_min = 5;
    assert_int_equal(sw_index_search(world.reader, &one, hits, &count, &certificate), SW_ERR_OK);
    assert_true(certificate.probed < certificate.buckets);
    world_free(&world);
}

/* One bucket holds whatever cannot be split: the bound is one of blocks. A search that stopped in
 * the middle of a bucket does not hide the rest of it from the next. */
static void a_crowd_in_one_bucket_is_not_scanned_beyond_the_bound(void **state)
{
    struct world world = world_new(32, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(4);
    struct sw_index_query query = {.k = K, .scan_max = 100};
    struct sw_index_certificate certificate;
    struct sw_index_hit hits[K];
    uint32_t count = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        world_fill(&world, i, &prng);
    }
    world_open(&world);
    query.vector = world_span(&world, world.entries[7].vector);
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &certificate), 0);
    assert_true(certificate.scanned > 96 && certificate.scanned <= 128); /* four blocks */
    assert_true(certificate.terminated_early);
    query.scan_max = 200;
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &certificate), 0);
    assert_true(certificate.scanned > 192 && certificate.scanned <= 224);
    query.scan_max = 32;
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &certificate), 0);
    assert_true(certificate.scanned <= 32);
    assert_true(certificate.terminated_early);
    query.scan_max = 0;
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &certificate), 0);
    assert_int_equal(certificate.scanned, 1000);
    assert_false(certificate.terminated_early);
    assert_int_equal(hits[0].id, 8);
    world_free(&world);
}

static void the_certificate_tells_what_was_done(void **state)
{
    struct world world = trained_world(SW_METRIC_COSINE);
    struct sw_index_query query = {
        .vector = world_span(&world, world.entries[9].vector), .k = K, .probe = 5, .rerank = 40};
    struct sw_index_certificate certificate;
    struct sw_index_hit hits[K];
    uint32_t count = 0;

    (void)state;
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &certificate), 0);
    assert_int_equal(certificate.probed, 5);
    assert_true(certificate.buckets >= 30 && certificate.buckets < 70);
    assert_int_equal(certificate.reranked, 40);
    assert_true(certificate.scanned >= 40 && certificate.scanned < WORLD_ENTRIES);
    assert_int_equal(certificate.passed, certificate.scanned);
    assert_true(certificate.margin != INT64_MAX);
    assert_int_equal(hits[0].id, 10);
    assert_false(certificate.terminated_early);
    query.scan_max = 1;
    query.probe = 40;
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &certificate), 0);
    assert_true(certificate.probed < 40);
    assert_true(certificate.scanned <= 32);
    assert_true(certificate.terminated_early);
    query.scan_max = UINT64_MAX;
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &certificate), 0);
    assert_int_equal(certificate.probed, 40);
    assert_false(certificate.terminated_early);
    query.bounded = true;
    query.distance_max = sw_space_distance_of(&world.space, 1e-3);
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, &certificate), 0);
    assert_int_equal(count, 1); /* only itself */
    world_free(&world);
}

static void kernels_and_readers_agree(void **state)
{
    static const char *const names[] = {"scalar", "avx2", "avx512"};
    struct world world = trained_world(SW_METRIC_L2);
    struct sw_prng prng = sw_prng_of(5);

    (void)state;
    for (int i = 0; i < 40; i++) {
        struct sw_index_hit want[K];
        struct sw_index_certificate certificate;
        uint32_t want_count = 0;
        float vector[WORLD_DIM_MAX];
        const struct sw_index_query query = {
            .vector = world_span(&world, vector), .k = K, .probe = 1 + (uint32_t)i % 20};

        world_vector(&prng, DIM, vector);
        assert_int_equal(sw_index_search(world.reader, &query, want, &want_count, &certificate), 0);
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            struct sw_index_reader *reader = sw_index_reader_new(sw_span_str("ab"));
            struct sw_index_hit hits[K] = {0};
            struct sw_index_certificate again;
            uint32_t count = 0;

            if (sw__kernel_named(names[n]) != NULL) {
                reader->kernel = sw__kernel_named(names[n]);
                assert_int_equal(sw_index_reader_open(reader, world.map, false), 0);
                assert_int_equal(sw_index_search(reader, &query, hits, &count, &again), 0);
                assert_int_equal(count, want_count);
                for (uint32_t j = 0; j < count; j++) {
                    assert_int_equal(hits[j].id, want[j].id);
                    assert_int_equal(hits[j].distance, want[j].distance);
                }
                assert_int_equal(again.scanned, certificate.scanned);
                assert_int_equal(again.margin, certificate.margin);
            }
            sw_index_reader_free(reader);
        }
    }
    world_free(&world);
}

/* More entries are equal than are compared: those with the smallest ids are, however they lie. */
static void among_equals_the_smallest_ids_win(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(3);
    struct sw_index_hit hits[K];
    struct sw_index_query query = {.k = K, .rerank = 12};
    uint32_t count = 0;

    (void)state;
    world_vector(&prng, DIM, world.entries[0].vector);
    for (uint32_t i = 0; i < 300; i++) {
        const uint32_t at = 137 * i % 300;

        memcpy(world.entries[at].vector, world.entries[0].vector, DIM * sizeof(float));
        world_put(&world, at);
    }
    world_open(&world);
    query.vector = world_span(&world, world.entries[0].vector);
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, NULL), SW_ERR_OK);
    assert_int_equal(count, K);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(hits[i].id, i + 1);
    }
    world_free(&world);
}

static void assert_same_answer(struct world *world, struct sw_index_reader *fresh, uint64_t seed)
{
    struct sw_prng prng = sw_prng_of(seed);
    struct sw_index_certificate a = {0};
    struct sw_index_certificate b = {0};
    struct sw_index_hit hits_a[K];
    struct sw_index_hit hits_b[K];
    float vector[WORLD_DIM_MAX];
    const struct sw_index_query query = {
        .vector = world_span(world, vector), .k = K, .probe = 1 + (uint32_t)seed % 5};
    uint32_t count_a = 0;
    uint32_t count_b = 0;

    world_vector(&prng, DIM, vector);
    assert_int_equal(sw_index_search(world->reader, &query, hits_a, &count_a, &a), SW_ERR_OK);
    assert_int_equal(sw_index_search(fresh, &query, hits_b, &count_b, &b), SW_ERR_OK);
    assert_int_equal(count_a, count_b);
    for (uint32_t i = 0; i < count_a; i++) {
        assert_int_equal(hits_a[i].id, hits_b[i].id);
        assert_int_equal(hits_a[i].distance, hits_b[i].distance);
    }
    assert_int_equal(a.epoch, b.epoch);
    assert_int_equal(a.buckets, b.buckets);
    assert_int_equal(a.probed, b.probed);
    assert_int_equal(a.scanned, b.scanned);
    assert_int_equal(a.margin, b.margin);
}

/* What a reader kept from earlier snapshots makes no difference: not while buckets are split, not
 * while an epoch follows another, not after slices were dropped and rows moved. */
static void a_reader_follows_its_writer(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(41);
    struct sw_index_stats stats;

    (void)state;
    for (uint32_t round = 0; round < 9000; round++) {
        const uint32_t at = (uint32_t)sw_prng_below(&prng, WORLD_ENTRIES);
        bool working;

        world.entries[at].slice = round / 3000;
        world_fill(&world, at, &prng);
        assert_int_equal(sw_index_step(world.index, 400, &working), SW_ERR_OK);
        if (round == 900 || round == 6200) {
            world_settle(&world);
            assert_int_equal(sw_index_train(world.index, round == 900 ? 3 : 20), SW_ERR_OK);
        }
        if (round == 7000) {
            assert_int_equal(sw_index_drop_slice(world.index, 0), SW_ERR_OK);
        }
        if (round % 101 == 0) {
            struct sw_index_reader *fresh = sw_index_reader_new(sw_span_str("ab"));

            world_open(&world);
            assert_int_equal(sw_index_reader_open(fresh, world.map, false), SW_ERR_OK);
            for (uint64_t seed = 0; seed < 5; seed++) {
                assert_same_answer(&world, fresh, round + seed);
            }
            sw_index_reader_free(fresh);
        }
    }
    sw_index_stats(world.index, &stats);
    assert_true(stats.splits > 0);
    assert_true(stats.trained >= 3);
    world_free(&world);
}

static void check_refused(struct world *world, struct sw_index_query query, const char *field)
{
    struct sw_index_hit hits[1];
    uint32_t count = 77;

    assert_int_equal(sw_index_search(world->reader, &query, hits, &count, NULL), SW_ERR_INVALID);
    assert_non_null(strstr(sw_index_reader_why(world->reader), field));
    assert_int_equal(count, 77);
}

static void limits_are_named(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(1);
    struct sw_index_query good;
    struct sw_index_query query;

    (void)state;
    world_fill(&world, 0, &prng);
    world_open(&world);
    good = (struct sw_index_query){.vector = world_span(&world, world.entries[0].vector), .k = 1};
    query = good;
    query.k = 0;
    check_refused(&world, query, "k:");
    query.k = SW_SEARCH_COUNT_MAX + 1;
    check_refused(&world, query, "k:");
    query = good;
    query.probe = SW_INDEX_BUCKET_COUNT_MAX + 1;
    check_refused(&world, query, "probe");
    query = good;
    query.rerank = SW_SEARCH_RERANK_MAX + 1;
    check_refused(&world, query, "rerank");
    query = good;
    query.recall_permille = 1001;
    check_refused(&world, query, "recall");
    query = good;
    query.seq_min = 5;
    query.seq_max = 4;
    check_refused(&world, query, "seq");
    query = good;
    query.vector.size -= 4;
    check_refused(&world, query, "96");
    world_free(&world);
}

static void an_empty_index_answers(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_index_reader *stranger = sw_index_reader_new(sw_span_str("zz"));
    const float vector[DIM] = {1};
    const struct sw_index_query query = {.vector = world_span(&world, vector), .k = 3};
    struct sw_index_hit hits[3];
    uint32_t count = 9;

    (void)state;
    world_open(&world);
    assert_int_equal(sw_index_search(world.reader, &query, hits, &count, NULL), SW_ERR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(sw_index_reader_open(stranger, world.map, false), SW_ERR_NOT_FOUND);
    sw_index_reader_free(stranger);
    sw_index_reader_free(NULL);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_work_finds_more),
        cmocka_unit_test(a_filter_is_worth_more_buckets),
        cmocka_unit_test(the_certificate_tells_what_was_done),
        cmocka_unit_test(a_crowd_in_one_bucket_is_not_scanned_beyond_the_bound),
        cmocka_unit_test(kernels_and_readers_agree),
        cmocka_unit_test(among_equals_the_smallest_ids_win),
        cmocka_unit_test(a_reader_follows_its_writer),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(an_empty_index_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
