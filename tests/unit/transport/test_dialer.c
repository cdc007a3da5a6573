/* Retries, signs of life, hints that may lie, lost frames and attackers on the wire. */
#include "base/prng.h"
#include "tests/unit/transport/pipe_world.h"

static int setup(void **state)
{
    *state = pipe_new(SW_CHANNEL_PEER, SW_NOISE_IK);
    return 0;
}

static int setup_xx(void **state)
{
    *state = pipe_new(SW_CHANNEL_CLIENT, SW_NOISE_XX);
    return 0;
}

static int teardown(void **state)
{
    pipe_free(*state);
    return 0;
}

static void a_session_comes_up_and_carries_messages(void **state)
{
    struct pipe_world *world = *state;

    assert_int_equal(pipe_send(world, 1), SW_ERR_UNREACHABLE);
    assert_null(sw_dialer_remote_key(world->dialer));
    pipe_run(world, 10);
    assert_true(world->up);
    assert_true(sw_dialer_up(world->dialer));
    for (uint64_t i = 1; i <= 100; i++) {
        assert_int_equal(pipe_send(world, i), SW_ERR_OK);
    }
    assert_int_equal(world->listener_messages, 0); /* nothing leaves before a flush */
    pipe_run(world, 10);
    assert_int_equal(world->listener_messages, 100);
    assert_int_equal(world->dialer_stats.messages_sent, 100);
    assert_true(sw_public_key_equal(sw_dialer_remote_key(world->dialer),
                                    &world->listener_keys->public_key));
}

static void tries_slow_down_to_one_a_second(void **state)
{
    struct pipe_world *world = *state;
    uint64_t first, later;

    pipe_run_cut(world, 1000);
    first = world->dialer_stats.frames_sent;
    assert_in_range(first, 3, 6); /* 0, 100, 300, 700 ms, more or less */
    pipe_run_cut(world, 4000);
    later = world->dialer_stats.frames_sent;
    pipe_run_cut(world, 10000);
    assert_in_range(world->dialer_stats.frames_sent - later, 7, 14);
    assert_false(world->up);
    pipe_run(world, 1300); /* the wire heals: within one try */
    assert_true(world->up);
}

static void without_a_connection_it_looks_again_soon(void **state)
{
    struct pipe_world *world = *state;

    world->to_listener.answer = SW_ERR_BUSY;
    pipe_run_cut(world, 5000);
    world->to_listener.answer = SW_ERR_OK;
    pipe_run(world, SW_DIALER_RECONNECT_MS + 10);
    assert_true(world->up);
}

static void a_silent_node_goes_down_and_comes_back(void **state)
{
    struct pipe_world *world = *state;

    pipe_run(world, 10);
    pipe_run(world, 60000); /* idle, but alive */
    assert_int_equal(world->downs, 0);
    pipe_run_cut(world, SW_DIALER_PEER_DEAD_MS + 20);
    assert_false(world->up);
    assert_int_equal(world->downs, 1);
    pipe_run(world, 1300);
    assert_true(world->up);
}

static void a_restarted_node_is_found_by_its_hint(void **state)
{
    struct pipe_world *world = *state;

    pipe_run(world, 1000);
    pipe_listen(world); /* all sessions forgotten */
    assert_int_equal(pipe_send(world, 1), SW_ERR_OK);
    pipe_run(world, 50);
    assert_true(world->up);
    assert_int_equal(world->ups, 2);
    assert_int_equal(world->downs, 1);
    assert_true(world->listener_stats.dropped_unsealed > 0);
    assert_int_equal(pipe_send(world, 2), SW_ERR_OK);
    pipe_run(world, 10);
    assert_int_equal(world->last_number, 2);
}

static void lying_hints_cost_little_and_end_nothing(void **state)
{
    struct pipe_world *world = *state;
    struct sw_frame_header header = {.kind = SW_FRAME_NO_SESSION};
    uint8_t frame[SW_FRAME_HEADER_SIZE];
    uint64_t sent;

    pipe_run(world, 10);
    assert_int_equal(pipe_send(world, 1), SW_ERR_OK);
    sw_dialer_flush(world->dialer, world->now_ms);
    assert_int_equal(world->to_listener.count, 1);
    header.index = sw_load_u32(world->to_listener.frame[0].data + 4);
    pipe_deliver_to_listener(world);
    sent = world->dialer_stats.frames_sent;
    for (int i = 0; i < 1000; i++) { /* ten seconds of lies, all frames else are lost */
        header.index ^= i % 2 == 0 ? 0 : 1;
        sw_frame_encode(&header, frame);
        pipe_inject_dialer(world, sw_span_of(frame, sizeof(frame)));
        header.index ^= i % 2 == 0 ? 0 : 1;
        (void)sw_dialer_tick(world->dialer, world->now_ms);
        pipe_deliver_to_listener(world);
        (void)sw_listener_tick(world->listener, world->now_ms);
        for (size_t n = 0; n < world->to_dialer.count; n++) { /* ANSWERs are lost, CREDIT comes */
            if (world->to_dialer.frame[n].data[1] == SW_FRAME_SEALED) {
                pipe_inject_dialer(world, sw_buf_span(&world->to_dialer.frame[n]));
            }
        }
        world->to_dialer.count = 0;
        world->now_ms += 10;
    }
    assert_int_equal(world->downs, 0);
    assert_true(world->dialer_stats.frames_sent - sent < 100);
    assert_int_equal(pipe_send(world, 2), SW_ERR_OK);
    pipe_run(world, 10);
    assert_int_equal(world->last_number, 2);
}

static void a_refusal_is_reported_and_tries_go_on(void **state)
{
    struct pipe_world *world = *state;

    world->allow = false;
    pipe_run(world, 3000);
    assert_true(world->refusals >= 3);
    assert_int_equal(world->refused, SW_ERR_UNAUTHORIZED);
    assert_int_equal(world->ups, 0);
    world->allow = true;
    pipe_run(world, 1300);
    assert_true(world->up);
}

static void a_forged_refusal_of_a_running_session_is_ignored(void **state)
{
    const struct sw_frame_header header = {.kind = SW_FRAME_REFUSED,
                                           .type = SW_FRAME_REFUSAL_UNAUTHORIZED};
    struct pipe_world *world = *state;
    uint8_t frame[SW_FRAME_HEADER_SIZE];

    pipe_run(world, 10);
    sw_frame_encode(&header, frame);
    pipe_inject_dialer(world, sw_span_of(frame, sizeof(frame)));
    assert_int_equal(world->refusals, 0);
    assert_true(world->up);
}

static void xx_is_up_only_once_the_node_let_us_in(void **state)
{
    struct pipe_world *world = *state;

    world->allow = false;
    pipe_run(world, 3000);
    assert_int_equal(world->ups, 0);
    assert_int_equal(world->refused, SW_ERR_UNAUTHORIZED);
    world->allow = true;
    pipe_run(world, 1300);
    assert_true(world->up);
    assert_int_equal(world->downs, 0);
}

static void credit_runs_out_and_survives_lost_frames(void **state)
{
    struct pipe_world *world = *state;
    uint8_t *big = calloc(1, SW_MESSAGE_SIZE_MAX);
    enum sw_err err;

    assert_non_null(big);
    pipe_run(world, 10);
    for (int round = 0; round < 5; round++) {
        assert_int_equal(sw_dialer_send(world->dialer, sw_span_of(big, SW_MESSAGE_SIZE_MAX)),
                         SW_ERR_OK);
        do {
            err = sw_dialer_send(world->dialer, sw_span_of(big, 9000));
        } while (err == SW_ERR_OK);
        assert_int_equal(err, SW_ERR_BUSY);
        pipe_run_cut(world, 10); /* all of it is lost */
        assert_int_equal(sw_dialer_send(world->dialer, sw_span_of(big, 9000)), SW_ERR_BUSY);
        pipe_run(world, 2 * SW_DIALER_PEER_PROBE_MS); /* a probe brings the credit back */
    }
    assert_int_equal(sw_dialer_send(world->dialer, sw_span_of(big, 9000)), SW_ERR_OK);
    pipe_run(world, 10);
    assert_int_equal(world->listener_messages, 1);
    assert_int_equal(world->downs, 0);
    free(big);
}

static void a_full_queue_keeps_the_messages(void **state)
{
    struct pipe_world *world = *state;

    pipe_run(world, 10);
    world->to_listener.answer = SW_ERR_BUSY;
    for (uint64_t i = 1; i <= 10; i++) {
        assert_int_equal(pipe_send(world, i), SW_ERR_OK);
        sw_dialer_flush(world->dialer, world->now_ms);
    }
    world->to_listener.answer = SW_ERR_OK;
    pipe_run(world, 10);
    assert_int_equal(world->last_number, 10);
    assert_int_equal(world->listener_messages, 10);
}

/* An attacker holds the wire for a long time: whatever it does, what arrives is genuine, in order
 * and once, and when it stops, messages pass again. */
static void an_attacker_on_the_wire_can_only_lose_messages(void **state)
{
    struct pipe_world *world = *state;
    struct sw_prng prng = sw_prng_of(11);
    static struct sw_buf recorded[64];
    uint64_t number = 0;

    for (int step = 0; step < 4000; step++) {
        (void)sw_dialer_tick(world->dialer, world->now_ms);
        number += pipe_send(world, number + 1) == SW_ERR_OK ? 1 : 0;
        sw_dialer_flush(world->dialer, world->now_ms);
        for (size_t i = 0; i < world->to_listener.count; i++) {
            struct sw_buf *frame = &world->to_listener.frame[i];
            struct sw_buf *old = &recorded[sw_prng_below(&prng, 64)];
            const uint64_t dice = sw_prng_below(&prng, 10);

            if (old->size > 0 && dice < 3) {
                pipe_inject(world, &world->route, sw_buf_span(old)); /* replay, any age */
                pipe_inject_dialer(world, sw_buf_span(old));         /* reflection */
            }
            sw_buf_clear(old);
            sw_write_bytes(old, sw_buf_span(frame));
            if (dice == 3) { /* one bit */
                const uint64_t bit = sw_prng_below(&prng, frame->size * 8);

                frame->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            } else if (dice == 4) { /* cut */
                frame->size = sw_prng_below(&prng, frame->size);
            } else if (dice == 5) { /* another sender */
                frame->data[8]++;
            } else if (dice == 6) {
                continue; /* lost */
            }
            pipe_inject(world, &world->route, sw_buf_span(frame));
        }
        world->to_listener.count = 0;
        (void)sw_listener_tick(world->listener, world->now_ms);
        pipe_deliver_to_dialer(world);
        world->now_ms += 10;
    }
    assert_true(world->listener_messages > 500);
    assert_true(world->listener_messages <= number);
    assert_true(world->listener_stats.dropped_replayed > 100);
    assert_true(world->listener_stats.dropped_unsealed > 100);
    assert_true(world->listener_stats.dropped_malformed > 10);
    assert_true(world->dialer_stats.dropped_unsealed > 100);
    pipe_run(world, 5000);
    assert_true(world->up);
    world->listener_messages = 0;
    assert_int_equal(pipe_send(world, number + 1), SW_ERR_OK);
    pipe_run(world, 20);
    assert_true(world->listener_messages >= 1);
    for (size_t i = 0; i < 64; i++) {
        sw_buf_release(&recorded[i]);
    }
}

static void close_tells_the_node(void **state)
{
    struct pipe_world *world = *state;

    pipe_run(world, 10);
    assert_int_equal(sw_listener_count(world->listener), 1);
    sw_dialer_close(world->dialer, world->now_ms);
    pipe_deliver_to_listener(world);
    assert_int_equal(sw_listener_count(world->listener), 0);
    assert_false(world->up);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_comes_up_and_carries_messages),
        TEST(tries_slow_down_to_one_a_second),
        TEST(without_a_connection_it_looks_again_soon),
        TEST(a_silent_node_goes_down_and_comes_back),
        TEST(a_restarted_node_is_found_by_its_hint),
        TEST(lying_hints_cost_little_and_end_nothing),
        TEST(a_refusal_is_reported_and_tries_go_on),
        TEST(a_forged_refusal_of_a_running_session_is_ignored),
        cmocka_unit_test_setup_teardown(xx_is_up_only_once_the_node_let_us_in, setup_xx, teardown),
        TEST(credit_runs_out_and_survives_lost_frames),
        TEST(a_full_queue_keeps_the_messages),
        TEST(an_attacker_on_the_wire_can_only_lose_messages),
        TEST(close_tells_the_node),
    };

    if (sw_crypto_init() != SW_ERR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
