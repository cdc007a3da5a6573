/* Messages are cut into frames by size and credit, and stay when a frame does not leave. */
#include "tests/unit/transport/pipe_world.h"

struct fixture {
    struct sw_keypair *keys[2];
    struct sw_channel *from, *to;
    struct pipe_queue queue;
    struct sw_sink sink;
    struct sw_link_stats stats;
    struct sw_outbox outbox;
};

static bool allow_all(void *arg, const struct sw_public_key *key, struct sw_node_id claimed)
{
    (void)arg;
    (void)key;
    (void)claimed;
    return true;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct sw_channel_config config = {
        .role = SW_CHANNEL_PEER,
        .local = {1},
        .remote = {2},
        .index = 1,
        .window = SW_FRAME_SIZE_MAX,
        .pattern = SW_NOISE_IK,
        .suite = sw_suite_best(),
    };
    struct sw_channel_input input;
    struct sw_buf hello = {0}, answer = {0};

    assert_non_null(fixture);
    for (int i = 0; i < 2; i++) {
        fixture->keys[i] = sw_secret_new(sizeof(struct sw_keypair));
        sw_keypair_generate(fixture->keys[i]);
    }
    fixture->sink =
        (struct sw_sink){.arg = &fixture->queue, .reserve = pipe_reserve, .commit = pipe_commit};
    config.keys = fixture->keys[0];
    config.remote_key = &fixture->keys[1]->public_key;
    assert_int_equal(sw_channel_connect(&config, &hello, &fixture->from), SW_ERR_OK);
    config.local.value = 2;
    config.keys = fixture->keys[1];
    config.allow = allow_all;
    assert_int_equal(sw_channel_accept(&config, sw_buf_span(&hello), &answer, &fixture->to),
                     SW_ERR_OK);
    assert_int_equal(sw_channel_receive(fixture->from, answer.data, answer.size, NULL, &input),
                     SW_ERR_OK);
    sw_buf_release(&hello);
    sw_buf_release(&answer);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    sw_outbox_release(&fixture->outbox);
    for (size_t i = 0; i < PIPE_FRAME_COUNT_MAX; i++) {
        sw_buf_release(&fixture->queue.frame[i]);
    }
    sw_channel_free(fixture->from);
    sw_channel_free(fixture->to);
    sw_secret_free(fixture->keys[0]);
    sw_secret_free(fixture->keys[1]);
    free(fixture);
    return 0;
}

static enum sw_err flush(struct fixture *fixture)
{
    return sw_outbox_flush(
        &fixture->outbox, fixture->from, 1, &fixture->sink, NULL, &fixture->stats);
}

/* Opens all frames; how many messages came. */
static unsigned receive_all(struct fixture *fixture)
{
    unsigned count = 0;

    for (size_t i = 0; i < fixture->queue.count; i++) {
        struct sw_buf *frame = &fixture->queue.frame[i];
        struct sw_channel_input input;

        assert_int_equal(sw_channel_receive(fixture->to, frame->data, frame->size, NULL, &input),
                         SW_ERR_OK);
        count += input.count;
    }
    fixture->queue.count = 0;
    return count;
}

static void messages_of_one_turn_share_a_frame(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 100; i++) {
        sw_outbox_add(&fixture->outbox, sw_span_str("heartbeat"));
    }
    assert_int_equal(sw_outbox_size(&fixture->outbox), 1300);
    assert_int_equal(flush(fixture), SW_ERR_OK);
    assert_int_equal(fixture->queue.count, 1);
    assert_int_equal(receive_all(fixture), 100);
    assert_int_equal(fixture->stats.frames_sent, 1);
    assert_int_equal(fixture->stats.messages_sent, 100);
    assert_int_equal(fixture->stats.bytes_sent, 1300 + SW_FRAME_OVERHEAD);
}

static void credit_cuts_and_the_rest_stays(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t big[600 << 10];
    unsigned received;

    for (int i = 0; i < 5; i++) {
        sw_outbox_add(&fixture->outbox, sw_span_of(big, sizeof(big)));
    }
    assert_int_equal(flush(fixture), SW_ERR_BUSY);
    received = receive_all(fixture);
    assert_int_equal(received, 2); /* what the window holds */
    while (received < 5) {
        struct sw_channel_input input;

        assert_true(sw_channel_grant_due(fixture->to));
        assert_int_equal(
            sw_outbox_control(
                fixture->to, 1, SW_FRAME_CREDIT, &fixture->sink, NULL, &fixture->stats),
            SW_ERR_OK);
        assert_int_equal(sw_channel_receive(fixture->from,
                                            fixture->queue.frame[0].data,
                                            fixture->queue.frame[0].size,
                                            NULL,
                                            &input),
                         SW_ERR_OK);
        fixture->queue.count = 0;
        (void)!flush(fixture);
        received += receive_all(fixture);
    }
    assert_int_equal(sw_outbox_size(&fixture->outbox), 0);
    assert_true(fixture->outbox.packed.capacity <= SW_OUTBOX_KEEP_SIZE);
}

static void a_frame_that_did_not_leave_costs_no_credit(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t credit = sw_channel_credit_left(fixture->from);

    sw_outbox_add(&fixture->outbox, sw_span_str("message"));
    fixture->queue.answer = SW_ERR_BUSY;
    assert_int_equal(flush(fixture), SW_ERR_BUSY);
    fixture->queue.answer = SW_ERR_UNREACHABLE;
    assert_int_equal(flush(fixture), SW_ERR_UNREACHABLE);
    assert_int_equal(sw_channel_credit_left(fixture->from), credit);
    assert_int_equal(fixture->stats.frames_sent, 0);
    fixture->queue.answer = SW_ERR_OK;
    assert_int_equal(flush(fixture), SW_ERR_OK);
    assert_int_equal(receive_all(fixture), 1);
}

static void drops_are_counted_by_reason(void **state)
{
    struct fixture *fixture = *state;

    sw_stats_dropped(&fixture->stats, SW_ERR_REPLAYED);
    sw_stats_dropped(&fixture->stats, SW_ERR_MALFORMED);
    sw_stats_dropped(&fixture->stats, SW_ERR_UNSUPPORTED);
    sw_stats_dropped(&fixture->stats, SW_ERR_BUSY);
    sw_stats_dropped(&fixture->stats, SW_ERR_UNAUTHENTICATED);
    assert_int_equal(fixture->stats.dropped_replayed, 1);
    assert_int_equal(fixture->stats.dropped_malformed, 2);
    assert_int_equal(fixture->stats.dropped_no_credit, 1);
    assert_int_equal(fixture->stats.dropped_unsealed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_of_one_turn_share_a_frame),
        TEST(credit_cuts_and_the_rest_stays),
        TEST(a_frame_that_did_not_leave_costs_no_credit),
        TEST(drops_are_counted_by_reason),
    };

    if (sw_crypto_init() != SW_ERR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
