/* Nonces never repeat, keys change by frames, bytes and time, replays are dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/seal.h"

static const struct sw_swarm_id swarm = {{1, 2, 3}};

struct fixture {
    struct sw_sealer *sealer;
    struct sw_opener *opener;
};

static int setup(void **state)
{
    const uint8_t key[SW_KEY_SIZE] = {9};
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->sealer = sw_secret_new(sizeof(*fixture->sealer));
    fixture->opener = sw_secret_new(sizeof(*fixture->opener));
    sw_aead_set_key(&fixture->sealer->aead, sw_suite_best(), key);
    sw_aead_set_key(&fixture->opener->aead, sw_suite_best(), key);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    sw_secret_free(fixture->sealer);
    sw_secret_free(fixture->opener);
    free(fixture);
    return 0;
}

enum { BODY_SIZE = 9, FRAME_SIZE = BODY_SIZE + SW_FRAME_OVERHEAD };

static struct sw_frame_header seal(struct fixture *fixture, uint64_t now_ms, uint8_t *out)
{
    struct sw_frame_header header = {.type = SW_FRAME_MESSAGES, .index = 1};

    sw_seal_frame(fixture->sealer, now_ms, &swarm, &header, sw_span_str("body body"), out);
    return header;
}

static enum sw_err open_copy(struct fixture *fixture, const uint8_t *frame)
{
    struct sw_frame_header header;
    uint8_t copy[FRAME_SIZE];
    enum sw_err err;

    memcpy(copy, frame, sizeof(copy));
    err = sw_frame_decode(sw_span_of(copy, sizeof(copy)), &header);
    if (err == SW_ERR_OK) {
        err = sw_open_frame(fixture->opener, &swarm, &header, copy);
    }
    if (err == SW_ERR_OK) {
        assert_memory_equal(copy + SW_FRAME_HEADER_SIZE, "body body", BODY_SIZE);
    }
    return err;
}

static void sequences_grow_and_replays_are_dropped(void **state)
{
    uint8_t frames[3][FRAME_SIZE];

    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(seal(*state, 1, frames[i]).sequence, i);
    }
    assert_int_equal(open_copy(*state, frames[0]), SW_ERR_OK);
    assert_int_equal(open_copy(*state, frames[2]), SW_ERR_OK);
    assert_int_equal(open_copy(*state, frames[0]), SW_ERR_REPLAYED);
    assert_int_equal(open_copy(*state, frames[2]), SW_ERR_REPLAYED);
    assert_int_equal(open_copy(*state, frames[1]), SW_ERR_OK);
    assert_int_equal(open_copy(*state, frames[1]), SW_ERR_REPLAYED);
}

static void every_bit_of_header_and_body_is_protected(void **state)
{
    uint8_t frame[FRAME_SIZE];

    (void)seal(*state, 1, frame);
    for (size_t bit = 0; bit < sizeof(frame) * 8; bit++) {
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(open_copy(*state, frame), SW_ERR_OK);
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(open_copy(*state, frame), SW_ERR_OK); /* forgeries moved no window */
}

static void another_swarm_cannot_open(void **state)
{
    struct fixture *fixture = *state;
    const struct sw_swarm_id other = {{1, 2, 4}};
    struct sw_frame_header header;
    uint8_t frame[FRAME_SIZE];

    (void)seal(fixture, 1, frame);
    assert_int_equal(sw_frame_decode(sw_span_of(frame, sizeof(frame)), &header), SW_ERR_OK);
    assert_int_equal(sw_open_frame(fixture->opener, &other, &header, frame),
                     SW_ERR_UNAUTHENTICATED);
}

static void the_key_changes_with_time_frames_and_bytes(void **state)
{
    struct fixture *fixture = *state;
    uint8_t old[FRAME_SIZE], frame[FRAME_SIZE];

    assert_int_equal(seal(fixture, 1000, old).epoch, 0);
    assert_int_equal(seal(fixture, 1000 + SW_SEAL_EPOCH_AGE_MS_MAX - 1, frame).epoch, 0);
    assert_int_equal(seal(fixture, 1000 + SW_SEAL_EPOCH_AGE_MS_MAX, frame).epoch, 1);
    assert_int_equal(open_copy(fixture, frame), SW_ERR_OK);
    assert_int_equal(open_copy(fixture, old), SW_ERR_REPLAYED); /* never back to the old key */
    fixture->sealer->epoch_frames = SW_SEAL_EPOCH_FRAMES_MAX - 1;
    assert_int_equal(seal(fixture, 700000, frame).epoch, 1);
    assert_int_equal(seal(fixture, 700000, frame).epoch, 2);
    assert_int_equal(open_copy(fixture, frame), SW_ERR_OK);
    fixture->sealer->epoch_bytes = SW_SEAL_EPOCH_BYTES_MAX - BODY_SIZE;
    assert_int_equal(seal(fixture, 700000, frame).epoch, 2);
    assert_int_equal(seal(fixture, 700000, frame).epoch, 3);
    assert_int_equal(open_copy(fixture, frame), SW_ERR_OK);
    assert_int_equal(fixture->opener->epoch, 3);
}

static void a_forged_epoch_moves_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint8_t frame[FRAME_SIZE];

    (void)seal(fixture, 1, frame);
    frame[24] = 1;
    assert_int_equal(open_copy(fixture, frame), SW_ERR_UNAUTHENTICATED);
    frame[24] = 2;
    assert_int_equal(open_copy(fixture, frame), SW_ERR_UNAUTHENTICATED);
    frame[24] = 0;
    assert_int_equal(open_copy(fixture, frame), SW_ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sequences_grow_and_replays_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(every_bit_of_header_and_body_is_protected, setup, teardown),
        cmocka_unit_test_setup_teardown(another_swarm_cannot_open, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_key_changes_with_time_frames_and_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forged_epoch_moves_nothing, setup, teardown),
    };

    if (sw_crypto_init() != SW_ERR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
