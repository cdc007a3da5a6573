/* Proves that requests, commands, replies and records survive the codec, and that there is one
 * encoding for each. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "base/prng.h"
#include "transport/proto.h"

static struct sw_request put_request(void)
{
    return (struct sw_request){.id = 7,
                               .timeout_ms = 1500,
                               .depth = 2,
                               .op = SW_OP_PUT,
                               .session = {42},
                               .seq = 9,
                               .acked = 8,
                               .tenant = sw_span_str("acme"),
                               .name_space = sw_span_str("memory"),
                               .partition = sw_span_str("agent-1"),
                               .key = sw_span_of("a\0b", 3),
                               .value = sw_span_str("hello")};
}

static void assert_same_command(const struct sw_request *a, const struct sw_request *b)
{
    assert_int_equal(a->op, b->op);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->session.value, b->session.value);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->acked, b->acked);
    assert_true(sw_span_equal(a->tenant, b->tenant));
    assert_true(sw_span_equal(a->name_space, b->name_space));
    assert_true(sw_span_equal(a->partition, b->partition));
    assert_true(sw_span_equal(a->key, b->key));
    assert_true(sw_span_equal(a->end_key, b->end_key));
    assert_true(sw_span_equal(a->value, b->value));
    assert_int_equal(a->expected, b->expected);
    assert_int_equal(a->limit, b->limit);
}

static void request_survives(void **state)
{
    const struct sw_request sent = put_request();
    struct sw_request got;
    struct sw_buf out = {0};
    struct sw_reader in;

    (void)state;
    sw_request_encode(&sent, &out);
    sw_request_encode(&sent, &out);
    in = sw_reader_of(sw_buf_span(&out));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sw_request_decode(&in, &got), SW_ERR_OK);
        assert_int_equal(got.id, 7);
        assert_int_equal(got.timeout_ms, 1500);
        assert_int_equal(got.depth, 2);
        assert_same_command(&sent, &got);
    }
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    sw_buf_release(&out);
}

static void command_is_the_tail_of_its_request(void **state)
{
    const struct sw_request sent = put_request();
    struct sw_request got;
    struct sw_buf request = {0};
    struct sw_buf command = {0};

    (void)state;
    sw_request_encode(&sent, &request);
    sw_command_encode(&sent, &command);
    assert_true(request.size > command.size);
    assert_true(sw_span_equal(sw_span_of(request.data + request.size - command.size, command.size),
                              sw_buf_span(&command)));
    assert_int_equal(sw_command_decode(sw_buf_span(&command), &got), SW_ERR_OK);
    assert_int_equal(got.id, 0);
    assert_int_equal(got.timeout_ms, 0);
    assert_int_equal(got.depth, 0);
    assert_same_command(&sent, &got);
    sw_buf_release(&request);
    sw_buf_release(&command);
}

static uint64_t sparse(struct sw_prng *prng, uint64_t max)
{
    return sw_prng_chance(prng, 1, 3) ? 0 : sw_prng_range(prng, 1, max);
}

static struct sw_span sparse_bytes(struct sw_prng *prng, size_t max)
{
    static const uint8_t bytes[512] = "0123456789abcdef";

    return sw_span_of(bytes, (size_t)sparse(prng, max));
}

static struct sw_request random_request(struct sw_prng *prng)
{
    return (struct sw_request){.id = sw_prng_next(prng),
                               .timeout_ms = (uint32_t)sparse(prng, UINT32_MAX),
                               .depth = (uint16_t)sparse(prng, UINT16_MAX),
                               .op = (enum sw_op)sw_prng_range(prng, 1, SW_OP_COUNT - 1),
                               .flags = (uint32_t)sparse(prng, UINT32_MAX),
                               .session = {sparse(prng, UINT64_MAX)},
                               .seq = sparse(prng, UINT64_MAX),
                               .acked = sparse(prng, UINT64_MAX),
                               .tenant = sparse_bytes(prng, 40),
                               .name_space = sparse_bytes(prng, 80),
                               .partition = sparse_bytes(prng, 150),
                               .key = sparse_bytes(prng, 300),
                               .end_key = sparse_bytes(prng, 300),
                               .value = sparse_bytes(prng, 512),
                               .expected = sparse(prng, UINT64_MAX),
                               .limit = (uint32_t)sparse(prng, UINT32_MAX)};
}

static void any_request_survives(void **state)
{
    struct sw_prng prng = sw_prng_of(1);
    struct sw_buf out = {0};

    (void)state;
    for (int i = 0; i < 5000; i++) {
        const struct sw_request sent = random_request(&prng);
        struct sw_request got;
        struct sw_reader in;

        sw_buf_clear(&out);
        sw_request_encode(&sent, &out);
        in = sw_reader_of(sw_buf_span(&out));
        assert_int_equal(sw_request_decode(&in, &got), SW_ERR_OK);
        assert_int_equal(got.id, sent.id);
        assert_same_command(&sent, &got);
    }
    sw_buf_release(&out);
}

/* Every change of one byte either fails or decodes to something that encodes to the same bytes. */
static void what_decodes_encodes_to_the_same_bytes(void **state)
{
    struct sw_prng prng = sw_prng_of(2);
    struct sw_buf out = {0};
    struct sw_buf again = {0};
    int decoded = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        const struct sw_request sent = random_request(&prng);
        struct sw_request got;
        struct sw_reader in;

        sw_buf_clear(&out);
        sw_request_encode(&sent, &out);
        out.data[sw_prng_below(&prng, out.size < 40 ? out.size : 40)] ^=
            (uint8_t)(1U << sw_prng_below(&prng, 8));
        in = sw_reader_of(sw_buf_span(&out));
        if (sw_request_decode(&in, &got) == SW_ERR_OK) {
            sw_buf_clear(&again);
            sw_request_encode(&got, &again);
            assert_int_equal(again.size, in.offset);
            assert_true(sw_span_equal(sw_buf_span(&again), sw_span_of(out.data, in.offset)));
            decoded++;
        }
    }
    assert_true(decoded > 1000);
    sw_buf_release(&out);
    sw_buf_release(&again);
}

static void every_truncation_is_malformed(void **state)
{
    const struct sw_request sent = put_request();
    struct sw_request got = {.id = 99};
    struct sw_buf out = {0};

    (void)state;
    sw_command_encode(&sent, &out);
    for (size_t size = 0; size < out.size; size++) {
        assert_int_equal(sw_command_decode(sw_span_of(out.data, size), &got), SW_ERR_MALFORMED);
    }
    sw_buf_clear(&out);
    sw_request_encode(&sent, &out);
    for (size_t size = 0; size < out.size; size++) {
        struct sw_reader in = sw_reader_of(sw_span_of(out.data, size));

        assert_int_equal(sw_request_decode(&in, &got), SW_ERR_MALFORMED);
    }
    assert_int_equal(got.id, 99);
    sw_buf_release(&out);
}

static void second_encoding_of_a_command_is_refused(void **state)
{
    /* get with a flags field that is present and zero */
    static const uint8_t zero_field[] = {SW_OP_GET, 1, 0, 0, 0, 0, 0};
    static const uint8_t unknown_bit[] = {SW_OP_GET, 0, 0x10};
    static const uint8_t no_op[] = {0, 0, 0};
    static const uint8_t future_op[] = {200, 0, 0};
    struct sw_request got;

    (void)state;
    assert_int_equal(sw_command_decode(sw_span_of(zero_field, sizeof zero_field), &got),
                     SW_ERR_MALFORMED);
    assert_int_equal(sw_command_decode(sw_span_of(unknown_bit, sizeof unknown_bit), &got),
                     SW_ERR_MALFORMED);
    assert_int_equal(sw_command_decode(sw_span_of(no_op, sizeof no_op), &got), SW_ERR_MALFORMED);
    assert_int_equal(sw_command_decode(sw_span_of(future_op, sizeof future_op), &got),
                     SW_ERR_UNSUPPORTED);
}

/* A request of a newer client can be answered: it decodes, and validation says UNSUPPORTED. */
static void future_op_decodes_and_is_unsupported(void **state)
{
    struct sw_request request = {.id = 5, .op = (enum sw_op)200};
    struct sw_request got;
    struct sw_buf out = {0};
    struct sw_reader in;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    sw_request_encode(&request, &out);
    in = sw_reader_of(sw_buf_span(&out));
    assert_int_equal(sw_request_decode(&in, &got), SW_ERR_OK);
    assert_int_equal(got.id, 5);
    assert_int_equal(sw_request_validate(&got, why), SW_ERR_UNSUPPORTED);
    out.data[4] = SW_PROTO_VERSION + 1;
    in = sw_reader_of(sw_buf_span(&out));
    assert_int_equal(sw_request_decode(&in, &got), SW_ERR_UNSUPPORTED);
    sw_buf_release(&out);
}

static void reply_survives_with_its_records(void **state)
{
    struct sw_buf records = {0};
    struct sw_buf out = {0};
    struct sw_reader in;
    struct sw_reply got;
    struct sw_record record;

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        sw_record_encode(&(struct sw_record){.key = sw_span_str("k"),
                                             .value = sw_span_str("value"),
                                             .create_revision = i,
                                             .mod_revision = i + 10,
                                             .version = i + 20,
                                             .time_ms = i + 30},
                         &records);
    }
    sw_reply_encode(&(struct sw_reply){.id = 1,
                                       .err = SW_ERR_CONFLICT,
                                       .swarm = {{9, 8, 7}},
                                       .node = {2},
                                       .leader = {3},
                                       .shard = {1},
                                       .term = 4,
                                       .revision = 5,
                                       .value = 6,
                                       .more = true,
                                       .record_count = 3,
                                       .records = sw_buf_span(&records),
                                       .detail = sw_span_str("why")},
                    &out);
    in = sw_reader_of(sw_buf_span(&out));
    assert_int_equal(sw_reply_decode(&in, &got), SW_ERR_OK);
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    assert_int_equal(got.swarm.bytes[2], 7);
    assert_int_equal(got.err, SW_ERR_CONFLICT);
    assert_int_equal(got.node.value, 2);
    assert_int_equal(got.leader.value, 3);
    assert_int_equal(got.shard.value, 1);
    assert_int_equal(got.term, 4);
    assert_int_equal(got.revision, 5);
    assert_int_equal(got.value, 6);
    assert_true(got.more);
    assert_true(sw_span_equal(got.detail, sw_span_str("why")));
    in = sw_reader_of(got.records);
    for (uint64_t i = 1; i <= got.record_count; i++) {
        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        assert_int_equal(record.create_revision, i);
        assert_int_equal(record.mod_revision, i + 10);
        assert_int_equal(record.version, i + 20);
        assert_int_equal(record.time_ms, i + 30);
        assert_true(sw_span_equal(record.value, sw_span_str("value")));
    }
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    sw_buf_release(&records);
    sw_buf_release(&out);
}

/* A count that the records do not bear out is refused before anyone walks them. */
static void a_peek_finds_size_and_id_of_the_first_reply(void **state)
{
    struct sw_buf message = {0};
    size_t size = 0, first;
    uint64_t id = 0;

    (void)state;
    sw_reply_encode(&(struct sw_reply){.id = 77}, &message);
    first = message.size;
    sw_reply_encode(&(struct sw_reply){.id = 78, .value = 5}, &message);
    assert_int_equal(sw_reply_peek(sw_buf_span(&message), &size, &id), SW_ERR_OK);
    assert_int_equal(size, first);
    assert_int_equal(id, 77);
    for (size_t cut = 0; cut < first; cut++) {
        assert_int_not_equal(sw_reply_peek(sw_span_of(message.data, cut), &size, &id), SW_ERR_OK);
    }
    sw_buf_release(&message);
}

static void reply_with_a_wrong_record_count_is_malformed(void **state)
{
    struct sw_buf records = {0};
    struct sw_buf out = {0};
    struct sw_reply reply = {.id = 1, .err = SW_ERR_OK, .record_count = 2};
    struct sw_reply got;
    struct sw_reader in;

    (void)state;
    sw_record_encode(&(struct sw_record){.value = sw_span_str("only one")}, &records);
    reply.records = sw_buf_span(&records);
    sw_reply_encode(&reply, &out);
    in = sw_reader_of(sw_buf_span(&out));
    assert_int_equal(sw_reply_decode(&in, &got), SW_ERR_MALFORMED);
    sw_buf_release(&records);
    sw_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_survives),
        cmocka_unit_test(command_is_the_tail_of_its_request),
        cmocka_unit_test(any_request_survives),
        cmocka_unit_test(what_decodes_encodes_to_the_same_bytes),
        cmocka_unit_test(every_truncation_is_malformed),
        cmocka_unit_test(second_encoding_of_a_command_is_refused),
        cmocka_unit_test(future_op_decodes_and_is_unsupported),
        cmocka_unit_test(reply_survives_with_its_records),
        cmocka_unit_test(a_peek_finds_size_and_id_of_the_first_reply),
        cmocka_unit_test(reply_with_a_wrong_record_count_is_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
