/* Attributes of entries in memory: they hold for what they hold for in the store, any number of
 * them, within a bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "node/attributes.h"

static const char *const names[] = {"a", "b", "ab", "color", "year"};
static const char *const texts[] = {"", "r", "red", "reds", "blue"};

enum { NAMES = 5, TEXTS = 5, NUMBERS = 4, ENTRIES = 400 };

static struct sw_attribute random_attribute(struct sw_prng *prng)
{
    struct sw_attribute one = {.kind = SW_ATTRIBUTE_NUMBER,
                               .name = sw_span_str(names[sw_prng_below(prng, NAMES)])};

    if (sw_prng_chance(prng, 1, 2)) {
        one.number = (int64_t)sw_prng_below(prng, NUMBERS) - 1;
    } else {
        one.kind = SW_ATTRIBUTE_TEXT;
        one.text = sw_span_str(texts[sw_prng_below(prng, TEXTS)]);
    }
    return one;
}

static struct sw_condition random_condition(struct sw_prng *prng)
{
    struct sw_condition one = {.kind = SW_CONDITION_EQUAL,
                               .clause = (uint8_t)(100 * sw_prng_below(prng, 3)),
                               .attribute = random_attribute(prng)};

    if (one.attribute.kind == SW_ATTRIBUTE_TEXT && sw_prng_chance(prng, 1, 2)) {
        one.kind = SW_CONDITION_PREFIX;
    } else if (one.attribute.kind == SW_ATTRIBUTE_NUMBER && sw_prng_chance(prng, 1, 2)) {
        one.kind = SW_CONDITION_RANGE;
        one.low = (int64_t)sw_prng_below(prng, NUMBERS) - 1;
        one.high = one.low + (int64_t)sw_prng_below(prng, 3);
    }
    return one;
}

static uint32_t find(const struct sw_attributes *attributes, uint64_t id)
{
    uint32_t set;

    sw_attributes_find(attributes, &id, 1, &set);
    return set;
}

static void check(const struct sw_attributes *attributes,
                  struct sw_attributes_question *question,
                  uint64_t id,
                  const struct sw_attribute all[],
                  uint32_t count)
{
    const bool expected =
        sw_conditions_hold(question->conditions, question->condition_count, all, count);

    assert_int_equal(sw_attributes_hold(attributes, question, find(attributes, id)), expected);
}

/* The conditions are asked while entries come, as in a search that finds some of them new. */
static void they_hold_for_what_they_hold_for_in_the_store(void **unused)
{
    struct sw_prng prng = sw_prng_of(11);

    (void)unused;
    for (int round = 0; round < 60; round++) {
        struct sw_attribute all[ENTRIES][4];
        uint32_t counts[ENTRIES];
        struct sw_condition conditions[6];
        struct sw_attributes attributes = {0};
        struct sw_attributes_question question;
        const uint32_t condition_count = 1 + (uint32_t)sw_prng_below(&prng, 6);

        for (uint32_t i = 0; i < condition_count; i++) {
            conditions[i] = random_condition(&prng);
        }
        sw_attributes_ask(conditions, condition_count, &question);
        for (uint32_t i = 0; i < ENTRIES; i++) {
            counts[i] = (uint32_t)sw_prng_below(&prng, 5);
            for (uint32_t j = 0; j < counts[i]; j++) {
                all[i][j] = random_attribute(&prng);
            }
            assert_true(sw_attributes_add(&attributes, i + 1, all[i], counts[i], SIZE_MAX));
            check(&attributes, &question, i + 1, all[i], counts[i]);
        }
        for (uint32_t i = 0; i < ENTRIES; i++) {
            check(&attributes, &question, i + 1, all[i], counts[i]);
        }
        sw_attributes_question_release(&question);
        sw_attributes_release(&attributes);
    }
}

static struct sw_attribute number_of(int64_t number)
{
    return (struct sw_attribute){
        .kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("n"), .number = number};
}

/* Neighbours, far apart, and spread over 64 bits. */
static uint64_t id_of(uint32_t i)
{
    return i % 3 == 0 ? i + 1 : i % 3 == 1 ? (uint64_t)i << 40 : i * UINT64_C(0x9E3779B97F4A7C15);
}

static void it_grows_and_forgets_nothing(void **unused)
{
    struct sw_attributes attributes = {0};

    (void)unused;
    assert_int_equal(find(&attributes, 1), SW_ATTRIBUTES_NO_SET);
    for (uint32_t i = 0; i < 20000; i++) {
        const struct sw_attribute one = number_of(i % 7000);

        assert_true(sw_attributes_add(&attributes, id_of(i), &one, 1, SIZE_MAX));
    }
    assert_int_equal(attributes.slot_count, 20000);
    assert_int_equal(attributes.sets.count, 7000);
    for (uint32_t i = 0; i < 20000; i++) {
        assert_int_equal(find(&attributes, id_of(i)), find(&attributes, id_of(i % 7000)));
    }
    assert_int_equal(find(&attributes, UINT64_MAX), SW_ATTRIBUTES_NO_SET);
    assert_true(sw_attributes_add(&attributes, id_of(1), NULL, 0, SIZE_MAX)); /* the later counts */
    assert_int_not_equal(find(&attributes, id_of(1)), find(&attributes, id_of(7001)));
    assert_int_equal(attributes.slot_count, 20000);
    sw_attributes_release(&attributes);
    assert_int_equal(sw_attributes_size(&attributes), 0);
}

static void it_stays_within_its_bounds(void **unused)
{
    const size_t max = 200000;
    struct sw_attributes attributes = {0};
    uint32_t added = 0;

    (void)unused;
    for (uint32_t i = 0; i < 20000; i++) {
        const struct sw_attribute one = number_of(i);

        if (sw_attributes_add(&attributes, i + 1, &one, 1, max)) {
            added++;
        } else {
            assert_int_equal(find(&attributes, i + 1), SW_ATTRIBUTES_NO_SET);
        }
        assert_true(sw_attributes_size(&attributes) <= max);
    }
    assert_int_equal(attributes.slot_count, added);
    assert_true(added > 500 && added < 20000);
    assert_int_not_equal(find(&attributes, 1), SW_ATTRIBUTES_NO_SET);
    sw_attributes_release(&attributes);
    for (uint32_t i = 0; i < 5000; i++) { /* names have a bound of their own */
        char name[16];
        struct sw_attribute one = number_of(1);

        (void)snprintf(name, sizeof name, "n%u", i);
        one.name = sw_span_str(name);
        (void)sw_attributes_add(&attributes, i + 1, &one, 1, SIZE_MAX);
    }
    assert_true(attributes.names.count <= SW_ATTRIBUTES_NAME_COUNT_MAX);
    sw_attributes_release(&attributes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_hold_for_what_they_hold_for_in_the_store),
        cmocka_unit_test(it_grows_and_forgets_nothing),
        cmocka_unit_test(it_stays_within_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
