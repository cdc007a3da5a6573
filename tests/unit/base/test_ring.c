/* First in, first out, never more than its capacity: against a plain counter as the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/ring.h"

static uint8_t items[4096];

static void order_is_kept_around_the_end(void **state)
{
    struct sw_prng prng = sw_prng_of(7);
    struct sw_ring ring;
    uint32_t in = 0;
    uint32_t out = 0;

    (void)state;
    sw_ring_init(&ring, 5);
    while (in < 4000) {
        if (sw_prng_chance(&prng, 1, 2)) {
            const bool pushed = sw_ring_push(&ring, &items[in]);

            assert_int_equal(pushed, in - out < 5);
            in += pushed ? 1 : 0;
        } else {
            void *item = sw_ring_pop(&ring);

            assert_ptr_equal(item, in == out ? NULL : &items[out]);
            out += item != NULL ? 1 : 0;
        }
        assert_int_equal(ring.count, in - out);
        assert_int_equal(sw_ring_full(&ring), in - out == 5);
        assert_ptr_equal(sw_ring_peek(&ring), in == out ? NULL : &items[out]);
        for (uint32_t i = 0; i < ring.count; i++) {
            assert_ptr_equal(sw_ring_at(&ring, i), &items[out + i]);
        }
    }
    sw_ring_release(&ring);
}

static void unpush_takes_the_newest(void **state)
{
    struct sw_ring ring;

    (void)state;
    sw_ring_init(&ring, 2);
    assert_null(sw_ring_unpush(&ring));
    assert_true(sw_ring_push(&ring, &items[0]));
    assert_true(sw_ring_push(&ring, &items[1]));
    assert_false(sw_ring_push(&ring, &items[2]));
    assert_ptr_equal(sw_ring_unpush(&ring), &items[1]);
    assert_ptr_equal(sw_ring_pop(&ring), &items[0]);
    assert_null(sw_ring_pop(&ring));
    sw_ring_release(&ring);
    sw_ring_release(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept_around_the_end),
        cmocka_unit_test(unpush_takes_the_newest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
