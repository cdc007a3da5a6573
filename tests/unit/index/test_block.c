/* Lanes come out of a block as they went in; a block that says otherwise is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "index/block.h"

static struct sw__lane random_lane(struct sw_prng *prng, uint64_t seq_from)
{
    struct sw__lane lane = {.id = sw_prng_next(prng),
                            .seq = seq_from + sw_prng_below(prng, UINT32_MAX),
                            .context = (uint32_t)sw_prng_next(prng),
                            .vector = (uint32_t)sw_prng_next(prng)};

    lane.code.offset = (int32_t)sw_prng_below(prng, 1 << 20) - (1 << 19);
    lane.code.factor = (int32_t)sw_prng_below(prng, 1 << 20);
    for (uint32_t w = 0; w < SW__CODE_WORDS_MAX; w++) {
        lane.code.words[w] = sw_prng_next(prng);
    }
    return lane;
}

static void assert_lane(const struct sw__block *block, uint32_t at, const struct sw__lane *want)
{
    struct sw__lane lane;
    uint32_t found = 0;

    sw__block_lane(block, at, &lane);
    assert_int_equal(lane.id, want->id);
    assert_int_equal(lane.seq, want->seq);
    assert_int_equal(lane.context, want->context);
    assert_int_equal(lane.vector, want->vector);
    assert_int_equal(lane.code.offset, want->code.offset);
    assert_int_equal(lane.code.factor, want->code.factor);
    assert_memory_equal(lane.code.words, want->code.words, block->words * sizeof(uint64_t));
    assert_true(sw__block_find(block, want->id, &found));
    assert_int_equal(found, at);
}

static void check_dim(uint32_t dim)
{
    struct sw_prng prng = sw_prng_of(dim);
    struct sw__lane lanes[SW__BLOCK_LANES];
    uint8_t bytes[SW__BLOCK_SIZE_MAX];
    struct sw__block block;
    const struct sw_span span = sw_span_of(bytes, sw__block_size(dim));
    const uint32_t capacity = sw__block_capacity(dim);

    assert_true(sw__block_size(dim) <= sizeof(bytes));
    sw__block_clear(bytes, dim);
    assert_int_equal(sw__block_view(span, dim, &block), SW_ERR_CORRUPT); /* empty */
    for (uint32_t i = 0; i < capacity; i++) {
        lanes[i] = random_lane(&prng, UINT64_C(1) << 40);
        assert_true(sw__block_set(bytes, i, &lanes[i]));
        assert_int_equal(sw__block_view(span, dim, &block), SW_ERR_OK);
        for (uint32_t j = 0; j <= i; j++) {
            assert_lane(&block, j, &lanes[j]);
        }
    }
    assert_false(sw__block_set(bytes, capacity, &lanes[0]));
    lanes[0] = random_lane(&prng, UINT64_C(1) << 40);
    assert_true(sw__block_set(bytes, 0, &lanes[0]));
    sw__block_shrink(bytes);
    assert_int_equal(sw__block_view(span, dim, &block), SW_ERR_OK);
    assert_int_equal(block.count, capacity - 1);
    assert_lane(&block, 0, &lanes[0]);
}

static void lanes_are_kept(void **state)
{
    (void)state;
    for (uint32_t dim = 64; dim <= SW_SPACE_DIM_MAX; dim += 64) {
        check_dim(dim);
    }
    assert_int_equal(sw__block_capacity(768), 32);
    assert_true(sw__block_size(1024) <= SW__BLOCK_PAGE_SIZE);
}

static void seqs_too_far_apart_need_two_blocks(void **state)
{
    struct sw__lane low = {.id = 1, .seq = 5};
    struct sw__lane high = {.id = 2, .seq = UINT64_C(6) + UINT32_MAX};
    uint8_t bytes[SW__BLOCK_SIZE_MAX];
    uint8_t before[SW__BLOCK_SIZE_MAX];
    struct sw__block block;

    (void)state;
    sw__block_clear(bytes, 64);
    assert_true(sw__block_set(bytes, 0, &high));
    memcpy(before, bytes, sizeof(bytes));
    assert_false(sw__block_set(bytes, 1, &low));
    assert_memory_equal(before, bytes, sw__block_size(64));
    low.seq = 6;
    assert_true(sw__block_set(bytes, 1, &low));
    assert_int_equal(sw__block_view(sw_span_of(bytes, sw__block_size(64)), 64, &block), 0);
    assert_int_equal(sw__block_seq(&block, 0), high.seq);
    assert_int_equal(sw__block_seq(&block, 1), low.seq);
    assert_int_equal(block.seq_min, 6);
    assert_int_equal(block.seq_max, high.seq);
}

static void damage_is_seen(void **state)
{
    const struct sw__lane lane = {.id = 1, .seq = 5};
    static const size_t places[] = {0, 1, 2, 3, 4, 24};
    uint8_t bytes[SW__BLOCK_SIZE_MAX];
    struct sw__block block;

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        sw__block_clear(bytes, 64);
        assert_true(sw__block_set(bytes, 0, &lane));
        bytes[places[i]] = 200;
        assert_int_not_equal(sw__block_view(sw_span_of(bytes, sw__block_size(64)), 64, &block),
                             SW_ERR_OK);
    }
    assert_int_equal(sw__block_view(sw_span_of(bytes, 3), 64, &block), SW_ERR_CORRUPT);
    assert_int_equal(sw__block_view(sw_span_of(NULL, 0), 64, &block), SW_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_are_kept),
        cmocka_unit_test(seqs_too_far_apart_need_two_blocks),
        cmocka_unit_test(damage_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
