/* Goal: a bad link does exactly what its page says, at times and with chances that a test knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jepsen/fault/relay_link.h"

enum { FRAME_SIZE = 100 };

static const uint64_t ms = 1000000;

struct world {
    struct sw_relay_way way;
    struct sw_relay_link link;
    uint64_t number;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    sw_relay_link_init(&world->link, &world->way, 7);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    sw_relay_link_release(&world->link);
    free(world);
    return 0;
}

/* Each frame carries its number behind the header. */
static void put(struct world *world, uint64_t now)
{
    uint8_t frame[FRAME_SIZE] = {0};

    memcpy(frame + 14, &world->number, sizeof world->number);
    world->number++;
    sw_relay_link_put(&world->link, frame, sizeof frame, now);
}

static uint64_t take(struct world *world, uint64_t *ret_due)
{
    struct sw_relay_frame frame;
    uint64_t number;

    assert_true(sw_relay_link_take(&world->link, &frame));
    assert_int_equal(frame.size, FRAME_SIZE);
    memcpy(&number, frame.bytes + 14, sizeof number);
    free(frame.bytes);
    *ret_due = frame.due_ns;
    return number;
}

static void a_good_link_passes_everything_at_once(void **state)
{
    struct world *world = *state;
    uint64_t due;

    assert_true(sw_relay_link_due(&world->link) == UINT64_MAX);
    for (uint64_t i = 0; i < 100; i++) {
        put(world, 5);
    }
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(take(world, &due), i);
        assert_int_equal(due, 5);
    }
    assert_int_equal(world->link.queued, 0);
}

static void delay_and_jitter_keep_the_order(void **state)
{
    struct world *world = *state;
    uint64_t due;
    uint64_t last = 0;
    uint64_t late = 0;

    world->way.delay_us = 5000;
    world->way.jitter_us = 4000;
    for (uint64_t i = 0; i < 200; i++) {
        put(world, i * ms);
    }
    for (uint64_t i = 0; i < 200; i++) {
        assert_int_equal(take(world, &due), i);
        assert_true(due >= last);
        assert_true(due >= (i + 5) * ms);
        assert_true(due < (i + 9) * ms);
        late += due > (i + 7) * ms ? 1 : 0;
        last = due;
    }
    assert_true(late > 50);
}

static void a_slow_line_sends_one_after_the_other_and_overflows(void **state)
{
    struct world *world = *state;
    uint64_t due;

    world->way.rate = FRAME_SIZE * 1000; /* a frame takes a millisecond */
    world->way.queue_size = 10 * FRAME_SIZE;
    for (uint64_t i = 0; i < 30; i++) {
        put(world, 0);
    }
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(take(world, &due), i);
        assert_int_equal(due, (i + 1) * ms);
    }
    assert_int_equal(world->way.overflowed, 20);
    assert_true(sw_relay_link_due(&world->link) == UINT64_MAX);
}

static uint64_t count_after(struct world *world, uint64_t frames)
{
    struct sw_relay_frame frame;
    uint64_t count = 0;

    for (uint64_t i = 0; i < frames; i++) {
        put(world, i);
    }
    while (sw_relay_link_take(&world->link, &frame)) {
        count++;
        free(frame.bytes);
    }
    return count;
}

static void chances_are_met_and_counted(void **state)
{
    struct world *world = *state;

    world->way.loss = 100000;
    assert_in_range(count_after(world, 10000), 8900, 9100);
    assert_int_equal(count_after(world, 0), 0);
    assert_in_range(world->way.lost, 900, 1100);
    world->way.loss = 0;
    world->way.duplicate = 300000;
    assert_in_range(count_after(world, 10000), 12800, 13200);
    assert_in_range(world->way.duplicated, 2800, 3200);
    world->way.duplicate = 0;
    world->way.drop = 1;
    assert_int_equal(count_after(world, 100), 0);
    assert_int_equal(world->way.frames, 20100);
}

static void a_reordered_frame_lets_others_pass(void **state)
{
    struct world *world = *state;
    uint64_t due;
    uint64_t behind = 0;
    uint64_t highest = 0;

    world->way.reorder = 200000;
    world->way.reorder_us = 3000;
    for (uint64_t i = 0; i < 1000; i++) {
        put(world, i * ms);
    }
    for (uint64_t i = 0; i < 1000; i++) {
        const uint64_t number = take(world, &due);

        assert_true(due == number * ms || due == (number + 3) * ms);
        behind += number < highest ? 1 : 0;
        highest = number > highest ? number : highest;
    }
    assert_in_range(world->way.reordered, 150, 250);
    assert_in_range(behind, 100, 250);
}

static void corruption_changes_one_byte_behind_the_header(void **state)
{
    struct world *world = *state;
    const uint8_t zeros[FRAME_SIZE] = {0};
    struct sw_relay_frame frame;

    world->way.corrupt = SW_RELAY_MILLION;
    for (int i = 0; i < 1000; i++) {
        size_t changed = 0;

        sw_relay_link_put(&world->link, zeros, sizeof zeros, 0);
        assert_true(sw_relay_link_take(&world->link, &frame));
        for (size_t at = 0; at < frame.size; at++) {
            changed += frame.bytes[at] != 0 ? 1 : 0;
            assert_true(at >= 14 || frame.bytes[at] == 0);
        }
        assert_int_equal(changed, 1);
        free(frame.bytes);
    }
    sw_relay_link_put(&world->link, zeros, 14, 0); /* nothing there to change */
    assert_int_equal(world->way.corrupted, 1000);
}

/* The sum that is 0xffff over a TCP segment and its pseudo header if nothing was damaged. */
static uint32_t tcp_sum(const uint8_t *frame, size_t end)
{
    uint32_t sum = 6 + (uint32_t)(end - 34);

    for (size_t at = 26; at < end; at++) { /* the addresses, and the segment behind them */
        sum += at % 2 == 0 ? (uint32_t)frame[at] << 8 : frame[at];
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* An IPv4 frame with a TCP segment of an odd payload, and padding behind it. */
static size_t make_segment(uint8_t frame[FRAME_SIZE])
{
    const size_t end = 14 + 20 + 32 + 25;
    uint32_t sum;

    memset(frame, 0, FRAME_SIZE);
    for (size_t at = 26; at < end; at++) {
        frame[at] = (uint8_t)(at * 37);
    }
    frame[12] = 8;
    frame[14] = 0x45;
    frame[17] = (uint8_t)(end - 14);
    frame[23] = 6;
    frame[34 + 12] = 8 << 4;
    frame[34 + 16] = frame[34 + 17] = 0;
    sum = ~tcp_sum(frame, end) & 0xffff;
    frame[34 + 16] = (uint8_t)(sum >> 8);
    frame[34 + 17] = (uint8_t)sum;
    assert_int_equal(tcp_sum(frame, end), 0xffff);
    return end;
}

static void half_of_the_corrupt_segments_have_a_right_checksum(void **state)
{
    struct world *world = *state;
    struct sw_relay_frame frame;
    uint8_t segment[FRAME_SIZE];
    const size_t end = make_segment(segment);

    world->way.corrupt = SW_RELAY_MILLION;
    for (int i = 0; i < 1000; i++) {
        const uint64_t mended = world->way.mended;
        size_t changed = 0;

        sw_relay_link_put(&world->link, segment, sizeof segment, 0);
        assert_true(sw_relay_link_take(&world->link, &frame));
        for (size_t at = 0; at < frame.size; at++) {
            const bool payload = at >= 66 && at < end;

            changed += frame.bytes[at] != segment[at] && (payload || world->way.mended == mended);
        }
        assert_int_equal(changed, 1);
        if (world->way.mended > mended) {
            assert_int_equal(tcp_sum(frame.bytes, end), 0xffff);
        }
        free(frame.bytes);
    }
    assert_in_range(world->way.mended, 400, 600);
    assert_int_equal(world->way.corrupted, 1000);
}

static void the_same_seed_is_the_same_link(void **state)
{
    struct world *world = *state;
    struct sw_relay_way way = {.loss = 500000};
    struct sw_relay_link twin;
    struct sw_relay_frame frame;

    world->way.loss = 500000;
    sw_relay_link_init(&twin, &way, 7);
    for (uint64_t i = 0; i < 500; i++) {
        const uint8_t bytes[FRAME_SIZE] = {0};

        put(world, 0);
        sw_relay_link_put(&twin, bytes, sizeof bytes, 0);
        assert_int_equal(way.lost, world->way.lost);
    }
    while (sw_relay_link_take(&twin, &frame)) {
        free(frame.bytes);
    }
    sw_relay_link_release(&twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_link_passes_everything_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(delay_and_jitter_keep_the_order, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_slow_line_sends_one_after_the_other_and_overflows, setup, teardown),
        cmocka_unit_test_setup_teardown(chances_are_met_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reordered_frame_lets_others_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(
            corruption_changes_one_byte_behind_the_header, setup, teardown),
        cmocka_unit_test_setup_teardown(
            half_of_the_corrupt_segments_have_a_right_checksum, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_seed_is_the_same_link, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
