/* The map in memory against a sorted array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "index/map_mem.h"

enum { KEYS = 3000, ROUNDS = 60000 };

struct model {
    struct sw_index_map *map;
    uint8_t values[KEYS]; /* 0: absent */
    uint32_t count;
};

static struct sw_span key_of(uint32_t number, uint8_t *bytes)
{
    bytes[0] = (uint8_t)(number >> 8);
    bytes[1] = (uint8_t)number;
    return sw_span_of(bytes, 2);
}

static void check_walk(struct model *model, uint32_t from)
{
    struct sw_index_record record;
    uint8_t bytes[2];
    enum sw_err err = model->map->ops->seek(model->map, key_of(from, bytes), &record);

    for (uint32_t i = from; i < KEYS; i++) {
        if (model->values[i] != 0) {
            assert_int_equal(err, SW_ERR_OK);
            assert_true(sw_span_equal(record.key, key_of(i, bytes)));
            assert_int_equal(record.value.data[0], model->values[i]);
            err = model->map->ops->next(model->map, &record);
        }
    }
    assert_int_equal(err, SW_ERR_NOT_FOUND);
}

static void change(struct model *model, struct sw_prng *prng)
{
    const uint32_t i = (uint32_t)sw_prng_below(prng, KEYS);
    const uint8_t value = (uint8_t)sw_prng_range(prng, 1, 255);
    const uint8_t value_bytes[4] = {value};
    uint8_t bytes[2];
    struct sw_span found;

    if (sw_prng_chance(prng, 2, 5)) {
        const enum sw_err err = model->map->ops->del(model->map, key_of(i, bytes));

        assert_int_equal(err, model->values[i] != 0 ? SW_ERR_OK : SW_ERR_NOT_FOUND);
        model->count -= model->values[i] != 0;
        model->values[i] = 0;
    } else {
        assert_int_equal(model->map->ops->put(
                             model->map, key_of(i, bytes), sw_span_of(value_bytes, 1 + value % 4)),
                         SW_ERR_OK);
        model->count += model->values[i] == 0;
        model->values[i] = value;
    }
    assert_int_equal(model->map->ops->get(model->map, key_of(i, bytes), &found),
                     model->values[i] != 0 ? SW_ERR_OK : SW_ERR_NOT_FOUND);
}

static void it_is_an_ordered_map(void **state)
{
    struct model model = {.map = sw_index_map_mem_new()};
    struct sw_prng prng = sw_prng_of(5);

    (void)state;
    check_walk(&model, 0);
    for (int round = 0; round < ROUNDS; round++) {
        change(&model, &prng);
        if (round % 5000 == 0) {
            assert_true(sw_index_map_mem_validate(model.map));
            assert_int_equal(sw_index_map_mem_count(model.map), model.count);
            check_walk(&model, (uint32_t)sw_prng_below(&prng, KEYS));
        }
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t bytes[2];

        (void)model.map->ops->del(model.map, key_of(i, bytes));
    }
    assert_int_equal(sw_index_map_mem_count(model.map), 0);
    assert_int_equal(sw_index_map_mem_size(model.map), 0);
    assert_true(sw_index_map_mem_validate(model.map));
    sw_index_map_mem_free(model.map);
}

static void views_walk_on_their_own(void **state)
{
    struct sw_index_map *map = sw_index_map_mem_new();
    struct sw_index_map *view = sw_index_map_mem_view(map);
    struct sw_index_record a;
    struct sw_index_record b;
    uint8_t bytes[2];

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(map->ops->put(map, key_of(i, bytes), sw_span_of(&i, 1)), SW_ERR_OK);
    }
    assert_int_equal(map->ops->seek(map, key_of(0, bytes), &a), SW_ERR_OK);
    assert_int_equal(view->ops->seek(view, key_of(2, bytes), &b), SW_ERR_OK);
    assert_int_equal(map->ops->next(map, &a), SW_ERR_OK);
    assert_int_equal(view->ops->next(view, &b), SW_ERR_OK);
    assert_true(sw_span_equal(a.key, key_of(1, bytes)));
    assert_true(sw_span_equal(b.key, key_of(3, bytes)));
    sw_index_map_mem_free(view);
    sw_index_map_mem_free(map);
    sw_index_map_mem_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_an_ordered_map),
        cmocka_unit_test(views_walk_on_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
