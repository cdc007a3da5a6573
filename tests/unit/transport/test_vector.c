/* Vectors on the wire: what goes in comes out, nothing else decodes, and conditions mean what they
 * say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "transport/vector.h"

static struct sw_attribute number_of(const char *name, int64_t number)
{
    return (struct sw_attribute){
        .kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str(name), .number = number};
}

static struct sw_attribute text_of(const char *name, const char *text)
{
    return (struct sw_attribute){
        .kind = SW_ATTRIBUTE_TEXT, .name = sw_span_str(name), .text = sw_span_str(text)};
}

static const uint8_t zeros[64];

static struct sw_vector_item some_item(void)
{
    struct sw_vector_item item = {.index = sw_span_str("notes"),
                                  .vector = {zeros, sizeof zeros},
                                  .context = 7,
                                  .novel = true,
                                  .distance_max = 0.25,
                                  .attribute_count = 2,
                                  .content = sw_span_str("what was learned")};

    item.attributes[0] = number_of("year", -5);
    item.attributes[1] = text_of("tag", "red");
    return item;
}

static struct sw_vector_query some_query(void)
{
    struct sw_vector_query query = {.index = sw_span_str("notes"),
                                    .vector = {zeros, sizeof zeros},
                                    .flags = SW_VECTOR_BOUNDED,
                                    .k = 10,
                                    .distance_max = 0.5,
                                    .revision_min = 3,
                                    .condition_count = 3};

    query.conditions[0] =
        (struct sw_condition){.kind = SW_CONDITION_EQUAL, .attribute = text_of("tag", "red")};
    query.conditions[1] = (struct sw_condition){.kind = SW_CONDITION_RANGE,
                                                .clause = 1,
                                                .attribute = number_of("year", 0),
                                                .low = -10,
                                                .high = 10};
    query.conditions[2] = (struct sw_condition){
        .kind = SW_CONDITION_PREFIX, .clause = 2, .attribute = text_of("tag", "r")};
    return query;
}

static void items_come_back(void **unused)
{
    const struct sw_vector_item item = some_item();
    struct sw_buf bytes = {0}, again = {0};
    struct sw_vector_item read;
    char why[SW_WHY_SIZE];

    (void)unused;
    sw_vector_item_encode(&item, &bytes);
    assert_int_equal(sw_vector_item_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    assert_int_equal(sw_vector_item_validate(sw_buf_span(&bytes), why), SW_ERR_OK);
    assert_int_equal(read.context, 7);
    assert_true(read.novel);
    assert_true(read.distance_max == 0.25);
    assert_int_equal(read.attributes[0].number, -5);
    assert_true(sw_span_equal(read.content, item.content));
    sw_vector_item_encode(&read, &again);
    assert_true(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_not_equal(sw_vector_item_decode(sw_span_of(bytes.data, size), &read), SW_ERR_OK);
    }
    sw_buf_release(&bytes);
    sw_buf_release(&again);
}

static void questions_come_back(void **unused)
{
    const struct sw_vector_query query = some_query();
    struct sw_buf bytes = {0}, again = {0};
    struct sw_vector_query read;
    char why[SW_WHY_SIZE];

    (void)unused;
    sw_vector_query_encode(&query, &bytes);
    assert_int_equal(sw_vector_query_decode(sw_buf_span(&bytes), &read), SW_ERR_OK);
    assert_int_equal(sw_vector_query_validate(sw_buf_span(&bytes), why), SW_ERR_OK);
    assert_int_equal(read.conditions[1].low, -10);
    assert_int_equal(read.conditions[2].clause, 2);
    sw_vector_query_encode(&read, &again);
    assert_true(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_not_equal(sw_vector_query_decode(sw_span_of(bytes.data, size), &read),
                             SW_ERR_OK);
    }
    sw_buf_release(&bytes);
    sw_buf_release(&again);
}

/* Whatever decodes is the one encoding of what it means. */
static void hostile_bytes_decode_to_themselves_or_not_at_all(void **unused)
{
    const struct sw_vector_query query = some_query();
    struct sw_prng prng = sw_prng_of(20);
    struct sw_buf bytes = {0}, again = {0};
    struct sw_vector_query read;
    uint32_t decoded = 0;

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        sw_buf_clear(&bytes);
        sw_buf_clear(&again);
        sw_vector_query_encode(&query, &bytes);
        bytes.data[sw_prng_below(&prng, bytes.size)] ^= (uint8_t)(1 + sw_prng_below(&prng, 255));
        if (sw_vector_query_decode(sw_buf_span(&bytes), &read) == SW_ERR_OK) {
            sw_vector_query_encode(&read, &again);
            assert_true(sw_span_equal(sw_buf_span(&bytes), sw_buf_span(&again)));
            decoded++;
        }
    }
    assert_true(decoded > 0);
    sw_buf_release(&bytes);
    sw_buf_release(&again);
}

static enum sw_err judge_item(const struct sw_vector_item *item, char why[SW_WHY_SIZE])
{
    struct sw_buf bytes = {0};
    enum sw_err err;

    sw_vector_item_encode(item, &bytes);
    err = sw_vector_item_validate(sw_buf_span(&bytes), why);
    sw_buf_release(&bytes);
    return err;
}

static void items_over_a_limit_are_refused(void **unused)
{
    static const uint8_t large[4 * SW_SPACE_DIM_MAX + 1];
    struct sw_vector_item item = some_item();
    char why[SW_WHY_SIZE];

    (void)unused;
    item.vector = sw_span_of(large, sizeof large);
    assert_int_equal(judge_item(&item, why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "16385 bytes"));
    item = some_item();
    item.index = sw_span_str("two words");
    assert_int_equal(judge_item(&item, why), SW_ERR_INVALID);
    item = some_item();
    item.distance_max = INFINITY;
    assert_int_equal(judge_item(&item, why), SW_ERR_INVALID);
    item.distance_max = (double)NAN;
    assert_int_equal(judge_item(&item, why), SW_ERR_INVALID);
    item = some_item();
    item.attributes[1].text = sw_span_of(large, SW_ATTRIBUTE_TEXT_SIZE_MAX + 1);
    assert_int_equal(judge_item(&item, why), SW_ERR_TOO_LARGE);
    assert_non_null(strstr(why, "tag"));
}

static enum sw_err judge_query(const struct sw_vector_query *query, char why[SW_WHY_SIZE])
{
    struct sw_buf bytes = {0};
    enum sw_err err;

    sw_vector_query_encode(query, &bytes);
    err = sw_vector_query_validate(sw_buf_span(&bytes), why);
    sw_buf_release(&bytes);
    return err;
}

static void questions_over_a_limit_are_refused(void **unused)
{
    struct sw_vector_query query = some_query();
    char why[SW_WHY_SIZE];

    (void)unused;
    query.k = 0;
    assert_int_equal(judge_query(&query, why), SW_ERR_INVALID);
    query.k = SW_SEARCH_COUNT_MAX + 1;
    assert_int_equal(judge_query(&query, why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "k is 1025"));
    query = some_query();
    query.recall_permille = 100;
    assert_int_equal(judge_query(&query, why), SW_ERR_INVALID);
    query = some_query();
    query.flags = 0;
    assert_int_equal(judge_query(&query, why), SW_ERR_INVALID);
    query = some_query();
    query.conditions[2].attribute = number_of("year", 5);
    assert_int_equal(judge_query(&query, why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "prefix"));
}

static void indexes_without_sense_are_refused(void **unused)
{
    struct sw_vector_space space = {.metric = 1, .dtype = 1, .dim = 15};
    struct sw_buf bytes = {0};
    char why[SW_WHY_SIZE];

    (void)unused;
    sw_vector_space_encode(&space, &bytes);
    assert_int_equal(sw_vector_space_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "vectors of 15 numbers"));
    sw_buf_clear(&bytes);
    space.dim = 16;
    sw_vector_space_encode(&space, &bytes);
    assert_int_equal(sw_vector_space_validate(sw_buf_span(&bytes), why), SW_ERR_OK);
    bytes.size--;
    assert_int_equal(sw_vector_space_validate(sw_buf_span(&bytes), why), SW_ERR_INVALID);
    sw_buf_release(&bytes);
}

static bool holds(struct sw_condition a, struct sw_condition b)
{
    const struct sw_attribute attributes[] = {
        number_of("year", 2020), text_of("tag", "red"), text_of("tag", "round")};
    const struct sw_condition conditions[] = {a, b};

    return sw_conditions_hold(conditions, 2, attributes, 3);
}

static void conditions_mean_what_they_say(void **unused)
{
    const struct sw_condition red = {.kind = SW_CONDITION_EQUAL,
                                     .attribute = text_of("tag", "red")};
    struct sw_condition other = {.kind = SW_CONDITION_EQUAL, .attribute = text_of("tag", "blue")};

    (void)unused;
    assert_true(holds(red, other)); /* alternatives */
    other.clause = 1;
    assert_false(holds(red, other)); /* both */
    other.attribute = text_of("tag", "round");
    assert_true(holds(red, other)); /* tags are a set */
    other = (struct sw_condition){
        .kind = SW_CONDITION_PREFIX, .clause = 1, .attribute = text_of("tag", "rou")};
    assert_true(holds(red, other));
    other.attribute = text_of("tag", "rounder");
    assert_false(holds(red, other));
    other = (struct sw_condition){.kind = SW_CONDITION_RANGE,
                                  .clause = 1,
                                  .attribute = number_of("year", 0),
                                  .low = 2020,
                                  .high = 2020};
    assert_true(holds(red, other));
    other.low = 2021;
    assert_false(holds(red, other));
    other = (struct sw_condition){
        .kind = SW_CONDITION_EQUAL, .clause = 1, .attribute = text_of("year", "2020")};
    assert_false(holds(red, other)); /* a text is no number */
    assert_true(sw_conditions_hold(NULL, 0, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_back),
        cmocka_unit_test(questions_come_back),
        cmocka_unit_test(hostile_bytes_decode_to_themselves_or_not_at_all),
        cmocka_unit_test(items_over_a_limit_are_refused),
        cmocka_unit_test(questions_over_a_limit_are_refused),
        cmocka_unit_test(indexes_without_sense_are_refused),
        cmocka_unit_test(conditions_mean_what_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
