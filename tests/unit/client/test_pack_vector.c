/* Items and questions of the public interface become what the protocol's own codec makes of the
 * same things; what could not be encoded is refused with a reason. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "client/pack.h"
#include "transport/vector.h"

static const float numbers[16] = {1, 2, 3};

static struct swarm_item some_item(void)
{
    static const struct swarm_attribute attributes[] = {
        {.kind = SWARM_ATTRIBUTE_NUMBER, .name = "year", .number = 2014},
        {.kind = SWARM_ATTRIBUTE_TEXT, .name = "topic", .text = {.data = "raft", .size = 4}}};

    return (struct swarm_item){.index = "notes",
                               .vector = {.data = numbers, .size = sizeof numbers},
                               .context = 3,
                               .novel = true,
                               .distance_max = -0.0,
                               .attributes = attributes,
                               .attribute_count = 2,
                               .content = swarm_str("text")};
}

static enum sw_err
pack(const struct swarm_request *request, struct sw_buf *out, char why[SW_WHY_SIZE])
{
    sw_buf_clear(out);
    return sw_pack(request, out, why);
}

static void an_item_arrives_as_it_was_given(void **unused)
{
    const struct swarm_item item = some_item();
    const struct swarm_request request = {.op = SWARM_VECTOR_PUT, .item = &item};
    struct sw_buf out = {0};
    struct sw_vector_item read;
    char why[SW_WHY_SIZE];

    (void)unused;
    assert_int_equal(pack(&request, &out, why), SW_ERR_OK);
    assert_int_equal(sw_vector_item_decode(sw_buf_span(&out), &read), SW_ERR_OK);
    assert_int_equal(sw_vector_item_validate(sw_buf_span(&out), why), SW_ERR_OK);
    assert_true(sw_span_equal(read.index, sw_span_str("notes")));
    assert_int_equal(read.vector.size, sizeof numbers);
    assert_memory_equal(read.vector.data, numbers, sizeof numbers);
    assert_int_equal(read.context, 3);
    assert_int_equal(read.attributes[0].number, 2014);
    assert_true(sw_span_equal(read.attributes[1].text, sw_span_str("raft")));
    assert_true(sw_span_equal(read.content, sw_span_str("text")));
    sw_buf_release(&out);
}

static void a_question_arrives_as_it_was_given(void **unused)
{
    const struct swarm_condition condition = {
        .kind = SWARM_CONDITION_RANGE,
        .clause = 4,
        .attribute = {.kind = SWARM_ATTRIBUTE_NUMBER, .name = "year"},
        .low = -1,
        .high = 1};
    const struct swarm_question question = {.index = "notes",
                                            .vector = {.data = numbers, .size = sizeof numbers},
                                            .recall_permille = 990,
                                            .conditions = &condition,
                                            .condition_count = 1};
    const struct swarm_request request = {.op = SWARM_VECTOR_SEARCH, .question = &question};
    struct sw_buf out = {0};
    struct sw_vector_query read;
    char why[SW_WHY_SIZE];

    (void)unused;
    assert_int_equal(pack(&request, &out, why), SW_ERR_OK);
    assert_int_equal(sw_vector_query_decode(sw_buf_span(&out), &read), SW_ERR_OK);
    assert_int_equal(sw_vector_query_validate(sw_buf_span(&out), why), SW_ERR_OK);
    assert_int_equal(read.k, 10);
    assert_int_equal(read.recall_permille, 990);
    assert_int_equal(read.conditions[0].low, -1);
    assert_int_equal(read.conditions[0].clause, 4);
    sw_buf_release(&out);
}

/* A watch has a value of its own only if it watches by meaning. */
static void a_watch_by_meaning_takes_a_question(void **unused)
{
    const float vector[16] = {1};
    struct swarm_question question = {.index = "notes",
                                      .vector = {.data = vector, .size = sizeof vector},
                                      .distance_max = 0.5};
    struct swarm_request request = {.op = SWARM_WATCH};
    struct sw_buf out = {0};
    char why[SW_WHY_SIZE];

    (void)unused;
    assert_int_equal(pack(&request, &out, why), SW_ERR_OK);
    assert_int_equal(out.size, 0);
    request.question = &question;
    assert_int_equal(pack(&request, &out, why), SW_ERR_OK);
    assert_int_equal(sw_vector_watch_validate(sw_buf_span(&out), why), SW_ERR_OK);
    sw_buf_clear(&out);
    question.recall_permille = 900;
    assert_int_equal(pack(&request, &out, why), SW_ERR_INVALID);
    sw_buf_release(&out);
}

static void what_cannot_be_encoded_is_refused(void **unused)
{
    static const struct swarm_attribute attributes[SW_ATTRIBUTE_COUNT_MAX + 1];
    struct swarm_item item = some_item();
    struct swarm_question question = {.index = "notes", .flags = 1U << 9};
    struct swarm_request request = {.op = SWARM_VECTOR_PUT};
    struct sw_buf out = {0};
    char why[SW_WHY_SIZE];

    (void)unused;
    assert_int_equal(pack(&request, &out, why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "request.item"));
    item.attributes = attributes;
    item.attribute_count = SW_ATTRIBUTE_COUNT_MAX + 1;
    request.item = &item;
    assert_int_equal(pack(&request, &out, why), SW_ERR_TOO_LARGE);
    request = (struct swarm_request){.op = SWARM_VECTOR_SEARCH, .question = &question};
    assert_int_equal(pack(&request, &out, why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "flags"));
    request = (struct swarm_request){.op = SWARM_INDEX_CREATE};
    assert_int_equal(pack(&request, &out, why), SW_ERR_INVALID);
    sw_buf_release(&out);
}

static void a_distance_is_told_from_its_record(void **unused)
{
    struct swarm_record record = {0};
    const double distance = 0.125;

    (void)unused;
    memcpy(&record.lease, &distance, sizeof distance);
    assert_true(swarm_distance(&record) == 0.125);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_arrives_as_it_was_given),
        cmocka_unit_test(a_question_arrives_as_it_was_given),
        cmocka_unit_test(a_watch_by_meaning_takes_a_question),
        cmocka_unit_test(what_cannot_be_encoded_is_refused),
        cmocka_unit_test(a_distance_is_told_from_its_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
