/* The writer against a plain list: whatever happens to it, an exact search finds what the list
 * says, and the digest depends on what is there, not on how it got there. */
#include <math.h>

#include "index/index_private.h"
#include "tests/unit/index/index_world.h"

static void drop_slice(struct world *world, uint32_t slice)
{
    const enum sw_err err = sw_index_drop_slice(world->index, slice);

    assert_true(err == SW_ERR_OK || err == SW_ERR_NOT_FOUND);
    for (uint32_t at = 0; at < WORLD_ENTRIES; at++) {
        if (world->entries[at].slice == slice) {
            world->entries[at].there = false;
        }
    }
}

static void delete_one(struct world *world, uint32_t at)
{
    assert_int_equal(sw_index_delete(world->index, (uint64_t)at + 1),
                     world->entries[at].there ? SW_ERR_OK : SW_ERR_NOT_FOUND);
    world->entries[at].there = false;
}

static bool slice_waits(struct world *world, uint32_t slice)
{
    struct world_entry *entry = &world->entries[0];
    const struct sw_index_entry put = {
        .id = UINT64_MAX, .slice = slice, .vector = world_span(world, entry->vector)};
    const enum sw_err err = sw_index_put(world->index, &put);

    if (err == SW_ERR_OK) {
        assert_int_equal(sw_index_delete(world->index, UINT64_MAX), SW_ERR_OK);
    }
    return err != SW_ERR_OK;
}

static void check_get(struct world *world, uint32_t at)
{
    const struct world_entry *entry = &world->entries[at];
    struct sw_index_entry got;
    const enum sw_err err = sw_index_get(world->index, (uint64_t)at + 1, &got);

    assert_int_equal(err, entry->there ? SW_ERR_OK : SW_ERR_NOT_FOUND);
    if (entry->there) {
        assert_int_equal(got.seq, entry->seq);
        assert_int_equal(got.context, entry->context);
        assert_int_equal(got.slice, entry->slice);
    }
}

/* The k nearest of the list, as distances. */
static uint32_t
nearest(const struct world *world, const struct sw_index_query *query, const float *of, double *ret)
{
    uint32_t count = 0;

    for (uint32_t at = 0; at < WORLD_ENTRIES; at++) {
        double distance;
        uint32_t i;

        if (!world_sees(world, query, at)) {
            continue;
        }
        distance = world_distance(world, world->entries[at].vector, of);
        for (i = count < query->k ? count : query->k; i > 0 && ret[i - 1] > distance; i--) {
            if (i < query->k) {
                ret[i] = ret[i - 1];
            }
        }
        if (i < query->k) {
            ret[i] = distance;
            count += count < query->k ? 1 : 0;
        }
    }
    return count;
}

static void check_search(struct world *world, struct sw_index_query query, struct sw_prng *prng)
{
    float vector[WORLD_DIM_MAX];
    double want[64];
    struct sw_index_hit hits[64];
    struct sw_index_certificate certificate;
    uint32_t count = 0;

    world_vector(prng, world->space.dim, vector);
    query.vector = world_span(world, vector);
    query.k = (uint32_t)sw_prng_range(prng, 1, 64);
    query.recall_permille = 1000;
    assert_int_equal(sw_index_search(world->reader, &query, hits, &count, &certificate), SW_ERR_OK);
    assert_int_equal(count, nearest(world, &query, vector, want));
    assert_int_equal(certificate.margin, INT64_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = (uint32_t)hits[i].id - 1;
        const double distance = world_distance(world, world->entries[at].vector, vector);

        assert_true(world_sees(world, &query, at));
        assert_true(fabs(sw_space_distance(&world->space, hits[i].distance) - distance) < 2e-4);
        assert_true(fabs(distance - want[i]) < 4e-4);
        assert_int_equal(hits[i].seq, world->entries[at].seq);
        assert_int_equal(hits[i].slice, world->entries[at].slice);
        assert_int_equal(hits[i].context, world->entries[at].context);
        assert_int_equal(hits[i].stale, hits[i].seq < world->watermarks[hits[i].context] ? 1 : 0);
        if (i > 0) {
            assert_true(hits[i].distance >= hits[i - 1].distance);
        }
    }
}

static void check_all(struct world *world, struct sw_prng *prng)
{
    const struct sw_index_query plain = {0};
    const struct sw_index_query stale = {.include_stale = true};
    const struct sw_index_query window = {.seq_min = world->seq / 3, .seq_max = world->seq / 2 + 1};
    const struct sw_index_query context = {.one_context = true, .context = 2};
    struct sw_index_stats stats;
    uint64_t there = 0;

    world_open(world);
    assert_true(sw_index_map_mem_validate(world->map));
    check_search(world, plain, prng);
    check_search(world, stale, prng);
    check_search(world, window, prng);
    check_search(world, context, prng);
    for (uint32_t at = 0; at < WORLD_ENTRIES; at++) {
        there += world->entries[at].there;
    }
    sw_index_stats(world->index, &stats);
    assert_int_equal(stats.entries, there);
    check_get(world, (uint32_t)sw_prng_below(prng, WORLD_ENTRIES));
}

/* The same entries in a new index, put in another order and never touched again. */
static void check_digest(struct world *world, struct sw_prng *prng)
{
    struct world twin = world_new(world->space.dim, world->space.metric);
    struct sw_index_digest a = sw_index_digest(world->index);
    struct sw_index_digest b;
    const uint32_t first = (uint32_t)sw_prng_below(prng, WORLD_ENTRIES);

    memcpy(twin.entries, world->entries, WORLD_ENTRIES * sizeof(*twin.entries));
    for (uint32_t i = 0; i < WORLD_ENTRIES; i++) {
        const uint32_t at = (first + 1021 * i) % WORLD_ENTRIES;

        if (twin.entries[at].there) {
            world_put(&twin, at);
        }
    }
    b = sw_index_digest(twin.index);
    assert_int_equal(a.low, b.low);
    assert_int_equal(a.high, b.high);
    world_free(&twin);
}

/* A writer that forgets everything and reads it again goes on as if nothing had happened. */
static void reload(struct world *world)
{
    const struct sw_index_digest before = sw_index_digest(world->index);
    struct sw_index_digest after;

    assert_int_equal(sw_index_flush(world->index), SW_ERR_OK);
    sw_index_free(world->index);
    world->index = sw_index_new(world->map, sw_span_str("ab"));
    assert_int_equal(sw_index_load(world->index), SW_ERR_OK);
    after = sw_index_digest(world->index);
    assert_int_equal(before.low, after.low);
    assert_int_equal(before.high, after.high);
}

static void act(struct world *world, struct sw_prng *prng)
{
    const uint32_t at = (uint32_t)sw_prng_below(prng, WORLD_ENTRIES);
    const uint32_t slice = (uint32_t)sw_prng_below(prng, WORLD_SLICES);
    const uint64_t dice = sw_prng_below(prng, 1000);
    bool working;

    if (dice < 800) {
        if (!slice_waits(world, slice)) {
            world->entries[at].slice = slice;
            world_fill(world, at, prng);
        }
    } else if (dice < 980) {
        delete_one(world, at);
    } else if (dice < 982) {
        drop_slice(world, slice);
    } else if (dice < 986) {
        const uint32_t context = slice % WORLD_CONTEXTS;
        const uint64_t seq = sw_prng_below(prng, world->seq + 1);

        assert_int_equal(sw_index_set_watermark(world->index, context, seq), SW_ERR_OK);
        if (seq > world->watermarks[context]) {
            world->watermarks[context] = seq;
        }
    } else if (dice < 988) {
        const enum sw_err err = sw_index_train(world->index, (uint32_t)sw_prng_range(prng, 1, 12));

        assert_true(err == SW_ERR_OK || err == SW_ERR_BUSY);
    } else if (dice < 990) {
        reload(world);
    }
    assert_int_equal(sw_index_step(world->index, 60, &working), SW_ERR_OK);
}

static void run(enum sw_metric metric, uint32_t dim, uint64_t seed, int rounds)
{
    struct world world = world_new(dim, metric);
    struct sw_prng prng = sw_prng_of(seed);

    world_vector(&prng, dim, world.entries[0].vector);
    for (int round = 0; round < rounds; round++) {
        act(&world, &prng);
        if (round % 997 == 0) {
            check_all(&world, &prng);
        }
    }
    check_digest(&world, &prng);
    world_settle(&world);
    check_all(&world, &prng);
    reload(&world);
    check_all(&world, &prng);
    world_free(&world);
}

static void it_is_a_list_by_cosine(void **state)
{
    (void)state;
    run(SW_METRIC_COSINE, 24, 1, 12000);
}

static void it_is_a_list_by_product(void **state)
{
    (void)state;
    run(SW_METRIC_INNER_PRODUCT, 64, 2, 6000);
}

static void it_is_a_list_by_square(void **state)
{
    (void)state;
    run(SW_METRIC_L2, 100, 3, 6000);
}

static void full_buckets_are_split(void **state)
{
    struct world world = world_new(32, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(4);
    struct sw_index_stats stats;

    (void)state;
    for (uint32_t at = 0; at < 1000; at++) {
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, 2), SW_ERR_OK);
    world_settle(&world);
    for (uint32_t at = 1000; at < WORLD_ENTRIES; at++) {
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    sw_index_stats(world.index, &stats);
    assert_true(stats.splits > 2);
    assert_true(stats.buckets >= WORLD_ENTRIES / 512);
    assert_int_equal(stats.draining, 0);
    check_all(&world, &prng);
    world_free(&world);
}

/* Sends vectors near one of those there are, and settles after each; returns how often there was
 * work to do. `steps` is how far they spread. */
static uint32_t aim(struct world *world, struct sw_prng *prng, uint64_t steps)
{
    uint32_t tries = 0;

    for (uint32_t at = 1000; at < WORLD_ENTRIES; at++) {
        struct sw_index_stats stats;

        for (uint32_t d = 0; d < world->space.dim; d++) {
            world->entries[at].vector[d] =
                world->entries[7].vector[d] + (float)sw_prng_below(prng, steps) / 100000.0F;
        }
        world->entries[at].seq = at;
        world_put(world, at);
        sw_index_stats(world->index, &stats);
        tries += stats.working;
        world_settle(world);
    }
    return tries;
}

static struct world world_with_pivots(struct sw_prng *prng)
{
    struct world world = world_new(32, SW_METRIC_COSINE);

    for (uint32_t at = 0; at < 1000; at++) {
        world_fill(&world, at, prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, 8), SW_ERR_OK);
    world_settle(&world);
    return world;
}

/* Pivots are no secret to members. Whoever aims at one of them fills its bucket, and gets more
 * buckets: what a search has to look at stays what it was. */
static void aimed_inserts_are_spread(void **state)
{
    struct sw_prng prng = sw_prng_of(11);
    struct world world = world_with_pivots(&prng);

    (void)state;
    (void)aim(&world, &prng, 3000);
    for (uint32_t i = 0; i < world.index->bucket_count; i++) {
        assert_true(world.index->buckets[i].value.entries <= SW__BUCKET_ENTRIES_MAX);
    }
    check_all(&world, &prng);
    world_free(&world);
}

/* Closer together than pivots can tell, they stay in one bucket, and cost no work for ever. */
static void a_tight_crowd_does_not_make_work_for_ever(void **state)
{
    struct sw_prng prng = sw_prng_of(12);
    struct world world = world_with_pivots(&prng);

    (void)state;
    assert_true(aim(&world, &prng, 20) < 20);
    check_all(&world, &prng);
    world_free(&world);
}

/* Somebody who sends one vector again and again gets one bucket that nothing can split: the work is
 * given up until the bucket has doubled, instead of being tried at each insert. */
static void equal_vectors_do_not_make_work_for_ever(void **state)
{
    struct world world = world_new(32, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(5);
    struct sw_index_stats stats;
    uint32_t tries = 0;

    (void)state;
    for (uint32_t at = 0; at < 1000; at++) {
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, 4), SW_ERR_OK);
    world_settle(&world);
    for (uint32_t at = 1000; at < WORLD_ENTRIES; at++) {
        bool working;

        memcpy(world.entries[at].vector, world.entries[7].vector, sizeof(float) * 32);
        world.entries[at].seq = at;
        world_put(&world, at);
        sw_index_stats(world.index, &stats);
        tries += stats.working;
        assert_int_equal(sw_index_step(world.index, UINT32_MAX, &working), SW_ERR_OK);
    }
    assert_true(tries < 20);
    check_all(&world, &prng);
    world_free(&world);
}

static void dropped_slices_give_everything_back(void **state)
{
    struct world world = world_new(48, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(6);
    struct sw_index_stats stats;
    const struct sw_index_digest nothing = sw_index_digest(world.index);
    struct sw_index_digest left;
    uint64_t records;

    (void)state;
    world_settle(&world);
    world_open(&world);
    records = sw_index_map_mem_count(world.map);
    for (uint32_t at = 0; at < 2500; at++) {
        world.entries[at].slice = at % 3;
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    for (uint32_t slice = 0; slice < 3; slice++) {
        drop_slice(&world, slice);
        check_all(&world, &prng); /* gone at once */
    }
    assert_true(slice_waits(&world, 1));
    world_settle(&world);
    check_all(&world, &prng);
    assert_false(slice_waits(&world, 1));
    sw_index_stats(world.index, &stats);
    left = sw_index_digest(world.index);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(left.low, nothing.low);
    assert_int_equal(left.high, nothing.high);
    drop_slice(&world, 1); /* made by the test of whether it waits */
    world_settle(&world);
    assert_int_equal(sw_index_flush(world.index), SW_ERR_OK);
    assert_int_equal(sw_index_map_mem_count(world.map), records);
    world_free(&world);
}

static void dead_rows_do_not_pile_up(void **state)
{
    struct world world = world_new(256, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(7);
    uint64_t size = 0;

    (void)state;
    for (int round = 0; round < 12; round++) {
        for (uint32_t at = 0; at < 400; at++) {
            world_fill(&world, at, &prng);
        }
        world_settle(&world);
        check_all(&world, &prng);
        if (round == 1) {
            size = sw_index_map_mem_size(world.map);
        }
    }
    assert_true(sw_index_map_mem_size(world.map) < size + size / 2);
    world_free(&world);
}

static void refusals_change_nothing(void **state)
{
    struct world world = world_new(32, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(8);
    struct sw_index_digest before;
    struct sw_index_digest after;
    float vector[33] = {0};
    struct sw_index_entry entry = {.id = 1, .vector = sw_span_of(vector, 33 * sizeof(float))};

    (void)state;
    world_fill(&world, 0, &prng);
    before = sw_index_digest(world.index);
    assert_int_equal(sw_index_put(world.index, &entry), SW_ERR_INVALID);
    assert_non_null(strstr(sw_index_why(world.index), "33"));
    entry.vector = sw_span_of(vector, 32 * sizeof(float));
    assert_int_equal(sw_index_put(world.index, &entry), SW_ERR_INVALID); /* zeros */
    assert_int_equal(sw_index_delete(world.index, 77), SW_ERR_NOT_FOUND);
    assert_int_equal(sw_index_drop_slice(world.index, 77), SW_ERR_NOT_FOUND);
    assert_int_equal(sw_index_create(world.index, &world.space), SW_ERR_CONFLICT);
    vector[0] = 1;
    for (uint32_t slice = 1; slice < SW_INDEX_SLICE_COUNT_MAX; slice++) {
        entry.id = 100;
        entry.slice = slice;
        assert_int_equal(sw_index_put(world.index, &entry), SW_ERR_OK);
        assert_int_equal(sw_index_delete(world.index, 100), SW_ERR_OK);
    }
    entry.slice = 999;
    assert_int_equal(sw_index_put(world.index, &entry), SW_ERR_BUSY);
    after = sw_index_digest(world.index);
    assert_int_equal(before.low, after.low);
    assert_int_equal(before.high, after.high);
    world_free(&world);
}

static void an_index_can_be_erased_in_parts(void **state)
{
    struct world world = world_new(32, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(9);
    bool done = false;

    (void)state;
    for (uint32_t at = 0; at < 100; at++) {
        world_fill(&world, at, &prng);
    }
    assert_int_equal(world.map->ops->put(world.map, sw_span_str("aa"), sw_span_str("x")), 0);
    assert_int_equal(world.map->ops->put(world.map, sw_span_str("b"), sw_span_str("x")), 0);
    while (!done) {
        assert_int_equal(sw_index_erase(world.index, 7, &done), SW_ERR_OK);
    }
    assert_int_equal(sw_index_map_mem_count(world.map), 2);
    assert_int_equal(sw_index_load(world.index), SW_ERR_NOT_FOUND);
    assert_int_equal(sw_index_create(world.index, &world.space), SW_ERR_OK);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_list_by_cosine),
        cmocka_unit_test(it_is_a_list_by_product),
        cmocka_unit_test(it_is_a_list_by_square),
        cmocka_unit_test(full_buckets_are_split),
        cmocka_unit_test(aimed_inserts_are_spread),
        cmocka_unit_test(a_tight_crowd_does_not_make_work_for_ever),
        cmocka_unit_test(equal_vectors_do_not_make_work_for_ever),
        cmocka_unit_test(dropped_slices_give_everything_back),
        cmocka_unit_test(dead_rows_do_not_pile_up),
        cmocka_unit_test(refusals_change_nothing),
        cmocka_unit_test(an_index_can_be_erased_in_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
