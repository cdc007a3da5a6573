/* Two ends of a session in one process: the handshake, its refusals, and every attack on frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/channel.h"

enum { WINDOW = 1000 };

struct fixture {
    struct sw_keypair *init_keys, *resp_keys;
    struct sw_channel_config init, resp;
    struct sw_channel *a, *b; /* initiator, responder */
    struct sw_buf hello, answer, finish;
    bool allow;
    unsigned asked;
};

static bool allow(void *arg, const struct sw_public_key *key, struct sw_node_id claimed)
{
    struct fixture *fixture = arg;

    assert_true(sw_public_key_equal(key, &fixture->init_keys->public_key));
    assert_int_equal(claimed.value, fixture->init.local.value);
    fixture->asked++;
    return fixture->allow;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->allow = true;
    fixture->init_keys = sw_secret_new(sizeof(struct sw_keypair));
    fixture->resp_keys = sw_secret_new(sizeof(struct sw_keypair));
    sw_keypair_generate(fixture->init_keys);
    sw_keypair_generate(fixture->resp_keys);
    fixture->init = (struct sw_channel_config){
        .swarm = {{7}},
        .role = SW_CHANNEL_PEER,
        .local = {1},
        .remote = {2},
        .keys = fixture->init_keys,
        .index = 11,
        .window = WINDOW,
        .pattern = SW_NOISE_IK,
        .suite = sw_suite_best(),
        .remote_key = &fixture->resp_keys->public_key,
    };
    fixture->resp = (struct sw_channel_config){
        .swarm = {{7}},
        .role = SW_CHANNEL_PEER,
        .local = {2},
        .keys = fixture->resp_keys,
        .index = 22,
        .window = WINDOW,
        .allow = allow,
        .allow_arg = fixture,
    };
    *state = fixture;
    return 0;
}

static void drop_channels(struct fixture *fixture)
{
    sw_channel_free(fixture->a);
    sw_channel_free(fixture->b);
    fixture->a = NULL;
    fixture->b = NULL;
    sw_buf_clear(&fixture->hello);
    sw_buf_clear(&fixture->answer);
    sw_buf_clear(&fixture->finish);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    drop_channels(fixture);
    sw_buf_release(&fixture->hello);
    sw_buf_release(&fixture->answer);
    sw_buf_release(&fixture->finish);
    sw_secret_free(fixture->init_keys);
    sw_secret_free(fixture->resp_keys);
    free(fixture);
    return 0;
}

static enum sw_err greet(struct fixture *fixture)
{
    assert_int_equal(sw_channel_connect(&fixture->init, &fixture->hello, &fixture->a), SW_ERR_OK);
    return sw_channel_accept(
        &fixture->resp, sw_buf_span(&fixture->hello), &fixture->answer, &fixture->b);
}

static enum sw_err take(struct sw_channel *channel,
                        struct sw_span frame,
                        struct sw_buf *out,
                        struct sw_channel_input *ret_input)
{
    uint8_t *copy = malloc(frame.size + 1);
    enum sw_err err;

    assert_non_null(copy);
    memcpy(copy, frame.data, frame.size);
    err = sw_channel_receive(channel, copy, frame.size, out, ret_input);
    if (err == SW_ERR_OK && ret_input->type == SW_FRAME_MESSAGES) {
        struct sw_span body = ret_input->body, message;

        assert_true(sw_frame_next(&body, &message));
        assert_true(sw_span_equal(message, sw_span_str("message")));
    }
    free(copy);
    return err;
}

/* Seals one frame; MESSAGES carries "message". */
static struct sw_buf seal(struct sw_channel *channel, enum sw_frame_type type)
{
    struct sw_buf body = {0}, frame = {0};

    if (type == SW_FRAME_MESSAGES) {
        sw_frame_pack(&body, sw_span_str("message"));
    }
    (void)sw_buf_extend(&frame, SW_FRAME_OVERHEAD + body.size);
    assert_int_equal(sw_channel_seal(channel, 5, type, sw_buf_span(&body), frame.data), frame.size);
    sw_buf_release(&body);
    return frame;
}

static enum sw_err pass(struct sw_channel *from, struct sw_channel *to, enum sw_frame_type type)
{
    struct sw_buf frame = seal(from, type);
    struct sw_channel_input input;
    const enum sw_err err = take(to, sw_buf_span(&frame), NULL, &input);

    sw_buf_release(&frame);
    return err;
}

static void establish(struct fixture *fixture)
{
    struct sw_channel_input input;

    assert_int_equal(greet(fixture), SW_ERR_OK);
    assert_int_equal(take(fixture->a, sw_buf_span(&fixture->answer), &fixture->finish, &input),
                     SW_ERR_OK);
    assert_true(input.opened);
    if (fixture->finish.size > 0) {
        assert_int_equal(take(fixture->b, sw_buf_span(&fixture->finish), NULL, &input), SW_ERR_OK);
        assert_false(input.opened);
    }
    assert_false(sw_channel_open(fixture->b)); /* not before the initiator's first sealed frame */
    assert_int_equal(pass(fixture->a, fixture->b, SW_FRAME_PROBE), SW_ERR_OK);
    assert_true(sw_channel_open(fixture->a));
    assert_true(sw_channel_open(fixture->b));
}

static void check_session(struct fixture *fixture)
{
    for (int i = 0; i < 20; i++) {
        assert_int_equal(pass(fixture->a, fixture->b, SW_FRAME_MESSAGES), SW_ERR_OK);
        assert_int_equal(pass(fixture->b, fixture->a, SW_FRAME_MESSAGES), SW_ERR_OK);
    }
    assert_true(sw_span_equal(sw_channel_hash(fixture->a), sw_channel_hash(fixture->b)));
    assert_true(
        sw_public_key_equal(sw_channel_remote_key(fixture->a), &fixture->resp_keys->public_key));
    assert_true(
        sw_public_key_equal(sw_channel_remote_key(fixture->b), &fixture->init_keys->public_key));
    assert_int_equal(sw_channel_remote(fixture->b).value, fixture->init.local.value);
}

static void sessions_of_each_pattern_suite_and_role(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 8; i++) {
        const enum sw_suite suite = (i & 1) != 0 ? SW_SUITE_AESGCM : SW_SUITE_CHACHAPOLY;
        const bool client = (i & 4) != 0;

        if (!sw_suite_available(suite)) {
            continue;
        }
        fixture->init.suite = suite;
        fixture->init.pattern = (i & 2) != 0 ? SW_NOISE_IK : SW_NOISE_XX;
        fixture->init.role = client ? SW_CHANNEL_CLIENT : SW_CHANNEL_PEER;
        fixture->init.local.value = client ? 0 : 1;
        fixture->resp.role = fixture->init.role;
        establish(fixture);
        check_session(fixture);
        drop_channels(fixture);
    }
}

static void other_identities_fail_the_handshake(void **state)
{
    struct fixture *fixture = *state;
    const struct sw_channel_config init = fixture->init;

    fixture->init.swarm.bytes[15] = 1;
    assert_int_equal(greet(fixture), SW_ERR_UNAUTHENTICATED);
    drop_channels(fixture);
    fixture->init = init;
    fixture->init.remote.value = 3;
    assert_int_equal(greet(fixture), SW_ERR_UNAUTHENTICATED);
    drop_channels(fixture);
    fixture->init = init;
    fixture->resp.role = SW_CHANNEL_CLIENT;
    assert_int_equal(greet(fixture), SW_ERR_UNAUTHENTICATED);
    drop_channels(fixture);
    fixture->init.local.value = 0; /* says it is a client, but signs the role of a peer */
    assert_int_equal(greet(fixture), SW_ERR_UNAUTHENTICATED);
    drop_channels(fixture);
    fixture->init = init;
    fixture->resp.role = SW_CHANNEL_PEER;
    fixture->init.remote_key = &fixture->init_keys->public_key; /* the wrong node's key */
    assert_int_equal(greet(fixture), SW_ERR_UNAUTHENTICATED);
    assert_int_equal(fixture->asked, 0);
}

static void a_key_that_is_not_allowed_gets_no_answer(void **state)
{
    struct fixture *fixture = *state;

    fixture->allow = false;
    assert_int_equal(greet(fixture), SW_ERR_UNAUTHORIZED);
    assert_int_equal(fixture->asked, 1);
    assert_int_equal(fixture->answer.size, 0);
    assert_null(fixture->b);
}

static void xx_checks_the_allow_list_at_finish(void **state)
{
    struct fixture *fixture = *state;
    struct sw_channel_input input;

    fixture->allow = false;
    fixture->init.pattern = SW_NOISE_XX;
    assert_int_equal(greet(fixture), SW_ERR_OK);
    assert_int_equal(take(fixture->a, sw_buf_span(&fixture->answer), &fixture->finish, &input),
                     SW_ERR_OK);
    assert_int_equal(take(fixture->b, sw_buf_span(&fixture->finish), NULL, &input),
                     SW_ERR_UNAUTHORIZED);
    assert_true(sw_channel_broken(fixture->b));
}

static void xx_with_a_pinned_key_tells_nothing_to_a_stranger(void **state)
{
    struct fixture *fixture = *state;
    struct sw_channel_input input;

    fixture->init.pattern = SW_NOISE_XX;
    fixture->init.remote_key = &fixture->init_keys->public_key;
    assert_int_equal(greet(fixture), SW_ERR_OK);
    assert_int_equal(take(fixture->a, sw_buf_span(&fixture->answer), &fixture->finish, &input),
                     SW_ERR_UNAUTHENTICATED);
    assert_int_equal(fixture->finish.size, 0);
    assert_true(sw_channel_broken(fixture->a));
}

static void a_changed_suite_is_noticed(void **state)
{
    struct fixture *fixture = *state;

    if (!sw_suite_available(SW_SUITE_AESGCM)) {
        return;
    }
    assert_int_equal(sw_channel_connect(&fixture->init, &fixture->hello, &fixture->a), SW_ERR_OK);
    assert_int_equal(fixture->hello.data[2], SW_NOISE_IK * 16 + SW_SUITE_AESGCM);
    fixture->hello.data[2] = SW_NOISE_IK * 16 + SW_SUITE_CHACHAPOLY;
    assert_int_equal(
        sw_channel_accept(
            &fixture->resp, sw_buf_span(&fixture->hello), &fixture->answer, &fixture->b),
        SW_ERR_UNAUTHENTICATED);
    fixture->hello.data[2] = SW_NOISE_IK * 16 + 3;
    assert_int_equal(
        sw_channel_accept(
            &fixture->resp, sw_buf_span(&fixture->hello), &fixture->answer, &fixture->b),
        SW_ERR_UNSUPPORTED);
    fixture->hello.data[1] = SW_FRAME_ANSWER;
    assert_int_equal(
        sw_channel_accept(
            &fixture->resp, sw_buf_span(&fixture->hello), &fixture->answer, &fixture->b),
        SW_ERR_MALFORMED);
    fixture->hello.data[1] = SW_FRAME_HELLO;
    fixture->hello.data[2] = 3 * 16 + SW_SUITE_AESGCM;
    assert_int_equal(
        sw_channel_accept(
            &fixture->resp, sw_buf_span(&fixture->hello), &fixture->answer, &fixture->b),
        SW_ERR_UNSUPPORTED);
}

static void a_replayed_hello_has_no_effect(void **state)
{
    struct fixture *fixture = *state;
    struct sw_channel *twin = NULL;
    struct sw_channel_input input;
    struct sw_buf answer = {0}, frame;

    establish(fixture);
    /* The attacker has HELLO and all frames that followed, but not the initiator's ephemeral key.
     */
    fixture->resp.index = 33;
    assert_int_equal(
        sw_channel_accept(&fixture->resp, sw_buf_span(&fixture->hello), &answer, &twin), SW_ERR_OK);
    frame = seal(fixture->a, SW_FRAME_MESSAGES);
    sw_store_u32(frame.data + 4, 33);
    assert_int_equal(take(twin, sw_buf_span(&frame), NULL, &input), SW_ERR_UNAUTHENTICATED);
    assert_false(sw_channel_open(twin));
    sw_buf_release(&frame);
    sw_buf_release(&answer);
    sw_channel_free(twin);
}

static void a_changed_answer_fails(void **state)
{
    struct fixture *fixture = *state;
    struct sw_channel_input input;

    for (size_t at = SW_FRAME_HEADER_SIZE; at < SW_FRAME_HEADER_SIZE + 64; at += 9) {
        assert_int_equal(greet(fixture), SW_ERR_OK);
        fixture->answer.data[at] ^= 0x10;
        assert_int_equal(take(fixture->a, sw_buf_span(&fixture->answer), NULL, &input),
                         SW_ERR_UNAUTHENTICATED);
        assert_true(sw_channel_broken(fixture->a));
        drop_channels(fixture);
    }
}

static void every_flipped_bit_and_every_cut_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct sw_channel_input input;
    struct sw_buf frame;

    establish(fixture);
    frame = seal(fixture->a, SW_FRAME_MESSAGES);
    for (size_t bit = 0; bit < frame.size * 8; bit++) {
        frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(take(fixture->b, sw_buf_span(&frame), NULL, &input), SW_ERR_OK);
        frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t size = 0; size < frame.size; size++) {
        assert_int_not_equal(take(fixture->b, sw_span_of(frame.data, size), NULL, &input),
                             SW_ERR_OK);
    }
    assert_false(sw_channel_broken(fixture->b));
    assert_int_equal(take(fixture->b, sw_buf_span(&frame), NULL, &input), SW_ERR_OK);
    assert_int_equal(take(fixture->b, sw_buf_span(&frame), NULL, &input), SW_ERR_REPLAYED);
    assert_false(sw_channel_broken(fixture->b));
    sw_buf_release(&frame);
}

static void a_reflected_frame_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct sw_channel_input input;
    struct sw_buf frame;

    establish(fixture);
    frame = seal(fixture->a, SW_FRAME_MESSAGES);
    assert_int_equal(take(fixture->a, sw_buf_span(&frame), NULL, &input), SW_ERR_UNAUTHENTICATED);
    /* And with the header turned round, so that only the key of the direction is left. */
    sw_store_u32(frame.data + 4, 11);
    sw_store_u64(frame.data + 8, 2);
    sw_store_u64(frame.data + 16, 1);
    assert_int_equal(take(fixture->a, sw_buf_span(&frame), NULL, &input), SW_ERR_UNAUTHENTICATED);
    assert_false(sw_channel_broken(fixture->a));
    sw_buf_release(&frame);
}

static void late_frames_are_lost_not_reordered(void **state)
{
    struct fixture *fixture = *state;
    struct sw_channel_input input;
    struct sw_buf first, second;

    establish(fixture);
    first = seal(fixture->a, SW_FRAME_MESSAGES);
    second = seal(fixture->a, SW_FRAME_MESSAGES);
    assert_int_equal(take(fixture->b, sw_buf_span(&second), NULL, &input), SW_ERR_OK);
    assert_int_equal(take(fixture->b, sw_buf_span(&first), NULL, &input), SW_ERR_REPLAYED);
    assert_false(sw_channel_broken(fixture->b));
    sw_buf_release(&first);
    sw_buf_release(&second);
}

static void credit_limits_the_sender_and_comes_back(void **state)
{
    struct fixture *fixture = *state;
    const size_t body_size = SW_FRAME_MESSAGE_OVERHEAD + sizeof("message") - 1;
    unsigned sent = 0;

    establish(fixture);
    while (sw_channel_may_send(fixture->a, body_size)) {
        assert_int_equal(pass(fixture->a, fixture->b, SW_FRAME_MESSAGES), SW_ERR_OK);
        sent++;
    }
    assert_int_equal(sent, WINDOW / body_size);
    assert_true(sw_channel_grant_due(fixture->b));
    assert_int_equal(pass(fixture->b, fixture->a, SW_FRAME_CREDIT), SW_ERR_OK);
    assert_false(sw_channel_grant_due(fixture->b));
    assert_true(sw_channel_may_send(fixture->a, WINDOW));
}

static void a_genuine_frame_that_breaks_the_rules_breaks_the_session(void **state)
{
    struct fixture *fixture = *state;

    establish(fixture);
    assert_int_equal(pass(fixture->a, fixture->b, SW_FRAME_MESSAGES), SW_ERR_OK);
    sw_channel_refund(fixture->a, 1); /* a sender that goes back in its position */
    assert_int_equal(pass(fixture->a, fixture->b, SW_FRAME_MESSAGES), SW_ERR_MALFORMED);
    assert_true(sw_channel_broken(fixture->b));
}

static void close_ends_the_session(void **state)
{
    struct fixture *fixture = *state;

    establish(fixture);
    assert_int_equal(pass(fixture->b, fixture->a, SW_FRAME_CLOSE), SW_ERR_OK);
    assert_true(sw_channel_broken(fixture->a));
    assert_int_equal(pass(fixture->b, fixture->a, SW_FRAME_PROBE), SW_ERR_UNAUTHENTICATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sessions_of_each_pattern_suite_and_role),
        TEST(other_identities_fail_the_handshake),
        TEST(a_key_that_is_not_allowed_gets_no_answer),
        TEST(xx_checks_the_allow_list_at_finish),
        TEST(xx_with_a_pinned_key_tells_nothing_to_a_stranger),
        TEST(a_changed_suite_is_noticed),
        TEST(a_replayed_hello_has_no_effect),
        TEST(a_changed_answer_fails),
        TEST(every_flipped_bit_and_every_cut_is_dropped),
        TEST(a_reflected_frame_is_dropped),
        TEST(late_frames_are_lost_not_reordered),
        TEST(credit_limits_the_sender_and_comes_back),
        TEST(a_genuine_frame_that_breaks_the_rules_breaks_the_session),
        TEST(close_ends_the_session),
    };

    if (sw_crypto_init() != SW_ERR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
