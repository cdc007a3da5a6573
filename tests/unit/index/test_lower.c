/* The ladder of bits: what is kept is as near as it says, searches go on at every step, and what
 * the index is, its digest, does not change. */
#include "index/rows.h"
#include "index/vector.h"
#include "index/verify.h"
#include "tests/unit/index/index_world.h"

enum { DIM = 128, ENTRIES = 3000, K = 10, QUERIES = 40 };

static const uint32_t ladder[] = {8, 6, 4, 2, 1};

static void lowered_rows_are_as_near_as_they_say(void **state)
{
    /* What the best step leaves of a normal distribution, in millionths, and some. */
    static const uint32_t bounds[] = {8000, 70000, 160000, 450000, 850000};
    uint8_t bytes[SW__ROW_HEADER_SIZE + 2 * DIM], less[SW__ROW_HEADER_SIZE + 2 * DIM];
    struct sw_prng prng = sw_prng_of(3);
    int32_t fixed[DIM], again[DIM];

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct sw__row row, lowered;

        for (int d = 0; d < DIM; d++) {
            fixed[d] = 0;
            for (int i = 0; i < 6; i++) {
                fixed[d] += (int32_t)sw_prng_below(&prng, 1 << 18) - (1 << 17);
            }
        }
        sw__row_make(7, fixed, DIM, bytes);
        assert_int_equal(sw__row_view(sw_span_of(bytes, sizeof(bytes)), DIM, &row), SW_ERR_OK);
        assert_int_equal(row.check, sw__row_check(sw_span_of(bytes, sizeof(bytes))));
        for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
            const size_t size = sw__row_size_of(DIM, ladder[i]);
            const uint32_t error = sw__row_lower(&row, DIM, ladder[i], less);
            uint64_t gap = 0;

            assert_int_equal(sw__row_view(sw_span_of(less, size), DIM, &lowered), SW_ERR_OK);
            assert_int_equal(sw__row_view(sw_span_of(less, size - 1), DIM, &lowered),
                             SW_ERR_CORRUPT);
            sw__row_restore(&lowered, DIM, again);
            assert_int_equal(lowered.norm2, sw__norm2(again, DIM));
            assert_int_equal(lowered.check, row.check);
            assert_int_equal(lowered.bits, ladder[i]);
            assert_true(error <= bounds[i]);
            for (int d = 0; d < DIM; d++) {
                gap += (uint64_t)((int64_t)(fixed[d] - again[d]) * (fixed[d] - again[d]));
            }
            assert_true(sw__isqrt(gap) * 1000000 <= (uint64_t)error * sw__isqrt(row.norm2));
        }
    }
}

static void no_other_number_of_bits(void **state)
{
    (void)state;
    assert_true(sw__row_bits_valid(16));
    assert_false(sw__row_bits_valid(0));
    assert_false(sw__row_bits_valid(3));
    assert_false(sw__row_bits_valid(32));
}

static struct world filled(void)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(21);

    for (uint32_t at = 0; at < ENTRIES; at++) {
        world.entries[at].slice = at % 2;
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, 40), SW_ERR_OK);
    world_settle(&world);
    return world;
}

/* Of the true k nearest, how many are found. */
static double recall(struct world *world, uint32_t permille)
{
    struct sw_prng prng = sw_prng_of(22);
    uint32_t right = 0;

    for (uint32_t i = 0; i < QUERIES; i++) {
        const struct sw_index_query query = {.k = K, .recall_permille = permille};
        struct sw_index_query asked = query;
        struct sw_index_hit hits[K];
        double distances[ENTRIES], limit = 10;
        float vector[WORLD_DIM_MAX];
        uint32_t count = 0;

        world_vector(&prng, DIM, vector);
        asked.vector = world_span(world, vector);
        assert_int_equal(sw_index_search(world->reader, &asked, hits, &count, NULL), SW_ERR_OK);
        assert_int_equal(count, K);
        for (uint32_t at = 0; at < ENTRIES; at++) {
            distances[at] = world_distance(world, world->entries[at].vector, vector);
        }
        for (uint32_t rank = 0; rank < K; rank++) {
            double least = 10;
            uint32_t best = 0;

            for (uint32_t at = 0; at < ENTRIES; at++) {
                if (distances[at] < least) {
                    least = distances[at];
                    best = at;
                }
            }
            limit = least;
            distances[best] = 11;
        }
        for (uint32_t j = 0; j < K; j++) {
            const uint32_t at = (uint32_t)hits[j].id - 1;

            right += world_distance(world, world->entries[at].vector, vector) <= limit + 1e-6;
        }
    }
    return (double)right / (K * QUERIES);
}

static void assert_sound(struct world *world, struct sw_index_digest digest)
{
    struct sw_index_verify *check = sw_index_verify_new(world->map, sw_span_str("ab"));
    const struct sw_index_digest now = sw_index_digest(world->index);
    bool done = false;

    while (!done) {
        assert_int_equal(sw_index_verify_step(check, 100, &done), SW_ERR_OK);
    }
    assert_int_equal(now.low, digest.low);
    assert_int_equal(now.high, digest.high);
    sw_index_verify_free(check);
}

static void recall_goes_down_step_by_step(void **state)
{
    static const double least[] = {0.93, 0.8, 0.6, 0.4, 0.4};
    struct world world = filled();
    const struct sw_index_digest digest = sw_index_digest(world.index);
    uint64_t size = sw_index_map_mem_size(world.map);
    uint32_t error = 0;

    (void)state;
    world_open(&world);
    for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
        struct sw_index_precision precision;
        bool working = true;

        for (uint32_t slice = 0; slice < 2; slice++) {
            assert_int_equal(sw_index_lower(world.index, slice, ladder[i]), SW_ERR_OK);
        }
        while (working) { /* half done is as good */
            world_open(&world);
            (void)recall(&world, 990);
            for (int j = 0; j < 4 && working; j++) {
                assert_int_equal(sw_index_step(world.index, 1, &working), SW_ERR_OK);
            }
        }
        world_open(&world);
        assert_sound(&world, digest);
        assert_int_equal(sw_index_precision(world.index, 0, &precision), SW_ERR_OK);
        assert_int_equal(precision.bits, ladder[i]);
        assert_int_equal(precision.left, 0);
        assert_true(precision.segments > 0);
        assert_true(precision.error_ppm > error);
        error = precision.error_ppm;
        assert_true(sw_index_map_mem_size(world.map) < size);
        size = sw_index_map_mem_size(world.map);
        print_message("%u bits: recall %.3f\n", ladder[i], recall(&world, 999));
        assert_true(recall(&world, 999) > least[i]);
    }
    world_free(&world);
}

/* Deletes, moved rows, trainings and a new start work on what is left. */
static void life_goes_on_after_a_lowering(void **state)
{
    struct world world = filled();
    struct sw_prng prng = sw_prng_of(23);
    struct sw_index_stats stats;

    (void)state;
    assert_int_equal(sw_index_lower(world.index, 0, 4), SW_ERR_OK);
    for (uint32_t at = 0; at < ENTRIES; at++) {
        if (at % 5 < 3) {
            assert_int_equal(sw_index_delete(world.index, at + 1), SW_ERR_OK);
            world.entries[at].there = false;
        }
    }
    world_settle(&world); /* segments that are mostly dead were emptied */
    assert_int_equal(sw_index_lower(world.index, 0, 2), SW_ERR_OK);
    for (uint32_t at = 0; at < 600; at++) {
        world.entries[at].slice = 0;
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, 10), SW_ERR_OK);
    world_settle(&world);
    assert_int_equal(sw_index_flush(world.index), SW_ERR_OK);
    assert_int_equal(sw_index_load(world.index), SW_ERR_OK);
    world_open(&world);
    assert_sound(&world, sw_index_digest(world.index));
    sw_index_stats(world.index, &stats);
    assert_true(stats.entries > 1200);
    assert_int_equal(sw_index_drop_slice(world.index, 0), SW_ERR_OK);
    world_settle(&world);
    world_open(&world);
    assert_sound(&world, sw_index_digest(world.index));
    world_free(&world);
}

static void only_downwards(void **state)
{
    struct world world = filled();
    struct sw_index_precision precision;

    (void)state;
    assert_int_equal(sw_index_lower(world.index, 9, 8), SW_ERR_NOT_FOUND);
    assert_int_equal(sw_index_precision(world.index, 9, &precision), SW_ERR_NOT_FOUND);
    assert_int_equal(sw_index_lower(world.index, 0, 16), SW_ERR_INVALID);
    assert_int_equal(sw_index_lower(world.index, 0, 5), SW_ERR_INVALID);
    assert_int_equal(sw_index_lower(world.index, 0, 4), SW_ERR_OK);
    assert_int_equal(sw_index_lower(world.index, 0, 8), SW_ERR_INVALID);
    assert_non_null(strstr(sw_index_why(world.index), "originals"));
    assert_int_equal(sw_index_lower(world.index, 0, 4), SW_ERR_INVALID);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lowered_rows_are_as_near_as_they_say),
        cmocka_unit_test(no_other_number_of_bits),
        cmocka_unit_test(recall_goes_down_step_by_step),
        cmocka_unit_test(life_goes_on_after_a_lowering),
        cmocka_unit_test(only_downwards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
