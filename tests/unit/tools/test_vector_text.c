/* Vectors, attributes and conditions as people type them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/vector_text.h"

static enum sw_err numbers(const char *input, struct sw_vector_text *text)
{
    char why[SW_WHY_SIZE];

    *text = (struct sw_vector_text){0};
    return sw_vector_text_numbers(input, text, why);
}

static void numbers_are_read_in_any_of_the_usual_forms(void **unused)
{
    static const char *const inputs[] = {"1,-2.5,3e-1", "[1, -2.5, 0.3]", " 1\n-2.5\t.3 \n"};
    struct sw_vector_text text;

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(numbers(inputs[i], &text), SW_ERR_OK);
        assert_int_equal(text.count, 3);
        assert_true(text.numbers[0] == 1.0F && text.numbers[1] == -2.5F && text.numbers[2] == 0.3F);
        sw_vector_text_release(&text);
    }
}

static void what_is_no_number_is_refused(void **unused)
{
    static const char *const inputs[] = {"1,x", "1;2", "nan", "inf", "1e99", "0x", "1 2 three"};
    struct sw_vector_text text;

    (void)unused;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        assert_int_equal(numbers(inputs[i], &text), SW_ERR_INVALID);
        sw_vector_text_release(&text);
    }
}

static void more_numbers_than_a_vector_has_are_refused(void **unused)
{
    static char input[2 * (SW_SPACE_DIM_MAX + 1) + 1];
    struct sw_vector_text text;

    (void)unused;
    for (size_t i = 0; i <= SW_SPACE_DIM_MAX; i++) {
        memcpy(input + 2 * i, "1 ", 2);
    }
    assert_int_equal(numbers(input, &text), SW_ERR_TOO_LARGE);
    sw_vector_text_release(&text);
    input[2 * SW_SPACE_DIM_MAX] = 0;
    assert_int_equal(numbers(input, &text), SW_ERR_OK);
    assert_int_equal(text.count, SW_SPACE_DIM_MAX);
    sw_vector_text_release(&text);
}

static void attributes_are_texts_and_numbers(void **unused)
{
    struct sw_vector_text text = {0};
    char why[SW_WHY_SIZE];

    (void)unused;
    assert_int_equal(sw_vector_text_attributes("topic=raft,year:=-2014,empty=", &text, why),
                     SW_ERR_OK);
    assert_int_equal(text.attribute_count, 3);
    assert_string_equal(text.attributes[0].name, "topic");
    assert_int_equal(text.attributes[0].kind, SWARM_ATTRIBUTE_TEXT);
    assert_int_equal(text.attributes[0].text.size, 4);
    assert_int_equal(text.attributes[1].kind, SWARM_ATTRIBUTE_NUMBER);
    assert_int_equal(text.attributes[1].number, -2014);
    assert_int_equal(text.attributes[2].text.size, 0);
    sw_vector_text_release(&text);
    assert_int_equal(sw_vector_text_attributes("year:=x", &text, why), SW_ERR_INVALID);
    sw_vector_text_release(&text);
    assert_int_equal(sw_vector_text_attributes("nothing", &text, why), SW_ERR_INVALID);
    assert_non_null(strstr(why, "nothing"));
    sw_vector_text_release(&text);
}

static void conditions_become_clauses(void **unused)
{
    struct sw_vector_text text = {0};
    char why[SW_WHY_SIZE];

    (void)unused;
    assert_int_equal(
        sw_vector_text_conditions("tag=red|ro*,year>=2010,year<=2020,n:=7", &text, why), SW_ERR_OK);
    assert_int_equal(text.condition_count, 5);
    assert_int_equal(text.conditions[0].kind, SWARM_CONDITION_EQUAL);
    assert_int_equal(text.conditions[1].kind, SWARM_CONDITION_PREFIX);
    assert_int_equal(text.conditions[1].attribute.text.size, 2);
    assert_int_equal(text.conditions[0].clause, text.conditions[1].clause);
    assert_int_not_equal(text.conditions[1].clause, text.conditions[2].clause);
    assert_int_equal(text.conditions[2].low, 2010);
    assert_true(text.conditions[2].high == INT64_MAX);
    assert_int_equal(text.conditions[3].high, 2020);
    assert_int_equal(text.conditions[4].low, 7);
    assert_int_equal(text.conditions[4].high, 7);
    sw_vector_text_release(&text);
    assert_int_equal(sw_vector_text_conditions("year>=soon", &text, why), SW_ERR_INVALID);
    sw_vector_text_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_in_any_of_the_usual_forms),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(more_numbers_than_a_vector_has_are_refused),
        cmocka_unit_test(attributes_are_texts_and_numbers),
        cmocka_unit_test(conditions_become_clauses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
