/* Goal: every message survives a round trip; what libraft must not see is refused here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/prng.h"
#include "raft/descriptor.h"
#include "raft/wire.h"

static char text_hello[] = "hello";
static char text_12345678[] = "12345678";
static char text_x[] = "x";

static const struct sw_group_id group = {7};

/* Encodes, decodes, encodes again: equal bytes. Returns the decoded message for a closer look. */
static struct raft_message again(const struct raft_message *message)
{
    struct raft_message decoded;
    struct sw_buf first = {0};
    struct sw_buf second = {0};

    sw_wire_encode(group, message, &first);
    assert_int_equal(sw_wire_kind(sw_buf_span(&first)), message->type);
    assert_int_equal(sw_wire_group(sw_buf_span(&first)).value, group.value);
    assert_int_equal(sw_wire_decode(sw_buf_span(&first), &decoded), SW_ERR_OK);
    sw_wire_encode(group, &decoded, &second);
    assert_true(sw_span_equal(sw_buf_span(&first), sw_buf_span(&second)));
    for (size_t size = 0; size < first.size; size++) {
        struct raft_message none;

        assert_int_equal(sw_wire_decode(sw_span_of(first.data, size), &none), SW_ERR_MALFORMED);
    }
    sw_buf_release(&first);
    sw_buf_release(&second);
    return decoded;
}

static void small_messages_round_trip(void **state)
{
    const struct raft_message messages[] = {
        {.type = RAFT_IO_APPEND_ENTRIES_RESULT,
         .append_entries_result = {.term = 4, .rejected = 5, .last_log_index = 6}},
        {.type = RAFT_IO_REQUEST_VOTE,
         .request_vote = {.term = 4,
                          .candidate_id = 2,
                          .last_log_index = 9,
                          .last_log_term = 3,
                          .disrupt_leader = true,
                          .pre_vote = false}},
        {.type = RAFT_IO_REQUEST_VOTE_RESULT,
         .request_vote_result = {.term = 4, .vote_granted = true, .pre_vote = raft_tribool_false}},
        {.type = RAFT_IO_TIMEOUT_NOW,
         .timeout_now = {.term = 4, .last_log_index = 5, .last_log_term = 4}},
        {.type = RAFT_IO_APPEND_ENTRIES,
         .append_entries =
             {.term = 4, .prev_log_index = 3, .prev_log_term = 2, .leader_commit = 3}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct raft_message decoded = again(&messages[i]);

        assert_int_equal(decoded.type, messages[i].type);
        sw_wire_free(&decoded);
    }
}

static struct raft_message entries_message(struct raft_entry *entries, unsigned count)
{
    return (struct raft_message){.type = RAFT_IO_APPEND_ENTRIES,
                                 .append_entries = {.term = 4,
                                                    .prev_log_index = 3,
                                                    .prev_log_term = 2,
                                                    .leader_commit = 3,
                                                    .entries = entries,
                                                    .n_entries = count}};
}

static void entries_share_one_batch(void **state)
{
    struct raft_entry entries[] = {
        {.term = 2, .type = RAFT_COMMAND, .buf = {.base = text_hello, .len = 5}},
        {.term = 4, .type = RAFT_BARRIER, .buf = {.base = text_12345678, .len = 8}},
    };
    struct raft_message message = entries_message(entries, 2);
    struct raft_message decoded = again(&message);

    (void)state;
    assert_int_equal(decoded.append_entries.n_entries, 2);
    assert_ptr_equal(decoded.append_entries.entries[0].batch,
                     decoded.append_entries.entries[1].batch);
    assert_memory_equal(decoded.append_entries.entries[0].buf.base, "hello", 5);
    assert_int_equal((uintptr_t)decoded.append_entries.entries[1].buf.base % 8, 0);
    sw_wire_free(&decoded);
}

static enum sw_err decode(const struct raft_message *message)
{
    struct raft_message decoded;
    struct sw_buf bytes = {0};
    enum sw_err err;

    sw_wire_encode(group, message, &bytes);
    err = sw_wire_decode(sw_buf_span(&bytes), &decoded);
    if (err == SW_ERR_OK) {
        sw_wire_free(&decoded);
    }
    sw_buf_release(&bytes);
    return err;
}

static void refuses_logs_that_can_not_be(void **state)
{
    struct raft_entry entry = {.term = 3, .type = RAFT_COMMAND, .buf = {.base = text_x, .len = 1}};
    struct raft_entry pair[2] = {entry, entry};
    struct raft_message message = entries_message(&entry, 1);

    (void)state;
    assert_int_equal(decode(&message), SW_ERR_OK);
    entry.term = 5; /* above the message's */
    assert_int_equal(decode(&message), SW_ERR_MALFORMED);
    entry.term = 1; /* below the entry before it */
    assert_int_equal(decode(&message), SW_ERR_MALFORMED);
    entry.term = 3;
    entry.type = 9;
    assert_int_equal(decode(&message), SW_ERR_MALFORMED);
    entry.type = RAFT_CHANGE; /* not a configuration */
    assert_int_equal(decode(&message), SW_ERR_MALFORMED);
    message = entries_message(pair, 2);
    pair[0].term = 4;
    assert_int_equal(decode(&message), SW_ERR_MALFORMED);
    message = entries_message(pair, 0);
    message.append_entries.entries = NULL;
    message.append_entries.prev_log_term = 0; /* an index without a term */
    assert_int_equal(decode(&message), SW_ERR_MALFORMED);
}

static void snapshots_round_trip(void **state)
{
    uint8_t data[SW_DESCRIPTOR_STATE_SIZE];
    struct raft_message message = {
        .type = RAFT_IO_INSTALL_SNAPSHOT,
        .install_snapshot = {.term = 4,
                             .last_index = 50,
                             .last_term = 3,
                             .conf_index = 1,
                             .data = {.base = data, .len = sizeof data}}};
    struct raft_message decoded;

    (void)state;
    sw_descriptor_state_encode(51, 123, data);
    raft_configuration_init(&message.install_snapshot.conf);
    assert_int_equal(raft_configuration_add(&message.install_snapshot.conf, 1, "a:1", RAFT_VOTER),
                     0);
    decoded = again(&message);
    assert_int_equal(decoded.install_snapshot.last_index, 50);
    assert_int_equal(decoded.install_snapshot.conf.n, 1);
    sw_wire_free(&decoded);
    message.install_snapshot.last_term = 5;
    assert_int_equal(decode(&message), SW_ERR_MALFORMED);
    raft_configuration_close(&message.install_snapshot.conf);
}

static void probes_round_trip(void **state)
{
    const struct sw_wire_probe sent = {.term = 6, .seq = 99};
    struct sw_wire_probe received = {0};
    struct sw_buf bytes = {0};

    (void)state;
    sw_wire_encode_probe(group, SW_WIRE_PROBE_ACK, sent, &bytes);
    assert_int_equal(sw_wire_decode_probe(sw_buf_span(&bytes), &received), SW_ERR_OK);
    assert_int_equal(received.term, 6);
    assert_int_equal(received.seq, 99);
    assert_int_equal(sw_wire_decode_probe(sw_span_of(bytes.data, bytes.size - 1), &received),
                     SW_ERR_MALFORMED);
    bytes.data[0] = 64; /* of another folder */
    assert_int_equal(sw_wire_group(sw_buf_span(&bytes)).value, 0);
    sw_buf_release(&bytes);
}

static void survives_noise(void **state)
{
    struct sw_prng prng = sw_prng_of(11);
    uint8_t noise[160];

    (void)state;
    for (uint32_t round = 0; round < 20000; round++) {
        const size_t size = (size_t)sw_prng_below(&prng, sizeof noise);
        struct raft_message decoded;

        for (size_t i = 0; i < size; i++) {
            noise[i] = sw_prng_chance(&prng, 3, 4) ? (uint8_t)sw_prng_below(&prng, 3)
                                                   : (uint8_t)sw_prng_next(&prng);
        }
        if (size > 0) {
            noise[0] = (uint8_t)sw_prng_range(&prng, 1, 6);
        }
        if (sw_wire_decode(sw_span_of(noise, size), &decoded) == SW_ERR_OK) {
            sw_wire_free(&decoded);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_messages_round_trip),
        cmocka_unit_test(entries_share_one_batch),
        cmocka_unit_test(refuses_logs_that_can_not_be),
        cmocka_unit_test(snapshots_round_trip),
        cmocka_unit_test(probes_round_trip),
        cmocka_unit_test(survives_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
