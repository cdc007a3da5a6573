/* Near pivots are found, whatever the order in which pivots came and went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "index/pivots.h"

enum { DIM = 64, COUNT = 400 };

static void random_row(uint32_t bucket, int8_t *ret_row)
{
    struct sw_prng prng = sw_prng_of(bucket);

    for (int d = 0; d < DIM; d++) {
        ret_row[d] = (int8_t)((int)sw_prng_below(&prng, 120) - 60);
    }
}

static struct sw__pivots *pivots_new(enum sw_metric metric)
{
    const struct sw_space space = {.metric = metric, .dim = DIM};
    struct sw__epoch *epoch = calloc(1, sizeof(*epoch));
    struct sw__pivots *pivots;

    epoch->epoch = 1;
    epoch->unit = 10000;
    epoch->mean[1] = 1 << 22;
    pivots = sw__pivots_new(&space, DIM, epoch);
    free(epoch);
    return pivots;
}

static void add(struct sw__pivots *pivots, uint32_t bucket)
{
    int8_t row[DIM];

    random_row(bucket, row);
    assert_true(sw__pivots_add(pivots, bucket, row));
    assert_memory_equal(sw__pivots_row(pivots, bucket), row, DIM);
}

/* The one that is nearest by plain arithmetic. */
static uint32_t nearest(const struct sw__look *look, uint32_t first, uint32_t count)
{
    uint32_t best = 0;
    double best_gap = 1e300;

    for (uint32_t bucket = first; bucket < first + count; bucket++) {
        int8_t row[DIM];
        double gap = 0;

        random_row(bucket, row);
        for (int d = 0; d < DIM; d++) {
            const double part = (double)look->centred[d] - 10000.0 * row[d];

            gap += part * part;
        }
        if (gap < best_gap) {
            best_gap = gap;
            best = bucket;
        }
    }
    return best;
}

static void random_vector(struct sw_prng *prng, int32_t *ret_fixed)
{
    int8_t row[DIM];

    random_row((uint32_t)sw_prng_below(prng, 10000), row);
    for (int d = 0; d < DIM; d++) {
        ret_fixed[d] = row[d] * 9000 + (d == 1 ? 1 << 22 : 0);
    }
}

static void the_nearest_comes_first(void **state)
{
    struct sw__pivots *pivots = pivots_new(SW_METRIC_L2);
    struct sw__look *look = calloc(1, sizeof(*look));
    struct sw_prng prng = sw_prng_of(1);
    struct sw__near near[8];
    int32_t fixed[DIM];
    int right = 0;

    (void)state;
    for (uint32_t bucket = 0; bucket < COUNT; bucket++) {
        add(pivots, bucket);
    }
    for (int round = 0; round < 200; round++) {
        random_vector(&prng, fixed);
        sw__pivots_look(pivots, &sw__kernel_scalar, fixed, look);
        assert_int_equal(sw__pivots_rank(pivots, &sw__kernel_scalar, look, true, 8, near), 8);
        right += near[0].bucket == nearest(look, 0, COUNT);
        for (int i = 1; i < 8; i++) {
            assert_true(near[i - 1].key <= near[i].key);
        }
    }
    assert_true(right >= 196); /* the shortlist may miss one now and then */
    free(look);
    sw__pivots_free(pivots);
}

static void the_order_of_arrival_does_not_matter(void **state)
{
    struct sw__pivots *a = pivots_new(SW_METRIC_INNER_PRODUCT);
    struct sw__pivots *b = pivots_new(SW_METRIC_INNER_PRODUCT);
    struct sw__look *look = calloc(1, sizeof(*look));
    struct sw_prng prng = sw_prng_of(2);
    struct sw__near near_a[COUNT];
    struct sw__near near_b[COUNT];
    int32_t fixed[DIM];

    (void)state;
    for (uint32_t bucket = 0; bucket < COUNT; bucket++) {
        add(a, bucket);
        if (bucket >= 100 || bucket == 0) {
            add(b, bucket);
        }
    }
    for (uint32_t bucket = 0; bucket < 100; bucket++) {
        assert_true(sw__pivots_remove(a, bucket));
        assert_false(sw__pivots_remove(a, bucket));
        assert_null(sw__pivots_row(a, bucket));
    }
    assert_true(sw__pivots_remove(b, 0));
    assert_int_equal(sw__pivots_count(a), sw__pivots_count(b));
    for (int round = 0; round < 100; round++) {
        const uint32_t count = (uint32_t)sw_prng_range(&prng, 1, COUNT);
        uint32_t found;

        random_vector(&prng, fixed);
        sw__pivots_look(a, sw__kernel_best(), fixed, look);
        found = sw__pivots_rank(a, &sw__kernel_scalar, look, round % 2 == 0, count, near_a);
        assert_int_equal(
            found, sw__pivots_rank(b, sw__kernel_best(), look, round % 2 == 0, count, near_b));
        assert_int_equal(found, count < COUNT - 100 ? count : COUNT - 100);
        for (uint32_t i = 0; i < found; i++) {
            assert_int_equal(near_a[i].bucket, near_b[i].bucket);
            assert_int_equal(near_a[i].base, near_b[i].base);
        }
    }
    free(look);
    sw__pivots_free(a);
    sw__pivots_free(b);
}

/* Parts of all of them, one after the other, are what one ranking of all gives. */
static void parts_add_up(void **state)
{
    struct sw__pivots *pivots = pivots_new(SW_METRIC_L2);
    struct sw__look *look = calloc(1, sizeof(*look));
    struct sw_prng prng = sw_prng_of(3);
    struct sw__near ranked[COUNT], near[COUNT];
    int32_t fixed[DIM];

    (void)state;
    for (uint32_t bucket = 0; bucket < COUNT; bucket++) {
        add(pivots, bucket);
    }
    for (int round = 0; round < 50; round++) {
        uint32_t done = 0;

        random_vector(&prng, fixed);
        sw__pivots_look(pivots, sw__kernel_best(), fixed, look);
        assert_int_equal(sw__pivots_rank(pivots, sw__kernel_best(), look, true, COUNT, ranked),
                         COUNT);
        assert_int_equal(sw__pivots_all(pivots, sw__kernel_best(), look, near), COUNT);
        while (done < COUNT) {
            const uint32_t part = (uint32_t)sw_prng_range(&prng, 1, COUNT - done);

            sw__pivots_part(pivots, near + done, COUNT - done, part);
            done += part;
        }
        for (uint32_t i = 0; i < COUNT; i++) {
            assert_int_equal(near[i].bucket, ranked[i].bucket);
            assert_int_equal(near[i].base, ranked[i].base);
        }
    }
    free(look);
    sw__pivots_free(pivots);
}

static void far_rows_are_refused(void **state)
{
    const struct sw_space space = {.metric = SW_METRIC_L2, .dim = SW_SPACE_DIM_MAX};
    struct sw__epoch *epoch = calloc(1, sizeof(*epoch));
    struct sw__pivots *pivots;
    int8_t row[SW_SPACE_DIM_MAX];

    (void)state;
    epoch->unit = SW__UNIT_MAX;
    pivots = sw__pivots_new(&space, SW_SPACE_DIM_MAX, epoch);
    memset(row, 127, sizeof(row));
    assert_false(sw__pivots_add(pivots, 0, row));
    assert_int_equal(sw__pivots_count(pivots), 0);
    sw__pivots_free(pivots);
    sw__pivots_free(NULL);
    free(epoch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_comes_first),
        cmocka_unit_test(the_order_of_arrival_does_not_matter),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(far_rows_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
