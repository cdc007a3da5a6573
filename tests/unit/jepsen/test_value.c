/* Goal: a value reads back as its number, and no damaged value as any number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jepsen/workload/value.h"

static struct swarm_slice slice_of(const char *text)
{
    return (struct swarm_slice){.data = text, .size = strlen(text)};
}

static void round_trip(void **state)
{
    static const uint64_t numbers[] = {1, 9, 1024, 1025, 123456789, 1ULL << 53};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof numbers / sizeof *numbers; i++) {
        struct sw_edn edn = {0};
        uint64_t number = 0;

        sw_value_write(&edn, numbers[i / 2], i % 2 == 1);
        assert_false(edn.cut);
        assert_true(sw_value_read((struct swarm_slice){edn.data, edn.size}, &number));
        assert_int_equal(number, numbers[i / 2]);
        sw_edn_release(&edn);
    }
}

static void each_damage_shows(void **state)
{
    struct sw_edn edn = {0};
    uint64_t number = 0;

    (void)state;
    sw_value_write(&edn, 1025, true);
    for (size_t size = 5; size < edn.size; size++) {
        assert_false(sw_value_read((struct swarm_slice){edn.data, size}, &number));
    }
    for (size_t at = 4; at < edn.size; at += 1 + at / 64) {
        edn.data[at] ^= 1;
        assert_false(sw_value_read((struct swarm_slice){edn.data, edn.size}, &number));
        edn.data[at] ^= 1;
    }
    edn.data[0] = '2'; /* the padding of another number */
    assert_false(sw_value_read((struct swarm_slice){edn.data, edn.size}, &number));
    sw_edn_release(&edn);
}

static void strangers(void **state)
{
    static const char *const bad[] = {"", " ", "x", "1x", "-1", "01", "1 ", "1  ", "1,2"};
    uint64_t number = 0;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(sw_value_read(slice_of(bad[i]), &number));
    }
}

static void lists_of_numbers(void **state)
{
    static const char *const bad[] = {"1", "1,2", ",", "1,,", "1,2,3,4,", "a,", "1;"};
    uint64_t numbers[3] = {0};
    uint32_t count = 9;

    (void)state;
    assert_true(sw_value_numbers(slice_of(""), ',', numbers, 3, &count));
    assert_int_equal(count, 0);
    assert_true(sw_value_numbers(slice_of("7,0,12,"), ',', numbers, 3, &count));
    assert_int_equal(count, 3);
    assert_int_equal(numbers[0], 7);
    assert_int_equal(numbers[1], 0);
    assert_int_equal(numbers[2], 12);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(sw_value_numbers(slice_of(bad[i]), ',', numbers, 3, &count));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(each_damage_shows),
        cmocka_unit_test(strangers),
        cmocka_unit_test(lists_of_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
