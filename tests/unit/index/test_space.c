/* A space is kept as it was said, and says what is wrong with one, or with a vector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "index/space.h"

static struct sw_space good(void)
{
    return (struct sw_space){.name = "notes",
                             .model = "bge-m3",
                             .dim = 16,
                             .metric = SW_METRIC_COSINE,
                             .dtype = SW_DTYPE_F32,
                             .version = 3,
                             .generation = 2,
                             .seed = 77};
}

static void a_space_decodes_to_what_was_encoded(void **state)
{
    const struct sw_space space = good();
    struct sw_space again;
    struct sw_buf buf = {0};

    (void)state;
    sw_space_encode(&space, &buf);
    assert_int_equal(sw_space_decode(sw_buf_span(&buf), &again), SW_ERR_OK);
    assert_true(sw_space_equal(&space, &again));
    for (size_t size = 0; size < buf.size; size++) {
        assert_int_equal(sw_space_decode(sw_span_of(buf.data, size), &again), SW_ERR_MALFORMED);
    }
    buf.data[0] = SW_SPACE_FORMAT + 1;
    assert_int_equal(sw_space_decode(sw_buf_span(&buf), &again), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&buf);
}

static void check_wrong(struct sw_space space, const char *field)
{
    char why[SW_WHY_SIZE] = "";

    assert_int_equal(sw_space_check(&space, why), SW_ERR_INVALID);
    assert_ptr_equal(strstr(why, field), why);
    assert_false(sw_space_validate(&space));
}

static void each_wrong_field_is_named(void **state)
{
    struct sw_space space = good();
    char why[SW_WHY_SIZE];

    (void)state;
    assert_int_equal(sw_space_check(&space, why), SW_ERR_OK);
    space.dim = 15;
    check_wrong(space, "dim");
    space.dim = 4097;
    check_wrong(space, "dim");
    space = good();
    space.name[0] = 0;
    check_wrong(space, "name");
    space = good();
    space.name[1] = ' ';
    check_wrong(space, "name");
    space = good();
    space.metric = (enum sw_metric)9;
    check_wrong(space, "metric");
    space = good();
    space.dtype = (enum sw_dtype)0;
    check_wrong(space, "dtype");
    space = good();
    space.exponent = 1; /* only cosine has unit vectors */
    check_wrong(space, "exponent");
    space.metric = SW_METRIC_L2;
    assert_int_equal(sw_space_check(&space, why), SW_ERR_OK);
    space.exponent = 61;
    check_wrong(space, "exponent");
    memset(space.model, 'x', sizeof(space.model));
    space.exponent = 0;
    check_wrong(space, "model");
}

static void a_vector_of_another_dimension_is_refused_with_both(void **state)
{
    const struct sw_space space = good();
    const float vector[17] = {1};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_space_check_vector(&space, sw_span_of(vector, sizeof(vector)), why),
                     SW_ERR_INVALID);
    assert_non_null(strstr(why, "17"));
    assert_non_null(strstr(why, "16"));
    assert_int_equal(sw_space_check_vector(&space, sw_span_of(vector, 64), why), SW_ERR_OK);
}

static void distances_are_what_people_know(void **state)
{
    struct sw_space space = good();

    (void)state;
    assert_true(sw_space_distance(&space, INT64_C(1) << SW_DISTANCE_BITS) == 1.0);
    assert_int_equal(sw_space_distance_of(&space, 0.25), INT64_C(1) << (SW_DISTANCE_BITS - 2));
    space.metric = SW_METRIC_L2;
    space.exponent = 3;
    assert_true(sw_space_distance(&space, INT64_C(1) << SW_DISTANCE_BITS) == 64.0);
    assert_int_equal(sw_space_distance_of(&space, 1e300), INT64_MAX);
    assert_int_equal(sw_space_distance_of(&space, -1e300), INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_space_decodes_to_what_was_encoded),
        cmocka_unit_test(each_wrong_field_is_named),
        cmocka_unit_test(a_vector_of_another_dimension_is_refused_with_both),
        cmocka_unit_test(distances_are_what_people_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
