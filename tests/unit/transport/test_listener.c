/* What strangers and slow clients can make a listener do, and what they cannot. */
#include "base/prng.h"
#include "tests/unit/transport/pipe_world.h"

static int setup(void **state)
{
    struct pipe_world *world = pipe_new(SW_CHANNEL_CLIENT, SW_NOISE_IK);

    world->echo = true;
    *state = world;
    return 0;
}

static int setup_xx(void **state)
{
    *state = pipe_new(SW_CHANNEL_CLIENT, SW_NOISE_XX);
    return 0;
}

static int setup_peer(void **state)
{
    *state = pipe_new(SW_CHANNEL_PEER, SW_NOISE_IK);
    return 0;
}

static int teardown(void **state)
{
    pipe_free(*state);
    return 0;
}

/* The HELLO that the dialer would send now. */
static struct sw_buf take_hello(struct pipe_world *world)
{
    struct sw_buf hello = {0};

    pipe_dial(world);
    (void)sw_dialer_tick(world->dialer, world->now_ms);
    assert_int_equal(world->to_listener.count, 1);
    sw_write_bytes(&hello, sw_buf_span(&world->to_listener.frame[0]));
    world->to_listener.count = 0;
    return hello;
}

static void requests_are_answered(void **state)
{
    struct pipe_world *world = *state;

    pipe_run(world, 10);
    for (uint64_t i = 1; i <= 50; i++) {
        assert_int_equal(pipe_send(world, i), SW_ERR_OK);
    }
    pipe_run(world, 20);
    assert_int_equal(world->dialer_messages, 50);
    assert_int_equal(sw_listener_count(world->listener), 1);
    assert_int_equal(sw_listener_reply(world->listener, 0, sw_span_str("x")), SW_ERR_UNREACHABLE);
    assert_int_equal(sw_listener_reply(world->listener, world->conn + 1, sw_span_str("x")),
                     SW_ERR_UNREACHABLE);
}

static void replayed_hellos_fill_no_table_and_end_no_session(void **state)
{
    struct pipe_world *world = *state;
    struct sw_buf hello = take_hello(world);
    const struct sw_route elsewhere = {.size = 5, .bytes = {9}};

    pipe_run(world, 1500);
    assert_true(world->up);
    for (int i = 0; i < 900; i++) {
        pipe_inject(world, &elsewhere, sw_buf_span(&hello));
        world->to_dialer.count = 0;
    }
    assert_int_equal(world->closed, 0);
    assert_int_equal(world->downs, 0);
    assert_int_equal(pipe_send(world, 1), SW_ERR_OK);
    pipe_run(world, 20);
    assert_int_equal(world->dialer_messages, 1);
    pipe_run(world, SW_LISTENER_HALF_OPEN_MS + 500); /* and they are forgotten */
    assert_int_equal(sw_listener_count(world->listener), 1);
    sw_buf_release(&hello);
}

static void handshakes_are_limited_per_second(void **state)
{
    struct pipe_world *world = *state;
    struct sw_buf hello = take_hello(world);
    uint64_t answers = 0;

    world->listener_config.handshake_rate = 20;
    pipe_listen(world);
    for (int i = 0; i < 200; i++) {
        pipe_inject(world, &world->route, sw_buf_span(&hello));
    }
    for (size_t i = 0; i < world->to_dialer.count; i++) {
        answers += world->to_dialer.frame[i].data[1] == SW_FRAME_ANSWER ? 1 : 0;
    }
    assert_int_equal(answers, 20);
    assert_int_equal(world->listener_stats.handshakes_refused, 180);
    assert_int_equal(world->events, 1); /* one line for all of them */
    assert_int_equal(world->event, SW_ERR_OVERLOADED);
    world->to_dialer.count = 0;
    sw_buf_release(&hello);
}

static void sessions_are_limited(void **state)
{
    struct pipe_world *world = *state;

    for (int i = 0; i < 6; i++) {
        pipe_dial(world); /* the old session stays, as when a client was killed */
        pipe_run(world, 10);
    }
    assert_int_equal(sw_listener_count(world->listener), 4);
    assert_int_equal(world->event, SW_ERR_OVERLOADED);
    assert_true(world->listener_stats.handshakes_refused >= 1);
    assert_int_equal(world->closed, 0);
    /* The dead ones leave by their silence. */
    pipe_run(world, SW_LISTENER_IDLE_MS + 2000);
    assert_int_equal(world->closed, 4);
    assert_int_equal(sw_listener_count(world->listener), 1);
}

static void a_peers_new_session_ends_its_old_one(void **state)
{
    struct pipe_world *world = *state;

    for (int i = 1; i <= 6; i++) {
        pipe_dial(world);
        pipe_run(world, 10);
        assert_true(world->up);
        assert_int_equal(sw_listener_count(world->listener), 1);
    }
    assert_int_equal(world->closed, 5);
}

static void strangers_frames_move_no_session(void **state)
{
    struct pipe_world *world = *state;
    const struct sw_route elsewhere = {.size = 5, .bytes = {9}};
    struct sw_prng prng = sw_prng_of(2);
    struct sw_buf genuine = {0};

    pipe_run(world, 10);
    assert_int_equal(pipe_send(world, 1), SW_ERR_OK);
    sw_dialer_flush(world->dialer, world->now_ms);
    sw_write_bytes(&genuine, sw_buf_span(&world->to_listener.frame[0]));
    pipe_deliver_to_listener(world);
    for (int i = 0; i < 3000; i++) { /* the genuine frame again and again, and with changes */
        const uint64_t bit = sw_prng_below(&prng, genuine.size * 8);

        pipe_inject(world, &elsewhere, sw_buf_span(&genuine));
        genuine.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        pipe_inject(world, &elsewhere, sw_buf_span(&genuine));
        genuine.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        world->to_dialer.count = 0;
    }
    assert_int_equal(world->listener_messages, 1);
    assert_true(world->listener_stats.dropped_replayed >= 3000);
    assert_true(world->listener_stats.dropped_unsealed > 1000);
    assert_true(world->events < 5);
    assert_int_equal(pipe_send(world, 2), SW_ERR_OK);
    pipe_run(world, 20);
    assert_int_equal(world->last_number, 2);
    assert_int_equal(world->downs, 0);
    sw_buf_release(&genuine);
}

static void a_client_follows_its_session_to_another_connection(void **state)
{
    struct pipe_world *world = *state;

    pipe_run(world, 10);
    world->route.bytes[1] = 99; /* ZeroMQ reconnected: another route, the same session */
    assert_int_equal(pipe_send(world, 1), SW_ERR_OK);
    pipe_run(world, 20);
    assert_int_equal(world->dialer_messages, 1);
    assert_int_equal(world->downs, 0);
    assert_int_equal(world->to_dialer.route.bytes[1], 99); /* that is where the reply went */
}

static void finish_from_another_connection_spoils_nothing(void **state)
{
    struct pipe_world *world = *state;
    const struct sw_route elsewhere = {.size = 5, .bytes = {9}};
    struct sw_buf forged = {0};

    (void)sw_dialer_tick(world->dialer, world->now_ms);
    pipe_deliver_to_listener(world);
    pipe_deliver_to_dialer(world); /* FINISH is on its way, and the attacker saw its header */
    assert_int_equal(world->to_listener.frame[0].data[1], SW_FRAME_FINISH);
    sw_write_bytes(&forged, sw_buf_span(&world->to_listener.frame[0]));
    forged.data[forged.size - 1] ^= 1;
    pipe_inject(world, &elsewhere, sw_buf_span(&forged));
    assert_int_equal(world->listener_stats.dropped_unsealed, 1);
    pipe_run(world, 20);
    assert_true(world->up);
    assert_int_equal(world->listener_stats.handshakes_refused, 0);
    sw_buf_release(&forged);
}

static void a_client_that_takes_no_replies_is_dropped_in_time(void **state)
{
    struct pipe_world *world = *state;

    pipe_run(world, 10);
    world->to_dialer.answer = SW_ERR_BUSY;
    assert_int_equal(pipe_send(world, 1), SW_ERR_OK);
    for (int i = 0; i < 5; i++) { /* it goes on sending, so it is not idle */
        pipe_run(world, 500);
        assert_int_equal(world->closed, 0);
    }
    for (int i = 0; i < 8 && world->closed == 0; i++) {
        pipe_run(world, 500);
    }
    assert_int_equal(world->closed, 1);
    assert_int_equal(world->event, SW_ERR_BUSY);
}

static void replies_that_wait_are_bounded(void **state)
{
    struct pipe_world *world = *state;
    static const uint8_t reply[1 << 20];
    int count = 0;

    world->listener_config.reply_size_max = 3 << 20;
    pipe_listen(world);
    pipe_dial(world);
    pipe_run(world, 10);
    assert_int_equal(pipe_send(world, 1), SW_ERR_OK);
    pipe_run(world, 20);
    while (sw_listener_reply(world->listener, world->conn, sw_span_of(reply, sizeof(reply))) ==
           SW_ERR_OK) {
        count++;
    }
    assert_int_equal(count, 2);
    assert_int_equal(world->closed, 0); /* callbacks only come from receive and tick */
    (void)sw_listener_tick(world->listener, world->now_ms);
    assert_int_equal(world->closed, 1);
    pipe_deliver_to_dialer(world); /* CLOSE reached it */
    assert_false(world->up);
}

static void replies_larger_than_the_credit_go_in_parts(void **state)
{
    struct pipe_world *world = *state;
    static const uint8_t reply[1 << 20];

    pipe_run(world, 10);
    assert_int_equal(pipe_send(world, 1), SW_ERR_OK);
    pipe_run(world, 20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(
            sw_listener_reply(world->listener, world->conn, sw_span_of(reply, sizeof(reply))),
            SW_ERR_OK);
    }
    pipe_run(world, 1000);
    assert_int_equal(world->dialer_messages, 21);
    assert_int_equal(world->closed, 0);
}

static void a_shutdown_is_told_at_once(void **state)
{
    struct pipe_world *world = *state;

    pipe_run(world, 10);
    sw_listener_shutdown(world->listener, world->now_ms);
    assert_int_equal(world->closed, 0);
    pipe_deliver_to_dialer(world);
    assert_false(world->up);
}

static void a_revoked_key_loses_its_sessions(void **state)
{
    struct pipe_world *world = *state;

    pipe_run(world, 10);
    sw_listener_recheck(world->listener);
    pipe_run(world, 10);
    assert_int_equal(world->closed, 0);
    world->allow = false;
    sw_listener_recheck(world->listener);
    pipe_run(world, 10);
    assert_int_equal(world->closed, 1);
    assert_false(world->up);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_are_answered, setup),
        TEST(replayed_hellos_fill_no_table_and_end_no_session, setup),
        TEST(handshakes_are_limited_per_second, setup),
        TEST(sessions_are_limited, setup),
        TEST(a_peers_new_session_ends_its_old_one, setup_peer),
        TEST(strangers_frames_move_no_session, setup),
        TEST(a_client_follows_its_session_to_another_connection, setup),
        TEST(finish_from_another_connection_spoils_nothing, setup_xx),
        TEST(a_client_that_takes_no_replies_is_dropped_in_time, setup),
        TEST(replies_that_wait_are_bounded, setup),
        TEST(replies_larger_than_the_credit_go_in_parts, setup),
        TEST(a_shutdown_is_told_at_once, setup),
        TEST(a_revoked_key_loses_its_sessions, setup),
    };

    if (sw_crypto_init() != SW_ERR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
