/* Transactions and key lists survive the codec, have one encoding each, and are refused by name. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "base/prng.h"
#include "transport/txn.h"

static struct sw_txn *txn_new(void)
{
    struct sw_txn *txn = calloc(1, sizeof *txn);

    assert_non_null(txn);
    return txn;
}

static void txn_op(struct sw_txn *txn, int branch, struct sw_txn_op op)
{
    txn->branches[branch].ops[txn->branches[branch].count++] = op;
}

static struct sw_txn_op put(const char *key, const char *value)
{
    return (struct sw_txn_op){
        .kind = SW_TXN_PUT, .key = sw_span_str(key), .value = sw_span_str(value)};
}

static struct sw_txn *small_txn(void)
{
    struct sw_txn *txn = txn_new();

    txn->compare_count = 2;
    txn->compares[0] = (struct sw_compare){.target = SW_COMPARE_MOD_REVISION,
                                           .relation = SW_RELATION_EQUAL,
                                           .key = sw_span_str("a"),
                                           .number = 5};
    txn->compares[1] = (struct sw_compare){.target = SW_COMPARE_VALUE,
                                           .relation = SW_RELATION_LESS,
                                           .key = sw_span_str("b"),
                                           .value = sw_span_str("v")};
    txn_op(txn, SW_TXN_THEN, put("a", "1"));
    txn_op(txn,
           SW_TXN_THEN,
           (struct sw_txn_op){.kind = SW_TXN_MERGE,
                              .flags = SW_TXN_PREVIOUS,
                              .merge = SW_MERGE_ADD,
                              .key = sw_span_str("n"),
                              .value = sw_span_str("-3")});
    txn_op(txn, SW_TXN_ELSE, (struct sw_txn_op){.kind = SW_TXN_GET, .key = sw_span_str("a")});
    return txn;
}

/* The byte tables of docs/PROTOCOL.md, in bytes. */
static void bytes_are_as_documented(void **state)
{
    static const uint8_t bytes[] = {2, 0, 2, 0, 1,   0,                            /* counts */
                                    2, 1, 1, 0, 'a', 5, 0, 0, 0, 0,   0,   0,   0, /* compare */
                                    4, 3, 1, 0, 'b', 1, 0, 0, 0, 'v',              /* compare */
                                    1, 0, 1, 0, 'a', 1, 0, 0, 0, '1',              /* put */
                                    4, 1, 1, 0, 'n', 4, 2, 0, 0, 0,   '-', '3',    /* merge */
                                    2, 0, 1, 0, 'a'};                              /* get */
    struct sw_txn *txn = small_txn();
    struct sw_buf out = {0};
    char why[SW_WHY_SIZE];

    (void)state;
    sw_txn_encode(txn, &out);
    assert_int_equal(out.size, sizeof bytes);
    assert_memory_equal(out.data, bytes, sizeof bytes);
    assert_int_equal(sw_txn_validate(sw_buf_span(&out), why), SW_ERR_OK);
    for (size_t size = 0; size < sizeof bytes; size++) {
        assert_int_equal(sw_txn_validate(sw_span_of(bytes, size), why), SW_ERR_INVALID);
    }
    sw_buf_release(&out);
    free(txn);
}

/* One bit changed anywhere: refused, or other bytes that encode to themselves. */
static void what_decodes_encodes_to_the_same_bytes(void **state)
{
    struct sw_prng prng = sw_prng_of(3);
    struct sw_txn *txn = small_txn();
    struct sw_txn *got = txn_new();
    struct sw_buf out = {0};
    struct sw_buf again = {0};
    int decoded = 0;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        sw_buf_clear(&out);
        sw_txn_encode(txn, &out);
        out.data[sw_prng_below(&prng, out.size)] ^= (uint8_t)(1U << sw_prng_below(&prng, 8));
        if (sw_txn_decode(sw_buf_span(&out), got) == SW_ERR_OK) {
            sw_buf_clear(&again);
            sw_txn_encode(got, &again);
            assert_true(sw_span_equal(sw_buf_span(&again), sw_buf_span(&out)));
            decoded++;
        }
    }
    assert_true(decoded > 500);
    sw_buf_release(&out);
    sw_buf_release(&again);
    free(txn);
    free(got);
}

static void expect(struct sw_txn *txn, enum sw_err err, const char *why_part)
{
    struct sw_buf out = {0};
    char why[SW_WHY_SIZE] = "";

    sw_txn_encode(txn, &out);
    assert_int_equal(sw_txn_validate(sw_buf_span(&out), why), err);
    if (strstr(why, why_part) == NULL) {
        fail_msg("'%s' does not say '%s'", why, why_part);
    }
    sw_buf_release(&out);
    free(txn);
}

static void rules_are_told_by_name(void **state)
{
    static uint8_t big[SW_KEY_SIZE_MAX + 1];
    struct sw_txn *txn;

    (void)state;
    expect(txn_new(), SW_ERR_INVALID, "empty");
    txn = small_txn();
    txn->compares[1].key = sw_span_of(NULL, 0);
    expect(txn, SW_ERR_INVALID, "compare 2 names no key");
    txn = small_txn();
    txn->branches[SW_TXN_THEN].ops[0].key = sw_span_of(big, sizeof big);
    expect(txn, SW_ERR_TOO_LARGE, "the key of then 1 is 257 bytes");
    txn = small_txn();
    txn->branches[SW_TXN_THEN].ops[1].value = sw_span_str("three");
    expect(txn, SW_ERR_INVALID, "then operation 2: the operand of add");
    txn = small_txn();
    txn->branches[SW_TXN_ELSE].ops[0].flags = SW_TXN_PREVIOUS;
    expect(txn, SW_ERR_INVALID, "else operation 1 has flags 0x1");
    txn = small_txn();
    txn->branches[SW_TXN_THEN].ops[0].flags = 0x80;
    expect(txn, SW_ERR_INVALID, "flags 0x80");
}

/* One revision of a key is one value; reading it as often as one likes is fine. */
static void a_branch_writes_a_key_once(void **state)
{
    struct sw_txn *txn = small_txn();

    (void)state;
    txn_op(txn, SW_TXN_THEN, put("a", "2"));
    expect(txn, SW_ERR_INVALID, "the then operations write one key twice");
    txn = small_txn();
    txn_op(txn, SW_TXN_THEN, (struct sw_txn_op){.kind = SW_TXN_GET, .key = sw_span_str("a")});
    txn_op(txn, SW_TXN_ELSE, put("a", "2"));
    expect(txn, SW_ERR_OK, "");
    txn = small_txn();
    txn_op(txn, SW_TXN_ELSE, put("z", "2"));
    txn_op(txn, SW_TXN_ELSE, (struct sw_txn_op){.kind = SW_TXN_DELETE, .key = sw_span_str("z")});
    expect(txn, SW_ERR_INVALID, "the else operations write one key twice");
}

static void counts_have_limits(void **state)
{
    struct sw_buf out = {0};
    struct sw_txn *txn = txn_new();
    char why[SW_WHY_SIZE] = "";

    (void)state;
    sw_txn_header_encode(SW_TXN_COMPARE_COUNT_MAX + 1, 0, 0, &out);
    assert_int_equal(sw_txn_validate(sw_buf_span(&out), why), SW_ERR_TOO_LARGE);
    sw_buf_clear(&out);
    sw_txn_header_encode(0, 0, SW_TXN_OP_COUNT_MAX + 1, &out);
    assert_int_equal(sw_txn_validate(sw_buf_span(&out), why), SW_ERR_TOO_LARGE);
    assert_non_null(strstr(why, "128"));
    for (int i = 0; i < SW_TXN_OP_COUNT_MAX; i++) {
        txn_op(txn, SW_TXN_THEN, (struct sw_txn_op){.kind = SW_TXN_GET, .key = sw_span_str("k")});
    }
    assert_true(sw_txn_reads_only(txn));
    expect(txn, SW_ERR_OK, "");
    sw_buf_release(&out);
    txn = small_txn();
    assert_false(sw_txn_reads_only(txn));
    free(txn);
}

static void lists_of_keys_survive_and_have_limits(void **state)
{
    const struct sw_span keys[] = {sw_span_str("a"), sw_span_str("bb")};
    struct sw_buf out = {0};
    struct sw_reader in;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_int_equal(sw_keys_validate(sw_span_of(NULL, 0), why), SW_ERR_INVALID);
    sw_keys_encode(keys, 2, &out);
    assert_int_equal(sw_keys_validate(sw_buf_span(&out), why), SW_ERR_OK);
    in = sw_reader_of(sw_buf_span(&out));
    assert_true(sw_span_equal(sw_keys_next(&in), keys[0]));
    assert_true(sw_span_equal(sw_keys_next(&in), keys[1]));
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    for (size_t size = 1; size < out.size; size++) {
        if (size != 3) { /* one whole key */
            assert_int_equal(sw_keys_validate(sw_span_of(out.data, size), why), SW_ERR_INVALID);
        }
    }
    for (int i = 2; i < SW_SCAN_COUNT_MAX; i++) {
        sw_keys_encode(keys, 1, &out);
    }
    assert_int_equal(sw_keys_validate(sw_buf_span(&out), why), SW_ERR_OK);
    sw_keys_encode(keys, 1, &out);
    assert_int_equal(sw_keys_validate(sw_buf_span(&out), why), SW_ERR_TOO_LARGE);
    sw_buf_clear(&out);
    sw_write_u16(&out, 0);
    assert_int_equal(sw_keys_validate(sw_buf_span(&out), why), SW_ERR_INVALID);
    sw_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_as_documented),
        cmocka_unit_test(what_decodes_encodes_to_the_same_bytes),
        cmocka_unit_test(rules_are_told_by_name),
        cmocka_unit_test(a_branch_writes_a_key_once),
        cmocka_unit_test(counts_have_limits),
        cmocka_unit_test(lists_of_keys_survive_and_have_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
