/* The audit log's records: the bytes of a published hash, the chain, and every way to break it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "transport/audit.h"
#include "transport/crypto_sodium.h"

static struct sw_audit_note note_of(const char *action, const char *target)
{
    return (struct sw_audit_note){.flags = 1,
                                  .author = {1, 2, 3},
                                  .outcome = 4001,
                                  .count = 7,
                                  .address = sw_span_str("h:1"),
                                  .action = sw_span_str(action),
                                  .target = sw_span_str(target)};
}

static struct sw_buf encoded(uint64_t number, const uint8_t *previous, uint8_t *ret_hash)
{
    struct sw_audit_record record = {
        .number = number, .time_ms = 5, .note = note_of("transfer", "node 2")};
    struct sw_buf out = {0};

    memcpy(record.previous, previous, sizeof record.previous);
    sw_audit_record_encode(&record, &out);
    memcpy(ret_hash, record.hash, sizeof record.hash);
    return out;
}

static void a_record_reads_back(void **state)
{
    const uint8_t none[SW_AUDIT_HASH_SIZE] = {0};
    uint8_t hash[SW_AUDIT_HASH_SIZE];
    struct sw_buf bytes = encoded(3, none, hash);
    struct sw_audit_record record;

    (void)state;
    assert_int_equal(sw_audit_record_decode(sw_buf_span(&bytes), &record), SW_ERR_OK);
    assert_int_equal(record.number, 3);
    assert_int_equal(record.time_ms, 5);
    assert_int_equal(record.note.outcome, 4001);
    assert_int_equal(record.note.count, 7);
    assert_true(sw_span_equal(record.note.action, sw_span_str("transfer")));
    assert_true(sw_span_equal(record.note.target, sw_span_str("node 2")));
    assert_memory_equal(record.hash, hash, sizeof hash);
    sw_buf_release(&bytes);
}

static void every_flipped_byte_is_noticed(void **state)
{
    const uint8_t none[SW_AUDIT_HASH_SIZE] = {0};
    uint8_t hash[SW_AUDIT_HASH_SIZE];
    struct sw_buf bytes = encoded(3, none, hash);
    struct sw_audit_record record;

    (void)state;
    for (size_t i = 0; i < bytes.size; i++) {
        bytes.data[i] ^= 1;
        assert_int_not_equal(sw_audit_record_decode(sw_buf_span(&bytes), &record), SW_ERR_OK);
        bytes.data[i] ^= 1;
        assert_int_equal(sw_audit_record_decode(sw_span_of(bytes.data, i), &record),
                         SW_ERR_CORRUPT);
    }
    bytes.data[0] = 2;
    assert_int_equal(sw_audit_record_decode(sw_buf_span(&bytes), &record), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&bytes);
}

static void records_follow_by_number_and_hash(void **state)
{
    const uint8_t none[SW_AUDIT_HASH_SIZE] = {0};
    uint8_t hashes[3][SW_AUDIT_HASH_SIZE];
    struct sw_buf bytes[3] = {encoded(1, none, hashes[0]), {0}, {0}};
    struct sw_audit_record records[3];

    (void)state;
    bytes[1] = encoded(2, hashes[0], hashes[1]);
    bytes[2] = encoded(2, none, hashes[2]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sw_audit_record_decode(sw_buf_span(&bytes[i]), &records[i]), SW_ERR_OK);
    }
    assert_true(sw_audit_follows(&records[0], &records[1]));
    assert_false(sw_audit_follows(&records[0], &records[2]));
    assert_false(sw_audit_follows(&records[1], &records[0]));
    assert_false(sw_audit_follows(&records[1], &records[1]));
    for (int i = 0; i < 3; i++) {
        sw_buf_release(&bytes[i]);
    }
}

/* BLAKE2b-256 of "abc", as the function's authors publish it. */
static void the_hash_is_the_published_one(void **state)
{
    static const uint8_t wanted[] = {0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72};
    uint8_t hash[SW_AUDIT_HASH_SIZE];

    (void)state;
    sw_crypto_digest(sw_span_str("a"), sw_span_str("bc"), hash, sizeof hash);
    assert_memory_equal(hash, wanted, sizeof wanted);
}

static void hostile_notes_do_not_decode(void **state)
{
    struct sw_audit_note note = note_of("transfer", "node 2");
    struct sw_buf out = {0};

    (void)state;
    sw_audit_note_encode(&note, &out);
    assert_int_equal(sw_audit_note_decode(sw_buf_span(&out), &note), SW_ERR_OK);
    for (size_t i = 0; i < out.size; i++) {
        assert_int_equal(sw_audit_note_decode(sw_span_of(out.data, i), &note), SW_ERR_MALFORMED);
    }
    out.data[out.size - 1] = '\n';
    assert_int_equal(sw_audit_note_decode(sw_buf_span(&out), &note), SW_ERR_MALFORMED);
    out.data[out.size - 1] = '2';
    sw_store_u32(out.data + 21, 0);
    assert_int_equal(sw_audit_note_decode(sw_buf_span(&out), &note), SW_ERR_MALFORMED);
    sw_buf_release(&out);
}

static void assert_target(struct sw_request request, const char *text)
{
    uint8_t out[SW_AUDIT_TARGET_SIZE_MAX];
    const struct sw_span target = sw_audit_target(&request, out);

    assert_true(sw_span_equal(target, sw_span_str(text)));
}

static void targets_are_words(void **state)
{
    static uint8_t long_key[SW_KEY_SIZE_MAX];
    uint8_t out[SW_AUDIT_TARGET_SIZE_MAX];
    struct sw_request request = {.op = SW_OP_SETTING_PUT,
                                 .partition = sw_span_str("quota"),
                                 .key = sw_span_str("acme notes")};

    (void)state;
    assert_target(request, "quota acme notes");
    request.key = sw_span_of(long_key, sizeof long_key);
    assert_int_equal(sw_audit_target(&request, out).size, SW_AUDIT_TARGET_SIZE_MAX);
    assert_int_equal(out[SW_AUDIT_TARGET_SIZE_MAX - 1], '?');
    assert_target((struct sw_request){.op = SW_OP_TRANSFER, .expected = 3}, "node 3");
    assert_target((struct sw_request){.op = SW_OP_RESTART}, "");
    assert_target((struct sw_request){.op = SW_OP_GET,
                                      .tenant = sw_span_str("acme"),
                                      .name_space = sw_span_str("n"),
                                      .partition = sw_span_str("p"),
                                      .key = sw_span_str("secret")},
                  "acme/n/p");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_back),
        cmocka_unit_test(every_flipped_byte_is_noticed),
        cmocka_unit_test(records_follow_by_number_and_hash),
        cmocka_unit_test(the_hash_is_the_published_one),
        cmocka_unit_test(hostile_notes_do_not_decode),
        cmocka_unit_test(targets_are_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
