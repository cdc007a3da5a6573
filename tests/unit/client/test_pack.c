/* Arrays of the public interface become what the protocol's own codec makes of the same things. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "client/pack.h"
#include "transport/txn.h"

static void a_transaction_arrives_as_it_was_given(void **state)
{
    const struct swarm_compare compare = {.target = SWARM_COMPARE_VALUE,
                                          .relation = SWARM_NOT_EQUAL,
                                          .key = swarm_str("k"),
                                          .value = swarm_str("v")};
    const struct swarm_txn_op ops[] = {
        {.kind = SWARM_TXN_PUT, .key = swarm_str("a"), .value = swarm_str("1")},
        {.kind = SWARM_TXN_MERGE,
         .flags = SWARM_TXN_PREVIOUS,
         .merge = SWARM_MERGE_MAX,
         .key = swarm_str("b"),
         .value = swarm_str("2")}};
    const struct swarm_txn_op other = {.kind = SWARM_TXN_DELETE, .key = swarm_str("a")};
    const struct swarm_txn txn = {.compares = &compare,
                                  .compare_count = 1,
                                  .then_ops = ops,
                                  .then_count = 2,
                                  .else_ops = &other,
                                  .else_count = 1};
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct sw_txn *got = calloc(1, sizeof *got);
    struct sw_buf out = {0};
    char why[SW_WHY_SIZE] = "";

    (void)state;
    request.op = SWARM_TXN;
    request.txn = &txn;
    assert_int_equal(sw_pack(&request, &out, why), SW_ERR_OK);
    assert_int_equal(sw_txn_validate(sw_buf_span(&out), why), SW_ERR_OK);
    assert_int_equal(sw_txn_decode(sw_buf_span(&out), got), SW_ERR_OK);
    assert_int_equal(got->compare_count, 1);
    assert_int_equal(got->compares[0].target, SW_COMPARE_VALUE);
    assert_int_equal(got->compares[0].relation, SW_RELATION_NOT_EQUAL);
    assert_true(sw_span_equal(got->compares[0].value, sw_span_str("v")));
    assert_int_equal(got->branches[SW_TXN_THEN].count, 2);
    assert_int_equal(got->branches[SW_TXN_THEN].ops[1].merge, SW_MERGE_MAX);
    assert_int_equal(got->branches[SW_TXN_THEN].ops[1].flags, SW_TXN_PREVIOUS);
    assert_int_equal(got->branches[SW_TXN_ELSE].ops[0].kind, SW_TXN_DELETE);
    sw_buf_release(&out);
    free(got);
}

static void keys_arrive_in_order(void **state)
{
    const struct swarm_slice keys[] = {swarm_str("b"), swarm_str("a")};
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct sw_buf out = {0};
    struct sw_reader in;
    char why[SW_WHY_SIZE] = "";

    (void)state;
    request.op = SWARM_MULTI_GET;
    request.keys = keys;
    request.key_count = 2;
    assert_int_equal(sw_pack(&request, &out, why), SW_ERR_OK);
    in = sw_reader_of(sw_buf_span(&out));
    assert_true(sw_span_equal(sw_keys_next(&in), sw_span_str("b")));
    assert_true(sw_span_equal(sw_keys_next(&in), sw_span_str("a")));
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    sw_buf_release(&out);
}

static void expect(const struct swarm_request *request, enum sw_err err, const char *why_part)
{
    struct sw_buf out = {0};
    char why[SW_WHY_SIZE] = "";

    assert_int_equal(sw_pack(request, &out, why), err);
    if (strstr(why, why_part) == NULL) {
        fail_msg("'%s' does not say '%s'", why, why_part);
    }
    sw_buf_release(&out);
}

static void what_cannot_be_encoded_is_refused(void **state)
{
    static char big[SW_VALUE_SIZE_MAX + 1];
    struct swarm_txn_op op = {.kind = SWARM_TXN_GET, .key = {big, SW_KEY_SIZE_MAX + 1}};
    struct swarm_compare compare = {.key = op.key};
    struct swarm_txn txn = {.then_ops = &op, .then_count = 1};
    struct swarm_request request = SWARM_INIT(struct swarm_request);

    (void)state;
    request.op = SWARM_TXN;
    expect(&request, SW_ERR_INVALID, "request.txn is not set");
    request.txn = &txn;
    expect(&request, SW_ERR_TOO_LARGE, "257 bytes");
    op = (struct swarm_txn_op){
        .kind = SWARM_TXN_PUT, .key = swarm_str("k"), .value = {big, sizeof big}};
    expect(&request, SW_ERR_TOO_LARGE, "bytes in one transaction");
    txn = (struct swarm_txn){.compares = &compare, .compare_count = 1};
    expect(&request, SW_ERR_TOO_LARGE, "257 bytes");
    txn.compare_count = SW_TXN_COMPARE_COUNT_MAX + 1;
    expect(&request, SW_ERR_TOO_LARGE, "too many compares");
    txn = (struct swarm_txn){.else_ops = &op, .else_count = SW_TXN_OP_COUNT_MAX + 1};
    expect(&request, SW_ERR_TOO_LARGE, "too many operations");
    request = SWARM_INIT(struct swarm_request);
    request.op = SWARM_MULTI_GET;
    request.key_count = SW_SCAN_COUNT_MAX + 1;
    expect(&request, SW_ERR_TOO_LARGE, "too many keys");
    request.keys = &compare.key;
    request.key_count = 1;
    expect(&request, SW_ERR_TOO_LARGE, "257 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_arrives_as_it_was_given),
        cmocka_unit_test(keys_arrive_in_order),
        cmocka_unit_test(what_cannot_be_encoded_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
