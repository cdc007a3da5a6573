/* A cosine against a bound, with integers: as floats say it, but for a hair around the bound, and
 * the same for a row that outlived its entry; rows put back are found as they were. */
#include <math.h>

#include "index/alike.h"
#include "tests/unit/index/index_world.h"

enum { DIM = 64, ENTRIES = 200 };

static double cosine(const float *a, const float *b)
{
    double dot = 0, aa = 0, bb = 0;

    for (int i = 0; i < DIM; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return dot / sqrt(aa * bb);
}

/* Half of it is the other's: all cosines come up. */
static void mixed(struct sw_prng *prng, const float *other, uint64_t permille, float *ret_vector)
{
    world_vector(prng, DIM, ret_vector);
    for (int i = 0; i < DIM; i++) {
        ret_vector[i] =
            (ret_vector[i] * (float)(1000 - permille) + other[i] * (float)permille) / 1000;
    }
}

static void load(struct world *world, uint64_t id, struct sw_alike *ret_alike)
{
    struct sw_span row;

    assert_int_equal(sw_index_row(world->index, id, &row), SW_ERR_OK);
    assert_int_equal(sw_alike_of(&world->space, row, ret_alike), SW_ERR_OK);
}

static void a_bound_is_met_as_floats_meet_it(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(3);
    static float vectors[ENTRIES][WORLD_DIM_MAX];
    static struct sw_alike a, b;
    uint32_t near = 0;

    (void)state;
    world_vector(&prng, DIM, vectors[0]);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        const struct sw_index_entry entry = {.id = i + 1, .seq = i + 1};
        struct sw_index_entry put = entry;

        if (i > 0) {
            mixed(&prng, vectors[0], sw_prng_below(&prng, 1001), vectors[i]);
        }
        put.vector = world_span(&world, vectors[i]);
        assert_int_equal(sw_index_put(world.index, &put), SW_ERR_OK);
    }
    load(&world, 1, &a);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        const double exact = cosine(vectors[0], vectors[i]);

        load(&world, i + 1, &b);
        for (uint32_t permille = 50; permille <= 1000; permille += 50) {
            if (fabs(exact - permille / 1000.0) > 0.001) {
                assert_int_equal(sw_alike_by(&a, &b, permille), exact > permille / 1000.0);
                near += exact > permille / 1000.0 ? 1 : 0;
            }
        }
    }
    assert_true(near > ENTRIES); /* both answers came up */
    world_free(&world);
}

/* The entry goes; its row, kept aside, comes back under another id and at its old place in time. */
static void a_row_comes_back(void **state)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(8);
    struct sw_index_entry back = {.id = 900, .seq = 0, .context = 7}, found;
    static struct sw_alike before, after;
    uint8_t copy[4096];
    struct sw_span row;

    (void)state;
    for (uint32_t at = 0; at < 20; at++) {
        world_fill(&world, at, &prng);
    }
    assert_int_equal(sw_index_row(world.index, 5, &row), SW_ERR_OK);
    assert_true(row.size < sizeof copy);
    memcpy(copy, row.data, row.size);
    back.vector = sw_span_of(copy, row.size);
    load(&world, 5, &before);
    assert_int_equal(sw_index_delete(world.index, 5), SW_ERR_OK);
    assert_int_equal(sw_index_put_row(world.index, &back), SW_ERR_OK);
    load(&world, 900, &after);
    assert_int_equal(before.norm2, after.norm2);
    assert_memory_equal(before.fixed, after.fixed, before.dim * sizeof before.fixed[0]);
    assert_int_equal(sw_index_get(world.index, 900, &found), SW_ERR_OK);
    assert_int_equal(found.seq, 0);
    assert_int_equal(found.context, 7);
    assert_true(sw_index_is_row(world.index, back.vector));
    copy[30] ^= 1; /* another vector than its length says */
    assert_int_equal(sw_index_put_row(world.index, &back), SW_ERR_INVALID);
    copy[30] ^= 1;
    back.vector.size--;
    assert_int_equal(sw_index_put_row(world.index, &back), SW_ERR_INVALID);
    assert_int_equal(sw_alike_of(&world.space, back.vector, &after), SW_ERR_CORRUPT);
    world_free(&world);
}

static void zeros_are_like_nothing(void **state)
{
    static struct sw_alike zero = {.dim = 64}, one = {.dim = 64, .norm2 = 16, .fixed = {4}};

    (void)state;
    assert_false(sw_alike_by(&zero, &one, 1));
    assert_false(sw_alike_by(&zero, &zero, 1));
    assert_true(sw_alike_by(&one, &one, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_is_met_as_floats_meet_it),
        cmocka_unit_test(a_row_comes_back),
        cmocka_unit_test(zeros_are_like_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
