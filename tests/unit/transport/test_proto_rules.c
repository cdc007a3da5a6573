/* Proves that validation names the field that is wrong and its limit. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "transport/proto.h"
#include "transport/txn.h"

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

static void expect_invalid(struct sw_request request, enum sw_err err, const char *why_part)
{
    char why[SW_WHY_SIZE] = "";

    assert_int_equal(sw_request_validate(&request, why), err);
    if (strstr(why, why_part) == NULL) {
        fail_msg("'%s' does not say '%s'", why, why_part);
    }
}

static void validate_accepts_each_op_in_its_plain_form(void **state)
{
    struct sw_request request = put_request();
    char why[SW_WHY_SIZE];

    (void)state;
    assert_int_equal(sw_request_validate(&request, why), SW_ERR_OK);
    request.op = SW_OP_CAS;
    request.expected = 3;
    assert_int_equal(sw_request_validate(&request, why), SW_ERR_OK);
    request.expected = 0;
    request.op = SW_OP_DELETE;
    request.value = sw_span_of(NULL, 0);
    assert_int_equal(sw_request_validate(&request, why), SW_ERR_OK);
    request.op = SW_OP_EXPERIENCE_APPEND;
    request.key = sw_span_of(NULL, 0);
    assert_int_equal(sw_request_validate(&request, why), SW_ERR_OK);
    request.op = SW_OP_SCAN;
    request.session.value = request.seq = request.acked = 0;
    request.flags = SW_REQUEST_REVERSE | SW_REQUEST_KEYS_ONLY;
    request.limit = SW_SCAN_COUNT_MAX;
    assert_int_equal(sw_request_validate(&request, why), SW_ERR_OK);
    request = (struct sw_request){.op = SW_OP_SESSION_OPEN,
                                  .value = sw_span_str("0123456789abcdef"),
                                  .limit = SW_SESSION_TTL_MS_MIN};
    assert_int_equal(sw_request_validate(&request, why), SW_ERR_OK);
    request = (struct sw_request){.op = SW_OP_STATUS};
    assert_int_equal(sw_request_validate(&request, why), SW_ERR_OK);
    request = (struct sw_request){.op = SW_OP_TRANSFER, .expected = 2};
    assert_int_equal(sw_request_validate(&request, why), SW_ERR_OK);
}

static void validate_names_the_field_and_its_limit(void **state)
{
    static uint8_t big[SW_VALUE_SIZE_MAX + 1];
    struct sw_request request = put_request();

    (void)state;
    memset(big, 'x', sizeof big);
    request.key = sw_span_of(big, SW_KEY_SIZE_MAX + 1);
    expect_invalid(request, SW_ERR_TOO_LARGE, "key is 257 bytes, the limit is 256");
    request = put_request();
    request.value = sw_span_of(big, SW_VALUE_SIZE_MAX + 1);
    expect_invalid(request, SW_ERR_TOO_LARGE, "value is 1048577 bytes, the limit is 1048576");
    request.value = sw_span_of(big, SW_VALUE_SIZE_MAX);
    assert_int_equal(sw_request_validate(&request, (char[SW_WHY_SIZE]){0}), SW_ERR_OK);
    request.op = SW_OP_EXPERIENCE_APPEND;
    request.key = sw_span_of(NULL, 0);
    expect_invalid(request, SW_ERR_TOO_LARGE, "the limit is 262144");
    request = put_request();
    request.tenant = sw_span_of(big, SW_TENANT_SIZE_MAX + 1);
    expect_invalid(request, SW_ERR_TOO_LARGE, "tenant is 33 bytes");
    request = put_request();
    request.partition = sw_span_str("a b");
    expect_invalid(request, SW_ERR_INVALID, "partition has byte 0x20 at 1");
    request = put_request();
    request.name_space = sw_span_of(NULL, 0);
    expect_invalid(request, SW_ERR_INVALID, "put needs a namespace");
    request = put_request();
    request.end_key = sw_span_str("x");
    expect_invalid(request, SW_ERR_INVALID, "put takes no end key");
}

static void validate_checks_sessions_and_pages(void **state)
{
    struct sw_request request = put_request();

    (void)state;
    request.seq = 0;
    expect_invalid(request, SW_ERR_INVALID, "go together");
    request = put_request();
    request.acked = request.seq;
    expect_invalid(request, SW_ERR_INVALID, "below seq");
    request = put_request();
    request.seq = request.acked + SW_SESSION_REPLY_COUNT_MAX + 1;
    expect_invalid(request, SW_ERR_INVALID, "4096 ahead");
    request = put_request();
    request.op = SW_OP_SCAN;
    expect_invalid(request, SW_ERR_INVALID, "scan takes no session");
    request = put_request();
    request.op = SW_OP_SCAN;
    request.session.value = request.seq = request.acked = 0;
    request.value = sw_span_of(NULL, 0);
    request.limit = SW_SCAN_COUNT_MAX + 1;
    expect_invalid(request, SW_ERR_INVALID, "limit is 4097");
    request.limit = 0;
    request.flags = SW_REQUEST_REVERSE | SW_REQUEST_PREVIOUS;
    expect_invalid(request, SW_ERR_INVALID, "scan does not know flags 0x4");
    request = (struct sw_request){.op = SW_OP_SESSION_OPEN, .value = sw_span_str("short")};
    expect_invalid(request, SW_ERR_INVALID, "16 random bytes");
    request.value = sw_span_str("0123456789abcdef");
    request.limit = 1;
    expect_invalid(request, SW_ERR_INVALID, "ttl is 1 ms");
}

/* What travels inside the value is checked with the rest. */
static void validate_looks_into_transactions_and_key_lists(void **state)
{
    struct sw_request request = put_request();
    struct sw_buf value = {0};

    (void)state;
    sw_txn_header_encode(0, 1, 0, &value);
    sw_txn_op_encode(&(struct sw_txn_op){.kind = SW_TXN_GET, .key = sw_span_str("k")}, &value);
    request.op = SW_OP_TXN;
    request.key = sw_span_of(NULL, 0);
    request.value = sw_buf_span(&value);
    assert_int_equal(sw_request_validate(&request, (char[SW_WHY_SIZE]){0}), SW_ERR_OK);
    request.value.size--;
    expect_invalid(request, SW_ERR_INVALID, "the transaction does not decode");
    request = put_request();
    request.op = SW_OP_MULTI_GET;
    request.key = sw_span_of(NULL, 0);
    request.session.value = request.seq = request.acked = 0;
    expect_invalid(request, SW_ERR_INVALID, "the list of keys does not decode");
    sw_buf_clear(&value);
    sw_keys_encode(&(struct sw_span){.data = (const uint8_t *)"k", .size = 1}, 1, &value);
    request.value = sw_buf_span(&value);
    assert_int_equal(sw_request_validate(&request, (char[SW_WHY_SIZE]){0}), SW_ERR_OK);
    request.flags = SW_REQUEST_KEYS_ONLY;
    assert_int_equal(sw_request_validate(&request, (char[SW_WHY_SIZE]){0}), SW_ERR_OK);
    request.flags = SW_REQUEST_REVERSE;
    expect_invalid(request, SW_ERR_INVALID, "multi-get does not know flags 0x1");
    sw_buf_release(&value);
}

static void writes_are_the_ops_that_change_state(void **state)
{
    (void)state;
    assert_true(sw_op_is_write(SW_OP_PUT));
    assert_true(sw_op_is_write(SW_OP_SESSION_OPEN));
    assert_false(sw_op_is_write(SW_OP_GET));
    assert_false(sw_op_is_write(SW_OP_STATUS));
    assert_false(sw_op_is_write(SW_OP_COUNT));
    assert_false(sw_op_is_write((enum sw_op)0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validate_accepts_each_op_in_its_plain_form),
        cmocka_unit_test(validate_names_the_field_and_its_limit),
        cmocka_unit_test(validate_checks_sessions_and_pages),
        cmocka_unit_test(validate_looks_into_transactions_and_key_lists),
        cmocka_unit_test(writes_are_the_ops_that_change_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
