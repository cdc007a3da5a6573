/* A client with an identity in one tenant that wants into another: every operation, in every form
 * that is valid, about every tenant. It counts what it was given that it has no right to. */
#include <stdio.h>
#include <string.h>

#include "tests/adversarial/cases.h"
#include "transport/setting.h"
#include "transport/txn.h"

enum { HANDSHAKE_MS = 5000, FIELD_COUNT = 8, VALUE_COUNT = 5 };

/* What test_adversarial.py put where the client may not look. */
static const char marker[] = "top-secret-marker";
static const char own_tenant[] = "mine";

struct found {
    uint32_t asked, refused, given, leaked;
};

static bool has_marker(struct sw_span bytes)
{
    for (size_t i = 0; i + sizeof marker - 1 <= bytes.size; i++) {
        if (memcmp(bytes.data + i, marker, sizeof marker - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Values that one operation or another takes. */
static struct sw_span value_of(uint32_t which, struct sw_buf *made)
{
    const struct sw_txn_op get = {.kind = SW_TXN_GET, .key = sw_span_str("hidden")};
    const struct sw_span key = sw_span_str("hidden");

    sw_buf_clear(made);
    switch (which) {
    case 0:
        return sw_span_of(NULL, 0);
    case 1:
        sw_txn_header_encode(0, 1, 0, made);
        sw_txn_op_encode(&get, made);
        break;
    case 2:
        sw_keys_encode(&key, 1, made);
        break;
    case 3:
        sw_write_bytes(made, sw_span_str("0123456789abcdef"));
        break;
    default:
        sw_write_bytes(made, sw_span_str("right=rwa *\nid=00000000000000000000000000000001\n"));
    }
    return sw_buf_span(made);
}

/* `fields` says which are set. */
static struct sw_request form_of(enum sw_op op, uint32_t fields, const char *tenant)
{
    struct sw_request request = visitor_request(op, "hidden", "");

    request.value = sw_span_of(NULL, 0);
    request.tenant = sw_span_str(tenant);
    request.name_space = sw_tenant_is_reserved(request.tenant) ? sw_span_str(SW_SYSTEM_SETTINGS)
                                                               : request.name_space;
    request.partition = (fields & 1) != 0 ? sw_span_str("identity") : request.partition;
    if ((fields & 2) == 0) {
        request.key = sw_span_of(NULL, 0);
    }
    if ((fields & 4) == 0) {
        request.tenant = request.name_space = sw_span_of(NULL, 0);
    }
    if ((fields & 8) == 0) {
        request.partition = sw_span_of(NULL, 0);
    }
    request.limit = (fields & 16) != 0 ? 1000 : 0;
    request.lease = (fields & 32) != 0 ? 1 : 0;
    request.session.value = (fields & 64) != 0 ? 1 : 0;
    request.expected = (fields & 128) != 0 ? 1 : 0;
    request.timeout_ms = 400; /* watches end soon */
    return request;
}

/* What everybody with an identity may do. */
static bool is_for_all(enum sw_op op)
{
    return op == SW_OP_SESSION_OPEN || op == SW_OP_SESSION_CLOSE || op == SW_OP_STATUS ||
           op == SW_OP_MEMBER_LIST || op == SW_OP_OUTCOME;
}

static void ask(struct visitor *visitor, const struct sw_request *request, struct found *found)
{
    const bool own = sw_span_equal(request->tenant, sw_span_str(own_tenant));
    struct sw_reply reply = {0};
    const enum sw_err err = visitor_ask(visitor, request, &reply);

    found->asked++;
    found->refused += err == SW_ERR_UNAUTHORIZED ? 1 : 0;
    if (err == SW_ERR_DEADLINE) {
        return;
    }
    if ((err == SW_ERR_OK || err == SW_ERR_NOT_FOUND || err == SW_ERR_CONFLICT) && !own &&
        !is_for_all(request->op)) {
        fprintf(stderr, "%s was given: %s\n", sw_op_text(request->op), sw_err_name(err));
        found->given++;
    }
    if (has_marker(reply.records) || has_marker(reply.detail)) {
        found->leaked++;
    }
}

/* All forms of one operation that are valid. */
static void try_op(struct visitor *visitor, enum sw_op op, const char *tenant, struct found *found)
{
    struct sw_buf made = {0};
    char why[SW_WHY_SIZE];

    for (uint32_t fields = 0; fields < 1U << FIELD_COUNT; fields++) {
        for (uint32_t value = 0; value < VALUE_COUNT; value++) {
            struct sw_request request = form_of(op, fields, tenant);

            request.value = value_of(value, &made);
            if (sw_request_validate(&request, why) == SW_ERR_OK) {
                ask(visitor, &request, found);
            }
        }
    }
    sw_buf_release(&made);
}

void case_other_tenants(const struct visit *visit)
{
    static const char *const tenants[] = {"secret", SW_SYSTEM_TENANT, "*", own_tenant};
    struct found found = {0};
    struct visitor visitor;
    uint8_t refusal = 0;

    visitor_open(&visitor, visit);
    if (visitor_shake_hands(&visitor, HANDSHAKE_MS, &refusal) != WELCOME_SESSION) {
        visitor_fail("no session for an identity");
    }
    for (unsigned op = 1; op < SW_OP_COUNT; op++) {
        for (size_t i = 0; i < sizeof tenants / sizeof tenants[0]; i++) {
            try_op(&visitor, (enum sw_op)op, tenants[i], &found);
        }
    }
    printf("{\"asked\":%u,\"refused\":%u,\"given\":%u,\"leaked\":%u}\n",
           found.asked,
           found.refused,
           found.given,
           found.leaked);
    visitor_close(&visitor);
}
